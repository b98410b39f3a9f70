"""Each action by its key, with a worker at the queues: what it comes to is read through a desk.

The line that the dashboard shows for it is then run in a shell, on jobs in the same state.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from jobdesk import settings as settings_module
from jobdesk.broker import connection
from jobdesk.desk import Desk
from jobdesk.errors import JobNotFound
from jobdesk.models import JobState
from jobdesk.tui.app import JobdeskApp
from jobdesk.tui.screens.dialogs import ConfirmScreen
from jobdesk.tui.screens.job import JobScreen
from jobdesk.tui.screens.jobdata import AddScreen, EditScreen
from jobdesk.tui.screens.jobs import JobsScreen
from jobdesk.tui.screens.picker import PickerScreen
from jobdesk.tui.screens.queuedialogs import CleanScreen
from jobdesk.tui.screens.queues import QueuesScreen
from jobdesk.tui.screens.schedules import SchedulesScreen
from tests.acceptance.workers import Starter
from tests.servers import fresh_namespace
from tests.tui.driving import drive, picture, until

#: What the worker runs. Nothing of it is imported here: the dashboard has no such thing either.
APPLICATION = """
import itertools, pathlib, time
from jobdesk import JobContext, JobOptions, Queue, crontab
from jobdesk.engine.group import QueueGroup

folder = pathlib.Path(__file__).parent
turns = itertools.count(1)

def develop(negative: str, width: int = 200):
    '''Make a print of a negative.'''
    return {"turn": next(turns), "light": (folder / negative).read_text(), "width": width}

def expose(name: str, *, job: JobContext):
    '''Goes on until it is stopped.'''
    try:
        job.log("begun")
        while True:
            time.sleep(0.02)
    finally:
        (folder / f"{name}.closed").touch()

def air():
    '''Once a year.'''
    return "fresh"

def queue(name):
    made = Queue(name, max_active=1, lease=2, defaults=JobOptions(attempts=1))
    made.task()(develop)
    return made

prints, left, right = queue("prints"), queue("left"), queue("right")
slow = Queue("slow", concurrency=2, lease=2, defaults=JobOptions(attempts=1))
slow.task()(expose)
slow.periodic_task(crontab(month="1", day="1", hour="0", minute="0"))(air)
huey = QueueGroup([prints, left, right, slow])
"""
LONG = 20.0
HOUR = 3600
TWO = ("left", "right")


@pytest.fixture(scope="module")
def office(redis_server, tmp_path_factory):
    """A worker of the application's queues, a desk on them, and a shell beside it."""
    folder = tmp_path_factory.mktemp("darkroom")
    (folder / "darkroom.py").write_text(APPLICATION)
    (folder / "sea").write_text("blue")
    settings = settings_module.load(
        redis_url=redis_server.url, namespace=fresh_namespace(), data=folder / "data",
        delivery="outbox", tui_refresh=0.25, _env_file=None,
    )  # fmt: skip
    environment = {
        **os.environ, "REDIS_URL": settings.redis_url, "JOBDESK_NAMESPACE": settings.namespace,
        "JOBDESK_DATA": str(folder / "data"), "PYTHONPATH": str(folder),
    }  # fmt: skip
    starter = Starter(environment, folder)
    worker = starter.huey_consumer("-w", "4", module="darkroom", queue="huey")
    try:
        desk = Desk(settings)
        made = Office(settings, desk, folder, environment)
        made.eventually(desk.get_workers, "the worker", worker)
        yield made
    finally:
        starter.clear_away()
        connection.close_all()
        settings_module.use(None)


