"""``jobs`` and ``job``: reading jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from jobdesk.cli.session import (
    Session,
    job_argument,
    json_option,
    print_json,
    queue_argument,
    reveal_option,
)
from jobdesk.cli.spans import ago, instant, span

if TYPE_CHECKING:
    from jobdesk.models import Job, JobRow

_STATES = ("waiting", "active", "delayed", "completed", "failed", "paused")
_COLUMNS = {
    "waiting": ("ID", "TYPE", "PRIORITY", "ADDED", "ATTEMPTS"),
    "active": ("ID", "TYPE", "PROGRESS", "STARTED", "ATTEMPT", "WORKER"),
    "delayed": ("ID", "TYPE", "PRIORITY", "RUNS", "ATTEMPTS", "LAST ERROR"),
    "completed": ("ID", "TYPE", "ENDED", "TOOK", "ATTEMPTS"),
    "failed": ("ID", "TYPE", "ENDED", "ATTEMPTS", "ERROR"),
}


@click.command()
@queue_argument()
@click.option(
    "--status", "--state", "status", type=click.Choice(_STATES), default="waiting",
    show_default=True, help="Which jobs.",
)  # fmt: skip
@click.option("--start", type=int, default=0, show_default=True, help="The first, from 0.")
@click.option(
    "--end", type=int, default=10, show_default=True,
    help="The last, counted as well; negative: from the end, -1 is the last of all.",
)  # fmt: skip
@json_option
@reveal_option
def jobs(  # noqa: PLR0917  # click passes them by name
    queue: str, status: str, start: int, end: int, as_json: bool, reveal: bool
) -> None:
    """Show jobs of QUEUE in one state, at most 1,000 at a time.

    Waiting, active and delayed jobs: the next one first. Completed and failed: the newest first.
    """
    from jobdesk.cli import shapes, tables
    from jobdesk.models import check_state

    session = Session(as_json=as_json, reveal=reveal)
    session.queue(queue)
    if as_json:
        paused = session.inspector.stats(queue).paused
        rows = session.inspector.rows(queue, status, start, end).rows
        whole = session.inspector.jobs(queue, [row.id for row in rows])
        session.rows([shapes.job(j, paused=paused, hide=session.redacted) for j in whole])
        return
    state = check_state(status)
    page = session.inspector.rows(queue, state, start, end)
    now = session.inspector.now_ms()
    if page.rows:
        tables.show(_COLUMNS[state], [_cells(row, now)[state] for row in page.rows])
    session.say(f"{len(page.rows):,} of {page.total:,} {status} jobs in queue {queue}")


def _cells(row: JobRow, now: int) -> dict[str, tuple[object, ...]]:
    """The cells of a row, by the state whose list it stands in."""
    attempts = f"{row.attempts_made} of {row.attempts}"
    started, ended = row.started_ms, row.finished_ms
    priority = "-" if row.priority is None else row.priority
    took = "-" if started is None or ended is None else span(ended - started)
    progress = "-" if row.progress is None else row.progress
    if isinstance(progress, int | float) and not isinstance(progress, bool):
        progress = f"{progress:g} %"
    elif not isinstance(progress, str):
        progress = "…"  # an object of the task's own, which may hold anything: `job` shows it
    return {
        "waiting": (row.id, row.type, priority, ago(row.added_ms, now), attempts),
        "active": (
            row.id,
            row.type,
            progress,
            ago(started, now),
            f"{row.attempts_made + 1} of {row.attempts}",
            row.worker + (" (to be cancelled)" if row.cancelling else ""),
        ),
        "delayed": (
            row.id, row.type, priority, ago(row.run_at_ms, now), attempts, row.error or "-",
        ),
        "completed": (row.id, row.type, ago(ended, now), took, attempts),
        "failed": (row.id, row.type, ago(ended, now), attempts, row.error),
    }  # fmt: skip


@click.command()
@queue_argument()
@job_argument
@json_option
@reveal_option
def job(queue: str, job_id: str, as_json: bool, reveal: bool) -> None:
    """Show everything kept of the job ID of QUEUE.

    Values whose names look like secrets are hidden; --reveal shows them.
    """
    from jobdesk.cli import shapes

    session = Session(as_json=as_json, reveal=reveal)
    session.queue(queue)
    found = session.inspector.job(queue, job_id)
    paused = session.inspector.stats(queue).paused
    if as_json:
        shape = shapes.job(found, paused=paused, hide=session.redacted)
        print_json({"success": True, "data": shape})
    else:
        _show(session, found, shapes.state(found.state, paused=paused))


def _show(session: Session, job: Job, state: str) -> None:
    from jobdesk.cli import shapes, tables

    now = session.inspector.now_ms()
    lines: list[tuple[str, object]] = [
        ("job", job.id),
        ("queue", job.queue),
        ("type", job.type),
        ("state", "retrying" if job.retrying else state),
        ("attempts", f"{job.attempts_made} of {job.attempts}"),
        ("priority", "none, after all that have one" if job.priority is None else job.priority),
        ("added", _moment(job.added_ms, now)),
    ]
    if job.state == "delayed":
        lines.append(("runs", _moment(job.run_at_ms, now)))
    if job.started_ms is not None:
        lines.append(("started", _moment(job.started_ms, now)))
    if job.finished_ms is not None:
        lines.append(("ended", _moment(job.finished_ms, now)))
    if job.worker:
        lines.append(("worker", job.worker))
    if job.cancelling:
        lines.append(("cancelling", "its worker will be told"))
    if job.stalled:
        lines.append(("stalled", f"{job.stalled} times"))
    if job.progress is not None:
        lines.append(("progress", _compact(session.redacted(job.progress))))
    if job.failed_reason:
        lines.append(("error", job.failed_reason))
    tables.pairs(lines)
    _block(session, "data", _pretty(session.redacted(job.data)))
    _block(session, "options", _pretty(shapes.job_options(job)))
    if job.state == "completed":
        _block(session, "result", _pretty(session.redacted(job.return_value)))
    if job.history:
        session.say("\nattempts")
        tables.show(
            ("  NUMBER", "OUTCOME", "STARTED", "TOOK", "WORKER", "ERROR"),
            [
                (
                    f"  {one.number}",
                    one.outcome,
                    ago(one.started_ms, now),
                    "-"
                    if one.started_ms is None or one.ended_ms is None
                    else span(one.ended_ms - one.started_ms),
                    one.worker,
                    one.error,
                )
                for one in job.history
            ],
        )
    if job.stacktrace:
        _block(session, "last traceback", job.stacktrace[-1])
    if job.log:
        _block(session, "log", "\n".join(job.log))


def _block(session: Session, title: str, text: str) -> None:
    session.say(f"\n{title}\n" + "\n".join(f"  {line}" for line in text.splitlines()))


def _moment(ms: int | None, now: int) -> str:
    return "-" if ms is None else f"{instant(ms)} ({ago(ms, now)})"


def _pretty(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, indent=2)


def _compact(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
