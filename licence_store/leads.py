"""检索线索: criteria as sources of places (``licence_store.search_index``), each along an index of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, literal, literal_column, select, text, union, union_all
from sqlalchemy.orm import Session

from licence_store.lifecycle import LicenceState
from licence_store.models import EXPIRED_AND_SAID, Licence, table

PROBE: Final = 2000
"""From so many on, a criterion is common, and it is all the same how common."""
SORTED: Final = 20_000
"""As many places as are put in order at once, where an index does not have them in order."""


LICENCES: Final = table(Licence)
L: Final = LICENCES.c
_EXPIRED_AND_SAID: Final = text(EXPIRED_AND_SAID)


@dataclass(frozen=True, slots=True)
class Reach:
    """The places still to be looked at: ``floor`` ≤ place < ``before``."""

    before: int
    floor: int = 0

    def of(self, place: ColumnElement[Any]) -> ColumnElement[bool]:
        return and_(place < self.before, place >= self.floor)


@dataclass(frozen=True, slots=True)
class Lead:
    """A source of places, of one or more parts: each selects ``place`` within a reach, in no order."""

    parts: Callable[[Reach], Sequence[Select[Any]]]
    ordered: bool = True
    """The index behind each part has the places in order; else they must be sorted, which few can be."""
    names: bool = False
    """What it yields has the name asked for, or nearly always."""

    @property
    def most(self) -> int:
        """As many places as are counted: more make no difference."""
        return PROBE if self.ordered else SORTED

    def newest(self, reach: Reach, count: int) -> Select[Any]:
        """The highest ``count`` places."""
        each = [_highest(part if self.ordered else part.distinct(), count) for part in self.parts(reach)]
        if len(each) == 1:
            return each[0]
        return _highest(select(union(*(select(one.subquery()) for one in each)).subquery().c.place), count)


def counts(session: Session, leads: Sequence[Lead], reach: Reach) -> list[int]:
    """How many places each of them has, as far as it matters, with one question to the database."""
    each = [
        select(literal(turn).label("turn"), func.count().label("places")).select_from(part.limit(lead.most).subquery())
        for turn, lead in enumerate(leads)
        for part in lead.parts(reach)
    ]
    found = [0] * len(leads)
    for turn, places in session.execute(union_all(*each)):
        found[turn] += places
    return [min(lead.most, places) for lead, places in zip(leads, found, strict=True)]


def _highest(part: Select[Any], count: int) -> Select[Any]:
    return part.order_by(literal_column("place").desc()).limit(count)


def licences(reach: Reach) -> Select[Any]:
    """Places of licences."""
    return select(L.place).where(reach.of(L.place))


def sorted_licences(reach: Reach) -> Select[Any]:
    """The same where another column's index is to be used: an index of places would be walked from end to end."""
    place = L.place + 0
    return select(place.label("place")).where(reach.of(place))


def expired_lead(department: str, moment: datetime) -> Lead:
    """What of one department has run out: there is an index of just these."""

    def parts(reach: Reach) -> list[Select[Any]]:
        said = licences(reach).where(_EXPIRED_AND_SAID, L.department_id == department)
        unsaid = sorted_licences(reach).where(L.next_change <= moment, L.department_id.concat("") == department)
        return [said, unsaid]

    return Lead(parts)


def state_lead(states: Sequence[str], moment: datetime) -> Lead:
    """Along the decided states; for what time brings, along what it has brought."""

    def parts(reach: Reach) -> list[Select[Any]]:
        found = [licences(reach).where(L.state == state) for state in states if state not in _OF_TIME]
        if LicenceState.EXPIRED in states:
            found += [licences(reach).where(_EXPIRED_AND_SAID), sorted_licences(reach).where(L.next_change <= moment)]
        if LicenceState.INSPECTION_OVERDUE in states:
            found.append(sorted_licences(reach).where(L.inspect_by <= moment))
        return found

    return Lead(parts, ordered=LicenceState.INSPECTION_OVERDUE not in states)


_OF_TIME: Final = (LicenceState.EXPIRED, LicenceState.INSPECTION_OVERDUE)
