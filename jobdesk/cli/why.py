"""``why``: what keeps a job, or a queue, from running."""

from __future__ import annotations

import click

from jobdesk.cli.session import Session, json_option, queue_argument


@click.command()
@queue_argument()
@click.argument("job_id", metavar="[ID]", required=False)
@json_option
def why(queue: str, job_id: str | None, as_json: bool) -> None:
    """Say why the job ID of QUEUE does not run, or why QUEUE does not move.

    The reason that decides first comes first. For a job that has ended: how.
    """
    from jobdesk.broker.reading import why as reasons

    session = Session(as_json=as_json)
    session.queue(queue)
    found = (
        reasons.why_queue(session.broker, queue)
        if job_id is None
        else reasons.why(session.broker, queue, job_id)
    )
    if as_json:
        session.rows([
            {"code": one.code, "message": one.message, "facts": dict(one.facts)}
            for one in found.reasons
        ])  # fmt: skip
        return
    for one in found.reasons:
        session.say(one.message)
