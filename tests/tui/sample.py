"""A desk on one moment of a plausible afternoon: for the snapshots and the pictures.

Made by the worker's own scripts, on a clock that is set. What is read later is read by the
product's own code, whose clock stands still at :data:`NOW_MS`. The same at every run, to the last
character.
"""

from __future__ import annotations

import heapq
import json
import math
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Any

from jobdesk.broker import keys, registry
from jobdesk.broker.exchange import Finish, Outcome
from jobdesk.broker.transitions import Transitions
from jobdesk.engine.fingerprint import fingerprint
from jobdesk.models import NO_PRIORITY, NewJob
from tests import stored
from tests.clock import CLOCK

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker

#: 2026-03-10 14:05:30 UTC
NOW_MS = 1_773_151_530_000
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
LEASE_MS = 30_000

MAIL = {
    "to": "layla@example.com", "subject": "Your invoice INV-2026-0412",
    "html": "<p>Dear Layla,</p><p>your invoice is attached.</p>",
    "replyTo": "accounts@example.com",
}  # fmt: skip
INVOICE = {
    "invoiceId": "507f1f77bcf86cd799439011",
    "invoiceData": {
        "invoiceNumber": "INV-2026-0412",
        "clientName": "شركة الأفق للتجارة المحدودة",
        "items": [
            {"description": "Legal consultation", "quantity": "6", "unitPrice": "650.00"},
            {"description": "Drafting of a lease", "quantity": "1", "unitPrice": "1100.00"},
        ],
        "totalAmount": 5000,
    },
}
TRACEBACK = """Traceback (most recent call last):
  File "/srv/app/.venv/lib/python3.12/site-packages/jobdesk/engine/run.py", line 212, in call
    return function(*args, **kwargs)
  File "/srv/app/shop/mails.py", line 88, in transactional
    response = client.post("/emails", json=mail.model_dump())
  File "/srv/app/.venv/lib/python3.12/site-packages/httpx/_client.py", line 1144, in post
    return self.request("POST", url, json=json)
  File "/srv/app/.venv/lib/python3.12/site-packages/httpx/_transports/default.py", line 118, in map
    raise mapped_exc(message) from exc
{}
"""
TIMEOUT = "ReadTimeout: no answer from api.resend.com within 30 s"
REFUSED = "PermanentError: the address 'no-reply' has no domain"
FONT = "TemplateError: invoice.html, line 41: 'client' has no attribute 'vat_number'"
BANK = "TransientError: bank API answered 503 Service Unavailable"


@dataclass(frozen=True, slots=True)
class Planned:
    """One job, and what becomes of it."""

    id: str
    type: str
    #: before NOW_MS
    age_ms: int
    #: how long each run takes
    ran_ms: int = 400
    #: how the runs end, one after the other; when they are used up the job is still running
    ends: tuple[str, ...] = ("",)
    data: Any = None
    priority: int = NO_PRIORITY
    delay_ms: int = 0
    fields: dict[str, Any] = field(default_factory=dict)
    log: tuple[str, ...] = ()
    progress: Any = None
    value: Any = "done"


def job_id(name: str) -> str:
    """An id that looks like ours."""
    return "0VZ" + sha256(name.encode()).hexdigest()[:19]


