"""库表交付: a table or view of any database SQLAlchemy reaches, in pages by its key, only ever read.

With ``changed`` (a column that grows with every change) the next run asks only for what has changed since; the rows of
the last moment are asked for again, so that none that came late is missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    TableClause,
    and_,
    bindparam,
    column,
    create_engine,
    func,
    or_,
    select,
    table,
)  # fmt: skip
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.types import NullType

from licence_store.collection.connectors.delivery import Delivered, place, read_place
from seal.database import reason_of
from trust.errors import Malformed, Unavailable

PAGE = 1000
MAX_CELL = 1 << 16


@dataclass(frozen=True)
class TableDelivery:
    """One table, read by its ``key``."""

    url: str = field(repr=False)
    name: str
    key: tuple[str, ...]
    """Columns that tell the rows apart; read in their order."""
    columns: tuple[str, ...]
    changed: str = ""
    since: str = ""
    """Watermark of the run before."""
    schema: str | None = None
    total: int | None = None
    complete: bool = field(init=False)
    identity: Mapping[str, str] = field(init=False)
    watermark: str = field(init=False)
    engine: Engine = field(init=False, repr=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "engine", reading_engine(self.url))
        put(self, "complete", not self.changed)
        put(self, "watermark", self._newest() if self.changed else "")
        put(self, "identity", {"table": self.name, "since": self.since})

    @property
    def _table(self) -> TableClause:
        wanted = dict.fromkeys([*self.key, *self.columns, *([self.changed] if self.changed else [])])
        return table(self.name, *(column(name) for name in wanted), schema=self.schema)

    def _newest(self) -> str:
        with self._connected() as connection:
            newest = connection.execute(select(func.max(self._table.c[self.changed]))).scalar()
        return self.since if newest is None else str(_plain(newest))

    def rows(self, position: str) -> Iterator[Delivered]:
        after, number = _checked(read_place(position, [[], 0]), len(self.key))
        while True:
            with self._connected() as connection:
                page = connection.execute(self._page(after)).mappings().fetchmany(PAGE)
            for row in page:
                number += 1
                after = [_key(row[name]) for name in self.key]
                content = {name: _plain(row[name]) for name in self.columns if row[name] is not None}
                yield Delivered(number, content, place([after, number]))
            if len(page) < PAGE:
                return

    def _page(self, after: Sequence[Any]) -> Select[Any]:
        rows = self._table
        query = select(rows).order_by(*(rows.c[name] for name in self.key)).limit(PAGE)
        if after:
            query = query.where(_beyond([rows.c[name] for name in self.key], after))
        if self.changed and self.since:
            query = query.where(rows.c[self.changed] >= _bound(self.since))
        return query

    def _connected(self) -> Any:
        return _Connected(self.engine)


class _Connected:
    """A connection whose failures are ours."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Connection:
        try:
            self._connection = self._engine.connect()
        except SQLAlchemyError as error:
            raise _away(error) from error
        return self._connection

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._connection.close()
        if isinstance(error, SQLAlchemyError):
            raise _away(error) from error


def _away(error: SQLAlchemyError) -> Unavailable:
    reason = reason_of(error) if isinstance(error, DBAPIError) else type(error).__name__
    return Unavailable("delivery.database", "来源数据库无法读取（{reason}）。", reason=reason)


def reading_engine(url: str) -> Engine:
    """An engine that only reads; raises ``Malformed("source.url")``."""
    try:
        address = make_url(url)
        if address.get_backend_name() == "sqlite":
            database = address.database or ""
            path = f"file:{database}" if not database.startswith("file:") else database
            address = address.set(database=path, query={**address.query, "mode": "ro", "uri": "true"})
            return create_engine(address, hide_parameters=True, poolclass=NullPool)
        if address.drivername in ("postgres", "postgresql"):
            address = address.set(drivername="postgresql+psycopg")
        engine = create_engine(address, hide_parameters=True, poolclass=NullPool)
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise Malformed("source.url", "来源数据库地址无效，或未安装其驱动程序。") from error
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
    return engine


def _beyond(columns: Sequence[ColumnElement[Any]], after: Sequence[Any]) -> ColumnElement[bool]:
    """``(a, b) > (x, y)``, in words every database knows."""
    steps = [
        and_(
            *(c == _bound(v) for c, v in zip(columns[:place], after[:place], strict=True)),
            columns[place] > _bound(after[place]),
        )
        for place in range(len(columns))
    ]
    return or_(*steps)


def _bound(value: Any) -> BindParameter[Any]:
    """A value without a type of its own: the column it is compared with decides what it is."""
    return bindparam(None, value, NullType(), unique=True)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        midnight = value.time() == datetime.min.time() and not value.tzinfo
        return value.date().isoformat() if midnight else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (bytes, memoryview)):
        return bytes(value)[:MAX_CELL].hex()
    return str(value)[:MAX_CELL] if not isinstance(value, (int, float, Decimal, bool, type(None))) else value


def _key(value: Any) -> Any:
    """A key's value as a position can hold it."""
    plain = _plain(value)
    return plain if isinstance(plain, (int, str)) and not isinstance(plain, bool) else str(plain)


def _checked(found: Any, count: int) -> tuple[list[Any], int]:
    match found:
        case [list(after), int(number)] if len(after) in (0, count):
            return after, number
        case _:
            raise Malformed("delivery.position", "归集批次的续传位置无法识别。")
