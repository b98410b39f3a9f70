"""Every Redis key, and every field of a job's record, is named here and nowhere else in Python.

One queue lives in one hash slot: all its keys begin with ``<namespace>:{<queue>}:``. The scripts
take that prefix as their one KEY and append the same suffixes; a test holds the two together.

==============  =======  ======================================================================
suffix          type     content
==============  =======  ======================================================================
``j:<shard>``   hash     id -> spec, and ``<id>:`` -> status: the record, with payload (data, maybe
                         signed) and result (:mod:`.stored`); for the shard see :func:`shard`
``d:<shard>``   hash     id -> payload, ``<id>:`` -> result, where they are too large for a record
``a:<id>``      list     failed, stalled and released attempts, a JSON object each, the last 10
``log:<id>``    list     log lines, the last 1,000
``wait``        zset     score = priority · 2^44 + place
``active``      zset     score = end of the lease, ms
``delayed``     zset     score = run at, ms
``completed``   zset     score = finished, ms
``failed``      zset     score = finished, ms
``expire``      zset     id -> delete at, ms; for ended jobs with a retention of their own
``wake``        zset     one member while there may be work: workers block on it
``events``      stream   about the last 10,000 events, numbered by ``evn``; see include/events.lua
``evm``         zset     entry of ``events`` -> its number, of every 500th: where to cut the stream
``meta``        hash     paused, limits, retention, schema version (:class:`Meta`); how far the
                         retention sweep has passed kept jobs: ``sweep:<state>``, ``sweep:at``
``seq``         string   the last place given out
``epoch``       string   the last epoch given out; never deleted
``evn``         string   the number of the last event
``wk:<w>``      hash     a worker's last request, its epoch and job ids
``tomb:<id>``   string   epoch and result of a job that was removed when it finished
``lim``         string   jobs taken in the current window of the rate limit
``stat:m<n>``   hash     figures of minute n (24 h); ``stat:h<n>`` of hour n (8 days)
``revoked``     hash     Huey's revocations: ``r:<id>`` and ``rt:<type>``
``kv:<key>``    string   Huey's key/value store, and results of steps
``cnt:<key>``   string   Huey's counters
``lock:<n>``    string   locks, with the token of their owner
``chord:<c>``   hash     member index -> result, and ``fired``
``ch:<n>``      channel  a word to whoever listens now; nothing is kept
``outgoing``    list     continuations to be delivered elsewhere
``sched``       hash     name -> last fired slot; ``<name>:paused``; ``<name>:spec``
``types``       hash     type -> what its worker published
``op:<r>``      string   for a minute, what the operator's command r was answered
``groups``      zset     error fingerprint -> its last failure, ms; the newest 200, for 8 days
``group``       hash     error fingerprint -> count, first, type, error, sample ids (JSON)
``trash``       zset     operation -> when, ms: what can be undone (15 minutes)
``trash:<o>``   hash     one operation: who and what, and by number the jobs it changed
``audit``       stream   who did what, how: about the last 1,000 commands of operators
==============  =======  ======================================================================

Outside every queue: ``<namespace>:queues`` (a set of names) and ``<namespace>:worker:<id>`` with
``<namespace>:workers`` (what each worker process says of itself), ``<namespace>:last:<id>`` (the
same, kept longer: what a lost worker held), ``<namespace>:call:<id>``, and ``<namespace>:seen``
(operators by when they were last at work, ms).
"""

from __future__ import annotations

from enum import StrEnum

SCHEMA_VERSION = 2


class Field(StrEnum):
    """The fields of a job's record, of its spec (as it was added) and of its status (since).

    Short, since there may be a million of them.
    """

    # of the spec
    TYPE = "t"
    ADDED = "ts"
    PRIORITY = "p"  #: 1 to 10; none is not written
    LIFO = "li"
    ETA = "eta"  #: not before; of a queue that lets such jobs wait, as Huey does
    ATTEMPTS = "at"  #: not written where it is :data:`USUAL_ATTEMPTS`
    BACKOFF = "bk"
    TIMEOUT = "to"
    EXPIRES = "ex"
    KEEP_COMPLETED = "rc"
    KEEP_FAILED = "rf"
    ORIGIN = "of"  #: the job that an operator made this one from

    # of the status
    STATE = "st"  #: one letter, see :data:`STATE_LETTERS`
    SCORE = "sc"  #: while it runs: its place in ``wait``, to which it returns when it is given back
    RUN_AT = "ra"
    ATTEMPTS_MADE = "am"
    GENERATION = "gen"
    STALLED = "stc"
    RELEASED = "rel"
    EPOCH = "ep"  #: of the newest run; 0 once that was taken from its worker
    WORKER = "w"
    STARTED = "pon"
    FINISHED = "fon"
    PROGRESS = "pg"
    ERROR = "er"  #: "Class: message", cut to 60 bytes
    CANCEL = "cx"
    FINGERPRINT = "fp"  #: of the last error: what it has in common with others


class Meta(StrEnum):
    """The fields of ``meta``."""

    PAUSED = "paused"
    MAX_ACTIVE = "max_active"
    LIMIT_JOBS = "limit_jobs"
    LIMIT_MS = "limit_ms"
    KEEP_COMPLETED = "rc"
    KEEP_FAILED = "rf"
    MAX_STALLED = "max_stalled"
    SCHEMA = "schema"


