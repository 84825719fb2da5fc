"""后续文件的登记: what recording a further version, or a renewal, does to the licence it follows.

What was reserved may meanwhile have become impossible: the licence was revoked, or somebody else's version came
first. So the table is asked again, with the licence held, in the transaction that records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from licence_store import events
from licence_store.lifecycle import STEPS, LicenceState
from licence_store.models import IssueIntent, Licence, LicenceVersion, table
from licence_store.search_index import renamed
from licence_store.standing import end_of, marks_of, replay
from seal.lifecycle import Role
from seal.message import DataMessage
from trust.errors import Conflict, LicenceTrustError, Word
from trust.identifiers import parse_licence_id
from trust.journal import Actor

_INTENTS = table(IssueIntent)


def base_of(message: DataMessage, base: str, kind: str) -> str:
    """Base of the licence that what was reserved for the step ``kind`` follows; empty: none."""
    if kind == "issue":
        return ""
    return parse_licence_id(message.lineage.predecessor_id).base if message.lineage is not None else base


def hold(session: Session, bases: Iterable[str]) -> dict[str, tuple[events.LicenceRow, list[Any]]]:
    """These licences with their events, held until the transaction ends; in one order, so nobody waits in a ring."""
    held = {}
    for base in sorted(set(bases)):
        row = events.lock(session, base, base)
        held[base] = row, events.of_licence(session, base)
    return held


def obstacle(
    held: tuple[events.LicenceRow, list[Any]], kind: str, message: DataMessage, now: datetime
) -> LicenceTrustError | None:
    """Why the file can no longer follow; ``None``: it can."""
    row, happened = held
    state = replay(happened, end_of(row.valid_to), max(now, happened[-1].effective)).state
    newest = message.lineage is None or message.lineage.predecessor_id == row.licence_id
    renewable = kind != "renew" or (not row.successor and marks_of(happened).is_sound(now))
    if newest and renewable and state in STEPS[kind].moves:
        return None
    return Conflict(
        "licence.changed_meanwhile",
        "办理“{step}”期间证照已变化（现为第 {version} 版，“{state}”），本次办理未生效。",
        remedy="请查看证照现状后重新办理。",
        step=Word(STEPS[kind].title),
        version=row.version,
        state=Word(state.label),
    )


def moment_after(held: tuple[events.LicenceRow, list[Any]], signed_at: datetime) -> datetime:
    """When it takes effect: as it was signed (a whole second), but not before what was known of the licence then."""
    latest: datetime = held[1][-1].effective
    return max(signed_at, latest)


def carried(held: tuple[events.LicenceRow, list[Any]], kind: str, moment: datetime, valid_to: str) -> LicenceState:
    """The state of a further version from ``moment`` on."""
    _, happened = held
    return marks_of(happened).without(kind).at(moment, end_of(valid_to))


def succeed(session: Session, held: tuple[events.LicenceRow, list[Any]], version: int, holder_name: str) -> None:
    """A further version takes its place in the register."""
    row, _ = held
    session.execute(update(Licence).where(Licence.base == row.base).values(version=version, holder_name=holder_name))
    renamed(session, row.place, row.holder_name, holder_name)
    old = session.get_one(LicenceVersion, row.licence_id)
    events.lists_changed(session, [old.status_list])


def renewed(
    session: Session,
    held: tuple[events.LicenceRow, list[Any]],
    successor: Mapping[str, Any],
    *,
    at_once: bool,
    actor: Actor,
    reason: str,
    effective: datetime,
    now: datetime,
) -> None:
    """The predecessor of a renewal: an event, the link, and its number goes to the successor where it is the same."""
    row, happened = held
    state = LicenceState.SUPERSEDED if at_once else marks_of(happened).at(effective, end_of(row.valid_to))
    event = events.event_row(
        row.base, row.version, "renew", state, effective, now, actor.account, Role.OFFICER, reason=reason
    )
    session.execute(update(Licence).where(Licence.base == row.base).values(successor=successor["base"]))
    events.append(session, [event])
    hold_number = update(_INTENTS).where(_INTENTS.c.base == bindparam("of_base"), _INTENTS.c.version == 1)
    if successor["number"] == row.number:
        session.connection().execute(hold_number.values(number_held=False), {"of_base": row.base})
    session.connection().execute(hold_number.values(number_held=True), {"of_base": successor["base"]})
