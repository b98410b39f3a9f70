"""The no-op job on huey's own Redis storage, as its documentation sets it up."""

from __future__ import annotations

import os

from huey import RedisHuey

huey = RedisHuey("bench", url=os.environ.get("BENCH_REDIS_URL", "redis://localhost"))


@huey.task()
def no_op(text: str, number: int) -> dict[str, object]:
    """Nothing."""
    return {"ok": bool(text), "number": number}


def add(count: int) -> None:
    """Add ``count`` jobs."""
    text = "x" * 170
    for number in range(count):
        no_op(text=text, number=number)


def ended() -> int:
    """Jobs that have stored their result."""
    return int(huey.result_count())
