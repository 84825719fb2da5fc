"""登记: step five of issuing. The sealed file enters the register, or gives way to one that came first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from licence_store import events, following, journal
from licence_store.cases import record_cases
from licence_store.inspection import NONE_DUE, Due
from licence_store.models import IssueIntent, Licence, LicenceEvent, LicenceVersion, table
from licence_store.reserving import DONE, IssuedLicence, Reservation, close_done
from licence_store.search_index import placed
from licence_store.standing import first_projection
from seal import using
from seal.materials import SealedFile
from seal.message import DataMessage
from seal.using import Use
from trust.errors import Conflict, LicenceTrustError
from trust.journal import Entry

Held = tuple[events.LicenceRow, list[Any]]
"""A licence with its events, held until the transaction ends."""
_INSERT_LICENCE = insert(table(Licence))
_INSERT_VERSION = insert(table(LicenceVersion))
_INSERT_EVENT = insert(table(LicenceEvent)).inline()


@dataclass(frozen=True, slots=True)
class SealedLicence:
    """A reservation's document, sealed, checked and kept as a file."""

    reservation: Reservation
    message: DataMessage
    file_digest: str
    file_size: int
    signed_at: datetime
    seal_digest: str
    """SM3 of the seal object on it, hex."""
    due: Due = NONE_DUE
    """The inspection that comes first, of a new licence."""
    replaces_at_once: bool = True
    """Of a renewal: does its predecessor give way at once, or at its own end?"""

    @property
    def follows(self) -> str:
        """Base of the licence it follows; empty: none."""
        return following.base_of(self.message, self.reservation.base, self.reservation.kind)


def record(session: Session, sealed: Sequence[SealedLicence], now: datetime) -> list[IssuedLicence | LicenceTrustError]:
    """Step five for a chunk, inside the caller's transaction.

    Where somebody else finished the same reservation first, theirs is the licence; where it was made void
    meanwhile, the answer is ``Conflict("licence.voided")``; where the licence it follows has changed, it is
    ``Conflict("licence.changed_meanwhile")``; where the seal was frozen, lost or changed while the document was made,
    it is ``Unavailable("seal.changed_meanwhile")`` and the reservation waits.
    """
    stopped = using.changed(session, {(s.reservation.seal_id, s.seal_digest) for s in sealed})
    valid = [s for s in sealed if s.reservation.seal_id not in stopped]
    held = following.hold(session, [s.follows for s in valid if s.follows])
    barred = _barred(valid, held, now)
    ours = close_done(session, [one for s in valid if (one := s.reservation.licence_id) not in barred])
    won = [s for s in valid if s.reservation.licence_id in ours]
    if won:
        _write(session, won, held, now)
    others = _finished_by_others(session, [s.reservation for s in valid if s.reservation.licence_id not in ours])
    for licence_id, obstacle in barred.items():
        if not isinstance(others[licence_id], IssuedLicence):
            others[licence_id] = obstacle
    return [stopped.get(s.reservation.seal_id) or others.get(s.reservation.licence_id) or _issued(s) for s in sealed]


def _barred(sealed: Sequence[SealedLicence], held: Mapping[str, Held], now: datetime) -> dict[str, LicenceTrustError]:
    """Those that can no longer follow the licence they were made to follow."""
    found = {
        s.reservation.licence_id: following.obstacle(held[s.follows], s.reservation.kind, s.message, now)
        for s in sealed
        if s.follows
    }
    return {licence_id: obstacle for licence_id, obstacle in found.items() if obstacle is not None}


def _write(session: Session, won: Sequence[SealedLicence], held: Mapping[str, Held], now: datetime) -> None:
    execute = session.connection().execute
    if new := [s for s in won if s.reservation.version == 1]:
        days = [s.message.metadata["issued_on"] for s in new]
        execute(_INSERT_LICENCE, placed(session, [_licence(s, now) for s in new], days))
    further = [s for s in won if s.reservation.version > 1]
    for s in further:
        following.succeed(session, held[s.follows], s.reservation.version, s.message.metadata["holder_name"])
    execute(_INSERT_VERSION, [_version(s, now) for s in won])
    execute(_INSERT_EVENT, [_event(s, now, held.get(s.follows)) for s in won])
    for s in further:
        events.refresh(session, s.reservation.base)
    for s in won:
        if s.reservation.kind == "renew":
            _renew(session, s, held[s.follows], now)
    record_cases(session, [(s.reservation.licence_id, s.message.case) for s in won])
    using.write(session, [_use(s, now) for s in won])
    journal.append(session, [_entry(s, now) for s in won])


def _issued(sealed: SealedLicence) -> IssuedLicence:
    reservation = sealed.reservation
    return IssuedLicence(
        reservation.licence_id, reservation.number, reservation.version, sealed.file_digest, created=True
    )


