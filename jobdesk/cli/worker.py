"""``worker``, which runs jobs, ``workers``, which shows who does, and ``stop``, which ends one."""

from __future__ import annotations

import click

from jobdesk.cli.session import Session, confirm, json_option, queue_argument, yes_option
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


@click.command()
@click.argument("name", metavar="WORKER")
@click.option("--kill", is_flag=True, help="End it at once; its jobs go back to the line.")
@yes_option
@json_option
def stop(name: str, kill: bool, yes: bool, as_json: bool) -> None:
    """Let a worker of this machine end the jobs it has in hand, then leave.

    WORKER is its name in 'jobdesk workers', or a beginning that no other has. One that 'jobdesk
    worker' has started is replaced by a new one: to have none, end that process. It is signalled
    only if its process is the very one that reported itself.
    """
    session = Session(as_json=as_json)
    if kill:
        confirm(f"Kill worker {name}? Jobs it has in hand run again.", yes=yes)
    done = session.control.stop_worker(name, kill=kill)
    session.done(
        done.told,
        {
            "worker": done.worker.id,
            "pid": done.worker.pid,
            "signal": "KILL" if done.killed else "TERM",
            "held": done.held,
        },
    )
