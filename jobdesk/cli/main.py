"""The ``jobdesk`` command: finds the subcommand, and says how it ended.

Exit codes: 0 done; 1 it ran and the answer is no; 2 bad input or a refused action; 3 Redis cannot
be used; 130 interrupted. A refusal is one line on stderr, or with ``--json`` an object on stdout.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from jobdesk.cli import lean
from jobdesk.cli.catalogue import COMMANDS, EXAMPLES, SECTIONS
from jobdesk.errors import JobdeskError
from jobdesk.safetext import safe_text

INTERRUPTED = 130
#: With one of these no settings are read.
_NEED_NOTHING = ("--help", "-h", "--version")
_OWN_OPTIONS = ("--help", "--version", "--json", "--")


class Root(click.Group):
    """The group of all commands; imports the module of the one that is called, and no other."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = import_module(f"jobdesk.cli.{entry.module}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # an option of all commands; the dashboard reads it itself: it treats production otherwise
        if args and args[0].partition("=")[0] == "--context":
            words = 1 if "=" in args[0] else 2
            if args[words : words + 1] == ["tui"]:
                args = ["tui", *args[:words], *args[words + 1 :]]
            elif args[words : words + 1] and not args[words].startswith("-"):
                return super().parse_args(ctx, args)
        # 'jobdesk --workers' is 'jobdesk tui --workers': the dashboard is what comes without a word
        if args and args[0].startswith("--") and args[0].partition("=")[0] not in _OWN_OPTIONS:
            args = ["tui", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f"did you mean {near[0]!r}?" if near else "'jobdesk --help' lists them"
            raise click.UsageError(f"no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's signature
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.help) for name, entry in commands.items()])
        with formatter.section("Examples"):
            formatter.write_dl(list(EXAMPLES))

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002  # click's signature; this always ends the process
        **extra: Any,
    ) -> NoReturn:
        """Run a command line and exit with its code."""
        words = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in words
        try:
            code = super().main(
                words, prog_name or "jobdesk", complete_var, standalone_mode=False, **extra
            )
        except JobdeskError as exc:
            _refuse(type(exc).__name__, str(exc), as_json)
            code = exc.exit_code
        except click.ClickException as exc:
            if isinstance(exc, click.UsageError) and exc.ctx is not None and not as_json:
                click.echo(f"{exc.ctx.get_usage()}\n", err=True)
            _refuse(type(exc).__name__, exc.format_message(), as_json)
            code = exc.exit_code
        except click.Abort:
            click.echo("Nothing was changed.", err=True)
            code = 1
        sys.exit(code or 0)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            found = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Who reads has seen enough (| head). What is left in the buffer must not fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except KeyboardInterrupt:
            return INTERRUPTED
        return found


def _refuse(kind: str, message: str, as_json: bool) -> None:
    if as_json:
        from jobdesk.cli.session import print_json

        print_json({"success": False, "error": kind, "message": message})
    else:
        click.echo(f"{kind}: {safe_text(message)}", err=True)


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"jobdesk {version('jobdesk')}")
        ctx.exit()


@click.group(
    name="jobdesk",
    cls=Root,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
    help="Show which release this is.",
)  # fmt: skip
@click.option(
    "--context", metavar="NAME",
    help="Work on this one of JOBDESK_CONTEXTS: 'jobdesk --context staging queues'.",
)  # fmt: skip
@click.pass_context
def cli(ctx: click.Context, context: str | None) -> int | None:
    """Run background jobs, and see and steer them.

    Without a command the dashboard opens; 'jobdesk --workers' is a whole desk, with workers of all
    queues under it. 'jobdesk demo' shows it at work.

    The Redis is the one of REDIS_URL; without it, jobdesk uses one of its own on this machine.
    'jobdesk COMMAND --help' tells more of each command.
    """
    if context is not None:
        _use(context)
    if ctx.invoked_subcommand is None:
        if sys.stdin.isatty() and sys.stdout.isatty():
            from jobdesk.cli.tui import tui

            code: int = ctx.invoke(tui)
            return code
        click.echo(ctx.get_help())
    return None


def _use(context: str) -> None:
    """Work on a context, as the processes do that are started from here."""
    from jobdesk import settings
    from jobdesk.tui.contexts import choose

    chosen = choose(settings.current(), context).settings
    os.environ.update(REDIS_URL=chosen.redis_url or "", JOBDESK_NAMESPACE=chosen.namespace)
    settings.use(None)


def main() -> NoReturn:
    """The console entry."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    entry = next((COMMANDS[word] for word in sys.argv[1:] if word in COMMANDS), None)
    if entry is not None and entry.heavy:
        cli.main()
    _run_light(settings=not any(word in _NEED_NOTHING for word in sys.argv[1:]))


def _run_light(*, settings: bool) -> NoReturn:
    """Run a command that is over soon, or is waited for: a dashboard, until it shows something."""
    lean.prepare(settings=settings)
    try:
        cli.main()
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else 1
        with suppress(BrokenPipeError):
            sys.stdout.flush()
            sys.stderr.flush()
        # Taking all modules down again would be another tenth, and changes nothing any more.
        os._exit(code)
    raise AssertionError("a command line always exits")
