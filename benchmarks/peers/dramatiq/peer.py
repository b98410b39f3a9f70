"""dramatiq as a peer."""

from __future__ import annotations

from benchmarks.peers import Peer

PEER = Peer(
    name="dramatiq",
    title="dramatiq",
    language="python",
    packages=("dramatiq", "redis"),
    settings="dramatiq app -p 1 -t N; results kept by its Redis backend",
    worker=("dramatiq", "app", "-p", "1", "-t", "{slots}"),
    ended=lambda client, added: added - client.hlen("dramatiq:default.msgs"),
)
