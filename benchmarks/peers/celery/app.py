"""The job on celery, results kept in Redis."""

from celery import Celery
from work import REDIS_URL, run

app = Celery("app", broker=REDIS_URL, backend=REDIS_URL)
app.conf.broker_connection_retry_on_startup = True


@app.task(name="job")
def job(text, number):
    return run(text, number)


def one(text, number):
    job.delay(text=text, number=number)
