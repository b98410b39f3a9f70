"""A job in a narrow pane: what one wants to know before opening it."""

from __future__ import annotations

import textwrap

from textual.content import Content
from textual.widgets import Static

from jobdesk.models import Job, JobState
from jobdesk.redaction import redact
from jobdesk.safetext import safe_line
from jobdesk.tui.text import spans
from jobdesk.tui.text.glyphs import Glyphs, look_of

Part = tuple[str, str]
_LABEL = 10
#: So many fields of the data.
MOST_FIELDS = 8
#: And so many lines of the error.
MOST_LINES = 5
_OUTCOMES = {"completed": "$success", "active": "$accent", "retrying": "$warning"}


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
        page = _Page(max(20, self.size.width or 40), self._glyphs, now_ms)
        page.facts(job)
        page.data(job)
        page.ending(job)
        page.attempts(job)
        return page.parts


class _Page:
    """The lines, as they come."""

    def __init__(self, width: int, glyphs: Glyphs, now_ms: int) -> None:
        self.parts: list[Part] = []
        self._width = width
        self._glyphs = glyphs
        self._now_ms = now_ms

    def facts(self, job: Job) -> None:
        made = job.attempts_made + (job.state is JobState.ACTIVE)
        self._fact("type", job.type, "bold")
        self._fact("queue", job.queue)
        self._fact("priority", "none" if job.priority is None else str(job.priority))
        self._fact("tries", f"{made} of {job.attempts}")
        self._fact("added", self._moment(job.added_ms))
        if job.state is JobState.DELAYED and job.run_at_ms:
            left = spans.until(job.run_at_ms - self._now_ms)
            self._fact("runs", f"{spans.clock(job.run_at_ms)}  {left}")
        if job.started_ms and job.state not in (JobState.WAITING, JobState.DELAYED):
            end = job.finished_ms or self._now_ms
            self._fact("started", self._moment(job.started_ms))
            self._fact("ran", spans.span(end - job.started_ms))
        if job.worker:
            self._fact("worker", job.worker)
        if job.progress not in (None, 0, ""):
            self._fact("progress", _progress(job.progress, self._glyphs))

    def data(self, job: Job) -> None:
        self._head("data")
        data = redact(job.data)
        if not isinstance(data, dict):
            self._text(_short(data))
            return
        wide = min(14, max((len(str(name)) for name in data), default=0))
        for name, value in list(data.items())[:MOST_FIELDS]:
            label = safe_line(name, wide).ljust(wide)
            shown = safe_line(_short(value), max(4, self._width - wide - 4))
            self.parts += [(f"  {label}  ", "$quiet"), (f"{shown}\n", "")]
        if len(data) > MOST_FIELDS:
            self._text(f"{self._glyphs.ellipsis} {len(data) - MOST_FIELDS} more", "$quiet")

    def ending(self, job: Job) -> None:
        if job.failed_reason:
            self._head("error")
            self._lines(job.failed_reason, "$error")
        if job.state is JobState.COMPLETED:
            self._head("result")
            self._text(_short(redact(job.return_value)))

    def attempts(self, job: Job) -> None:
        if job.history:
            self._head("attempts")
        for one in job.history[-5:]:
            word = one.outcome if one.outcome in _OUTCOMES else "failed"
            took = None
            if one.started_ms is not None:
                took = (one.ended_ms or self._now_ms) - one.started_ms
            said = f"{spans.clock(one.started_ms)} {spans.span(took):>7}"
            said = f"{said}  {one.error or one.outcome}"
            self.parts += [
                (f"  {one.number:>2} ", "$quiet"),
                (f"{self._glyphs.states[word]} ", _OUTCOMES.get(word, "$error")),
                (f"{safe_line(said, max(4, self._width - 8))}\n", ""),
            ]
        if job.log:
            lines = len(job.log)
            self._head(f"log  {lines} {'line' if lines == 1 else 'lines'}")
            for text in job.log[-4:]:
                self._text(text, "$quiet")

    def _fact(self, label: str, text: str, tone: str = "") -> None:
        shown = safe_line(text, max(4, self._width - _LABEL))
        self.parts += [(f"{label:<{_LABEL}}", "$quiet"), (f"{shown}\n", tone)]

    def _head(self, text: str) -> None:
        self.parts.append((f"\n{text}\n", "bold"))

    def _text(self, text: str, tone: str = "") -> None:
        self.parts.append((f"  {safe_line(text, self._width - 4)}\n", tone))

    def _lines(self, text: str, tone: str = "") -> None:
        """A text in as many lines as it takes, up to :data:`MOST_LINES`."""
        width = self._width - 4
        lines = textwrap.wrap(safe_line(text, MOST_LINES * width), max(4, width))
        for line in lines[: MOST_LINES - 1]:
            self._text(line, tone)
        if lines[MOST_LINES - 1 :]:
            self._text(" ".join(lines[MOST_LINES - 1 :]), tone)

    def _moment(self, ms: int) -> str:
        since = self._now_ms - ms
        return f"{spans.clock(ms)}  {'now' if since < 1000 else f'{spans.age(since)} ago'}"


def title_of(job: Job, glyphs: Glyphs) -> str:
    """What the pane's border says of a job."""
    word = look_of(job)
    return f"{glyphs.states[word]} {word}  {safe_line(job.id, 40)}"


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
