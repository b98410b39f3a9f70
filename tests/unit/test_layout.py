"""Rules of the house that no linter knows: who names keys, how Lua files look, what is lazy."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import jobdesk.broker.keys
from jobdesk.broker import scripts

PACKAGE = Path(jobdesk.broker.keys.__file__).parents[1]
MODULES = sorted(PACKAGE.rglob("*.py"))
LUA = sorted(scripts.FOLDER.glob("*.lua"))
INCLUDES = sorted((scripts.FOLDER / "include").glob("*.lua"))
#: Scripts that take memory first: the ones that maxmemory may refuse.
GROWING = {"add_jobs", "update_data", "append_log"}


def name(path):
    return path.relative_to(PACKAGE).as_posix()


def suffixes():
    """What keys.py says may follow a queue's prefix; "j:" for ``j:<id>``."""
    table = jobdesk.broker.keys.__doc__
    found = set()
    for row in re.findall(r"^(``.*?)\s{2,}", table, re.MULTILINE):
        found |= {suffix.partition("<")[0] for suffix in re.findall(r"``([^`]+)``", row)}
    # Minutes and hours share a line of the table.
    return found | {"stat:h", "stat:m"}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_only_keys_py_formats_keys(path):
    if path.name == "keys.py":
        return
    text = path.read_text()

    for stray in (r"""["']jd:""", r"\.prefix\s*\+", r"\{[a-z_.]*\.prefix\}", r"namespace\}:"):
        assert not re.search(stray, text), f"{name(path)} formats a key: {stray}"


@pytest.mark.parametrize("path", LUA + INCLUDES, ids=name)
def test_every_suffix_in_lua_is_in_the_table_of_keys_py(path):
    known = suffixes()

    for literal in re.findall(r"""\bP \.\. ['"]([^'"]+)['"]""", path.read_text()):
        assert literal in known, f"{name(path)} uses {literal!r}, which keys.py does not name"


@pytest.mark.parametrize("path", LUA, ids=name)
def test_every_script_opens_with_what_it_is_for(path):
    text = path.read_text()
    header = re.match(r"(?:--.*\n)+", text)

    assert header, f"{name(path)} has no header"
    for word in ("KEYS[1]", "Returns", "Events"):
        assert word in header[0], f"the header of {name(path)} does not say {word}"
    assert ("ARGV" in header[0]) == bool(re.search(r"^[^-]*ARGV", text, re.MULTILINE))
    assert re.fullmatch(r"[a-z]+_[a-z_]+\.lua", path.name), "verb_noun.lua"


@pytest.mark.parametrize("path", LUA, ids=name)
def test_keys_and_arguments_are_named_before_they_are_used(path):
    """Below the first blank line after the header, KEYS and ARGV are not indexed by number."""
    text = path.read_text()
    body = re.sub(r"\A(?:--.*\n)+", "", text)
    _, _, below = body.partition("\n\n")
    below = re.sub(r"--.*", "", below)

    assert not re.search(r"\bKEYS\[", below), f"{name(path)} uses KEYS below its first lines"


@pytest.mark.parametrize("path", LUA, ids=name)
def test_every_script_but_those_that_add_begins_with_a_write_that_frees(path):
    if path.stem in GROWING:
        return
    code = re.sub(r"--.*", "", path.read_text())
    first = re.search(r"redis\.p?call\(\s*['\"](\w+)['\"]", code)

    assert first, f"{name(path)} calls nothing"
    assert first[1] in {"zrem", "del", "unlink", "zpopmin", "hdel", "lpop", "zremrangebyscore"}


@pytest.mark.parametrize("path", LUA + INCLUDES, ids=name)
def test_guards_are_tagged_once_each(path):
    text = path.read_text()
    tags = re.findall(r"-- guard: ([a-z_]+)", text)

    assert len(tags) == len(set(tags)), f"two guards of {name(path)} share a name"
    for line in text.splitlines():
        if "guard:" in line and not line.startswith("--"):
            assert re.search(r"-- guard: [a-z_]+(, lets pass)?$", line), line


@pytest.mark.parametrize("path", LUA, ids=name)
def test_every_refusal_stands_behind_a_guard(path):
    """A script that can answer with anything but OK has a line that the mutation run can remove."""
    text = path.read_text()
    refuses = re.search(r"return \{ '(?:NOTFOUND|STATE|LOCKED|STALE)'", text)

    assert not refuses or "-- guard:" in text or "-- include:" in text


def test_every_include_exists_and_is_used():
    wanted = {
        found
        for path in LUA + INCLUDES
        for found in re.findall(r"^-- include: ([a-z_]+)$", path.read_text(), re.MULTILINE)
    }

    assert wanted == {path.stem for path in INCLUDES}


def test_scripts_load_with_their_includes_in_place():
    for script in map(scripts.load, scripts.names()):
        assert "-- include:" not in script.text
        assert re.fullmatch(r"[0-9a-f]{40}", script.sha)


def test_an_include_comes_once_however_often_it_is_asked_for(tmp_path, monkeypatch):
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "one.lua").write_text("local one = 1\n")
    (tmp_path / "include" / "two.lua").write_text("-- include: one\nlocal two = one + 1\n")
    (tmp_path / "sum_both.lua").write_text("-- include: one\n-- include: two\nreturn one + two\n")
    monkeypatch.setattr(scripts, "FOLDER", tmp_path)
    scripts.load.cache_clear()

    text = scripts.load("sum_both").text
    scripts.load.cache_clear()

    assert text == "local one = 1\n\nlocal two = one + 1\nreturn one + two\n"


def test_a_script_without_a_file_is_a_lookup_error():
    with pytest.raises(LookupError, match=r"no_such\.lua"):
        scripts.load("no_such")


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_only_settings_py_reads_the_environment(path):
    """Handing the environment on to a child process is not reading it."""
    if path.name == "settings.py":
        return

    reads = re.search(r"os\.getenv|os\.environ\.get|os\.environ\[", path.read_text())

    assert not reads, f"{name(path)} reads the environment"


def imported_by(module):
    """The modules that ``import module`` brings in, in a fresh interpreter."""
    code = f"import sys; import {module}; print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    return set(told.stdout.split())


HEAVY = {"redis", "textual", "weasyprint", "huey", "matplotlib", "pywebpush", "rich", "sqlalchemy",
         "httpx", "jinja2", "jsonschema"}  # fmt: skip


@pytest.mark.parametrize(
    "module", ["jobdesk", "jobdesk.settings", "jobdesk.models", "jobdesk.broker.connection"]
)
def test_importing_it_imports_nothing_heavy(module):
    assert not imported_by(module) & HEAVY


@pytest.mark.parametrize("module", ["jobdesk", "jobdesk.broker.connection"])
def test_importing_it_does_not_even_import_pydantic(module):
    assert "pydantic" not in imported_by(module)


@pytest.mark.untraced
def test_the_keeper_needs_the_standard_library_only():
    own = {found for found in imported_by("jobdesk.broker.embedded") if "jobdesk" not in found}

    assert {found.partition(".")[0] for found in own} - sys.stdlib_module_names <= {
        found for found in own if found.startswith("_")
    }
