"""``demo``: everything at work, on a Redis of its own."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--headless", is_flag=True, help="Run the jobs, say what came of them, and end.")
@click.option("--redis-url", metavar="URL", help="Use this Redis instead of one of its own.")
def demo(headless: bool, redis_url: str | None) -> int:
    """Run workers for all six queues, and jobs of every type that needs no account.

    On a terminal it opens the dashboard, and jobs keep coming until that is left; elsewhere, and
    with --headless, it says what came of one job of each type. Nothing is sent: mails and messages
    are written to files, in a folder of the run's own below .demo. Shown by name are a retry, a
    delayed job, failures on purpose and a schedule's run.
    """
    from jobdesk import demo as demonstration

    if headless or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return demonstration.run(redis_url=redis_url)
    return _with_dashboard(redis_url)


def _with_dashboard(redis_url: str | None) -> int:
    from jobdesk import demo as demonstration
    from jobdesk.cli.hosting import run_desk

    live = demonstration.Live(redis_url)
    folder = live.settings.data_folder
    click.echo(f"jobdesk demo: everything it makes is in {folder}")
    try:
        return run_desk(
            live.settings, [live.workers, *live.more()], mode="overview",
            state_file=folder / "tui.json",
        )  # fmt: skip
    finally:
        live.close()
        click.echo(f"The demo has ended. What it made is in {folder}")
