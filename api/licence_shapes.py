"""证照经过的写法: licences, versions, events and inspections as JSON, the same on the command line and over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.moments import exact

if TYPE_CHECKING:
    from datetime import datetime

    from licence_store.inspection_list import Waiting
    from licence_store.register import Register
    from licence_store.reserving import IssuedLicence
    from licence_store.views import EventView, LicenceHistory, LicenceSummary, LineageLink, LineageProof, VersionView

Shape = dict[str, object]


def line(one: LicenceSummary) -> Shape:
    """证照 as a list shows it."""
    return {
        "licence_id": one.licence_id,
        "licence_number": one.licence_number,
        "version": one.version,
        "type_code": one.type_code,
        "type_name": one.type_name,
        "department": one.department_id,
        "issuer_name": one.issuer_name,
        "holder_name": one.holder_name,
        "holder_code": one.holder_code,
        "state": one.state,
        "since": exact(one.since),
        "issued_on": one.issued_on,
        "valid_from": one.valid_from,
        "valid_to": one.valid_to,
    }


def history(found: LicenceHistory, at: datetime | None, known_at: datetime | None) -> Shape:
    """证照经过 in full, as of a moment."""
    return {
        **line(found.view.summary),
        "at": _moment(at),
        "known_at": _moment(known_at),
        "file_digest": found.view.file_digest,
        "predecessor": found.view.predecessor or None,
        "successor": found.view.successor or None,
        "lineage_intact": found.lineage_ok,
        "versions": [version(one) for one in found.versions],
        "events": [event(one) for one in found.events],
        "inspections": [inspection(one) for one in found.inspections],
    }


def course(found: LicenceHistory) -> Shape:
    """证照经过: the events, and how it stands by them."""
    one = found.view.summary
    return {
        "licence_id": one.licence_id,
        "state": one.state,
        "since": exact(one.since),
        "items": [event(event_) for event_ in found.events],
    }


def version(one: VersionView) -> Shape:
    """证照版本."""
    return {
        "licence_id": one.licence_id,
        "version": one.version,
        "step": one.kind,
        "reason": one.reason,
        "issued_on": one.issued_on,
        "valid_from": one.valid_from,
        "valid_to": one.valid_to,
        "file_digest": one.file_digest,
        "file_size": one.file_size,
        "seal_id": one.seal_id,
        "signed_at": exact(one.signed_at),
        "recorded": exact(one.recorded),
        "predecessor": _predecessor(one),
    }


def _predecessor(one: VersionView | LineageLink) -> Shape | None:
    stated = one.lineage
    if stated is None:
        return None
    return {"licence_id": stated.predecessor_id, "file_digest": stated.predecessor_digest, "kind": stated.kind}


def event(one: EventView) -> Shape:
    """证照事件."""
    return {
        "step": one.kind,
        "version": one.version,
        "state": one.state,
        "effective": exact(one.effective),
        "recorded": exact(one.recorded),
        "by": one.actor,
        "role": one.role,
        "reason": one.reason,
        "basis": one.basis or None,
        **({"inspection": _found(one)} if one.kind == "inspect" else {}),
    }


def inspection(one: EventView) -> Shape:
    """年检 of one year."""
    return {**_found(one), "effective": exact(one.effective), "recorded": exact(one.recorded), "by": one.actor}


def waiting(one: Waiting) -> Shape:
    """年检工作表 line."""
    return {
        "licence_id": one.licence_id,
        "licence_number": one.licence_number,
        "holder_name": one.holder_name,
        "department": one.department_id,
        "year": one.year,
        "overdue_from": _moment(one.by),
        "result": one.result or None,
        "inspected": _moment(one.inspected),
    }


def _found(one: EventView) -> Shape:
    evidence = {"name": one.evidence_name, "digest": one.evidence} if one.evidence else None
    return {
        "period": one.period,
        "result": one.result,
        "remarks": one.remarks,
        "evidence": evidence,
        "next_year": one.due_year,
        "next_overdue": _moment(one.due),
    }


def lineage(proof: LineageProof) -> Shape:
    """版本承接: each version by its digest."""
    return {
        "unbroken": proof.is_unbroken,
        "complete": proof.is_complete,
        "links": [
            {
                "licence_id": one.licence_id,
                "version": one.version,
                "file_digest": one.file_digest,
                "recomputed": one.recomputed or None,
                "predecessor": _predecessor(one),
                "problem": one.problem or None,
            }
            for one in proof.links
        ],
    }


def stepped(register: Register, made: EventView, licence_id: str) -> Shape:
    """What a step answers: the licence as it is then, and the event that was appended."""
    return {**line(register.find(licence_id).summary), "event": event(made)}


def issued(register: Register, made: IssuedLicence) -> Shape:
    """A further version, or a successor, and its event."""
    own = [one for one in register.events(made.licence_id) if one.version == made.version]
    return {**stepped(register, own[0], made.licence_id), "file_digest": made.file_digest, "created": made.created}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else exact(moment)
