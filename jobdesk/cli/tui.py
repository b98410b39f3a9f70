"""``tui`` (what ``jobdesk`` alone does too) and ``keys``: the dashboard, and its cheat-sheet."""

from __future__ import annotations

import sys

import click

from jobdesk.cli.session import Session, json_option, operator, print_json
from jobdesk.errors import BadInput


@click.command()
@click.option(
    "--workers", is_flag=False, flag_value=1, type=click.IntRange(1, 64), metavar="[N]",
    help="Run workers of all queues too, in N processes; they end with the dashboard.",
)  # fmt: skip
@click.option("--read-only", is_flag=True, help="Change nothing, whatever is pressed.")
@click.option("--context", metavar="NAME", help="One of JOBDESK_CONTEXTS.")
@click.option("--once", is_flag=True, help="Print what is there, and end.")
@click.option(
    "--format", "shape", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="How --once prints it.",
)  # fmt: skip
@click.option(
    "--screen", "mode", default="",
    type=click.Choice(["", "overview", "jobs", "queues", "workers", "schedules", "events"]),
    metavar="NAME", help="The screen to begin with.",
)  # fmt: skip
def tui(
    *, workers: int | None, read_only: bool, context: str | None, once: bool, shape: str, mode: str
) -> int:
    """Open the dashboard. Press ? in it for the keys.

    With --workers it is a whole desk: without REDIS_URL it has a Redis of its own, too. The
    workers' log is in the data folder. When the dashboard is left, jobs that run may end; another q
    or ctrl+c ends the workers now.

    Exit code 3: Redis was never there.
    """
    if once:
        if workers:
            raise BadInput("--once only prints what is there: it starts no workers")
        return _print_once(context, as_json=shape == "json")
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        raise BadInput("the dashboard needs a terminal; for scripts there is 'jobdesk tui --once'")
    from jobdesk import settings
    from jobdesk.tui import run

    if workers:
        return _with_workers(workers, read_only=read_only, context=context, mode=mode)
    return run(settings.current(), read_only=read_only, context=context, mode=mode, who=operator())


def _with_workers(processes: int, *, read_only: bool, context: str | None, mode: str) -> int:
    from jobdesk import settings as settings_module
    from jobdesk.cli.hosting import run_desk
    from jobdesk.engine.hosted import log_file, workers
    from jobdesk.tui.contexts import choose

    settings = settings_module.current()
    chosen = choose(settings, context)
    if chosen.production:
        raise BadInput(
            f"{chosen.name} is production: its jobs are not run under a dashboard;"
            " start 'jobdesk worker' where they belong"
        )
    company = workers(chosen.settings, log_file(chosen.settings), processes=processes)
    click.echo(f"Workers run under the dashboard; their log: {company.log}")
    return run_desk(settings, [company], read_only=read_only, context=context, mode=mode)


@click.command()
@json_option
def keys(as_json: bool) -> None:
    """List the keys of the dashboard, and the ids to remap them by."""
    from jobdesk.tui.cheatsheet import rows, text

    if as_json:
        print_json({"success": True, "count": len(rows()), "data": rows()})
    else:
        Session().say(text())


def _print_once(context: str | None, *, as_json: bool) -> int:
    from jobdesk import settings
    from jobdesk.tui.once import picture, text

    found = picture(settings.current(), context)
    if as_json:
        print_json({"success": True, "data": found})
    else:
        Session().say(text(found))
    return 0
