"""The thread that carries out commands, one after the other; a read-only session has none."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from typing import TYPE_CHECKING

from jobdesk.errors import JobdeskError
from jobdesk.tui.link import messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message import Message

    from jobdesk.broker.control import Control
    from jobdesk.settings import Settings
    from jobdesk.tui.commands.base import Command

#: Between two reports on a command of many jobs.
REPORT_S = 0.1

_log = logging.getLogger("jobdesk.tui")


class Writer:
    """Commands on their way to Redis, over a connection of their own."""

    def __init__(
        self, settings: Settings, post: Callable[[Message], object], *,
        who: str, written: Callable[[], None],
    ) -> None:  # fmt: skip
        self._settings = settings
        self._post = post
        self._who = who
        self._written = written
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, command: Command) -> None:
        """Carry out a command behind those that wait."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="jobdesk-writer", daemon=True)
            self._thread.start()
        self._commands.put(command)

    def stop_command(self) -> None:
        """Stop the command that runs, between two of its batches."""
        self._stopped.set()

    def end(self) -> None:
        """End the thread, after the call in flight."""
        self._stopped.set()
        self._commands.put(None)

    def join(self, wait: float) -> None:
        """Wait until it has ended, at most so many seconds."""
        if self._thread is not None:
            self._thread.join(wait)

    def _run(self) -> None:
        from jobdesk.broker.connection import Broker
        from jobdesk.broker.control import Control

        with Broker(self._settings) as broker:
            control = Control(broker, who=self._who)
            while (command := self._commands.get()) is not None:
                self._stopped.clear()
                self._carry_out(command, control)
                self._written()

    def _carry_out(self, command: Command, control: Control) -> None:
        told, reached = 0.0, (0, 0)

        def progress(done: int, total: int) -> bool:
            nonlocal told, reached
            reached = done, total
            if time.monotonic() - told > REPORT_S:
                told = time.monotonic()
                self._post(messages.CommandProgress(command, done, total))
            return not self._stopped.is_set()

        outcome, error = None, None
        try:
            outcome = command.run(control, progress)
        except Exception as exc:  # noqa: BLE001  # the operator is told, whatever it was
            error = exc
            if not isinstance(exc, JobdeskError):
                _log.exception("%s failed", command.line)
        with contextlib.suppress(RuntimeError):  # the app has ended
            self._post(messages.CommandDone(command, outcome, error, *reached))
