"""检索索引: what makes licences quick to find, kept in the transaction that writes the licence itself.

Every licence has a ``place``, a whole number that orders the register for ever: the day of its first issue, then the
order of registering. Every index is in that order, so a page of a search is a walk along one of them, newest first,
from where the page before ended; and a range of days is a range of places.

Names are found by their pairs of characters (``licence_store.names``). On SQLite the pairs are in a full-text index
(FTS5) that keeps nothing but pairs and places; on PostgreSQL in a table of (pair, place). Why not the same on both,
and why no GIN: docs/adr/0019.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table, bindparam, text
from sqlalchemy.orm import Session

from licence_store.names import bigrams
from licence_store.numbering import take_numbers

SEQUENCE_BITS: Final = 36
"""Room for 68 thousand million licences."""
LAST: Final = (1 << 62) - 1
"""Behind every place."""

GRAMS = Table(
    "licence_gram",
    MetaData(),  # of one engine only, so not of the product's tables: its migration alone makes it
    Column("gram", String(8, collation="C"), primary_key=True),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
)
NAME_INDEX: Final = "licence_name"
"""The FTS5 table of SQLite."""
_ADD = text(f"INSERT INTO {NAME_INDEX} (rowid, grams) VALUES (:place, :grams)")  # noqa: S608  our own words
_TAKE_OUT = text(f"INSERT INTO {NAME_INDEX} ({NAME_INDEX}, rowid, grams) VALUES ('delete', :place, :grams)")  # noqa: S608
_ADD_PAIRS = text(
    "INSERT INTO licence_gram (gram, place) SELECT * FROM unnest(CAST(:grams AS text[]), CAST(:places AS bigint[]))"
)
_NUMBERS = text("SELECT nextval('licence_place') FROM generate_series(1, :count)")


def first_place(day: str) -> int:
    """The lowest place of a day, ``YYYY-MM-DD``; raises ``ValueError``."""
    return date.fromisoformat(day).toordinal() << SEQUENCE_BITS


def after_day(day: str) -> int:
    """The lowest place behind a day; raises ``ValueError``."""
    return (date.fromisoformat(day).toordinal() + 1) << SEQUENCE_BITS


def placed(session: Session, rows: Sequence[dict[str, Any]], days: Sequence[str]) -> list[dict[str, Any]]:
    """New rows of ``licence``, each with its place; their names are in the index when this returns.

    ``days`` are the days of issue, ``YYYY-MM-DD``; a day that is none counts as that of registering.
    """
    connection = session.connection()
    numbers = _take(session, connection, len(rows))
    answer = []
    for row, day, number in zip(rows, days, numbers, strict=True):
        answer.append({**row, "place": _first(day, row["issued"]) + number})
    add_names(connection, [(row["place"], row["holder_name"]) for row in answer])
    return answer


def renamed(session: Session, place: int, old: str, new: str) -> None:
    """A licence's holder is called otherwise from now on."""
    if old == new:
        return
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.execute(_TAKE_OUT, {"place": place, "grams": " ".join(bigrams(old))})
    else:
        grams = GRAMS.delete().where(GRAMS.c.place == bindparam("at"), GRAMS.c.gram.in_(bigrams(old)))
        connection.execute(grams, {"at": place})
    add_names(connection, [(place, new)])


def add_names(connection: Connection, names: Sequence[tuple[int, str]]) -> None:
    """Enter ``(place, name)`` pairs into the index."""
    if connection.dialect.name == "sqlite":
        connection.execute(_ADD, [{"place": place, "grams": " ".join(bigrams(name))} for place, name in names])
        return
    pairs = [(gram, place) for place, name in names for gram in bigrams(name)]
    connection.execute(_ADD_PAIRS, {"grams": [gram for gram, _ in pairs], "places": [place for _, place in pairs]})


def _take(session: Session, connection: Connection, count: int) -> Iterator[int]:
    """Numbers nobody else gets; on PostgreSQL without waiting for anybody."""
    if connection.dialect.name == "sqlite":
        return iter(take_numbers(session, "licence_place", count))
    return iter(connection.execute(_NUMBERS, {"count": count}).scalars().all())


def _first(day: str, registered: datetime) -> int:
    try:
        return first_place(day)
    except ValueError:
        return first_place(registered.date().isoformat())
