"""``worker``, which runs jobs, and ``workers``, which shows who does."""

from __future__ import annotations

import click

from jobdesk.cli.session import Session, json_option, queue_argument
from jobdesk.cli.spans import ago


@click.command()
@queue_argument(required=False, many=True)
@click.option(
    "--concurrency", "-c", type=click.IntRange(1), metavar="N",
    help="Jobs at once in each process.  [default: the sum of the queues']",
)  # fmt: skip
@click.option(
    "--processes", "-p", type=click.IntRange(1), default=1, show_default=True, metavar="N",
    help="Worker processes.",
)  # fmt: skip
@click.option("--burst", is_flag=True, help="End when no job is left that could run now.")
def worker(queues: tuple[str, ...], concurrency: int | None, processes: int, burst: bool) -> int:
    """Run the jobs of all queues, or of those named, until interrupted.

    INT and TERM let jobs run to their end, for JOBDESK_SHUTDOWN_TIMEOUT seconds at most; a second
    one interrupts them. What did not end goes back to its place in the line.
    """
    from jobdesk import settings
    from jobdesk.engine import fleet

    return fleet.run(
        queues,
        concurrency=concurrency,
        processes=processes,
        burst=burst,
        settings=settings.current(),
    )


@click.command()
@json_option
def workers(as_json: bool) -> None:
    """Show the workers that are up, and what they have in hand."""
    from jobdesk.cli import shapes, tables

    session = Session(as_json=as_json)
    found = session.inspector.workers()
    if as_json:
        session.rows([shapes.worker(one) for one in found])
        return
    if not found:
        session.say("No worker is up. Start one: jobdesk worker")
        return
    now = session.inspector.now_ms()
    tables.show(
        ("WORKER", "HOST", "PID", "BUSY", "SLOTS", "UP", "HEARD OF", "QUEUES"),
        [
            (
                one.id,
                one.host,
                one.pid,
                sum(map(len, one.in_hand.values())),
                one.slots,
                ago(one.started_ms, now).removesuffix(" ago"),
                ago(one.beat_ms, now),
                ", ".join(one.queues),
            )
            for one in found
        ],
        "PID BUSY SLOTS",
    )
