"""Finding jobs, looking at one, and changing them by keys: each effect read back from Redis."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Literal

import pytest

from jobdesk.broker.control import Control
from jobdesk.broker.inspector import Inspector
from jobdesk.engine.context import JobContext
from jobdesk.engine.publishing import publish
from jobdesk.models import JobState
from jobdesk.tui.screens.canary import CanaryScreen
from jobdesk.tui.screens.dialogs import ConfirmScreen
from jobdesk.tui.screens.groups import GroupsScreen
from jobdesk.tui.screens.job import JobScreen
from jobdesk.tui.screens.jobdata import AddScreen, EditScreen
from jobdesk.tui.screens.jobs import JobsScreen
from jobdesk.tui.screens.picker import PickerScreen
from jobdesk.tui.screens.why import WhyScreen
from jobdesk.tui.widgets.filterbar import FilterBar
from jobdesk.tui.widgets.textview import TextView
from tests.bench import Bench
from tests.tui.driving import NARROW, drive, picture, until

SMALL = (60, 16)


@pytest.fixture
def run_desk(run_quickly):
    return run_quickly


@pytest.fixture
def bench(broker) -> Bench:
    """The queue ``thumbs`` with a type that is published."""
    made = Bench(broker)

    def resize(
        path: str, width: int = 200, mode: Literal["fit", "fill"] = "fit", *, job: JobContext
    ) -> str:
        """Make a picture smaller."""
        if path.startswith("bad"):
            raise ValueError(f"cannot read {path}")
        return path

    made.queue.task(attempts=1)(resize)
    publish(made.queue)
    return made


async def at_jobs(pilot, app, total, state="failed"):
    """The list of ``thumbs``."""
    await until(pilot, lambda: app.read_at, "data")
    app.open_jobs("thumbs", JobState(state) if state else None)
    await until(pilot, lambda: isinstance(app.screen, JobsScreen), "the list")
    await until(pilot, lambda: app.screen.jobs.total == total, f"{total} jobs")
    await until(pilot, lambda: app.screen.jobs.current or not total, "rows")


async def filtered(pilot, app, text, count):
    await press(pilot, "slash")
    await until(pilot, lambda: app.screen.query_one(FilterBar).typing)
    app.screen.query_one("#filter-input").value = text
    await press(pilot, "enter")
    await until(pilot, lambda: app.screen.search and app.screen.search.begun, "a search")
    await until(pilot, lambda: app.screen.jobs.total == count, f"{count} found")


async def press(pilot, *keys):
    """Press keys as fast as somebody types."""
    await pilot.press(*keys)


async def at_screen(pilot, app, kind, what=""):
    await until(pilot, lambda: isinstance(app.screen, kind), what or kind.__name__)
    await pilot.pause(0.05)


def notes(app):
    return [note.message for note in app._notifications]


def ids(app):
    return [row.id for row in app.screen.jobs.found]


# --- finding


def test_text_is_found_in_data_and_error_and_the_bar_says_what_was_searched(run_desk, thumbs):
    thumbs.failed("f1", error="ReadTimeout: timed out")
    thumbs.failed("f2", payload=b'{"path": "timed.png"}')
    thumbs.failed("f3")

    async def act(pilot, app):
        await at_jobs(pilot, app, 3)
        await filtered(pilot, app, "timed", 2)

        assert set(ids(app)) == {"f1", "f2"}
        assert "2 found, searched all 3" in picture(app)
        await press(pilot, "escape")
        await until(pilot, lambda: app.screen.jobs.total == 3, "all again")

    run_desk(act)


def test_a_search_reads_2000_rows_a_press_and_goes_on(run_desk, broker, thumbs):
    thumbs.waiting("zz-needle")
    for start in range(0, 2500, 250):
        thumbs.waiting(*(f"w{n:05}" for n in range(start, start + 250)), priority=1)

    async def act(pilot, app):
        await at_jobs(pilot, app, 2501, "waiting")
        await filtered(pilot, app, "id:zz type:resize", 0)
        assert "searched 2,000 of 2,501, F goes on" in picture(app)

        await press(pilot, "F")

        await until(pilot, lambda: app.screen.jobs.total == 1, "the needle")
        assert "searched all 2,501" in picture(app)

    run_desk(act)


def test_keys_do_nothing_but_write_while_a_filter_is_typed(run_desk, broker, thumbs):
    thumbs.failed("f1")

    async def act(pilot, app):
        await at_jobs(pilot, app, 1)
        await press(pilot, "slash", *"qrRDd1?u:")
        await pilot.pause(0.1)

        assert isinstance(app.screen, JobsScreen)
        assert app.screen.query_one("#filter-input").value == "qrRDd1?u:"
        assert Inspector(broker).stats("thumbs").failed == 1
        await press(pilot, "escape")
        assert not app.screen.query_one(FilterBar).typing

    run_desk(act)


def test_tab_completes_a_filter_by_what_there_is(run_desk, bench):
    bench.queue.enqueue(bench.queue.types["resize"]((), {"path": "a"}))

    async def act(pilot, app):
        await at_jobs(pilot, app, 1, "waiting")
        await press(pilot, "slash")
        await until(pilot, lambda: app.screen.known().types, "the types")
        await press(pilot, *"ty", "tab", "r", "tab")

        assert app.screen.query_one("#filter-input").value == "type:resize "

    run_desk(act)


def test_a_whole_id_opens_its_job_from_any_list(run_desk, thumbs):
    thumbs.completed("c1")
    thumbs.failed("f1")

    async def act(pilot, app):
        await at_jobs(pilot, app, 1)
        await press(pilot, "slash", *"id:c1", "enter")
        await at_screen(pilot, app, JobScreen)

        await until(pilot, lambda: app.screen.job and app.screen.job.id == "c1", "the job")

    run_desk(act)


def test_n_goes_from_match_to_match_in_the_whole_list(run_desk, thumbs):
    thumbs.failed(*(f"f{n}" for n in range(30)))
    thumbs.failed("hit1", payload=b'{"path": "needle"}')
    thumbs.failed(*(f"g{n}" for n in range(30)))
    thumbs.failed("hit2", payload=b'{"path": "needle"}')
    thumbs.failed("last")

    async def act(pilot, app):
        await at_jobs(pilot, app, 63)
        await filtered(pilot, app, "needle", 2)
        await press(pilot, "escape")
        await until(pilot, lambda: app.screen.jobs.total == 63, "all")
        await until(pilot, lambda: app.screen.jobs.current, "rows")
        for wanted, key in (("hit2", "n"), ("hit1", "n"), ("hit2", "N")):
            await press(pilot, key)
            await until(
                pilot,
                lambda wanted=wanted: (
                    app.screen.jobs.current and app.screen.jobs.current.id == wanted
                ),
                wanted,
            )

    run_desk(act)


def test_a_found_row_keeps_its_place_and_says_what_became_of_it(run_desk, broker, thumbs):
    thumbs.failed("f1", "f2", "f3")

    async def act(pilot, app):
        await at_jobs(pilot, app, 3)
        await filtered(pilot, app, "type:resize", 3)
        before = ids(app)
        Control(broker).remove_job("thumbs", before[1])
        Control(broker).retry_job("thumbs", before[2])

        await until(pilot, lambda: "is waiting now" in picture(app), "the retried one")
        await until(pilot, lambda: "removed" in picture(app), "the removed one")
        assert ids(app) == before

    run_desk(act)


def test_an_order_of_ones_own_is_chosen_from_a_menu(run_desk, thumbs):
    for ended_ms, job_id in enumerate("bca", 1_800_000_000_000):
        thumbs.failed(job_id, error=f"{job_id.upper()}: x")
        thumbs.end_at("failed", job_id, ended_ms)

    async def act(pilot, app):
        await at_jobs(pilot, app, 3)
        await press(pilot, "o")
        await at_screen(pilot, app, PickerScreen)
        await press(pilot, "j", "enter")
        await until(pilot, lambda: app.screen.jobs.reverse and app.screen.jobs.current, "reversed")
        assert app.screen.jobs.current.id == "b"

        await press(pilot, "o")
        await at_screen(pilot, app, PickerScreen)
        names = [choice.value for choice in app.screen._choices]
        await press(pilot, "g", *("j",) * (names.index("by error") - 1), "enter")

        await until(pilot, lambda: app.screen.search and app.screen.search.begun, "sorted")
        assert ids(app) == ["a", "b", "c"]

    run_desk(act)


# --- one job


def test_a_failed_job_opens_at_its_error_and_every_tab_says_its_part(run_desk, thumbs):
    thumbs.failed("f1", payload=b'{"path": "a", "apiKey": "sk_1"}')

    async def act(pilot, app):
        await at_jobs(pilot, app, 1)
        await press(pilot, "enter")
        await at_screen(pilot, app, JobScreen)
        await until(pilot, lambda: "ValueError: no, in full" in picture(app), "the error")
        await press(pilot, "right_square_bracket")
        await until(pilot, lambda: "attempt" in picture(app), "attempts")
        await press(pilot, "right_square_bracket")
        await until(pilot, lambda: "No log." in picture(app), "the log")
        await press(pilot, "right_square_bracket")
        await until(pilot, lambda: "timeline" in picture(app), "the summary")
        await press(pilot, "right_square_bracket")
        await until(pilot, lambda: '"apiKey": "[hidden]"' in picture(app), "the data")
        await press(pilot, "V")

        await until(pilot, lambda: '"apiKey": "sk_1"' in picture(app), "the secret")
        await press(pilot, "V")
        assert "sk_1" not in picture(app)

    run_desk(act)


def test_j_and_k_go_through_the_list_without_leaving_the_job(run_desk, thumbs):
    thumbs.failed("f1", "f2", "f3")

    async def act(pilot, app):
        await at_jobs(pilot, app, 3)
        order = [app.screen.jobs.row_at(n).id for n in range(3)]
        await press(pilot, "enter")
        await at_screen(pilot, app, JobScreen)
        for key, wanted in (("J", order[1]), ("J", order[2]), ("K", order[1])):
            await press(pilot, key)
            await until(
                pilot, lambda wanted=wanted: app.screen.job and app.screen.job.id == wanted, wanted
            )
        await press(pilot, "escape")

        assert app.screen.jobs.current.id == order[1]

    run_desk(act)


def test_why_says_what_keeps_a_job_from_running(run_desk, broker, thumbs):
    thumbs.waiting("w1")
    Control(broker).pause_queue("thumbs")

    async def act(pilot, app):
        await at_jobs(pilot, app, 1, "waiting")
        await press(pilot, "w")
        await at_screen(pilot, app, WhyScreen)
        await until(pilot, lambda: "Queue thumbs is paused." in picture(app), "the reason")
        assert "$ jobdesk why thumbs w1" in picture(app)
        await press(pilot, "escape")

        assert isinstance(app.screen, JobsScreen)

    run_desk(act)


def test_the_whole_job_is_copied_as_json_without_its_secrets(run_desk, thumbs):
    thumbs.failed("f1", payload=b'{"path": "a", "token": "t0"}')

    async def act(pilot, app):
        await at_jobs(pilot, app, 1)
        await press(pilot, "Y")

        await until(pilot, lambda: '"jobId": "f1"' in app.clipboard, "the copy")
        assert "t0" not in app.clipboard

    run_desk(act)


# --- changing


def shell(environment, line: str) -> subprocess.CompletedProcess:
    """Run a command line as it is shown."""
    words = shlex.split(line.removeprefix("$ "))
    assert words[0] == "jobdesk"
    return subprocess.run(
        [sys.executable, "-m", "jobdesk", *words[1:]], env=environment, capture_output=True,
        text=True, timeout=30, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip


def state_of(broker, job_id):
    return Inspector(broker).job("thumbs", job_id).state


def test_a_job_that_waits_is_cancelled_by_a_key_and_by_the_command_it_shows(
    run_desk, broker, thumbs, environment
):
    thumbs.waiting("one", "two")
    seen = {}

    async def act(pilot, app):
        await at_jobs(pilot, app, 2, "waiting")
        seen["id"] = app.screen.jobs.current.id
        await press(pilot, "x")
        await at_screen(pilot, app, ConfirmScreen)
        seen["line"] = app.screen.command.line
        assert f"$ {seen['line']}" in picture(app)
        await press(pilot, "y")
        await until(pilot, lambda: notes(app), "a word of it")

    run_desk(act)
    other = "two" if seen["id"] == "one" else "one"
    done = shell(environment, seen["line"].replace(seen["id"], other))

    assert done.returncode == 0, done.stderr
    both = Inspector(broker).jobs("thumbs", ["one", "two"])
    assert {job.state for job in both} == {JobState.FAILED}


def test_a_change_of_priority_is_taken_back(run_desk, broker, thumbs):
    thumbs.waiting("w1", priority=4)

    async def act(pilot, app):
        await at_jobs(pilot, app, 1, "waiting")
        await press(pilot, "p")
        await at_screen(pilot, app, PickerScreen)
        await press(pilot, "2")
        job = Inspector(broker).job
        await until(pilot, lambda: job("thumbs", "w1").priority == 2, "the change")
        await until(pilot, lambda: notes(app), "a word of it")
        await press(pilot, "u")

        await until(pilot, lambda: job("thumbs", "w1").priority == 4, "the undo")

    run_desk(act)


def test_the_data_of_a_failed_job_is_edited_and_it_runs_again_and_completes(run_desk, bench):
    handle = bench.queue.types["resize"]
    bench.queue.enqueue(handle((), {"path": "bad.png"}))
    bench.run_all()

    async def act(pilot, app):
        await at_jobs(pilot, app, 1)
        job_id = app.screen.jobs.current.id
        await press(pilot, "e")
        await at_screen(pilot, app, EditScreen)
        area = app.screen.query_one("#raw")
        area.text = '{"path": 3}'
        await until(pilot, lambda: "path: must be a text" in picture(app), "the fault")
        await press(pilot, "ctrl+s")
        assert isinstance(app.screen, EditScreen), "what does not fit is not saved"
        area.text = '{"path": "good.png"}'
        await until(pilot, lambda: f"$ jobdesk retry thumbs {job_id}" in picture(app), "the line")
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: bench.inspector.stats("thumbs").waiting == 1, "the retry")
        with bench.worker():
            await until(pilot, lambda: bench.inspector.stats("thumbs").completed == 1, "its end")

        job = bench.inspector.job("thumbs", job_id)
        assert job.data == {"path": "good.png"}
        assert [attempt.outcome for attempt in job.history] == ["failed", "completed"]

    run_desk(act)


def test_an_edit_is_taken_back_with_its_retry(run_desk, bench):
    bench.queue.enqueue(bench.queue.types["resize"]((), {"path": "bad.png"}))
    bench.run_all()

    async def act(pilot, app):
        await at_jobs(pilot, app, 1)
        job_id = app.screen.jobs.current.id
        await press(pilot, "e")
        await at_screen(pilot, app, EditScreen)
        app.screen.query_one("#raw").text = '{"path": "good.png"}'
        await pilot.pause(0.3)
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: bench.inspector.stats("thumbs").waiting == 1, "the retry")
        await until(pilot, lambda: notes(app), "a word of it")
        await press(pilot, "u")

        await until(pilot, lambda: bench.inspector.stats("thumbs").failed == 1, "the undo")
        await until(pilot, lambda: bench.inspector.job("thumbs", job_id).data == {
            "path": "bad.png"}, "the data")  # fmt: skip

    run_desk(act)


def test_the_operators_own_editor_is_used_where_the_terminal_allows_it(
    settings, bench, tmp_path, monkeypatch
):
    """A headless app has no terminal to give away: it is given one here."""
    import contextlib

    from jobdesk.tui.app import JobdeskApp

    script = tmp_path / "ed.py"
    script.write_text(
        "import sys, pathlib\np = pathlib.Path(sys.argv[1])\n"
        "p.write_text(p.read_text().replace('bad', 'good'))\n"
    )
    chosen = settings.model_copy(
        update={"editor": shlex.join([sys.executable, os.fspath(script)]), "tui_refresh": 0.25}
    )
    monkeypatch.setattr(JobdeskApp, "suspend", lambda self: contextlib.nullcontext())
    bench.queue.enqueue(bench.queue.types["resize"]((), {"path": "bad.png"}))
    bench.run_all()

    async def act(pilot, app):
        await at_jobs(pilot, app, 1)
        await press(pilot, "e")
        await at_screen(pilot, app, EditScreen)
        await until(pilot, lambda: '"good.png"' in picture(app), "what the editor made of it")
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: bench.inspector.stats("thumbs").waiting == 1, "the retry")

    drive(chosen, tmp_path / "state" / "tui.json", act)
    bench.run_all()
    assert bench.inspector.stats("thumbs").completed == 1


def test_a_job_is_added_from_the_form_of_its_type(run_desk, bench):
    async def act(pilot, app):
        await at_jobs(pilot, app, 0, "waiting")
        await press(pilot, "a")
        await at_screen(pilot, app, AddScreen)
        await until(pilot, lambda: "path: is required" in picture(app), "what is missing")
        await press(pilot, *"new.png", "tab", *"wide")
        await until(pilot, lambda: "width: must be a whole number" in picture(app), "the fault")
        await press(pilot, *("backspace",) * 4, *"300", "ctrl+s")
        await until(pilot, lambda: bench.inspector.stats("thumbs").waiting == 1, "the job")
        with bench.worker():
            await until(pilot, lambda: bench.inspector.stats("thumbs").completed == 1, "its end")

        row = bench.inspector.rows("thumbs", "completed").rows[0]
        job = bench.inspector.job("thumbs", row.id)
        assert job.data == {"path": "new.png", "width": 300}
        assert job.return_value == "new.png"

    run_desk(act)


def test_what_is_added_is_taken_back(run_desk, bench):
    async def act(pilot, app):
        await at_jobs(pilot, app, 0, "waiting")
        await press(pilot, "a")
        await at_screen(pilot, app, AddScreen)
        await press(pilot, *"x.png", "ctrl+s")
        await until(pilot, lambda: bench.inspector.stats("thumbs").waiting == 1, "the job")
        await until(pilot, lambda: notes(app), "a word of it")
        await press(pilot, "u")
        await at_screen(pilot, app, ConfirmScreen)
        await press(pilot, "y")

        await until(pilot, lambda: bench.inspector.stats("thumbs").waiting == 0, "the undo")

    run_desk(act)


@pytest.mark.parametrize("key", ["b", "e"])
def test_a_completed_job_is_made_again_with_a_note_of_its_origin(run_desk, bench, key):
    bench.queue.enqueue(bench.queue.types["resize"]((), {"path": "a.png"}))
    bench.run_all()

    async def act(pilot, app):
        await at_jobs(pilot, app, 1, "completed")
        origin = app.screen.jobs.current.id
        await press(pilot, key)
        await at_screen(pilot, app, AddScreen)
        await pilot.pause(0.3)
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: bench.inspector.stats("thumbs").waiting == 1, "the new one")

        row = bench.inspector.rows("thumbs", "waiting").rows[0]
        job = bench.inspector.job("thumbs", row.id)
        assert job.origin == origin
        assert job.data == {"path": "a.png"}
        app.open_job("thumbs", job.id)
        await until(pilot, lambda: f"made from  {origin}" in picture(app), "its origin")

    run_desk(act)


# --- many


def test_all_that_a_filter_matches_is_counted_then_removed_and_taken_back(run_desk, broker, thumbs):
    thumbs.failed(*(f"keep{n}" for n in range(5)))
    thumbs.failed(*(f"gone{n}" for n in range(7)))

    async def act(pilot, app):
        await at_jobs(pilot, app, 12)
        await filtered(pilot, app, "gone !nothing", 7)
        await press(pilot, "D")
        await at_screen(pilot, app, ConfirmScreen)
        shown = picture(app)
        assert "Remove 7 jobs: queue:thumbs state:failed gone !nothing" in shown
        assert "… 4 more" in shown
        await press(pilot, "y")
        stats = Inspector(broker).stats
        await until(pilot, lambda: stats("thumbs").failed == 5, "the removal")
        await until(pilot, lambda: any("Removed 7 of 7" in note for note in notes(app)))

        await press(pilot, "u")

        await until(pilot, lambda: stats("thumbs").failed == 12, "the undo")

    run_desk(act)


def test_a_filter_that_is_not_searched_through_is_counted_to_the_end_first(
    run_desk, broker, thumbs
):
    for start in range(0, 2200, 200):
        thumbs.waiting(*(f"w{n:05}" for n in range(start, start + 200)))
    thumbs.waiting("zz1", "zz2")

    async def act(pilot, app):
        await at_jobs(pilot, app, 2202, "waiting")
        await filtered(pilot, app, "id:zz type:resize", 0)
        await press(pilot, "X")
        await at_screen(pilot, app, ConfirmScreen)
        assert "Cancel 2 jobs" in picture(app)
        await press(pilot, "y")

        await until(pilot, lambda: Inspector(broker).stats("thumbs").failed == 2, "the cancelling")

    run_desk(act)


def test_a_whole_list_is_acted_on_where_nothing_is_marked(run_desk, broker, thumbs):
    thumbs.delayed("d1", "d2", "d3")

    async def act(pilot, app):
        await at_jobs(pilot, app, 3, "delayed")
        await press(pilot, "T")
        await at_screen(pilot, app, ConfirmScreen)
        assert "Run now 3 jobs: queue:thumbs state:delayed" in picture(app)
        await press(pilot, "y")

        await until(pilot, lambda: Inspector(broker).stats("thumbs").waiting == 3, "promoted")

    run_desk(act)


def test_a_command_over_many_is_stopped_by_escape(run_desk, broker, thumbs):
    for start in range(0, 4000, 250):
        thumbs.failed(*(f"f{n:04}" for n in range(start, start + 250)))

    async def act(pilot, app):
        await at_jobs(pilot, app, 4000)
        await filtered(pilot, app, "type:resize", 2000)
        await press(pilot, "F")
        await until(pilot, lambda: app.screen.jobs.total == 4000, "all of them")
        await press(pilot, "R")
        await at_screen(pilot, app, ConfirmScreen)
        app.screen.query_one("#typed").value = "4000"
        stats = Inspector(broker).stats

        def escape_soon() -> None:
            """As somebody at the keyboard, who does not wait for the app to be idle."""
            while not stats("thumbs").waiting:
                time.sleep(0.005)
            app.call_from_thread(app.simulate_key, "escape")

        hand = threading.Thread(target=escape_soon)
        hand.start()
        await press(pilot, "enter")
        await until(pilot, lambda: notes(app), "a word of it")
        await until(pilot, lambda: not hand.is_alive(), "the key")

        done = stats("thumbs").waiting
        assert 0 < done < 4000
        assert any("then it was stopped" in note for note in notes(app))

    run_desk(act)


# --- causes


def test_a_group_is_opened_and_retried_as_one(run_desk, bench):
    for name in ("bad1", "bad2", "good"):
        bench.queue.enqueue(bench.queue.types["resize"]((), {"path": name}))
    bench.run_all()
    Control(bench.broker).retry_all("nothing")

    async def act(pilot, app):
        await at_jobs(pilot, app, 2)
        await press(pilot, "i")
        await at_screen(pilot, app, GroupsScreen)
        await until(pilot, lambda: app.screen.listing.total == 1, "the group")
        assert "1 cause   2 failures" in picture(app)
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen) and app.screen.search
                    and app.screen.jobs.total == 2, "its jobs")  # fmt: skip
        await press(pilot, "i")
        await at_screen(pilot, app, GroupsScreen)
        await until(pilot, lambda: app.screen.listing.current, "the group")
        await press(pilot, "R")
        await at_screen(pilot, app, ConfirmScreen)
        assert "Retry 2 jobs of thumbs" in picture(app)
        assert "$ jobdesk group retry thumbs" in picture(app)
        await press(pilot, "y")

        await until(pilot, lambda: bench.inspector.stats("thumbs").waiting == 2, "the retry")

    run_desk(act)


def test_one_of_a_group_goes_first_and_the_rest_when_it_went_well(run_desk, bench):
    for name in ("bad1", "bad2", "bad3"):
        bench.queue.enqueue(bench.queue.types["resize"]((), {"path": name}))
    bench.run_all()
    for row in bench.inspector.rows("thumbs", "failed").rows:
        Control(bench.broker).edit_job("thumbs", row.id, {"path": "good"})

    async def act(pilot, app):
        await at_jobs(pilot, app, 3)
        await press(pilot, "i")
        await at_screen(pilot, app, GroupsScreen)
        await until(pilot, lambda: app.screen.listing.current, "the group")
        await press(pilot, "r")
        await at_screen(pilot, app, ConfirmScreen)
        assert "--limit 1" in picture(app)
        await press(pilot, "y")
        await at_screen(pilot, app, CanaryScreen)
        assert bench.inspector.stats("thumbs").failed == 2
        with bench.worker():
            await until(pilot, lambda: "It completed." in picture(app), "the canary's end")
            await press(pilot, "y")
            await until(pilot, lambda: bench.inspector.stats("thumbs").completed == 3, "the rest")

    run_desk(act)


def test_a_canary_without_others_speaks_of_no_rest(run_desk, bench):
    bench.queue.enqueue(bench.queue.types["resize"]((), {"path": "bad1"}))
    bench.run_all()

    async def act(pilot, app):
        await at_jobs(pilot, app, 1)
        await press(pilot, "i")
        await at_screen(pilot, app, GroupsScreen)
        await until(pilot, lambda: app.screen.listing.current, "the group")
        await press(pilot, "r")
        await at_screen(pilot, app, ConfirmScreen)
        await press(pilot, "y")
        await at_screen(pilot, app, CanaryScreen)
        with bench.worker():
            await until(pilot, lambda: "It failed again" in picture(app), "the canary's end")
        shown = picture(app)
        assert "It was the only one." in shown
        assert "n  Close" in shown
        assert "rest" not in shown
        assert "$ jobdesk group retry" not in shown

    run_desk(act)


def test_a_canary_that_fails_again_leaves_the_rest(run_desk, bench):
    for name in ("bad1", "bad2"):
        bench.queue.enqueue(bench.queue.types["resize"]((), {"path": name}))
    bench.run_all()

    async def act(pilot, app):
        await at_jobs(pilot, app, 2)
        await press(pilot, "i")
        await at_screen(pilot, app, GroupsScreen)
        await until(pilot, lambda: app.screen.listing.current, "the group")
        await press(pilot, "r")
        await at_screen(pilot, app, ConfirmScreen)
        await press(pilot, "y")
        await at_screen(pilot, app, CanaryScreen)
        with bench.worker():
            await until(pilot, lambda: "It failed again" in picture(app), "the canary's end")
        await press(pilot, "y", "enter")
        await pilot.pause(0.2)

        stats = bench.inspector.stats("thumbs")
        assert (stats.failed, stats.waiting) == (2, 0)

    run_desk(act)


def test_a_group_is_removed_and_taken_back(run_desk, broker, bench):
    bench.queue.enqueue(bench.queue.types["resize"]((), {"path": "bad1"}))
    bench.run_all()

    async def act(pilot, app):
        await at_jobs(pilot, app, 1)
        await press(pilot, "i")
        await at_screen(pilot, app, GroupsScreen)
        await until(pilot, lambda: app.screen.listing.current, "the group")
        await press(pilot, "D")
        await at_screen(pilot, app, ConfirmScreen)
        await press(pilot, "y")
        await until(pilot, lambda: bench.inspector.stats("thumbs").failed == 0, "the removal")
        await until(pilot, lambda: notes(app), "a word of it")
        await press(pilot, "u")

        await until(pilot, lambda: bench.inspector.stats("thumbs").failed == 1, "the undo")

    run_desk(act)


# --- what jobs say

EVIL = (
    "[/foo] [link=http://x]y[/link] \x1b[31mred \x1b]52;c;ZXZpbA==\x07 \x9b1m \u202eabc\u202c"
    " العربية 😀 \u2028 \ud800"
).encode("utf-8", "surrogatepass").decode("utf-8", "replace")  # fmt: skip


@pytest.mark.parametrize("size", [(120, 35), NARROW, SMALL], ids=["120x35", "80x24", "60x16"])
def test_hostile_data_is_shown_harmlessly_and_in_its_place(run_desk, broker, thumbs, size):
    import json

    payload = json.dumps({"path": EVIL, EVIL: [EVIL, "x" * 1_000_000]}).encode()
    thumbs.failed("f1", error=f"ValueError: {EVIL}", payload=payload)

    async def act(pilot, app):
        await at_jobs(pilot, app, 1)
        await filtered(pilot, app, "!nothing", 1)
        await press(pilot, "enter")
        await at_screen(pilot, app, JobScreen)
        await until(pilot, lambda: app.screen.job, "the job")
        for key in ("W", *["right_square_bracket"] * 6):
            await press(pilot, key)
            await pilot.pause(0.05)
            harmless(app, size)
        whole = app.screen.query_one(TextView).text
        assert "\\x1b[31mred" in whole
        await press(pilot, "w")
        await at_screen(pilot, app, WhyScreen)
        await pilot.pause(0.2)
        harmless(app, size)
        await press(pilot, "escape", "escape", "e")
        await until(pilot, lambda: any("jobdesk edit thumbs f1" in note for note in notes(app)))
        await press(pilot, "i")
        await at_screen(pilot, app, GroupsScreen)
        await pilot.pause(0.3)
        harmless(app, size)

    run_desk(act, size=size)


def test_hostile_data_is_edited_as_json_escapes_and_stays_the_same(run_desk, broker, thumbs):
    import json

    data = {"path": EVIL, EVIL: 1}
    thumbs.failed("f1", payload=json.dumps(data).encode())

    async def act(pilot, app):
        await at_jobs(pilot, app, 1)
        await press(pilot, "e")
        await at_screen(pilot, app, EditScreen)
        await until(pilot, lambda: "$ jobdesk edit" in picture(app), "the command")
        harmless(app, NARROW)
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: Inspector(broker).stats("thumbs").waiting == 1, "the retry")

    run_desk(act, size=NARROW)
    assert Inspector(broker).job("thumbs", "f1").data == data


def harmless(app, size):
    shown = picture(app)
    for char in ("\x1b", "\x07", "\x9b", "\u202e", "\u202c", "\u2028"):
        assert char not in shown, repr(char)
    assert len(shown.splitlines()) == size[1]


@pytest.mark.parametrize("size", [NARROW, SMALL], ids=["80x24", "60x16"])
def test_the_buttons_of_every_form_are_seen_on_a_small_terminal(run_desk, bench, size):
    bench.queue.enqueue(bench.queue.types["resize"]((), {"path": "bad"}))
    bench.run_all()

    async def act(pilot, app):
        await at_jobs(pilot, app, 1)
        for key, kind in (("e", EditScreen), ("b", AddScreen), ("a", AddScreen)):
            await press(pilot, key)
            await at_screen(pilot, app, kind)
            await pilot.pause(0.3)
            assert "^s" in picture(app), key
            await press(pilot, "escape")
            await at_screen(pilot, app, JobsScreen)

    run_desk(act, size=size)
