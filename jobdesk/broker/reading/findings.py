"""What the doctor finds: one value per thing looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"  #: worth knowing
    WARNING = "warning"  #: may be meant so
    FAULT = "fault"  #: jobs do not run, or can be lost


#: check -> what it means that something was found by it
_MEANINGS = {
    "queues": "Queues are known once a worker has started or a job was added. Is this the Redis,"
    " and the namespace, that the application uses?",
    "name": "jobdesk refuses such a name, so something else has written it. Nobody can work on it.",
    "schema": "What is kept in Redis has another form than this jobdesk reads. Reading it all the"
    " same would show, and write, nonsense.",
    "paused": "Nobody starts jobs of a paused queue. Those that wait keep their places and start"
    " when it is resumed.",
    "no-worker": "No worker that is up has this queue among its own. Nothing is lost: the jobs wait"
    " until one comes.",
    "stalled": "Their workers died or lost Redis. Any worker of the queue puts such jobs back in"
    " the line; that none has done so means that none is at work.",
    "overdue": "Delayed jobs, and those that rest before another attempt, start when a worker looks"
    " after the queue. None has for a while.",
    "outgoing": "These jobs were to be added when others had ended. They are kept until a worker"
    " hands them over.",
    "idle": "The workers say that they are up, and yet take nothing: they may hang, or have no slot"
    " free for this queue.",
    "growing": "More is added than the workers get done, so that each job waits longer than the one"
    " before.",
    "failures": "More than every second job fails. When most fail with one error, its cause is"
    " worth a look before anything is retried.",
    "record": "What Redis holds of these jobs does not fit together. jobdesk's own commands cannot"
    " leave it so.",
    "signature": "Workers run only jobs that were signed with their own secret. These will fail"
    " when it is their turn.",
    "clock": "Delays and leases go by the Redis server's clock, schedules by the worker's. When the"
    " two differ, schedules fire early or late.",
    "info": "What this Redis user may not ask is not looked at here.",
    "version": "Older servers lack commands that jobdesk needs.",
    "role": "A replica refuses everything that changes a job.",
    "eviction": "When its memory is full, such a server makes room by throwing keys away, jobs"
    " among them, without a word.",
    "memory": "When it is full, Redis takes no more jobs, and adding one fails. Workers can still"
    " end what they have.",
    "persistence": "Redis keeps jobs in memory. What it has not written to disk is gone when it"
    " stops.",
    "signing": "Whoever can write to this Redis can have the workers run any job of theirs with any"
    " data.",
}  # fmt: skip
_COMMAND = re.compile(r"(?:^|[:;?] )(jobdesk .+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the doctor looked at."""

    level: Level
    #: a word that names the check, for scripts
    check: str
    message: str
    advice: str = ""
    queue: str = ""
    #: the job that it is about, where it is about one
    job_id: str = ""

    @property
    def meaning(self) -> str:
        """What it means, in a sentence or two; "" of what is well."""
        return "" if self.level is Level.OK else _MEANINGS.get(self.check, "")

    @property
    def command(self) -> str:
        """The ``jobdesk`` command of the advice; "" where it has none."""
        found = _COMMAND.search(self.advice)
        return found[1] if found else ""


def number_of(number: int, what: str) -> str:
    """``no faults``, ``1 warning``, ``3 faults``."""
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
