"""The job on saq."""

from saq import Queue
from work import REDIS_URL, SLOTS, run

queue = Queue.from_url(REDIS_URL, name="bench")


async def job(ctx, *, text, number):
    return run(text, number)


settings = {"queue": queue, "functions": [job], "concurrency": SLOTS}


async def connect():
    await queue.connect()
    return lambda text, number: queue.enqueue("job", text=text, number=number)
