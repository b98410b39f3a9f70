"""A decorated function: Huey's TaskWrapper with jobdesk's options, checks and context."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from huey.api import PeriodicTask, Task, TaskWrapper
from huey.exceptions import RetryTask

from jobdesk.broker.ids import new_id
from jobdesk.engine import direct
from jobdesk.engine.binding import RESERVED, Signature
from jobdesk.engine.context import JobContext, current_context
from jobdesk.errors import InvalidJobData, InvalidTask, JobFailed, PermanentError, RetryLater
from jobdesk.models import JobOptions

if TYPE_CHECKING:
    from jobdesk.engine.handle import JobHandle
    from jobdesk.engine.queue import Queue
    from jobdesk.engine.run import Run


class JobTask(Task):  # type: ignore[misc]  # huey has no types
    """One job as Huey handles it."""

    queue: ClassVar[Queue]
    signature: ClassVar[Signature]
    type_name: ClassVar[str]
    job_defaults: ClassVar[JobOptions]
    #: whether another process gets it by importing its module: not so what a function defines
    found_by_import: ClassVar[bool] = True
    #: whether its function gets the task itself, and with it all that Huey writes there
    sees_itself: ClassVar[bool] = False
    #: options given for this one job
    job_options: JobOptions | None = None
    #: the job in hand, while a worker runs it
    run: Run | None = None

    def create_id(self) -> str:
        return new_id()

    #: by which is known whether a class of one's own has another
    create_id_code = create_id.__code__


class PeriodicJobTask(PeriodicTask, JobTask):  # type: ignore[misc]  # huey has no types
    """A job that a schedule adds."""


class JobTaskWrapper(TaskWrapper):  # type: ignore[misc]  # huey has no types
    """What ``@queue.task()`` makes of a function: call it to add a job.

    ``.s()``, ``.schedule()``, ``.map()``, ``.revoke()`` … are Huey's; ``.options(…)(…)`` gives the
    options that Huey has no word for; ``.call_local()`` runs the function here and now.
    """

    task_base = JobTask

    def __init__(
        self,
        huey: Queue,
        func: Callable[..., Any],
        context: bool = False,
        name: str | None = None,
        task_base: type[Task] | None = None,
        **settings: Any,
    ) -> None:
        base = PeriodicJobTask if task_base is PeriodicTask else task_base
        super().__init__(huey, func, context=context, name=name, task_base=base, **settings)
        self.type = self.task_class.type_name

    def create_task(
        self,
        func: Callable[..., Any],
        context: bool = False,
        name: str | None = None,
        **settings: Any,
    ) -> type[JobTask]:
        """The class of this type's jobs."""
        queue: Queue = self.huey
        plain = str(name or getattr(func, "__name__", type(func).__name__))
        kind = plain.replace("_", "-")
        if not kind or any(c.isspace() for c in kind):
            raise InvalidTask(f"{plain!r} cannot name a type: it has no name, or a space in it")
        settings["queue"] = queue
        settings["type_name"] = kind
        settings["sees_itself"] = context
        settings["found_by_import"] = "<locals>" not in getattr(func, "__qualname__", "")
        signature = settings["signature"] = Signature.of(func, queue.name, kind, context=context)
        parameter = signature.context_parameter
        task_class: type[JobTask] = super().create_task(func, context, name, **settings)

        def execute(self: JobTask) -> Any:
            run = self.run
            if run is not None and run.child is not None:
                return call(self, run.child, (self,), {})
            args, kwargs = self.data
            if run is None and not getattr(self, "bound", False):
                args, kwargs = signature.call_arguments(signature.bind(args, kwargs))
            if context:
                kwargs = dict(kwargs, task=self)
            if parameter is not None:
                here = run.context if run is not None else local_context(queue, kind, self.id)
                kwargs = dict(kwargs, **{parameter: here})
            return call(self, func, args, kwargs)

        task_class.execute = execute
        return task_class

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a job with these arguments; its :class:`JobHandle`."""
        if RESERVED.isdisjoint(kwargs):
            usual = direct.Usual.of(self.task_class)
            if usual is not None:
                return direct.add(usual, args, kwargs)
        return super().__call__(*args, **kwargs)

    def options(self, **options: Any) -> OptionedTask:
        """This task with job options: ``task.options(attempts=5, job_id="a")(to=…)``.

        The names are those of :class:`~jobdesk.models.JobOptions`.
        """
        unknown = set(options) - set(JobOptions.__slots__)
        if unknown:
            raise InvalidTask(
                f"no job option {min(unknown)!r}; there are {', '.join(JobOptions.__slots__)}"
            )
        return OptionedTask(self, JobOptions(**options))


class OptionedTask:
    """A task with the options of one job: what :meth:`JobTaskWrapper.options` returns."""

    def __init__(self, wrapper: JobTaskWrapper, options: JobOptions) -> None:
        self._wrapper = wrapper
        self._options = options

    def s(self, *args: Any, **kwargs: Any) -> JobTask:
        """The job, not added yet."""
        if "retries" in kwargs and self._options.attempts is not None:
            raise InvalidTask("give attempts or retries, not both")
        task: JobTask = self._wrapper.s(*args, **kwargs)
        task.job_options = self._options
        if self._options.job_id is not None:
            task.id = self._options.job_id
            task.revoke_id = f"r:{task.id}"
        return task

    def __call__(self, *args: Any, **kwargs: Any) -> JobHandle:
        """Add the job."""
        handle: JobHandle = self._wrapper.huey.enqueue(self.s(*args, **kwargs))
        return handle


def call(task: JobTask, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Run the function, and say in Huey's words what it raised."""
    run = task.run
    try:
        value = func(*args, **kwargs)
        if run is not None:
            run.encoded = run.queue.encode_result(value, run) if run.queue.results else b""
    except PermanentError:
        task.retries = 0
        raise
    except RetryLater as exc:
        if not exc.counts:
            raise RetryTask(str(exc), delay=exc.delay or 0) from exc
        if run is not None and exc.delay is not None:
            run.delay_ms = max(0, round(exc.delay * 1000))
        raise
    except SystemExit as exc:
        # Else it would end the worker's thread and leave the job to its lease.
        raise JobFailed(f"the task called sys.exit({exc.code!r})") from exc
    except InvalidJobData:
        # Bad input does not get better by waiting.
        task.retries = 0
        raise
    else:
        return value


class _NoLine:
    """A context's line where no worker is: nothing is reported."""

    def progress(self, value: str) -> str:
        return "OK"

    def log(self, line: str) -> str:
        return "OK"

    def cancelled(self) -> bool:
        return False


def local_context(queue: Queue, kind: str, job_id: str) -> JobContext:
    """The context of a job that runs in place: in immediate mode, or as a fallback."""
    if (context := current_context()) is not None:
        return context
    return JobContext(_NoLine(), id=job_id, queue=queue.name, type=kind, attempt=1)
