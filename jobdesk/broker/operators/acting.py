"""What every operator's command does besides its work: it is noted, and can be undone.

The commands themselves are in :mod:`jobdesk.broker.control`.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from jobdesk.broker.keys import STATE_NAMES
from jobdesk.broker.operators import audit
from jobdesk.broker.operators.commands import command_line
from jobdesk.broker.operators.undo import Bin
from jobdesk.errors import JobActive, JobNotFound, WrongState
from jobdesk.models import JobState, check_queue_name

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

#: Actions that say in the audit what they were given, and the command that does them.
_VERBS = {"clean": "clean", "max_active": "limits", "rate_limit": "limits"}


class Acting:
    """What a command needs: the way to its script, a place in the trash, a line in the audit."""

    __slots__ = ("_broker", "_undo", "_who", "operation")

    def __init__(self, broker: Broker, who: str = "", *, undo: bool | None = None) -> None:
        self._broker = broker
        self._who = who
        self._undo = bool(who) if undo is None else undo
        #: by which the last command can be undone; "" when it cannot
        self.operation = ""

    def _bin(self, action: str) -> Bin:
        self.operation = ""
        return Bin(action, self._who) if self._undo else Bin(action, self._who, "")

    def _run(self, script: str, queue: str, *args: str | bytes | float) -> Any:
        return self._broker.run(script, self._broker.keys(check_queue_name(queue)).prefix, *args)

    def _once(self, script: str, queue: str, *args: str | bytes | float) -> Any:
        """Run a command that says what it did only once, under a request of its own.

        When its answer is lost, the broker sends it again: the request gets the same answer.
        """
        return self._run(script, queue, *args, secrets.token_hex(8))

    def _expect(self, answer: Any, queue: str, job_id: str, action: str, needs: str = "") -> None:
        """Raise what a refusal means; ``needs`` says in which state the action is possible."""
        word = answer[0]
        if word == b"NOTFOUND":
            raise JobNotFound(f"no job {job_id} in queue {queue}")
        if word == b"LOCKED":
            lease = max(0, round(int(answer[2]) / 1000))
            raise JobActive(
                f"cannot {action} job {job_id} while it runs"
                f" (worker {text_of(answer[1])}, lease {lease} s)"
            )
        if word == b"STATE":
            raise WrongState(f"{action} needs {needs}, job {job_id} is {state_of(answer[1])}")

    def _note(
        self,
        queue: str,
        action: str,
        job_id: str = "",
        *,
        bin_: Bin | None = None,
        count: int | None = None,
        **options: Any,
    ) -> None:
        """Write the command into the queue's audit; what was done is done, even if that fails."""
        self.operation = bin_.id if bin_ is not None else ""
        if not self._who:
            return
        head = action.partition(" ")[0]
        verb = _VERBS.get(head) or action.replace(" ", "-")
        audit.write(
            self._broker, queue, self._who, action, job=job_id, count=count,
            command=command_line(verb, queue, job_id, **options), operation=self.operation,
        )  # fmt: skip


def state_of(letter: bytes) -> JobState:
    """The state that a script's answer names."""
    return JobState(STATE_NAMES[text_of(letter)])


def text_of(raw: bytes | str) -> str:
    """A word of a script's answer."""
    return raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
