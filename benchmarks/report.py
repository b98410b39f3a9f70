"""The figures as JSON, and as a Markdown table with a verdict on each row."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import environments
from benchmarks.bench import shown

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.measure import Measure, Row
    from benchmarks.peers import Peer

Told = dict[str, Any]
#: With fewer cores in use by others, the machine is the benchmark's own.
QUIET = 0.1


def describe(
    bench: Bench, chosen: list[Peer], measures: list[Measure], rows: list[Row], seconds: float
) -> Told:
    """All that is known of one run."""
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "seconds": round(seconds),
        "machine": {
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)),
            "system": platform.platform(),
            "redis": bench.server.version,
            "others": bench.others,
        },
        "measures": [measure.name for measure in measures],
        "peers": {
            peer.name: {
                "title": peer.title,
                "versions": environments.versions(peer),
                "settings": peer.settings,
            }
            for peer in chosen
        },
        "series": {
            name: {
                "unit": series.unit,
                "min": series.low,
                "median": series.median,
                "max": series.high,
                "values": series.values,
            }
            for name, series in bench.series.items()
        },
        "rows": [
            {
                "title": row.title,
                "value": row.value,
                "unit": row.unit,
                "wanted": row.wanted,
                "of": row.of,
                "reached": row.reached,
            }
            for row in rows
        ],
    }


def markdown(told: Told) -> str:
    """The tables that people read."""
    return "\n\n".join((verdicts(told), figures(told), peers(told)))


def verdicts(told: Told) -> str:
    """What was to be reached, and whether it was."""
    machine = told["machine"]
    where = f"{machine['cores']} cores of {machine['processor']}, {machine['system']}"
    lines = [
        f"Measured {told['at']}: {where}, Redis {machine['redis']}.",
        quietness(told),
        "",
        "| what | measured | wanted | |",
        "|---|---|---|---|",
    ]
    for row in told["rows"]:
        verdict = "reached" if row["reached"] else "**missed**"
        value = format(row["value"], ".2f") if row["unit"] == "x" else shown(row["value"])
        of = f": {row['of']}" if row["of"] else ""
        lines.append(
            f"| {row['title']} | {value} {row['unit']}{of} | {row['wanted']} | {verdict} |"
        )
    return "\n".join(lines)


def quietness(told: Told) -> str:
    """Whether others used the machine, which slows all and blurs the ratios."""
    machine = told["machine"]
    others = f"{machine['others']:.2f} of {machine['cores']} cores in use before the run"
    if machine["others"] < QUIET:
        return f"Nobody else was at work on it ({others})."
    return (
        f"Others were at work on it ({others}): all are slower than on a quiet machine, and the"
        " ratios are blurred."
    )


def figures(told: Told) -> str:
    """Every figure that was taken."""
    lines = ["| figure | min | median | max | | runs |", "|---|---|---|---|---|---|"]
    for name, series in told["series"].items():
        low, median, high = (shown(series[key]) for key in ("min", "median", "max"))
        count = len(series["values"])
        lines.append(f"| {name} | {low} | {median} | {high} | {series['unit']} | {count} |")
    return "\n".join(lines)


def peers(told: Told) -> str:
    """What was measured, and how it was set."""
    lines = ["| peer | versions | settings |", "|---|---|---|"]
    for peer in told["peers"].values():
        versions = ", ".join(f"{name} {number}" for name, number in peer["versions"].items())
        lines.append(f"| {peer['title']} | {versions} | {peer['settings']} |")
    return "\n".join(lines)


def write(told: Told, text: str, folder: Path) -> None:
    """Both forms, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(told, indent=1) + "\n")
    (folder / "results.md").write_text(text + "\n")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()