def _finished_by_others(
    session: Session, reservations: Sequence[Reservation]
) -> dict[str, IssuedLicence | LicenceTrustError]:
    if not reservations:
        return {}
    query = (
        select(IssueIntent.licence_id, IssueIntent.number, IssueIntent.version, LicenceVersion.file_digest)
        .join(LicenceVersion, LicenceVersion.licence_id == IssueIntent.licence_id)
        .where(IssueIntent.licence_id.in_([r.licence_id for r in reservations]), IssueIntent.state == DONE)
    )
    done = {row.licence_id: IssuedLicence(*row, created=False) for row in session.execute(query)}
    return {r.licence_id: done.get(r.licence_id) or _voided(r) for r in reservations}


def _voided(reservation: Reservation) -> Conflict:
    return Conflict(
        "licence.voided", "该次签发已作废（证照标识 {licence_id}），请重新提交。", licence_id=reservation.licence_id
    )


def _licence(sealed: SealedLicence, now: datetime) -> dict[str, Any]:
    reservation, facts = sealed.reservation, sealed.message.metadata
    return {
        "base": reservation.base,
        "type_code": reservation.type_code,
        "department_id": reservation.department_id,
        "number": reservation.number,
        "holder_name": facts["holder_name"],
        "holder_code": facts["holder_code"],
        "holder_code_type": facts["holder_code_type"],
        "record_key": reservation.record_key,
        "version": reservation.version,
        "issued": now,
        "predecessor": sealed.follows,
        **first_projection(sealed.signed_at, facts["valid_to"], *sealed.due),
    }


def _version(sealed: SealedLicence, now: datetime) -> dict[str, Any]:
    reservation, facts = sealed.reservation, sealed.message.metadata
    return {
        "licence_id": reservation.licence_id,
        "base": reservation.base,
        "version": reservation.version,
        "type_code": reservation.type_code,
        "type_version": reservation.type_version,
        "seal_id": reservation.seal_id,
        "file_digest": sealed.file_digest,
        "file_size": sealed.file_size,
        "message": reservation.payload,
        "issued_on": facts["issued_on"],
        "valid_from": facts["valid_from"],
        "valid_to": facts["valid_to"],
        "status_list": reservation.status_list,
        "status_index": reservation.status_index,
        "sealed": sealed.signed_at,
        "recorded": now,
        "paper": reservation.paper,
    }


def note_uses(session: Session, sealed: SealedLicence, further: Iterable[SealedFile], now: datetime) -> None:
    """用章台账 lines for further files of the same version, each of which bears the seal too."""
    uses = [_use(replace(sealed, file_digest=one.digest.hex(), signed_at=one.signed_at), now) for one in further]
    if uses:
        using.write(session, uses)


def _use(sealed: SealedLicence, now: datetime) -> Use:
    """用章台账 line."""
    reservation = sealed.reservation
    return Use(
        reservation.seal_id,
        sealed.seal_digest,
        sealed.file_digest,
        reservation.licence_id,
        reservation.type_code,
        reservation.actor.account[:100],
        reservation.department_id,
        sealed.signed_at,
        now,
    )


def _event(sealed: SealedLicence, now: datetime, held: Held | None) -> dict[str, Any]:
    reservation, first = sealed.reservation, sealed.reservation.version == 1
    state, due, effective = "CURRENT", sealed.due, sealed.signed_at
    if held is not None and not first:
        effective, due = following.moment_after(held, sealed.signed_at), NONE_DUE
        state = str(following.carried(held, reservation.kind, effective, sealed.message.metadata["valid_to"]))
    return {
        "base": reservation.base,
        "version": reservation.version,
        "kind": "issue" if first else reservation.kind,
        "state": state,
        "due_year": due.year,
        "due": due.by,
        "effective": effective,
        "recorded": now,
        "actor": reservation.actor.account,
        "reason": reservation.reason,
    }


def _renew(session: Session, sealed: SealedLicence, held: Held, now: datetime) -> None:
    """The predecessor knows its successor."""
    reservation, effective = sealed.reservation, following.moment_after(held, sealed.signed_at)
    following.renewed(
        session, held, {"base": reservation.base, "number": reservation.number}, at_once=sealed.replaces_at_once,
        actor=reservation.actor, reason=reservation.reason, effective=effective, now=now,
    )  # fmt: skip


def _entry(sealed: SealedLicence, now: datetime) -> Entry:
    reservation = sealed.reservation
    details = {"file": sealed.file_digest, "seal": reservation.seal_id}
    if sealed.message.lineage is not None:
        details["follows"] = sealed.message.lineage.predecessor_id
    action = f"licence.{reservation.kind}"
    return Entry(now, reservation.actor, action, reservation.licence_id, reservation.reason, details=details)