class Sample:
    """Fills a Redis with it."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._client: Any = broker.client
        self._requests = count(1)

    def at(self, ms: int) -> None:
        """Set the scripts' clock."""
        self._client.set(CLOCK, ms)

    def fill(self) -> None:
        """Everything."""
        self._queue("email", self._mails(), "web-1:4120:a", slots=5, more=1240)
        self._queue("notification", self._notes(), "web-1:4120:a", slots=10, more=880)
        self._queue("pdf", self._papers(), "docs-1:77:c", slots=2, more=96)
        self._queue("report", self._reports(), "", slots=0, more=0)
        self._queue("sync", self._syncs(), "web-2:4188:b", slots=2, more=310, pause=True)
        self._queue("cleanup", self._cleanups(), "web-2:4188:b", slots=1, more=7)
        self._workers()
        self._audit()
        self._figures()
        self._client.delete(CLOCK)

    # --- what there is

    def _mails(self) -> list[Planned]:
        made = [
            Planned(job_id(f"mail{n}"), ("transactional", "template", "bulk")[n % 5 % 3],
                    90 * SECOND + n * 47 * SECOND, 180 + n * 37 % 900, data=MAIL)
            for n in range(24)
        ]  # fmt: skip
        made += [
            Planned(job_id(f"failed mail {n}"), "transactional", 14 * MINUTE + n * 71 * SECOND,
                    30_000, (TIMEOUT,) * 3, data={**MAIL, "apiKey": "re_123456789"}, priority=2,
                    log=("rendering the template", "POST https://api.resend.com/emails",
                         "no answer, giving up"))
            for n in range(6)
        ]  # fmt: skip
        made += [
            Planned(job_id(f"refused mail {n}"), "template", 9 * MINUTE + n * 13 * SECOND, 12,
                    (REFUSED,), data={**MAIL, "to": "no-reply"}, fields={"at": 1})
            for n in range(3)
        ]  # fmt: skip
        made += [
            Planned(job_id("retried mail"), "transactional", 58 * SECOND, 1200, (TIMEOUT,),
                    data=MAIL, priority=2),
            Planned(job_id("campaign"), "campaign", 41 * SECOND, HOUR, (), progress=62,
                    data={"campaign": "march", "recipients": 4200},
                    log=tuple(f"batch {n} of 42 sent, 100 recipients" for n in range(1, 27))),
            Planned(job_id("bulk"), "bulk", 12 * SECOND, HOUR, (), progress=8,
                    data={"list": "customers", "recipients": 880}),
        ]  # fmt: skip
        made += [
            Planned(job_id(f"reminder {n}"), "template", (3 + n) * MINUTE, data=MAIL,
                    delay_ms=(20 + 11 * n) * MINUTE)
            for n in range(9)
        ]  # fmt: skip
        return made

    def _notes(self) -> list[Planned]:
        kinds = ("push", "sms", "in-app", "webhook")
        made = [
            Planned(job_id(f"note{n}"), kinds[n % 4], 30 * SECOND + n * 31 * SECOND, 40 + n * 17,
                    data={"userId": f"u{n}", "title": "Your order is on its way"})
            for n in range(20)
        ]  # fmt: skip
        made.append(Planned(job_id("push now"), "push", 2 * SECOND, HOUR, (),
                            data={"userId": "u9"}))  # fmt: skip
        return made

    def _papers(self) -> list[Planned]:
        done = {"path": "2026/03/INV-2026-0412.pdf", "bytes": 48211, "pages": 2,
                "sha256": "9b0c4d7c1e2f"}  # fmt: skip
        made = [
            Planned(job_id(f"paper{n}"), ("invoice", "receipt", "statement")[n % 3],
                    3 * MINUTE + n * 83 * SECOND, 900 + n * 260, data=INVOICE, value=done,
                    log=("drawing page 1", "drawing page 2", "written"))
            for n in range(12)
        ]  # fmt: skip
        made.append(Planned(job_id("broken paper"), "invoice", 6 * MINUTE, 310, (FONT,) * 2,
                            data=INVOICE, fields={"at": 2}))  # fmt: skip
        made += [
            Planned(job_id(f"long paper {n}"), "statement", (40 + n) * SECOND, HOUR, (),
                    data=INVOICE, progress=35 + 30 * n)
            for n in range(2)
        ]  # fmt: skip
        made += [
            Planned(job_id(f"next paper {n}"), "invoice", (30 - n) * SECOND, data=INVOICE,
                    priority=3 if n < 3 else NO_PRIORITY)
            for n in range(14)
        ]  # fmt: skip
        return made

    def _reports(self) -> list[Planned]:
        return [
            Planned(job_id(f"report{n}"), ("financial", "client-aging")[n % 2],
                    4 * MINUTE - n * 9 * SECOND, data={"month": "2026-02"})
            for n in range(5)
        ]  # fmt: skip

    def _syncs(self) -> list[Planned]:
        made = [
            Planned(job_id(f"sync{n}"), ("bank-transactions", "currency-rates")[n % 2],
                    12 * MINUTE + n * 4 * MINUTE, 2100 + n * 90, data={"account": "SA03"})
            for n in range(7)
        ]  # fmt: skip
        made.append(Planned(job_id("bank away"), "bank-transactions", 11 * MINUTE, 950, (BANK,) * 3,
                            data={"account": "SA03"}))  # fmt: skip
        made += [
            Planned(job_id(f"sync later {n}"), "bank-transactions", (150 - n) * SECOND,
                    data={"account": "SA03"})
            for n in range(3)
        ]  # fmt: skip
        return made

    def _cleanups(self) -> list[Planned]:
        return [
            Planned(job_id(f"cleanup{n}"), ("temp-files", "old-logs")[n % 2],
                    11 * HOUR + n * MINUTE * 10, 5200, data={"dryRun": False},
                    value={"deleted": 412, "freed_bytes": 8_120_443})
            for n in range(2)
        ]  # fmt: skip

    # --- how it gets there

    def _queue(
        self, name: str, planned: list[Planned], worker: str, *, slots: int, more: int,
        pause: bool = False,
    ) -> None:  # fmt: skip
        specs = _SCHEDULES.get(name, {})
        registry.publish_queue(
            self.broker, name, types={one.type: _TYPES.get(one.type, {}) for one in planned},
            schedules=specs, keep_completed=":5000", keep_failed=":5000", max_stalled=3,
            max_active=None, rate_limit=(100, 60_000) if name == "notification" else None,
        )  # fmt: skip
        for schedule, spec in specs.items():
            self._client.hset(self.broker.keys(name).sched, schedule, spec["last"])
        self._older(name, planned, more)
        _Run(self, name, planned, worker, slots, pause=pause).all()
        if pause:
            self._client.hset(self.broker.keys(name).meta, "paused", "1")

    def _older(self, queue: str, planned: list[Planned], more: int) -> None:
        """Jobs of the hours before, straight into Redis: they are only there to be many."""
        names = self.broker.keys(queue)
        pipe = self.broker.pipeline()
        for n in range(more):
            one, of = job_id(f"{queue} older {n}"), planned[n % len(planned)]
            ended = NOW_MS - 40 * MINUTE - n * 29 * SECOND
            pipe.zadd(names.completed, {one: ended})
            stored.write(
                pipe, names, one, json.dumps(of.data).encode(), b'"done"',
                st="c", ep=1, t=of.type, ts=ended - 900, pon=ended - 600, fon=ended, am=1,
                w="web-1:4120:a",
            )  # fmt: skip
        pipe.execute()

    def _workers(self) -> None:
        told = (
            ("web-1:4120:a", ("email", "notification"), 15, 19 * HOUR, 1200,
             {"email": [job_id("campaign"), job_id("bulk")], "notification": [job_id("push now")]}),
            ("web-2:4188:b", ("sync", "cleanup"), 3, 19 * HOUR, 4100, {}),
            ("docs-1:77:c", ("pdf",), 2, 26 * MINUTE, 800,
             {"pdf": [job_id("long paper 0"), job_id("long paper 1")]}),
        )  # fmt: skip
        for worker, queues, slots, up_ms, beat_ms, in_hand in told:
            host, pid, _ = worker.split(":")
            self._client.set(keys.worker_info(self.broker.namespace, worker), json.dumps({
                "id": worker, "host": host, "pid": int(pid), "queues": queues, "slots": slots,
                "in_hand": in_hand, "version": "0.1.0", "started_ms": NOW_MS - up_ms,
                "beat_ms": NOW_MS - beat_ms,
            }))  # fmt: skip
            self._client.zadd(keys.workers(self.broker.namespace), {worker: NOW_MS - beat_ms})

    def _audit(self) -> None:
        told = (
            ("sync", 11 * MINUTE, "noura@ops-2", "pause", "", None),
            ("email", 8 * MINUTE, "omar@ops-1", "retry-all", "", 12),
            ("email", 7 * MINUTE, "omar@ops-1", "remove", job_id("gone"), None),
            ("cleanup", 3 * HOUR, "noura@ops-2", "clean", "", 240),
            ("notification", 26 * MINUTE, "deploy@ci", "limits", "", None),
        )
        for queue, ago, who, action, job, many in sorted(told, key=lambda one: -one[1]):
            told_of = {"who": who, "user": "desk", "action": action, "job": job,
                       "command": f"jobdesk {action} {queue} {job}".strip(),
                       "count": "" if many is None else str(many)}  # fmt: skip
            fields: Any = {name: value for name, value in told_of.items() if value}
            self._client.xadd(self.broker.keys(queue).audit, fields, id=f"{NOW_MS - ago}-0")

    def _figures(self) -> None:
        """The last hour, minute by minute, and the days before it: what runs all the time."""
        busy = {"email": 34, "notification": 61, "pdf": 5, "sync": 3, "cleanup": 0, "report": 0}
        last = NOW_MS // MINUTE
        pipe = self.broker.pipeline()
        for queue, rate in busy.items():
            for back in range(1, 60):
                swing = 3.5 * math.sin((back + 5 * len(queue)) / 4) + (7 * back + rate) % 3
                wave = 8 + swing + (6 if 18 < back < 27 and queue == "email" else 0)
                done = round(rate * wave / 12)
                if not done or (queue == "sync" and back < 11):
                    continue
                failed = done // 40 if queue == "email" and back < 20 else 0
                pipe.hset(self.broker.keys(queue).figures("m", last - back), mapping={
                    "a": done + back % 3, "c": done, "f": failed, "rt": failed * 2,
                    "r8": done // 2, "r9": done - done // 2 - 1, "r12": 1,
                    "w4": done // 2, "w7": done - done // 2,
                })  # fmt: skip
        pipe.execute()


