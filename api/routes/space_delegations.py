"""For portals: delegations, as holder or as delegate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Security
from starlette.responses import Response

from api.delegation_office import changed_terms, person_of, step_json, terms_of, view_json
from api.deps import body, idempotency_key, services
from api.holder_deps import HolderVisitor, holder_caller
from api.idempotent import once
from api.routes.space_sessions import space_token
from api.schemas import holders as shapes
from api.schemas.common import problems
from api.wiring import Services
from licence_store.holding.delegation import Delegations, DelegationView
from licence_store.holding.holder import HolderSession
from trust.i18n import N_
from trust.journal import Actor

router = APIRouter(tags=["space"], dependencies=[Security(space_token)])
Found = Annotated[Services, Depends(services)]
Portal = Annotated[HolderVisitor, Depends(holder_caller)]
DelegationId = Annotated[str, Path(max_length=64)]
CHANGING = problems(400, 401, 403, 404, 409, 413, 422, 503)


@dataclass(frozen=True, slots=True)
class Doing:
    """An act of the caller's, done once."""

    found: Services
    person: HolderVisitor
    key: str
    content: bytes

    @property
    def who(self) -> HolderSession:
        return self.person.session

    @property
    def actor(self) -> Actor:
        return self.person.actor

    @property
    def delegations(self) -> Delegations:
        return self.found.desk.delegations

    def once(self, act: Callable[[], DelegationView], status: int = 200) -> Response:
        caller = f"space:{self.who.account_id}:{self.who.acting_key}"

        def answer() -> dict[str, object]:
            return view_json(act(), self.found.clock(), self.who)

        return once(self.found.idempotency, self.key, caller, self.content, answer, status=status)


def doing(
    request: Request,
    found: Found,
    person: Portal,
    key: Annotated[str, Depends(idempotency_key)],
    content: Annotated[bytes, Depends(body)],
) -> Doing:
    return Doing(found, person, key, request.url.path.encode() + b"\n" + content)


Act = Annotated[Doing, Depends(doing)]


@router.get(
    "/space/delegations",
    response_model=shapes.DelegationList,
    responses=problems(401, 403),
    summary=N_("授权：给出的和得到的，连同申请"),
)
def list_delegations(found: Found, person: Portal) -> dict[str, object]:
    now, who = found.clock(), person.session
    given, received = found.desk.delegations.given(who), found.desk.delegations.received(who.person)
    return {
        "given": [view_json(one, now, who) for one in given],
        "received": [view_json(one, now, who) for one in received],
    }


@router.get(
    "/space/delegations/{delegation_id}",
    response_model=shapes.DelegationDetails,
    responses=problems(401, 403, 404),
    summary=N_("一项授权和它的经过"),
)
def show_delegation(found: Found, person: Portal, delegation_id: DelegationId) -> dict[str, object]:
    who, delegations = person.session, found.desk.delegations
    view = delegations.get(who, delegation_id)
    steps = [step_json(one) for one in delegations.steps(who, delegation_id)]
    return {**view_json(view, found.clock(), who), "steps": steps}


@router.post(
    "/space/delegations",
    response_model=shapes.DelegationAnswer,
    status_code=201,
    responses=CHANGING,
    summary=N_("授权给一个人；需要二级近期认证"),
)
def grant(act: Act, asked: shapes.DelegationRequest) -> Response:
    """By a delegation with the right `delegate` it becomes its next level: three at most, never wider or longer."""
    delegate, terms = person_of(asked.code, asked.name), terms_of(act.found, asked.wanted())
    return act.once(lambda: act.delegations.grant(act.who, delegate, terms, reason=asked.reason, actor=act.actor), 201)


@router.post(
    "/space/delegation-requests",
    response_model=shapes.DelegationAnswer,
    status_code=201,
    responses=CHANGING,
    summary=N_("申请授权"),
)
def request_delegation(act: Act, asked: shapes.DelegationRequest) -> Response:
    holder, terms = person_of(asked.code, asked.name), terms_of(act.found, asked.wanted())
    return act.once(lambda: act.delegations.request(act.who, holder, terms, reason=asked.reason, actor=act.actor), 201)


@router.post(
    "/space/delegations/{delegation_id}/acceptance",
    response_model=shapes.DelegationAnswer,
    responses=CHANGING,
    summary=N_("同意申请，按所申请的范围"),
)
def accept(act: Act, delegation_id: DelegationId, asked: shapes.DecisionRequest) -> Response:
    return act.once(lambda: act.delegations.accept(act.who, delegation_id, reason=asked.reason, actor=act.actor))


@router.post(
    "/space/delegations/{delegation_id}/refusal",
    response_model=shapes.DelegationAnswer,
    responses=CHANGING,
    summary=N_("拒绝申请"),
)
def refuse(act: Act, delegation_id: DelegationId, asked: shapes.DecisionRequest) -> Response:
    return act.once(lambda: act.delegations.refuse(act.who, delegation_id, asked.reason, actor=act.actor))


@router.post(
    "/space/delegations/{delegation_id}/terms",
    response_model=shapes.DelegationAnswer,
    responses=CHANGING,
    summary=N_("变更授权；下级授权随之缩小或收回"),
)
def change(act: Act, delegation_id: DelegationId, asked: shapes.TermsRequest) -> Response:
    def changed() -> DelegationView:
        before = act.delegations.get(act.who, delegation_id).terms
        terms = changed_terms(act.found, before, asked.wanted())
        return act.delegations.change(act.who, delegation_id, terms, reason=asked.reason, actor=act.actor)

    return act.once(changed)


@router.post(
    "/space/delegations/{delegation_id}/cancellation",
    response_model=shapes.DelegationAnswer,
    responses=CHANGING,
    summary=N_("收回授权，连同其下各级；被授权人交回、申请人撤回也用它"),
)
def cancel(act: Act, delegation_id: DelegationId, asked: shapes.DecisionRequest) -> Response:
    return act.once(lambda: act.delegations.cancel(act.who, delegation_id, asked.reason, actor=act.actor))
