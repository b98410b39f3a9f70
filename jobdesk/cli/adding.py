"""``add`` and ``edit``: what needs to know a type's parameters, and so the desk."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from jobdesk.cli.session import (
    Session,
    job_argument,
    json_option,
    print_json,
    queue_argument,
    reveal_option,
)
from jobdesk.cli.spans import SPAN
from jobdesk.errors import (
    BadInput,
    InvalidBackoff,
    InvalidJobData,
    JobActive,
    JobFailed,
    JobNotFound,
)
from jobdesk.models import Backoff, JobOptions, JobSpec, JobState, check_job_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobdesk.engine.handle import JobHandle


F = TypeVar("F", bound="Callable[..., Any]")


def _data_option(what: str) -> Callable[[F], F]:
    return click.option("--data", metavar="JSON|@FILE|-", help=what)


_EXAMPLES = """\b
Examples:
  jobdesk add cleanup temp-files --data '{"maxAgeHours": 24}'
  jobdesk add pdf invoice --data @invoice.json --priority 1 --wait
"""


@click.command(epilog=_EXAMPLES)
@queue_argument()
@click.argument("type_", metavar="TYPE")
@_data_option("The job's data, a JSON object: written here, in a file, or on stdin (-).")
@click.option("--priority", type=int, metavar="N", help="1 runs first, 10 last; none after 10.")
@click.option("--delay", type=SPAN, metavar="SPAN", help="Run it after so long.")
@click.option("--attempts", type=int, metavar="N", help="How often it is tried, 1 to 100.")
@click.option(
    "--backoff", metavar="KIND:SPAN", help="Rest between attempts: fixed:10s or exponential:2s."
)
@click.option("--timeout", type=SPAN, metavar="SPAN", help="How long a run may take.")
@click.option("--job-id", metavar="ID", help="An id of your own; a job that has it is not doubled.")
@click.option("--origin", metavar="ID", help="The job of this queue that it was made from.")
@click.option("--wait", is_flag=True, help="Wait for its end and print its result.")
@click.option("--wait-timeout", type=SPAN, metavar="SPAN", help="Wait no longer than this.")
@json_option
@reveal_option
def add(  # noqa: PLR0917  # click passes them by name
    queue: str,
    type_: str,
    data: str | None,
    priority: int | None,
    delay: float | None,
    attempts: int | None,
    backoff: str | None,
    timeout: float | None,
    job_id: str | None,
    origin: str | None,
    wait: bool,
    wait_timeout: float | None,
    as_json: bool,
    reveal: bool,
) -> None:
    """Add a job of TYPE to QUEUE.

    The data is checked as the task wants it; where it does not fit, nothing is added. What is not
    given is the type's default. A SPAN is in seconds, or as 30s, 10m, 24h, 2d. With --wait the exit
    code is 1 when the job fails.
    """
    session = Session(as_json=as_json, reveal=reveal)
    values = read_data(data) if data is not None else {}
    options = JobOptions(
        priority=priority,
        delay=delay,
        attempts=attempts,
        backoff=None if backoff is None else read_backoff(backoff),
        timeout=timeout,
        job_id=job_id,
    )
    given = {
        name: value
        for name in JobOptions.__slots__
        if (value := getattr(options, name)) is not None
    }
    if origin is None:
        handle = session.desk.add_job(queue, type_, values, **given)
    else:
        from jobdesk.engine import adding

        spec = JobSpec(type_, values)
        made_from = check_job_id(origin)
        handle = adding.add(session.desk.catalog, queue, spec, given, origin=made_from)
    if handle.in_place:
        _tell_end(session, queue, handle.id, "completed", handle.wait(), inPlace=True)
    elif wait or wait_timeout is not None:
        if not as_json:
            click.echo(_added_line(queue, handle), err=True)
        _await(session, queue, handle.id, wait_timeout)
    elif as_json:
        shape = _added(session, queue, type_, handle, values, options)
        print_json({"success": True, "data": shape})
    else:
        session.say(_added_line(queue, handle))


@click.command()
@queue_argument()
@job_argument
@_data_option("The new data. Without this, $EDITOR opens with the present data.")
@json_option
def edit(queue: str, job_id: str, data: str | None, as_json: bool) -> None:
    """Replace the data of the job ID of QUEUE, which must not run.

    A failed job can be edited and then retried. The editor shows everything, secrets too.
    """
    session = Session(as_json=as_json)
    session.queue(queue)
    if data is None:
        values = _edited(session, queue, job_id)
        if values is None:
            session.done(
                f"job {job_id} of queue {queue} is as it was",
                {"queueName": queue, "jobId": job_id, "changed": False},
            )
            return
    else:
        values = read_data(data)
    session.desk.update_job_data(queue, job_id, values)
    session.done(
        f"job {job_id} of queue {queue} has new data",
        {"queueName": queue, "jobId": job_id, "changed": True},
    )


def read_data(text: str) -> dict[str, Any]:
    """A job's data from JSON, ``@FILE`` or ``-`` (stdin)."""
    where = "--data"
    if text == "-":
        text, where = sys.stdin.read(), "stdin"
    elif text.startswith("@"):
        where = text[1:]
        try:
            text = Path(where).read_text(encoding="utf-8")
        except OSError as exc:
            raise BadInput(f"cannot read {where}: {exc.strerror}") from None
        except UnicodeDecodeError:
            raise InvalidJobData(f"{where} is not UTF-8 text") from None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InvalidJobData(f"{where} is not JSON: {exc}") from None
    if not isinstance(values, dict):
        raise InvalidJobData(f'{where} must be a JSON object, as {{"to": "a@example.com"}}')
    return values


