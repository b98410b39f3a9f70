"""Ending a worker process of this machine by a signal: gracefully, or at once.

Only the process that registered itself is ever signalled: host, process id and mark must be those
of the heartbeat (:mod:`~jobdesk.broker.processes`).
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobdesk.broker import keys, published, records, registry
from jobdesk.broker.operators import audit
from jobdesk.broker.operators.commands import command_line
from jobdesk.broker.processes import Process
from jobdesk.broker.transitions import Transitions
from jobdesk.errors import BrokerError, InvalidQueueName, WorkerNotFound, WorkerOutOfReach
from jobdesk.models import check_queue_name

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.models import WorkerInfo

#: How long a killed process may take to be gone.
GONE_S = 3.0
#: A name is looked for among so many workers.
MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """What was done to a worker."""

    worker: WorkerInfo
    killed: bool
    #: what it had in hand, by queue
    in_hand: Mapping[str, Sequence[str]]

    @property
    def held(self) -> int:
        """How many jobs it had in hand."""
        return sum(map(len, self.in_hand.values()))

    @property
    def told(self) -> str:
        """One sentence, without its full stop."""
        jobs = f"{self.held} job{'' if self.held == 1 else 's'}"
        parent = self.worker.parent
        if self.killed:
            back = f"; its {jobs} come{'s' if self.held == 1 else ''} back" if self.held else ""
            again = f", and process {parent} starts another" if parent else ""
            return f"Killed worker {self.worker.id}{back}{again}"
        first = f"ends its {jobs} first" if self.held else "has nothing in hand"
        again = f"; process {parent} starts another in its place" if parent else ""
        return f"Told worker {self.worker.id} to stop: it {first}{again}"


def unreachable(worker: WorkerInfo, *, kill: bool) -> str | None:
    """Why a worker cannot be signalled from here, as far as its heartbeat tells; None if it can."""
    here = socket.gethostname()
    if worker.ended_ms:
        return f"worker {worker.id} has ended already"
    if worker.host != here:
        line = command_line("stop", "", worker.id, kill=kill)
        return f"worker {worker.id} runs on {worker.host}, this is {here}; run there: {line}"
    if not worker.mark or worker.pid <= 0:
        return f"worker {worker.id} has not told how to know its process: restart it by hand"
    if worker.fork and not kill:
        return (
            f"worker {worker.id} is a fork of -k process and hears its parent only;"
            f" stop that one with all of its forks: kill -TERM {worker.parent}"
        )
    return None


def stop(broker: Broker, who: str, name: str, *, kill: bool = False) -> Stopped:
    """Tell a worker of this machine to stop (TERM), or ``kill`` it.

    ``name``: its id, or a beginning that only one has. Raises ``WorkerNotFound``, or
    ``WorkerOutOfReach`` with what can be done instead. What a killed one held goes back to its
    place in the line.
    """
    worker = _find(broker, name)
    if (reason := unreachable(worker, kill=kill)) is not None:
        raise WorkerOutOfReach(reason)
    try:
        with closing(Process(worker.pid)) as process:
            if process.mark != worker.mark:
                raise ProcessLookupError
            in_hand = registry.held(broker, worker.id, _queues(worker))
            process.send(signal.SIGKILL if kill else signal.SIGTERM)
            gone = kill and process.ended(GONE_S)
    except ProcessLookupError:
        raise WorkerOutOfReach(
            f"worker {worker.id} is no process of this machine any more: {worker.pid} is gone, or"
            " is another process by now"
        ) from None
    except PermissionError:
        raise WorkerOutOfReach(
            f"worker {worker.id} (process {worker.pid}) belongs to another user of this machine"
        ) from None
    done = Stopped(worker=worker, killed=kill, in_hand=in_hand or worker.in_hand)
    _note(broker, who, done)
    if not kill:
        registry.leaving(broker, worker.id)
    if gone:
        registry.bury(broker, worker.id, done.in_hand)
        if not worker.parent:
            # nobody else sees that it is dead before its leases run out
            _give_back(broker, worker)
    return done


def _find(broker: Broker, name: str) -> WorkerInfo:
    client: Any = broker.client
    with broker.errors("workers"):
        raw = client.get(keys.worker_info(broker.namespace, name))
        if raw is not None:
            return published.worker(name, raw)
        found = client.zrange(keys.workers(broker.namespace), 0, MOST - 1, desc=True)
        ids = [one for one in map(records.text, found) if name and one.startswith(name)]
        pipe = broker.pipeline()
        for one in ids:
            pipe.get(keys.worker_info(broker.namespace, one))
        told = zip(ids, pipe.execute() if ids else (), strict=True)
    up = [(one, raw) for one, raw in told if raw is not None]
    if len(up) == 1:
        return published.worker(*up[0])
    if up:
        raise WorkerNotFound(f"{len(up)} workers begin with {name!r:.80}: give more of the name")
    raise WorkerNotFound(f"no worker {name!r:.80} is up: jobdesk workers lists them")


def _note(broker: Broker, who: str, done: Stopped) -> None:
    """Into the audit of the queues whose jobs it had, else of the first that it serves."""
    if not who:
        return
    worker = done.worker
    queues = _queues(worker)
    held = {queue: len(ids) for queue, ids in done.in_hand.items() if ids and queue in queues}
    line = command_line("stop", "", worker.id, kill=done.killed)
    action = "kill worker" if done.killed else "stop worker"
    for queue, count in (held or dict.fromkeys(queues[:1], None)).items():
        audit.write(broker, queue, who, action, count=count, command=line)


def _queues(worker: WorkerInfo) -> list[str]:
    """Its queues, without what is no queue's name in a heartbeat that is not ours."""
    found = []
    for queue in worker.queues:
        with suppress(InvalidQueueName):
            found.append(check_queue_name(queue))
    return found


def _give_back(broker: Broker, worker: WorkerInfo) -> None:
    # its leases run out by themselves, a little later
    with suppress(BrokerError):
        for queue in _queues(worker):
            moves = Transitions(broker, queue)
            while moves.release_worker(worker.id):
                pass
