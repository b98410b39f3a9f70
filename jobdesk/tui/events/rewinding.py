"""Back in the events' time, a step a press: a minute, or a page where more happened in one.

Every step is one bounded read of the streams, up to an instant or on from the page before. Going
forward is going back over the steps, so that it ends where it began: at what happens now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from jobdesk.tui.events.ring import Numbering, Ring

if TYPE_CHECKING:
    from jobdesk.broker.reading.eventpages import EventPage
    from jobdesk.tui.events.filter import EventFilter
    from jobdesk.tui.link.interest import Source

PAGE = 500
#: Pages that one press reads at most, while the filter finds nothing.
PAGES = 8
OLDEST = "That is all that is kept: older events are gone."


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page ends: at an instant, or where another page began."""

    end: str
    ends: Mapping[str, str] | None = None


class Rewinding:
    """One way back in time, from its first step on."""

    STEP_MS: ClassVar[int] = 60_000

    def __init__(self, live: Ring) -> None:
        self.ring = Ring(1)
        #: the newest event of the page
        self.at_ms = 0
        self._since = live.newest
        self._steps: list[_Place] = []
        self._page: EventPage | None = None
        self._busy = False

    @property
    def loaded(self) -> bool:
        """Whether there is anything to show."""
        return self._page is not None

    def came(self, live: Ring) -> int:
        """How many events have come since."""
        return live.newest - self._since

    def begin(
        self, end_ms: int, wanted: Callable[[], EventFilter], ask: Callable[..., None],
        changed: Callable[[str], None],
    ) -> None:  # fmt: skip
        """Read what happened up to then. ``changed(trouble)`` is called after every step."""
        self._wanted, self._ask, self._changed = wanted, ask, changed
        self._read(_Place(str(end_ms)))

    def back(self) -> None:
        """A step back."""
        page = self._page
        if page is None or self._busy:
            return
        earlier = self.at_ms - self.STEP_MS
        if page.events and page.events[0].timestamp_ms >= earlier and not page.more:
            self._changed(OLDEST)
        elif page.events and page.events[0].timestamp_ms > earlier:
            # less than a minute on a page: on from where it began, so that nothing is left out
            self._read(_Place("+", page.ends))
        else:
            self._read(_Place(str(earlier)))

    def forward(self) -> bool:
        """A step forward; False where that is the present."""
        if self._busy:
            return True
        if len(self._steps) < 2:
            return False
        del self._steps[-1]
        self._read(self._steps.pop())
        return True

    def _read(self, place: _Place) -> None:
        self._busy = True
        wanted = self._wanted()

        def call(source: Source) -> tuple[_Place, EventPage]:

            from jobdesk.broker.reading.eventpages import page

            at, queues = place, source.queues()
            found = page(source.broker, queues, at.end, PAGE, at.ends)
            for _ in range(PAGES - 1):
                if not wanted.terms or not found.more or any(map(wanted.matches, found.events)):
                    break
                at = _Place("+", found.ends)
                found = page(source.broker, queues, at.end, PAGE, at.ends)
            return at, found

        def answer(told: tuple[_Place, EventPage] | None, error: Exception | None) -> None:
            self._busy = False
            if told is None:
                self._changed(str(error))
                return
            at, found = told
            if not found.events:
                self._changed(OLDEST)
                return
            self._steps.append(at)
            self._page = found
            self.at_ms = found.events[-1].timestamp_ms
            self.ring = Ring(2 * PAGE, Numbering().rows(found.events))
            self._changed("")

        self._ask(call, answer)
