"""The dashboard: queues, jobs, workers, schedules and events in a terminal.

It reads by :mod:`jobdesk.broker.inspector` and acts by :mod:`jobdesk.broker.control`; it needs none
of the application's code. ``run`` is the way in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from jobdesk.settings import Settings
    from jobdesk.tui.company import Company


def run(
    settings: Settings,
    *,
    read_only: bool = False,
    context: str | None = None,
    mode: str = "",
    who: str = "",
    company: Company | None = None,
    state_file: Path | None = None,
) -> int:
    """Open the dashboard until it is closed; the code to exit with (3: Redis was never there).

    ``context`` names one of ``JOBDESK_CONTEXTS``. ``who`` is noted in the audit of what is done.
    ``company``: workers that run under it. ``state_file``: where it keeps what it remembers.
    """
    from jobdesk.tui.app import JobdeskApp
    from jobdesk.tui.contexts import choose

    chosen = choose(settings, context)
    app = JobdeskApp(
        chosen, read_only=read_only or settings.tui_read_only, mode=mode, who=who,
        company=company, state_file=state_file,
    )  # fmt: skip
    code = app.run()
    return app.return_code or 0 if code is None else code
