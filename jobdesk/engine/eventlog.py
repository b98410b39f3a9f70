"""One log line per event, where it happens, as the original wrote them.

``failed`` at error, ``stalled`` at warning, ``completed`` at info, the rest at debug. Nothing is
formatted unless somebody listens: this runs for every job.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from jobdesk.broker.exchange import Outcome

if TYPE_CHECKING:
    from jobdesk.broker.exchange import Finish
    from jobdesk.engine.run import Run

log = logging.getLogger("jobdesk.events")

_LEVELS = {
    Outcome.COMPLETED: (logging.INFO, "completed"),
    Outcome.FAILED: (logging.ERROR, "failed"),
    Outcome.REFUSED: (logging.ERROR, "failed"),
    Outcome.RETRY: (logging.DEBUG, "retrying"),
    Outcome.AGAIN: (logging.DEBUG, "retrying"),
    Outcome.RELEASED: (logging.DEBUG, "waiting"),
    Outcome.UNBEGUN: (logging.DEBUG, "waiting"),
    Outcome.NOT_DUE: (logging.DEBUG, "delayed"),
}


def log_finish(run: Run, finish: Finish, status: str) -> None:
    """The line of a finish that Redis has answered."""
    level, event = _LEVELS[finish.outcome]
    taken = run.taken
    if status == "STALE":
        log.warning(
            "%s %s (%s) attempt %d: its end came too late, another run has it",
            run.queue.name, taken.id, taken.type, taken.attempts_made + 1,
        )  # fmt: skip
    elif log.isEnabledFor(level):
        note = f": {finish.error}" if finish.error else ""
        log.log(
            level, "%s %s (%s) attempt %d %s%s",
            run.queue.name, taken.id, taken.type, taken.attempts_made + 1, event, note,
        )  # fmt: skip


def log_active(run: Run) -> None:
    """The line of a job that has been taken."""
    if log.isEnabledFor(logging.DEBUG):
        taken = run.taken
        log.debug(
            "%s %s (%s) attempt %d active",
            run.queue.name, taken.id, taken.type, taken.attempts_made + 1,
        )  # fmt: skip
