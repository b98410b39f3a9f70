"""What the tabs of a job's screen say, line by line. Pure: a job in, lines with tones out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobdesk.models import Attempt, Backoff, Job, JobState
from jobdesk.redaction import redact
from jobdesk.safetext import safe_line, safe_text
from jobdesk.tui.text import jsons as jsontext
from jobdesk.tui.text import spans, tracebacks
from jobdesk.tui.text.glyphs import TONES, Glyphs, look_of

if TYPE_CHECKING:
    from jobdesk.tui.text.jsons import Line

TABS = ("Summary", "Data", "Result", "Error", "Attempts", "Log")
LABEL = 11
_OUTCOMES = {"completed": "success", "active": "active", "retrying": "warning",
             "stalled": "warning", "released": "muted"}  # fmt: skip


def labels(job: Job | None, log_lines: int) -> tuple[str, ...]:
    """What the tabs are called, with how much there is."""
    if job is None:
        return TABS
    runs = len(job.history)
    log = f"{len(job.log)}{'+' if len(job.log) >= log_lines else ''}"
    return (
        "Summary", "Data", "Result", "Error" if not job.failed_reason else "Error 1",
        f"Attempts {runs}" if runs else "Attempts", f"Log {log}" if job.log else "Log",
    )  # fmt: skip


def summary(job: Job, now_ms: int, glyphs: Glyphs, width: int) -> list[Line]:
    """All that is known of it beside its big values, and how its time went."""
    made = _facts(job, now_ms, glyphs)
    if job.failed_reason:
        first = job.failed_reason.splitlines()[0]
        made += [(), (("error      ", "muted"), (safe_line(first, 400), "error"))]
    made += _lineage(job)
    made += [(), (("timeline", "strong"),), *_timeline(job, now_ms, glyphs, width)]
    return made


def _facts(job: Job, now_ms: int, glyphs: Glyphs) -> list[Line]:
    tries = job.attempts_made + (job.state is JobState.ACTIVE)
    word = look_of(job)
    options = job.options
    ends = [f"tries {tries} of {job.attempts}"]
    if job.stalled:
        ends.append(f"stalled {job.stalled}")
    if job.generation:
        ends.append(f"run again {job.generation}")
    made: list[Line] = [
        _fact("state", f"{glyphs.states[word]} {word}", TONES[word]),
        _fact("type", job.type, "strong"),
        _fact("queue", job.queue),
        _fact("priority", "none" if job.priority is None else str(job.priority)),
        _fact("attempts", "   ".join(ends)),
    ]
    if isinstance(options.backoff, Backoff):
        rest = f"{options.backoff.kind}, {spans.span(options.backoff.delay_ms)}"
        made.append(_fact("backoff", rest))
    if options.timeout:
        made.append(_fact("timeout", spans.span(float(_seconds(options.timeout)) * 1000)))
    made.append(_fact("added", _moment(job.added_ms, now_ms)))
    if job.state is JobState.DELAYED and job.run_at_ms:
        left = spans.until(job.run_at_ms - now_ms)
        made.append(_fact("runs", f"{spans.clock(job.run_at_ms)}  {left}"))
    if job.started_ms and job.state not in (JobState.WAITING, JobState.DELAYED):
        waited = job.started_ms - job.added_ms
        end = job.finished_ms or now_ms
        made += [
            _fact("started", f"{_moment(job.started_ms, now_ms)}   waited {spans.span(waited)}"),
            _fact("ran", spans.span(end - job.started_ms)),
        ]
    if job.worker:
        made.append(_fact("worker", job.worker))
    if job.lease_ms is not None:
        made.append(_fact("lease", f"ends {spans.until(job.lease_ms - now_ms)}"))
    if job.progress not in (None, 0, ""):
        made.append(_fact("progress", _progress(job.progress, glyphs), "active"))
    return made


def _lineage(job: Job) -> list[Line]:
    """Where it comes from, and what comes after it."""
    made: list[Line] = []
    if job.origin:
        made.append(_fact("made from", job.origin))
    if job.generation:
        times = "once" if job.generation == 1 else f"{job.generation} times"
        made.append(_fact("retried", f"{times} by hand, its history is kept"))
    for when, queue, kind, job_id in job.followers:
        word = "then" if when == "then" else "on error"
        made.append(_fact(word, f"{queue} {kind} {job_id}"))
    return [(), (("lineage", "strong"),), *made] if made else []


def _timeline(job: Job, now_ms: int, glyphs: Glyphs, width: int) -> list[Line]:
    """The waits and the runs, each as long as it took."""
    steps: list[tuple[str, str, int, int]] = []
    at = job.added_ms
    for one in job.history:
        if one.started_ms is None:
            continue
        steps.append(("waited", "muted", at, max(at, one.started_ms)))
        end = one.ended_ms or now_ms
        tone = _OUTCOMES.get(one.outcome, "error")
        steps.append((f"run {one.number}", tone, one.started_ms, max(one.started_ms, end)))
        at = max(at, end)
    if job.state in (JobState.WAITING, JobState.DELAYED):
        steps.append(("waits", "muted", at, max(at, now_ms)))
    if not steps:
        return [(("  nothing has happened yet", "muted"),)]
    first, last = steps[0][2], max(end for *_, end in steps)
    whole = max(1, last - first)
    room = max(10, min(60, width - 34))
    made: list[Line] = []
    for word, tone, begun, ended in steps:
        start = min(room - 1, round((begun - first) / whole * room))
        stop = min(room, round((ended - first) / whole * room))
        long = max(1, stop - start)
        bar = (glyphs.rest if tone == "muted" else glyphs.block) * long
        made.append((
            (f"  {spans.clock(begun)}  {word:<8}", "muted"),
            (" " * start + bar + " " * (room - start - long), tone),
            (f"  {spans.span(ended - begun):>8}", "plain"),
        ))  # fmt: skip
    return made


def data(job: Job, *, reveal: bool) -> list[Line]:
    """The data, without secrets unless they are asked for."""
    return _json(job.data, reveal=reveal)


def result(job: Job, *, reveal: bool) -> list[Line]:
    """What it returned, or why there is nothing."""
    if job.state is JobState.COMPLETED:
        return _json(job.return_value, reveal=reveal)
    told = "It has failed: see Error." if job.state is JobState.FAILED else "It has not ended yet."
    made: list[Line] = [((told, "muted"),)]
    if job.progress not in (None, 0, ""):
        made += [(), (("progress", "strong"),), *_json(job.progress, reveal=reveal)]
    return made


def _json(value: Any, *, reveal: bool) -> list[Line]:
    hidden = value if reveal else redact(value)
    made, _ = jsontext.lines(hidden)
    if hidden != value:
        made += [(), (("Secrets are hidden; V shows them.", "muted"),)]
    return made


def error(job: Job, *, unfold: bool) -> list[Line]:
    """The last error in full, with its traceback."""
    last = next((one for one in reversed(job.history) if one.error), None)
    if last is None and not job.failed_reason:
        return [(("No error.", "muted"),)]
    told = safe_text(job.failed_reason or (last.error if last else ""))
    made: list[Line] = [((safe_line(line, 4000), "error"),) for line in told.splitlines()[:50]]
    if last is not None and last.traceback:
        made += [(), *tracebacks.lines(last.traceback, unfold=unfold)]
    return made


def attempts(job: Job, now_ms: int, glyphs: Glyphs, *, unfold: bool) -> list[Line]:
    """Every run, the newest first."""
    if not job.history:
        return [(("It has not run yet.", "muted"),)]
    made: list[Line] = []
    for one in reversed(job.history):
        if made:
            made.append(())
        made += _attempt(one, now_ms, glyphs, unfold=unfold)
    return made


def _attempt(one: Attempt, now_ms: int, glyphs: Glyphs, *, unfold: bool) -> list[Line]:
    tone = _OUTCOMES.get(one.outcome, "error")
    glyph = glyphs.states.get(one.outcome, glyphs.states["failed"])
    took = None if one.started_ms is None else (one.ended_ms or now_ms) - one.started_ms
    again = f"   run again {one.generation}" if one.generation else ""
    made: list[Line] = [(
        (f"{glyph} ", tone), (f"attempt {one.number}", "strong"),
        (f"   {safe_line(one.outcome, 20)}", tone),
        (f"   {spans.clock(one.started_ms)}   ran {spans.span(took)}{again}", "muted"),
    )]  # fmt: skip
    if one.worker:
        made.append(((f"  on {safe_line(one.worker, 80)}", "muted"),))
    if one.error:
        made.append((("  ", "plain"), (safe_line(one.error, 2000), "error")))
    if one.traceback:
        made += [(("  ", "plain"), *line)
                 for line in tracebacks.lines(one.traceback, unfold=unfold)]  # fmt: skip
    return made


def log(job: Job) -> list[Line]:
    """The log's tail."""
    if not job.log:
        return [(('No log. A task writes one with  job.log("…")', "muted"),)]
    return [((safe_line(line, 4000), "plain"),) for line in job.log]


