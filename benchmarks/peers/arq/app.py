"""The job on arq; it polls, here every 10 ms instead of its 500."""

from arq import create_pool
from arq.connections import RedisSettings
from work import REDIS_URL, SLOTS, run

redis = RedisSettings.from_dsn(REDIS_URL)


async def job(ctx, text, number):
    return run(text, number)


class WorkerSettings:
    functions = (job,)
    redis_settings = redis
    max_jobs = SLOTS
    poll_delay = 0.01


async def connect():
    pool = await create_pool(redis)
    return lambda text, number: pool.enqueue_job("job", text=text, number=number)
