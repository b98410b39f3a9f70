"""rq as a peer."""

from __future__ import annotations

from benchmarks.peers import Peer

PEER = Peer(
    name="rq",
    title="rq",
    language="python",
    packages=("rq", "redis"),
    settings="rq worker with SimpleWorker (no fork): one job at a time; results kept for 500 s",
    worker=("rq", "worker", "-w", "rq.SimpleWorker", "-q", "--url", "{url}", "bench"),
    ended=lambda client, _added: client.zcard("rq:finished:bench"),
    jobs=1500,
)
