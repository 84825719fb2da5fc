"""更换回调密钥的页面: for subscribers of events and for contacts; the new secret is shown once, in the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from api.deps import form, services
from api.pages.refusals import said, status_of
from api.pages.rendering import page
from api.pages.verdict import when
from api.routes.pages_jobs import Acting
from api.routes.pages_notices import demand_contact
from api.routes.pages_subscriptions import Admin
from api.translating import translation
from api.wiring import Services
from licence_store.notices.hook_secrets import SecretPeriod
from trust.errors import LicenceTrustError, Malformed, Refused
from trust.i18n import N_

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
OVERLAPS: Final = {
    "24": N_("旧密钥再并用1天（默认）"),
    "168": N_("旧密钥再并用7天：接收方不能很快改好时"),
    "0": N_("旧密钥立即作废：密钥已泄露时"),
}
"""Hours, and what they are for."""


@dataclass(frozen=True, slots=True)
class _Hook:
    """Whose secret it is, and where the page stands."""

    person: Admin | Acting
    nav: str
    back: str
    crumbs: tuple[tuple[str, str], ...]
    name: str
    address: str
    period: SecretPeriod


@router.get("/subscriptions/{subscription_id}/secret")
def subscription_secret(request: Request, found: Found, person: Admin, subscription_id: str) -> Response:
    return _page(request, _subscription(found, person, subscription_id))


@router.post("/subscriptions/{subscription_id}/secret")
def rotate_subscription(request: Request, found: Found, data: Form, person: Admin, subscription_id: str) -> Response:
    register = found.desk.subscriptions
    hook = _subscription(found, person, subscription_id)
    return _rotated(request, data, hook, lambda overlap: register.rotate(
        subscription_id, person.actor, overlap=overlap
    ).secret)  # fmt: skip


@router.get("/notices/contacts/{contact_id}/secret")
def contact_secret(request: Request, found: Found, person: Acting, contact_id: str) -> Response:
    return _page(request, _contact(found, person, contact_id))


@router.post("/notices/contacts/{contact_id}/secret")
def rotate_contact(request: Request, found: Found, data: Form, person: Acting, contact_id: str) -> Response:
    register = found.desk.notices.contacts
    hook = _contact(found, person, contact_id)
    return _rotated(request, data, hook, lambda overlap: register.rotate(
        contact_id, actor=person.actor, overlap=overlap
    ).secret)  # fmt: skip


def _subscription(found: Services, person: Admin, subscription_id: str) -> _Hook:
    one = found.desk.subscriptions.get(subscription_id)
    if one.secret_period is None:
        raise _unsigned()
    crumbs = (("/subscriptions", N_("事件订阅")),)
    return _Hook(person, "subscriptions", "/subscriptions", crumbs, one.name, one.address, one.secret_period)


def _contact(found: Services, person: Acting, contact_id: str) -> _Hook:
    one = demand_contact(found, person, contact_id)
    with found.desk.sessions.read() as session:
        period = found.desk.notices.contacts.secrets.periods(session, [one.id]).get(one.id)
    if period is None:
        raise _unsigned()
    back = "/notices/contacts"
    crumbs = (("/jobs", N_("后台任务")), ("/notices", N_("通知")), (back, N_("联系方式")))
    return _Hook(person, "jobs", back, crumbs, one.address, one.address, period)


def _unsigned() -> Refused:
    return Refused("contact.unsigned", "该联系方式没有共享密钥，不需更换。")


def _rotated(request: Request, data: FormData, hook: _Hook, act: Callable[[timedelta], str]) -> Response:
    chosen = data.get("overlap")
    try:
        if not isinstance(chosen, str) or chosen not in OVERLAPS:
            raise Malformed("contact.overlap_choice", "请选择旧密钥再用多久。")
        return _page(request, hook, secret=act(timedelta(hours=int(chosen))), chosen=chosen)
    except LicenceTrustError as error:
        return _page(request, hook, error=error)


def _page(
    request: Request, hook: _Hook, *, error: LicenceTrustError | None = None, secret: str = "", chosen: str = "24"
) -> Response:
    translate = translation(request)
    return page(
        request,
        "hook_secret.html",
        visitor=hook.person,
        nav=hook.nav,
        status=status_of(error, request),
        problem=said(error, request),
        trail=[(address, translate(word)) for address, word in hook.crumbs],
        back=hook.back,
        name=hook.name,
        address=hook.address,
        since=when(hook.period.since),
        older_until=when(hook.period.older_until) if hook.period.older_until else "",
        overlaps=[(hours, translate(text)) for hours, text in OVERLAPS.items()],
        chosen=chosen,
        secret=secret,
    )
