"""``wait``: until a queue is drained."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from jobdesk.cli.session import Session, json_option, queue_argument
from jobdesk.cli.spans import SPAN, span
from jobdesk.errors import BadInput, WaitTimeout
from jobdesk.models import Event

if TYPE_CHECKING:
    from jobdesk.broker.events import EventReader

#: On a queue too busy to wait for anything else, its counts are read so often.
BUSY_S = 0.1


@click.command()
@queue_argument()
@click.option("--drained", is_flag=True, help="Until no job of it waits or runs.")
@click.option("--timeout", type=SPAN, metavar="SPAN", help="Give up after so long (exit code 1).")
@json_option
def wait(queue: str, drained: bool, timeout: float | None, as_json: bool) -> None:
    """Wait until QUEUE is drained: no job of it waits or runs. Delayed jobs do not count.

    A SPAN is in seconds, or as 30s, 10m, 24h, 2d. Without --timeout it waits for as long as it
    takes.
    """
    from jobdesk.broker.events import EventReader
    from jobdesk.cli.progress import bar

    if not drained:
        raise BadInput("say what to wait for: --drained")
    session = Session(as_json=as_json)
    session.queue(queue)
    began = time.monotonic()
    reader = EventReader(session.broker, [queue])
    most = 0
    with bar(f"waiting for {queue}") as progress:
        reader.read(0)
        while True:
            stats = session.inspector.stats(queue)
            left = stats.waiting + stats.active
            if left == 0:
                break
            most = max(most, left)
            if progress is not None:
                progress(most - left, most)
            waited = time.monotonic() - began
            if timeout is not None and waited >= timeout:
                raise WaitTimeout(
                    f"queue {queue} is not drained after {span(timeout * 1000)}: {stats.waiting:,}"
                    f" jobs wait, {stats.active:,} run" + _why(stats.paused)
                )
            _rest(reader, 1.0 if timeout is None else min(1.0, timeout - waited))
    session.done(
        f"queue {queue} is drained",
        {"queueName": queue, "delayed": stats.delayed, "failed": stats.failed},
    )


def _rest(reader: EventReader, longest: float) -> None:
    """Until the queue says that it is drained, or something else happened and a while passed."""
    began = time.monotonic()
    happened = reader.read(longest)
    if any(isinstance(one, Event) and one.name == "drained" for one in happened):
        return
    rest = min(BUSY_S, longest) - (time.monotonic() - began)
    if rest > 0:
        time.sleep(rest)


def _why(paused: bool) -> str:
    return "; it is paused" if paused else ""
