"""变更推送: everything that has happened to licences since a given place, in order, none left out (T5, R122).

    page = desk.changes.page(after)
    ...                                  # take over page.items
    after = page.next                    # keep it: the next call goes on from there

The feed is the register's events themselves. Their numbers follow the order in which they became visible: on SQLite
because writers come one after another, on PostgreSQL because the database takes the number of an event only while the
writer holds the head of the journal, which it holds until its commit (revision 0009). So whoever has seen a number has
seen all below it, however many write at once. The feed names licences, types and states, never a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Row, and_, func, select
from sqlalchemy.orm import Session

from licence_store.lifecycle import LicenceState
from licence_store.models import Licence, LicenceEvent, LicenceVersion, table
from seal.database import Sessions

SCAN: Final = 2000
"""Events looked at for one page, where most are not the caller's to see."""

_E, _L, _V = table(LicenceEvent).c, table(Licence).c, table(LicenceVersion).c


@dataclass(frozen=True, slots=True)
class Change:
    """变更: one event of a licence."""

    number: int
    """Its place in the feed."""
    licence_id: str
    """The version it made, or the newest then."""
    version: int
    type_code: str
    department_id: str
    kind: str
    """A step of ``licence_store.lifecycle``."""
    state: str
    """From ``effective`` on, as was known when it was recorded."""
    effective: datetime
    recorded: datetime

    @property
    def tombstone(self) -> bool:
        """墓碑: the licence has come to its end; what was kept of it should go."""
        return LicenceState(self.state).is_ended


@dataclass(frozen=True, slots=True)
class ChangePage:
    """一页变更."""

    items: tuple[Change, ...]
    next: int
    """What to go on after, now or later."""
    more: bool
    """There is more to be had at once."""


@dataclass(frozen=True, slots=True)
class ChangeFeed:
    """变更推送."""

    sessions: Sessions

    def page(
        self,
        after: int = 0,
        *,
        limit: int = 100,
        departments: tuple[str, ...] | None = None,
        types: tuple[str, ...] | None = None,
    ) -> ChangePage:
        """Changes behind the place ``after``; ``departments`` and ``types`` bound what is seen, ``None``: all."""
        with self.sessions.read() as session:
            last, scanned = _window(session, after)
            query = (
                select(*(getattr(_E, name) for name in ("id", "version", "kind", "state", "effective", "recorded")))
                .add_columns(_V.licence_id, _L.type_code, _L.department_id)
                .join(table(Licence), _L.base == _E.base)
                .join(table(LicenceVersion), and_(_V.base == _E.base, _V.version == _E.version))
                .where(_E.id > after, _E.id <= last)
            )
            for column, allowed in ((_L.department_id, departments), (_L.type_code, types)):
                if allowed is not None:
                    query = query.where(column.in_(allowed))
            rows = session.execute(query.order_by(_E.id).limit(limit + 1)).all()
        items = tuple(_change(row) for row in rows[:limit])
        if len(rows) > limit:
            return ChangePage(items, items[-1].number, more=True)
        return ChangePage(items, last, more=scanned == SCAN)

    def since(self, moment: datetime) -> int:
        """The place before the first change that was recorded at ``moment`` or later; the end, if there is none."""
        with self.sessions.read() as session:
            first = session.execute(select(func.min(_E.id)).where(_E.recorded >= moment)).scalar()
            if first is not None:
                return int(first) - 1
            return int(session.execute(select(func.max(_E.id))).scalar() or 0)


def _window(session: Session, after: int) -> tuple[int, int]:
    """The last of the next ``SCAN`` events, and how many they are."""
    some = select(_E.id).where(_E.id > after).order_by(_E.id).limit(SCAN).subquery()
    last, count = session.execute(select(func.max(some.c.id), func.count())).one()
    return (after if last is None else int(last)), int(count)


def _change(row: Row[*tuple[object, ...]]) -> Change:
    number, version, kind, state, effective, recorded, licence_id, type_code, department_id = row
    return Change(number, licence_id, version, type_code, department_id, kind, state, effective, recorded)  # type: ignore[arg-type]
