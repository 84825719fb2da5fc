"""Pages of the space: delegations given and received, asking, giving, deciding, changing, taking back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.delegation_office import Wanted, changed_terms, person_of, terms_of
from api.deps import services
from api.errors import language_of, problem_of
from api.holder_deps import HolderVisitor, assured, holder, holder_form
from api.pages import delegation_views as views
from api.pages.space_base import space_page
from api.translating import translation
from api.wiring import Services
from licence_store.holding.delegation import GRANTED, REQUESTED
from licence_store.holding.holder import StepUpNeeded
from trust.errors import LicenceTrustError, Refused, Unauthenticated

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Space = Annotated[HolderVisitor, Depends(holder)]
Form = Annotated[FormData, Depends(holder_form)]
Proved = Annotated[HolderVisitor, Depends(assured(2))]
HERE = "/space/delegations"


@router.get("/space/delegations")
def delegations(request: Request, found: Found, person: Space, done: str = "") -> Response:
    who, now, translate = person.session, found.clock(), translation(request)
    given = found.desk.delegations.given(who)
    return space_page(
        request,
        "space_delegations.html",
        person,
        nav="delegations",
        waiting=views.rows([one for one in given if one.state == REQUESTED], now, translate),
        tree=views.tree([one for one in given if one.state != REQUESTED], now, translate),
        received=views.rows(found.desk.delegations.received(who.person), now, translate),
        may_give=who.may("delegate"),
        done=views.DONE.get(done, "") and translate(views.DONE[done]),
    )


@router.get("/space/delegations/give")
def give_page(request: Request, found: Found, person: Proved) -> Response:
    person.session.demand("delegate")
    return _form_page(request, found, person, "give", views.blank(found.clock()))


@router.post("/space/delegations/give")
def give(request: Request, found: Found, data: Form, person: Proved) -> Response:
    entered = views.entered(data)

    def act() -> str:
        delegate, terms = person_of(entered["code"], entered["name"]), terms_of(found, _wanted(entered))
        reason = entered["reason"]
        made = found.desk.delegations.grant(person.session, delegate, terms, reason=reason, actor=person.actor)
        return f"{HERE}/{made.id}?done=given"

    return _try(act, lambda error: _form_page(request, found, person, "give", entered, error))


@router.get("/space/delegations/ask")
def ask_page(request: Request, found: Found, person: Space) -> Response:
    return _form_page(request, found, person, "ask", views.blank(found.clock()))


@router.post("/space/delegations/ask")
def ask(request: Request, found: Found, data: Form, person: Space) -> Response:
    entered = views.entered(data)

    def act() -> str:
        whom, terms = person_of(entered["code"], entered["name"]), terms_of(found, _wanted(entered))
        reason = entered["reason"]
        made = found.desk.delegations.request(person.session, whom, terms, reason=reason, actor=person.actor)
        return f"{HERE}/{made.id}?done=asked"

    return _try(act, lambda error: _form_page(request, found, person, "ask", entered, error))


@router.get("/space/delegations/{delegation_id}")
def delegation(request: Request, found: Found, delegation_id: str, person: Space, done: str = "") -> Response:
    return _shown(request, found, person, delegation_id, done=done)


@router.get("/space/delegations/{delegation_id}/decide")
def decide_page(request: Request, found: Found, delegation_id: str, person: Proved) -> Response:
    view = found.desk.delegations.get(person.session, delegation_id)
    return _form_page(request, found, person, "decide", views.of(view), delegation_id=view.id)


@router.get("/space/delegations/{delegation_id}/change")
def change_page(request: Request, found: Found, delegation_id: str, person: Proved) -> Response:
    view = found.desk.delegations.get(person.session, delegation_id)
    return _form_page(request, found, person, "change", views.of(view), delegation_id=view.id)


@router.post("/space/delegations/{delegation_id}/{step}")
def step(request: Request, found: Found, delegation_id: str, step: str, data: Form, person: Space) -> Response:
    """``decide``, ``change``, ``refuse``, ``cancel``."""
    entered = views.entered(data)
    acts: dict[str, Callable[[], str]] = {
        "decide": lambda: _accept(found, person, delegation_id, entered),
        "change": lambda: _change(found, person, delegation_id, entered),
        "refuse": lambda: _refuse(found, person, delegation_id, entered["reason"]),
        "cancel": lambda: _cancel(found, person, delegation_id, entered["reason"]),
    }
    if step not in acts:
        raise Refused("delegation.step", "没有这一步骤。", remedy="请从授权页面办理。")

    def again(error: LicenceTrustError) -> Response:
        if step in ("decide", "change"):
            return _form_page(request, found, person, step, entered, error, delegation_id)
        return _shown(request, found, person, delegation_id, error)

    return _try(acts[step], again)


def _accept(found: Services, person: HolderVisitor, delegation_id: str, entered: dict[str, Any]) -> str:
    terms = terms_of(found, _wanted(entered))
    delegations, reason = found.desk.delegations, entered["reason"]
    delegations.accept(person.session, delegation_id, terms, reason=reason, actor=person.actor)
    return f"{HERE}/{delegation_id}?done=given"


def _change(found: Services, person: HolderVisitor, delegation_id: str, entered: dict[str, Any]) -> str:
    delegations, reason = found.desk.delegations, entered["reason"]
    before = delegations.get(person.session, delegation_id).terms
    same_start = entered["since"] == views.day(before.starts)
    wanted = replace(_wanted(entered), since="") if same_start else _wanted(entered)
    terms = changed_terms(found, before, wanted)
    delegations.change(person.session, delegation_id, terms, reason=reason, actor=person.actor)
    return f"{HERE}/{delegation_id}?done=changed"


def _refuse(found: Services, person: HolderVisitor, delegation_id: str, reason: str) -> str:
    found.desk.delegations.refuse(person.session, delegation_id, reason, actor=person.actor)
    return f"{HERE}?done=refused"


def _cancel(found: Services, person: HolderVisitor, delegation_id: str, reason: str) -> str:
    found.desk.delegations.cancel(person.session, delegation_id, reason, actor=person.actor)
    return f"{HERE}?done=cancelled"


def _try(act: Callable[[], str], again: Callable[[LicenceTrustError], Response]) -> Response:
    """Onward, or the page once more with what is wrong; signing in and proving are other pages' business."""
    try:
        return RedirectResponse(act(), 303)
    except (StepUpNeeded, Unauthenticated):
        raise
    except LicenceTrustError as error:
        return again(error)


