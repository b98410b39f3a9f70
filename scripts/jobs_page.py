"""Writes docs/jobs.md: every type of the six queues, as its model, its queue and its facts say.

    .venv/bin/python -m scripts.jobs_page          writes the page
    .venv/bin/python -m scripts.jobs_page --check  exits 1 where the page is not what it would write

Fields, limits and defaults come from the models that check the data, priorities and times from the
queues, and the text behind ``#:`` in the source is a field's meaning. What no model can say (what
comes back, how it fails, what must be set) is in jobs_facts.toml, one entry a type.
"""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobdesk.engine import schedules
from jobdesk.jobdata import JobData
from jobdesk.tasks import QUEUES

if TYPE_CHECKING:
    from jobdesk.engine.queue import Queue
    from jobdesk.models import Backoff, JobOptions

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "jobs.md"
FACTS = Path(__file__).with_name("jobs_facts.toml")

INTRODUCTION = """\
# Jobs

Every type of the six queues: what its data may say, what comes back, how it fails, and what must be
set. This page is written from the models by `python -m scripts.jobs_page`; do not edit it.

Names are the original's, in camel case; `snake_case` is accepted too. **A name that is not listed
is refused** when the job is added, with the field's path, and nothing is queued (`InvalidJobData`).
Fields in bold are required. Where a type is an object, its fields are in a table of its own.

A job fails for good at once with `PermanentError` (it will never work: the provider refused it) or
`NotConfigured` (a setting is missing; the error names it). `TransientError` is tried again, after
the time that the service asked for; `OutcomeUnknown` (the request left, no answer came) is tried
again only where the second try can do no harm. Each type can also end with `JobTimeout` and
`JobCancelled`. With `JOBDESK_DELIVERY=outbox` mails, pushes and SMS are written to files, and need
no account. What each setting is stands in [settings.md](settings.md).
"""


def page() -> str:
    """The whole page."""
    facts = tomllib.loads(FACTS.read_text("utf-8"))
    parts = [INTRODUCTION]
    for name in QUEUES:
        queue: Queue = import_module(f"jobdesk.tasks.{name}").queue
        parts.append(_queue(queue, facts[name]))
    return "\n".join(parts)


def _queue(queue: Queue, facts: dict[str, Any]) -> str:
    lines = [f"## {queue.name}", "", facts["about"], ""]
    lines += ["| type | priority | attempts | backoff | time |", "|---|---|---|---|---|"]
    for name, task in queue.types.items():
        lines.append(f"| [`{name}`](#{queue.name}{name}) | {_options(task.job_defaults)} |")
    lines.append("")
    crontabs = {one["type"]: one["crontab"] for one in schedules.described(queue).values()}
    definitions: dict[str, Any] = {}
    for name, task in queue.types.items():
        schema = task.signature.schema()
        definitions |= schema.get("$defs", {})
        lines += [f"### {queue.name}:{name}", ""]
        lines += [_sentence(inspect.cleandoc(task.__doc__ or "")), ""]
        if crontab := crontabs.get(name):
            lines += [f"Also by the clock: `{crontab}`.", ""]
        described = schema.get("description", "")
        if described:
            lines += [_text(described), ""]
        lines += _table(schema)
        lines += _facts(facts_of(facts, name))
    used = {name: shape for name, shape in definitions.items() if "properties" in shape}
    if used:
        lines += [f"### Objects of {queue.name}", ""]
    for name, shape in sorted(used.items()):
        lines += [f"**{name}.** {_text(shape.get('description', ''))}".strip(), "", *_table(shape)]
    return "\n".join(lines)


def _options(options: JobOptions) -> str:
    backoff: Backoff = options.backoff
    seconds = options.timeout
    time = "none" if seconds is None else _span(float(seconds))  # type: ignore[arg-type]  # no span
    return (
        f"{options.priority} | {options.attempts} | "
        f"{backoff.kind} from {_span(backoff.delay_ms / 1000)} | {time}"
    )


def _span(seconds: float) -> str:
    if seconds >= 3600 and seconds % 3600 == 0:
        return f"{seconds / 3600:g} h"
    if seconds > 60 and seconds % 60 == 0:
        return f"{seconds / 60:g} min"
    return f"{seconds:g} s"


def facts_of(queue_facts: dict[str, Any], name: str) -> dict[str, Any]:
    """What is said of a type, over what is said of its queue."""
    own = queue_facts["types"].get(name, {})
    return {
        **own,
        "result": own.get("result", queue_facts.get("result", {})),
        "errors": {**queue_facts.get("errors", {}), **own.get("errors", {})},
    }


def _facts(facts: dict[str, Any]) -> list[str]:
    lines = []
    if result := facts.get("result"):
        lines += [
            "Result:",
            "",
            *(f"* `{key}`{what and chr(58) + chr(32)}{what}" for key, what in result.items()),
            "",
        ]
    errors = [f"* `{error}`: {when}" for error, when in facts.get("errors", {}).items()]
    if errors:
        lines += ["Fails with:", "", *errors, ""]
    names = [f"`{name}`" for name in facts.get("settings", ())]
    told = " ".join(filter(None, [", ".join(names) + "." if names else "", facts.get("needs")]))
    return [*lines, f"Needs: {told or 'nothing.'}", ""]


