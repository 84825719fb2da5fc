"""证照事件簿: how an event is written, together with all that follows from it in the same transaction.

Whoever writes one holds the licence's row (``lock``), so that two who act on one licence queue. With the event go
the projection on the row and the mark that its published status lists are out of date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session, aliased

from licence_store.models import Licence, LicenceEvent, LicenceVersion, StatusListIndex, table
from licence_store.standing import projection
from trust.errors import NotFound

COLUMNS = tuple(column for column in table(LicenceEvent).c)
"""Of ``licence_event``."""
_IN_ORDER = (LicenceEvent.effective, LicenceEvent.id)
_OF = select(*COLUMNS).where(LicenceEvent.base == bindparam("base")).order_by(*_IN_ORDER)
_INSERT = insert(LicenceEvent).returning(LicenceEvent.id)
_FIRST = aliased(LicenceVersion)
_HOLD = select(Licence.base).where(Licence.base == bindparam("of_base")).with_for_update()
_NEWEST = (
    select(
        *table(Licence).c,
        LicenceVersion.licence_id,
        LicenceVersion.type_version,
        LicenceVersion.message,
        LicenceVersion.file_digest,
        LicenceVersion.issued_on,
        LicenceVersion.valid_from,
        LicenceVersion.valid_to,
        select(_FIRST.issued_on)
        .where(_FIRST.base == Licence.base, _FIRST.version == 1)
        .scalar_subquery()
        .label("first_issued"),
    )
    .join(LicenceVersion, (LicenceVersion.base == Licence.base) & (LicenceVersion.version == Licence.version))
    .where(Licence.base == bindparam("of_base"))
)

LicenceRow = Any
"""A row: a licence with its newest version, as ``lock`` gives it."""


def lock(session: Session, base: str, asked: str, *, hold: bool = True) -> LicenceRow:
    """The licence and its newest version; nobody else acts on it until the transaction ends (``hold``).

    Raises ``NotFound("licence.unknown")``; ``asked`` is the id as it was given.
    """
    if hold:
        session.execute(_HOLD, {"of_base": base})  # on its own: a join would be of the moment before the wait
    row: LicenceRow | None = session.execute(_NEWEST, {"of_base": base}).one_or_none()
    if row is None:
        raise NotFound("licence.unknown", "登记簿中没有证照 {licence_id}。", licence_id=asked)
    return row


def of_licence(session: Session, base: str) -> list[Any]:
    """What happened to a licence, in order of effect."""
    return list(session.execute(_OF, {"base": base}))


def of_licences(session: Session, bases: Sequence[str]) -> dict[str, list[Any]]:
    """The same of several."""
    found: dict[str, list[Any]] = {base: [] for base in bases}
    for row in session.execute(select(*COLUMNS).where(LicenceEvent.base.in_(bases)).order_by(*_IN_ORDER)):
        found[row.base].append(row)
    return found


def append(session: Session, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write events of one licence, then say how it stands."""
    base = ""
    for row in rows:
        session.execute(_INSERT, dict(row))
        base = row["base"]
    refresh(session, base)


def refresh(session: Session, base: str) -> None:
    """The projection, by a replay; and its published lists are out of date."""
    newest = select(LicenceVersion.valid_to, LicenceVersion.status_list).where(LicenceVersion.base == base)
    valid_to, listed = session.execute(newest.order_by(LicenceVersion.version.desc()).limit(1)).one()
    values = projection(of_licence(session, base), valid_to)
    session.execute(update(Licence).where(Licence.base == base).values(values))
    lists_changed(session, [listed])


def lists_changed(session: Session, list_ids: Iterable[str]) -> None:
    """These status lists are out of date from this transaction on."""
    changed = update(StatusListIndex).values(changes=StatusListIndex.changes + 1)
    for list_id in sorted(set(list_ids)):
        session.execute(changed.where(StatusListIndex.list_id == list_id))


def event_row(
    base: str,
    version: int,
    kind: str,
    state: str,
    effective: datetime,
    recorded: datetime,
    actor: str,
    role: str,
    **more: Any,
) -> dict[str, Any]:
    """A row of ``licence_event``."""
    given = {
        "base": base, "version": version, "kind": kind, "state": str(state), "effective": effective,
        "recorded": recorded, "actor": actor[:100], "role": str(role), "reason": "", "basis": "", "due_year": None,
        "due": None, "period": "", "result": "", "remarks": "", "evidence": "", "evidence_name": "",
    }  # fmt: skip
    return given | more
