"""部门查询接口 (R047): the one question a proof asks of a department, by database or by service; read only.

    {"kind": "sql", "connection": "penalties", "statement": "SELECT … WHERE code = :credit_code"}
    {"kind": "http", "connection": "social-insurance", "rows": "data.items", "method": "POST"}

Where it is and what opens it stands in the region's ``connections.json``, which the operator keeps; a definition holds
no password. What a department answers is used for the proof and not kept beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from licence_store.collection.connectors.delivery import within
from licence_store.collection.connectors.tables import _plain, reading_engine
from licence_store.collection.opening import Opener
from seal.database import reason_of
from trust.errors import Malformed, Unavailable
from trust.fetching import Exchange, Fetcher, HTTPFetcher

MOST_ROWS = 500
_PATIENCE = 20.0

Rows = list[dict[str, str]]


class QueryPort(Protocol):
    """查询接口."""

    def ask(self, parameters: Mapping[str, str]) -> Rows:
        """The rows that answer; none where nothing is known. Raises ``Unavailable`` where nobody answers now."""


def open_query(directory: Path, query: Mapping[str, Any]) -> QueryPort:
    """The port a definition's ``query`` describes, in the region's folder.

    Raises ``Malformed("proof.query")``, ``NotFound("source.connection")``.
    """
    kind, connection = query.get("kind"), query.get("connection")
    if not isinstance(connection, str):
        raise _bad("connection")
    address = Opener(directory)._address({"connection": connection})
    if kind == "sql":
        return SQLQuery(reading_engine(address.url), check_statement(query.get("statement")))
    if kind == "http":
        rows, method = query.get("rows", ""), query.get("method", "GET")
        if not isinstance(rows, str) or method not in ("GET", "POST"):
            raise _bad("method")
        fetcher = HTTPFetcher(timeout=_PATIENCE, allow_private=True)  # the operator has named it himself
        return HTTPQuery(address.url, fetcher, rows, method == "POST", address.headers)
    raise _bad("kind")


def check_statement(statement: object) -> str:
    """One SELECT and nothing else; raises ``Malformed("proof.query")``."""
    if not isinstance(statement, str) or not 0 < len(statement) <= 4000:
        raise _bad("statement")
    words = statement.strip().rstrip(";").split()
    if not words or words[0].lower() not in ("select", "with") or ";" in statement.strip().rstrip(";"):
        raise _bad("statement")
    return statement.strip().rstrip(";")


def _bad(part: str) -> Malformed:
    return Malformed(
        "proof.query",
        "电子证明的查询“{part}”不正确。",
        remedy="kind 为 sql（connection、statement：一条 SELECT）或 http（connection、rows、method）。",
        part=part,
    )


@dataclass(frozen=True)
class SQLQuery:
    """A question to a database that is only ever read."""

    engine: Engine
    statement: str

    def ask(self, parameters: Mapping[str, str]) -> Rows:
        try:
            with self.engine.connect() as connection:
                found = connection.execute(text(self.statement), dict(parameters)).mappings().fetchmany(MOST_ROWS)
            return [_row(dict(one)) for one in found]
        except SQLAlchemyError as error:
            reason = reason_of(error) if hasattr(error, "orig") else type(error).__name__  # type: ignore[arg-type]
            raise Unavailable("proof.unavailable", "部门查询接口无法使用（{reason}）。", reason=reason) from error
        finally:
            self.engine.dispose()


@dataclass(frozen=True)
class HTTPQuery:
    """A question to a service: ``GET url?name=value`` or ``POST {"name": "value"}``, answered by JSON."""

    url: str
    fetcher: Fetcher
    rows: str = ""
    post: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def ask(self, parameters: Mapping[str, str]) -> Rows:
        body = json.dumps(dict(parameters), ensure_ascii=False).encode() if self.post else None
        mark = "&" if "?" in self.url else "?"
        url = self.url if self.post else f"{self.url}{mark}{urlencode(dict(parameters))}"
        kind = "application/json" if self.post else ""
        exchange = Exchange(url, body, kind, accept="application/json", headers=tuple(self.headers.items()))
        try:
            answer = json.loads(self.fetcher.fetch(exchange))
            found = within(answer, self.rows) if self.rows else answer
        except (ValueError, RecursionError) as error:
            raise _unreadable() from error
        if found is None:
            return []
        if isinstance(found, dict):
            found = [found]
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise _unreadable()
        return [_row(one) for one in found[:MOST_ROWS]]


def _unreadable() -> Unavailable:
    return Unavailable("proof.answer", "部门查询接口的答复无法识别。")


def _row(found: Mapping[str, Any]) -> dict[str, str]:
    """Every column as text; an empty one as nothing."""
    return {str(name).lower(): "" if value is None else str(_plain(value)) for name, value in found.items()}