def whole(job: Job, tab: str, *, reveal: bool) -> str:
    """All of a tab as plain text, for a pager: nothing is cut."""
    import json

    def dumped(value: Any) -> str:
        seen = value if reveal else redact(value)
        return safe_text(json.dumps(seen, ensure_ascii=False, indent=2, default=str))

    match tab:
        case "Data":
            return dumped(job.data)
        case "Result":
            return dumped(job.return_value)
        case "Log":
            return "\n".join(safe_text(line) for line in job.log)
        case "Error" | "Attempts":
            parts = [
                f"attempt {one.number}  {one.outcome}\n{one.error}\n{one.traceback}"
                for one in reversed(job.history)
            ]
            return safe_text("\n\n".join(parts) or job.failed_reason)
    return ""


def _fact(label: str, text: str, tone: str = "plain") -> Line:
    return (f"{label:<{LABEL}}", "muted"), (safe_line(text, 400), tone)


def _moment(ms: int, now_ms: int) -> str:
    since = now_ms - ms
    return f"{spans.local(ms):%Y-%m-%d} {spans.clock(ms)}  {_ago(since)}"


def _ago(since: int) -> str:
    return "now" if since < 1000 else f"{spans.age(since)} ago"


def _seconds(value: Any) -> float:
    return float(value.total_seconds()) if hasattr(value, "total_seconds") else float(value)


def _progress(value: Any, glyphs: Glyphs) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100:
        done = round(value / 5)
        return f"{glyphs.block * done}{glyphs.rest * (20 - done)} {value:g} %"
    return safe_line(redact(value), 200)
