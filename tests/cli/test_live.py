"""`tickbench top` and `tickbench export --live` on a running, a dead and a restarted engine."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from cli.command import tickbench
from live_child import running


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_top_shows_a_running_engine_and_a_killed_one(folder):
    with running("stuck", folder) as engine:
        alive = tickbench("top", "patient", "--once", "-i", "0.2", cwd=folder)
        document = json.loads(tickbench("top", engine.pid, "--json", "-i", "0.2", cwd=folder).stdout)
        engine.kill()
        engine.wait()
        dead = tickbench("top", engine.pid, cwd=folder)
    assert alive.returncode == 0
    assert f"patient (pid {engine.pid}, python) running" in alive.stdout
    assert "parse #4711" in alive.stdout
    assert document["schema"] == "tickbench.top/1"
    line = document["look"]["lines"][0]
    assert (line["name"], line["total"]["count"], line["interval"]["count"]) == ("tick", 10, 0)
    assert line["in_flight"]["age_ns"] > 200_000_000
    assert dead.returncode == 0
    assert "is dead" in dead.stdout
    assert "parse #4711" in dead.stdout


@pytest.mark.parametrize("arguments", [("top", "nobody"), ("top", "4194303"), ("export", "--live", "nobody")])
def test_an_engine_that_is_not_there_is_one_line_and_exit_2(folder, arguments):
    found = tickbench(*arguments, cwd=folder)
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    "arguments", [("export",), ("export", "r.json", "--live", "x"), ("export", "r.json", "--listen", "1:1")]
)
def test_export_takes_a_run_or_an_engine(folder, arguments):
    found = tickbench(*arguments, cwd=folder)
    assert (found.returncode, found.stderr.count("\n")) == (2, 1)


def test_top_on_a_terminal_draws_until_q(folder):
    with running("steady", folder):
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "tickbench", "top", "patient", "-i", "0.2"]
        environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=folder) as top:
            os.close(theirs)
            seen = _read_until(ours, "since start")
            os.write(ours, b"q")
            _drain(ours)
            assert top.wait(20) == 0
        os.close(ours)
    assert "tick" in seen


def _read_until(file, word):
    seen, deadline = "", time.monotonic() + 60
    while word not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([file], [], [], 1)[0]:
            seen += os.read(file, 65536).decode("utf-8", "replace")
    return seen


def _drain(file):
    while select.select([file], [], [], 20)[0]:
        try:
            if not os.read(file, 65536):
                return
        except OSError:  # the other side is closed
            return


def test_the_exporter_follows_a_name_over_a_restart_and_ends_with_sigterm(folder):
    command = [sys.executable, "-m", "tickbench", "export", "--live", "patient", "--listen", "127.0.0.1:0"]
    with running("steady", folder) as first:
        exporter = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)
        address = exporter.stdout.readline().strip()
        assert f'pid="{first.pid}"' in _get(address)
        first.kill()
        first.wait()
        time.sleep(0.15)
        assert 'tickbench_engine_up{app="patient"} 0.0' in _get(address)
    with running("steady", folder) as second:
        time.sleep(0.15)
        assert f'pid="{second.pid}"' in _get(address)
        exporter.send_signal(signal.SIGTERM)
        output, complaints = exporter.communicate(timeout=20)
    assert (exporter.returncode, output, complaints) == (0, "", "")


def _get(address):
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read().decode()
