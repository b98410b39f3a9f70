"""Every error jobdesk raises, in one tree.

::

    JobdeskError
    ├── BadInput                 refused at the door; nothing was written          (exit 2)
    │   ├── InvalidQueueName, InvalidJobId, InvalidJobData, DataTooLarge
    │   ├── UnknownQueue, UnknownType, InvalidTask
    │   ├── InvalidPriority, InvalidAttempts, InvalidDelay, NaiveDatetime
    │   ├── InvalidTimeout, InvalidBackoff, InvalidRetention, InvalidExpires
    │   ├── InvalidProgress, InvalidState, InvalidLimit, InvalidConcurrency
    │   ├── InvalidRateLimit, InvalidSchedule, InvalidCursor, PageTooLarge
    │   └── InvalidSetting
    ├── Refused                  understood, but the state of things forbids it    (exit 2)
    │   ├── JobNotFound, JobActive, WrongState, StaleLease
    │   ├── QueueNotPaused, ActiveJobs, ScheduleNotFound, OperationNotFound
    │   ├── WorkerNotFound, WorkerOutOfReach
    │   └── ResultGone, WaitTimeout (exit 1)
    ├── BrokerError              Redis is away, or is not as it must be            (exit 3)
    │   ├── RedisUnavailable, RedisAuthFailed, RedisTlsError, RedisPermission
    │   ├── RedisTooOld, RedisReadOnly, UnsafeEviction, InsecureRedis
    │   └── QueueFull, AddUnconfirmed, SchemaTooNew, SchemaTooOld
    └── JobFailure               how an attempt of a job ended                     (exit 1)
        ├── PermanentError ── NotConfigured
        ├── RetryLater ── TransientError ── OutcomeUnknown
        ├── JobTimeout, JobCancelled, JobRevoked, JobExpired
        └── JobStalled, WorkerDied, BadPayload, CorruptRecord, JobFailed

A message says what happened, to what, and what to do next. ``exit_code`` is what the command line
ends with. This module imports nothing, so every layer may import it.
"""

from __future__ import annotations


class JobdeskError(Exception):
    """The root: ``except JobdeskError`` catches all that jobdesk raises on purpose."""

    exit_code = 1


class BadInput(JobdeskError, ValueError):
    """An argument was refused before anything was written."""

    exit_code = 2


class InvalidQueueName(BadInput):
    """A queue name outside ``[A-Za-z0-9._-]{1,64}``."""


class InvalidJobId(BadInput):
    """A job id with control characters, blanks or ':', over 128 characters, or all digits."""


class InvalidJobData(BadInput):
    """Data that is not JSON, or does not fit the type's parameters; names the path."""


class DataTooLarge(BadInput):
    """Data over ``JOBDESK_MAX_DATA_BYTES``: store it elsewhere and pass a reference."""


class UnknownQueue(BadInput):
    """A queue that no worker has published and no import provides."""


class UnknownType(BadInput):
    """A type that its queue does not have."""


class InvalidTask(BadInput):
    """A function that cannot be a task, told where it is decorated."""


class InvalidPriority(BadInput):
    """A priority that is not an integer from 1 (highest) to 10."""


class InvalidAttempts(BadInput):
    """Attempts outside 1 to 100."""


class InvalidDelay(BadInput):
    """A delay that is negative, not finite, or over ten years."""


class NaiveDatetime(BadInput):
    """An instant without a time zone."""


class InvalidTimeout(BadInput):
    """A timeout that is not within 0 (exclusive) and 24 hours, in seconds."""


class InvalidBackoff(BadInput):
    """A backoff of an unknown kind, or without a usable delay."""


class InvalidRetention(BadInput):
    """A retention that is not a bool, a count, or ``{age, count}``."""


class InvalidExpires(BadInput):
    """An expiry that is not a future span or an aware instant."""


class InvalidProgress(BadInput):
    """Progress that is neither a finite number nor small JSON."""


class InvalidState(BadInput):
    """A state that does not exist, or that the action does not take."""


class InvalidLimit(BadInput):
    """A limit below 0."""


class InvalidConcurrency(BadInput):
    """A number of slots, or of jobs at once, below 1."""


class InvalidRateLimit(BadInput):
    """A rate limit that is not ``(jobs, seconds)``, both above 0."""


class InvalidSchedule(BadInput):
    """A crontab field that matches nothing, or a schedule that is no schedule."""


class InvalidCursor(BadInput):
    """A page cursor that this release did not make."""


class PageTooLarge(BadInput):
    """A page over 1,000 rows."""


class InvalidSetting(BadInput):
    """An environment variable with a value that cannot be used."""


