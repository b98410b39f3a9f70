"""The README's sample, run as it says: a worker process, a job, its result."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
APP = """
from thumbs import resize

job = resize(path="a.jpg", width=100)
print(job.wait(timeout=20))
"""


def test_the_sample_runs_as_the_readme_says(environment: dict[str, str]) -> None:
    env = {**environment, "PYTHONPATH": str(ROOT / "examples")}
    worker = subprocess.Popen(
        [Path(sys.executable).parent / "huey_consumer", "thumbs.huey", "-w", "4", "-q"], env=env
    )
    try:
        app = subprocess.run(
            [sys.executable, "-c", APP],
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        worker.terminate()
        worker.wait(timeout=30)

    assert app.stdout.strip() == "{'path': 'a.jpg'}", app.stderr
    assert worker.returncode == 0
