"""印章的写法: seals, events, uses and grants as JSON, the same on the command line and over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from trust.errors import LicenceTrustError
from verify.report import rfc3339

if TYPE_CHECKING:
    from licence_store.resealing import Resealed
    from seal.models import SealEvent, SealObject, SealRequest, SealUse
    from seal.records import GrantView, SealSummary, SealView
    from seal.sealing import SealedFile
    from trust.seal_status import SealStatus

Shape = dict[str, object]


def line(one: SealSummary) -> Shape:
    """印章 as a list shows it."""
    return {
        "seal_id": one.id,
        "name": one.name,
        "kind": one.kind,
        "purpose": one.purpose,
        "holder": {"kind": one.holder_kind, "name": one.holder_name, "code": one.holder_code},
        "department": one.department_id,
        "department_name": one.department_name,
        "state": str(one.state),
        "object": one.object_number or None,
        "digest": one.digest or None,
        "key": one.key_name or None,
        "created": rfc3339(one.created),
    }


def whole(view: SealView) -> Shape:
    """印章 in full."""
    return {
        **line(view.summary),
        "objects": [_object(one) for one in view.objects],
        "requests": [_request(one) for one in view.requests],
        "events": [event(one) for one in view.events],
        "grants": [grant(one) for one in view.grants],
    }


def _object(one: SealObject) -> Shape:
    return {
        "number": one.number,
        "digest": one.digest,
        "key": one.key_name,
        "origin": one.origin,
        "effective": rfc3339(one.effective),
        "by": one.actor,
    }


def _request(one: SealRequest) -> Shape:
    return {
        "kind": one.kind,
        "state": one.state,
        "reason": one.reason,
        "basis": {"name": one.basis_name, "digest": one.basis_digest},
        "applicant": one.applicant,
        "applied": rfc3339(one.applied),
        "decided_by": one.decided_by or None,
        "decided": rfc3339(one.decided) if one.decided else None,
        "decision": one.decision,
    }


def event(one: SealEvent) -> Shape:
    """印章事件."""
    return {
        "step": one.step,
        "state": one.state,
        "effective": rfc3339(one.effective),
        "recorded": rfc3339(one.recorded),
        "by": one.actor,
        "role": one.role,
        "reason": one.reason,
        "basis": one.basis_digest or None,
        "object": one.object_number or None,
    }


def grant(one: GrantView) -> Shape:
    """用章授权."""
    return {
        "id": one.id,
        "account": one.account or None,
        "department": one.department_id,
        "types": list(one.types),
        "daily_limit": one.daily_limit,
        "granted": rfc3339(one.granted),
        "granted_by": one.granted_by,
        "ended": rfc3339(one.ended) if one.ended else None,
    }


def use(one: SealUse) -> Shape:
    """用章台账 line."""
    return {
        "number": one.id,
        "seal_id": one.seal_id,
        "object_digest": one.object_digest,
        "document": one.document,
        "subject": one.subject,
        "type": one.type_code,
        "officer": one.officer,
        "department": one.department,
        "used": rfc3339(one.used),
    }


def stamped(seal_id: str, sealed: SealedFile, file: str) -> Shape:
    """加盖了印章的文件."""
    return {
        "seal_id": seal_id,
        "file": file,
        "document": sealed.digest.hex(),
        "signed_at": rfc3339(sealed.signed_at),
    }


def standing(seal_id: str, moment: datetime, status: SealStatus) -> Shape:
    """印章状态 at a moment."""
    return {
        "seal_id": seal_id,
        "at": rfc3339(moment),
        "state": status.state,
        "since": rfc3339(status.since) if status.since else None,
    }


def step_answer(view: SealView) -> Shape:
    """What a step answers: the seal, and the event that was appended."""
    return {**line(view.summary), "event": event(view.events[-1])}


def resealed(done: Resealed, translate: Callable[[str], str]) -> Shape:
    """重新盖章 of one licence: its next version, or why there is none."""
    outcome = done.outcome
    if isinstance(outcome, LicenceTrustError):
        message, _ = outcome.localised(translate)
        return {"licence_id": done.licence_id, "error": {"code": outcome.code, "message": message}}
    return {
        "licence_id": done.licence_id,
        "new_licence_id": outcome.licence_id,
        "version": outcome.version,
        "file_digest": outcome.file_digest,
    }
