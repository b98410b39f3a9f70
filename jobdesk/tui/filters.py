"""The filter language of the lists of jobs: ``state:failed queue:mail type:re* age:>1h !timeout``.

``state:`` and ``queue:`` choose a list, exactly. The rest is looked for in the rows of that list:
``type:`` and ``worker:`` take ``*`` and ``?``, ``id:`` the beginning of an id, ``age:`` and
``ran:`` a span, ``tries:`` a number, ``group:`` a fingerprint; anything else is text of the data
and the error, ``!`` before it turns it round. Quotes keep blanks together. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import lru_cache

from jobdesk.models import JobRow, JobState, check_state
from jobdesk.tui.text.glyphs import look_of

WORDS = ("state", "queue", "type", "id", "worker", "age", "ran", "tries", "group")
STATES = ("waiting", "active", "delayed", "retrying", "completed", "failed", "cancelled")
_TOKEN = re.compile(r'(!?)(?:([a-z]+):)?("(?:[^"]*)"?|\S+)|(\S+)')
_SPAN = re.compile(r"([<>]?)=?(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_NUMBER = re.compile(r"([<>]?)=?(\d+)")
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AGES = ("<1m", "<10m", "<1h", ">1h", ">1d")


class NotAFilter(ValueError):
    """What is wrong with it, in words."""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition."""

    #: of :data:`WORDS`, or ``text``
    word: str
    value: str
    negated: bool = False

    def __str__(self) -> str:
        value = f'"{self.value}"' if re.search(r"\s", self.value) else self.value
        if self.word == "text":
            # what would read as another kind of condition keeps its quotes
            value = f'"{self.value}"' if ":" in self.value or value[:1] in '!"' else value
            return f"{'!' * self.negated}{value}"
        return f"{'!' * self.negated}{self.word}:{value}"


@dataclass(frozen=True, slots=True)
class Filter:
    """A whole filter. ``queue`` and ``state`` choose the list; ``terms`` are looked for in it."""

    queue: str | None = None
    state: JobState | None = None
    terms: tuple[Term, ...] = ()

    @property
    def texts(self) -> bool:
        """Whether data and errors must be read."""
        return any(term.word == "text" for term in self.terms)

    @property
    def full_id(self) -> str | None:
        """The one id that is asked for, where nothing else is."""
        if len(self.terms) == 1 and not self.terms[0].negated:
            term = self.terms[0]
            if term.word == "id" or (term.word == "text" and len(term.value) > 5):
                return term.value
        return None

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def matches(self, row: JobRow, text: str, now_ms: int) -> bool:
        """Whether a row is looked for; ``text``: its data and error."""
        return all(_meets(term, row, text, now_ms) is not term.negated for term in self.terms)


def parse(text: str, queue: str | None = None, state: JobState | None = None) -> Filter:
    """The filter of ``text``, on top of the list that is shown; raises ``NotAFilter``."""
    found = Filter(queue, state)
    for negated, word, value in tokens(text, WORDS):
        found = _with(found, word, value, negated=negated)
    return found


def _with(found: Filter, word: str, value: str, *, negated: bool) -> Filter:
    if word and not value:
        raise NotAFilter(f"{word}: needs a value after it")
    if word == "queue" and not negated:
        return replace(found, queue=None if value in ("all", "*") else value)
    if word == "state" and not negated:
        if value in ("all", "*"):
            return replace(found, state=None)
        if value in ("retrying", "cancelled"):
            list_ = JobState.DELAYED if value == "retrying" else JobState.FAILED
            return replace(found, state=list_, terms=(*found.terms, Term("state", value)))
        try:
            return replace(found, state=check_state(value))
        except ValueError:
            raise NotAFilter(f"state: is one of {', '.join(STATES)}, got {value!r:.30}") from None
    if word in ("age", "ran") and _SPAN.fullmatch(value) is None:
        raise NotAFilter(f"{word}: takes a span as <10m, >1h or >2d, got {value!r:.30}")
    if word == "tries" and _NUMBER.fullmatch(value) is None:
        raise NotAFilter(f"tries: takes a number as 3 or >1, got {value!r:.30}")
    return replace(found, terms=(*found.terms, Term(word or "text", value, negated)))


