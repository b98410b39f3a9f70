"""``doctor``: what keeps jobs from running, and what to do about it."""

from __future__ import annotations

import click

from jobdesk.cli.session import Session, json_option, print_json

_SIGNS = {"fault": "FAULT", "warning": "warning", "note": "note", "ok": "ok"}


@click.command()
@click.option(
    "--sample", type=click.IntRange(0, 500), default=50, show_default=True, metavar="N",
    help="Jobs of each state of each queue to check one by one.",
)  # fmt: skip
@json_option
def doctor(sample: int, as_json: bool) -> int:
    """Check Redis and the queues, and say what is wrong. Exit code 1 when something is.

    Nothing is changed. A warning may be meant so, as a paused queue is; it does not count as
    wrong.
    """
    from jobdesk.broker.diagnosis import diagnose
    from jobdesk.broker.reading.findings import Level, number_of

    session = Session(as_json=as_json)
    findings = diagnose(session.broker, sample=sample)
    faults = sum(one.level is Level.FAULT for one in findings)
    if as_json:
        told = [
            {
                "level": one.level.value,
                "check": one.check,
                "queueName": one.queue or None,
                "message": one.message,
                "meaning": one.meaning or None,
                "advice": one.advice or None,
            }
            for one in findings
        ]
        print_json({"success": faults == 0, "count": len(told), "data": told})
        return 1 if faults else 0
    for one in findings:
        session.say(f"{_SIGNS[one.level.value]:<8} {one.message}")
        if one.meaning:
            session.say(f"{'':<8} {one.meaning}")
        if one.advice:
            session.say(f"{'':<8} → {one.advice}")
    warnings = sum(one.level is Level.WARNING for one in findings)
    session.say(f"\n{number_of(faults, 'fault')}, {number_of(warnings, 'warning')}")
    return 1 if faults else 0
