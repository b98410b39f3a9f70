"""jobdesk as a peer."""

from __future__ import annotations

from benchmarks.peers import Peer

PEER = Peer(
    name="jobdesk",
    title="jobdesk",
    language="python",
    packages=("huey", "redis", "hiredis"),
    settings="huey_consumer -w N; records, events, leases, attempts, figures; signed, results kept",
    worker=("huey_consumer", "app.huey", "-w", "{slots}", "-q"),
    ended=lambda client, _added: client.zcard("jd:{bench}:completed"),
    jobs=30_000,
)
