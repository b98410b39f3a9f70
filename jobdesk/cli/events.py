"""``events``: what happened in the queues, and what happens."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from jobdesk.cli import shapes
from jobdesk.cli.session import Session, json_option, print_json, queue_argument
from jobdesk.cli.spans import SPAN
from jobdesk.models import Event
from jobdesk.safetext import safe_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobdesk.broker.events import EventReader, Gap

#: While following all queues: how often a new one is looked for.
NEW_QUEUES_S = 5.0
_HIDDEN_FIELDS = frozenset({"queue", "event", "jobId", "type", "timestamp"})


@click.command()
@queue_argument(required=False, many=True)
@click.option("--follow", "-f", is_flag=True, help="Go on with what happens, until interrupted.")
@click.option("--last", type=int, metavar="N", help="The newest N of each queue.  [default: 50]")
@click.option("--since", type=SPAN, metavar="SPAN", help="All that are kept of the last SPAN.")
@json_option
def events(
    queues: tuple[str, ...], follow: bool, last: int | None, since: float | None, as_json: bool
) -> None:
    """Show the newest events of all queues, or of those named, the oldest first.

    About 10,000 events of each queue are kept. A SPAN is in seconds, or as 30s, 10m, 24h, 2d.
    """
    from jobdesk.broker.events import EventReader

    session = Session(as_json=as_json)
    if last is not None and since is not None:
        raise click.UsageError("give --last or --since, not both")
    names = tuple(map(session.queue, queues)) if queues else session.queue_names()
    if since is not None:
        moment = session.inspector.now_ms() - round(since * 1000)
        instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=max(0, moment))
        reader = EventReader(session.broker, names, instant)
        _print_all(_until_now(reader, session), as_json=as_json)
    else:
        reader = _print_newest(session, names, 50 if last is None else last)
    if follow:
        _follow(session, reader, names, every=not queues)


def _print_newest(session: Session, names: tuple[str, ...], count: int) -> EventReader:
    """Print the newest events; a reader that goes on from there."""
    from jobdesk.broker.events import EventReader, newest

    found: list[Event | Gap] = []
    positions = {}
    for name in names:
        latest = newest(session.broker, name, max(1, count))
        positions[name] = latest[0].id if latest else "0-0"
        found += reversed(latest[:count])
    _print_all(found, as_json=session.as_json)
    return EventReader(session.broker, names, positions)


def _until_now(reader: EventReader, session: Session) -> list[Event | Gap]:
    """What the reader has to read, up to the moment of the call."""
    now = session.inspector.now_ms()
    found: list[Event | Gap] = []
    while part := reader.read(0):
        found += part
        # while jobs run, there is always one more
        if all(isinstance(one, Event) and one.timestamp_ms > now for one in part):
            break
    return found


def _follow(session: Session, reader: EventReader, names: tuple[str, ...], *, every: bool) -> None:
    from jobdesk.broker.events import EventReader

    looked = time.monotonic()
    while True:
        _print_all(reader.read(), as_json=session.as_json)
        if every and time.monotonic() - looked >= NEW_QUEUES_S:
            looked = time.monotonic()
            there = session.queue_names()
            if new := [name for name in there if name not in names]:
                names = there
                at = {**reader.positions, **dict.fromkeys(new, "0-0")}
                reader = EventReader(session.broker, names, at)


def _print_all(found: list[Event | Gap], *, as_json: bool) -> None:
    """Print events by their time; the order within a queue stays."""
    for one in _by_time(found):
        if as_json:
            print_json(shapes.event(one) if isinstance(one, Event) else shapes.gap(one))
        else:
            click.echo(_line(one))


def _by_time(found: list[Event | Gap]) -> Iterator[Event | Gap]:
    at = 0
    keyed = []
    for one in found:
        if isinstance(one, Event):
            at = one.timestamp_ms
        keyed.append((at, one))
    return (one for _, one in sorted(keyed, key=lambda pair: pair[0]))


def _line(one: Event | Gap) -> str:
    if not isinstance(one, Event):
        missed = "some" if one.missed is None else f"{one.missed:,}"
        return f"-- {missed} events of queue {one.queue} are not kept any more --"
    # local time: these are read by somebody who looks at a clock beside them
    clock = datetime.fromtimestamp(one.timestamp_ms / 1000, UTC).astimezone()
    more = (
        f"{name}={safe_line(value, 200)}"
        for name, value in shapes.event(one).items()
        if name not in _HIDDEN_FIELDS
    )
    job = f"{one.type}  {one.job_id}" if one.job_id else ""
    text = "  ".join((f"{clock:%H:%M:%S}.{one.timestamp_ms % 1000:03d}", f"{one.queue:<12}",
                      f"{one.name:<10}", safe_line(job), *more))  # fmt: skip
    return text.rstrip()
