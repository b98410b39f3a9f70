"""``jobdesk worker``: a parent that runs no jobs, and its worker processes.

The parent starts them, starts again what dies, and gives back at once what a dead one held. It
kills a process that has not been heard of for a lease: its jobs are lost to it anyway. INT and TERM
end all gracefully, a second one interrupts. It can be process 1 of a container. When it is killed
itself, its processes see the end of their stdin and stop.
"""

from __future__ import annotations

import json
import logging
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import IO, TYPE_CHECKING, Any, cast

from jobdesk import settings as settings_module
from jobdesk.engine.restarts import Pause
from jobdesk.errors import BrokerError

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.settings import Settings

logger = logging.getLogger("jobdesk.worker")

LOOK_S = 0.2
#: How long a process may take to import its queues.
START_S = 120.0
#: How long beyond ``shutdown_timeout`` it may take to give back what it has, Redis away or not.
LEAVE_S = 25.0
TRY_AGAIN_S = 1.0
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
#: What a process exits with that cannot work as it was told to: starting it again is no use.
REFUSED = (2, 3)


def run(
    queues: Sequence[str],
    *,
    concurrency: int | None = None,
    processes: int = 1,
    burst: bool = False,
    settings: Settings | None = None,
    modules: Sequence[str] = (),
) -> int:
    """Work on the named queues (on all, where none is named) until told to stop; an exit status.

    ``concurrency``: slots of each process, by default the sum of its queues'. ``burst``: end, with
    0, when nothing is waiting any more.
    """
    settings = settings or settings_module.current()
    order = {
        "queues": list(queues),
        "modules": list(modules),
        "concurrency": concurrency,
        "burst": burst,
    }
    return Fleet(settings, order, processes).run()


