"""持证者核对: is it true what a record says of its holder? Asked of a population or legal-person repository (R035).

The answer is true, false or "not known there"; nothing else comes back and nothing is kept. ``SQLHolderFacts`` and
``HTTPHolderFacts`` are two ways to ask; a source names its own in its declaration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from licence_store.collection.connectors.tables import reading_engine
from seal.database import reason_of
from trust.errors import Unavailable
from trust.fetching import Exchange, Fetcher

MOST = 500
"""Questions asked at once."""


@dataclass(frozen=True, slots=True)
class Question:
    """核对事项: a fact by its name, and the values it is about."""

    fact: str
    values: Mapping[str, str]


class HolderFacts(Protocol):
    """持证者核对接口."""

    def confirm(self, questions: Sequence[Question]) -> Sequence[bool | None]:
        """One answer for each: true, false, or ``None`` where nothing is known.

        Raises ``Unavailable`` where nobody answers now.
        """


@dataclass(frozen=True)
class HTTPHolderFacts:
    """Asks a service: ``POST {"questions": [{"fact": …, "values": {…}}]}`` → ``{"answers": [true, false, null]}``."""

    url: str
    fetcher: Fetcher
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def confirm(self, questions: Sequence[Question]) -> Sequence[bool | None]:
        answers: list[bool | None] = []
        for first in range(0, len(questions), MOST):
            some = questions[first : first + MOST]
            asked = {"questions": [{"fact": one.fact, "values": dict(one.values)} for one in some]}
            body = json.dumps(asked, ensure_ascii=False).encode()
            exchange = Exchange(self.url, body, "application/json", headers=tuple(self.headers.items()))
            answers += _answers(self.fetcher.fetch(exchange), len(some))
        return answers


def _answers(body: bytes, count: int) -> list[bool | None]:
    try:
        found = json.loads(body)["answers"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unreadable() from error
    if not isinstance(found, list) or len(found) != count or not all(a is None or isinstance(a, bool) for a in found):
        raise _unreadable()
    return found


def _unreadable() -> Unavailable:
    return Unavailable("facts.answer", "持证者核对服务的答复无法识别。")


@dataclass(frozen=True)
class SQLHolderFacts:
    """Asks a table: for each fact a query with ``:named`` values whose first column of its first row is the answer.

    No row: nothing is known. ``SELECT 1 FROM person WHERE id = :code AND name = :name`` cannot tell a wrong name from
    an unknown person; ``SELECT name = :name FROM person WHERE id = :code`` can.
    """

    engine: Engine
    queries: Mapping[str, str]

    @classmethod
    def open(cls, url: str, queries: Mapping[str, str]) -> SQLHolderFacts:
        return cls(reading_engine(url), queries)

    def confirm(self, questions: Sequence[Question]) -> Sequence[bool | None]:
        try:
            with self.engine.connect() as connection:
                return [self._one(connection, question) for question in questions]
        except SQLAlchemyError as error:
            reason = reason_of(error) if isinstance(error, DBAPIError) else type(error).__name__
            raise Unavailable("facts.unavailable", "持证者核对库无法查询（{reason}）。", reason=reason) from error

    def _one(self, connection: Any, question: Question) -> bool | None:
        query = self.queries.get(question.fact)
        if query is None:
            return None
        answer = connection.execute(text(query), dict(question.values)).scalar()
        return None if answer is None else bool(answer)
