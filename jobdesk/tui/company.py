"""What runs under the dashboard and ends with it: workers of its own, started by who opens it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Company(Protocol):
    """Workers under the dashboard; it starts and stops nothing itself."""

    log: Path

    def trouble(self) -> str:
        """What the operator should know of them; "" while all is well."""
        ...
