"""``demo``: everything at work, on a Redis of its own."""

from __future__ import annotations

import click


@click.command()
@click.option("--headless", is_flag=True, help="Run the jobs, say what came of them, and end.")
@click.option("--redis-url", metavar="URL", help="Use this Redis instead of one of its own.")
def demo(headless: bool, redis_url: str | None) -> int:
    """Run workers for all six queues and sample jobs of every kind that needs no account.

    Nothing is sent: mails and messages are written to files, in a folder of the
    run's own below .demo. Shown by name are a retry, a delayed
    job, a failure on purpose and a schedule's run.
    """
    from jobdesk import demo as demonstration

    return demonstration.run(headless=headless, redis_url=redis_url)
