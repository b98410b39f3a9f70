"""The job on huey's own Redis storage, as its documentation sets it up."""

from huey import RedisHuey
from work import REDIS_URL, run

huey = RedisHuey("bench", url=REDIS_URL)


@huey.task()
def job(text, number):
    return run(text, number)


def one(text, number):
    job(text=text, number=number)
