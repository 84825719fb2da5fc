"""事件订阅页面: who is told of changes, what was not delivered, telling it again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.deps import Visitor, form, services, staff
from api.pages.form_text import text_of
from api.pages.refusals import said, status_of
from api.pages.rendering import page
from api.pages.verdict import when
from api.translating import translation
from api.wiring import Services
from licence_store.eventing.subscriptions import SubscriptionView
from trust.errors import LicenceTrustError, NotFound, Refused
from trust.i18n import N_

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
_STATES = {"active": ("pass", N_("推送中")), "paused": ("unsure", N_("已暂停")), "ended": ("none", N_("已退订"))}


def administrator(person: Annotated[Visitor, Depends(staff)]) -> Visitor:
    """Who says which systems are told."""
    if person.account.role != "admin":
        raise Refused("event.not_admin", "此页面供系统管理员使用。")
    return person


Admin = Annotated[Visitor, Depends(administrator)]


@router.get("/subscriptions")
def subscriptions(request: Request, found: Found, person: Admin) -> Response:
    return _page(request, found, person)


@router.post("/subscriptions")
def subscribe(request: Request, found: Found, data: Form, person: Admin) -> Response:
    given = {name: text_of(data, name, None) for name in ("name", "address", "scheme", "type")}
    try:
        made = found.desk.subscriptions.add(
            given["name"], given["address"], person.actor, scheme=given["scheme"] or "hmac",
            types=[given["type"]] if given["type"] else [],
        )  # fmt: skip
    except LicenceTrustError as error:
        return _page(request, found, person, error=error, given=given)
    return _page(request, found, person, made=made)


@router.post("/subscriptions/{subscription_id}/{step}")
def change(request: Request, found: Found, data: Form, person: Admin, subscription_id: str, step: str) -> Response:
    register = found.desk.subscriptions
    register.get(subscription_id)
    try:
        if step in ("pause", "resume"):
            register.pause(subscription_id, person.actor, paused=step == "pause")
        elif step == "end":
            register.end(subscription_id, person.actor)
        elif step == "replay":
            register.replay(subscription_id, person.actor)
        else:
            raise NotFound("event.unknown", "没有事件订阅 {subscription}。", subscription=step[:32])
    except LicenceTrustError as error:
        return _page(request, found, person, error=error)
    return RedirectResponse("/subscriptions", 303)


def _page(
    request: Request,
    found: Services,
    person: Visitor,
    *,
    error: LicenceTrustError | None = None,
    given: dict[str, str] | None = None,
    made: SubscriptionView | None = None,
) -> Response:
    translate = translation(request)
    problem = said(error, request)
    names = {one.code: one.name for one in found.catalogue.list()}
    return page(
        request,
        "subscriptions.html",
        visitor=person,
        nav="subscriptions",
        status=status_of(error, request),
        problem=problem,
        rows=[_row(one, names, translate) for one in found.desk.subscriptions.list()],
        types=sorted(names.items()),
        given={"name": "", "address": "", "scheme": "hmac", "type": "", **(given or {})},
        secret=made.secret if made else "",
        made=made.name if made else "",
    )


def _row(one: SubscriptionView, names: dict[str, str], translate: Any) -> dict[str, object]:
    tone, word = _STATES[one.state]
    return {
        "id": one.id,
        "name": one.name,
        "address": one.address,
        "scheme": "SM2" if one.scheme == "sm2" else "HMAC",
        "types": "、".join(names.get(code, code) for code in one.types if code != "*"),
        "tone": tone,
        "word": translate(word),
        "paused": one.paused is not None,
        "older_until": _older_until(one),
        "created": when(one.created),
        **{state: one.counts.get(state, 0) for state in ("waiting", "sent", "dead")},
    }


def _older_until(one: SubscriptionView) -> str | None:
    """Empty: one secret counts; ``None``: there is none."""
    if one.secret_period is None:
        return None
    return when(one.secret_period.older_until) if one.secret_period.older_until else ""
