"""``schedules``, and ``schedule run|pause|resume``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jobdesk.cli.session import Session, json_option, queue_argument
from jobdesk.cli.spans import ago
from jobdesk.errors import BadInput, ScheduleNotFound

if TYPE_CHECKING:
    from jobdesk.models import ScheduleInfo


@click.command()
@queue_argument(required=False)
@json_option
def schedules(queue: str | None, as_json: bool) -> None:
    """Show what runs by the clock: the schedules that workers have published."""
    from jobdesk.cli import shapes, tables

    session = Session(as_json=as_json)
    found = _all(session, queue)
    if as_json:
        session.rows([shapes.schedule(one) for one in found])
        return
    if not found:
        session.say("No schedule is known. Workers publish theirs when they start.")
        return
    now = session.inspector.now_ms()
    tables.show(
        ("SCHEDULE", "QUEUE", "TYPE", "CRONTAB", "LAST", "NEXT"),
        [
            (
                one.name,
                one.queue,
                one.type,
                one.crontab,
                ago(one.last_ms, now),
                "paused" if one.paused else ago(one.next_ms, now),
            )
            for one in found
        ],
    )


@click.group()
def schedule() -> None:
    """Run a schedule now, pause or resume it."""


_queue_option = click.option(
    "--queue", metavar="QUEUE", help="Whose schedule, where two queues have one of that name."
)


@schedule.command()
@click.argument("name")
@_queue_option
@json_option
def run(name: str, queue: str | None, as_json: bool) -> None:
    """Add the job of the schedule NAME now, whatever its slots say."""
    session = Session(as_json=as_json)
    found = _one(session, name, queue)
    job_id = session.control.run_schedule(found.queue, found.name)
    session.done(
        f"job {job_id} of schedule {name} is added to queue {found.queue}",
        {"queueName": found.queue, "name": found.name, "jobId": job_id},
    )


@schedule.command()
@click.argument("name")
@_queue_option
@json_option
def pause(name: str, queue: str | None, as_json: bool) -> None:
    """Let the slots of the schedule NAME pass without a run."""
    session = Session(as_json=as_json)
    found = _one(session, name, queue)
    changed = session.control.pause_schedule(found.queue, found.name)
    session.done(
        f"schedule {name} {'is' if changed else 'was already'} paused",
        {"queueName": found.queue, "name": found.name, "changed": changed},
    )


@schedule.command()
@click.argument("name")
@_queue_option
@json_option
def resume(name: str, queue: str | None, as_json: bool) -> None:
    """Let the schedule NAME fire again."""
    session = Session(as_json=as_json)
    found = _one(session, name, queue)
    changed = session.control.resume_schedule(found.queue, found.name)
    session.done(
        f"schedule {name} {'is resumed' if changed else 'was not paused'}",
        {"queueName": found.queue, "name": found.name, "changed": changed},
    )


def _all(session: Session, queue: str | None) -> list[ScheduleInfo]:
    names = session.queue_names() if queue is None else (session.queue(queue),)
    return [one for name in names for one in session.inspector.schedules(name)]


def _one(session: Session, name: str, queue: str | None) -> ScheduleInfo:
    known = _all(session, queue)
    found = [one for one in known if one.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        owners = ", ".join(one.queue for one in found)
        raise BadInput(f"the queues {owners} have a schedule {name}: say which by --queue")
    from difflib import get_close_matches

    near = get_close_matches(name, [one.name for one in known], 1)
    hint = f"did you mean {near[0]!r}?" if near else "'jobdesk schedules' lists them"
    raise ScheduleNotFound(f"no schedule {name!r}; {hint}")
