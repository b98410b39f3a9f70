"""What the commands have in common: the way to Redis, known queues, and how an answer is printed.

Made once per command. Nothing is connected before it is asked for, and of the engine nothing is
imported unless a command asks for the desk.
"""

from __future__ import annotations

import json
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import click

from jobdesk.safetext import safe_json, safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jobdesk.broker.connection import Broker
    from jobdesk.broker.control import Control
    from jobdesk.broker.inspector import Inspector
    from jobdesk.desk import Desk


F = TypeVar("F", bound="Callable[..., Any]")


class Session:
    """One command at work."""

    def __init__(self, *, as_json: bool = False, reveal: bool = False) -> None:
        self.as_json = as_json
        self.reveal = reveal

    # --- what it works with

    @cached_property
    def broker(self) -> Broker:
        """The connection to Redis."""
        from jobdesk.broker.connection import connect

        return connect()

    @cached_property
    def inspector(self) -> Inspector:
        """Bounded reads."""
        from jobdesk.broker.inspector import Inspector

        return Inspector(self.broker)

    @cached_property
    def control(self) -> Control:
        """The operator's commands, noted under this user's name."""
        from jobdesk.broker.control import Control

        return Control(self.broker, who=operator())

    @cached_property
    def desk(self) -> Desk:
        """The service: for what needs to know a type's parameters. Imports the engine."""
        from jobdesk.desk import Desk

        return Desk(broker=self.broker, who=operator())

    # --- names

    def queue_names(self) -> tuple[str, ...]:
        """The six queues that come with jobdesk, then those that somebody has used here."""
        from jobdesk.tasks import QUEUES

        return (*QUEUES, *(name for name in self.inspector.queues() if name not in QUEUES))

    def queue(self, name: str) -> str:
        """``name`` if there is such a queue, else ``UnknownQueue`` with the nearest name."""
        from jobdesk.models import check_queue_name

        known = self.queue_names()
        if check_queue_name(name) in known:
            return name
        from difflib import get_close_matches

        from jobdesk.errors import UnknownQueue

        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        raise UnknownQueue(f"no queue {name!r}; {hint}")

    # --- answers

    def redacted(self, value: Any) -> Any:
        """``value`` without secrets, unless ``--reveal`` was given."""
        if self.reveal:
            return value
        from jobdesk.redaction import redact

        return redact(value)

    def rows(self, shapes: Sequence[Mapping[str, Any]]) -> None:
        """Print a list as JSON."""
        print_json({"success": True, "count": len(shapes), "data": list(shapes)})

    def done(self, message: str, data: Mapping[str, Any]) -> None:
        """Say what an action did, and how it is undone where that is possible."""
        # only what has been used: making one would connect
        control: Control | None = vars(self).get("control")
        operation = control.operation if control is not None else ""
        if self.as_json:
            found = {**data, "operation": operation} if operation else dict(data)
            print_json({"success": True, "message": message, "data": found})
            return
        self.say(message)
        if operation and "queueName" in data:
            self.say(f"undo it by: jobdesk undo {data['queueName']} {operation}")

    def say(self, text: str) -> None:
        """Print text for people; what it quotes of jobs cannot act."""
        click.echo(safe_text(text))


def operator() -> str:
    """Who gives the command, as this machine has it: ``user@host``."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "?"  # a user id without a name, as containers have them
    return f"{user}@{socket.gethostname()}"


def print_json(value: Any) -> None:
    """One line of JSON on stdout. Characters that could steer a terminal are escaped in it."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    text = json.dumps(value, ensure_ascii=False, default=str)
    click.echo(safe_json(text, ascii_only=encoding != "utf8"))


def on_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is thrown away; only on a terminal, and not with ``--yes``."""
    if yes or not on_terminal():
        return
    # click's own would take an interrupt for a no
    click.echo(f"{question} [y/N] ", nl=False, err=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise click.Abort


def _complete_queue(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[str]:  # pragma: no cover  # by the shell
    session = Session()
    try:
        # a press of the tab key must not start a server
        embedded = session.broker.address.kind == "embedded"
        from jobdesk.tasks import QUEUES

        names = QUEUES if embedded else session.queue_names()
    except Exception:  # noqa: BLE001  # a completion that fails has nothing to offer
        return []
    return [name for name in names if name.startswith(incomplete)]


# --- parameters that many commands have


def queue_argument(*, required: bool = True, many: bool = False) -> Callable[[F], F]:
    """The argument QUEUE, or QUEUE…; the shell completes it."""
    return click.argument(
        "queues" if many else "queue",
        metavar="[QUEUE]..." if many else None,
        required=required,
        nargs=-1 if many else 1,
        shell_complete=_complete_queue,
    )


job_argument = click.argument("job_id", metavar="ID")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask first.")
reveal_option = click.option("--reveal", is_flag=True, help="Show secrets in data and results.")
