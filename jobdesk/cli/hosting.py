"""The dashboard with workers under it: one command that is the whole desk.

When it is left, the workers may end what they run; ``q`` or Ctrl-C ends them now.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from jobdesk.engine.hosted import Hosted
    from jobdesk.settings import Settings

#: How long they have beyond ``shutdown_timeout``: to give back what did not end.
MORE_S = 30.0
LOOK_S = 0.1


def run_desk(settings: Settings, company: Sequence[Hosted], **options: Any) -> int:
    """Open the dashboard over ``company``, the workers first, and end that with it."""
    from jobdesk.cli.session import operator
    from jobdesk.tui import run

    try:
        return run(settings, who=operator(), company=company[0], **options)
    finally:
        leave(company, settings.shutdown_timeout)


def leave(company: Sequence[Hosted], patience_s: float) -> None:
    """Stop them all; returns when nothing of them is left."""
    for one in company:
        one.stop()
    if all(one.wait(0.5) for one in company):
        return
    click.echo("Stopping the workers: what runs now may end first. q or ctrl+c stops it.", err=True)
    asked = 0
    until = time.monotonic() + patience_s + MORE_S
    with _keys() as pressed:
        while any(one.running for one in company):
            try:
                if not pressed():
                    if time.monotonic() > until:
                        break
                    continue
            except KeyboardInterrupt:
                pass
            asked += 1
            if asked > 1:
                break
            for one in company:
                one.stop(now=True)
    for one in company:
        if not one.wait(0):
            one.kill()
            click.echo(f"It did not stop, and was killed: see {one.log}", err=True)


@contextmanager
def _keys() -> Iterator[Any]:
    """A function that waits a moment, and tells whether ``q`` was pressed."""
    if not sys.stdin.isatty():
        yield lambda: time.sleep(LOOK_S)
        return
    import termios
    import tty

    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)

    def pressed() -> bool:
        ready, _, _ = select.select([handle], [], [], LOOK_S)
        return bool(ready) and b"q" in os.read(handle, 100).lower()

    tty.setcbreak(handle)
    try:
        # what was typed for the dashboard is not meant for us
        with suppress(termios.error):
            termios.tcflush(handle, termios.TCIFLUSH)
        yield pressed
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)
