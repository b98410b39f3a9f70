"""Every command by name: where it is, and the line that the help shows of it.

Nothing of a command is imported for its line, so that the help, and every other command, starts
fast.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One command."""

    module: str
    help: str
    #: whether it runs an application's code, or for long: then it starts and ends as any program
    heavy: bool = False


#: section -> command -> entry, in the order of the help
SECTIONS: dict[str, dict[str, Entry]] = {
    "Start": {
        "tui": Entry("tui", "Open the dashboard; jobdesk alone does so too."),
        "demo": Entry("demo", "See it work: queues, workers, jobs, and the dashboard.", heavy=True),
        "worker": Entry("worker", "Run the jobs of all queues, or of those named.", heavy=True),
        "db": Entry("db", "The tables of reports and syncs: make or fill them.", heavy=True),
    },
    "Look": {
        "queues": Entry("queues", "How many jobs each queue has, by state."),
        "jobs": Entry("jobs", "The jobs of a queue in one state."),
        "job": Entry("jobs", "Everything kept of one job: data, attempts, error, log."),
        "events": Entry("events", "What happened, and with --follow what happens."),
        "workers": Entry("worker", "The workers that are up, and what they have in hand."),
        "schedules": Entry("schedules", "What runs by the clock, and when next."),
        "why": Entry("why", "Why a job, or a queue, does not run."),
        "groups": Entry("groups", "The failures of a queue by their cause."),
        "doctor": Entry("doctor", "Find out why jobs do not run."),
        "keys": Entry("tui", "The keys of the dashboard."),
    },
    "One job": {
        "add": Entry("adding", "Add a job.", heavy=True),
        "retry": Entry("actions", "Run a failed job again, or all of a queue with --all."),
        "cancel": Entry("actions", "End a job as failed, also while it runs."),
        "promote": Entry("actions", "Run a delayed job now."),
        "priority": Entry("actions", "Change how urgent a job is, 1 to 10."),
        "edit": Entry("adding", "Change the data of a job that does not run.", heavy=True),
        "remove": Entry("actions", "Remove a job and all that is kept of it."),
    },
    "A queue": {
        "pause": Entry("queues", "Start no more jobs of a queue; running ones go on."),
        "resume": Entry("queues", "Start jobs of a queue again."),
        "limits": Entry("queues", "How many jobs of a queue run at once, and how often."),
        "wait": Entry("waiting", "Wait until a queue is drained."),
        "clean": Entry("cleaning", "Remove old jobs of one state."),
        "empty": Entry("cleaning", "Remove all waiting and delayed jobs."),
        "obliterate": Entry("cleaning", "Delete a paused queue with everything in it."),
        "group": Entry("groups", "Retry or remove all that failed for one cause."),
        "undo": Entry("undo", "Bring back what your last command removed or retried."),
        "schedule": Entry("schedules", "Run a schedule now, pause or resume it."),
    },
    "A worker": {
        "stop": Entry("worker", "Let a worker of this machine end its jobs, or kill it."),
    },
}  # fmt: skip

COMMANDS: dict[str, Entry] = {
    name: entry for section in SECTIONS.values() for name, entry in section.items()
}

EXAMPLES = (
    ("jobdesk", "the dashboard"),
    ("jobdesk --workers", "the dashboard with workers under it: a whole desk"),
    ("jobdesk queues", "where the jobs are"),
    ("jobdesk jobs email --status failed", "what went wrong, newest first"),
)
