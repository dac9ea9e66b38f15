"""The history: one value a run for every scenario, variant and metric, in SQLite or, for a team, in PostgreSQL.

`TICKBENCH_HISTORY` holds a URL (`postgresql+psycopg://…`, `sqlite:///…`) or `off`; without it, `.tickbench/history.db` of the
project is used. A run goes in whole, in one transaction, or not at all. The run file stays what counts: a history that is lost
is built again with `tickbench history --add RUN.json`.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, insert, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from tickbench.errors import InputError, UsageError
from tickbench.results.history_points import content_id, point_rows, run_row
from tickbench.results.history_tables import POINT, RUN, migrate
from tickbench.results.project import project_folder
from tickbench.results.run_file import Run

VARIABLE = "TICKBENCH_HISTORY"
OFF = "off"
_BUSY_S = 30.0  # how long a writer waits for the others: an append takes milliseconds
_CONNECT_S = 5
_WRITES = "tickbench_writes"


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a series: median, lowest and highest over the rounds of one run. `asked` tells other workloads apart."""

    run: str
    started_at: str
    revision: str | None
    clean: bool | None
    interrupted: bool
    asked: str
    value: float
    low: float
    high: float
    rounds: int


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """How many runs of a machine class hold a scenario, variant and metric, and when the last one started."""

    scenario: str
    variant: str
    metric: str
    machine: str
    runs: int
    last: str


class History:
    """An open history; every method is one short transaction and raises InputError in one line."""

    def __init__(self, url: URL) -> None:
        self.where = url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
        with self._explained():
            self._engine = _engine(url)
            migrate(self._engine, str(self.where))

    def __enter__(self) -> "History":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._engine.dispose()

    def append(self, run: Run, path: Path) -> bool:
        """Add a run, read from or saved to `path`; False when it was there already or holds no measurement."""
        run_id, points = content_id(path), list(point_rows(run))
        if not points:
            return False
        with self._explained():
            try:
                self._insert(run_row(run, run_id), points)
            except IntegrityError:
                if not self._holds(run_id):
                    raise
                return False
        return True

    def _insert(self, row: dict[str, Any], points: list[dict[str, Any]]) -> None:
        with self._engine.execution_options(**{_WRITES: True}).begin() as connection:
            number = connection.execute(insert(RUN).returning(RUN.c.number), row).scalar_one()
            connection.execute(insert(POINT), [{"run": number, **one} for one in points])

    def _holds(self, run_id: str) -> bool:
        with self._engine.connect() as connection:
            return connection.execute(select(RUN.c.number).where(RUN.c.id == run_id)).first() is not None

    def series(self, scenario: str, variant: str, metric: str, machine: str) -> list[Point]:
        """All values of a series on one machine class, the oldest first."""
        with self._explained(), self._engine.connect() as connection:
            rows = connection.execute(series_query(scenario, variant, metric, machine)).all()
        return [Point(**dict(zip(Point.__struct_fields__, row, strict=True))) for row in rows]

    def scenarios(self) -> list[str]:
        """The scenarios that have values."""
        with self._explained(), self._engine.connect() as connection:
            return list(connection.execute(select(POINT.c.scenario).distinct().order_by(POINT.c.scenario)).scalars())

    def known(self, scenario: str) -> list[Known]:
        """What there is of a scenario."""
        keys = (POINT.c.scenario, POINT.c.variant, POINT.c.metric, RUN.c.machine)
        query = (
            select(*keys, func.count(), func.max(RUN.c.started_at))
            .join(RUN, RUN.c.number == POINT.c.run)
            .where(POINT.c.scenario == scenario)
            .group_by(*keys)
            .order_by(*keys)
        )
        with self._explained(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [Known(**dict(zip(Known.__struct_fields__, row, strict=True))) for row in rows]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What the database says, in one line and without the password."""
        try:
            yield
        except DBAPIError as error:
            said = " ".join(str(error.orig).split())
            raise InputError(f"the history {self.where} cannot be used: {said}") from error
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise InputError(f"the history {self.where} cannot be used: {' '.join(str(error).split())}") from error


def series_query(scenario: str, variant: str, metric: str, machine: str) -> Any:
    """The query of `History.series`: point's primary key finds the values, run's the rest."""
    return (
        select(RUN.c.id, RUN.c.started_at, RUN.c.revision, RUN.c.clean, RUN.c.interrupted)
        .add_columns(POINT.c.asked, POINT.c.value, POINT.c.low, POINT.c.high, POINT.c.rounds)
        .join(RUN, RUN.c.number == POINT.c.run)
        .where(POINT.c.scenario == scenario, POINT.c.variant == variant, POINT.c.metric == metric, RUN.c.machine == machine)
        .order_by(RUN.c.started_at, RUN.c.number)
    )


def is_off() -> bool:
    """Whether the user wants no history."""
    return os.environ.get(VARIABLE, "").strip().lower() == OFF


def open_history(url: str | None = None) -> History:
    """The history at `url`, by default that of TICKBENCH_HISTORY or the project's own; made when it is not there.

    Raises UsageError for a URL that is none or when the history is switched off, InputError when it cannot be used.
    """
    given = (url or os.environ.get(VARIABLE, "")).strip()
    if given.lower() == OFF:
        raise UsageError(f"the history is switched off: unset {VARIABLE}, or set it to a database URL")
    return History(_parsed(given) if given else URL.create("sqlite", database=str(project_folder() / "history.db")))


def existing_history() -> History | None:
    """The history, if there is one: a file that is not there is not made, and off is none."""
    given = os.environ.get(VARIABLE, "").strip()
    if given.lower() == OFF:
        return None
    url = _parsed(given) if given else URL.create("sqlite", database=str(project_folder() / "history.db"))
    absent = url.get_backend_name() == "sqlite" and not url.query and not Path(str(url.database)).exists()
    return None if absent else History(url)


def _parsed(given: str) -> URL:
    forms = f"{VARIABLE} takes postgresql+psycopg://USER@HOST/DATABASE, sqlite:///FILE, or {OFF}"
    try:
        url = make_url(given)
    except ArgumentError as error:
        raise UsageError(f"this is no database URL (not shown, it may hold a password): {forms}") from error
    if url.get_backend_name() not in ("postgresql", "sqlite") or not url.database:
        raise UsageError(f"the database URL {url.render_as_string(hide_password=True)} cannot be used: {forms}")
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    try:
        engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": _CONNECT_S})
    except (ModuleNotFoundError, ImportError, NoSuchModuleError) as error:
        raise InputError("a history in PostgreSQL needs a driver: pip install 'tickbench[postgres]'") from error
    event.listen(engine, "begin", _limit_waiting)
    return engine


def _limit_waiting(connection: Connection) -> None:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_BUSY_S:.0f}s'")


def _sqlite(url: URL) -> Engine:
    if not url.query:  # a file: URI says itself how it is to be opened
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": _BUSY_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Write-ahead log: readers and the writer do not wait for each other. Transactions are begun by us, not by the driver."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # The change of mode does not wait for other processes that do the same, whatever the timeout.
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    # A writer takes its place at once: a reader that turns into a writer would fail when another has written meanwhile.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
