"""年检工作表: which licences of a type wait for this year's inspection, are overdue, are done. Questions only.

    work = InspectionList(sessions, clock)
    work.page(definition, "due", departments=["civil-affairs"], limit=25)

A licence waits from the day its year's window opens; it is overdue from the moment that its own events name
(``licence_store.inspection``). What has ended or expired waits for nothing; what is lost, until it is found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, exists, func, or_, select

from licence_store.definitions import LicenceTypeDefinition
from licence_store.inspection import opens
from licence_store.lifecycle import STEPS, LicenceState
from licence_store.models import Licence, LicenceEvent, LicenceVersion
from licence_store.standing import day_of
from licence_store.type_rules import InspectionRule
from seal.database import Sessions

SHOWN: Final = ("due", "overdue", "done")
"""待检, 逾期, 已检."""
_DECIDED: Final = tuple(str(state) for state in STEPS["inspect"].moves if state is not LicenceState.INSPECTION_OVERDUE)
"""States of ``licence.state`` in which an inspection is possible: the table's, but for what time brings."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """年检工作表 line."""

    licence_id: str
    base: str
    licence_number: str
    holder_name: str
    department_id: str
    year: int
    """The year inspected, or to be inspected."""
    by: datetime | None
    """From this moment on it is overdue."""
    result: str = ""
    """Of what is done."""
    inspected: datetime | None = None

    @property
    def place(self) -> str:
        """Where this one stands in the list, for ``after``."""
        return self.base


@dataclass(frozen=True, slots=True)
class InspectionList:
    """年检工作表."""

    sessions: Sessions
    clock: Callable[[], datetime]

    def open_year(self, rule: InspectionRule) -> int:
        """The latest year whose window has opened."""
        now = self.clock()
        year = day_of(now).year
        return year if now >= opens(rule, year) else year - 1

    def page(
        self,
        definition: LicenceTypeDefinition,
        shown: str,
        *,
        year: int = 0,
        departments: Sequence[str] | None = None,
        after: str = "",
        limit: int = 25,
    ) -> tuple[Waiting, ...]:
        """Lines in the order of their ids, from the one after ``after``; ``year`` counts for what is done."""
        if definition.inspection is None:
            return ()
        year = year or self.open_year(definition.inspection)
        query = self._done(year) if shown == "done" else self._waiting()
        query = self._of(query, definition, shown, year, departments).where(Licence.base > after.replace("\0", ""))
        with self.sessions.read() as session:
            rows = session.execute(query.order_by(Licence.base).limit(limit)).all()
        return tuple(_line(row) for row in rows)

    def count(
        self,
        definition: LicenceTypeDefinition,
        shown: str,
        *,
        year: int = 0,
        departments: Sequence[str] | None = None,
        most: int | None = None,
    ) -> int:
        """How many lines there are; counted no further than ``most``."""
        if definition.inspection is None:
            return 0
        year = year or self.open_year(definition.inspection)
        query = self._of(select(Licence.base), definition, shown, year, departments).limit(most)
        with self.sessions.read() as session:
            return int(session.execute(select(func.count()).select_from(query.subquery())).scalar_one())

    def _of(
        self,
        query: Select[Any],
        definition: LicenceTypeDefinition,
        shown: str,
        year: int,
        departments: Sequence[str] | None,
    ) -> Select[Any]:
        query = query.where(Licence.type_code == definition.code)
        if departments is not None:
            query = query.where(Licence.department_id.in_(departments))
        if shown == "done":
            return query.where(_inspected(year))
        assert definition.inspection is not None
        return query.where(*self._open(definition.inspection, overdue=shown == "overdue"))

    def _open(self, rule: InspectionRule, *, overdue: bool) -> tuple[ColumnElement[bool], ...]:
        """Still to be inspected: due in time, or overdue."""
        now = self.clock()
        by = Licence.inspect_by <= now if overdue else or_(Licence.inspect_by.is_(None), Licence.inspect_by > now)
        lasting = or_(Licence.ends == "", Licence.ends >= day_of(now).isoformat())
        return Licence.inspect_year <= self.open_year(rule), by, lasting, Licence.state.in_(_DECIDED)

    @staticmethod
    def _waiting() -> Select[Any]:
        return _lines(Licence.inspect_year.label("year"), Licence.inspect_by.label("by"))

    @staticmethod
    def _done(year: int) -> Select[Any]:
        def last(column: Any) -> Any:
            of_year = (LicenceEvent.base == Licence.base, LicenceEvent.kind == "inspect")
            query = select(column).where(*of_year, LicenceEvent.period == str(year)).order_by(LicenceEvent.id.desc())
            return query.limit(1).correlate(Licence).scalar_subquery()

        return _lines(
            last(LicenceEvent.period).label("year"),
            Licence.inspect_by.label("by"),
            last(LicenceEvent.result).label("result"),
            last(LicenceEvent.effective).label("inspected"),
        )


def _lines(*more: Any) -> Select[Any]:
    """Licences, with the id of the newest version."""
    columns = (LicenceVersion.licence_id, Licence.base, Licence.number, Licence.holder_name, Licence.department_id)
    newest = (LicenceVersion.base == Licence.base) & (LicenceVersion.version == Licence.version)
    return select(*columns, *more).join(LicenceVersion, newest)


def _inspected(year: int) -> ColumnElement[bool]:
    """Was it inspected for ``year``?"""
    of_year = (LicenceEvent.base == Licence.base, LicenceEvent.kind == "inspect", LicenceEvent.period == str(year))
    return exists().where(*of_year)


def _line(row: Row[Any]) -> Waiting:
    facts = row._mapping
    return Waiting(
        row.licence_id,
        row.base,
        row.number,
        row.holder_name,
        row.department_id,
        int(row.year),
        row.by,
        facts.get("result", ""),
        facts.get("inspected"),
    )
