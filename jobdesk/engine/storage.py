"""What Huey sees as its storage: the queue's keys in Redis, through the scripts.

Huey asks its storage many small questions about the job it runs. Those about the job in hand are
answered from memory (its revocation came along when it was taken), and what Huey would write about
it is left to the one finish that is booked when ``execute`` returns. Everything else is a bounded
call to Redis.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from huey.constants import EmptyData
from huey.storage import BaseStorage
from huey.utils import Error

from jobdesk.broker import records
from jobdesk.broker.keys import Field, record_fields
from jobdesk.broker.stored import USUAL_ATTEMPTS
from jobdesk.engine.codec import encode_value
from jobdesk.engine.packing import to_ms
from jobdesk.engine.run import in_hand, last_error
from jobdesk.models import NO_PRIORITY, NewJob

if TYPE_CHECKING:
    from jobdesk.engine.queue import Queue

#: Results of steps, and Huey's own entries, stay readable this long.
KEEP_VALUES_MS = 86_400_000
#: What one call lists at most, where Huey knows no limit.
LISTED = 1000


class Outbox(threading.local):
    """Where this thread's adds go instead of to Redis: a batch that is sent in one call."""

    batch: list[NewJob] | None = None
    #: the answer to the last single add of this thread
    duplicate: bool = False


outbox = Outbox()