STATE_LETTERS = {"waiting": "w", "active": "a", "delayed": "d", "completed": "c", "failed": "f"}
STATE_NAMES = {letter: name for name, letter in STATE_LETTERS.items()}


class QueueKeys:
    """The keys of one queue."""

    __slots__ = (
        "active", "audit", "completed", "delayed", "epoch", "events", "evn", "expire", "failed",
        "group", "groups", "lim", "meta", "outgoing", "prefix", "queue", "revoked", "sched", "seq",
        "trash", "types", "wait", "wake",
    )  # fmt: skip

    def __init__(self, namespace: str, queue: str) -> None:
        self.queue = queue
        self.prefix = prefix = f"{namespace}:{{{queue}}}:"
        self.wait = prefix + "wait"
        self.active = prefix + "active"
        self.delayed = prefix + "delayed"
        self.completed = prefix + "completed"
        self.failed = prefix + "failed"
        self.expire = prefix + "expire"
        self.wake = prefix + "wake"
        self.events = prefix + "events"
        self.meta = prefix + "meta"
        self.seq = prefix + "seq"
        self.epoch = prefix + "epoch"
        self.evn = prefix + "evn"
        self.lim = prefix + "lim"
        self.revoked = prefix + "revoked"
        self.outgoing = prefix + "outgoing"
        self.sched = prefix + "sched"
        self.types = prefix + "types"
        self.audit = prefix + "audit"
        self.groups = prefix + "groups"
        self.group = prefix + "group"
        self.trash = prefix + "trash"

    def state(self, state: str) -> str:
        """The set of the jobs in ``state``."""
        return self.prefix + ("wait" if state in ("waiting", "paused") else state)

    def record(self, job_id: str) -> str:
        """The hash of a job's record; its fields are :func:`record_fields`."""
        return f"{self.prefix}j:{shard(job_id)}"

    def aside(self, job_id: str) -> str:
        """The hash of what is too large for the record; its fields are the same."""
        return f"{self.prefix}d:{shard(job_id)}"

    def attempts(self, job_id: str) -> str:
        return f"{self.prefix}a:{job_id}"

    def log(self, job_id: str) -> str:
        return f"{self.prefix}log:{job_id}"

    def worker(self, worker: str) -> str:
        return f"{self.prefix}wk:{worker}"

    def tombstone(self, job_id: str) -> str:
        return f"{self.prefix}tomb:{job_id}"

    def operation(self, operation: str) -> str:
        """What the trash keeps of one operation."""
        return f"{self.prefix}trash:{operation}"

    def figures(self, unit: str, number: int) -> str:
        """Figures of one minute (unit ``m``) or hour (``h``), numbered since 1970."""
        return f"{self.prefix}stat:{unit}{number}"

    def value(self, key: str) -> str:
        return f"{self.prefix}kv:{key}"

    def counter(self, key: str) -> str:
        return f"{self.prefix}cnt:{key}"

    def lock(self, name: str) -> str:
        return f"{self.prefix}lock:{name}"

    def chord(self, chord_id: str) -> str:
        return f"{self.prefix}chord:{chord_id}"

    def channel(self, name: str) -> str:
        return f"{self.prefix}ch:{name}"


def shard(job_id: str) -> str:
    """The part of a sharded hash that holds ``job_id``.

    For ids of our own making the last character of their clock, which changes every 62 ms: jobs
    added together lie together and are read in one command, and no shard grows large. For other ids
    their last character. The scripts see bytes, so what is not ASCII there shares ``~``.
    """
    raw = job_id.encode()
    byte = raw[7] if len(raw) == 22 else raw[-1]
    return chr(byte) if byte < 128 else "~"


def record_fields(job_id: str) -> tuple[str, str]:
    """Under which a job's spec and its status lie in the hash of its record.

    The same for its payload and its result, in the hash of what is too large for that.
    """
    return job_id, f"{job_id}:"


def never_there(prefix: str) -> tuple[str, str]:
    """Two keys in the slot of the queue with that prefix that nobody makes."""
    return prefix, f"{prefix}-"


def queues(namespace: str) -> str:
    """The set of the names of all queues."""
    return f"{namespace}:queues"


def pattern(namespace: str) -> str:
    """All keys of a namespace, as an ACL rule names them."""
    return f"~{namespace}:*"


def seen(namespace: str) -> str:
    """The sorted set of operators by when they were last at work, ms."""
    return f"{namespace}:seen"


def workers(namespace: str) -> str:
    """The sorted set of worker ids by their last heartbeat, ms."""
    return f"{namespace}:workers"


def worker_info(namespace: str, worker: str) -> str:
    """What one worker says of itself, JSON, with a time to live."""
    return f"{namespace}:worker:{worker}"


def worker_last(namespace: str, worker: str) -> str:
    """What one worker last said of itself, JSON; it outlives the worker for a while."""
    return f"{namespace}:last:{worker}"


def worker_call(namespace: str, worker: str) -> str:
    """By which a worker process calls its own waiting thread; in no queue's slot."""
    return f"{namespace}:call:{worker}"
