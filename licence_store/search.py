"""检索: licences by number, holder, name, type, department, state and dates, newest first, a page at a time.

    page = desk.search.page(Criteria(name="伟明", type_code=code), limit=50)
    while page.next is not None:
        page = desk.search.page(Criteria(name="伟明", type_code=code), after=page.next, limit=50)

Pages are stable: a licence that is issued meanwhile stands before all of them, and none is shown twice or passed over.
A page costs a bounded amount of work, however large the register is: the criterion that leaves fewest licences over
leads, the others are tested on what it yields; and where hundreds have been tested and the page is still not full, it
is handed out as it is, with ``next``. So a page may be short, or even empty, and not the last.

Only the newest version of a licence is ever found; older ones are history (R041, R067).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from licence_store.criteria import Criteria
from licence_store.lifecycle import LicenceState
from licence_store.models import Department, Licence, LicenceType, LicenceVersion
from licence_store.search_index import LAST
from licence_store.search_walk import walk
from licence_store.standing import effective_state, end_of
from licence_store.views import LicenceSummary
from seal.database import Sessions

__all__ = ["Criteria", "LicenceSearch", "Page"]


@dataclass(frozen=True, slots=True)
class Page:
    """一页结果."""

    items: tuple[LicenceSummary, ...]
    next: int | None
    """Where the next page begins (``after``); ``None``: there is none."""


@dataclass(frozen=True, slots=True)
class LicenceSearch:
    """检索."""

    sessions: Sessions
    clock: Callable[[], datetime]

    def page(
        self, criteria: Criteria, *, after: int | None = None, limit: int = 50, moment: datetime | None = None
    ) -> Page:
        """The licences that fit, from the one after ``after``. Raises ``Malformed("search.date", "search.state")``."""
        criteria.check()
        moment = moment or self.clock()
        with self.sessions.read() as session:
            bases, following = walk(session, criteria, LAST if after is None else after, limit, moment)
            return Page(_summaries(session, bases, moment), following)


_PADDING = 50
"""Lists of licences are made a multiple of it: the database prepares one statement, and not one for each length."""
_NEWEST = (
    select(
        LicenceVersion.licence_id,
        LicenceVersion.base,
        LicenceVersion.version,
        LicenceVersion.issued_on,
        LicenceVersion.valid_from,
        LicenceVersion.valid_to,
        Licence.number,
        Licence.type_code,
        Licence.department_id,
        Licence.holder_name,
        Licence.holder_code,
        Licence.holder_code_type,
        Licence.issued,
        Licence.since,
        Licence.inspect_by,
        LicenceType.name.label("type_name"),
        Department.name.label("issuer_name"),
    )
    .join(Licence, Licence.base == LicenceVersion.base)
    .join(LicenceType, LicenceType.code == Licence.type_code)
    .join(Department, Department.id == Licence.department_id)
    .where(LicenceVersion.version == Licence.version)
)


def _summaries(session: Session, bases: Sequence[str], moment: datetime) -> tuple[LicenceSummary, ...]:
    """Summaries of the newest versions, in the order of ``bases``."""
    if not bases:
        return ()
    padded = [*bases, *[bases[-1]] * (-len(bases) % _PADDING)]
    query = _NEWEST.add_columns(effective_state(moment).label("state")).where(Licence.base.in_(padded))
    rows = {row.base: row for row in session.execute(query)}
    return tuple(_summary(rows[base]) for base in bases)


def _summary(row: Row[Any]) -> LicenceSummary:
    return LicenceSummary(
        licence_id=row.licence_id,
        base=row.base,
        version=row.version,
        licence_number=row.number,
        type_code=row.type_code,
        type_name=row.type_name,
        department_id=row.department_id,
        issuer_name=row.issuer_name,
        holder_name=row.holder_name,
        holder_code=row.holder_code,
        holder_code_type=row.holder_code_type,
        state=row.state,
        since=_since(row),
        issued=row.issued,
        issued_on=row.issued_on,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


def _since(row: Row[Any]) -> datetime:
    """Since when: what time has brought began with its own moment."""
    since: datetime = row.inspect_by if row.state == LicenceState.INSPECTION_OVERDUE else row.since
    return (end_of(row.valid_to) or since) if row.state == LicenceState.EXPIRED else since
