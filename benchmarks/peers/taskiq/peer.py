"""taskiq as a peer."""

from __future__ import annotations

from benchmarks.peers import Peer

PEER = Peer(
    name="taskiq",
    title="taskiq",
    language="python",
    packages=("taskiq", "taskiq-redis", "redis"),
    settings="ListQueueBroker (no acknowledgement), -w 1 --max-async-tasks N; results kept",
    worker=(
        "taskiq",
        "worker",
        "app:broker",
        "-w",
        "1",
        "--max-async-tasks",
        "{slots}",
        "--log-level",
        "ERROR",
    ),
    ended=lambda client, _added: client.dbsize(),
)
