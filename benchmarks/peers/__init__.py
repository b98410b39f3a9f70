"""What is measured against what: a folder each, with the app, its packages and a ``peer.py``."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

#: In the order of the tables.
NAMES = ("jobdesk", "bull", "bullmq", "huey", "dramatiq", "celery", "rq", "arq", "saq", "taskiq")
QUICK = ("jobdesk", "bull", "huey")


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One peer: how its worker is started, and how one sees that its jobs have ended."""

    name: str
    title: str
    #: python or node
    language: str
    #: what its versions are told of
    packages: tuple[str, ...]
    #: how it is set up, for the reader of the table
    settings: str
    #: the worker's command, without the interpreter's folder; ``{slots}`` is how many at once
    worker: tuple[str, ...]
    #: how many jobs have ended, of so many that were added: one quick command
    ended: Callable[[redis.Redis, int], int]
    #: jobs of one drain: a second or two of work
    jobs: int = 3000
    #: may be had at ``-k process`` and the like, for the tables only
    variants: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where its app is."""
        return Path(__file__).parent / self.name


def load(name: str) -> Peer:
    """The peer of that name."""
    found: Peer = importlib.import_module(f"benchmarks.peers.{name}.peer").PEER
    return found
