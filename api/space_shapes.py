"""用户空间的答复: the same shapes on the command line and over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.moments import exact

if TYPE_CHECKING:
    from datetime import datetime

    from licence_store.disputes.disputes import DisputeStep, DisputeView
    from licence_store.presenting.presenter import PresentationView, Shown
    from licence_store.views import LicenceSummary
    from trust.use_ledger import UseEntry, UseLedgerCheck
    from verify.report import Report


def licence(one: LicenceSummary, forms: list[str] | None = None) -> dict[str, Any]:
    """A licence of the holder's, in a line."""
    return {
        "licence_id": one.licence_id,
        "licence_number": one.licence_number,
        "type_code": one.type_code,
        "type_name": one.type_name,
        "issuer": one.issuer_name,
        "level": "A",
        "version": one.version,
        "state": one.state,
        "since": exact(one.since),
        "issued_on": one.issued_on,
        "valid_from": one.valid_from,
        "valid_to": one.valid_to or None,
        **({"forms": forms} if forms is not None else {}),
    }


def entry(one: UseEntry, digest: str = "") -> dict[str, Any]:
    """An entry of the ledger."""
    return {
        "seq": one.seq,
        "at": exact(one.at),
        "subject": one.subject,
        "act": one.act,
        "who": one.who,
        "who_id": one.who_id,
        "department": one.department or None,
        "why": one.why,
        "result": one.result,
        **({"digest": digest} if digest else {}),
    }


def check(one: UseLedgerCheck) -> dict[str, Any]:
    """Whether a ledger is whole."""
    return {
        "intact": one.intact,
        "count": one.count,
        "digest": one.digest,
        "problem": one.problem or None,
        "at": one.at,
    }


def presentation(one: PresentationView, moment: datetime) -> dict[str, Any]:
    """A presentation as its holder sees it."""
    return {
        "id": one.id,
        "subject": one.base,
        "shown": list(one.shown),
        "verifier": one.verifier or None,
        "purpose": one.purpose,
        "state": one.state(moment),
        "made": exact(one.made),
        "expires": exact(one.expires),
        "opened": exact(one.opened) if one.opened else None,
        "opened_by": one.opened_by or None,
    }


def shown(one: Shown, report: Report) -> dict[str, Any]:
    """What whoever opened it is told: the fields the holder shows, the others masked, and the verdict."""
    summary, names = one.licence.summary, set(one.view.shown)
    return {
        "id": one.view.id,
        "type_code": summary.type_code,
        "type_name": summary.type_name,
        "issuer": summary.issuer_name,
        "state": summary.state,
        "valid_to": summary.valid_to or None,
        "purpose": one.view.purpose,
        "fields": [
            {"name": each.name, "title": each.title, "value": each.text if each.name in names else None}
            for each in one.licence.message.face
        ],
        "indication": str(report.indication),
        "sub_indication": report.sub_indication or None,
        "until": exact(one.until),
    }


def dispute(one: DisputeView, moment: datetime, steps: tuple[DisputeStep, ...] = ()) -> dict[str, Any]:
    """A dispute, for its holder and for the department."""
    return {
        "id": one.id,
        "kind": one.kind,
        "subject": one.subject,
        "entry": one.entry_seq,
        "field": one.field or None,
        "department": one.department_id,
        "words": one.words,
        "opened": exact(one.opened),
        "deadline": exact(one.deadline),
        "state": one.state,
        "overdue": one.is_overdue(moment),
        "closed": exact(one.closed) if one.closed else None,
        "answer": one.answer or None,
        "steps": [{"at": exact(step.at), "act": step.act, "words": step.words} for step in steps],
    }