class Fleet:
    """The parent."""

    def __init__(self, settings: Settings, order: dict[str, Any], processes: int) -> None:
        self._settings = settings
        self._order = order
        self._burst: bool = order["burst"]
        self._places = [_Place() for _ in range(processes)]
        self._selector = selectors.DefaultSelector()
        self._signals = 0
        self._told = 0
        self._stop_by = 0.0
        self._status = 0
        self._ever_ready = False
        #: queues that the processes serve, as they told
        self._queues: list[str] = []
        self._owed: list[str] = []
        self._try_at = 0.0
        self._broker: Broker | None = None

    def run(self) -> int:
        """Start the processes and look after them; returns when all have ended."""
        with self._signals_noted():
            while self._alive():
                self._look()
            self._settle()
        if self._owed:
            logger.warning("what %d dead workers held comes back with its leases", len(self._owed))
        if self._broker is not None:
            self._broker.close()
        return self._status

    def ask_to_stop(self, now: bool = False) -> None:
        """What a signal does, and with ``now`` a second one; from any thread."""
        self._signals = max(self._signals, 2 if now else 1)

    @property
    def _stopping(self) -> bool:
        return self._signals > 0

    def _alive(self) -> bool:
        """Whether there is, or will be, any process."""
        return any(
            place.member is not None or (not place.done and not self._stopping)
            for place in self._places
        )

    def _look(self) -> None:
        now = time.monotonic()
        for place in self._places:
            if place.member is None and not place.done and now >= place.start_at:
                if self._stopping:
                    place.done = True
                else:
                    self._start(place)
        for key, _ in self._selector.select(LOOK_S):
            self._hear(key.data)
        self._pass_on_signals()
        now = time.monotonic()
        for place in self._places:
            member = place.member
            if member is None:
                continue
            if member.process.poll() is None:
                self._judge(member, now)
            else:
                self._ended(place, member, now)
        if self._owed and now >= self._try_at:
            self._settle()
        self._reap()

    def _start(self, place: _Place) -> None:
        order = {**self._order, "settings": _plain(self._settings)}
        place.member = member = _Member(order)
        self._selector.register(member.pipe, selectors.EVENT_READ, member)

    def _hear(self, member: _Member) -> None:
        try:
            raw = os.read(member.pipe, 65_536)
        except BlockingIOError:
            # It has ended, and a process that it started has the pipe.
            raw = b""
        if not raw:
            self._selector.unregister(member.pipe)
            member.deaf = True
            return
        member.heard_at = time.monotonic()
        *lines, member.rest = (member.rest + raw).split(b"\n")
        for line in lines:
            told = json.loads(line)
            if "ready" in told:
                self._ready(member, told["ready"])

    def _ready(self, member: _Member, told: dict[str, Any]) -> None:
        member.ready = True
        member.silence_s = max(5.0, told["lease_s"])
        self._queues = told["queues"]
        if not self._ever_ready:
            self._ever_ready = True
            print(
                f"jobdesk worker: {told['redis']}; {', '.join(told['queues'])};"
                f" {told['slots']} slots x {len(self._places)} processes",
                flush=True,
            )

    def _judge(self, member: _Member, now: float) -> None:
        """Kill a process that hangs: in its start, at work, or when it should end."""
        if self._stopping:
            late = now > self._stop_by
        else:
            limit = member.silence_s if member.ready else START_S
            late = now - member.heard_at > limit
        if late:
            logger.error("worker process %d does not answer: killed", member.process.pid)
            member.process.kill()
            member.process.wait()

    def _ended(self, place: _Place, member: _Member, now: float) -> None:
        place.member = None
        while not member.deaf:
            self._hear(member)
        member.close()
        code = member.process.returncode
        worked = member.ready
        if code:
            logger.warning("worker process %d ended with %d", member.process.pid, code)
        if worked:
            # One that ended well gave back all it knew of; an answer may have been lost.
            self._owed.append(member.worker)
            self._try_at = 0.0
        if self._stopping or (self._burst and code == 0):
            place.done = True
        elif code in REFUSED and (self._burst or not self._ever_ready):
            # Its own last line said why.
            place.done = True
            self._status = code
            self._signals = max(1, self._signals)
        else:
            lived = now - member.started_at
            place.start_at = now + place.pause.after(now, lived, worked=worked)

    # --- what the dead leave

    def _settle(self) -> None:
        """Give back what dead processes held."""
        from jobdesk.broker import registry
        from jobdesk.broker.transitions import Transitions

        while self._owed:
            worker = self._owed[0]
            try:
                broker = self._connected()
                registry.bury(broker, worker)
                given_back = 0
                for queue in self._queues:
                    moves = Transitions(broker, queue)
                    # a renewal elsewhere may move an entry past the one that is looked at
                    while count := moves.release_worker(worker):
                        given_back += count
            except BrokerError as exc:
                logger.debug("what %s held comes back later: %s", worker, exc)
                self._try_at = time.monotonic() + TRY_AGAIN_S
                return
            if given_back:
                logger.warning("%d jobs of %s were given back", given_back, worker)
            del self._owed[0]

    def _connected(self) -> Broker:
        if self._broker is None:
            from jobdesk.broker.connection import Broker

            self._broker = Broker(self._settings)
        return self._broker

    # --- signals

    @contextmanager
    def _signals_noted(self) -> Iterator[None]:
        before = {
            signum: signal.signal(signum, self._note) for signum in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self._signals += 1

    def _pass_on_signals(self) -> None:
        if self._told >= min(2, self._signals):
            return
        self._told = min(2, self._signals)
        self._stop_by = time.monotonic() + LEAVE_S
        if self._told == 1:
            self._stop_by += self._settings.shutdown_timeout
        for place in self._places:
            if place.member is not None:
                place.member.send(b"stop\n" if self._told == 1 else b"now\n")

    def _reap(self) -> None:
        """As process 1: bury orphans that others have left to us."""
        if os.getpid() != 1:
            return
        own = {place.member.process.pid for place in self._places if place.member is not None}
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in own:
                return
            os.waitpid(found.si_pid, 0)


class _Place:
    """Room for one process, one after the other."""

    def __init__(self) -> None:
        self.member: _Member | None = None
        self.pause = Pause()
        self.start_at = 0.0
        self.done = False


class _Member:
    """One process, seen from the parent."""

    def __init__(self, order: dict[str, Any]) -> None:
        token = f"{random.SystemRandom().getrandbits(32):08x}"
        self.pipe, theirs = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jobdesk.engine.member"],
            stdin=subprocess.PIPE,
            pass_fds=[theirs],
            # The terminal's Ctrl-C comes to the parent, which tells its processes.
            process_group=0,
        )
        os.close(theirs)
        self._stdin: IO[bytes] = cast("IO[bytes]", self.process.stdin)
        os.set_blocking(self.pipe, False)
        self.worker = f"{socket.gethostname()}:{self.process.pid}:{token}"
        self.started_at = self.heard_at = time.monotonic()
        self.ready = False
        self.silence_s = START_S
        self.rest = b""
        #: the other end of the pipe is closed
        self.deaf = False
        level = logging.getLogger().getEffectiveLevel()
        more = {
            "token": token, "tell": theirs, "path": sys.path, "log_level": level,
            "log_format": LOG_FORMAT,
        }  # fmt: skip
        self.send(json.dumps({**order, **more}).encode() + b"\n")

    def send(self, line: bytes) -> None:
        # Where it is dead, that is noticed elsewhere.
        with suppress(OSError):
            self._stdin.write(line)
            self._stdin.flush()

    def close(self) -> None:
        # What it never read is lost.
        with suppress(OSError):
            self._stdin.close()
        os.close(self.pipe)


def _plain(settings: Settings) -> dict[str, Any]:
    from jobdesk.engine.children import plain

    return plain(settings)
