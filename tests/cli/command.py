"""Runs `tickbench` as a user does: in a process of its own, in an empty folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

FAKE = Path(__file__).parent / "fake"
SCENARIO = str(FAKE / "adding.toml")
GOOD = ["--impls", str(FAKE / "good.py")]
BAD = ["--impls", str(FAKE / "bad.py")]


def tickbench(*arguments, cwd, environment=None, **options):
    """The finished process, with its output as text."""
    command = [sys.executable, "-m", "tickbench", *map(str, arguments)]
    environment = {
        name: value for name, value in (environment or os.environ).items() if name != "COLUMNS"
    }  # it would set the tables' width
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False, **options
    )


def run_file(path):
    return json.loads(Path(path).read_text())
