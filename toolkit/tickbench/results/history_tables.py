"""The tables of the history and how they came to be: an ordered list of migrations, each in a transaction of its own."""

from collections.abc import Callable

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    inspect,
    select,
    text,
)

from tickbench.errors import InputError

_metadata = MetaData()

# One run. `id` is a hash of the run's content, so that a run appended twice is there once; `machine` is what must be equal for
# times to be comparable, in words.
RUN = Table(
    "run",
    _metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("machine", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("revision", Text),
    Column("clean", Boolean),
    Column("interrupted", Boolean, nullable=False),
    Column("tickbench", Text, nullable=False),
    Column("command", Text, nullable=False),
)

# One value: the median over the rounds of a run, with the lowest and the highest. `asked` is a hash of workload, parameters,
# load, feed and timing: values that differ in it answer different questions. The primary key is the index of a series; in
# SQLite the table is that index.
POINT = Table(
    "point",
    _metadata,
    Column("scenario", Text, primary_key=True),
    Column("variant", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("run", Integer, ForeignKey("run.number"), primary_key=True),
    Column("asked", String(16), nullable=False),
    Column("value", Float, nullable=False),
    Column("low", Float, nullable=False),
    Column("high", Float, nullable=False),
    Column("rounds", Integer, nullable=False),
    sqlite_with_rowid=False,
)

_VERSION = Table("tickbench_history", MetaData(), Column("version", Integer, primary_key=True))


def _create(connection: Connection) -> None:
    _metadata.create_all(connection)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_create,)  # append only: entry n leads from version n to n + 1
_LOCK = 0x7469636B  # "tick": names the lock of PostgreSQL under which one process at a time migrates


def migrate(engine: Engine, where: str) -> None:
    """Bring the database to the newest version; raises InputError when a newer tickbench was here before.

    Several processes may do this at once: SQLite has one writer at a time by itself, PostgreSQL is given a lock.
    """
    with engine.connect() as connection:
        found = _version(connection)
    _refuse_newer(found, where)
    while found < len(MIGRATIONS):
        with engine.execution_options(tickbench_writes=True).begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            found = _version(connection)
            _refuse_newer(found, where)
            if found < len(MIGRATIONS):
                MIGRATIONS[found](connection)
                _VERSION.create(connection, checkfirst=True)
                connection.execute(insert(_VERSION).values(version=found + 1))
                found += 1


def _version(connection: Connection) -> int:
    if not inspect(connection).has_table(_VERSION.name):
        return 0
    return int(connection.execute(select(func.coalesce(func.max(_VERSION.c.version), 0))).scalar_one())


def _refuse_newer(found: int, where: str) -> None:
    if found > len(MIGRATIONS):
        raise InputError(
            f"the history {where} has schema {found}, this tickbench knows {len(MIGRATIONS)}: update tickbench, "
            "or set TICKBENCH_HISTORY to another database"
        )
