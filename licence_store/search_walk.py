"""检索的走法: which index leads, and how far it is followed.

Each criterion is a *lead*: a source of places (``licence_store.search_index``). The one that yields fewest is followed,
newest place first, and the others are conditions on what it yields.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, repeat
from typing import Any, Final
from unicodedata import normalize

from sqlalchemy import ColumnElement, Row, Select, and_, func, select, true
from sqlalchemy.orm import Session

from licence_store.criteria import Criteria
from licence_store.leads import (
    LICENCES,
    SORTED,
    L,
    Lead,
    Reach,
    counts,
    expired_lead,
    licences,
    sorted_licences,
    state_lead,
)
from licence_store.lifecycle import LicenceState
from licence_store.models import LicenceEvent, table
from licence_store.name_search import name_conditions, name_leads
from licence_store.names import matches, words
from licence_store.search_index import after_day, first_place
from licence_store.standing import effective_state
from trust.errors import Malformed
from trust.identifiers import parse_licence_id

ROUNDS: Final = (128, 512)
"""How many places are looked at in turn until the page is full."""
STEPS: Final = 12
"""How often the database is asked for a page at most."""
_COMPARING: Final = 4
"""So much more a place costs where the name must be read and compared, than where the index has said so."""
_READ: Final = 100
"""Licences read at once where their names are compared afterwards."""

E = table(LicenceEvent)


def walk(
    session: Session, criteria: Criteria, before: int, limit: int, moment: datetime
) -> tuple[list[str], int | None]:
    """Bases of a page's licences, and the place after which the next page begins."""
    reach = _reach(criteria, before)
    hopeless = criteria.name and not words(criteria.name)
    if hopeless or reach.before <= reach.floor:
        return [], None
    asked = _Asked.of(session, criteria, moment)
    lead = asked.best(reach)
    found: list[Row[*tuple[Any, ...]]] = []
    rounds = chain(ROUNDS, repeat(ROUNDS[-1]))
    count = next(rounds)
    for _ in range(STEPS):
        most = max(_READ, limit + 1) if asked.names else limit + 1 - len(found)
        rows, looked, lowest = asked.read(lead, reach, count, most)
        found += [row for row in rows if asked.fits(row)]
        if len(found) > limit:
            return [row.base for row in found[:limit]], found[limit - 1].place
        if len(rows) == most:  # there is more to read of these
            reach = replace(reach, before=rows[-1].place)
            continue
        if looked < count:
            return [row.base for row in found], None
        reach = replace(reach, before=lowest)
        if count == ROUNDS[-1]:
            break
        count = next(rounds)
    return [row.base for row in found], reach.before


def _reach(criteria: Criteria, before: int) -> Reach:
    if criteria.issued_to:
        before = min(before, after_day(criteria.issued_to))
    return Reach(before, first_place(criteria.issued_from) if criteria.issued_from else 0)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question put to one database."""

    session: Session
    criteria: Criteria
    conditions: tuple[ColumnElement[bool], ...]
    leads: tuple[Lead, ...]
    names: bool
    """Names are compared after reading."""

    @classmethod
    def of(cls, session: Session, criteria: Criteria, moment: datetime) -> _Asked:
        leads = tuple(leads_for(session, criteria, moment))
        conditions = (*_conditions(criteria, moment), *name_conditions(session, words(criteria.name)))
        return cls(session, criteria, conditions, leads, bool(criteria.name or criteria.text))

    def best(self, reach: Reach) -> Lead:
        """The lead that yields fewest places; where all yield many, the first that has them in order."""
        if len(self.leads) == 1 and self.leads[0].ordered:
            return self.leads[0]
        if not self.leads:
            return _EVERY
        able: list[tuple[int, int]] = []
        for turn, (lead, count) in enumerate(zip(self.leads, counts(self.session, self.leads, reach), strict=True)):
            if lead.ordered or count < SORTED:
                able.append((count if lead.names or not self.names else count * _COMPARING, turn))
        return self.leads[min(able)[1]] if able else _EVERY

    def read(
        self, lead: Lead, reach: Reach, count: int, most: int
    ) -> tuple[Sequence[Row[*tuple[Any, ...]]], int, int]:
        """What of the next ``count`` places fits the conditions that the database can test, newest first; how many
        places those were, and the lowest of them.
        """
        places = lead.newest(reach, count).cte("places")
        columns = (L.place, L.base, L.number, L.holder_code, L.holder_name)
        fitting = select(*columns).select_from(places.join(LICENCES, L.place == places.c.place))
        fit = fitting.where(*self.conditions).order_by(L.place.desc()).limit(most).subquery()
        looked, lowest = func.count().label("looked"), func.min(places.c.place).label("lowest")
        tally = select(looked, lowest).select_from(places).subquery()
        both = select(*fit.c, tally.c.looked, tally.c.lowest).select_from(tally.outerjoin(fit, true()))
        rows = self.session.execute(both.order_by(fit.c.place.desc())).all()
        return [row for row in rows if row.base is not None], rows[0].looked, rows[0].lowest or 0

    def fits(self, row: Row[*tuple[Any, ...]]) -> bool:
        """Names are compared here: no database folds them as we do."""
        wanted = self.criteria
        if wanted.name and not matches(row.holder_name, words(wanted.name)):
            return False
        if not wanted.text or _base_of(wanted.text):
            return True
        if row.number in _variants(wanted.text) or row.holder_code in _codes(wanted.text):
            return True
        asked = words(wanted.text)
        return bool(asked) and matches(row.holder_name, asked)


def _base_of(text: str) -> str:
    """The licence that ``text`` is an id of, any version's."""
    try:
        return parse_licence_id(text.strip(), strict=False).base
    except Malformed:
        return ""


