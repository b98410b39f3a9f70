"""Commands that throw many jobs away: ``clean``, ``empty`` and ``obliterate``.

On a terminal they ask first, unless ``--yes`` is given. Elsewhere, so that scripts and cron jobs
need nothing special, only ``obliterate`` insists on ``--yes``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jobdesk.cli.progress import bar
from jobdesk.cli.session import (
    Session,
    confirm,
    json_option,
    on_terminal,
    queue_argument,
    yes_option,
)
from jobdesk.cli.spans import SPAN, span
from jobdesk.errors import BadInput

if TYPE_CHECKING:
    from jobdesk.broker.operators.tally import Touched


@click.command()
@queue_argument()
@click.option(
    "--status", "--state", "status", default="completed", show_default=True,
    type=click.Choice(("completed", "failed", "waiting", "delayed")), help="Which jobs.",
)  # fmt: skip
@click.option(
    "--grace", type=SPAN, default="24h", show_default=True, metavar="SPAN",
    help="Keep what is younger: by its end, or where it did not run yet, by its adding.",
)  # fmt: skip
@click.option("--limit", type=int, default=0, show_default=True, help="At most so many; 0: all.")
@yes_option
@json_option
def clean(  # noqa: PLR0917  # click passes them by name
    queue: str, status: str, grace: float, limit: int, yes: bool, as_json: bool
) -> None:
    """Remove jobs of QUEUE that are in one state and older than --grace.

    A SPAN is in seconds, or as 30s, 10m, 24h, 2d. On a terminal it asks first, unless --yes is
    given.
    """
    session = Session(as_json=as_json)
    session.queue(queue)
    confirm(f"Remove {status} jobs of queue {queue} older than {span(grace * 1000)}?", yes=yes)
    with bar(f"cleaning {queue}") as progress:
        touched = session.control.clean_jobs(
            queue, status, grace=grace, limit=limit, progress=progress
        )
    report(session, queue, touched, "removed", status)


@click.command()
@queue_argument()
@yes_option
@json_option
def empty(queue: str, yes: bool, as_json: bool) -> None:
    """Remove all waiting and delayed jobs of QUEUE, those to be retried among them.

    Jobs that run, and those that have ended, stay. On a terminal it asks first, unless --yes is
    given.
    """
    session = Session(as_json=as_json)
    session.queue(queue)
    stats = session.inspector.stats(queue)
    confirm(
        f"Remove {stats.waiting:,} waiting and {stats.delayed:,} delayed jobs of queue {queue}?",
        yes=yes,
    )
    with bar(f"emptying {queue}") as progress:
        touched = session.control.empty_queue(queue, progress)
    report(session, queue, touched, "removed")


@click.command()
@queue_argument()
@click.option("--force", is_flag=True, help="Also while jobs of it run: what they report is lost.")
@yes_option
@json_option
def obliterate(queue: str, force: bool, yes: bool, as_json: bool) -> None:
    """Delete QUEUE, which must be paused, with every job, event and figure of it.

    On a terminal it asks first; without one, it wants --yes.
    """
    session = Session(as_json=as_json)
    session.queue(queue)
    if not yes and not on_terminal():
        raise BadInput(f"this deletes queue {queue} with everything in it: say --yes")
    stats = session.inspector.stats(queue)
    total = stats.waiting + stats.active + stats.delayed + stats.completed + stats.failed
    confirm(f"Delete queue {queue} with its {total:,} jobs?", yes=yes)
    with bar(f"obliterating {queue}") as progress:
        touched = session.control.obliterate_queue(queue, force=force, progress=progress)
    report(session, queue, touched, "removed with the queue")


def report(session: Session, queue: str, touched: Touched, what: str, status: str = "") -> None:
    """Say what a command over many jobs did."""
    kind = f"{status} jobs" if status else "jobs"
    if touched.count == 1:
        kind = kind.removesuffix("s")
    session.done(
        f"{touched.count:,} {kind} of queue {queue} {what}",
        {"queueName": queue, "count": touched.count, "jobIds": list(touched.ids)},
    )