_TYPES: dict[str, dict[str, Any]] = {
    "transactional": {"doc": "One mail, now.", "schema": {
        "type": "object", "required": ["to", "subject"], "additionalProperties": False,
        "properties": {
            "to": {"type": "string", "description": "whom it is for"},
            "subject": {"type": "string"},
            "html": {"type": "string"},
            "replyTo": {"type": "string"},
            "apiKey": {"type": "string"},
        },
    }},
    "template": {"doc": "A mail by the name of its template."},
    "bulk": {"doc": "One mail to many, in batches of 100."},
    "campaign": {"doc": "A campaign, with its pauses."},
}  # fmt: skip
_SCHEDULES: dict[str, dict[str, dict[str, Any]]] = {
    "sync": {"currency-rates": {"type": "currency-rates", "crontab": "15 * * * *",
                                "next": NOW_MS + 570 * SECOND, "last": NOW_MS - 3030 * SECOND}},
    "cleanup": {
        name: {"type": name, "crontab": f"{minute} {hour} * * *",
               "next": NOW_MS + (hour + 10) * HOUR - 330 * SECOND + (minute - 5) * MINUTE + 330_000,
               "last": NOW_MS - 12 * HOUR + minute * MINUTE - 330 * SECOND}
        for name, minute, hour in (("temp-files", 10, 2), ("old-logs", 20, 2),
                                   ("failed-jobs", 30, 2), ("audit-logs", 0, 3))
    },
}  # fmt: skip


