"""The one table of what can be done and by which key.

Footer, help, command palette, `jobdesk keys` and the key bindings themselves are made from it; a
key is written nowhere else. Lower case acts on one and can be undone; UPPER acts on many, or
cannot. A screen offers an action by having a method ``action_<name>`` and the action's scope among
its ``SCOPES``; what no screen has a method for is shown nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Where an action applies."""

    EVERYWHERE = "everywhere"
    LIST = "list"
    JOBS = "jobs"
    JOB = "job"
    DETAIL = "job screen"
    QUEUE = "queue"
    GROUP = "group of failures"
    SCHEDULE = "schedule"
    WORKER = "worker"
    EVENT = "events"
    DOCTOR = "doctor"
    AUDIT = "audit"
    DIALOG = "dialog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that can be done."""

    #: what a keymap calls it, as ``job.retry``; the method is ``action_job_retry``
    id: str
    #: in Textual's names; none: by the palette only
    keys: tuple[str, ...]
    label: str
    tooltip: str
    scope: Scope
    #: place in the footer, 1 first; 0: not there
    hint: int = 0
    #: what the footer shows instead of the first key, for pairs
    pair: str = ""
    mutating: bool = False
    #: 0: done at once; 1: asks y/n; 2: asks with an exact count
    tier: int = 0

    @property
    def method(self) -> str:
        """The name that Textual calls the action by."""
        return self.id.replace(".", "_").replace("-", "_")


def _do(  # noqa: PLR0917  # a table is read by its columns
    id_: str, keys: str, label: str, tooltip: str, scope: Scope, hint: int = 0, pair: str = ""
) -> Action:
    return Action(
        id=id_, keys=_split(keys), label=label, tooltip=tooltip, scope=scope, hint=hint, pair=pair
    )


def _change(  # noqa: PLR0917  # as above
    id_: str, keys: str, label: str, tooltip: str, scope: Scope, hint: int = 0, tier: int = 0
) -> Action:
    return Action(
        id=id_, keys=_split(keys), label=label, tooltip=tooltip, scope=scope, hint=hint,
        mutating=True, tier=tier,
    )  # fmt: skip


def _split(keys: str) -> tuple[str, ...]:
    return tuple(keys.split())


_ALL, _LIST, _JOBS, _JOB = Scope.EVERYWHERE, Scope.LIST, Scope.JOBS, Scope.JOB
_DETAIL, _QUEUE, _GROUP = Scope.DETAIL, Scope.QUEUE, Scope.GROUP
_SCHEDULE, _WORKER, _EVENT, _DIALOG = Scope.SCHEDULE, Scope.WORKER, Scope.EVENT, Scope.DIALOG

