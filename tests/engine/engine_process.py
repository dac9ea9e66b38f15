"""The engine in a process of its own, against an exchange."""

import json
import os
import signal
import subprocess
import sys
import time


class EngineProcess:
    """`tickbench engine start` against what an exchange says where it listens; leaves no process behind."""

    def __init__(self, listening, *arguments, feed_url=None):
        places = ("--feed-url", feed_url or listening["feed_url"], "--order-url", listening["orders_url"])
        command = [sys.executable, "-m", "tickbench", "engine", "start", "--json", *places, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.started = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def wait_started(self):
        """The line that says that it is ready: pid and page."""
        self.started = json.loads(self.process.stdout.readline())
        return self.started

    def tell(self, number=signal.SIGTERM):
        """Send a signal."""
        os.kill(self.process.pid, number)

    def end(self, timeout=30):
        """Exit status, stderr and the result."""
        output, errors = self.process.communicate(timeout=timeout)
        return self.process.returncode, errors, json.loads(output.splitlines()[-1])


def wait_until(condition, timeout_s=10.0):
    """Ask until it holds; says whether it did."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False
