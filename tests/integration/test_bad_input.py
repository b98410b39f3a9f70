"""Bad input at the door: a named error each, and Redis holds afterwards exactly what it held."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as examples

from jobdesk import Backoff, Desk, JobOptions, JobSpec, Queue, crontab, errors
from jobdesk.broker.connection import Broker
from jobdesk.engine import queue as queue_module
from jobdesk.engine.publishing import publish
from jobdesk.models import TEN_YEARS_S
from jobdesk.tasks import QUEUES

GOOD = {"path": "a.jpg"}
#: In Python a circle can be made only after the fact.
CIRCLE: dict[str, Any] = {}
CIRCLE["self"] = CIRCLE
DEEP: Any = "x"
for _ in range(120):
    DEEP = [DEEP]


class Place:
    """A queue with jobs in several states, and a snapshot of all that Redis holds of it."""

    def __init__(self, desk: Desk, queue: Queue) -> None:
        self.desk = desk
        self.queue = queue

    def snapshot(self) -> dict[bytes, Any]:
        """Every key of the namespace with its serialized value."""
        broker: Broker = self.desk.broker
        client: Any = broker.client
        keys = list(client.scan_iter(match=f"{broker.namespace}:*", count=1000))
        assert keys, "a snapshot of nothing proves nothing"
        return {key: client.dump(key) for key in sorted(keys)}

    def refuses(self, call: Callable[[], object], error: type[Exception]) -> Exception:
        """Check that ``call`` raises ``error`` and leaves no trace."""
        before = self.snapshot()
        with pytest.raises(error) as caught:
            call()
        assert type(caught.value).__module__ == "jobdesk.errors"
        assert str(caught.value).strip(), "an error says what happened"
        assert self.snapshot() == before
        return caught.value


def _queue() -> Queue:
    queue = Queue("thumbs")

    @queue.task()
    def resize(path: str, width: int = 200) -> str:
        return path

    @queue.task()
    def anything(**fields: Any) -> None:
        return None

    @queue.periodic_task(crontab(minute="0", hour="3"))
    def prune() -> None:
        return None

    return queue


@pytest.fixture(params=["functions", "published"])
def place(request, settings) -> Iterator[Place]:
    """Once with the code of the queue at hand, once with what its worker has published."""
    queue, desk = _queue(), Desk()
    publish(queue)
    if request.param == "published":
        queue_module._known.pop("thumbs")
    desk.add_job("thumbs", "resize", GOOD, job_id="running")
    queue.dequeue()
    desk.add_job("thumbs", "resize", GOOD, job_id="waits")
    desk.add_job("thumbs", "resize", GOOD, job_id="rests", delay=3600)
    yield Place(desk, queue)
    queue_module._known.pop("thumbs", None)


# --- each input that the table names

OPTIONS: list[tuple[dict[str, Any], type[Exception]]] = [
    *[({"priority": value}, errors.InvalidPriority) for value in (0, 11, -1, 1.5, "5", True)],
    *[({"attempts": value}, errors.InvalidAttempts) for value in (0, -1, 10**9, True, "3", 2.0)],
    *[
        ({"delay": value}, errors.InvalidDelay)
        for value in (-1, math.nan, math.inf, TEN_YEARS_S * 2, "5", True, timedelta(-1), 10**400)
    ],
    ({"run_at": datetime(2026, 3, 8, 2, 30)}, errors.NaiveDatetime),  # noqa: DTZ001  # the point
    ({"run_at": "tomorrow"}, errors.InvalidDelay),
    ({"run_at": datetime.now(UTC), "delay": 1}, errors.InvalidDelay),
    *[
        ({"timeout": value}, errors.InvalidTimeout)
        for value in (0, -1, 86_401, math.nan, "30", True, timedelta(days=2))
    ],
    *[
        ({"backoff": value}, errors.InvalidBackoff)
        for value in (
            "linear:5", {"type": "linear", "delay": 5}, {"type": "fixed"}, {"delay": 1}, -1,
            "fixed:-1", {"type": "fixed", "delay": 1, "cap": 2}, [1], math.nan, "fixed:x", True,
        )
    ],
    *[
        ({name: value}, errors.InvalidRetention)
        for name in ("remove_on_complete", "remove_on_fail")
        for value in ({"age": -1}, {"cnt": 1}, "5", -1, {"count": 1.5}, {"age": math.nan}, [1])
    ],
    *[
        ({"expires": value}, errors.InvalidExpires)
        for value in (0, -1, math.inf, "1", TEN_YEARS_S * 2)
    ],
    ({"expires": datetime(2026, 3, 8)}, errors.NaiveDatetime),  # noqa: DTZ001  # the point
    *[
        ({"job_id": value}, errors.InvalidJobId)
        for value in ("a:b", "", "a b", "a\n", "x" * 129, "12345", "\x00", "\ud800", 7)
    ],
    ({"lifo": 1}, errors.InvalidDelay),
    ({"prio": 1}, errors.BadInput),
    ({"removeOnComplete": True}, errors.BadInput),
]  # fmt: skip


@pytest.mark.parametrize(("options", "error"), OPTIONS, ids=lambda value: f"{value!r:.40}")
def test_a_bad_option_is_refused(place, options, error):
    for add in (
        lambda: place.desk.add_job("thumbs", "resize", GOOD, **options),
        lambda: place.desk.add_job("thumbs", "resize", GOOD, options),
        lambda: place.desk.add_bulk_jobs(
            "thumbs", [("resize", GOOD), JobSpec("resize", GOOD, options)]
        ),
    ):
        place.refuses(add, error)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({1}, r"data\.x is a set; pass a list"),
        (b"raw", r"data\.x is a bytes; pass text"),
        (math.nan, r"data\.x is nan"),
        (-math.inf, r"data\.x is -inf"),
        ([datetime.now(UTC)], r"data\.x\[0\] is a datetime; pass an ISO string"),
        (timedelta(1), r"data\.x is a timedelta; pass seconds"),
        (Decimal(1), r"data\.x is a Decimal; pass a string"),
        (CIRCLE, "contains itself"),
        (DEEP, "nested more than 100 deep"),
        (2**53 + 1, r"beyond 2\^53"),
        ("\ud800", "surrogate"),
        ({"$dt": "2026"}, "reserved"),
        ({1: 2}, "keys are text"),
        (object(), r"data\.x is an object"),
        (len, r"data\.x is a builtin"),
    ],
)
def test_data_that_json_cannot_carry_is_refused(place, value, says):
    for call in (
        lambda: place.desk.add_job("thumbs", "anything", {"x": value}),
        lambda: place.desk.add_bulk_jobs("thumbs", [("anything", {}), ("anything", {"x": value})]),
    ):
        exc = place.refuses(call, errors.InvalidJobData)
        assert re.search(says, str(exc)), str(exc)


@pytest.mark.parametrize("data", [["a"], "a", 5, True, {1: "a"}, {("a",): 1}])
def test_data_that_is_no_object_is_refused(place, data):
    place.refuses(lambda: place.desk.add_job("thumbs", "anything", data), errors.InvalidJobData)
    place.refuses(
        lambda: place.desk.update_job_data("thumbs", "waits", data), errors.InvalidJobData
    )


def test_large_data_is_refused_with_its_size_and_the_limit(place):
    data = {"x": "y" * 300_000}

    exc = place.refuses(lambda: place.desk.add_job("thumbs", "anything", data), errors.DataTooLarge)
    assert "limit 262,144; store it and pass a reference" in str(exc)


@pytest.mark.parametrize(
    "data", [{}, {"path": 5}, {"path": "a", "width": "wide"}, {"path": "a", "w": 1}, {"path": None}]
)
def test_data_that_does_not_fit_the_function_is_refused(place, data):
    place.refuses(lambda: place.desk.add_job("thumbs", "resize", data), errors.InvalidJobData)
    place.refuses(
        lambda: place.desk.update_job_data("thumbs", "waits", data), errors.InvalidJobData
    )


QUEUE_NAMES = ("", "a}b", "{}", "x" * 65, "a\nb", "a b", "ü", "a:b", 5, None, b"email", "email\n")


@pytest.mark.parametrize("name", QUEUE_NAMES, ids=repr)
def test_a_bad_queue_name_is_refused_everywhere(place, name):
    desk = place.desk
    for call in (
        lambda: desk.add_job(name, "resize", GOOD),
        lambda: desk.add_bulk_jobs(name, []),
        lambda: desk.get_job(name, "waits"),
        lambda: desk.get_job_status(name, "waits"),
        lambda: desk.get_jobs(name),
        lambda: desk.get_queue_stats(name),
        lambda: desk.retry_job(name, "waits"),
        lambda: desk.retry_all(name),
        lambda: desk.remove_job(name, "waits"),
        lambda: desk.promote_job(name, "waits"),
        lambda: desk.cancel_job(name, "waits"),
        lambda: desk.update_job_data(name, "waits", GOOD),
        lambda: desk.change_priority(name, "waits", 1),
        lambda: desk.pause_queue(name),
        lambda: desk.resume_queue(name),
        lambda: desk.clean_jobs(name),
        lambda: desk.empty_queue(name),
        lambda: desk.obliterate_queue(name),
        lambda: desk.set_max_active(name, 1),
        lambda: desk.set_rate_limit(name, (1, 1)),
        lambda: desk.run_schedule(name, "prune"),
        lambda: desk.pause_schedule(name, "prune"),
        lambda: desk.wait(name, "waits", 0.1),
        lambda: desk.events(name),
        lambda: Queue(name),
    ):
        place.refuses(call, errors.InvalidQueueName)


@pytest.mark.parametrize("job_id", ["a:b", "", "a b", "x" * 129, "12345", "\ud800", 7, None])
def test_a_bad_job_id_is_refused_everywhere(place, job_id):
    desk = place.desk
    for call in (
        lambda: desk.get_job("thumbs", job_id),
        lambda: desk.get_job_status("thumbs", job_id),
        lambda: desk.retry_job("thumbs", job_id),
        lambda: desk.remove_job("thumbs", job_id),
        lambda: desk.promote_job("thumbs", job_id),
        lambda: desk.cancel_job("thumbs", job_id),
        lambda: desk.update_job_data("thumbs", job_id, GOOD),
        lambda: desk.change_priority("thumbs", job_id, 1),
        lambda: desk.wait("thumbs", job_id, 0.1),
    ):
        place.refuses(call, errors.InvalidJobId)


def test_unknown_names_are_refused(place):
    desk = place.desk
    for call, error in (
        (lambda: desk.add_job("nope", "resize", GOOD), errors.UnknownQueue),
        (lambda: desk.pause_queue("nope"), errors.UnknownQueue),
        (lambda: desk.empty_queue("nope"), errors.UnknownQueue),
        (lambda: desk.set_rate_limit("nope", (1, 1)), errors.UnknownQueue),
        (lambda: desk.add_job("thumbs", "resiz", GOOD), errors.UnknownType),
        (lambda: desk.add_job("thumbs", "", GOOD), errors.UnknownType),
        (lambda: desk.add_bulk_jobs("thumbs", [("resize", GOOD), ("x", GOOD)]), errors.UnknownType),
        (lambda: desk.add_bulk_jobs("thumbs", [(["resize"], GOOD)]), errors.UnknownType),
        (lambda: desk.add_bulk_jobs("thumbs", ["resize"]), errors.InvalidJobData),
        (lambda: desk.add_bulk_jobs("thumbs", [()]), errors.InvalidJobData),
        (lambda: desk.add_bulk_jobs("nope", []), errors.UnknownQueue),
        (lambda: desk.get_job("thumbs", "gone"), errors.JobNotFound),
        (lambda: desk.remove_job("thumbs", "gone"), errors.JobNotFound),
        (lambda: desk.retry_job("thumbs", "gone"), errors.JobNotFound),
        (lambda: desk.promote_job("thumbs", "gone"), errors.JobNotFound),
        (lambda: desk.cancel_job("thumbs", "gone"), errors.JobNotFound),
        (lambda: desk.change_priority("thumbs", "gone", 1), errors.JobNotFound),
        (lambda: desk.update_job_data("thumbs", "gone", GOOD), errors.JobNotFound),
        (lambda: desk.wait("thumbs", "gone", 0.1), errors.ResultGone),
        (lambda: desk.run_schedule("thumbs", "gone"), errors.ScheduleNotFound),
        (lambda: desk.pause_schedule("thumbs", "gone"), errors.ScheduleNotFound),
        (lambda: desk.resume_schedule("thumbs", "gone"), errors.ScheduleNotFound),
    ):
        place.refuses(call, error)


def test_the_wrong_state_is_refused(place):
    desk = place.desk
    for call, error in (
        (lambda: desk.retry_job("thumbs", "waits"), errors.WrongState),
        (lambda: desk.promote_job("thumbs", "waits"), errors.WrongState),
        (lambda: desk.retry_job("thumbs", "running"), errors.WrongState),
        (lambda: desk.change_priority("thumbs", "running", 1), errors.Refused),
        (lambda: desk.remove_job("thumbs", "running"), errors.JobActive),
        (lambda: desk.update_job_data("thumbs", "running", GOOD), errors.JobActive),
        (lambda: desk.obliterate_queue("thumbs"), errors.QueueNotPaused),
    ):
        place.refuses(call, error)
    desk.pause_queue("thumbs")
    place.refuses(lambda: desk.obliterate_queue("thumbs"), errors.ActiveJobs)


@pytest.mark.parametrize("value", [0, 11, 1.5, "5", True])
def test_a_bad_priority_is_not_changed_to(place, value):
    place.refuses(
        lambda: place.desk.change_priority("thumbs", "waits", value), errors.InvalidPriority
    )


def test_bad_arguments_of_commands_are_refused(place):
    desk = place.desk
    for call, error in (
        (lambda: desk.clean_jobs("thumbs", status="active"), errors.InvalidState),
        (lambda: desk.clean_jobs("thumbs", status="done"), errors.InvalidState),
        (lambda: desk.clean_jobs("thumbs", limit=-1), errors.InvalidLimit),
        (lambda: desk.clean_jobs("thumbs", limit=1.5), errors.InvalidLimit),
        (lambda: desk.clean_jobs("thumbs", limit=True), errors.InvalidLimit),
        (lambda: desk.clean_jobs("thumbs", grace=-1), errors.InvalidDelay),
        (lambda: desk.clean_jobs("thumbs", grace=math.nan), errors.InvalidDelay),
        (lambda: desk.clean_jobs("thumbs", grace="1d"), errors.InvalidDelay),
        (lambda: desk.get_jobs("thumbs", "stuck"), errors.InvalidState),
        (lambda: desk.get_jobs("thumbs", "waiting", 0, 1000), errors.PageTooLarge),
        (lambda: desk.get_jobs("thumbs", "waiting", "0"), errors.InvalidLimit),
        (lambda: desk.get_jobs("thumbs", "waiting", 0, True), errors.InvalidLimit),
        (lambda: desk.wait("thumbs", "waits", "1"), errors.InvalidTimeout),
        (lambda: desk.wait("thumbs", "waits", math.nan), errors.InvalidTimeout),
        (lambda: desk.set_max_active("thumbs", 0), errors.InvalidConcurrency),
        (lambda: desk.set_max_active("thumbs", "2"), errors.InvalidConcurrency),
        (lambda: desk.set_max_active("thumbs", True), errors.InvalidConcurrency),
        (lambda: desk.set_rate_limit("thumbs", (0, 1)), errors.InvalidRateLimit),
        (lambda: desk.set_rate_limit("thumbs", (1, 0)), errors.InvalidRateLimit),
        (lambda: desk.set_rate_limit("thumbs", 5), errors.InvalidRateLimit),
        (lambda: desk.set_rate_limit("thumbs", (1, math.inf)), errors.InvalidRateLimit),
        (lambda: desk.events("thumbs", since="yesterday"), errors.InvalidCursor),
        (lambda: desk.events("thumbs", since=datetime(2026, 1, 1)), errors.NaiveDatetime),  # noqa: DTZ001  # the point
    ):
        place.refuses(call, error)


@pytest.mark.parametrize(
    ("given_to_bull", "error"),
    [
        ({"delay": -1}, errors.InvalidDelay),
        ({"delay": "5000"}, errors.InvalidDelay),
        ({"backoff": {"type": "linear", "delay": 1}}, errors.InvalidBackoff),
        ({"backoff": {"type": "fixed"}}, errors.InvalidBackoff),
        ({"removeOnComplete": {"cnt": 1}}, errors.InvalidRetention),
        ({"repeat": {"cron": "* * * * *"}}, errors.BadInput),
    ],
)
def test_bad_options_of_bull_are_refused(place, given_to_bull, error):
    place.refuses(
        lambda: place.desk.add_job("thumbs", "resize", GOOD, JobOptions.from_bull(given_to_bull)),
        error,
    )


def test_what_is_only_unusual_is_taken(place):
    desk = place.desk
    past = datetime.now(UTC) - timedelta(days=1)
    desk.add_job("thumbs", "resize", GOOD, run_at=past, job_id="late")
    desk.add_job("thumbs", "resize", GOOD, delay=0, backoff=Backoff.fixed(0), job_id="ü-1")
    desk.add_job("thumbs", "anything", {"": 2**53, "a": (1, 2), "b": -0.0}, job_id="x" * 128)

    assert desk.get_job_status("thumbs", "late").state == "waiting"
    assert desk.get_job("thumbs", "ü-1").data == GOOD
    assert desk.get_job("thumbs", "x" * 128).data == {"": 2**53, "a": [1, 2], "b": -0.0}


# --- inputs that nobody thought of

anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(),
        st.datetimes(), st.timedeltas(), st.decimals(), st.sampled_from([{1}, len, object()]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(), st.integers()), inner, max_size=3),
        st.tuples(inner),
    ),
    max_leaves=8,
)  # fmt: skip
many = examples(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def taken_or_refused(place: Place, call: Callable[[], Any]) -> None:
    """Either the call does what it is for, or it is refused by name and leaves no trace."""
    before, refusal = place.snapshot(), None
    try:
        call()
    except errors.BadInput as exc:
        refusal = str(exc)
    if refusal is not None:
        assert refusal.strip(), "an error says what happened"
        assert place.snapshot() == before


@many
@given(name=st.sampled_from(JobOptions.__slots__), value=anything)
def test_any_option_is_taken_or_refused(place, name, value):
    assume(not (name == "backoff" and callable(value)))
    taken_or_refused(place, lambda: place.desk.add_job("thumbs", "resize", GOOD, **{name: value}))


@many
@given(data=anything)
def test_any_data_is_taken_whole_or_refused(place, data):
    def add() -> None:
        handle = place.desk.add_job("thumbs", "anything", data)
        stored = place.desk.get_job("thumbs", handle.id).data
        assert stored == _lists({} if data is None else data)

    taken_or_refused(place, add)


@many
@given(name=st.one_of(st.text(), st.text(alphabet=string.ascii_letters + "{}:*?[]\n.-_")))
def test_any_queue_name_is_known_or_refused(place, name):
    # Hypothesis draws strings that stand in the code too, so the names of other tests' queues.
    assume(name != "thumbs" and name not in QUEUES and queue_module.known_queue(name) is None)
    place.refuses(lambda: place.desk.add_job(name, "resize", GOOD), errors.BadInput)
    place.refuses(lambda: place.desk.pause_queue(name), errors.BadInput)


@many
@given(job_id=st.one_of(st.text(), st.binary(), st.integers()))
def test_any_job_id_is_taken_or_refused(place, job_id):
    taken_or_refused(
        place, lambda: place.desk.add_job("thumbs", "resize", GOOD, job_id=job_id).status()
    )


@many
@given(start=st.integers(-(10**20), 10**20), end=st.integers(-(10**20), 10**20))
def test_any_page_is_read_or_refused(place, start, end):
    taken_or_refused(place, lambda: place.desk.get_jobs("thumbs", "waiting", start, end))


@many
@given(values=st.tuples(anything, anything, anything))
def test_any_argument_of_a_command_is_taken_or_refused(place, values):
    one, two, three = values
    assume(two != "completed" or isinstance(one, Decimal) or one != 0)
    taken_or_refused(place, lambda: place.desk.clean_jobs("thumbs", one, two, three))
    taken_or_refused(place, lambda: place.desk.set_max_active("thumbs", one))
    taken_or_refused(place, lambda: place.desk.set_rate_limit("thumbs", (one, two)))


def _lists(value: Any) -> Any:
    """``value`` as JSON gives it back."""
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, list | tuple) else value