ACTIONS: tuple[Action, ...] = (
    # --- everywhere
    _do("go.overview", "1", "overview", "How all is going: rates, states, failures", _ALL, 90),
    _do("go.jobs", "2", "jobs", "The jobs of a queue, state by state", _ALL, 91),
    _do("go.queues", "3", "queues", "All queues, the worst first", _ALL, 92),
    _do("go.workers", "4", "workers", "Who runs jobs, and which", _ALL, 93),
    _do("go.schedules", "5", "schedules", "What runs by the clock", _ALL, 94),
    _do("go.events", "6", "events", "What happens, as it happens", _ALL, 95),
    _do("help", "question_mark f1", "help", "The keys that work here", _ALL, 3),
    _do("palette", "colon ctrl+p", "commands", "Find an action by its name", _ALL, 80),
    _do("back", "escape", "back", "Close, clear, or go back", _ALL),
    _do("quit", "q", "quit", "Go back; at the first screen, quit", _ALL, 96),
    _do("pane.next", "tab", "next pane", "Move to the next pane", _ALL),
    _do("pane.previous", "shift+tab", "previous pane", "Move to the pane before", _ALL),
    _do("zoom", "z", "zoom", "Give the pane the whole screen, and back", _ALL, 70),
    _do("hold", "full_stop", "hold", "Stop the picture; counts go on. Again: go on", _ALL, 75),
    _do("refresh", "ctrl+r f5", "refresh", "Read now; when offline, connect now", _ALL),
    _do("faster", "plus equals_sign", "faster", "Refresh twice as often", _ALL),
    _do("slower", "minus", "slower", "Refresh half as often", _ALL),
    _do("theme", "comma", "theme", "Choose the colours", _ALL),
    _do("suspend", "ctrl+z", "suspend", "Back to the shell; fg returns", _ALL),
    _do("cost", "", "cost", "Show what the last refresh cost Redis", _ALL),
    _change("undo", "u", "undo", "Take the last change back, while that is possible", _ALL, 40),
    _do("audit", "at", "audit", "Who changed what", _ALL, 86),
    _do("doctor", "exclamation_mark", "doctor", "Find out what is wrong", _ALL, 85),
    # --- lists
    _do("list.down", "j down", "down", "Next row", _LIST),
    _do("list.up", "k up", "up", "Previous row", _LIST),
    _do("list.top", "g home", "top", "First row", _LIST),
    _do("list.bottom", "G end", "bottom", "Last row", _LIST),
    _do("list.half-down", "ctrl+d", "half page down", "Half a page down", _LIST),
    _do("list.half-up", "ctrl+u", "half page up", "Half a page up", _LIST),
    _do("list.page-down", "ctrl+f pagedown", "page down", "A page down", _LIST),
    _do("list.page-up", "ctrl+b pageup", "page up", "A page up", _LIST),
    _do("list.open", "enter", "open", "Open what the cursor is on", _LIST, 1),
    # --- lists of jobs
    _do("jobs.filter", "slash", "filter", "Only those that match", _JOBS, 2),
    _do("jobs.match-next", "n", "next match", "Next match", _JOBS),
    _do("jobs.match-previous", "N", "previous match", "Previous match", _JOBS),
    _do("jobs.search-on", "F", "search on", "Search the next 2,000 rows", _JOBS),
    _do("jobs.state-previous", "left_square_bracket h left", "state", "The state before", _JOBS,
        5, "[ ]"),
    _do("jobs.state-next", "right_square_bracket l right", "next state", "The next state", _JOBS),
    _do("jobs.mark", "space", "mark", "Mark this job, or unmark it", _JOBS, 20),
    _do("jobs.range", "v", "range", "Mark from here to where the cursor goes", _JOBS),
    _do("jobs.mark-all", "A", "mark all", "Mark all jobs shown", _JOBS),
    _do("jobs.follow", "f", "follow", "Stay at the first row, whatever comes", _JOBS, 30),
    _do("jobs.sort", "o", "sort", "Choose the order", _JOBS),
    _do("jobs.groups", "i", "causes", "Failures grouped by their cause", _JOBS, 9),
    _do("jobs.columns", "c", "columns", "More columns, or fewer", _JOBS),
    _change("jobs.add", "a", "add", "Add a job to this queue", _JOBS, 17),
    _change("jobs.retry", "R", "retry many", "Retry the marked failed jobs, else all of this list",
            _JOBS, 50, tier=2),
    _change("jobs.remove", "D", "remove many", "Remove the marked jobs, else all of this list",
            _JOBS, 52, tier=2),
    _change("jobs.cancel", "X", "cancel many", "Cancel the marked jobs, else all of this list",
            _JOBS, 53, tier=2),
    _change("jobs.promote", "T", "run many now",
            "Let the marked delayed jobs run now, else all of this list", _JOBS, 54, tier=2),
    # --- one job
    _change("job.retry", "r", "retry", "Put a failed job back in the line", _JOB, 10),
    _change("job.remove", "d", "remove", "Remove the job and all that is kept of it", _JOB, 12,
            tier=1),
    _change("job.cancel", "x", "cancel", "End the job as failed, without retry", _JOB, 11, tier=1),
    _change("job.promote", "t", "run now", "Let a delayed job run now", _JOB, 13),
    _change("job.priority", "p", "priority", "Change how urgent it is, 1 to 10", _JOB, 14),
    _change("job.edit", "e", "edit", "Change its data, and run it again where it has ended",
            _JOB, 15),
    _change("job.again", "b", "again", "Add another job like this one", _JOB, 16),
    _do("job.why", "w", "why", "Why does it not run?", _JOB, 8),
    _do("job.copy", "y", "copy id", "Copy the id", _JOB, 60),
    _do("job.copy-json", "Y", "copy JSON", "Copy the whole job as JSON", _JOB),
    _do("job.copy-command", "ctrl+y", "copy command", "Copy the command that shows this job", _JOB),
    # --- the screen of one job
    _do("detail.tab-previous", "left_square_bracket h left", "tab", "The tab before", _DETAIL,
        5, "[ ]"),
    _do("detail.tab-next", "right_square_bracket l right", "next tab", "The next tab", _DETAIL),
    _do("detail.next", "J", "next job", "The next job of the list", _DETAIL, 6),
    _do("detail.previous", "K", "previous job", "The job before", _DETAIL),
    _do("detail.wrap", "W", "wrap", "Wrap long lines, or cut them", _DETAIL, 61),
    _do("detail.fold", "space", "fold", "Show or hide frames of libraries", _DETAIL, 62),
    _do("detail.log", "m", "log", "Follow the job's log", _DETAIL, 63),
    _do("detail.pager", "o", "pager", "Open in $PAGER", _DETAIL, 64),
    _do("detail.diff", "f", "diff", "Compare with the last success of this type", _DETAIL, 65),
    _do("detail.file", "v", "file", "Open the file it made; without a desktop, copy its path",
        _DETAIL, 64),
    _do("detail.reveal", "V", "reveal", "Show secrets in the data, until the screen closes",
        _DETAIL),
    # --- queues
    _change("queue.pause", "s", "pause", "Start no more jobs of this queue, or again", _QUEUE, 16),
    _change("queue.pause-all", "S", "pause all", "Pause all queues, or resume them", _QUEUE, 56,
            tier=2),
    _change("queue.add", "a", "add", "Add a job", _QUEUE, 17),
    _change("queue.retry", "R", "retry all", "Retry all failed jobs of this queue", _QUEUE, 50,
            tier=2),
    _change("queue.clean", "C", "clean", "Remove old jobs of one state", _QUEUE, 57, tier=2),
    _change("queue.empty", "E", "empty", "Remove all waiting and delayed jobs", _QUEUE, 58, tier=2),
    _change("queue.limits", "i", "limits", "How many at once, and how often", _QUEUE, 59),
    _change("queue.obliterate", "", "obliterate", "Delete a paused queue with everything in it",
            _QUEUE, tier=2),
    _do("queue.why", "w", "why", "Why does nothing run here?", _QUEUE, 8),
    _do("queue.forecast", "b", "forecast", "What comes in the next hour", _QUEUE, 66),
    # --- failures grouped by type and error
    _change("group.retry", "R", "retry group", "Retry all jobs of this group", _GROUP, 50, tier=2),
    _change("group.canary", "r", "try one", "Retry one, and the rest if it goes well", _GROUP, 10,
            tier=1),
    _change("group.remove", "D", "remove group", "Remove all jobs of this group", _GROUP, 52,
            tier=2),
    # --- schedules
    _change("schedule.run", "t", "run now", "Run it now; its next time stays", _SCHEDULE, 13),
    _change("schedule.pause", "s", "pause", "Let its times pass without a run, or again",
            _SCHEDULE, 16),
    # --- workers
    _do("worker.jobs", "w", "in hand", "What this worker has in hand", _WORKER, 8),
    _change("worker.stop", "s", "stop", "Let it end the jobs it has, then leave", _WORKER, 16,
            tier=1),
    _change("worker.kill", "x", "kill", "End it at once; its jobs run again", _WORKER, 11, tier=1),
    # --- events
    _do("events.filter", "slash", "filter", "Only those that match", _EVENT, 2),
    _do("events.follow", "f", "follow", "Stay with the newest", _EVENT, 30),
    _do("events.rewind", "left_square_bracket", "rewind", "Back in time, a minute or a page",
        _EVENT, 31, "[ ]"),
    _do("events.forward", "right_square_bracket", "forward", "On in time, up to now", _EVENT),
    # --- the doctor, and who did what
    _do("doctor.copy", "y ctrl+y", "copy command", "Copy the command that helps", Scope.DOCTOR, 8),
    _do("audit.copy", "y ctrl+y", "copy command", "Copy the command that was given", Scope.AUDIT,
        8),
    # --- dialogs
    _do("dialog.yes", "y", "yes", "Yes, do it", _DIALOG),
    _do("dialog.no", "n", "no", "No, leave it", _DIALOG),
    _do("dialog.copy-command", "c", "copy command", "Copy the command line", _DIALOG),
)  # fmt: skip

BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}
BY_METHOD: dict[str, Action] = {action.method: action for action in ACTIONS}


def of(*scopes: Scope) -> tuple[Action, ...]:
    """The actions of these scopes, in the table's order."""
    return tuple(action for action in ACTIONS if action.scope in scopes)


def partner(action: Action) -> Action | None:
    """The other one of a pair that the footer shows as one, as ``[ ]``."""
    at = ACTIONS.index(action) + 1
    return ACTIONS[at] if action.pair and at < len(ACTIONS) else None


_NAMES = {
    "question_mark": "?", "colon": ":", "slash": "/", "full_stop": ".", "comma": ",",
    "plus": "+", "equals_sign": "=", "minus": "-", "exclamation_mark": "!", "at": "@",
    "left_square_bracket": "[", "right_square_bracket": "]", "escape": "esc",
    "pagedown": "pgdn", "pageup": "pgup",
}  # fmt: skip


def shown(key: str) -> str:
    """A key as people read it: ``ctrl+p``, ``?``, ``esc``."""
    head, plus, tail = key.rpartition("+")
    return f"{head}{plus}{_NAMES.get(tail, tail)}"


def keymap(chosen: dict[str, str]) -> dict[str, str]:
    """A keymap of the user's, without ids that do not exist; Textual takes keys by commas."""
    return {id_: ",".join(keys.replace(",", " ").split()) for id_, keys in chosen.items()
            if id_ in BY_ID}  # fmt: skip
