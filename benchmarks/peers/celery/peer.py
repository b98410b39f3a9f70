"""celery as a peer."""

from __future__ import annotations

from benchmarks.peers import Peer

PEER = Peer(
    name="celery",
    title="celery",
    language="python",
    packages=("celery", "kombu", "redis"),
    settings="-P threads -c N; results kept in Redis",
    worker=("celery", "-A", "app", "worker", "-P", "threads", "-c", "{slots}", "-l", "error"),
    ended=lambda client, _added: client.dbsize() - 4,
)
