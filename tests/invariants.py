"""What must hold of a queue at any moment, whatever was done to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobdesk.broker.keys import STATE_LETTERS
from tests import stored

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker


def check(broker: Broker, queue: str) -> dict[str, str]:
    """Every record is in exactly one state's set, and says so; id -> state.

    An active job has an epoch; every set's member, payload and kept value
    belongs to a record. Reads everything: for the small queues of tests.
    """
    keys, client = broker.keys(queue), broker.client
    fields = [
        name.decode()
        for key in client.scan_iter(match=keys.prefix + "j:*", count=1000)
        for name in client.hkeys(key)
    ]
    records = {name: stored.read(client, keys, name) for name in fields if not name.endswith(":")}
    strays = {name for name in fields if name.endswith(":") and name[:-1] not in records}
    assert not strays, f"a status without a spec: {strays}"
    places: dict[str, str] = {}
    for state in STATE_LETTERS:
        for raw in client.zrange(keys.state(state), 0, -1):
            job_id = raw.decode()
            assert job_id not in places, f"{job_id} is {places[job_id]} and {state}"
            places[job_id] = state
    assert set(records) == set(places), "records and sets differ"
    for job_id, record in records.items():
        state = places[job_id]
        assert record["st"] == STATE_LETTERS[state], f"{job_id} is in {state}: {record}"
        assert record["ep"] != "0" or state != "active", f"{job_id} is {state} with {record}"
        assert ("sc" in record) is (state == "active"), f"{job_id} is {state} with {record}"
        place = client.zscore(keys.wait, job_id) if state == "waiting" else None
        if place is not None:
            assert int(place // 2**44) == int(record.get("p", 11)), f"{job_id}: wrong class"
        assert stored.payload(client, keys, job_id) is not None, f"{job_id} has no payload"
    for key in client.scan_iter(match=keys.prefix + "d:*", count=1000):
        strays = {raw.decode().rstrip(":") for raw in client.hkeys(key)} - set(records)
        assert not strays, f"{key!r} keeps values of {strays}"
    for family in ("a:", "log:"):
        for key in client.scan_iter(match=keys.prefix + family + "*", count=1000):
            job_id = key.decode()[len(keys.prefix) + len(family) :]
            assert job_id in records, f"{key!r} is of no job"
    for raw in client.zrange(keys.expire, 0, -1):
        assert places.get(raw.decode()) in ("completed", "failed"), f"{raw!r} expires, unended"
    return places
