"""``undo``: bring back what one of the last commands took away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jobdesk.cli.session import Session, json_option, operator, queue_argument
from jobdesk.counting import counted
from jobdesk.errors import OperationNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobdesk.broker.operators.undo import Operation, Undone


@click.command()
@queue_argument(required=False)
@click.argument("operation", metavar="[OPERATION]", required=False)
@click.option(
    "--list", "listing", is_flag=True, help="Show what can be undone, and change nothing."
)
@json_option
def undo(queue: str | None, operation: str | None, listing: bool, as_json: bool) -> None:
    """Undo your last command on QUEUE, or on any queue; or the OPERATION of QUEUE.

    remove, clean, empty and retry can be undone for 15 minutes, up to 1,000 jobs and 4 MiB. A
    removed job is there again as it was. A retried one has failed again, unless a worker has taken
    it by now.
    """
    session = Session(as_json=as_json)
    if queue is not None:
        session.queue(queue)
    names = session.queue_names() if queue is None else (queue,)
    if listing:
        _show(session, _operations(session, names))
        return
    if queue is None or operation is None:
        found = _last(session, names)
        queue, operation = found.queue, found.id
    _tell(session, queue, session.control.undo(queue, operation))


def _operations(session: Session, names: Sequence[str]) -> list[Operation]:
    found = [one for name in names for one in session.control.last_operations(name, 20)]
    return sorted(found, key=lambda one: one.at_ms, reverse=True)


def _last(session: Session, names: Sequence[str]) -> Operation:
    """This operator's last one: that of another is to be named."""
    found = _operations(session, names)
    mine = [one for one in found if one.who == operator()]
    if mine:
        return mine[0]
    where = f"queue {names[0]}" if len(names) == 1 else "any queue"
    others = f"; {len(found)} of others can be: jobdesk undo --list" if found else ""
    raise OperationNotFound(f"nothing that you did to {where} can be undone{others}")


def _tell(session: Session, queue: str, undone: Undone) -> None:
    count = len(undone.restored)
    told = f"{undone.action} of queue {queue} is undone: {counted(count, 'job')} {_are(count)} back"
    if undone.refused:
        reasons = sorted({why for _, why in undone.refused})
        refused = len(undone.refused)
        told += f", {counted(refused, 'job')} {_are(refused)} not: {'; '.join(reasons)}"
    session.done(
        told,
        {
            "queueName": queue,
            "operation": undone.operation,
            "action": undone.action,
            "count": count,
            "jobIds": list(undone.restored),
            "refused": [{"jobId": job_id, "reason": why} for job_id, why in undone.refused],
        },
    )


def _show(session: Session, found: Sequence[Operation]) -> None:
    if session.as_json:
        session.rows([
            {"queueName": one.queue, "operation": one.id, "action": one.action, "who": one.who,
             "timestamp": one.at_ms, "until": one.until_ms, "count": one.count}
            for one in found
        ])  # fmt: skip
        return
    if not found:
        session.say("Nothing can be undone.")
        return
    from jobdesk.cli import tables
    from jobdesk.cli.spans import span

    now = session.inspector.now_ms()
    tables.show(
        ("queue", "operation", "action", "jobs", "who", "ago"),
        [
            (one.queue, one.id, one.action, one.count, one.who, span(max(0, now - one.at_ms)))
            for one in found
        ],
        numbers="jobs",
    )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
