"""The usual add makes no Huey task, and nobody can tell: what would see one, gets one."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytest
from huey.api import Huey
from huey.signals import SIGNAL_ENQUEUED

from jobdesk import Desk, JobHandle, JobOptions, JobSpec, Queue, Retention
from jobdesk.engine import direct
from jobdesk.engine.task import JobTask
from jobdesk.errors import AddUnconfirmed, BadInput, InvalidJobData, RedisUnavailable
from jobdesk.models import NewJob

pytestmark = pytest.mark.usefixtures("redis_server", "settings")


@pytest.fixture
def queue() -> Queue:
    """A queue with types of every kind of default."""
    made = Queue("direct", defaults=JobOptions(remove_on_complete=Retention(count=5)))

    @made.task()
    def plain(text: str, number: int = 1) -> None: ...

    @made.task(attempts=7, backoff="fixed:3", timeout=9, priority=2, lifo=True)
    def own(*args: int, **others: str) -> None: ...

    @made.task(remove_on_complete=False, retries=2, retry_delay=4, retry_backoff=2)
    def hueys(path: object = None) -> None: ...

    return made


def kind_of(queue: Queue, name: str) -> type[JobTask]:
    return queue.own_class(name)


def usual_or_none(queue: Queue, name: str) -> direct.Usual | None:
    return direct.Usual.of(kind_of(queue, name))


def usual(queue: Queue, name: str) -> direct.Usual:
    found = usual_or_none(queue, name)
    assert found is not None
    return found


CALLS: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("plain", ("a",), {"number": 3}),
    ("plain", (), {"text": "ä\x1b[0m"}),
    ("own", (1, 2), {"more": "x"}),
    ("hueys", (), {}),
    ("hueys", ({"deep": [1, None]},), {}),
)


@pytest.mark.parametrize("as_huey", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_it_is_the_job_that_a_task_would_have_made(
    queue: Queue, call: tuple[str, tuple[Any, ...], dict[str, Any]], as_huey: bool
) -> None:
    name, args, kwargs = call
    queue.as_huey = as_huey
    job = usual(queue, name).draft(args, dict(kwargs)).job()
    task = kind_of(queue, name)(args, kwargs, id=job.id)
    with queue.batch() as batch:
        Queue.enqueue(queue, task)
    assert job == batch[0]


def test_defaults_that_change_count_from_then_on(queue: Queue) -> None:
    def attempts() -> object:
        return dict(usual(queue, "plain").draft((), {"text": "a"}).job().fields)["at"]

    assert attempts() == 3
    kind_of(queue, "plain").default_retries = 4
    assert attempts() == 5


def test_a_call_and_a_desk_add_without_a_task(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk()
    plain = queue.types["plain"]
    handles = [desk.add_job("direct", "plain", {"text": "b"})]
    handles += desk.add_bulk_jobs("direct", [("plain", {"text": str(n)}) for n in range(3)])
    assert all(handle._task is None for handle in handles)
    assert [job.id for job in desk.get_jobs("direct")] == [handle.id for handle in handles]
    assert handles[0].task.kwargs == {"text": "b"}
    assert type(handles[0].task) is plain
    assert handles[0].task.id == handles[0].id


def test_its_handle_does_what_hueys_does(queue: Queue) -> None:
    handle = Desk().add_job("direct", "plain", {"text": "a"})
    handle.revoke()
    assert handle.is_revoked()
    assert handle.restore()
    moved = handle.reschedule(delay=100)
    assert moved.id != handle.id
    assert moved.status().state == "delayed"
    assert Desk().get_job("direct", moved.id).data == {"text": "a"}


class Watched:
    """Notes the tasks that it is shown."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def receiver(self, signal: str, task: Any) -> None:
        self.seen.append(task.id)


def added(queue: Queue) -> list[str]:
    """The ids of jobs that are added in each of the ways."""
    desk = Desk()
    single: JobHandle = desk.add_job("direct", "plain", {"text": "a"})
    many = desk.add_bulk_jobs("direct", [JobSpec("plain", {"text": "b"})] * 2)
    return [handle.id for handle in (single, *many)]


@pytest.mark.parametrize("signals", [(), (SIGNAL_ENQUEUED,)])
def test_who_listens_to_the_signal_is_told(queue: Queue, signals: tuple[str, ...]) -> None:
    watched = Watched()
    queue.signal(*signals)(watched.receiver)
    assert watched.seen == added(queue)
    queue.disconnect_signal(watched.receiver)
    added(queue)
    assert len(watched.seen) == 3


