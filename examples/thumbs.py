"""A queue of one's own: the sample of the README."""

from jobdesk import JobContext, PermanentError, Queue

queue = huey = Queue("thumbs", concurrency=4)


@queue.task(attempts=5, timeout=30)
def resize(path: str, width: int = 200, *, job: JobContext):
    if width > 4000:
        raise PermanentError("too wide")
    job.progress(50)
    return {"path": path}
