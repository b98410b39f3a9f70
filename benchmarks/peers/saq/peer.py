"""saq as a peer."""

from __future__ import annotations

from benchmarks.peers import Peer

PEER = Peer(
    name="saq",
    title="saq",
    language="python",
    packages=("saq", "redis"),
    settings="concurrency=N; results kept for ten minutes",
    worker=("saq", "app.settings"),
    ended=lambda client, added: added - client.zcard("saq:bench:incomplete"),
)
