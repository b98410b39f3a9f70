"""``groups`` and ``group``: failures by their cause, and what is done to all of one cause."""

from __future__ import annotations

import click

from jobdesk.cli.session import Session, json_option, queue_argument, yes_option

_fingerprint = click.argument("fingerprint", metavar="GROUP")
_limit = click.option(
    "--limit", type=int, default=0, show_default=True, help="At most so many; 0: all."
)


@click.command()
@queue_argument()
@click.option("--limit", type=int, default=20, show_default=True, help="At most so many groups.")
@json_option
def groups(queue: str, limit: int, as_json: bool) -> None:
    """Show the failures of QUEUE by their cause, the latest first."""
    session = Session(as_json=as_json)
    found = session.inspector.groups(session.queue(queue), limit)
    if as_json:
        session.rows([
            {"queueName": one.queue, "group": one.fingerprint, "type": one.type,
             "error": one.error, "count": one.count, "failed": one.failed, "first": one.first_ms,
             "last": one.last_ms, "jobIds": list(one.ids)}
            for one in found
        ])  # fmt: skip
        return
    if not found:
        session.say(f"No failures are known of queue {queue}.")
        return
    from jobdesk.cli import tables
    from jobdesk.cli.spans import span

    now = session.inspector.now_ms()
    tables.show(
        ("group", "type", "failures", "jobs", "last", "error"),
        [
            (g.fingerprint, g.type, g.count, g.failed, span(max(0, now - g.last_ms)), g.error)
            for g in found
        ],
        numbers="failures jobs",
    )


@click.group()
def group() -> None:
    """Retry or remove all failed jobs whose last error has one cause."""


@group.command()
@queue_argument()
@_fingerprint
@_limit
@yes_option
@json_option
def retry(queue: str, fingerprint: str, limit: int, yes: bool, as_json: bool) -> None:
    """Put the failed jobs of GROUP back in the line, the oldest first.

    'jobdesk groups QUEUE' lists the groups. With --limit 1, one is tried before the others.
    """
    _act("retry", queue, fingerprint, limit=limit, yes=yes, as_json=as_json)


@group.command()
@queue_argument()
@_fingerprint
@_limit
@yes_option
@json_option
def remove(queue: str, fingerprint: str, limit: int, yes: bool, as_json: bool) -> None:
    """Remove the failed jobs of GROUP, with their data and logs."""
    _act("remove", queue, fingerprint, limit=limit, yes=yes, as_json=as_json)


def _act(verb: str, queue: str, fingerprint: str, *, limit: int, yes: bool, as_json: bool) -> None:
    from jobdesk.cli.cleaning import report
    from jobdesk.cli.progress import bar
    from jobdesk.cli.session import confirm

    session = Session(as_json=as_json)
    session.queue(queue)
    confirm(f"{verb.title()} the failed jobs of group {fingerprint} of queue {queue}?", yes=yes)
    act = session.control.retry_group if verb == "retry" else session.control.remove_group
    with bar(f"looking through {queue}") as progress:
        touched = act(queue, fingerprint, progress, limit=limit)
    report(session, queue, touched, "put back in the line" if verb == "retry" else "removed")
