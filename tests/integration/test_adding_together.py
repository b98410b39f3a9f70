"""Jobs that are added in one call: each is what it would be if it had been added alone.

What a job has in common with the one before is sent once, and what all have in common is written
once; neither may show.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from jobdesk.broker.connection import Broker
from jobdesk.broker.events import EventReader
from jobdesk.broker.transitions import Added, Transitions, add_args
from jobdesk.models import NewJob
from tests import stored
from tests.invariants import check

FIELDS = ((("at", 3),), (("at", 3), ("rc", "5")), (("at", 1), ("bk", "f:100"), ("to", 5)))

drawn = st.lists(
    st.builds(
        NewJob,
        id=st.sampled_from([f"{'0abcdefg'[:7]}{n % 3}{n:014d}" for n in range(9)] + ["a", "ä"]),
        type=st.sampled_from(["one", "other"]),
        payload=st.sampled_from([b"{}", b'{"a":1}']),
        priority=st.sampled_from([1, 11]),
        delay_ms=st.sampled_from([0, 0, 0, 60_000]),
        run_at_ms=st.sampled_from([0, 0, 0, 4_000_000_000_000, 1]),
        lifo=st.booleans(),
        fields=st.sampled_from(FIELDS),
    ),
    min_size=1,
    max_size=30,
)


def written(broker: Broker, queue: str) -> dict[str, Any]:
    """All that a queue's jobs have left in Redis, but for clocks."""
    keys = broker.keys(queue)
    client: Any = broker.client
    found: dict[str, Any] = {"meta": client.hgetall(keys.meta)}
    for state in ("wait", "delayed"):
        key = keys.prefix + state
        found[state] = client.zrange(key, 0, -1)
        if state == "delayed":
            found[state].sort()  # alone they come in different milliseconds
        for raw in found[state]:
            job_id = raw.decode()
            record = stored.read(client, keys, job_id)
            assert state == "wait" or float(record["ra"]) == client.zscore(key, raw)
            found[job_id] = (
                {name: text for name, text in record.items() if name not in ("ts", "ra")},
                stored.payload(client, keys, job_id),
            )
    return found


@given(drawn)
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_together_is_as_one_after_the_other(broker: Broker, jobs: list[NewJob]) -> None:
    broker.client.flushdb()
    events = EventReader(broker, ["alone", "together"])
    events.read(0)
    alone = [Transitions(broker, "alone").add([job])[0] for job in jobs]
    together = Transitions(broker, "together").add(jobs)
    assert together == alone
    assert written(broker, "together") == written(broker, "alone")
    told: dict[str, list[Any]] = {"alone": [], "together": []}
    for event in events.read(0):
        told[event.queue].append((event.name, event.job_id, event.type))
    assert told["together"] == told["alone"]
    assert len(told["alone"]) == len(jobs)
    for queue in told:
        check(broker, queue)


def test_what_is_as_before_is_sent_once() -> None:
    same = (("at", 3),)
    jobs = [NewJob(id=f"j{n}", type="t", payload=b"{}", fields=same) for n in range(3)]
    jobs.append(NewJob(id="j3", type="u", payload=b"{}", fields=same))
    args = add_args(jobs)
    assert args[0] == "0110"
    assert len(args) == 1 + 7 + 2 + 2 + 7


def test_an_id_that_comes_twice_in_a_call_is_one_job(broker: Broker) -> None:
    moves = Transitions(broker, "thumbs")
    jobs = [NewJob(id="same", type="t", payload=b'{"n":%d}' % n) for n in range(3)]
    assert [what for what, _ in moves.add(jobs)] == [Added.ADDED, Added.DUP, Added.DUP]
    assert stored.payload(broker.client, moves.keys, "same") == b'{"n":0}'
    assert broker.client.zcard(moves.keys.wait) == 1
