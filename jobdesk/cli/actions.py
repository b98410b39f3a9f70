"""What is done to one job: ``retry``, ``cancel``, ``promote``, ``priority`` and ``remove``."""

from __future__ import annotations

import click

from jobdesk.cli.session import Session, job_argument, json_option, queue_argument, yes_option
from jobdesk.errors import BadInput, InvalidPriority


@click.command()
@queue_argument()
@click.argument("job_id", metavar="[ID]", required=False)
@click.option("--all", "every", is_flag=True, help="All jobs that have failed by now.")
@yes_option
@json_option
def retry(queue: str, job_id: str | None, every: bool, yes: bool, as_json: bool) -> None:
    """Put the failed job ID of QUEUE back in the line, with all its attempts.

    With --all: all that have failed, the oldest first; on a terminal it asks first.
    """
    if every == (job_id is not None):
        raise BadInput("give a job's id, or --all")
    session = Session(as_json=as_json)
    session.queue(queue)
    if job_id is not None:
        session.control.retry_job(queue, job_id)
        session.done(
            f"job {job_id} of queue {queue} waits for another run",
            {"queueName": queue, "jobId": job_id},
        )
        return
    from jobdesk.cli.cleaning import report
    from jobdesk.cli.progress import bar
    from jobdesk.cli.session import confirm

    failed = session.inspector.stats(queue).failed
    confirm(f"Retry the {failed:,} failed jobs of queue {queue}?", yes=yes)
    with bar(f"retrying {queue}") as progress:
        touched = session.control.retry_all(queue, progress)
    report(session, queue, touched, "put back in the line")


@click.command()
@queue_argument()
@job_argument
@json_option
def cancel(queue: str, job_id: str, as_json: bool) -> None:
    """End the job ID of QUEUE as failed, without retry.

    One that runs is interrupted as soon as its worker hears of it, within ten seconds.
    """
    session = Session(as_json=as_json)
    session.queue(queue)
    done = session.control.cancel_job(queue, job_id)
    told = (
        f"job {job_id} of queue {queue} is cancelled"
        if done.at_once
        else f"job {job_id} of queue {queue} will be cancelled by its worker {done.worker}"
    )
    session.done(
        told,
        {"queueName": queue, "jobId": job_id, "was": done.state.value, "atOnce": done.at_once},
    )


@click.command()
@queue_argument()
@job_argument
@json_option
def promote(queue: str, job_id: str, as_json: bool) -> None:
    """Let the delayed job ID of QUEUE run now."""
    session = Session(as_json=as_json)
    session.control.promote_job(session.queue(queue), job_id)
    session.done(
        f"job {job_id} of queue {queue} waits no longer for its time",
        {"queueName": queue, "jobId": job_id},
    )


@click.command()
@queue_argument()
@job_argument
@click.argument("level", metavar="PRIORITY")
@json_option
def priority(queue: str, job_id: str, level: str, as_json: bool) -> None:
    """Give the waiting or delayed job ID of QUEUE another PRIORITY.

    1 runs first, 10 last, and 'none' after 10.
    """
    session = Session(as_json=as_json)
    session.queue(queue)
    wanted = _level(level)
    before = session.control.change_priority(queue, job_id, wanted)
    session.done(
        f"job {job_id} of queue {queue} has priority {_named(wanted)}, had {_named(before)}",
        {"queueName": queue, "jobId": job_id, "priority": wanted, "was": before},
    )


@click.command()
@queue_argument()
@job_argument
@click.option("--force", is_flag=True, help="Also while it runs: what its worker reports is lost.")
@json_option
def remove(queue: str, job_id: str, force: bool, as_json: bool) -> None:
    """Remove the job ID of QUEUE, with its data, result and log."""
    session = Session(as_json=as_json)
    was = session.control.remove_job(session.queue(queue), job_id, force=force)
    session.done(
        f"job {job_id} of queue {queue} is removed; it was {was}",
        {"queueName": queue, "jobId": job_id, "was": was.value},
    )


def _level(text: str) -> int | None:
    if text.lower() == "none":
        return None
    try:
        return int(text)
    except ValueError:
        raise InvalidPriority(
            f"priority must be an integer 1 (highest) to 10, or none, got {text!r}"
        ) from None


def _named(level: int | None) -> str:
    return "none" if level is None else str(level)
