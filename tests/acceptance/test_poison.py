"""Jobs that cannot be read: each fails with its reason, and the others go on."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING

from pydantic import SecretStr

from jobdesk import settings as settings_module
from jobdesk.broker import connection
from jobdesk.models import NO_PRIORITY, NewJob
from tests import invariants, stored
from tests.acceptance import trouble
from tests.acceptance.jobs import add
from tests.acceptance.workers import Starter, Watch

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.settings import Settings


def add_raw(job_id: str, payload: bytes, kind: str = "nap") -> None:
    """A job as anybody can write it who reaches Redis."""
    fields = (("at", 1),)
    job = NewJob(id=job_id, type=kind, payload=payload, priority=NO_PRIORITY, fields=fields)
    trouble.queue.transitions.add([job])


def test_what_cannot_be_read_fails_by_name_and_harms_no_other(
    start: Starter, watched: Watch, broker: Broker
) -> None:
    good = add("nap", 3)
    add_raw("unknown", b"{}", kind="nab")
    add_raw("cut-off", b'{"seconds": 0.')
    add_raw("no-object", b'"seconds"')
    add_raw("not-text", b"\xff\xfe\x00")
    add_raw("pickled", pickle.dumps({"seconds": 0.1}))
    add_raw("deep", b'{"seconds":' + b"[" * 5000 + b"]" * 5000 + b"}")
    add_raw("wrong-name", b'{"minutes": 1}')
    add_raw("wrong-type", b'{"seconds": "long"}')
    good += add("nap", 3)

    start.huey_consumer("-w", "2", "-q")
    watched.wait_for_ends(14)

    reasons = {job_id: watched.job(job_id).failed_reason for job_id in watched.order("failed")}
    assert set(reasons) == {
        "unknown", "cut-off", "no-object", "not-text", "pickled", "deep", "wrong-name",
        "wrong-type",
    }  # fmt: skip
    assert reasons["unknown"].startswith("UnknownType: 'nab' in queue trouble; did you mean 'nap'?")
    for unreadable in ("cut-off", "no-object", "not-text", "pickled", "deep"):
        assert reasons[unreadable].startswith("BadPayload"), reasons
    for misfit in ("wrong-name", "wrong-type"):
        assert reasons[misfit].startswith(("InvalidJobData", "TypeError")), reasons
    assert watched.times("completed") == dict.fromkeys(good, 1)
    assert watched.times("failed") == dict.fromkeys(reasons, 1)
    invariants.check(broker, "trouble")


def test_a_payload_that_nobody_signed_is_not_run(start: Starter, settings: Settings) -> None:
    settings_module.use(settings.model_copy(update={"secret": SecretStr("k" * 32)}))
    watched = Watch(connection.connect(), "trouble")
    (good, copied) = add("nap", 2)
    client = connection.connect().client
    signed = stored.payload(client, watched.keys, copied)
    assert signed is not None
    assert signed.startswith(b"s1.")
    add_raw("unsigned", json.dumps({"seconds": 0.1}).encode())
    add_raw("another-jobs", signed)
    add_raw("another-types", signed, kind="spin")
    forged = signed[:-2] + (b"9}" if signed.endswith(b"}") else b"00")
    record = stored.read(client, watched.keys, copied)
    stored.write(client, watched.keys, copied, forged, **record)

    start.huey_consumer("-w", "2", "-q", JOBDESK_SECRET="k" * 32)
    watched.wait_for_ends(5)

    assert watched.times("completed") == {good: 1}
    for job_id in (copied, "unsigned", "another-jobs", "another-types"):
        assert watched.job(job_id).failed_reason.startswith("BadPayload"), job_id