def read_backoff(text: str) -> Backoff:
    """A backoff as ``fixed:10`` or ``exponential:2s``."""
    kind, _, rest = text.partition(":")
    try:
        delay = SPAN.convert(rest, None, None)
    except click.BadParameter:
        raise InvalidBackoff(
            f"backoff reads kind:span, as fixed:10s or exponential:2s, got {text!r}"
        ) from None
    return Backoff.parse({"type": kind, "delay": delay})


def _added(  # noqa: PLR0917  # all that is known of the job
    session: Session,
    queue: str,
    type_: str,
    handle: JobHandle,
    values: dict[str, Any],
    options: JobOptions,
) -> dict[str, Any]:
    """The job as it was stored, defaults and all; as it was given where it is gone already."""
    from jobdesk.cli import shapes

    shape: dict[str, Any] = {"jobId": handle.id, "queueName": queue, "type": type_}
    try:
        job = session.inspector.job(queue, handle.id)
    except JobNotFound:
        shape |= {"data": session.redacted(values), "options": shapes.options(options)}
    else:
        shape |= {"data": session.redacted(job.data), "options": shapes.job_options(job)}
    return shape | {"duplicate": True} if handle.duplicate else shape


def _added_line(queue: str, handle: JobHandle) -> str:
    if handle.duplicate:
        return f"job {handle.id} is in queue {queue} already; nothing was added"
    return f"job {handle.id} is added to queue {queue}"


def _await(session: Session, queue: str, job_id: str, timeout: float | None) -> None:
    """Wait for the job's end and print its result; its error is raised."""
    from jobdesk.broker.events import wait_for_end
    from jobdesk.broker.records import json_value

    ending = wait_for_end(session.broker, queue, job_id, timeout)
    if ending.state is JobState.FAILED:
        raise JobFailed(f"job {job_id} of queue {queue} failed: {ending.error}", error=ending.error)
    _tell_end(session, queue, job_id, ending.state.value, json_value(ending.result))


def _tell_end(
    session: Session, queue: str, job_id: str, state: str, result: Any, **more: Any
) -> None:
    """Print how a job ended: its result alone, or with --json what it was the result of."""
    shown = session.redacted(result)
    if session.as_json:
        shape = {"jobId": job_id, "queueName": queue, "state": state, "returnValue": shown, **more}
        print_json({"success": True, "data": shape})
    else:
        session.say(json.dumps(shown, ensure_ascii=False, indent=2, default=str))


def _edited(session: Session, queue: str, job_id: str) -> dict[str, Any] | None:
    """What the editor made of the job's data; None when it is the same."""
    job = session.inspector.job(queue, job_id)
    if job.state is JobState.ACTIVE:
        raise JobActive(f"cannot edit job {job_id} while it runs (worker {job.worker})")
    before = json.dumps(job.data, ensure_ascii=False, indent=2) + "\n"
    after = click.edit(before, extension=".json")
    if after is None or after == before:
        return None
    return read_data(after)
