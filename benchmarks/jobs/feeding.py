"""The producer of every Python peer: ``python -m feeding COUNT one|many [EVERY_MS]``.

It runs in the peer's folder. ``app.one(text, number)`` adds a job, ``app.many(page)`` a page of
them, and where a peer is asynchronous ``app.connect()`` gives what to await for each. Any other
word is a function of the app, called with the words after it.

Adds so many jobs, one by one or by the peer's bulk call, and prints jobs a second as JSON.
With ``EVERY_MS`` it rests between two jobs, and a job's number is the clock when it was added.
Some jobs go before the clock starts: connecting and warming up are not what is measured.
"""

import asyncio
import json
import sys
import time

import app

#: With the number and the names the data is 200 bytes of JSON.
TEXT = "x" * 170
PAGE = 500
WARM = 100


def main():
    word = sys.argv[1]
    if not word.isdigit():
        print(getattr(app, word)(*sys.argv[2:]))
    elif hasattr(app, "connect"):
        asyncio.run(_feed_async(app.connect))
    else:
        _feed(app.one, getattr(app, "many", None))


def _feed(one, many):
    count, how, every_s = _arguments()
    if every_s:
        for _ in range(count):
            one(TEXT, time.monotonic_ns())
            time.sleep(every_s)
        return _answer(count, count * every_s)
    data = [(TEXT, number) for number in range(count)]
    if how == "many" and many is not None:
        warm, pages = PAGE, [data[start : start + PAGE] for start in range(0, count, PAGE)]
        many(pages[0])
        started = time.perf_counter()
        for page in pages[1:]:
            many(page)
    else:
        warm = WARM
        for text, number in data[:WARM]:
            one(text, number)
        started = time.perf_counter()
        for text, number in data[WARM:]:
            one(text, number)
    return _answer(count - warm, time.perf_counter() - started)


async def _feed_async(connect):
    count, _how, every_s = _arguments()
    one = await connect()
    started = time.perf_counter()
    for number in range(count):
        if number == WARM:
            started = time.perf_counter()
        await one(TEXT, time.monotonic_ns() if every_s else number)
        if every_s:
            await asyncio.sleep(every_s)
    _answer(count - WARM, time.perf_counter() - started)


def _arguments():
    every_ms = float(sys.argv[3]) if len(sys.argv) > 3 else 0
    return int(sys.argv[1]), sys.argv[2], every_ms / 1000


def _answer(timed, seconds):
    print(json.dumps({"rate": timed / seconds if seconds > 0 else 0.0}), flush=True)


if __name__ == "__main__":
    main()