def tokens(text: str, words: Sequence[str]) -> Iterable[tuple[bool, str, str]]:
    """(negated, word, value) of each condition; plain text has the word ""."""
    for match in _TOKEN.finditer(text):
        negated, word, value = bool(match[1]), match[2] or "", match[3] or match[4] or ""
        rest = re.match(r"(!?)([a-z]+):$", match[0])
        if rest and rest[2] in words:
            yield bool(rest[1]), rest[2], ""
            continue
        if word and word not in words:
            # a colon in plain text, as in a URL
            word, value = "", f"{word}:{value}"
        if value.startswith('"'):
            value = value.strip('"')
        if value:
            yield negated, word, value


def _meets(term: Term, row: JobRow, text: str, now_ms: int) -> bool:
    value = term.value
    match term.word:
        case "state":
            return value in (row.state.value, look_of(row))
        case "queue":
            return row.queue == value
        case "type":
            return like(value).fullmatch(row.type) is not None
        case "worker":
            return like(value).fullmatch(row.worker) is not None or value in row.worker
        case "id":
            return row.id.startswith(value)
        case "group":
            return row.fingerprint == value
        case "age":
            since = row.finished_ms or row.started_ms or row.added_ms
            return _compares(_span(value), now_ms - since)
        case "ran":
            if row.started_ms is None or row.state in (JobState.WAITING, JobState.DELAYED):
                return False
            return _compares(_span(value), (row.finished_ms or now_ms) - row.started_ms)
        case "tries":
            found = _NUMBER.fullmatch(value)
            wanted = (found[1], int(found[2])) if found else ("", 0)
            return _compares(wanted, row.attempts_made, exact=True)
    lowered = value.casefold()
    return lowered in text.casefold() or lowered in row.id.casefold() or lowered in row.type


def _compares(wanted: tuple[str, float], have: float, *, exact: bool = False) -> bool:
    sign, number = wanted
    if sign == ">":
        return have > number
    if sign == "<":
        return have < number
    return have == number if exact else have <= number


def _span(value: str) -> tuple[str, float]:
    found = _SPAN.fullmatch(value)
    if found is None:
        return "", 0
    return found[1], float(found[2]) * _UNITS[found[3] or "s"]


@lru_cache(256)
def like(pattern: str) -> re.Pattern[str]:
    """A pattern with ``*`` and ``?`` as one that can be matched."""
    return re.compile(translate(pattern))


# --- completing what is typed


@dataclass(frozen=True, slots=True)
class Known:
    """What can be completed with."""

    queues: Sequence[str] = ()
    types: Sequence[str] = ()
    workers: Sequence[str] = ()


def completions(text: str, known: Known) -> tuple[str, ...]:
    """What the last word of ``text`` may become, whole; the most likely first."""
    return complete(text, WORDS, {
        "state": STATES, "queue": known.queues, "type": known.types, "worker": known.workers,
        "age": _AGES, "ran": _AGES,
    })  # fmt: skip


def complete(
    text: str, words: Sequence[str], values: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """What the last word of ``text`` may become in a language of these words and their values."""
    head, _, last = text.rpartition(" ")
    sign = "!" if last.startswith("!") else ""
    word, colon, begun = last[len(sign) :].partition(":")
    lead = f"{head} " if head else ""
    if not colon:
        offered = [f"{sign}{name}:" for name in words if name.startswith(word)] if word else []
        return tuple(lead + one for one in offered)
    fits = [value for value in values.get(word, ()) if value.startswith(begun) and value != begun]
    return tuple(f"{lead}{sign}{word}:{value}" for value in fits)