def _variants(number: str) -> set[str]:
    """A number as typed, and with full-width characters made plain."""
    return {number.strip(), normalize("NFKC", number).strip()}


def _codes(code: str) -> set[str]:
    return {one.upper() for one in _variants(code)}


def _conditions(criteria: Criteria, moment: datetime) -> Iterator[ColumnElement[bool]]:
    """What the database tests on each licence that a lead yields."""
    if criteria.number:
        yield _tested(L.number).in_(_variants(criteria.number))
    if criteria.holder_code:
        yield _tested(L.holder_code).in_(_codes(criteria.holder_code))
    for field, wanted in ((L.type_code, criteria.type_code), (L.department_id, criteria.department)):
        if wanted:
            yield _tested(field) == wanted
    for field, allowed in ((L.type_code, criteria.types), (L.department_id, criteria.departments)):
        if allowed is not None:
            yield _tested(field).in_(allowed)
    if criteria.states:
        yield effective_state(moment).in_(criteria.states)
    if criteria.ends_from or criteria.ends_to:
        yield _ending(_tested(L.ends), criteria)
    if criteria.changed_since is not None:
        since = and_(E.c.base == L.base, E.c.recorded >= criteria.changed_since)
        yield select(E.c.id).where(since).exists()


def leads_for(session: Session, criteria: Criteria, moment: datetime) -> Iterator[Lead]:
    """A lead for each criterion, the likeliest first."""
    if base := _base_of(criteria.text):
        yield _few(L.base == base)
    elif criteria.text:
        yield _text_lead(session, criteria.text)
    if criteria.number:
        yield _few(L.number.in_(_variants(criteria.number)))
    if criteria.holder_code:
        yield _each(L.holder_code, sorted(_codes(criteria.holder_code)))
    if criteria.name:
        yield from name_leads(session, words(criteria.name))
    department, kind = _only(criteria.department, criteria.departments), _only(criteria.type_code, criteria.types)
    if department and criteria.states == (LicenceState.EXPIRED,):
        yield expired_lead(department, moment)
    elif criteria.states:
        yield state_lead(criteria.states, moment)
    if criteria.ends_from or criteria.ends_to:
        ending = _ending(L.ends, criteria)
        yield Lead(lambda reach: [sorted_licences(reach).where(ending)], ordered=False)
    if criteria.changed_since is not None:
        changed = E.c.recorded >= criteria.changed_since
        yield Lead(lambda reach: [sorted_licences(reach).join(E, E.c.base == L.base).where(changed)], ordered=False)
    if department and kind:
        yield Lead(lambda reach: [licences(reach).where(L.department_id == department, L.type_code == kind)])
        return
    for field, wanted, allowed in (
        (L.department_id, criteria.department, criteria.departments),
        (L.type_code, criteria.type_code, criteria.types),
    ):
        some = (wanted,) if wanted else allowed
        if some is not None and len(some) <= 20:  # more are as good as all
            yield _each(field, some)


def _only(wanted: str, allowed: Sequence[str] | None) -> str:
    """The only value that can be found; empty: there are more, or none."""
    return wanted or (allowed[0] if allowed is not None and len(allowed) == 1 else "")


def _tested(field: ColumnElement[str]) -> ColumnElement[str]:
    """A column that is looked at where its licence is already found: its index must not lead."""
    return field.concat("")


def _ending(ends: ColumnElement[str], criteria: Criteria) -> ColumnElement[bool]:
    """The period of validity ends, and on one of these days."""
    return ends.between(criteria.ends_from or "0001-01-01", criteria.ends_to or "9999-12-31")


_EVERY: Final = Lead(lambda reach: [licences(reach)])


def _few(condition: ColumnElement[bool]) -> Lead:
    """A number, a holder: so few that it does not matter that they must be sorted."""
    return Lead(lambda reach: [sorted_licences(reach).where(condition)])


def _each(field: ColumnElement[str], values: Sequence[str]) -> Lead:
    """Along one index for each value."""
    return Lead(lambda reach: [licences(reach).where(field == one) for one in values or ("",)])


def _text_lead(session: Session, text: str) -> Lead:
    """What one types into one field: a number, a holder's code or a name."""
    named = name_leads(session, words(text))

    def parts(reach: Reach) -> list[Select[Any]]:
        return [
            sorted_licences(reach).where(L.number.in_(_variants(text))),
            *(licences(reach).where(L.holder_code == code) for code in sorted(_codes(text))),
            *(part for lead in named for part in lead.parts(reach)),
        ]

    return Lead(parts, ordered=all(lead.ordered for lead in named), names=True)
