"""arq as a peer."""

from __future__ import annotations

from benchmarks.peers import Peer

PEER = Peer(
    name="arq",
    title="arq",
    language="python",
    packages=("arq", "redis"),
    settings="max_jobs=N, poll_delay=0.01 (its default 0.5 is slower); results kept for an hour",
    worker=("arq", "app.WorkerSettings"),
    ended=lambda client, added: added - client.zcard("arq:queue"),
)