class Refused(JobdeskError):
    """The request is well formed, but not possible as things stand."""

    exit_code = 2


class JobNotFound(Refused, LookupError):
    """No job with that id in that queue."""


class JobActive(Refused):
    """The job is running; force says that this is known."""


class WrongState(Refused):
    """The action needs the job to be in another state."""


class StaleLease(Refused):
    """The job is no longer this worker's: another run of it has begun, or it is gone."""


class QueueNotPaused(Refused):
    """The action needs the queue to be paused first."""


class ActiveJobs(Refused):
    """Jobs are running; the action needs none, or force."""


class ScheduleNotFound(Refused, LookupError):
    """No schedule of that name."""


class OperationNotFound(Refused, LookupError):
    """No such command, or it cannot be undone any more."""


class WorkerNotFound(Refused, LookupError):
    """No worker of that name is up."""


class WorkerOutOfReach(Refused):
    """The worker's process cannot be signalled from here; says what can be done instead."""


class ResultGone(Refused, LookupError):
    """The job ended, and its result is no longer kept."""


class WaitTimeout(Refused, TimeoutError):
    """The wait ended before the job did."""

    exit_code = 1


class BrokerError(JobdeskError):
    """Redis cannot be used as it is."""

    exit_code = 3


class RedisUnavailable(BrokerError, ConnectionError):
    """Redis does not answer. ``sent`` tells whether the request may have reached it."""

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class RedisAuthFailed(BrokerError):
    """Redis wants another user or password."""


class RedisTlsError(BrokerError):
    """The TLS handshake with Redis failed."""


class RedisPermission(BrokerError, PermissionError):
    """The Redis user may not run a command that is needed."""


class RedisTooOld(BrokerError):
    """A Redis before 6.2."""


class RedisReadOnly(BrokerError):
    """The Redis reached is a replica."""


class UnsafeEviction(BrokerError):
    """A maxmemory-policy that would throw jobs away."""


class InsecureRedis(BrokerError):
    """A Redis reached over a network without TLS, and nobody said that this is meant."""


class QueueFull(BrokerError):
    """Redis is at maxmemory: nothing can be added until jobs have been worked off or cleaned."""


class SchemaTooNew(BrokerError):
    """A newer jobdesk wrote this queue; this one leaves it alone."""


class SchemaTooOld(BrokerError):
    """An older jobdesk wrote the jobs of this queue, in a form that this one does not read."""


class AddUnconfirmed(BrokerError):
    """The add went out and no answer came back. Adding again under ``job_id`` is safe."""

    def __init__(self, message: str, *, job_id: str) -> None:
        super().__init__(message)
        self.job_id = job_id


class JobFailure(JobdeskError):
    """An attempt ended without a result."""


class PermanentError(JobFailure):
    """Raised by a task: this will never work, do not retry."""


class NotConfigured(PermanentError):
    """A provider without its settings; names the variable to set."""


class RetryLater(JobFailure):
    """Raised by a task: run me again in ``delay`` seconds.

    With ``counts`` (the default) the run was an attempt like any other, and the last one fails the
    job; without, it costs nothing.
    """

    def __init__(
        self, delay: float | None = None, counts: bool = True, message: str | None = None
    ) -> None:
        super().__init__(message or "to be run again later")
        self.delay = delay
        self.counts = counts


class TransientError(RetryLater):
    """A provider could not do it now; ``delay`` is the rest it asked for, else the backoff's."""

    def __init__(self, message: str, delay: float | None = None, *, counts: bool = True) -> None:
        super().__init__(delay, counts, message)


class OutcomeUnknown(TransientError):
    """The request left and no answer came: it may have been done. Retry only under the same key."""


class JobTimeout(JobFailure):
    """The attempt ran longer than the job's timeout."""


class JobCancelled(JobFailure):
    """An operator cancelled the job."""


class JobRevoked(JobFailure):
    """The job was revoked by Huey's own means."""


class JobExpired(JobFailure):
    """The job was not started before it expired."""


class JobStalled(JobFailure):
    """The job's worker vanished more often than ``max_stalled`` allows."""


class WorkerDied(JobFailure):
    """The process that ran this job alone died of it."""


class BadPayload(JobFailure):
    """A stored payload that cannot be read, or whose signature is wrong."""


class CorruptRecord(JobFailure):
    """A job record that lacks what every record has."""


class JobFailed(JobFailure):
    """What :meth:`JobHandle.wait` raises for a failed job: its class, message and traceback."""

    def __init__(self, message: str, *, error: str = "", traceback: str = "") -> None:
        super().__init__(message)
        self.error = error
        self.traceback = traceback
