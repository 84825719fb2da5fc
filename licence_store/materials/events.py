"""材料经过: what happens to a material, each step chained to the one before, and the view that follows from it.

Functions that take a session never commit. ``views`` works out every level anew: nothing that is stored says it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.orm import Session

from licence_store.materials.kinds import find_kind, kinds
from licence_store.materials.models import CaseMaterial, Material, MaterialEvent, MaterialStanding, MaterialWords
from licence_store.materials.reasons import reasons
from licence_store.materials.steps import usable
from licence_store.materials.views import ACTIVE, DELETED, REFUSED, REPLACED, EventLine, MaterialView
from seal.models import table
from trust.canonical import canonical_json
from trust.identifiers import plain_number
from trust.journal import Actor
from verify.credibility import Birth, Credibility, Event, StatementCheck, credibility_of

_MATERIALS, _WORDS, _EVENTS = table(Material), table(MaterialWords), table(MaterialEvent)
_STANDINGS, _CASES = table(MaterialStanding), table(CaseMaterial)
_AFTER: Final = {"check": ACTIVE, "refuse": REFUSED, "replace": REPLACED, "supersede": REPLACED, "delete": DELETED}
"""The state after a step; one that is not named leaves it."""


@dataclass(frozen=True, slots=True)
class Happening:
    """What is about to be added."""

    kind: str
    actor: Actor
    role: str
    at: datetime
    reason: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    statement: bytes = b""


@dataclass(frozen=True, slots=True)
class Held:
    """A material with its history, inside a transaction."""

    row: Row[Any]
    events: tuple[Event, ...]

    @property
    def birth(self) -> Birth:
        return birth_of(self.row)

    @property
    def place(self) -> tuple[int, str]:
        """Number of the next event, and the digest before it."""
        if not self.events:
            return 1, self.birth.digested()
        return self.events[-1].number + 1, self.events[-1].digest


def birth_of(row: Row[Any]) -> Birth:
    """What the chain begins with; the level is that of the kind's rule, whatever a table says."""
    kind = find_kind(row.kind)
    return Birth(row.id, row.digest, row.kind, kind.level, kind.promotes_to, row.holder_code)


def query() -> Select[Any]:
    """Materials with their words and standing."""
    return (
        select(
            _MATERIALS,
            _WORDS.c.title,
            _WORDS.c.stated_number,
            _STANDINGS.c.state,
            _STANDINGS.c.waiting,
            _STANDINGS.c.better,
            select(_CASES.c.case_number)
            .where(_CASES.c.subject == _MATERIALS.c.id)
            .order_by(_CASES.c.id.desc())
            .limit(1)
            .scalar_subquery()
            .label("case_number"),
        )
        .join(_STANDINGS, _STANDINGS.c.material_id == _MATERIALS.c.id)
        .outerjoin(_WORDS, _WORDS.c.material_id == _MATERIALS.c.id)
    )


def hold(session: Session, material_id: str) -> Held | None:
    """The material with its history; in a writing transaction nobody else adds to it meanwhile."""
    session.execute(select(_STANDINGS).where(_STANDINGS.c.material_id == material_id).with_for_update()).first()
    row = session.execute(query().where(_MATERIALS.c.id == material_id)).first()
    return Held(row, tuple(events_of(session, [material_id]).get(material_id, ()))) if row is not None else None


def look(session: Session, material_id: str) -> Held | None:
    """As ``hold``, only to read."""
    row = session.execute(query().where(_MATERIALS.c.id == material_id)).first()
    return Held(row, tuple(events_of(session, [material_id]).get(material_id, ()))) if row is not None else None


def events_of(session: Session, material_ids: Sequence[str]) -> dict[str, list[Event]]:
    """Histories of these, each in its order."""
    rows = session.execute(
        select(_EVENTS).where(_EVENTS.c.material_id.in_(material_ids)).order_by(_EVENTS.c.material_id, _EVENTS.c.number)
    )
    found: dict[str, list[Event]] = {}
    for row in rows:
        found.setdefault(row.material_id, []).append(_event(row))
    return found


def _event(row: Row[Any]) -> Event:
    try:
        details = {str(name): str(value) for name, value in json.loads(row.details).items()}
    except (ValueError, AttributeError):
        details = {}  # somebody wrote there by another way: the digest will say so
    return Event(
        row.material_id, row.number, row.kind, row.actor, row.role, row.department_id, written(row.at), row.reason,
        details, row.statement, row.previous, row.digest,
    )  # fmt: skip


