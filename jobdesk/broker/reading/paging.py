"""Pages of sorted sets: limits, and cursors that name a place in the order instead of a number."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from jobdesk.errors import InvalidCursor, InvalidLimit, PageTooLarge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobdesk.models import JobState

#: How many rows with the cursor's own score a page reads past before it asks for the rank.
TIES = 32
#: Beyond any list.
FAR = 2**53


def check_limit(limit: int, most: int) -> None:
    """Refuse a negative limit, and one over ``most``."""
    if limit < 0:
        raise InvalidLimit(f"a limit must be 0 or more, got {limit}")
    if limit > most:
        raise PageTooLarge(f"{limit:,} asked for, at most {most:,} at a time")


def check_place(number: object) -> int:
    """A place in a list, cut to what Redis can be asked for; nothing lies out there."""
    if isinstance(number, bool) or not isinstance(number, int):
        raise InvalidLimit(f"start and end are integers, got {number!r:.60}")
    return max(-FAR, min(number, FAR))


def cursor(state: JobState, entry: tuple[bytes, float]) -> str:
    """The place of ``entry`` (id and score) in the list of ``state``."""
    raw_id, score = entry
    place = f"1|{state.value}|{int(score)}|".encode() + raw_id
    return base64.urlsafe_b64encode(place).decode().rstrip("=")


def read_cursor(state: JobState, text: str) -> tuple[int, bytes]:
    """Score and id of a cursor; raises ``InvalidCursor`` for one of another list or release."""
    try:
        padded = text + "=" * (-len(text) % 4)
        version, of, score, raw_id = base64.b64decode(padded, b"-_", validate=True).split(b"|", 3)
        place = int(score), raw_id
    except (AttributeError, TypeError, ValueError, binascii.Error):
        raise InvalidCursor(
            f"{text!r:.80} is no cursor of this release: start without one"
        ) from None
    if version != b"1" or of != state.value.encode():
        raise InvalidCursor(f"the cursor is of another list than {state.value}: start without one")
    return place


def behind(
    raw: Sequence[tuple[bytes, float]], score: int, job_id: bytes, backwards: bool
) -> list[tuple[bytes, float]]:
    """Those entries that come after the place (score, id), in the set's own order."""
    if backwards:
        return [e for e in raw if e[1] < score or (e[1] == score and e[0] < job_id)]
    return [e for e in raw if e[1] > score or (e[1] == score and e[0] > job_id)]


def shares(counts: Sequence[int], limit: int) -> list[int]:
    """How many rows of each state fit: as even as the counts allow."""
    given = [0] * len(counts)
    left = limit
    while left and any(share < count for share, count in zip(given, counts, strict=True)):
        open_ = [i for i, count in enumerate(counts) if given[i] < count]
        each = max(1, left // len(open_))
        for i in open_:
            part = min(each, counts[i] - given[i], left)
            given[i] += part
            left -= part
    return given
