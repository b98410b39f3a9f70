"""Programs under another one: told to stop, killed where they do not, gone when the host is."""

from __future__ import annotations

import os
import time

import pytest

from jobdesk.cli.hosting import leave
from jobdesk.engine.hosted import Hosted
from jobdesk.errors import BadInput

OBEDIENT = """
import threading
from jobdesk.engine import hosted
order, host = hosted.take_order()
done = threading.Event()
hosted.obey(host, lambda now: (print("now" if now else "stop", flush=True), done.set()))
print(order["word"], flush=True)
done.wait(30)
"""
DEAF = """
import time
print("deaf", flush=True)
time.sleep(30)
"""


@pytest.fixture
def host(tmp_path, monkeypatch):
    """``host(source)``: a program of that source, with ``tmp_path/log``."""
    monkeypatch.setenv("PYTHONPATH", os.fspath(tmp_path))
    started = []

    def start(source):
        (tmp_path / "program.py").write_text(source)
        started.append(Hosted("program", {"word": "ordered"}, tmp_path / "log"))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def said(one, word):
    deadline = time.monotonic() + 20
    while word not in one.log.read_text():
        assert time.monotonic() < deadline, one.log.read_text()
        time.sleep(0.02)


def test_it_takes_its_order_and_stops_when_it_is_told(host):
    program = host(OBEDIENT)
    said(program, "ordered")
    assert program.running
    assert program.trouble() == ""

    program.stop()

    assert program.wait(20)
    assert program.log.read_text().split() == ["ordered", "stop"]


def test_the_end_of_its_host_is_a_stop(host):
    program = host(OBEDIENT)
    said(program, "ordered")

    program._stdin.close()

    assert program.wait(20)
    assert "stop" in program.log.read_text()


def test_one_that_ends_by_itself_is_trouble_and_names_its_log(host):
    program = host("raise SystemExit(3)")

    assert program.wait(20)
    assert "(3)" in program.trouble()
    assert str(program.log) in program.trouble()


def test_one_that_does_not_come_up_in_time_is_trouble(host, monkeypatch):
    program = host(OBEDIENT)
    said(program, "ordered")
    program._ready = b"never said"
    assert program.trouble() == ""

    monkeypatch.setattr("jobdesk.engine.hosted.LATE_S", 0.0)
    assert "do not come up" in program.trouble()

    program._ready = b"ordered"
    assert program.trouble() == ""


def test_one_that_does_not_stop_is_killed_when_the_dashboard_is_left(host, monkeypatch, capsys):
    monkeypatch.setattr("jobdesk.cli.hosting.MORE_S", 0.5)
    program = host(DEAF)
    said(program, "deaf")

    leave([program], 0)

    assert not program.running
    assert f"see {program.log}" in capsys.readouterr().err


def test_a_log_that_cannot_be_written_is_refused_with_what_to_set(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(BadInput, match="JOBDESK_DATA"):
        Hosted("program", {}, tmp_path / "file" / "log")
