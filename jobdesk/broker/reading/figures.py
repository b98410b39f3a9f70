"""Figures per minute or hour: counts, and percentiles from histograms by powers of two.

The scripts count into ``stat:`` hashes (``lua/include/figures.lua``); this reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

RATE_MINUTES = 3
#: A job or two in the first second of a minute are no rate yet.
LEAST_SPAN_MS = 5_000


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Times in milliseconds, read off a histogram: right to within its bucket."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What happened in one span of time."""

    start_ms: int
    added: int = 0
    completed: int = 0
    failed: int = 0
    retried: int = 0
    stalled: int = 0
    #: bucket -> jobs: bucket k holds 2^(k-1) <= ms < 2^k, bucket 0 what took under 1 ms
    runs: Mapping[int, int] = field(default_factory=dict)
    waits: Mapping[int, int] = field(default_factory=dict)

    @property
    def run(self) -> Percentiles | None:
        """How long jobs ran; None where none ended."""
        return percentiles(self.runs)

    @property
    def wait(self) -> Percentiles | None:
        """How long jobs waited until they ran; None where none started."""
        return percentiles(self.waits)


_COUNTS = {"a": "added", "c": "completed", "f": "failed", "rt": "retried", "st": "stalled"}


def parse(start_ms: int, stored: Mapping[bytes, bytes]) -> Figures:
    """The figures that one ``stat:`` hash holds."""
    counts: dict[str, int] = {}
    runs: dict[int, int] = {}
    waits: dict[int, int] = {}
    for raw_name, raw in stored.items():
        name = raw_name.decode("utf-8", "replace")
        if name in _COUNTS:
            counts[_COUNTS[name]] = int(raw)
        elif name[:1] in ("r", "w") and name[1:].isdigit():
            (runs if name[0] == "r" else waits)[int(name[1:])] = int(raw)
    return Figures(start_ms=start_ms, runs=runs, waits=waits, **counts)


def by_span(queues: Iterable[Sequence[Figures]]) -> list[tuple[Figures, ...]]:
    """Those of several queues that begin together, in order; some queues may be known further."""
    found: dict[int, list[Figures]] = {}
    for figures in queues:
        for one in figures:
            found.setdefault(one.start_ms, []).append(one)
    return [tuple(found[start]) for start in sorted(found)]


def total(parts: tuple[Figures, ...]) -> Figures:
    """Several spans as one, from the start of the first."""
    runs: dict[int, int] = {}
    waits: dict[int, int] = {}
    for part in parts:
        for into, buckets in ((runs, part.runs), (waits, part.waits)):
            for bucket, count in buckets.items():
                into[bucket] = into.get(bucket, 0) + count
    return Figures(
        start_ms=parts[0].start_ms if parts else 0,
        added=sum(p.added for p in parts),
        completed=sum(p.completed for p in parts),
        failed=sum(p.failed for p in parts),
        retried=sum(p.retried for p in parts),
        stalled=sum(p.stalled for p in parts),
        runs=runs,
        waits=waits,
    )


def per_second(counts: Sequence[int], now_ms: int) -> float:
    """The rate of late, from counts by the minute; ``now_ms`` lies in the last of them.

    Over the last three minutes, of which the present one counts as far as it has come. Those before
    the first in which anything happened are left out: what has just begun has its rate at once.
    """
    recent = list(counts[-RATE_MINUTES:])
    while recent and not recent[0]:
        recent.pop(0)
    if not recent:
        return 0.0
    into = now_ms % 60_000
    span = max(LEAST_SPAN_MS, (len(recent) - 1) * 60_000 + into)
    return 1000 * sum(recent) / span


def percentiles(buckets: Mapping[int, int]) -> Percentiles | None:
    """p50, p95 and p99, in a straight line within a bucket; None for an empty histogram."""
    count = sum(buckets.values())
    if count <= 0:
        return None
    return Percentiles(*(_percentile(buckets, count, share) for share in (0.5, 0.95, 0.99)))


def _percentile(buckets: Mapping[int, int], count: int, share: float) -> float:
    rank, seen, high = share * count, 0, 0.0
    for bucket in sorted(buckets):
        low, high = (0.0, 1.0) if bucket == 0 else (2.0 ** (bucket - 1), 2.0**bucket)
        inside = buckets[bucket]
        if seen + inside >= rank:
            return low + (high - low) * (rank - seen) / inside
        seen += inside
    return high