class _Run:
    """One queue's afternoon, instant by instant."""

    def __init__(
        self, sample: Sample, queue: str, planned: list[Planned], worker: str, slots: int, *,
        pause: bool,
    ) -> None:  # fmt: skip
        self._sample = sample
        self._moves = Transitions(sample.broker, queue)
        self._worker, self._free, self._pause = worker, slots, pause
        self._requests = count(1)
        self._order = count()
        self._plan = {one.id: one for one in planned}
        self._runs: dict[str, int] = {}
        self._next: list[tuple[int, int, str, Any]] = []
        for one in planned:
            self._due(NOW_MS - one.age_ms, "add", one)

    def _due(self, ms: int, what: str, of: Any) -> None:
        heapq.heappush(self._next, (ms, next(self._order), what, of))

    def all(self) -> None:
        while self._next and self._next[0][0] <= NOW_MS:
            ms, _, what, of = heapq.heappop(self._next)
            self._sample.at(ms)
            if what == "add":
                self._add(of, ms)
            elif what == "end":
                self._end(of, ms)
            else:
                self._take(ms, [])

    def _add(self, one: Planned, ms: int) -> None:
        fields = {"at": 3, "bk": "e:60000::0:2", **one.fields}
        self._moves.add([NewJob(
            id=one.id, type=one.type, payload=json.dumps(one.data, ensure_ascii=False).encode(),
            priority=one.priority, delay_ms=one.delay_ms, fields=tuple(fields.items()),
        )])  # fmt: skip
        stopped = self._pause and ms > NOW_MS - 11 * MINUTE
        if self._free and not one.delay_ms and not stopped:
            self._due(ms + 40, "take", None)

    def _take(self, ms: int, ends: list[Finish]) -> None:
        answer = self._moves.exchange(
            self._worker, next(self._requests), self._free, LEASE_MS, ends
        )
        assert all(status == "OK" for status in answer.statuses), answer.statuses
        for taken in answer.jobs:
            one = self._plan[taken.id]
            self._free -= 1
            for start in range(0, len(one.log), 100):
                self._moves.log(one.id, taken.epoch, one.log[start : start + 100])
            if one.progress is not None:
                self._moves.progress(one.id, taken.epoch, json.dumps(one.progress))
            if self._runs.get(one.id, 0) < len(one.ends):
                self._due(ms + one.ran_ms, "end", taken)
            else:
                # its worker renews the lease
                self._sample._client.zadd(self._moves.keys.active, {one.id: NOW_MS + 22_000})

    def _end(self, taken: Any, ms: int) -> None:
        one = self._plan[taken.id]
        run = self._runs[one.id] = self._runs.get(one.id, 0) + 1
        error = one.ends[run - 1]
        made = Finish(one.id, taken.epoch, Outcome.COMPLETED, value=json.dumps(one.value).encode())
        if error:
            again = run < taken.attempts
            told = {"o": "retrying" if again else "failed", "w": self._worker, "err": error,
                    "tb": TRACEBACK.format(error)}  # fmt: skip
            made = Finish(
                one.id, taken.epoch, Outcome.RETRY if again else Outcome.FAILED,
                value=fingerprint(one.type, error).encode(), error=error[:60],
                attempt=json.dumps(told)[1:], delay_ms=60_000 * run if again else 0,
            )  # fmt: skip
            if again:
                self._due(ms + 60_000 * run + 1, "take", None)
        self._free += 1
        self._take(ms, [made])
