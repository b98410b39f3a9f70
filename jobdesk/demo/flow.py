"""What the demo adds while somebody looks: about a job a second, of all kinds.

``python -m jobdesk.demo.flow`` is a program under the dashboard, as the workers are. It begins with
a job of every type, as the demo without a dashboard does, and goes on until its host is gone.
"""

from __future__ import annotations

import itertools
import logging
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jobdesk.demo import samples
from jobdesk.models import Backoff

if TYPE_CHECKING:
    from jobdesk.engine.hosted import Hosted
    from jobdesk.service import QueueService
    from jobdesk.settings import Settings

logger = logging.getLogger("jobdesk.demo")

EVERY_S = 1.0
#: A machine that does not keep up is given no more.
MOST_WAITING = 100
#: Mails and notes that are kept; a demo may run for hours.
MOST_KEPT = 3_000


def start(settings: Settings, webhook_host: str, log: Path) -> Hosted:
    """Start it under this process."""
    from jobdesk.engine.children import plain
    from jobdesk.engine.hosted import Hosted

    return Hosted(__name__, {"settings": plain(settings), "webhook_host": webhook_host}, log)


class Flow:
    """Jobs by turns: some are added by every turn of a wheel, others now and then."""

    def __init__(self, service: QueueService, webhook_host: str, draw: random.Random) -> None:
        self._service = service
        self._hooks = f"http://{webhook_host}"
        self._draw = draw
        self._number = itertools.count(1)
        #: every so many turns -> what is added then
        self._wheels: tuple[tuple[int, Callable[[], None]], ...] = (
            (1, self.mail_or_notice), (7, self.invoice), (9, self.countdowns), (11, self.flaky),
            (13, self.delayed), (17, self.webhook), (19, self.report), (23, self.cut_file),
            (31, self.bulk), (37, self.receipt), (41, self.unknown_template), (43, self.down),
        )  # fmt: skip

    def turn(self, count: int) -> None:
        """Add what is due at this turn."""
        for every, add in self._wheels:
            if count % every == 0:
                add()

    def _add(self, queue: str, type_: str, data: samples.Data, **options: object) -> None:
        self._service.add_job(queue, type_, data, **options)  # type: ignore[arg-type]  # words of one

    def mail_or_notice(self) -> None:
        """The common small ones, some more urgent than others."""
        number, user = next(self._number), f"user-{self._draw.randrange(40)}"
        urgency = self._draw.choice((1, 2, 4, 4, 4, 8))
        match self._draw.randrange(4):
            case 0 | 1:
                mail = {"to": samples.CLIENT, "subject": f"Your case, message {number}",
                        "html": "<p>There is news.</p>"}  # fmt: skip
                self._add("email", "transactional", mail, priority=urgency)
            case 2:
                notice = {
                    "userId": user,
                    "title": "A new document",
                    "message": f"Document {number} is there.",
                    "link": "/documents",
                }
                self._add("notification", "in-app", notice, priority=urgency)
            case _:
                text = {"phoneNumber": samples.PHONE, "message": f"Your code is {number:06}"}
                self._add("notification", "sms", text, priority=urgency)

    def invoice(self) -> None:
        """One that is made and well."""
        number = f"INV-2026-{next(self._number) + 100}"
        self._add("pdf", "invoice", {"invoiceData": {**samples.INVOICE, "invoiceNumber": number}})

    def receipt(self) -> None:
        """Another paper."""
        self._add("pdf", "receipt", {"receiptData": samples.RECEIPT})

    def report(self) -> None:
        """The quick kind of report."""
        from jobdesk.db.sample import firm_id

        days = {"firmId": firm_id(), "startDate": "2026-01-01", "endDate": "2026-10-31"}
        self._add("report", "analytics", {**days, "format": "json"})

    def countdowns(self) -> None:
        """More than can run at once, so that some wait; with progress."""
        for _ in range(self._draw.randrange(4, 7)):
            steps = {"steps": self._draw.randrange(10, 40), "pause_s": 0.25}
            self._add("demo", "countdown", steps, priority=self._draw.choice((2, 4, 8)))

    def flaky(self) -> None:
        """Failing once or twice, and waiting for the next try where one can see it."""
        fails = {"fails": self._draw.choice((1, 2))}
        self._add("demo", "flaky", fails, backoff=Backoff.fixed(12))

    def delayed(self) -> None:
        """For later."""
        mail = {"to": samples.CLIENT, "subject": "A reminder", "html": "<p>Now.</p>"}
        self._add("email", "transactional", mail, delay=self._draw.randrange(20, 90))

    def bulk(self) -> None:
        """One job that takes a while, batch by batch."""
        people = samples.recipients(400)
        self._add("email", "bulk", {"recipients": people, "subject": "Newsletter",
                                    "html": samples.NEWSLETTER})  # fmt: skip

    def webhook(self) -> None:
        """To a receiver that is there."""
        event = {"event": "case.updated", "id": next(self._number)}
        self._add(
            "notification", "webhook", {"webhookUrl": f"{self._hooks}/hooks", "payload": event}
        )

    # --- what fails, each for a cause of its own

    def down(self) -> None:
        """To a receiver that is not: tried again, and given up."""
        event = {"event": "case.closed", "id": next(self._number)}
        self._add(
            "notification", "webhook", {"webhookUrl": f"{self._hooks}/down", "payload": event}
        )

    def cut_file(self) -> None:
        """The same cause, each time with other numbers."""
        file = f"clients-{self._draw.randrange(1, 90):02}.csv"
        self._add("demo", "rows", {"file": file, "lines": self._draw.randrange(10, 900)})

    def unknown_template(self) -> None:
        """A template's name, typed wrong."""
        mail = {"to": samples.CLIENT, "subject": "Welcome", "templateId": "welcom"}
        self._add("email", "template", mail)


def thin_out(folder: Path, most: int = MOST_KEPT) -> None:
    """Delete the oldest files of an outbox beyond ``most``."""
    files = sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[most:]:
        path.unlink(missing_ok=True)


def main() -> int:
    """Add jobs until the host has gone."""
    from jobdesk import settings as settings_module
    from jobdesk.demo.traffic import Traffic
    from jobdesk.engine import hosted
    from jobdesk.errors import JobdeskError
    from jobdesk.service import QueueService

    order, host = hosted.take_order()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    done = threading.Event()
    hosted.obey(host, lambda _now: done.set())
    settings = settings_module.load(**order["settings"])
    settings_module.use(settings)
    service = QueueService(settings)
    Traffic(service, settings.data_folder, order["webhook_host"]).add(
        go_on=lambda: not done.is_set()
    )
    flow = Flow(service, order["webhook_host"], random.Random(7))
    for count in itertools.count(1):
        if done.wait(EVERY_S):
            break
        try:
            if sum(stats.waiting for stats in service.get_all_queue_stats()) < MOST_WAITING:
                flow.turn(count)
            if count % 60 == 0:
                thin_out(settings.data_folder / "outbox")
        except (JobdeskError, OSError) as exc:
            logger.warning("%s: %s", type(exc).__name__, exc)
    return 0


if __name__ == "__main__":
    sys.exit(main())
