"""The job on taskiq: its list broker, without acknowledgements, and results kept."""

from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend
from work import REDIS_URL, run

broker = ListQueueBroker(REDIS_URL).with_result_backend(RedisAsyncResultBackend(REDIS_URL))


@broker.task(task_name="job")
async def job(text, number):
    return run(text, number)


async def connect():
    await broker.startup()
    return lambda text, number: job.kiq(text=text, number=number)
