"""Runs `tickbench` in an empty folder: in this process, or as a user does, in one of its own."""

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from patience import STUCK_S
from tickbench.cli import main

FAKE = Path(__file__).parent / "fake"
SCENARIO = str(FAKE / "adding.toml")
GOOD = ["--impls", str(FAKE / "good.py")]
BAD = ["--impls", str(FAKE / "bad.py")]


@dataclass
class Answer:
    """What a command line ended with, named as in subprocess."""

    returncode: int
    stdout: str
    stderr: str


def tickbench(*arguments, cwd):
    """What the command line answers, in this process, which has numpy and numba imported once for all tests.

    For commands that read and write files. Those that start workers or load variants of --impls would leave what they
    registered behind: `tickbench_process` is for them.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.delenv("COLUMNS", raising=False)  # it would set the tables' width
        status = main([str(one) for one in arguments])
    return Answer(status, _text(out), _text(err))


def _text(stream):
    stream.flush()
    return stream.buffer.getvalue().decode()


def tickbench_process(*arguments, cwd):
    """The finished process, with its output as text."""
    command = [sys.executable, "-m", "tickbench", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=STUCK_S, check=False)


def run_file(path):
    return json.loads(Path(path).read_text())
