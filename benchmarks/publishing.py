"""The results that the repository tells: one file, and the parts of the docs that are made of it.

``--publish`` puts a run's figures into ``benchmarks/results/results.json`` (those of measures that
were not run stay), and writes the tables of README.md and docs/performance.md anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import report

if TYPE_CHECKING:
    from benchmarks.report import Told

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "results.json"
PAGES = (ROOT / "README.md", ROOT / "docs" / "performance.md")


def publish(told: Told) -> None:
    """Keep this run's figures, and tell them."""
    before = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(merged(before, told), indent=1) + "\n")
    for page in PAGES:
        page.write_text(told_anew(page.read_text()))


def merged(before: Told, told: Told) -> Told:
    """The newer figures in place of the older ones of the same measures."""
    if not before:
        return told
    rows = {row["title"]: row for row in (*before["rows"], *told["rows"])}
    return {
        **told,
        "measures": list(dict.fromkeys((*before["measures"], *told["measures"]))),
        "peers": {**before["peers"], **told["peers"]},
        "series": {**before["series"], **told["series"]},
        "rows": list(rows.values()),
    }


def told_anew(text: str) -> str:
    """A page with its parts made of the results: between ``<!-- bench: name -->`` and the next."""
    told = json.loads(RESULTS.read_text())
    for name, made in (
        ("summary", summary),
        ("rows", report.verdicts),
        ("figures", report.figures),
        ("peers", report.peers),
    ):
        begin, end = f"<!-- bench: {name} -->\n", f"\n<!-- /bench: {name} -->"
        before, found, after = text.partition(begin)
        if found:
            text = before + begin + made(told) + end + after.partition(end)[2]
    return text


def summary(told: Told) -> str:
    """What the README says: the drain of one process, and how many rows are reached."""
    reached = sum(row["reached"] for row in told["rows"])
    lines = [
        f"| jobs a second, one process, 10 at once ({told['at'][:10]}) | free | pinned |",
        "|---|---|---|",
    ]
    for name, peer in told["peers"].items():
        rates = [told["series"].get(f"drain, {place}: {name}") for place in ("free", "pinned")]
        if all(rates):
            free, pinned = (report.shown(rate["median"]) for rate in rates if rate)
            lines.append(f"| {peer['title']} | {free} | {pinned} |")
    lines += [
        "",
        f"It reached {reached} of the {len(told['rows'])} figures that were measured there.",
        report.quietness(told),
    ]
    return "\n".join(lines)
