"""``queues``, ``pause``, ``resume`` and ``limits``."""

from __future__ import annotations

import click

from jobdesk.cli.session import Session, json_option, queue_argument
from jobdesk.cli.spans import SPAN
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
@queue_argument(required=False, many=True)
@click.option("--all", "every", is_flag=True, help="All queues.")
@json_option
def pause(queues: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Start no more jobs of QUEUE, on any worker. Jobs that run go on to their end."""
    session = Session(as_json=as_json)
    names = _chosen(session, queues, every)
    changed = [name for name in names if session.control.pause_queue(name)]
    session.done(_told(names, changed, "paused"), {"queues": names, "changed": changed})


@click.command()
@queue_argument(required=False, many=True)
@click.option("--all", "every", is_flag=True, help="All queues.")
@json_option
def resume(queues: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Start jobs of QUEUE again."""
    session = Session(as_json=as_json)
    names = _chosen(session, queues, every)
    changed = [name for name in names if session.control.resume_queue(name)]
    session.done(_told(names, changed, "resumed"), {"queues": names, "changed": changed})


@click.command()
@queue_argument()
@click.option(
    "--max-active", metavar="N|none", help="So many jobs of it run at once, over all workers."
)
@click.option(
    "--rate", metavar="N/SPAN|none", help="So many jobs of it start in such a span, as 100/60s."
)
@json_option
def limits(queue: str, max_active: str | None, rate: str | None, as_json: bool) -> None:
    """Show or set how many jobs of QUEUE may run at once, and how many may start in a span.

    A limit that is not given stays as it is; none lifts it. A SPAN is in seconds, or as 30s, 10m.
    """
    session = Session(as_json=as_json)
    session.queue(queue)
    if max_active is not None:
        session.control.set_max_active(queue, _number(max_active))
    if rate is not None:
        session.control.set_rate_limit(queue, _rate(rate))
    now = session.inspector.stats(queue)
    told = _note(False, now.max_active, now.rate_limit) or "no limits"
    jobs, seconds = now.rate_limit or (None, None)
    session.done(
        f"queue {queue}: {told}",
        {
            "queueName": queue,
            "maxActive": now.max_active,
            "rateLimit": None if jobs is None else {"max": jobs, "duration": _ms(seconds)},
        },
    )


def _ms(seconds: float | None) -> int:
    return round((seconds or 0) * 1000)


def _number(text: str) -> int | None:
    """A number, or ``none``."""
    if text.lower() == "none":
        return None
    try:
        return int(text)
    except ValueError:
        raise BadInput(f"--max-active is a number or none, got {text!r:.40}") from None


def _rate(text: str) -> tuple[int, float] | None:
    """``100/60s`` as (jobs, seconds), or ``none``."""
    if text.lower() == "none":
        return None
    jobs, slash, per = text.partition("/")
    if not slash or not jobs.strip().isdecimal():
        raise BadInput(f"--rate is JOBS/SPAN, as 100/60s, or none, got {text!r:.40}")
    return int(jobs), SPAN.convert(per, None, None)


def _chosen(session: Session, queues: tuple[str, ...], every: bool) -> list[str]:
    if every == bool(queues):
        raise BadInput("give a queue, or --all")
    return [session.queue(name) for name in queues] or list(session.queue_names())


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
