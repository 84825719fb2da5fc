"""到期登记: the events that time brought, written down after the fact (R065, T5).

They change no answer: an expired licence is expired from its very moment. They are there so that feeds, notices and
the history carry it. Each is written once, by whichever process comes first (``uq_licence_event_time``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from licence_store import events, journal
from licence_store.models import Licence, LicenceEvent, LicenceVersion, table
from licence_store.standing import end_of, projection, replay
from licence_store.views import EventView
from seal.database import Sessions
from seal.lifecycle import Role
from trust.journal import SYSTEM, Entry

CHUNK = 100
"""Licences in one transaction."""

_LICENCES = table(Licence)
_COMING = (
    select(_LICENCES.c.base, _LICENCES.c.version, LicenceVersion.licence_id, LicenceVersion.valid_to,
           LicenceVersion.status_list)
    .join(LicenceVersion, (LicenceVersion.base == _LICENCES.c.base) & (LicenceVersion.version == _LICENCES.c.version))
    .where(_LICENCES.c.next_change <= bindparam("moment"))
    .order_by(_LICENCES.c.next_change, _LICENCES.c.base)
    .with_for_update(of=_LICENCES, skip_locked=True)
)  # fmt: skip
_PROJECT = update(_LICENCES).where(_LICENCES.c.base == bindparam("of_base"))
_EVENTS = insert(table(LicenceEvent)).inline()


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep wrote."""

    expired: int = 0
    overdue: int = 0

    @property
    def licences(self) -> int:
        """Events in all."""
        return self.expired + self.overdue


def sweep(sessions: Sessions, moment: datetime, clock: Callable[[], datetime], limit: int) -> SweepResult:
    """Write what time brought up to ``moment``, for at most ``limit`` licences."""
    written: list[str] = []
    left = limit
    while left > 0:
        with sessions.begin() as session:
            rows = session.execute(_COMING.limit(min(CHUNK, left)), {"moment": moment}).all()
            if not rows:
                break
            written += _sweep(session, rows, moment, clock())
        left -= len(rows)
    return SweepResult(written.count("expire"), written.count("overdue"))


def _sweep(session: Session, rows: Sequence[Any], moment: datetime, now: datetime) -> list[str]:
    """One chunk; answers the kinds of the events written."""
    happened = events.of_licences(session, [row.base for row in rows])
    added = [event for row in rows for event in _due(row, happened[row.base], moment, now)]
    session.connection().execute(_EVENTS, added)
    values = []
    for row in rows:
        own = [EventView.of(e) for e in added if e["base"] == row.base]
        known = sorted([*happened[row.base], *own], key=lambda e: e.effective)
        values.append({"of_base": row.base, **projection(known, row.valid_to)})
    session.connection().execute(
        _PROJECT.values({name: bindparam(name) for name in values[0] if name != "of_base"}), values
    )
    events.lists_changed(session, {row.status_list for row in rows})
    ids = {row.base: row.licence_id for row in rows}
    journal.append(session, [Entry(now, SYSTEM, f"licence.{e['kind']}", ids[e["base"]]) for e in added])
    return [e["kind"] for e in added]


def _due(row: Any, happened: Sequence[Any], moment: datetime, now: datetime) -> list[dict[str, Any]]:
    """What time brought to one licence and no event says yet, in order."""
    added: list[dict[str, Any]] = []
    while True:
        known = sorted([*happened, *map(EventView.of, added)], key=lambda e: e.effective)
        coming = projection(known, row.valid_to)["next_change"]
        if coming is None or coming > moment:
            return added
        end = end_of(row.valid_to)
        kind = "expire" if coming == end else "overdue"
        state = replay(known, end, coming).state
        added.append(
            events.event_row(row.base, row.version, kind, state, coming, now, SYSTEM.account, Role.SYSTEM)
        )  # fmt: skip
