"""``queues``, ``pause`` and ``resume``."""

from __future__ import annotations

import click

from jobdesk.cli.session import Session, json_option, queue_argument
from jobdesk.errors import BadInput


@click.command()
@queue_argument(required=False)
@json_option
def queues(queue: str | None, as_json: bool) -> None:
    """Show how many jobs each queue has, by state.

    While a queue is paused, 'waiting' counts what rests in it.
    """
    from jobdesk.cli import shapes, tables

    session = Session(as_json=as_json)
    names = session.queue_names() if queue is None else (session.queue(queue),)
    found = session.inspector.all_stats(names)
    if as_json:
        session.rows([shapes.stats(one) for one in found])
        return
    tables.show(
        ("QUEUE", "WAITING", "ACTIVE", "DELAYED", "COMPLETED", "FAILED", "NOTE"),
        [
            (
                one.name,
                *(f"{n:,}" for n in (one.waiting, one.active, one.delayed, one.completed)),
                f"{one.failed:,}",
                _note(one.paused, one.max_active, one.rate_limit),
            )
            for one in found
        ],
        "WAITING ACTIVE DELAYED COMPLETED FAILED",
    )


@click.command()
@queue_argument(required=False)
@click.option("--all", "every", is_flag=True, help="All queues.")
@json_option
def pause(queue: str | None, every: bool, as_json: bool) -> None:
    """Start no more jobs of QUEUE, on any worker. Jobs that run go on to their end."""
    session = Session(as_json=as_json)
    names = _chosen(session, queue, every)
    changed = [name for name in names if session.control.pause_queue(name)]
    session.done(_told(names, changed, "paused"), {"queues": names, "changed": changed})


@click.command()
@queue_argument(required=False)
@click.option("--all", "every", is_flag=True, help="All queues.")
@json_option
def resume(queue: str | None, every: bool, as_json: bool) -> None:
    """Start jobs of QUEUE again."""
    session = Session(as_json=as_json)
    names = _chosen(session, queue, every)
    changed = [name for name in names if session.control.resume_queue(name)]
    session.done(_told(names, changed, "resumed"), {"queues": names, "changed": changed})


def _chosen(session: Session, queue: str | None, every: bool) -> list[str]:
    if every == (queue is not None):
        raise BadInput("give a queue, or --all")
    return list(session.queue_names()) if queue is None else [session.queue(queue)]


def _told(names: list[str], changed: list[str], what: str) -> str:
    if len(names) == 1:
        if not changed:
            return f"queue {names[0]} was {'already' if what == 'paused' else 'not'} paused"
        return f"queue {names[0]} is {what}"
    listed = f": {', '.join(changed)}" if changed else ""
    return f"{len(changed)} of {len(names)} queues {what}{listed}"


def _note(paused: bool, max_active: int | None, rate: tuple[int, float] | None) -> str:
    parts = ["paused"] if paused else []
    if max_active is not None:
        parts.append(f"at most {max_active} at once")
    if rate is not None:
        parts.append(f"at most {rate[0]} in {rate[1]:g} s")
    return ", ".join(parts)
