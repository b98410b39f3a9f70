"""An environment of its own for every peer, under ``.bench/``: made once, by pip and npm.

They use the registries that this machine is set up for. jobdesk runs in ``.venv``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.peers import Peer

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".bench"
NODE_AT_LEAST = 18


def prepare(peers: list[Peer]) -> None:
    """Install what is missing, and say so."""
    for peer in peers:
        if peer.name == "jobdesk":
            continue
        if peer.language == "node":
            _node()
            _install_node(peer)
        else:
            _install_python(peer)


def binary(peer: Peer, program: str) -> str:
    """The path of a program in the peer's environment."""
    if peer.language == "node":
        return _node()
    return str(_python_of(peer).parent / program)


def interpreter(peer: Peer) -> list[str]:
    """What runs the peer's app."""
    if peer.language == "node":
        return [_node(), "app.js"]
    return [str(_python_of(peer)), "-m", "feeding"]


def variables(peer: Peer) -> dict[str, str]:
    """The environment variables that lead the app to its packages."""
    if peer.language == "node":
        return {"NODE_PATH": str(_folder_of(peer) / "node_modules"), "NODE_ENV": "production"}
    return {"PYTHONPATH": str(ROOT / "benchmarks" / "jobs")}


def versions(peer: Peer) -> dict[str, str]:
    """Of the packages that matter, and of what runs them."""
    if peer.language == "node":
        found = {"node": _said([_node(), "--version"]).lstrip("v")}
        for package in peer.packages:
            path = _folder_of(peer) / "node_modules" / package / "package.json"
            found[package] = json.loads(path.read_text())["version"]
        return found
    code = (
        "import json, platform, sys; from importlib.metadata import version;"
        "found = {'python': platform.python_version()};"
        "found.update({name: version(name) for name in sys.argv[1:]}); print(json.dumps(found))"
    )
    packages = peer.packages if peer.name != "jobdesk" else ("jobdesk", *peer.packages)
    told: dict[str, str] = json.loads(_said([str(_python_of(peer)), "-c", code, *packages]))
    return told


def _python_of(peer: Peer) -> Path:
    if peer.name == "jobdesk":
        return Path(sys.executable)
    return _folder_of(peer) / "bin" / "python"


def _folder_of(peer: Peer) -> Path:
    return FOLDER / peer.language / peer.name


def _install_python(peer: Peer) -> None:
    wanted = peer.folder / "requirements.txt"
    stamp = _folder_of(peer) / "installed.txt"
    if stamp.exists() and stamp.read_text() == wanted.read_text():
        return
    print(f"bench: installing {peer.title}", flush=True)
    _said([sys.executable, "-m", "venv", "--clear", str(_folder_of(peer))])
    pip = [str(_python_of(peer)), "-m", "pip", "install", "--disable-pip-version-check", "-q"]
    _said([*pip, "-r", str(wanted)])
    shutil.copy(wanted, stamp)


def _install_node(peer: Peer) -> None:
    wanted = peer.folder / "package.json"
    folder = _folder_of(peer)
    stamp = folder / "installed.json"
    if stamp.exists() and stamp.read_text() == wanted.read_text():
        return
    print(f"bench: installing {peer.title}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(wanted, folder)
    npm = shutil.which("npm") or _missing("npm")
    # No lock file: it would hold where this machine downloads from.
    _said([npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"], folder)
    shutil.copy(wanted, stamp)


def _node() -> str:
    found = shutil.which("node") or shutil.which("nodejs") or _missing("node")
    if int(_said([found, "--version"]).lstrip("v").split(".")[0]) < NODE_AT_LEAST:
        _missing("node")
    return found


def _missing(program: str) -> str:
    raise SystemExit(
        f"bench: no {program} for Bull and BullMQ (Node {NODE_AT_LEAST} or later):"
        " apt-get install nodejs npm, or measure without them: ARGS='--peers jobdesk,huey'"
    )


def _said(command: list[str], folder: Path | None = None) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=_clean()
    )
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(command)}\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    return done.stdout.strip()


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
