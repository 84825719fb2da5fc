"""数据库: one engine, short transactions, the same rules on SQLite and PostgreSQL.

Here, in the first package that persists, so that trust, keys and verify know no database.

    sessions = open_database("sqlite:////srv/region/register.sqlite3")
    with sessions.begin() as session:      # writes; commits at the end of the block
        ...
    with sessions.read() as session:       # reads one consistent picture
        ...

SQLite runs in WAL mode with ``synchronous=FULL``: a committed transaction survives a power cut. A
writing transaction begins with ``BEGIN IMMEDIATE``, so that two writers queue instead of failing
half way. PostgreSQL is reached through psycopg 3 and reads under ``REPEATABLE READ``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection, DateTime, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from trust.errors import Conflict, Malformed, Unavailable

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Moment(TypeDecorator[datetime]):
    """时刻: an aware moment, kept in UTC to the microsecond on every engine."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Every table of the product hangs on this one ``MetaData``."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: Moment()}


class UnitOfWork(Session):
    """One transaction and no more, so its connection is looked for once only."""

    _held: Connection | None = None

    def connection(self, *args: Any, **kwargs: Any) -> Connection:
        if self._held is None:
            self._held = super().connection(*args, **kwargs)
        return self._held


@dataclass(frozen=True, slots=True)
class Sessions:
    """会话: the two doors to the database, one for writing and one for reading."""

    engine: Engine
    """Where ``begin`` starts a writing transaction."""
    reader: Engine
    """The same pool; transactions begun here only read."""

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A short writing transaction; commits at the end, rolls back on any error.

        Raises ``Unavailable("database.unavailable")`` when the database is away or stays locked.
        """
        with readable_failures(), UnitOfWork(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent picture, for reading; never commits.

        Raises ``Unavailable("database.unavailable")`` when the database is away.
        """
        with readable_failures(), UnitOfWork(self.reader, expire_on_commit=False) as session:
            yield session

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    def close(self) -> None:
        """Give every connection back; SQLite folds its write-ahead log into the file."""
        self.engine.dispose()


@contextmanager
def readable_failures() -> Iterator[None]:
    """Turn the driver's errors into ours; what was being done is undone.

    Away, locked or full: ``Unavailable``; against a rule of the tables: ``Conflict``; a value no column takes
    (a NUL, too long): ``Malformed``.
    """
    try:
        yield
    except IntegrityError as error:
        raise Conflict("database.conflict", "与已有数据冲突，本次操作未生效。") from error
    except (DataError, UnicodeEncodeError) as error:
        raise Malformed("database.value", "所给的值无法保存或查询，本次操作未生效。") from error
    except OperationalError as error:
        raise Unavailable(
            "database.unavailable", "数据库暂时不可用（{reason}），本次操作未生效。", reason=reason_of(error)
        ) from error


def reason_of(error: DBAPIError) -> str:
    """The driver's own words, first line only: no statement and no values in it."""
    return (str(error.orig).splitlines() or [type(error.orig).__name__])[0][:200]


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def open_database(url: str, *, durable: bool = True, busy_timeout: float = 30.0) -> Sessions:
    """Open the database at ``url`` (``sqlite:///…`` or ``postgresql://…``).

    ``durable=False`` leaves out the flush to disk at each commit and is meant for tests only;
    ``busy_timeout`` is how many seconds a writer waits for another one. Tables are not made here: see
    ``licence_store.migrations.upgrade``. Values never appear in errors or logs. Raises ``Malformed("database.url")``.
    """
    address = _address(url)
    try:
        if address.get_backend_name() == "sqlite":
            engine = _sqlite_engine(address, durable=durable, busy_timeout=busy_timeout)
        else:
            engine = _postgresql_engine(address, durable=durable, busy_timeout=busy_timeout)
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise _bad_url() from error
    return Sessions(engine, _reader(engine))


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise _bad_url() from error
    backend = address.get_backend_name()
    if backend == "postgres" or address.drivername == "postgresql":
        return address.set(drivername="postgresql+psycopg")
    if backend not in {"sqlite", "postgresql"} or (backend == "sqlite" and address.database in {None, "", ":memory:"}):
        raise _bad_url()
    return address


def _bad_url() -> Malformed:
    return Malformed("database.url", "数据库地址无效：应为 sqlite:///文件 或 postgresql://用户@主机/库名。")


def _reader(engine: Engine) -> Engine:
    if engine.dialect.name == "sqlite":
        return engine.execution_options(reading=True)
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _sqlite_engine(address: URL, *, durable: bool, busy_timeout: float) -> Engine:
    engine = create_engine(
        address, hide_parameters=True, connect_args={"timeout": busy_timeout, "check_same_thread": False}
    )
    settings = (
        "PRAGMA journal_mode=WAL",
        f"PRAGMA synchronous={'FULL' if durable else 'OFF'}",
        "PRAGMA foreign_keys=ON",
        "PRAGMA cache_size=-16000",
        "PRAGMA temp_store=MEMORY",
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for setting in settings:
            connection.execute(setting)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _postgresql_engine(address: URL, *, durable: bool, busy_timeout: float) -> Engine:
    # Compiling a plan takes longer than any question of ours, and one is compiled where its cost is guessed too high
    options = f"-c lock_timeout={int(busy_timeout * 1000)} -c timezone=UTC -c jit=off"
    if not durable:
        options += " -c synchronous_commit=off"
    return create_engine(
        address,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=24,
        connect_args={"options": options, "connect_timeout": 10},
    )


def check_reachable(sessions: Sessions) -> None:
    """Ask the database one trivial question; raises ``Unavailable("database.unavailable")``."""
    with sessions.read() as session:
        session.execute(text("SELECT 1"))
