"""Every screen and dialog of the dashboard, and how to get there: one line each.

The tests that look at all of them (snapshots, hostile data, what can be reached) take them from
:data:`PLACES`. A new screen is entered here by its way; the tests then hold it to the same as all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobdesk.models import JobState
from jobdesk.tui.actions import BY_ID
from jobdesk.tui.screens.canary import CanaryScreen
from jobdesk.tui.screens.job import JobScreen
from jobdesk.tui.text import jobs as jobtext
from tests.tui.sample import job_id

if TYPE_CHECKING:
    from tests.tui.still import Walk

SIZES = ((120, 35), (80, 24), (60, 16))
DATA, EMPTY, OFFLINE, READ_ONLY = "data", "empty", "offline", "read-only"
ALL = (DATA, OFFLINE, EMPTY, READ_ONLY)
#: the conditions in which there is something to change
CHANGES = (DATA,)
SEEN = (DATA, OFFLINE, READ_ONLY)
#: where Redis was not there from the beginning
NEVER = (OFFLINE,)

Way = Callable[["Walk"], Awaitable[None]]


@dataclass(frozen=True)
class Place:
    """One screen or dialog."""

    name: str
    go: Way
    conditions: tuple[str, ...] = ALL
    sizes: tuple[tuple[int, int], ...] = SIZES


def mode(name: str) -> Way:
    """One of the six."""

    async def go(walk: Walk) -> None:
        walk.app.go(name)
        await walk.settle()

    return go


def jobs(queue: str | None, state: JobState | None) -> Way:
    """A list of jobs, with the preview where there is room."""

    async def go(walk: Walk) -> None:
        walk.app.open_jobs(queue, state)
        await walk.settle()

    return go


def job(queue: str, name: str, tab: str) -> Way:
    """A job's tab."""

    async def go(walk: Walk) -> None:
        walk.app.open_job(queue, job_id(name))
        await walk.settle(lambda app: isinstance(app.screen, JobScreen) and app.screen.job)
        walk.app.screen.open_tab(jobtext.TABS.index(tab))
        await walk.settle()

    return go


def then(before: Way, *ids: str, ready: Callable[[Any], object] | None = None) -> Way:
    """On a place, some actions."""

    async def go(walk: Walk) -> None:
        await before(walk)
        for id_ in ids:
            await walk.app.perform(BY_ID[id_])
            await walk.settle()
        await walk.settle(ready)

    return go


def at(queue: str) -> Way:
    """The board, with the cursor on a queue."""

    async def go(walk: Walk) -> None:
        await mode("queues")(walk)
        listing: Any = walk.app.screen.listing
        listing.move_to(next(i for i in range(listing.total) if listing.row_at(i).name == queue))
        await walk.settle()

    return go


def canary(name: str) -> Way:
    """The wait for the one job of a group that is retried first: here it has ended."""

    async def go(walk: Walk) -> None:
        await mode("queues")(walk)
        line = f"jobdesk retry-all email --limit 5 --like {job_id('failed mail 0')}"
        walk.app.push_screen(CanaryScreen("email", job_id(name), 5, line))
        await walk.settle(lambda app: app.screen.status)

    return go


async def stay(walk: Walk) -> None:
    """Where the app begins."""
    await walk.settle()


def listed(app: Any) -> bool:
    """Whether a palette has found all that it lists."""
    return all(worker.is_finished for worker in app.workers)


def counted(app: Any) -> bool:
    """Whether a clean-up has been counted."""
    return app.screen.older is not None


FAILED = jobs("email", JobState.FAILED)

#: (name, way, conditions)
PLACES: tuple[Place, ...] = (
    Place("overview", mode("overview")),
    Place("queues", mode("queues")),
    Place("jobs", jobs(None, None)),
    Place("jobs-failed", FAILED),
    Place("jobs-waiting", jobs("pdf", JobState.WAITING)),
    Place("jobs-delayed", jobs("email", JobState.DELAYED), SEEN),
    Place("jobs-completed", jobs("notification", JobState.COMPLETED), (DATA,)),
    Place("jobs-marked", then(FAILED, "jobs.mark", "jobs.mark", "jobs.range"), (DATA,)),
    Place("jobs-filter", then(FAILED, "jobs.filter"), (DATA, READ_ONLY)),
    Place("jobs-wide", then(FAILED, "jobs.columns"), (DATA,)),
    Place("forecast", then(at("email"), "queue.forecast"), SEEN),
    Place("limits", then(at("notification"), "queue.limits"), CHANGES),
    Place("clean", then(at("email"), "queue.clean", ready=counted), CHANGES),
    Place("pause-all", then(mode("queues"), "queue.pause-all"), CHANGES),
    Place("doctor", then(mode("queues"), "doctor"), SEEN),
    Place("audit", then(mode("queues"), "audit")),
    Place("workers", mode("workers")),
    Place("worker-stop", then(mode("workers"), "worker.stop"), CHANGES),
    Place("schedules", mode("schedules")),
    Place("events", mode("events")),
    Place("job-summary", job("email", "failed mail 0", "Summary"), SEEN),
    Place("job-data", job("pdf", "paper0", "Data"), (DATA,)),
    Place("job-result", job("pdf", "paper0", "Result"), (DATA,)),
    Place("job-error", job("email", "failed mail 0", "Error"), SEEN),
    Place("job-attempts", job("email", "failed mail 0", "Attempts"), (DATA,)),
    Place("job-log", job("email", "campaign", "Log"), (DATA,)),
    Place("job-active", job("email", "campaign", "Summary"), (DATA,)),
    Place("job-retrying", job("email", "retried mail", "Summary"), (DATA,)),
    Place("groups", then(FAILED, "jobs.groups"), SEEN),
    Place("why-job", then(jobs("pdf", JobState.WAITING), "list.bottom", "job.why"), SEEN),
    Place("why-queue", then(at("sync"), "queue.why"), (DATA,)),
    Place("canary-done", canary("mail0"), (DATA,)),
    Place("canary-failed", canary("failed mail 0"), (DATA,)),
    Place("help", then(mode("queues"), "help"), SEEN),
    Place("help-jobs", then(FAILED, "help"), SEEN),
    Place("palette", then(mode("queues"), "palette", ready=listed), SEEN),
    Place("theme", then(mode("queues"), "theme", ready=listed), (DATA,)),
    Place("confirm-one", then(FAILED, "job.remove"), CHANGES),
    Place("confirm-many", then(FAILED, "jobs.retry"), CHANGES),
    Place("confirm-typed", then(jobs("email", JobState.COMPLETED), "jobs.remove"), CHANGES),
    Place("confirm-empty", then(at("pdf"), "queue.empty"), CHANGES),
    Place("priority", then(jobs("pdf", JobState.WAITING), "job.priority"), CHANGES),
    Place("sort", then(FAILED, "jobs.sort"), (DATA,)),
    Place("add-type", then(at("email"), "queue.add"), CHANGES),
    Place("add-form", then(FAILED, "job.again"), CHANGES),
    Place("edit", then(FAILED, "job.edit"), CHANGES),
    Place("connect", stay, NEVER),
    Place("too-small", mode("queues"), (DATA, OFFLINE, READ_ONLY), ((59, 15), (40, 8))),
    Place("refused", then(FAILED, "job.promote"), (DATA, READ_ONLY)),
)  # fmt: skip
