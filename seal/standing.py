"""印章状态: exact answers from the register, for one seal at one moment, and for all of them (to be published)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, String, bindparam, func, select
from sqlalchemy.orm import Session

from seal.lifecycle import State
from seal.models import SealEvent, SealObject, table
from trust.seal_status import SealHistory

_EVENTS, _OBJECTS = table(SealEvent), table(SealObject)
_ALL_EVENTS = select(_EVENTS.c.seal_id, _EVENTS.c.effective, _EVENTS.c.state).order_by(_EVENTS.c.seal_id, _EVENTS.c.id)
_ALL_OBJECTS = select(_OBJECTS.c.seal_id, _OBJECTS.c.digest, _OBJECTS.c.effective).order_by(
    _OBJECTS.c.seal_id, _OBJECTS.c.number
)
_NEWEST = select(func.max(_EVENTS.c.id))
_ID = bindparam("id", type_=String)
_EVENTS_OF = _ALL_EVENTS.where(_EVENTS.c.seal_id == _ID)
_OBJECTS_OF = _ALL_OBJECTS.where(_OBJECTS.c.seal_id == _ID)


def history(session: Session, seal_id: str) -> SealHistory | None:
    """印章履历 of one seal; ``None``: not on the register, or never made."""
    execute = session.connection().execute
    found = _histories(execute(_EVENTS_OF, {"id": seal_id}), execute(_OBJECTS_OF, {"id": seal_id}))
    return found.get(seal_id)


def histories(session: Session) -> dict[str, SealHistory]:
    """印章履历 of every seal that was ever made, by esID."""
    execute = session.connection().execute
    return _histories(execute(_ALL_EVENTS), execute(_ALL_OBJECTS))


def newest_event(session: Session) -> int:
    """Number of the newest event; 0: none."""
    return session.connection().execute(_NEWEST).scalar() or 0


Rows = Iterable[Row[*tuple[Any, ...]]]


def _histories(events: Rows, objects: Rows) -> dict[str, SealHistory]:
    made: dict[str, list[tuple[str, datetime]]] = {}
    for row in objects:
        made.setdefault(row.seal_id, []).append((row.digest, row.effective))
    said: dict[str, list[tuple[datetime, str]]] = {}
    for row in events:
        word = State(row.state).published
        states = said.setdefault(row.seal_id, [])
        if word and not (states and states[-1][1] == word):  # the steps that leave the state as it is say nothing
            states.append((row.effective, word))
    return {one: SealHistory(tuple(said[one]), tuple(found)) for one, found in made.items() if said.get(one)}
