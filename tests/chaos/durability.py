"""What durability costs: jobs added a second, one by one and a hundred at once, by one client.

``python -m tests.chaos.durability``; the classes take turns, so that a noisy machine is noisy for
all. Printed are medians, and the share of the first class.
"""

from __future__ import annotations

import statistics
import time

from jobdesk import settings as settings_module
from jobdesk.broker.connection import Broker
from jobdesk.broker.transitions import Transitions
from jobdesk.models import NewJob
from tests import servers

CLASSES = {
    "no file": (),
    "everysec": ("--appendonly", "yes", "--appendfsync", "everysec"),
    "always": ("--appendonly", "yes", "--appendfsync", "always"),
}
DATA = b'{"to":"someone@example.test","note":"' + b"x" * 150 + b'"}'
ROUNDS, SECONDS = 5, 2.0


def rate(moves: Transitions, batch: int) -> float:
    """Jobs a second."""
    count, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < SECONDS:
        moves.add(
            [
                NewJob(id=f"b{batch}-{count + n}", type="nap", payload=DATA, fields=(("at", 3),))
                for n in range(batch)
            ]
        )
        count += batch
    return count / took


def main() -> None:
    """Measure, and print a table."""
    rates: dict[str, dict[int, list[float]]] = {name: {1: [], 100: []} for name in CLASSES}
    for _ in range(ROUNDS):
        for name, options in CLASSES.items():
            server = servers.Server(*options)
            broker = Broker(settings_module.load(redis_url=server.url, _env_file=None))
            for batch, found in rates[name].items():
                found.append(rate(Transitions(broker, "q"), batch))
            broker.close()
            server.stop()
    first = {batch: statistics.median(found) for batch, found in rates["no file"].items()}
    print("| appendfsync | one by one | of it | a hundred at once | of it |\n|---|---|---|---|---|")
    for name, found in rates.items():
        cells = []
        for batch, values in found.items():
            middle = statistics.median(values)
            cells += [f"{middle:,.0f}/s", f"{middle / first[batch]:.0%}"]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
