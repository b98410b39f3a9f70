"""The filter language of the events: ``queue:email event:failed type:bulk* job:9a3 !timeout``.

``queue:``, ``event:`` and ``type:`` take ``*`` and ``?``, ``job:`` the beginning of an id; anything
else is text of all that an event says, ``!`` before it turns it round. Of two of one kind one must
fit, of different kinds all. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobdesk.models import Event, EventName
from jobdesk.tui import filters
from jobdesk.tui.events.ring import Missing, Row
from jobdesk.tui.filters import NotAFilter, Term

WORDS = ("queue", "event", "type", "job")
HELP = "queue: event: type: job:<its beginning> !text, or any text of an event"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """A whole filter."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def matches(self, row: Row) -> bool:
        """Whether a row is to be shown; a gap is, wherever events of its queue would be."""
        wanted: dict[str, bool] = {}
        for term in self.terms:
            if isinstance(row, Missing) and term.word != "queue":
                continue
            fits = _meets(term, row)
            if term.negated:
                if fits:
                    return False
            elif term.word == "text":
                if not fits:
                    return False
            else:
                wanted[term.word] = wanted.get(term.word, False) or fits
        return all(wanted.values())


def parse(text: str) -> EventFilter:
    """The filter of ``text``; raises ``NotAFilter``."""
    terms: list[Term] = []
    for negated, word, value in filters.tokens(text, WORDS):
        if word and not value:
            raise NotAFilter(f"{word}: needs a value after it")
        terms.append(Term(word or "text", value, negated))
    return EventFilter(tuple(terms))


def _meets(term: Term, row: Row) -> bool:
    if isinstance(row, Missing):
        return filters.like(term.value).fullmatch(row.queue) is not None
    match term.word:
        case "queue":
            return filters.like(term.value).fullmatch(row.queue) is not None
        case "event":
            return filters.like(term.value).fullmatch(row.name) is not None
        case "type":
            return filters.like(term.value).fullmatch(row.type) is not None
        case "job":
            return row.job_id.startswith(term.value)
    lowered = term.value.casefold()
    return any(lowered in text.casefold() for text in _texts(row))


def _texts(event: Event) -> tuple[str, ...]:
    return (event.job_id, event.type, event.queue, event.name, *event.fields.values())


@dataclass(frozen=True, slots=True)
class Known(filters.Known):
    """What can be completed with."""

    jobs: Sequence[str] = ()


def completions(text: str, known: filters.Known) -> tuple[str, ...]:
    """What the last word of ``text`` may become, whole; the most likely first."""
    values: Mapping[str, Sequence[str]] = {
        "queue": known.queues, "event": tuple(EventName), "type": known.types,
        "job": known.jobs if isinstance(known, Known) else (),
    }  # fmt: skip
    return filters.complete(text, WORDS, values)
