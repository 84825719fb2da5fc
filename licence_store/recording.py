"""登记: step five of issuing. The sealed file enters the register, or gives way to one that came first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.models import IssueIntent, Licence, LicenceEvent, LicenceVersion, table
from licence_store.reserving import DONE, IssuedLicence, Reservation, close_done
from seal.message import DataMessage
from trust.errors import Conflict, LicenceTrustError
from trust.journal import Entry

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


def record(session: Session, sealed: Sequence[SealedLicence], now: datetime) -> list[IssuedLicence | LicenceTrustError]:
    """Step five for a chunk, inside the caller's transaction.

    Where somebody else finished the same reservation first, theirs is the licence; where it was made void
    meanwhile, the answer is ``Conflict("licence.voided")``.
    """
    ours = close_done(session, [s.reservation.licence_id for s in sealed])
    won = [s for s in sealed if s.reservation.licence_id in ours]
    if won:
        execute = session.connection().execute
        execute(_INSERT_LICENCE, [_licence(s, now) for s in won])
        execute(_INSERT_VERSION, [_version(s, now) for s in won])
        execute(_INSERT_EVENT, [_event(s, now) for s in won])
        journal.append(session, [_entry(s, now) for s in won])
    others = _finished_by_others(session, [s.reservation for s in sealed if s.reservation.licence_id not in ours])
    return [others.get(s.reservation.licence_id) or _issued(s) for s in sealed]


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
    }


def _event(sealed: SealedLicence, now: datetime) -> dict[str, Any]:
    reservation = sealed.reservation
    return {
        "base": reservation.base,
        "version": reservation.version,
        "kind": "issue",
        "state": "CURRENT",
        "effective": sealed.signed_at,
        "recorded": now,
        "actor": reservation.actor.account,
        "reason": "",
    }


def _entry(sealed: SealedLicence, now: datetime) -> Entry:
    details = {"file": sealed.file_digest, "seal": sealed.reservation.seal_id}
    return Entry(now, sealed.reservation.actor, "licence.issue", sealed.reservation.licence_id, details=details)
