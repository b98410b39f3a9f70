"""The demo's traffic: every wheel of it adds what is accepted, and what it writes stays bounded."""

from __future__ import annotations

import os
import random

from jobdesk import settings as settings_module
from jobdesk.demo import tasks
from jobdesk.demo.flow import Flow, thin_out
from jobdesk.service import QueueService


def test_a_turn_of_every_wheel_adds_jobs_that_are_taken(settings, broker):
    host = "127.0.0.1:8081"
    chosen = settings.model_copy(update={"webhook_hosts": (host,)})
    settings_module.use(chosen)
    service = QueueService(chosen, broker=broker)
    flow = Flow(service, host, random.Random(1))
    assert tasks.queue.name == "demo"

    wheels = 1
    for every, _ in flow._wheels:
        wheels *= every
    flow.turn(wheels)

    stats = {one.name: one for one in service.get_all_queue_stats()}
    assert {name for name, one in stats.items() if one.waiting} >= {
        "email", "pdf", "notification", "report", "demo",
    }  # fmt: skip
    assert sum(one.delayed for one in stats.values()) == 1


def test_of_an_outbox_the_newest_are_kept(tmp_path):
    for number in range(5):
        file = tmp_path / f"{number}.eml"
        file.touch()
        os.utime(file, (number, number))

    thin_out(tmp_path, most=2)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.eml", "4.eml"]
