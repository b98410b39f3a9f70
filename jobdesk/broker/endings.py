"""How a job ended: from its record, or from the tombstone of one that was removed when it ended."""

from __future__ import annotations

from dataclasses import dataclass

from jobdesk.broker import records
from jobdesk.errors import ResultGone
from jobdesk.models import TERMINAL_STATES, JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a job ended, as far as it did: what a wait for it needs, in one read."""

    state: JobState
    #: the stored result, JSON with the codec's tags; for the engine to decode
    result: bytes | None = None
    #: "Class: message"
    error: str = ""
    traceback: str = ""

    @property
    def ended(self) -> bool:
        """Whether the job will run no more by itself."""
        return self.state in TERMINAL_STATES


def buried(queue: str, job_id: str, tombstone: bytes | None) -> Ending:
    """What ``"<epoch> <letter> <text>"`` says; raises ``ResultGone`` where there is no result."""
    gone = f"job {job_id} of queue {queue} is not kept any more, and neither is its result"
    if tombstone is None:
        raise ResultGone(gone)
    _, letter, rest = [*tombstone.split(b" ", 2), b"", b""][:3]
    state = records.state_of(letter)
    if state is JobState.COMPLETED:
        return Ending(state=state, result=rest or None)
    if state is JobState.FAILED:
        return Ending(state=state, error=records.text(rest))
    raise ResultGone(f"job {job_id} of queue {queue} was removed while it ran")