class Office:
    """What a test does besides pressing keys."""

    def __init__(self, settings, desk, folder, environment):
        self.settings, self.desk, self.folder = settings, desk, folder
        self._environment = environment

    @staticmethod
    def eventually(condition, what, worker=None):
        from tests.acceptance import workers

        workers.until(condition, LONG, what, None if worker is None else lambda: worker.log)

    def add(self, queue, job_id, negative="sea", **options):
        """Add a print to be made."""
        data = {"negative": negative}
        return self.desk.add_job(queue, "develop", data, job_id=job_id, **options).id

    def state(self, queue, job_id):
        return self.desk.get_job_status(queue, job_id).state

    def reaches(self, queue, job_id, state):
        self.eventually(lambda: self.state(queue, job_id) is state, f"{job_id} {state}")
        return self.desk.get_job(queue, job_id)

    def failed(self, queue, *ids, negative="missing"):
        """Jobs whose negative was not there when the worker looked."""
        for job_id in ids:
            self.add(queue, job_id, negative)
            self.reaches(queue, job_id, JobState.FAILED)

    def counts(self, queue):
        stats = self.desk.get_queue_stats(queue)
        return stats.waiting, stats.delayed, stats.completed, stats.failed

    def idle(self):
        """Let the worker run something else, that it could have taken the paused ones before."""
        job = self.desk.add_job("prints", "develop", {"negative": "sea"})
        job.wait(timeout=LONG)

    def shell(self, line):
        """Run a line in a shell, as it is shown."""
        python = shlex.quote(sys.executable)
        done = subprocess.run(
            ["sh", "-c", f'jobdesk() {{ {python} -m jobdesk "$@"; }}\n{line}'],
            env=self._environment, capture_output=True, text=True, timeout=60, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


@pytest.fixture
def queues(office):
    """Two queues that are alike: empty, and not paused."""
    for name in TWO:
        office.desk.resume_queue(name)
        office.eventually(lambda name=name: not office.desk.get_queue_stats(name).active, "rest")
        for state in ("waiting", "delayed", "completed", "failed"):
            office.desk.clean_jobs(name, 0, state)
        assert office.counts(name) == (0, 0, 0, 0)
    return TWO


@pytest.fixture
def sit_down(office, tmp_path):
    """Lets somebody at the keyboard do something; ``sit_down(act).lines``: what was shown."""

    def at_the_keyboard(act, **changed):
        hand = SimpleNamespace(lines=[])

        async def session(pilot, app):
            await act(Keyboard(pilot, app, hand.lines))

        settings = office.settings.model_copy(update=changed)
        drive(settings, tmp_path / "tui.json", session, size=(160, 40))
        return hand.lines

    return at_the_keyboard


class Keyboard:
    """Somebody who only presses keys, and reads what is there."""

    def __init__(self, pilot, app, lines):
        self.pilot, self.app, self.lines = pilot, app, lines

    async def press(self, *keys):
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()

    async def until(self, condition, what):
        await until(self.pilot, condition, what, within=LONG)

    async def at(self, kind):
        await self.until(lambda: isinstance(self.app.screen, kind), kind.__name__)

    async def open(self, job_id):
        """The screen of a job, by its whole id."""
        await self.press("2")
        await self.at(JobsScreen)
        await self.until(lambda: self.app.read_at, "data")
        await self.press("slash", *f"id:{job_id}", "enter")
        await self.at(JobScreen)
        await self.until(lambda: self.app.screen.job, "the job")

    async def queue(self, name):
        """The cursor on a queue of the board."""
        await self.press("3")
        await self.at(QueuesScreen)
        listing = self.app.screen.listing
        await self.until(lambda: listing.total >= 4, "the queues")
        await self.press("g")
        for _ in range(listing.total):
            if listing.current.name != name:
                await self.press("j")
        assert listing.current.name == name

    async def told(self, text):
        """Wait for a toast, and take the line that it shows."""

        def found():
            return [note.message for note in self.app._notifications if text in note.message]

        await self.until(found, text)
        self.lines += re.findall(r"^\$ (jobdesk .*)$", found()[-1], re.MULTILINE)

    async def confirmed(self, text):
        """Take the line of a question, and say yes."""
        await self.at(ConfirmScreen)
        await self.pilot.pause()
        self.see(text)
        await self.press("y")

    def see(self, text):
        """Take the lines that the screen shows."""
        shown = picture(self.app)
        assert text in shown, shown
        found = re.findall(r"\$ (jobdesk .*?)\s*│", shown)
        assert found, shown
        self.lines += found


def test_a_failed_job_is_retried_and_completes(office, sit_down):
    office.failed("prints", "again1", "again2", negative="late")
    (office.folder / "late").write_text("red")

    async def act(hand):
        await hand.open("again1")
        await hand.press("r")
        await hand.told("again1")
        await hand.until(lambda: office.state("prints", "again1") is JobState.COMPLETED, "its end")
        await hand.until(lambda: "completed" in picture(hand.app), "what is shown")

    (line,) = sit_down(act)
    assert line == "jobdesk retry prints again1"
    office.shell(line.replace("again1", "again2"))

    for job_id in ("again1", "again2"):
        job = office.reaches("prints", job_id, JobState.COMPLETED)
        assert job.return_value["light"] == "red"
        assert [run.outcome for run in job.history] == ["failed", "completed"]


def test_a_removed_job_is_gone_and_undo_brings_it_back_to_run(office, sit_down):
    office.failed("prints", "gone1", "gone2", negative="found")
    desk = office.desk

    def gone(job_id):
        with pytest.raises(JobNotFound):
            desk.get_job("prints", job_id)
        return True

    async def act(hand):
        await hand.open("gone1")
        await hand.press("d")
        await hand.confirmed("Remove job gone1 of prints")
        await hand.told("gone1")
        assert gone("gone1")
        await hand.press("u")
        await hand.told("as before")
        await hand.until(lambda: office.state("prints", "gone1") is JobState.FAILED, "its return")

    removed, undone = sit_down(act)
    assert removed == "jobdesk remove prints gone1"
    office.shell(removed.replace("gone1", "gone2"))
    assert gone("gone2")
    operation = undone.removeprefix("jobdesk undo prints ")
    newest = desk.control.last_operations("prints", 1)[0].id
    assert newest != operation
    office.shell(undone.replace(operation, newest))

    (office.folder / "found").write_text("gold")
    for job_id in ("gone1", "gone2"):
        assert [run.outcome for run in desk.get_job("prints", job_id).history] == ["failed"]
        desk.retry_job("prints", job_id)
        assert office.reaches("prints", job_id, JobState.COMPLETED).return_value["light"] == "gold"


def test_a_delayed_job_is_promoted_and_runs(office, sit_down):
    for job_id in ("later1", "later2"):
        office.add("prints", job_id, delay=HOUR)

    async def act(hand):
        await hand.open("later1")
        await hand.press("t")
        await hand.told("later1")
        await hand.until(lambda: office.state("prints", "later1") is JobState.COMPLETED, "its end")

    (line,) = sit_down(act)
    assert line == "jobdesk promote prints later1"
    assert office.state("prints", "later2") is JobState.DELAYED
    office.shell(line.replace("later1", "later2"))

    office.reaches("prints", "later2", JobState.COMPLETED)


def test_a_paused_queue_starts_nothing_until_it_is_resumed(office, sit_down, queues):
    left, right = queues
    ends = office.counts

    async def act(hand):
        await hand.queue(left)
        await hand.press("s")
        await hand.told("is paused")
        office.add(left, "p1")
        await asyncio.to_thread(office.idle)
        assert ends(left) == (1, 0, 0, 0)
        await hand.until(lambda: hand.app.screen.listing.current.stats.paused, "that it is shown")
        await hand.press("s")
        await hand.told("goes on")
        await hand.until(lambda: ends(left) == (0, 0, 1, 0), "the job")

    paused, resumed = sit_down(act)
    assert (paused, resumed) == (f"jobdesk pause {left}", f"jobdesk resume {left}")
    office.shell(paused.replace(left, right))
    office.add(right, "p2")
    office.idle()
    assert ends(right) == (1, 0, 0, 0)
    office.shell(resumed.replace(left, right))

    office.eventually(lambda: ends(right) == (0, 0, 1, 0), "the job")


def test_cleaning_takes_the_oldest_that_the_worker_ran(office, sit_down, queues):
    left, right = queues
    for name in queues:
        for job_id in ("c1", "c2", "c3"):
            office.add(name, job_id)
            office.reaches(name, job_id, JobState.COMPLETED)
        office.failed(name, "f1")

    def kept(name):
        return [job.id for job in office.desk.get_jobs(name, "completed")]

    async def act(hand):
        await hand.queue(left)
        await hand.until(lambda: hand.app.screen.listing.current.stats.completed == 3, "its counts")
        await hand.press("C")
        await hand.at(CleanScreen)
        await hand.press("c", "tab", *["backspace"] * 3, "0", "tab", "2")
        await hand.until(lambda: "2 of 3 completed jobs would go" in picture(hand.app), "a count")
        await hand.press("enter")
        await hand.confirmed(f"Remove 2 completed jobs of {left}")
        await hand.told("Removed 2 jobs")

    (line,) = sit_down(act)
    assert line == f"jobdesk clean {left} --status completed --grace 0s --limit 2 --yes"
    assert kept(left) == ["c3"]
    assert len(kept(right)) == 3
    office.shell(line.replace(left, right))

    assert kept(right) == kept(left)
    assert office.counts(right) == office.counts(left) == (0, 0, 1, 1)


def test_an_emptied_queue_has_nothing_to_run_and_undo_gives_the_worker_all_of_it(
    office, sit_down, queues
):
    left, right = queues
    for name in queues:
        office.desk.pause_queue(name)
        office.add(name, "w1")
        office.add(name, "w2")
        office.add(name, "d1", delay=HOUR)

    async def act(hand):
        await hand.queue(left)
        await hand.until(lambda: hand.app.screen.listing.current.stats.waiting == 2, "its counts")
        await hand.press("E")
        await hand.confirmed(f"Remove all 3 waiting and delayed jobs of {left}")
        await hand.told("Removed 3 jobs")
        assert office.counts(left) == (0, 0, 0, 0)
        await hand.press("u")
        await hand.told("3 jobs are as before")

    emptied, undone = sit_down(act)
    assert emptied == f"jobdesk empty {left} --yes"
    office.shell(emptied.replace(left, right))
    assert office.counts(right) == (0, 0, 0, 0)
    office.desk.resume_queue(right)
    office.idle()
    assert office.counts(right) == (0, 0, 0, 0)
    operation = undone.removeprefix(f"jobdesk undo {left} ")
    own = office.desk.control.last_operations(right, 1)[0].id
    office.shell(undone.replace(operation, own).replace(left, right))
    office.desk.resume_queue(left)

    for name in queues:
        office.eventually(lambda name=name: office.counts(name) == (0, 1, 2, 0), "what waited")


def test_a_running_function_is_stopped_by_a_cancel(office, sit_down):
    for job_id in ("stop1", "stop2"):
        office.desk.add_job("slow", "expose", {"name": job_id}, job_id=job_id, attempts=3)
        office.reaches("slow", job_id, JobState.ACTIVE)
        office.eventually(lambda job_id=job_id: office.desk.get_job("slow", job_id).log, "a line")

    async def act(hand):
        await hand.open("stop1")
        await hand.press("x")
        await hand.confirmed("Cancel job stop1 of slow")
        await hand.told("stop1")
        await hand.until(lambda: office.state("slow", "stop1") is JobState.FAILED, "its end")

    (line,) = sit_down(act)
    assert line == "jobdesk cancel slow stop1"
    assert office.state("slow", "stop2") is JobState.ACTIVE
    assert not (office.folder / "stop2.closed").exists()
    office.shell(line.replace("stop1", "stop2"))

    for job_id in ("stop1", "stop2"):
        job = office.reaches("slow", job_id, JobState.FAILED)
        assert job.failed_reason.startswith("JobCancelled")
        assert [run.outcome for run in job.history] == ["failed"], "it is not tried again"
        office.eventually((office.folder / f"{job_id}.closed").exists, "the end of the function")


@pytest.fixture
def typist(office, monkeypatch):
    """An editor that mends the data; what settings it needs."""
    script = office.folder / "editor.py"
    script.write_text(
        "import pathlib, sys\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "path.write_text(path.read_text().replace('lost', 'sea'))\n"
    )
    # a headless app has no terminal to give to an editor: it is given one here
    monkeypatch.setattr(JobdeskApp, "suspend", lambda self: nullcontext())
    return {"editor": shlex.join([sys.executable, str(script)])}


def test_a_failed_job_is_edited_and_the_same_job_runs_with_it(office, sit_down, typist):
    office.failed("prints", "mend1", "mend2", negative="lost")

    async def act(hand):
        await hand.open("mend1")
        await hand.press("e")
        await hand.at(EditScreen)
        await hand.until(lambda: "$ jobdesk retry" in picture(hand.app), "the commands")
        hand.see('"negative": "sea"')
        await hand.press("ctrl+s")
        await hand.told("mend1")
        await hand.until(lambda: office.state("prints", "mend1") is JobState.COMPLETED, "its end")

    lines = sit_down(act, **typist)
    assert lines[1] == "jobdesk retry prints mend1"
    assert lines[0].startswith("jobdesk edit prints mend1 --data ")
    for line in lines:
        office.shell(line.replace("mend1", "mend2"))

    for job_id in ("mend1", "mend2"):
        job = office.reaches("prints", job_id, JobState.COMPLETED)
        assert job.data == {"negative": "sea"}
        assert job.return_value["light"] == "blue"
        assert [run.outcome for run in job.history] == ["failed", "completed"]


def test_a_job_is_added_by_the_form_of_its_published_type_and_runs(office, sit_down):
    (office.folder / "new").write_text("green")

    def made():
        found = office.desk.get_jobs("prints", "completed", 0, 99)
        return [job for job in found if job.data == {"negative": "new", "width": 300}]

    async def act(hand):
        await hand.queue("prints")
        await hand.press("a")
        await hand.at(AddScreen)
        await hand.press(*"new", "tab", *"300")
        await hand.until(lambda: "$ jobdesk add" in picture(hand.app), "the command")
        await hand.until(lambda: "300" in picture(hand.app).partition("$ jobdesk add")[2], "all")
        hand.see("Add develop to prints")
        await hand.press("ctrl+s")
        await hand.until(lambda: len(made()) == 1, "its end")

    (line,) = sit_down(act)
    office.shell(line)

    office.eventually(lambda: len(made()) == 2, "the other")
    first, second = made()
    assert first.return_value["light"] == second.return_value["light"] == "green"
    assert (first.attempts, first.priority, first.origin) == (
        second.attempts, second.priority, second.origin,
    )  # fmt: skip


def test_what_is_given_a_higher_priority_runs_before_the_others(office, sit_down, queues):
    left, right = queues
    for name in queues:
        office.desk.pause_queue(name)
        for number in (1, 2, 3):
            office.add(name, f"{name}{number}", priority=5)

    async def act(hand):
        await hand.open("left3")
        await hand.press("p")
        await hand.at(PickerScreen)
        chosen = [one.value for one in hand.app.screen._choices].index("2")
        await hand.press("home", *["j"] * chosen)
        hand.see("Priority of left3")
        await hand.press("enter")
        await hand.until(lambda: office.desk.get_job(left, "left3").priority == 2, "the change")

    (line, *_) = sit_down(act)
    assert line == "jobdesk priority left left3 2"
    office.shell(line.replace(left, right))
    for name in queues:
        office.desk.resume_queue(name)
        office.eventually(lambda name=name: office.counts(name) == (0, 0, 3, 0), "all three")

    for name in queues:
        jobs = office.desk.get_jobs(name, "completed")
        ran = sorted(jobs, key=lambda job: job.return_value["turn"])
        assert [job.id for job in ran] == [f"{name}3", f"{name}1", f"{name}2"]


def test_a_schedule_is_run_now_and_its_next_time_stays(office, sit_down):
    def ran():
        return [job for job in office.desk.get_jobs("slow", "completed") if job.type == "air"]

    (before,) = office.desk.get_schedules("slow")

    async def act(hand):
        await hand.press("5")
        await hand.at(SchedulesScreen)
        await hand.until(lambda: hand.app.screen.listing.total == 1, "the schedule")
        await hand.press("t")
        await hand.told("air runs now")
        await hand.until(lambda: len(ran()) == 1, "its end")

    (line,) = sit_down(act)
    assert line == "jobdesk schedule run air --queue=slow"
    office.shell(line)

    office.eventually(lambda: len(ran()) == 2, "the other")
    assert [job.return_value for job in ran()] == ["fresh", "fresh"]
    (after,) = office.desk.get_schedules("slow")
    assert after.next_ms == before.next_ms
