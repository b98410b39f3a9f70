"""What must hold of a queue at any moment, whatever was done to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobdesk.broker.keys import STATE_LETTERS

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker


def check(broker: Broker, queue: str) -> dict[str, str]:
    """Every record is in exactly one state's set, and says so; id -> state.

    An active job has an epoch; every set's member, payload and kept value
    belongs to a record. Reads everything: for the small queues of tests.
    """
    keys, client = broker.keys(queue), broker.client
    records = {
        key.decode()[len(keys.prefix) + 2 :]: client.hgetall(key)
        for key in client.scan_iter(match=keys.prefix + "j:*", count=1000)
    }
    places: dict[str, str] = {}
    for state in STATE_LETTERS:
        for raw in client.zrange(keys.state(state), 0, -1):
            job_id = raw.decode()
            assert job_id not in places, f"{job_id} is {places[job_id]} and {state}"
            places[job_id] = state
    assert set(records) == set(places), "records and sets differ"
    for job_id, record in records.items():
        state = places[job_id]
        assert record[b"st"].decode() == STATE_LETTERS[state], f"{job_id} is in {state}: {record}"
        holds_epoch = record.get(b"ep", b"0") != b"0"
        assert holds_epoch or state != "active", f"{job_id} is {state} with {record}"
        if state == "waiting":
            score = client.zscore(keys.wait, job_id)
            assert score == float(record[b"sc"]), f"{job_id} lost its place"
            assert int(score // 2**44) == int(record[b"p"]), f"{job_id} is in the wrong class"
        assert client.hexists(keys.payload(job_id), job_id), f"{job_id} has no payload"
    for family in ("d:", "r:"):
        for key in client.scan_iter(match=keys.prefix + family + "*", count=1000):
            strays = {raw.decode() for raw in client.hkeys(key)} - set(records)
            assert not strays, f"{key!r} keeps values of {strays}"
    for family in ("a:", "log:"):
        for key in client.scan_iter(match=keys.prefix + family + "*", count=1000):
            job_id = key.decode()[len(keys.prefix) + len(family) :]
            assert job_id in records, f"{key!r} is of no job"
    for raw in client.zrange(keys.expire, 0, -1):
        assert places.get(raw.decode()) in ("completed", "failed"), f"{raw!r} expires, unended"
    return places