class JobStorage(BaseStorage):  # type: ignore[misc]  # huey has no types
    """One queue as a Huey storage."""

    blocking = True
    priority = True

    def __init__(self, name: str, *, queue: Queue) -> None:
        super().__init__(name)
        self._queue = queue
        self._locks = f"{name}.lock."
        #: what this process has read lately: job id -> hash of its result
        self._read: dict[str, int] = {}

    # --- the queue

    def enqueue(self, data: NewJob, priority: float | None = None) -> None:
        """Add a job that ``serialize_task`` has made."""
        if outbox.batch is not None:
            outbox.batch.append(data)
            return
        outbox.duplicate = self._queue.send([data])[0]

    def dequeue(self) -> Any:
        """Unused: :meth:`Queue.dequeue` takes jobs with their leases."""
        return None

    def queue_size(self) -> int:
        return int(self._command("ZCARD", self._keys.wait))

    def enqueued_items(self, limit: int | None = None) -> list[NewJob]:
        stop = (min(limit, LISTED) if limit else LISTED) - 1
        return self._stored(self._command("ZRANGE", self._keys.wait, 0, stop))

    def flush_queue(self) -> None:
        from jobdesk.broker.control import Control

        Control(self._queue.broker).empty_queue(self.name)

    # --- the schedule: Redis promotes what is due, so reading it moves nothing

    def add_to_schedule(self, data: NewJob, ts: datetime) -> None:
        fields = tuple(field for field in data.fields if field[0] != Field.ETA)
        self.enqueue(replace(data, run_at_ms=to_ms(ts, self._queue.utc), fields=fields))

    def read_schedule(self, ts: datetime) -> list[NewJob]:
        """Jobs due at ``ts``; they stay delayed until they are enqueued, which promotes them."""
        until = to_ms(ts, self._queue.utc)
        return self._stored(
            self._command("ZRANGEBYSCORE", self._keys.delayed, "-inf", until, "LIMIT", 0, LISTED)
        )

    def schedule_size(self) -> int:
        return int(self._command("ZCARD", self._keys.delayed))

    def scheduled_items(self, limit: int | None = None) -> list[NewJob]:
        stop = (min(limit, LISTED) if limit else LISTED) - 1
        return self._stored(self._command("ZRANGE", self._keys.delayed, 0, stop))

    def flush_schedule(self) -> None:
        self.flush_queue()

    # --- results, and Huey's key/value store

    def put_data(self, key: str, value: bytes, is_result: bool = False) -> None:
        run = in_hand.run
        if is_result and run is not None and key == run.id:
            return  # goes with the finish
        if key.startswith(("r:", "rt:")):
            self._command("HSET", self._keys.revoked, key, value)
        elif is_result:
            self._command("SET", self._key(key), value, "PX", KEEP_VALUES_MS)
        else:
            self._command("SET", self._key(key), value)

    def peek_data(self, key: str) -> Any:
        run = in_hand.run
        if run is not None and key == run.id and run.ran:
            return run.encoded or EmptyData
        if key.startswith(("r:", "rt:")):
            found = self._command("HGET", self._keys.revoked, key)
            return EmptyData if found is None else found
        keys = self._keys
        with self._queue.broker.errors():
            pipe = self._queue.broker.pipeline()
            pipe.execute_command("GET", self._key(key))
            records.ask(pipe, keys, key)
            records.ask_aside(pipe, keys, key)
            pipe.execute_command("LINDEX", keys.attempts(key), -1)
            pipe.execute_command("GET", keys.tombstone(key))
            value, values, aside, attempt, tomb = pipe.execute()
        if value is not None:
            return value
        record = records.record(values)
        if record is not None:
            if self._queue.is_periodic(record[Field.TYPE]):
                return EmptyData  # Huey has no results of periodic tasks; the record has
            _, result = records.raw_values(values, aside)
            return self._result(record[Field.STATE], record.get(Field.ERROR), result, attempt)
        if tomb is not None:
            letter, text = tomb.split(b" ", 2)[1:]
            if letter == b"c":
                return text or EmptyData
            if letter == b"f":
                return encode_value(
                    Error({"error": text.decode(), "traceback": "", "task_id": key})
                )
        return EmptyData

    def _result(self, state: str, error: str | None, result: bytes | None, attempt: Any) -> Any:
        if state == "c":
            return EmptyData if result is None else result
        if attempt is None or error is None:
            return EmptyData
        if state == "f" or self._queue.store_intermediate_errors:
            metadata = last_error(attempt)
            if metadata["class"] in (_NEVER_RAN if state == "f" else _NOT_SURFACED):
                return EmptyData
            return encode_value(Error(metadata))
        return EmptyData

    def peek_many(self, keys: list[str]) -> dict[str, bytes]:
        run = in_hand.run
        if run is not None and keys and keys[0] == f"r:{run.id}":
            if not run.taken.revoked:
                return {}
            # it was revoked when it was taken; it may have been restored since
            flags = self._command("HMGET", self._keys.revoked, *keys)
            return {key: flag for key, flag in zip(keys, flags, strict=True) if flag is not None}
        found = {}
        for key in keys:
            value = self.peek_data(key)
            if value is not EmptyData:
                found[key] = value
        return found

    def pop_data(self, key: str) -> Any:
        """As :meth:`peek_data`: results stay with their job, and are read as often as one likes."""
        found = self.peek_data(key)
        if found is not EmptyData:
            if len(self._read) >= LISTED:
                self._read.clear()
            self._read[key] = hash(found)
        return found

    def delete_data(self, key: str) -> bool:
        run = in_hand.run
        if run is not None and key == f"r:{run.id}" and not run.taken.revoked:
            return False
        if key.startswith(("r:", "rt:")):
            return bool(self._command("HDEL", self._keys.revoked, key))
        return bool(self._command("UNLINK", self._key(key)))

    def has_data_for_key(self, key: str) -> bool:
        return self.peek_data(key) is not EmptyData

    def put_if_empty(self, key: str, value: bytes, ttl: int | None = None) -> bool:
        args: list[Any] = ["SET", self._key(key), value, "NX"]
        if ttl is not None:
            args += ["PX", round(ttl * 1000)]
        return self._command(*args) is not None

    def wait_result(
        self, key: str, timeout: float | None = None, backoff: float = 1.15, max_delay: float = 1.0
    ) -> bool:
        """Wait until there is a result: woken by the queue's events, not by asking again."""
        from jobdesk.broker.events import EventReader

        deadline = None if timeout is None else time.monotonic() + timeout
        reader = EventReader(self._queue.broker, [self.name])
        reader.read(0)  # its place in the stream comes before the first look
        while True:
            if self.has_data_for_key(key) or self.has_ended(key):
                return True
            left = 1.0 if deadline is None else min(1.0, deadline - time.monotonic())
            if left <= 0:
                return False
            reader.read(wait=left)

    def refusal(self, key: str) -> Error | None:
        """Why a job that has ended never ran: revoked or expired."""
        attempt = self._command("LINDEX", self._keys.attempts(key), -1)
        metadata = {} if attempt is None else last_error(attempt)
        return Error(metadata) if metadata.get("class") in _NEVER_RAN else None

    def has_ended(self, key: str) -> bool:
        """Whether the job will run no more by itself."""
        found = records.record(self._command("HMGET", self._keys.record(key), *record_fields(key)))
        return found is not None and found[Field.STATE] in ("c", "f")

    def incr(self, key: str, amount: int = 1) -> int:
        return int(self._command("INCRBY", self._keys.counter(key), amount))

    def delete_counter(self, key: str) -> None:
        self._command("UNLINK", self._keys.counter(key))

    def result_store_size(self) -> int:
        """Results as Huey counts them: unread ones, and revocations."""
        return len(self.result_items()) + int(self._command("HLEN", self._keys.revoked))

    def result_items(self) -> dict[str, bytes]:
        """Results that this process has not read, of the newest jobs that have ended.

        Huey removes what is read; here it stays with its job, so that is what "left" means.
        """
        if not self._queue.results:
            return {}
        keys = self._keys
        with self._queue.broker.errors():
            pipe = self._queue.broker.pipeline()
            pipe.execute_command("ZREVRANGE", keys.completed, 0, LISTED - 1)
            pipe.execute_command("ZREVRANGE", keys.failed, 0, LISTED - 1)
            completed, failed = ([raw.decode() for raw in part] for part in pipe.execute())
            pipe = self._queue.broker.pipeline()
            for job_id in completed:
                records.ask(pipe, keys, job_id)
                records.ask_aside(pipe, keys, job_id)
            for job_id in failed:
                pipe.execute_command("LINDEX", keys.attempts(job_id), -1)
            answers = pipe.execute()
        of_completed, attempts = answers[: 2 * len(completed)], answers[2 * len(completed) :]
        values = [
            self._result("c", None, records.raw_values(values, aside)[1], None)
            for values, aside in zip(of_completed[::2], of_completed[1::2], strict=True)
        ]
        values += [self._result("f", "", None, attempt) for attempt in attempts]
        return {
            job_id: value
            for job_id, value in zip(completed + failed, values, strict=True)
            if value is not EmptyData and self._read.get(job_id) != hash(value)
        }

    def flush_results(self) -> None:
        from jobdesk.broker.control import Control

        control = Control(self._queue.broker)
        for state in ("completed", "failed"):
            control.clean_jobs(self.name, grace=0, state=state)

    def flush_counters(self) -> None:
        """Nothing is listed by name here: counters end with their window or their chord."""

    def flush_all(self) -> None:
        """Delete the whole queue, as Huey's ``flush`` does."""
        from jobdesk.broker.control import Control

        control = Control(self._queue.broker)
        control.pause_queue(self.name)
        control.obliterate_queue(self.name, force=True)

    def close(self) -> bool:
        """Give the connections back; the next call opens new ones (after a fork, too)."""
        self._queue.broker.close()
        return True

    # --- Redis

    def _key(self, key: str) -> str:
        """Where a key of Huey's own store is: its locks are the queue's locks."""
        if key.startswith(self._locks):
            return str(self._keys.lock(key[len(self._locks) :]))
        return str(self._keys.value(key))

    @property
    def _keys(self) -> Any:
        return self._queue.transitions.keys

    def _command(self, *args: Any) -> Any:
        broker = self._queue.broker
        with broker.errors(str(args[0])):
            client: Any = broker.client
            return client.execute_command(*args)

    def _stored(self, ids: list[bytes]) -> list[NewJob]:
        if not ids:
            return []
        keys = self._keys
        with self._queue.broker.errors():
            pipe = self._queue.broker.pipeline()
            for raw in ids:
                job_id = raw.decode()
                records.ask(pipe, keys, job_id)
                records.ask_aside(pipe, keys, job_id)
            answers = pipe.execute()
        found = []
        for index, raw in enumerate(ids):
            values, aside = answers[2 * index], answers[2 * index + 1]
            record, (payload, _) = records.record(values), records.raw_values(values, aside)
            if record is None or payload is None:
                continue
            made = int(record.get(Field.ATTEMPTS_MADE, 0))
            left = max(0, int(record.get(Field.ATTEMPTS, USUAL_ATTEMPTS)) - made)
            fields: list[tuple[str, str | int]] = [("at", left), ("am", made)]
            fields += [
                (name.value, record[name])
                for name in (Field.BACKOFF, Field.TIMEOUT, Field.EXPIRES)
                if name in record
            ]
            found.append(
                NewJob(
                    id=raw.decode(),
                    type=record[Field.TYPE],
                    payload=payload,
                    priority=int(record.get(Field.PRIORITY, NO_PRIORITY)),
                    run_at_ms=int(record.get(Field.RUN_AT) or record.get(Field.ETA) or 0),
                    fields=tuple(fields),
                )
            )
        return found


_NOT_SURFACED = frozenset({"RetryTask", "RateLimitExceeded", "TaskLockedException"})
#: What Huey leaves no result of.
_NEVER_RAN = frozenset({"JobRevoked", "JobExpired"})
