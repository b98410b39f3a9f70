"""Job ids."""

from __future__ import annotations

import ctypes
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from jobdesk.broker import ids
from jobdesk.models import check_job_id

_FORM = re.compile(r"[0-9A-Za-z_-]{22}", re.ASCII)


def test_an_id_has_22_url_safe_characters_and_is_a_job_id():
    for made in (ids.new_id() for _ in range(1000)):
        assert _FORM.fullmatch(made)
        assert check_job_id(made) == made


def test_ids_do_not_repeat():
    assert len({ids.new_id() for _ in range(50_000)}) == 50_000


def test_ids_of_later_milliseconds_sort_later():
    early = ids.new_id()
    time.sleep(0.003)

    assert early[:8] < ids.new_id()[:8]


@given(st.integers(0, 62**8 - 2))
def test_clock_digits_sort_as_the_clock_runs(ms):
    assert ids.clock_digits(ms) < ids.clock_digits(ms + 1)


def test_ids_of_one_process_sort_as_they_were_made():
    made = [ids.new_id() for _ in range(5000)]
    assert made == sorted(made)


def test_an_id_of_digits_alone_is_made_again(monkeypatch):
    """The random ends that are left are all that is replaced here, and the clock."""
    left = iter(["012345678901", "AAAAAAAAAAAA"])
    monkeypatch.setattr(ids, "_tails", left)
    monkeypatch.setattr(ids, "_owner", os.getpid())
    monkeypatch.setattr(ids, "time_ns", lambda: 0)

    made = ids.new_id()

    assert next(left, None) is None
    assert not made.isdigit()


def test_a_forked_process_makes_other_ids():
    ids.new_id()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, "".join(ids.new_id() for _ in range(50)).encode())
        os._exit(0)
    os.close(write)
    ours = {ids.new_id() for _ in range(50)}
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)

    theirs = {text[start : start + 22] for start in range(0, len(text), 22)}

    assert len(theirs) == 50
    # not even what is random of them, whatever their clocks said
    assert not {made[-12:] for made in ours} & {made[-12:] for made in theirs}


def test_a_fork_that_c_code_makes_repeats_no_end_either():
    """Some servers fork so, and none of Python's hooks run."""
    ids.new_id()
    read, write = os.pipe()
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        os.write(write, ids.new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 22).decode()[-12:] != ids.new_id()[-12:]


def test_threads_get_each_end_once():
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [ids.new_id() for _ in range(2000)], range(8)))
    assert len({one[-12:] for some in made for one in some}) == 16_000
