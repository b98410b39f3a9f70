"""The tree of errors."""

from __future__ import annotations

import inspect
import re

import pytest

from jobdesk import errors

CLASSES = {
    name: cls
    for name, cls in vars(errors).items()
    if inspect.isclass(cls) and cls.__module__ == errors.__name__
}


def drawn():
    """The tree in the module's docstring: class -> parent, and class -> exit code."""
    parents, codes = {}, {}
    branch = ""
    code = 1
    for line in (errors.__doc__ or "").splitlines():
        if not re.search(r"[├└]", line):
            continue
        body = line.split("── ", 1)[1]
        at_root = line.index("─") < 8
        if at_root:
            branch = body.split()[0]
            code = int(re.search(r"\(exit (\d)\)", body)[1])
            parents[branch], codes[branch] = "JobdeskError", code
            continue
        for part in body.split(","):
            own = re.search(r"\(exit (\d)\)", part)
            parent = branch
            for name in re.sub(r"\(.*?\)", "", part).split("──"):
                parents[name.strip()] = parent
                codes[name.strip()] = int(own[1]) if own else code
                parent = name.strip()
    return parents, codes


PARENTS, CODES = drawn()


def test_the_docstring_draws_exactly_the_classes_there_are():
    assert set(PARENTS) | {"JobdeskError"} == set(CLASSES)


@pytest.mark.parametrize("name", sorted(PARENTS))
def test_a_class_stands_where_it_is_drawn(name):
    bases = [base.__name__ for base in CLASSES[name].__bases__ if base.__name__ in CLASSES]

    assert bases == [PARENTS[name]]


@pytest.mark.parametrize("name", sorted(CODES))
def test_a_class_ends_the_command_line_with_the_code_drawn(name):
    assert CLASSES[name].exit_code == CODES[name]


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_class_says_what_it_is_for(name):
    assert (CLASSES[name].__doc__ or "").strip().endswith((".", "traceback"))


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("BadInput", ValueError),
        ("JobNotFound", LookupError),
        ("WaitTimeout", TimeoutError),
        ("RedisUnavailable", ConnectionError),
        ("RedisPermission", PermissionError),
    ],
)
def test_python_s_own_classes_catch_what_they_should(name, builtin):
    assert issubclass(CLASSES[name], builtin)


def test_errors_carry_what_a_caller_decides_by():
    assert errors.RedisUnavailable("x", sent=True).sent
    assert not errors.RedisUnavailable("x").sent
    assert errors.AddUnconfirmed("x", job_id="a").job_id == "a"
    failed = errors.JobFailed("x", error="ValueError", traceback="…")
    assert (failed.error, failed.traceback) == ("ValueError", "…")


def test_retry_later_says_when_and_whether_it_counts():
    later = errors.RetryLater(30, counts=False)

    assert (later.delay, later.counts) == (30, False)
    assert errors.RetryLater().delay is None
    assert str(errors.RetryLater(message="busy")) == "busy"
    assert errors.TransientError("busy", 5).delay == 5


def test_a_message_is_the_text_it_was_made_with():
    for name, cls in CLASSES.items():
        if name in ("AddUnconfirmed", "RetryLater"):
            continue
        assert str(cls("what, to what, what next")) == "what, to what, what next"


def test_the_module_imports_nothing():
    source = inspect.getsource(errors)

    imports = re.findall(r"^(?:from|import) .*", source, re.MULTILINE)
    assert imports == ["from __future__ import annotations"]