def _wanted(entered: dict[str, Any]) -> Wanted:
    return Wanted(
        tuple(entered["rights"]), entered["until"], entered["since"], tuple(entered["types"]), tuple(entered["items"])
    )


def _form_page(
    request: Request,
    found: Services,
    person: HolderVisitor,
    purpose: str,
    entered: dict[str, Any],
    error: LicenceTrustError | None = None,
    delegation_id: str = "",
) -> Response:
    language = language_of(request)
    problem = problem_of(error, language) if error else None
    who, translate = person.session, translation(request)
    action = f"{HERE}/{delegation_id}/{purpose}" if delegation_id else f"{HERE}/{purpose}"
    return space_page(
        request,
        "space_delegation_form.html",
        person,
        nav="delegations",
        status=problem.status if problem else 200,
        purpose=purpose,
        words=views.words(purpose, translate),
        action=action,
        back=f"{HERE}/{delegation_id}" if delegation_id else HERE,
        entered=entered,
        rights=views.right_choices(entered["rights"], None if purpose == "ask" else who, translate),
        types=views.type_choices(found.catalogue.list(), entered["types"], language),
        problem=problem,
    )


def _shown(
    request: Request,
    found: Services,
    person: HolderVisitor,
    delegation_id: str,
    error: LicenceTrustError | None = None,
    *,
    done: str = "",
) -> Response:
    who, now, translate = person.session, found.clock(), translation(request)
    language = language_of(request)
    view = found.desk.delegations.get(who, delegation_id)
    problem = problem_of(error, language) if error else None
    ours = view.holder.code == who.holder.code and who.may("delegate") and view.id != who.delegation_id
    below = [one for one in found.desk.delegations.given(who) if one.root_id == view.root_id] if ours else []
    return space_page(
        request,
        "space_delegation.html",
        person,
        nav="delegations",
        status=problem.status if problem else 200,
        view=views.row(view, now, translate),
        facts_rows=views.facts(view, now, found.catalogue.list(), language, translate),
        steps=views.steps(found.desk.delegations.steps(who, view.id), translate),
        below=views.below(below, view.id, now, translate),
        may_decide=ours and view.state == REQUESTED,
        may_change=ours and view.state == GRANTED,
        may_cancel=view.state in (GRANTED, REQUESTED) and (ours or view.delegate.code == who.person.code),
        theirs=view.delegate.code == who.person.code,
        problem=problem,
        done=views.DONE.get(done, "") and translate(views.DONE[done]),
    )
