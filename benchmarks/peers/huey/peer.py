"""huey as a peer."""

from __future__ import annotations

from benchmarks.peers import Peer

PEER = Peer(
    name="huey",
    title="huey",
    language="python",
    packages=("huey", "redis"),
    settings="RedisHuey, huey_consumer -w N; results kept",
    worker=("huey_consumer", "app.huey", "-w", "{slots}", "-q"),
    ended=lambda client, _added: client.hlen("huey.results.bench"),
    jobs=8000,
    variants={"processes": ("huey_consumer", "app.huey", "-w", "{slots}", "-k", "process", "-q")},
)
