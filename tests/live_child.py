"""Starts live engines in a runtime folder of the test's own, and ends them."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ENGINE = Path(__file__).with_name("live_engine.py")


@contextmanager
def running(mode, folder, name="patient", program=ENGINE):
    """A warm engine; XDG_RUNTIME_DIR of this process must be `folder`."""
    environment = os.environ | {"XDG_RUNTIME_DIR": str(folder)}
    command = [sys.executable, str(program), mode, name]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout.readline().strip() == str(child.pid), "the engine did not start"
            yield child
        finally:
            child.kill()
            child.stdin.close()
