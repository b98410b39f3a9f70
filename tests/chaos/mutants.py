"""`make mutants`: every guard of the Lua scripts is taken away in turn, and some test must fail.

Each mutant is a process of its own, forked when everything is imported, which runs the tests
marked with the guard's name. Prints a table; ends with 1 when a mutant survives.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import pytest

from jobdesk.broker import scripts
from tests import servers
from tests.chaos import guards
from tests.integration import test_guards

FILE = test_guards.__file__
assert FILE is not None
#: Longer than any mutant that is alive.
PATIENCE_S = 60


def tests_of() -> dict[str, list[str]]:
    """Guard -> the tests that hold it."""
    found = defaultdict(list)
    for name, value in vars(test_guards).items():
        for mark in getattr(value, "pytestmark", ()):
            if mark.name == "guard":
                for guard in mark.args:
                    found[guard].append(f"{FILE}::{name}")
    return found


def try_out(guard: guards.Guard | None, tests: list[str]) -> int:
    """pytest's exit status, without that guard; 0 when there are no tests."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "lua"
        guards.without(guard, target)
        return _run(tests, target) if tests else 0


def _run(tests: list[str], folder: Path) -> int:
    pid = os.fork()
    if pid == 0:
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (1, 2):
            os.dup2(silence, stream)
        scripts.FOLDER = folder
        options = ["-q", "-x", "--no-header", "-p", "no:cacheprovider", "-p", "no:randomly"]
        os._exit(pytest.main([*options, f"--timeout={PATIENCE_S}", *tests]))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> int:
    """Run them all."""
    only = sys.argv[1:]
    tests = tests_of()
    survivors = []
    print(f"{subprocess.check_output([servers.binary(), '--version'], text=True).strip()}\n")
    if try_out(None, sorted({each for found in tests.values() for each in found})) != 0:
        print("the tests fail with every guard in place")
        return 1
    print(f"{'guard':<44}{'tests':>6}{'s':>7}  fate")
    began = time.monotonic()
    found = [each for each in guards.all_guards() if not only or str(each) in only]
    for guard in found:
        start = time.monotonic()
        status = try_out(guard, tests[str(guard)])
        fate = "killed" if status == 1 else f"SURVIVED (pytest: {status})"
        if status != 1:
            survivors.append(str(guard))
        took = time.monotonic() - start
        print(f"{guard!s:<44}{len(tests[str(guard)]):>6}{took:>7.2f}  {fate}", flush=True)
    took = time.monotonic() - began
    print(f"\n{len(found)} guards in {took:.0f} s; survived: {', '.join(survivors) or 'none'}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
