"""The history on SQLite and PostgreSQL: nothing lost, nothing twice, nothing half; what can't be is told in one line."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import create_engine, func, insert, select, text

import postgres
from patience import STUCK_S
from samples import a_measurement, a_run, a_scenario_record
from tickbench.errors import InputError, UsageError
from tickbench.results import history, history_tables
from tickbench.results.history import open_history, series_query
from tickbench.results.history_points import content_id, machine_class
from tickbench.results.history_tables import POINT, RUN

TESTS = Path(__file__).parents[1]
WRITERS, APPENDS = 4, 25


@pytest.fixture(scope="module")
def server():
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/history.db"
    server = request.getfixturevalue("server")
    name = f"t{uuid.uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.rpartition("/")[0] + f"/{name}"


def run_of(number, folder, *, values_ns=(100,), rounds=3, **changes):
    measured = [a_measurement("a", k, values_ns=[one + k for one in values_ns]) for k in range(rounds)]
    run = a_run(scenarios=[a_scenario_record(**changes)], measurements=measured)
    run.provenance.seed, run.provenance.ended_at = number, "2026-01-01T00:01:00Z"
    run.provenance.started_at = f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    path = folder / f"run-{number}.json"
    path.write_bytes(msgspec.json.encode(run))  # save() waits for the disk, hundreds of times here
    return run, path


def the_series(opened, run, metric="p50"):
    return opened.series("smoke/one", "a", metric, machine_class(run.provenance))


def test_a_run_is_there_once_as_medians_over_its_rounds(url, tmp_path):
    run, path = run_of(1, tmp_path)
    with open_history(url) as opened:
        assert opened.append(run, path)
        assert not opened.append(run, path)
        (point,) = the_series(opened, run)
        assert (point.value, point.low, point.high, point.rounds) == (101, 100, 102, 3)
        assert point.run == content_id(path)
        assert opened.scenarios() == ["smoke/one"]
        assert {one.metric for one in opened.known("smoke/one")} == {"throughput", "p50", "p99"}
        assert opened.series("smoke/one", "a", "p50", "another machine") == []


def test_the_id_is_of_the_content_not_of_its_layout(tmp_path):
    _, path = run_of(1, tmp_path)
    before = content_id(path)
    path.write_text(" ".join(path.read_text().split()))
    assert content_id(path) == before
    assert content_id(run_of(2, tmp_path)[1]) != before


def test_a_series_is_in_the_order_of_time_and_tells_workloads_apart(url, tmp_path):
    runs = [run_of(number, tmp_path) for number in (3, 1, 2)] + [run_of(4, tmp_path, parameters={"size": 2})]
    with open_history(url) as opened:
        for one in runs:
            opened.append(*one)
        found = the_series(opened, runs[0][0])
    assert [one.started_at[-3:-1] for one in found] == ["01", "02", "03", "04"]
    assert len({one.asked for one in found[:3]}) == 1
    assert found[3].asked != found[0].asked


def test_a_run_without_a_measurement_adds_nothing(url, tmp_path):
    with open_history(url) as opened:
        assert not opened.append(*run_of(1, tmp_path, rounds=0))


def _writer(url, folder, first, appends):
    code = (
        "import sys; from pathlib import Path; from unit.test_history import run_of, open_history\n"
        "url, folder, first, appends = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])\n"
        "with open_history(url) as opened:\n"
        "    for number in range(first, first + appends):\n"
        "        assert opened.append(*run_of(number, folder))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    return subprocess.Popen(
        [sys.executable, "-c", code, url, str(folder), str(first), str(appends)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_that_create_and_append_at_once_lose_nothing(url, tmp_path):
    writers = [_writer(url, tmp_path, APPENDS * k, APPENDS) for k in range(WRITERS)]
    errors = [one.communicate(timeout=STUCK_S)[1] for one in writers]
    assert [one.returncode for one in writers] == [0] * WRITERS, errors
    with open_history(url) as opened:
        assert len(the_series(opened, run_of(0, tmp_path)[0])) == WRITERS * APPENDS


def test_a_killed_writer_leaves_whole_runs_only(url, tmp_path):
    with open_history(url):
        pass
    for first in (0, 10_000):
        writer = _writer(url, tmp_path, first, 10_000)
        until = time.monotonic() + STUCK_S
        while _count(url, RUN) < first / 1000 + 5 and time.monotonic() < until:
            time.sleep(0.05)
        writer.send_signal(signal.SIGKILL)
        writer.communicate(timeout=STUCK_S)
    runs = _count(url, RUN)
    assert runs >= 10
    assert _count(url, POINT) == 3 * runs
    with open_history(url) as opened:
        assert opened.append(*run_of(50_000, tmp_path))


def _count(url, table):
    engine = create_engine(url)
    with engine.connect() as connection:
        count = connection.execute(select(func.count()).select_from(table)).scalar_one()
    engine.dispose()
    return count


def test_a_newer_schema_is_refused_with_the_remedy(url, tmp_path):
    with open_history(url):
        pass
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(insert(history_tables._VERSION).values(version=99))
    engine.dispose()
    with pytest.raises(InputError, match="schema 99, this tickbench knows 1: update tickbench"):
        open_history(url)


def test_a_later_migration_keeps_what_is_there(url, tmp_path, monkeypatch):
    run, path = run_of(1, tmp_path)
    with open_history(url) as opened:
        opened.append(run, path)
    added = (*history_tables.MIGRATIONS, lambda connection: connection.execute(text("ALTER TABLE run ADD COLUMN branch TEXT")))
    monkeypatch.setattr(history_tables, "MIGRATIONS", added)
    with open_history(url) as opened:
        assert len(the_series(opened, run)) == 1
        assert opened.append(*run_of(2, tmp_path))


def test_a_migration_that_fails_changes_nothing(url, monkeypatch):
    with open_history(url):
        pass

    def fails(connection):
        connection.execute(text("ALTER TABLE run ADD COLUMN branch TEXT"))
        connection.execute(text("SELECT nonsense FROM nowhere"))

    monkeypatch.setattr(history_tables, "MIGRATIONS", (*history_tables.MIGRATIONS, fails))
    with pytest.raises(InputError, match="nowhere"):
        open_history(url)
    monkeypatch.undo()
    with open_history(url) as opened:
        assert opened.scenarios() == []


def test_a_series_is_read_by_the_index():
    engine = create_engine("sqlite://")
    history_tables._metadata.create_all(engine)
    with engine.connect() as connection:
        query = series_query("s", "v", "m", "x").compile(engine, compile_kwargs={"literal_binds": True})
        plan = " | ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}"))
    assert "SEARCH point USING PRIMARY KEY (scenario=? AND variant=? AND metric=?" in plan
    assert "SEARCH run USING INTEGER PRIMARY KEY" in plan
    assert "SCAN" not in plan


def _damaged(path):
    path.write_bytes(b"this is not a database" * 100)
    return f"sqlite:///{path}"


def _read_only(path):
    open_history(f"sqlite:///{path}")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = DELETE")  # read-only media cannot hold the log of a write-ahead database
    connection.close()
    return f"sqlite:///file:{path}?mode=ro&uri=true"


def _no_folder(path):
    path.write_text("a file, not a folder")
    return f"sqlite:///{path}/history.db"


@pytest.mark.parametrize(
    ("make", "told"),
    [(_damaged, "not a database"), (_read_only, "readonly"), (_no_folder, "cannot be used")],
)
def test_a_file_that_cannot_be_used_is_named_in_one_line(tmp_path, make, told):
    path = tmp_path / "history.db"
    with pytest.raises(InputError, match=told) as caught, open_history(make(path)) as opened:
        opened.append(*run_of(1, tmp_path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("given", ["nonsense", "mysql://secret@host/db", "postgresql+psycopg://", "sqlite://"])
def test_a_url_that_is_none_is_refused(given):
    with pytest.raises(UsageError, match="postgresql"):
        open_history(given)


def test_a_password_is_never_shown():
    pytest.importorskip("psycopg")
    with pytest.raises(InputError) as caught:
        open_history("postgresql+psycopg://user:hush@127.0.0.1:1/none")
    assert "hush" not in str(caught.value)


def test_off_is_off(monkeypatch):
    monkeypatch.setenv(history.VARIABLE, "off")
    assert history.is_off()
    with pytest.raises(UsageError, match="switched off"):
        open_history()
