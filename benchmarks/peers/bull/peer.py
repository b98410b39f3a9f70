"""Bull 4 as a peer."""

from __future__ import annotations

from benchmarks.peers import Peer

PEER = Peer(
    name="bull",
    title="Bull 4",
    language="node",
    packages=("bull", "ioredis"),
    settings="queue.process(N, …); records and results kept",
    worker=("node", "app.js"),
    ended=lambda client, _added: client.zcard("bull:bench:completed"),
    jobs=30_000,
)
