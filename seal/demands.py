"""办理条件: who may take a step with this seal, and on which request. Each raises ``Refused``, naming the rule."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from seal.lifecycle import STEPS, Official, Role, Rule
from seal.models import Seal, SealRequest
from seal.records import REQUESTS, NewSeal
from trust.errors import Refused, Word

_REQUEST_OF: dict[str, tuple[tuple[str, ...], str]] = {
    "withdraw": (("new",), "open"),
    "approve": (("new",), "open"),
    "reject": (("new",), "open"),
    "make": (("new",), "approved"),
    "import": (("new",), "approved"),
    "approve_request": (("face", "certificate", "destruction"), "open"),
    "reject_request": (("face", "certificate", "destruction"), "open"),
    "change_face": (("face",), "approved"),
    "change_certificate": (("certificate",), "approved"),
    "destroy": (("destruction",), "approved"),
}
"""Which request a step decides or carries out: kinds, and the state it must be in."""
_AFTERWARDS = {
    "withdraw": "withdrawn", "approve": "approved", "approve_request": "approved", "reject": "rejected",
    "reject_request": "rejected",
}  # fmt: skip
"""What becomes of the request; by every other step it is done."""


def demand_applicant(who: Official, wanted: NewSeal) -> None:
    """Applicants apply for their own seal, officers for their unit's."""
    if (wanted.holder_kind == "applicant") != (who.role is Role.HOLDER) or (
        who.role is Role.HOLDER and wanted.holder_code != who.holder_code
    ):
        raise Refused("seal.other_holder", "申请人的印章只能由其本人办理。")
    if who.role is not Role.HOLDER:
        demand_department(who, wanted.department)


def demand_holder(who: Official, seal: Seal) -> None:
    """Officers do not act in an applicant's place, nor applicants in an institution's."""
    if who.role is Role.HOLDER and (seal.holder_kind, seal.holder_code) != ("applicant", who.holder_code):
        raise Refused("seal.other_holder", "申请人的印章只能由其本人办理。")
    if who.role is Role.OFFICER and seal.holder_kind == "applicant":
        raise Refused("seal.other_holder", "申请人的印章只能由其本人办理。")


def demand_department(who: Official, department: str) -> None:
    """Whoever belongs to a unit acts for that unit only."""
    if who.actor.department not in (None, "", department) and who.role is not Role.HOLDER:
        raise Refused("seal.other_department", "该印章不属于您所在的单位。")


def _demand_hand(name: str, request: SealRequest, account: str) -> None:
    """Rules OWN, NOT_OWN and ANOTHER_HAND."""
    rules, step = STEPS[name].rules, Word(STEPS[name].title)
    if Rule.OWN in rules and request.applicant != account:
        raise Refused("seal.not_own_request", "“{step}”限申请人本人办理。", step=step)
    if Rule.NOT_OWN in rules and request.applicant == account:
        raise Refused("seal.own_request", "不得“{step}”本人提出的申请。", step=step)
    if Rule.ANOTHER_HAND in rules and request.decided_by == account:
        raise Refused("seal.same_hand", "“{step}”不得由批准该申请的人办理。", step=step)


def request_for(session: Session, name: str, seal_id: str, who: Official) -> SealRequest | None:
    """The request that the step decides or carries out; ``None``: it needs none."""
    rules = STEPS[name].rules
    found = list(
        session.execute(
            select(SealRequest)
            .where(SealRequest.seal_id == seal_id, SealRequest.state.in_(("open", "approved")))
            .order_by(SealRequest.applied.desc())
        ).scalars()
    )
    if Rule.ONE_REQUEST in rules and found:
        raise Refused("seal.request_open", "印章还有未办结的申请（{kind}）。", kind=Word(REQUESTS[found[0].kind]))
    if name not in _REQUEST_OF:
        return None
    kinds, state = _REQUEST_OF[name]
    request = next((one for one in found if one.kind in kinds and one.state == state), None)
    if request is None:
        raise Refused("seal.no_request", "没有可供“{step}”的申请。", step=Word(STEPS[name].title))
    _demand_hand(name, request, who.actor.account)
    return request


def close_request(
    session: Session, name: str, request: SealRequest | None, who: Official, reason: str, now: datetime
) -> None:
    """What the step makes of the request."""
    if request is None:
        return
    values: dict[str, object] = {"state": _AFTERWARDS.get(name, "done")}
    if name in _AFTERWARDS:
        values |= {"decided_by": who.actor.account[:100], "decided": now, "decision": reason[:500]}
    session.execute(update(SealRequest).where(SealRequest.id == request.id).values(values))
