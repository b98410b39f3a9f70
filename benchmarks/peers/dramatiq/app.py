"""The job on dramatiq, results kept by its Redis backend."""

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
from work import REDIS_URL, run

broker = RedisBroker(url=REDIS_URL)
broker.add_middleware(Results(backend=RedisBackend(url=REDIS_URL)))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def job(text, number):
    return run(text, number)


def one(text, number):
    job.send(text=text, number=number)