# --- fields -------------------------------------------------------------------------------------


def _table(schema: dict[str, Any]) -> list[str]:
    properties: dict[str, Any] = schema.get("properties", {})
    if not properties:
        return ["No data.", ""]
    meanings, required = _meanings(schema), set(schema.get("required", ()))
    lines = ["| field | type | default | |", "|---|---|---|---|"]
    for name, shape in properties.items():
        shown = f"**`{name}`**" if name in required else f"`{name}`"
        default = "" if name in required else _default(shape)
        lines.append(f"| {shown} | {_type(shape)} | {default} | {meanings.get(name, '')} |")
    return [*lines, ""]


def _type(shape: dict[str, Any]) -> str:
    if "$ref" in shape:
        return str(shape["$ref"].rpartition("/")[2])
    for several in ("anyOf", "oneOf"):
        if several in shape:
            kinds = dict.fromkeys(_type(one) for one in shape[several] if one != {"type": "null"})
            if "number" in " ".join(kinds) and "text" in kinds and len(kinds) == 2:
                kinds = dict.fromkeys(k for k in kinds if k != "text")  # digits in quotes will do
            kinds.pop("whole number" if "number" in kinds else "", None)
            return " or ".join(kinds)
    if "const" in shape:
        return f"`{shape['const']}`"
    if "enum" in shape:
        return ", ".join(f"`{one}`" for one in shape["enum"])
    kind = shape.get("type", "anything")
    if kind == "string":
        return _string(shape)
    if kind in {"number", "integer"}:
        return ("whole number" if kind == "integer" else "number") + _bounds(shape)
    if kind == "array":
        return f"list of {_type(shape.get('items', {}))}{_bounds(shape, 'minItems', 'maxItems')}"
    if kind == "object":
        return "object"
    return "yes or no" if kind == "boolean" else str(kind)


def _string(shape: dict[str, Any]) -> str:
    formats = {"date": "day", "date-time": "instant", "time": "time", "uri": "address"}
    if shape.get("format") in formats:
        return formats[shape["format"]]
    pattern = shape.get("pattern", "")
    if 0 < len(pattern) <= 40:
        return "text like `" + pattern.strip("^$").replace("|", "\\|") + "`"
    longest = shape.get("maxLength")
    return "text" if longest is None else f"text of up to {longest:,}"


def _bounds(shape: dict[str, Any], lowest: str = "minimum", highest: str = "maximum") -> str:
    low = shape.get(lowest)
    high = shape.get(highest)
    above, below = shape.get("exclusiveMinimum"), shape.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f", {_figure(low)} to {_figure(high)}"
    words = []
    if low is not None:
        words.append(f"{_figure(low)} or more")
    if above is not None:
        words.append(f"above {_figure(above)}")
    if high is not None:
        words.append(f"up to {_figure(high)}")
    if below is not None:
        words.append(f"below {_figure(below)}")
    return f", {', '.join(words)}" if words else ""


def _figure(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else str(value)


def _default(shape: dict[str, Any]) -> str:
    default = shape.get("default")
    if default in (None, [], {}, "") or isinstance(default, dict):
        return ""
    shown = str(default).lower() if isinstance(default, bool) else default
    return f"`{shown}`"


def _meanings(schema: dict[str, Any]) -> dict[str, str]:
    """What the source says of each field, for the model that has exactly these fields."""
    for model in _models(JobData):
        names = {field.alias or name for name, field in model.model_fields.items()}
        if names == set(schema.get("properties", ())) and model.__name__ == schema.get("title"):
            return _comments(model)
    return {}


def _models(base: type[JobData]) -> Iterator[type[JobData]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


def _comments(model: type[JobData]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if one is JobData or not issubclass(one, JobData):
            continue
        comment: list[str] = []
        for line in map(str.strip, inspect.getsource(one).splitlines()):
            if line.startswith("#:"):
                comment.append(line.removeprefix("#:").strip())
                continue
            field = re.match(r"(\w+):", line)
            if comment and field and field[1] in model.model_fields:
                alias = model.model_fields[field[1]].alias or field[1]
                found[alias] = " ".join(comment).replace("|", "\\|")
            comment = []
    return found


def _text(doc: str) -> str:
    """A docstring as Markdown: one paragraph, one kind of quote."""
    return re.sub(r"\s*\n\s*", " ", inspect.cleandoc(doc)).replace("``", "`")


def _sentence(doc: str) -> str:
    return _text(doc.partition("\n\n")[0])


def main() -> None:
    """Write the page, or compare it."""
    written = page()
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text("utf-8") != written:
            sys.exit("docs/jobs.md is not what the models say: run python -m scripts.jobs_page")
        return
    PAGE.write_text(written, "utf-8")


if __name__ == "__main__":
    main()
