"""How the connection is, as the reader tells it and the first line shows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LinkState(StrEnum):
    """How the connection is."""

    CONNECTING = "connecting"
    LIVE = "live"
    SLOW = "slow"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatus:
    """All that is known of the connection."""

    state: LinkState = LinkState.CONNECTING
    #: one round trip
    latency_ms: float = 0.0
    #: seconds between two reads, as things are
    interval: float = 1.0
    error: str = ""
    #: monotonic: since when it is as it is, and when it is tried again
    since: float = 0.0
    retry_at: float = 0.0
    #: how many tries have failed in a row
    tries: int = 0
    #: why nothing can be changed over it, a sentence; "" where the Redis user may
    forbidden: str = ""

    @property
    def usable(self) -> bool:
        """Whether something can be asked of Redis now."""
        return self.state in (LinkState.LIVE, LinkState.SLOW)
