"""Several reads in the same round trips.

A read is a generator: it yields what it asks, and is sent the answers, as often as it needs; what
it returns is what was read. :class:`Rounds` carries out many of them together and sends what all
ask in one request, round by round. They then take as many round trips as the longest of them, and
not as all of them one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from jobdesk.errors import BrokerError, JobdeskError

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

T = TypeVar("T")
#: Puts commands into a pipeline.
Ask: TypeAlias = Callable[[Any], None]
Asking: TypeAlias = Generator[Ask, list[Any], T]


class Rounds:
    """Carries out reads, and counts what they cost. Belongs to one thread."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        #: round trips and commands so far
        self.trips = 0
        self.commands = 0
        #: how long the last round trip took
        self.latency_ms = 0.0

    def one(self, asking: Asking[T]) -> T:
        """Carry out one read."""
        (found,) = self.all((asking,))
        if isinstance(found, JobdeskError):
            raise found
        value: T = found
        return value

    def all(self, askings: Sequence[Asking[Any]]) -> list[Any]:
        """What each read returned, or the ``JobdeskError`` that it raised (a job that is gone).

        Raises ``BrokerError`` where Redis could not be asked.
        """
        found: list[Any] = [None] * len(askings)
        waiting: dict[int, Ask] = {}

        def step(at: int, answers: list[Any] | None) -> None:
            try:
                waiting[at] = askings[at].send(answers)  # type: ignore[arg-type]  # None begins it
            except StopIteration as end:
                found[at] = end.value
            except JobdeskError as exc:
                if isinstance(exc, BrokerError):
                    raise
                found[at] = exc

        for at in range(len(askings)):
            step(at, None)
        while waiting:
            asked, waiting = waiting, {}
            for at, answers in self._round(asked).items():
                step(at, answers)
        return found

    def at_once(self, ask: Ask) -> list[Any]:
        """The answers to these commands in one transaction: they are of a single moment."""
        client: Any = self._broker.client
        pipe = client.pipeline(transaction=True)
        ask(pipe)
        # MULTI and EXEC count too
        self.commands += len(pipe) + 2
        self.trips += 1
        with self._broker.errors("read"):
            answers: list[Any] = pipe.execute()
        return answers

    def _round(self, asked: dict[int, Ask]) -> dict[int, list[Any]]:
        pipe = self._broker.pipeline()
        ends: dict[int, int] = {}
        for at, ask in asked.items():
            ask(pipe)
            ends[at] = len(pipe)
        answers: list[Any] = []
        if len(pipe):
            self.commands += len(pipe)
            self.trips += 1
            begun = time.perf_counter()
            with self._broker.errors("read"):
                answers = pipe.execute()
            self.latency_ms = (time.perf_counter() - begun) * 1000
        shares: dict[int, list[Any]] = {}
        begin = 0
        for at, end in ends.items():
            shares[at] = answers[begin:end]
            begin = end
        return shares


def carry_out(broker: Broker, asking: Asking[T]) -> T:
    """One read by itself."""
    return Rounds(broker).one(asking)
