"""`make soak`: load for half an hour, and something breaks at least once a minute.

Two fleets, a worker of Huey's and a producer, all through a proxy to a Redis with an append-only
file. What is broken, and when, is printed, and so are the counts. At the end all is mended, the
jobs run out, and the history is checked: it ends with 1 when an acknowledged job is lost, when one
ended twice in a generation, or when anything else of :mod:`tests.chaos.history` is wrong.

SOAK_MINUTES (30), SOAK_SEED (the time).
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from jobdesk import settings as settings_module
from jobdesk.broker.connection import Broker
from jobdesk.broker.control import Control
from jobdesk.errors import JobdeskError
from tests import servers
from tests.acceptance.workers import Starter, Worker
from tests.chaos.play import MODULE, QUEUE, Play
from tests.chaos.proxy import Proxy

#: Seconds between two faults: two a minute, and sometimes three.
PAUSE_S = (15.0, 30.0)


class Soak:
    """The server, the workers, and what is done to them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.server = servers.Server("--appendonly", "yes", "--appendfsync", "everysec")
        self.proxy = Proxy(self.server.socket)
        self.settings = settings_module.load(
            redis_url=self.proxy.url, namespace="soak", data=folder / "data", _env_file=None
        )
        self.broker = Broker(self.settings)
        self.play = Play(self.broker, folder, seed=seed)
        environment = {
            **os.environ,
            **self.play.environment,
            "REDIS_URL": self.proxy.url,
            "JOBDESK_NAMESPACE": "soak",
            "JOBDESK_DATA": str(folder / "data"),
        }
        self.start = Starter(environment, folder)
        self.team: list[Worker] = [self._fleet(), self._fleet(), self._plain()]
        self.done: Counter[str] = Counter()

    def _fleet(self) -> Worker:
        return self.start.jobdesk_worker(QUEUE, processes=1, module=MODULE)

    def _plain(self) -> Worker:
        return self.start.huey_consumer("-w", "10", "-q", module=MODULE)

    # --- faults

    def faults(self) -> list[Callable[[], str]]:
        return [
            self.kill_plain, self.kill_child, self.kill_parent, self.freeze, self.deploy,
            self.restart_redis, self.redis_away, self.forget_scripts, self.lose_answers,
            self.hang, self.cut, self.slow, self.fill, self.pause, self.operate,
        ]  # fmt: skip

    def kill_plain(self) -> str:
        self.team[2].kill()
        self.team[2] = self._plain()
        return "huey_consumer killed and replaced"

    def kill_child(self) -> str:
        children = self.team[0].children()
        for child in children:
            child.kill()
        return f"{len(children)} processes of a fleet killed; their parent replaces them"

    def kill_parent(self) -> str:
        self.team[1].kill()
        self.team[1] = self._fleet()
        return "parent of a fleet killed, another fleet started"

    def freeze(self) -> str:
        self.team[2].signal(signal.SIGSTOP)
        time.sleep(4)
        self.team[2].signal(signal.SIGCONT)
        return "huey_consumer frozen for 4 s, twice its lease"

    def deploy(self) -> str:
        old, self.team[0] = self.team[0], self._fleet()
        old.signal(signal.SIGTERM)
        return f"a fleet told to stop: exit status {old.wait(60)}; another started"

    def restart_redis(self) -> str:
        self.server.kill()
        self.server.start()
        return "Redis killed and restarted"

    def redis_away(self) -> str:
        self.server.kill()
        time.sleep(5)
        self.server.start()
        return "Redis away for 5 s, longer than a lease"

    def forget_scripts(self) -> str:
        self.server.client().script_flush()
        return "SCRIPT FLUSH"

    def lose_answers(self) -> str:
        before = self.proxy.lost
        for _ in range(20):
            script = self.random.choice(["add_jobs", "exchange_jobs", "renew_leases"])
            self.proxy.lose(script, self.random.choice([1, 2]))
            time.sleep(0.1)
        return f"{self.proxy.lost - before} answers lost"

    def hang(self) -> str:
        self.proxy.hang()
        time.sleep(7)
        self.proxy.mend()
        return "all links hung for 7 s"

    def cut(self) -> str:
        self.proxy.cut()
        return "all links cut"

    def slow(self) -> str:
        self.proxy.delay_s = 0.05
        time.sleep(5)
        self.proxy.delay_s = 0
        return "50 ms added to every answer for 5 s"

    def fill(self) -> str:
        client = self.server.client()
        client.config_set("maxmemory", "1mb")
        time.sleep(4)
        client.config_set("maxmemory", 0)
        return "Redis at maxmemory for 4 s"

    def pause(self) -> str:
        control = Control(self.broker)
        control.pause_queue(QUEUE)
        time.sleep(3)
        control.resume_queue(QUEUE)
        return "queue paused for 3 s"

    def operate(self) -> str:
        control = Control(self.broker, "soak")
        retried = control.retry_all(QUEUE).count
        return f"{retried} failed jobs retried by hand"

    # --- the run

    def run(self, minutes: float) -> list[str]:
        """Break things for so long; what was found wrong."""
        began = time.monotonic()
        self.play.keep_adding(0.02, seconds=0.1)
        order = self.random.sample(self.faults(), len(self.faults()))
        while time.monotonic() - began < minutes * 60:
            fault = order.pop()
            order = order or self.random.sample(self.faults(), len(self.faults()))
            time.sleep(self.random.uniform(*PAUSE_S))
            try:
                told = fault()
            except JobdeskError as error:
                told = f"{fault.__name__}: {error}"
            self.done[fault.__name__] += 1
            self._say(began, told)
        self.play.stop_adding()
        self._say(began, "nothing is broken any more; waiting for the end of all jobs")
        self.play.wait_for_all(180)
        for worker in self.team:
            worker.signal(signal.SIGTERM)
        for worker in self.team:
            worker.wait(60)
        self._say(began, "done")
        return self.play.verdict()

    def _say(self, began: float, told: str) -> None:
        try:
            counts = ", ".join(f"{n} {state}" for state, n in self.play.watch.counts().items() if n)
        except Exception as error:  # noqa: BLE001 - it is only told
            counts = f"counts: {error}"
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        print(f"{minutes:3}:{seconds:02}  {told}\n        {self.play.acked} acknowledged; {counts}",
              flush=True)  # fmt: skip

    def close(self) -> None:
        self.start.clear_away()
        self.broker.close()
        self.proxy.close()
        self.server.stop()


def main() -> int:
    """Soak, and tell."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # that all processes are ended
    minutes = float(os.environ.get("SOAK_MINUTES") or 30)
    seed = int(os.environ.get("SOAK_SEED") or time.time())
    with tempfile.TemporaryDirectory(prefix="jobdesk-soak-") as folder:
        soak = Soak(Path(folder), seed)
        print(f"{minutes:g} minutes, seed {seed}", flush=True)
        try:
            found = soak.run(minutes)
        finally:
            soak.close()
        play = soak.play
        events = Counter(note["e"] for note in play.history.notes() if note["k"] == "event")
    print("\nfaults: " + ", ".join(f"{name} {n}" for name, n in sorted(soak.done.items())))
    print("events: " + ", ".join(f"{name} {n}" for name, n in sorted(events.items())))
    print(f"acknowledged: {play.acked}")
    for problem in found[:50]:
        print(f"WRONG: {problem}")
    print(f"problems: {len(found)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