@pytest.mark.parametrize("owner", [Huey, Queue, None])
def test_who_patches_enqueue_sees_every_task(
    queue: Queue, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    place: Any = queue if owner is None else owner
    before = place.enqueue

    def patched(*args: Any) -> Any:
        seen.append(args[-1].id)
        return before(*args)

    monkeypatch.setattr(place, "enqueue", patched)
    assert seen == added(queue)


def test_a_class_of_ones_own_is_asked() -> None:
    class Upper(Queue):
        def serialize_task(self, task: Any) -> NewJob:
            made = super().serialize_task(task)
            made.priority = 1
            return made

    own = Upper("direct")

    @own.task()
    def plain(text: str) -> None: ...

    for job_id in added(own):
        assert Desk().get_job("direct", job_id).priority == 1


def test_a_task_of_ones_own_names_itself(queue: Queue) -> None:
    class Numbered(JobTask):
        count = 0

        def create_id(self) -> str:
            Numbered.count += 1
            return f"n-{Numbered.count}"

    @queue.task(task_base=Numbered)
    def numbered() -> None: ...

    first = Numbered.count
    assert numbered().id == f"n-{first + 1}"


def test_a_type_that_expires_does(queue: Queue) -> None:
    @queue.task(expires=50)
    def short() -> None: ...

    assert usual_or_none(queue, "short") is None
    with queue.batch() as batch:
        short()
    assert "ex" in dict(batch[0].fields)


def test_a_task_that_was_unregistered_cannot_be_added(queue: Queue) -> None:
    @queue.task()
    def gone() -> None: ...

    gone()
    gone.unregister()
    with pytest.raises(Exception, match="gone"):
        gone()


def test_inside_a_batch_it_is_collected(queue: Queue) -> None:
    @queue.task()
    def later() -> None: ...

    with queue.batch() as batch:
        handle = later()
    assert [job.id for job in batch] == [handle.id]
    assert Desk().get_queue_stats("direct").waiting == 0


def test_none_is_added_when_one_of_many_is_wrong(queue: Queue) -> None:
    desk = Desk()
    jobs: list[Any] = [("plain", {"text": "a"})] * 250
    for bad in (("plain", {"text": 5}), ("plain", {"text": "a"}, {"attempts": 0}), ("no", {})):
        with pytest.raises(BadInput, match=r"job 251 of 252: .*; none was added"):
            desk.add_bulk_jobs("direct", [*jobs, bad, jobs[0]])
        assert desk.get_queue_stats("direct").waiting == 0


def test_a_thousand_of_two_kinds_come_in_their_order(queue: Queue) -> None:
    jobs: list[Any] = []
    for number in range(1000):
        options = {"attempts": 2} if number % 7 == 0 else None
        jobs.append(JobSpec("plain", {"text": "a", "number": number}, options))
    handles = Desk().add_bulk_jobs("direct", jobs)
    found = Desk().get_jobs("direct", "waiting", 0, 999)
    assert [job.id for job in found] == [handle.id for handle in handles]
    assert [cast("Any", job.data)["number"] for job in found] == list(range(1000))
    assert not any(handle.duplicate for handle in handles)
    assert [job.attempts for job in found[:2]] == [2, 3]


def test_data_that_is_changed_afterwards_changes_nothing(queue: Queue) -> None:
    data = {"text": "a"}
    handle, *_ = Desk().add_bulk_jobs("direct", [("plain", data)])
    data["text"] = "b"
    assert handle.task.kwargs == {"text": "a"}


def test_bad_data_is_refused(queue: Queue) -> None:
    with pytest.raises(InvalidJobData, match="number"):
        Desk().add_job("direct", "plain", {"text": "a", "number": "x"})
    with pytest.raises(InvalidJobData):
        Desk().add_job("direct", "plain", {"text": float("nan")})


def test_ids_that_a_type_is_given_later_are_its_own(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    @queue.task()
    def named() -> None: ...

    named()
    monkeypatch.setattr(JobTask, "create_id", lambda self: "own-1")
    assert named().id == "own-1"
    named.task_class.create_id = partial(str, "own-2")  # which has no code to be known by
    assert named().id == "own-2"


def test_a_bulk_that_cannot_be_sent_on_says_how_far_it_came(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, calls = queue.send_off, []

    def send_off(jobs: list[NewJob]) -> Any:
        calls.append([job.id for job in jobs])
        if len(calls) == 2:
            raise RedisUnavailable("away", sent=False)
        return plain(jobs)

    monkeypatch.setattr(queue, "send_off", send_off)
    with pytest.raises(AddUnconfirmed, match="the first 100 of 250") as caught:
        Desk().add_bulk_jobs("direct", [("plain", {"text": "a"})] * 250)
    assert caught.value.job_id == calls[1][0]
