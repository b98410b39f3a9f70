"""The job on rq."""

from redis import Redis
from rq import Queue
from work import REDIS_URL, run

queue = Queue("bench", connection=Redis.from_url(REDIS_URL))


def job(text, number):
    return run(text, number)


def many(page):
    queue.enqueue_many(
        [
            Queue.prepare_data("app.job", kwargs={"text": text, "number": number})
            for text, number in page
        ]
    )


def one(text, number):
    queue.enqueue("app.job", text=text, number=number)
