"""A job in a narrow pane: what one wants to know before opening it."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from jobdesk.models import Job, JobState
from jobdesk.redaction import redact
from jobdesk.safetext import safe_line
from jobdesk.tui import spans
from jobdesk.tui.glyphs import Glyphs, look_of

Part = tuple[str, str]
_LABEL = 10


class JobPreview(Static):
    """Fields, data, error and attempts, cut to the pane's width."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self._glyphs = glyphs
        self.job: Job | None = None
        self._said: list[Part] = []

    def show(self, job: Job | None, now_ms: int) -> None:
        """Show ``job``."""
        self.job = job
        said = [] if job is None else self._parts(job, now_ms)
        if said != self._said:
            self._said = said
            self.update(Content.assemble(*said))

    def _parts(self, job: Job, now_ms: int) -> list[Part]:
        width = max(20, self.size.width or 40)
        parts: list[Part] = []

        def line(label: str, text: str, tone: str = "") -> None:
            shown = safe_line(text, max(4, width - _LABEL))
            parts.extend([(f"{label:<{_LABEL}}", "$text-muted"), (f"{shown}\n", tone)])

        def head(text: str) -> None:
            parts.append((f"\n{text}\n", "bold"))

        made = job.attempts_made + (job.state is JobState.ACTIVE)
        line("type", job.type, "bold")
        line("queue", job.queue)
        line("priority", "none" if job.priority is None else str(job.priority))
        line("tries", f"{made} of {job.attempts}")
        line("added", f"{spans.clock(job.added_ms)}  {_ago(now_ms, job.added_ms)}")
        if job.state is JobState.DELAYED and job.run_at_ms:
            line("runs", f"{spans.clock(job.run_at_ms)}  {spans.until(job.run_at_ms - now_ms)}")
        if job.started_ms and job.state not in (JobState.WAITING, JobState.DELAYED):
            end = job.finished_ms or now_ms
            line("started", f"{spans.clock(job.started_ms)}  {_ago(now_ms, job.started_ms)}")
            line("ran", spans.span(end - job.started_ms))
        if job.worker:
            line("worker", job.worker)
        if job.progress not in (None, 0, ""):
            line("progress", _progress(job.progress, self._glyphs))
        head("data")
        data = redact(job.data)
        if isinstance(data, dict):
            wide = min(14, max((len(str(name)) for name in data), default=0))
            for name, value in list(data.items())[:8]:
                label = safe_line(name, wide).ljust(wide)
                shown = safe_line(_short(value), max(4, width - wide - 4))
                parts.extend([(f"  {label}  ", "$text-muted"), (f"{shown}\n", "")])
            if len(data) > 8:
                parts.append((f"  {self._glyphs.ellipsis} {len(data) - 8} more\n", "$text-muted"))
        else:
            parts.append((f"  {safe_line(_short(data), width - 4)}\n", ""))
        if job.failed_reason:
            head("error")
            parts.append((f"  {safe_line(job.failed_reason, width - 4)}\n", "$error"))
        if job.state is JobState.COMPLETED:
            head("result")
            parts.append((f"  {safe_line(_short(redact(job.return_value)), width - 4)}\n", ""))
        if job.history:
            head("attempts")
            for one in job.history[-5:]:
                failed = one.outcome in ("failed", "retrying", "stalled")
                word = "active" if one.outcome == "active" else (
                    "failed" if failed else "completed")  # fmt: skip
                took = spans.span(
                    None if one.started_ms is None else (one.ended_ms or now_ms) - one.started_ms
                )
                text = f"{spans.clock(one.started_ms)} {took:>7}  {one.error or one.outcome}"
                tone = {"failed": "$error", "active": "$accent"}.get(word, "$success")
                parts.extend([(f"  {one.number:>2} ", "$text-muted"),
                              (f"{self._glyphs.states[word]} ", tone),
                              (f"{safe_line(text, max(4, width - 8))}\n", "")])  # fmt: skip
        if job.log:
            head(f"log  {len(job.log)} lines")
            parts.extend((f"  {safe_line(text, width - 4)}\n", "$text-muted")
                         for text in job.log[-4:])  # fmt: skip
        return parts


def title_of(job: Job, glyphs: Glyphs) -> str:
    """What the pane's border says of a job."""
    word = look_of(job)
    return f"{safe_line(job.id, 24)}  {glyphs.states[word]} {word}"


def _ago(now_ms: int, then_ms: int) -> str:
    since = now_ms - then_ms
    return "now" if since < 1000 else f"{spans.age(since)} ago"


def _short(value: object) -> str:
    import json

    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _progress(value: object, glyphs: Glyphs) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100:
        done = round(value / 10)
        return f"{glyphs.block * done}{glyphs.rest * (10 - done)} {value:g} %"
    return _short(redact(value))
