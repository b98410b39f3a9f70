"""A sample of a queue's jobs, each held against what must be true of it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from jobdesk.broker import records
from jobdesk.broker.keys import STATE_LETTERS, STATE_NAMES, Field, QueueKeys
from jobdesk.broker.stored import inline
from jobdesk.models import NO_PRIORITY, STORED_STATES, JobState

if TYPE_CHECKING:
    from jobdesk.broker.connection import Broker
    from jobdesk.broker.server.rounds import Asking, Rounds

T = TypeVar("T")
#: Of a waiting job's score, the priority's part.
CLASS = 2**44
_TO_RUN = frozenset({JobState.WAITING, JobState.DELAYED})


@dataclass(frozen=True, slots=True)
class Sample:
    """What looking at some jobs showed."""

    count: int
    #: id and what is wrong with it
    wrong: tuple[tuple[str, str], ...]
    #: of those that are yet to run
    signed: tuple[str, ...]
    unsigned: tuple[str, ...]


def look(
    broker: Broker, rounds: Rounds, queue: str, size: int, most: int
) -> Generator[None, None, Sample]:
    """Look at ``size`` jobs of each state: the first half of them, and the last.

    Yields after each request; none is of more than ``most`` commands, or 10.
    """
    keys = broker.keys(queue)
    if size <= 0:
        return Sample(0, (), (), ())
    found = rounds.one(_ids(keys, size))
    yield
    suspects = []
    for part in _parts(found, most // 3):
        answers = rounds.one(_read(keys, part))
        yield
        suspects += [
            job_id
            for (state, job_id), answer in zip(part, answers, strict=True)
            if _fault(state, *answer)
        ]
    wrong = []
    for job_id in dict.fromkeys(suspects):
        # jobs move between the two reads above; this one is of a single moment
        why = _at_once(rounds, keys, job_id)
        yield
        if why:
            wrong.append((job_id, why))
    signed: list[str] = []
    unsigned: list[str] = []
    # each brings its data, up to a quarter of a megabyte
    to_run = [job_id for state, job_id in found if state in _TO_RUN]
    for ids in _parts(to_run, min(most // 2, 20)):
        for job_id, raw in zip(ids, rounds.one(_payloads(keys, ids)), strict=True):
            if raw is not None:
                (signed if raw.startswith(b"s1.") else unsigned).append(job_id)
        yield
    return Sample(len(found), tuple(wrong), tuple(signed), tuple(unsigned))


def _parts(all_of_them: list[T], size: int) -> Iterator[list[T]]:
    for at in range(0, len(all_of_them), size):
        yield all_of_them[at : at + size]


def _ids(keys: QueueKeys, size: int) -> Asking[list[tuple[JobState, str]]]:
    head = (size + 1) // 2
    tail = size - head

    def ask(pipe: Any) -> None:
        for state in STORED_STATES:
            pipe.zrange(keys.state(state), 0, head - 1)
            pipe.zrange(keys.state(state), -tail if tail else size, -1)

    answers: list[list[bytes]] = yield ask
    # a job of two states at once is to be seen in both; one of both halves is seen once
    return [
        (state, job_id)
        for at, state in enumerate(STORED_STATES)
        for job_id in dict.fromkeys(map(records.text, (*answers[2 * at], *answers[2 * at + 1])))
    ]


def _read(keys: QueueKeys, jobs: list[tuple[JobState, str]]) -> Asking[list[Any]]:
    """For each job its fields, its score in that state, and whether its payload is there."""

    def ask(pipe: Any) -> None:
        for state, job_id in jobs:
            records.ask(pipe, keys, job_id)
            pipe.zscore(keys.state(state), job_id)
            pipe.hexists(keys.aside(job_id), job_id)

    answers = yield ask
    return [answers[at : at + 3] for at in range(0, len(answers), 3)]


def _at_once(rounds: Rounds, keys: QueueKeys, job_id: str) -> str:
    """What is wrong with a job, read in one transaction; "" when nothing is, or it is gone."""

    def ask(pipe: Any) -> None:
        records.ask(pipe, keys, job_id)
        pipe.hexists(keys.aside(job_id), job_id)
        for state in STORED_STATES:
            pipe.zscore(keys.state(state), job_id)

    values, has_payload, *scores = rounds.at_once(ask)
    places = {
        state: score
        for state, score in zip(STORED_STATES, scores, strict=True)
        if score is not None
    }
    if len(places) > 1:
        return f"it is {' and '.join(places)} at once"
    if not places:
        return "" if values == [None, None] else "its record is in no state's set"
    ((state, score),) = places.items()
    return _fault(state, values, score, has_payload)


def _fault(state: JobState, values: list[bytes | None], score: float | None, beside: bool) -> str:
    record = records.record(values)
    if score is None:
        return "it has moved"  # between two reads; for the transaction to judge
    if record is None:
        return f"it is {state} without a record"
    letter = record[Field.STATE]
    if letter != STATE_LETTERS[state]:
        return f"it is {state}, and its record says {STATE_NAMES.get(letter, letter)}"
    if not record[Field.TYPE]:
        return "its record has no type"
    if not beside and inline(values[0]) is None:
        return "its data is missing"
    if state is JobState.ACTIVE and record[Field.EPOCH] == "0":
        return "it is active without an epoch"
    if state is JobState.WAITING:
        priority = records.number(record.get(Field.PRIORITY), NO_PRIORITY)
        if priority != int(score // CLASS):
            return "its place in the line is of another priority"
    return ""


def _payloads(keys: QueueKeys, ids: list[str]) -> Asking[list[bytes | None]]:
    def ask(pipe: Any) -> None:
        for job_id in ids:
            pipe.hget(keys.record(job_id), job_id)
            pipe.hget(keys.aside(job_id), job_id)

    answers = yield ask
    return [
        large if (small := inline(spec)) is None else small
        for spec, large in zip(answers[::2], answers[1::2], strict=True)
    ]
