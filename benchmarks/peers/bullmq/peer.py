"""BullMQ as a peer."""

from __future__ import annotations

from benchmarks.peers import Peer

PEER = Peer(
    name="bullmq",
    title="BullMQ",
    language="node",
    packages=("bullmq", "ioredis"),
    settings="new Worker(…, {concurrency: N}); records, events and results kept",
    worker=("node", "app.js"),
    ended=lambda client, _added: client.zcard("bull:bench:completed"),
    jobs=30_000,
)