def written(moment: datetime) -> str:
    """RFC 3339 in UTC, as the chain digests it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


# ---------------------------------------------------------------- 写


def begin(session: Session, row: Mapping[str, Any], words: Mapping[str, str], happened: Happening) -> Held:
    """A new material with its first event."""
    session.execute(insert(_MATERIALS), [dict(row)])
    session.execute(insert(_WORDS), [{"material_id": row["id"], **words}])
    standing = {"material_id": row["id"], "state": ACTIVE, "waiting": False, "better": "", "changed": happened.at}
    session.execute(insert(_STANDINGS), [standing])
    held = hold(session, row["id"])
    assert held is not None
    return append(session, held, happened)


def chained(birth: Birth, place: tuple[int, str], happened: Happening) -> Event:
    """The event as it stands in the chain at ``place``."""
    number, previous = place
    event = Event(
        birth.material_id, number, happened.kind, happened.actor.account[:100], happened.role,
        (happened.actor.department or "")[:32], written(happened.at), happened.reason, dict(happened.details),
        happened.statement, previous, "",
    )  # fmt: skip
    return replace(event, digest=event.digested())


def append(session: Session, held: Held, happened: Happening) -> Held:
    """One more step, chained, and the standing that follows."""
    event = chained(held.birth, held.place, happened)
    session.execute(
        insert(_EVENTS),
        [
            {
                "material_id": event.material_id, "number": event.number, "kind": event.kind, "actor": event.actor,
                "role": event.role, "department_id": event.department_id, "at": happened.at, "reason": event.reason,
                "details": canonical_json(dict(event.details)).decode(), "statement": event.statement,
                "previous": event.previous, "digest": event.digest,
            }
        ],
    )  # fmt: skip
    state = _AFTER.get(happened.kind, held.row.state)
    session.execute(
        update(_STANDINGS)
        .where(_STANDINGS.c.material_id == held.row.id)
        .values(
            state=state,
            waiting=_waiting(held, happened.kind, state),
            better=_better(held.row.better, happened),
            changed=happened.at,
        )
    )
    now = hold(session, held.row.id)
    assert now is not None
    return now


def _waiting(held: Held, kind: str, state: str) -> bool:
    checked = kind == "check" or any(event.kind == "check" for event in held.events)
    return state == ACTIVE and not checked and bool(kinds()[held.row.kind].promotes_to)


def _better(before: str, happened: Happening) -> str:
    if happened.kind in ("offer", "supersede"):
        return happened.details.get("licence", "")
    return "" if happened.kind == "decline" else before


# ---------------------------------------------------------------- 读


def view(held: Held, check: StatementCheck) -> MaterialView:
    """The material as it stands, its level worked out anew."""
    row, kind = held.row, find_kind(held.row.kind)
    found: Credibility = credibility_of(held.birth, held.events, check)
    state = state_of(held.events)
    by = found.by
    return MaterialView(
        id=row.id,
        holder_code=plain_number(row.holder_code),
        kind=kind,
        title=row.title or "",
        level=found.level,
        original_check_required=kind.original_check_required and found.level not in ("A", "B"),
        usable=usable(found.level, row.kind, state),
        state=state,
        origin=row.origin,
        digest=row.digest,
        media_type=row.media_type,
        size=row.size,
        pages=row.pages,
        upload_id=row.upload_id,
        uploaded_by=row.uploaded_by,
        created=row.created,
        type_code=row.type_code,
        stated_number=row.stated_number or "",
        department_id=row.department_id,
        case_number=row.case_number or "",
        better=_offered(held.events),
        checked_by=by.department_name if by else "",
        checked_officer=by.officer if by else "",
        checked_on=found.proved,
        valid_until=by.valid_until if by else "",
        refusal=_refusal(held.events, state),
        problems=found.problems,
    )


def state_of(events: Sequence[Event]) -> str:
    """``active``, ``replaced``, ``refused`` or ``deleted``, by what has happened."""
    state = ACTIVE
    for event in events:
        state = _AFTER.get(event.kind, state)
    return state


def _offered(events: Sequence[Event]) -> str:
    better = ""
    for event in events:
        if event.kind in ("offer", "supersede"):
            better = event.details.get("licence", "")
        elif event.kind == "decline":
            better = ""
    return better


def _refusal(events: Sequence[Event], state: str) -> str:
    last = next((event for event in reversed(events) if event.kind == "refuse"), None)
    return last.details.get("code", "") if state == REFUSED and last is not None else ""


def may_be_checked_again(refusal_code: str) -> bool:
    """Does the refusal leave the upload open to a later check?"""
    found = reasons().get(refusal_code)
    return found is not None and found.recheck


def line(event: Event) -> EventLine:
    """For people."""
    return EventLine(
        event.number, event.kind, datetime.fromisoformat(event.at), event.actor, event.role, event.department_id,
        event.reason, event.details, bool(event.statement),
    )  # fmt: skip
