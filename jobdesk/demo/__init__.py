"""``jobdesk demo``: the six queues at real work on generated input, on a Redis of its own.

:func:`run` is the demo without a dashboard, from end to end; :class:`Live` is what stands behind a
dashboard, which the command line opens. ``place`` is where a run lives, ``traffic`` what is added
first, ``flow`` what comes after it, ``tasks`` a queue of the demo's own, ``report`` the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobdesk.engine.hosted import Hosted
    from jobdesk.settings import Settings

LIMIT_S = 150.0
QUICK = ("email", "notification", "sync", "demo")


class Live:
    """A run: its place, its workers, and what answers its webhooks."""

    def __init__(self, redis_url: str | None) -> None:
        from jobdesk.demo.place import own_settings
        from jobdesk.demo.receiver import Receiver
        from jobdesk.engine import hosted

        self.receiver = Receiver()
        self.settings: Settings = own_settings(redis_url, self.receiver.host)
        folder = self.settings.data_folder
        self.receiver.keep_in(folder / "webhooks")
        self.workers: Hosted = hosted.workers(self.settings, folder / "worker.log")

    def more(self) -> list[Hosted]:
        """What a dashboard shows besides: a second worker, and what adds jobs while one looks.

        The second serves the quick queues: children for papers are too large to have them twice.
        """
        from jobdesk.demo.flow import start
        from jobdesk.engine import hosted

        second = hosted.workers(self.settings, self.workers.log, queues=QUICK)
        log = self.settings.data_folder / "flow.log"
        return [second, start(self.settings, self.receiver.host, log)]

    def close(self) -> None:
        """Let go of Redis and of the port; the workers are the caller's to end."""
        from jobdesk.broker import connection

        connection.close_all()
        self.receiver.close()


def run(*, redis_url: str | None = None) -> int:
    """Run the demo: 0 when every job ended as it should, else 1.

    The embedded Redis and all files are in a folder of this run's own, below ``.demo``; the
    ``REDIS_URL`` and the accounts of the environment are not looked at.
    """
    from jobdesk.demo.report import Report
    from jobdesk.demo.traffic import Traffic
    from jobdesk.service import QueueService

    live = Live(redis_url)
    folder, workers = live.settings.data_folder, live.workers
    print(f"jobdesk demo: everything it makes is in {folder}", flush=True)
    try:
        service = QueueService(live.settings)
        traffic = Traffic(service, folder, live.receiver.host)
        traffic.add()
        traffic.wait(LIMIT_S, lambda: workers.running)
        report = Report(service, traffic)
        report.print(workers.log)
        return 0 if report.as_expected else 1
    finally:
        workers.stop()
        if not workers.wait(30):
            workers.kill()
        live.close()
