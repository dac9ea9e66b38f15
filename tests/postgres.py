"""A PostgreSQL server of Debian's package, on loopback in a folder of its own, for the tests of one session."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from patience import STUCK_S

_DEBIAN = Path("/usr/lib/postgresql")


def _program(name):
    """Debian keeps the server's programs out of PATH, in a folder a version."""
    newest = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0)
    found = str(newest[-1]) if newest else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install postgresql)")
    return found


def _user():
    """What to run as: the server refuses root."""
    if os.geteuid() != 0:
        return {}, pwd.getpwuid(os.geteuid()).pw_name
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}, name
    pytest.skip("PostgreSQL refuses root, and there is neither a user postgres nor nobody")


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server():
    """The URL of a database that is there until the block ends; skips the test with the reason where it can't be."""
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'tickbench[postgres]'")
    initdb, postgres, (who, name) = _program("initdb"), _program("postgres"), _user()
    folder = Path(tempfile.mkdtemp(prefix="tickbench-postgres-"))
    process = None
    try:
        if who:
            os.chown(folder, who["user"], who["group"])
        data, port = folder / "data", _free_port()
        options = {"cwd": folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}, **who}
        made = subprocess.run(
            [initdb, "-D", data, "-U", "tickbench", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"],
            capture_output=True,
            text=True,
            timeout=STUCK_S,
            check=False,
            **options,
        )
        if made.returncode != 0:
            pytest.skip(f"initdb as {name}: {' '.join((made.stderr or made.stdout).split())[-300:]}")
        process = subprocess.Popen(
            [postgres, "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-c", "fsync=off"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **options,
        )
        _wait(process, port)
        yield f"postgresql+psycopg://tickbench@127.0.0.1:{port}/postgres"
    finally:
        if process is not None:
            process.terminate()
            process.wait(STUCK_S)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process, port):
    import time

    import psycopg

    until = time.monotonic() + STUCK_S
    while True:
        try:
            psycopg.connect(f"host=127.0.0.1 port={port} user=tickbench dbname=postgres").close()
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > until:
                pytest.skip(f"the PostgreSQL server did not start: {' '.join(str(error).split())}")
            time.sleep(0.05)
