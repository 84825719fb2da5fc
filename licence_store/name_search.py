"""按名称检索: the places of names that hold every word asked for, by their pairs of characters, on each engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, column, func, literal, literal_column, select, table, union_all
from sqlalchemy.orm import Session

from licence_store.leads import PROBE, Lead, Reach
from licence_store.models import Licence
from licence_store.models import table as table_of
from licence_store.search_index import GRAMS, NAME_INDEX

_LICENCE = table_of(Licence).c
_NAME, _PLACE = _LICENCE.holder_name, _LICENCE.place
_NAMES = table(NAME_INDEX, column("rowid"))
TESTED: Final = 3
"""Pairs that are tested; whether a name has the others is seen when it is read."""
_AFTER_ALL: Final = "\U0010ffff"
"""Sorts after every character a name may hold."""


def name_leads(session: Session, words: Sequence[str]) -> list[Lead]:
    """Leads to the names that hold all ``words`` (folded), none where there is no word."""
    if not words:
        return []
    if session.connection().dialect.name == "sqlite":
        return [_full_text(words)]
    return [_pairs(session, words)]


def name_conditions(session: Session, words: Sequence[str]) -> list[ColumnElement[bool]]:
    """What the database can say of a name by itself: on PostgreSQL, whether the pairs are in it, since a lead follows
    only one of them; and whether single characters are, since a lead to a common one is no use there.
    """
    if session.connection().dialect.name == "sqlite":
        return []
    plain = func.lower(func.normalize(_NAME, literal_column("NFKC")))
    single = [func.strpos(plain, word) > 0 for word in words if len(word) == 1]
    return single + [_has(pair) for pair in _pairs_of(words)[:TESTED]]


def _of(word: str) -> list[str]:
    """The pairs of neighbours in a word of two characters or more."""
    return list(dict.fromkeys(word[at : at + 2] for at in range(len(word) - 1)))


def _full_text(words: Sequence[str]) -> Lead:
    """FTS5: all pairs at once; a single character is the beginning of a pair."""
    terms = [f'"{pair}"' for word in words for pair in _of(word)] + [f'"{word}"*' for word in words if len(word) == 1]
    asked = literal_column(NAME_INDEX).op("MATCH")(" ".join(dict.fromkeys(terms)))
    place = _NAMES.c.rowid

    def parts(reach: Reach) -> list[Select[Any]]:
        return [select(place.label("place")).where(asked, reach.of(place))]

    return Lead(parts, names=True)


def _pairs(session: Session, words: Sequence[str]) -> Lead:
    """A table of pairs: the rarest leads. Whether the others are there too is tested on what it yields: two common
    ones together may be nowhere, and that is not known before all of one have been seen.
    """
    pairs = _pairs_of(words)
    if not pairs:
        return Lead(lambda reach: [_within(reach).where(_begins(GRAMS, words[0]))], ordered=False, names=True)
    rarest = _rarest(session, pairs)
    return Lead(lambda reach: [_within(reach).where(GRAMS.c.gram == rarest)], names=True)


def _pairs_of(words: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(pair for word in words for pair in _of(word)))


def _has(pair: str) -> ColumnElement[bool]:
    """As a value and not as EXISTS: looked up for each place, never joined with all places that have the pair."""
    other = GRAMS.alias()
    return select(other.c.place).where(other.c.gram == pair, other.c.place == _PLACE).scalar_subquery().is_not(None)


def _within(reach: Reach) -> Select[Any]:
    return select(GRAMS.c.place).where(reach.of(GRAMS.c.place))


def _begins(grams: Any, char: str) -> Any:
    return and_(grams.c.gram >= char, grams.c.gram < char + _AFTER_ALL)


def _rarest(session: Session, pairs: Sequence[str]) -> str:
    """The pair that fewest names have."""
    if len(pairs) == 1:
        return pairs[0]
    some = (select(GRAMS.c.place).where(GRAMS.c.gram == pair).limit(PROBE).subquery() for pair in pairs)
    each = (select(literal(turn), func.count().label("found")).select_from(one) for turn, one in enumerate(some))
    counted = session.execute(union_all(*each)).all()
    return pairs[min((found, turn) for turn, found in counted)[1]]
