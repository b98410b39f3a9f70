"""Whether a command may be given at all.

Three things make a session one that only looks: ``--read-only``, ``JOBDESK_TUI__READ_ONLY``, and a
Redis user that may not write. Below this such a session has no Control either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobdesk.tui.link.status import LinkState
from jobdesk.tui.text import spans

if TYPE_CHECKING:
    from jobdesk.tui.link.status import LinkStatus

READ_ONLY = (
    "This session is read-only: start it without --read-only (JOBDESK_TUI__READ_ONLY) to change"
    " things."
)


def refusal(status: LinkStatus, *, read_only: bool, now: float) -> str | None:
    """Why nothing can be changed now; None when it can."""
    if read_only:
        return READ_ONLY
    if status.forbidden:
        return status.forbidden
    if status.state is LinkState.CONNECTING:
        return "Not connected to Redis yet."
    if status.state is LinkState.OFFLINE:
        return f"Redis has been away for {spans.age((now - status.since) * 1000)}."
    return None
