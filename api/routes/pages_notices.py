"""通知页面: the outbox, one delivery with its attempts, and where holders and departments are reached."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.deps import Visitor, form, services, staff
from api.errors import language_of
from api.job_office import OVERSEERS
from api.pages import job_views
from api.pages.form_text import text_of
from api.pages.refusals import status_of
from api.pages.rendering import page
from api.routes.pages_jobs import Acting, Before
from api.translating import translation
from api.wiring import Services
from licence_store.notices.contacts import DEPARTMENT, HOLDER, SUBSCRIBER, ContactView
from licence_store.notices.outbox import DEAD, STATES
from trust.errors import LicenceTrustError, NotFound, Refused

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
PAGE = 25


def watcher(person: Annotated[Visitor, Depends(staff)]) -> Visitor:
    """Somebody of the departments that issue, or who oversees them; raises ``Refused("account.not_for_notices")``."""
    if person.account.role not in (*OVERSEERS, "officer"):
        raise Refused("account.not_for_notices", "您的账号不办理通知。")
    return person


Watcher = Annotated[Visitor, Depends(watcher)]


def _own(person: Visitor) -> str | None:
    """The department whose notices somebody sees; ``None``: all."""
    return None if person.account.role in OVERSEERS else person.account.department


def _demand_holder(found: Services, person: Visitor, code: str) -> None:
    """Contacts of holders are for the departments that issued to them; raises ``Refused("contact.not_ours")``."""
    own = _own(person)
    if own is not None and not found.register.holdings(code, departments=[own]):
        raise Refused("contact.not_ours", "该持证者没有本部门颁发的证照，其联系方式由颁证部门登记。")


def demand_contact(found: Services, person: Visitor, contact_id: str) -> ContactView:
    """A contact this person looks after. Raises ``NotFound("contact.unknown")``, ``Refused("contact.not_ours")``."""
    one = found.desk.notices.contacts.get(contact_id)
    others = one.party_kind == DEPARTMENT and _own(person) not in (None, one.party)
    if others or one.party_kind == SUBSCRIBER:
        raise NotFound("contact.unknown", "没有这一联系方式。")
    if one.party_kind == HOLDER:
        _demand_holder(found, person, one.party)
    return one


@router.get("/notices")
def notices(request: Request, found: Found, person: Watcher, state: str = "", before: Before = "") -> Response:
    translate, state = translation(request), state if state in STATES else ""
    shown = found.desk.notices.list(state=state, department=_own(person), before=before, limit=PAGE + 1)
    following = shown[PAGE - 1].id if len(shown) > PAGE else ""
    return page(
        request,
        "notices.html",
        visitor=person,
        nav="jobs",
        rows=[job_views.delivery_row(one, language_of(request), translate) for one in shown[:PAGE]],
        chips=job_views.chips(job_views.DELIVERY_STATES, state, "/notices", translate),
        next=f"/notices?state={state}&before={quote(following)}" if following else "",
    )


@router.get("/notices/contacts")
def contacts(
    request: Request, found: Found, person: Watcher, holder: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    return _contacts(request, found, person, holder=holder.strip())


@router.post("/notices/contacts")
def add_contact(request: Request, found: Found, data: Form, person: Acting) -> Response:
    asked = {name: text_of(data, name, 600) for name in ("party_kind", "party", "channel", "address", "language")}
    if asked["party_kind"] == DEPARTMENT:
        asked["party"] = person.account.department or text_of(data, "department", 32)
    try:
        if asked["party_kind"] == HOLDER:
            _demand_holder(found, person, asked["party"])
        made = found.desk.notices.contacts.add(**asked, actor=person.actor)  # type: ignore[arg-type]  # words only
    except LicenceTrustError as error:
        return _contacts(request, found, person, asked=asked, error=error)
    holder = made.party if made.party_kind == HOLDER else ""
    return _contacts(request, found, person, holder=holder, made=made)


@router.post("/notices/contacts/{contact_id}/end")
def end_contact(found: Found, data: Form, person: Acting, contact_id: str) -> Response:
    one = demand_contact(found, person, contact_id)
    found.desk.notices.contacts.end(contact_id, actor=person.actor)
    back = f"?holder={quote(one.party)}" if one.party_kind == HOLDER else ""
    return RedirectResponse(f"/notices/contacts{back}", 303)


@router.get("/notices/{delivery_id}")
def one_notice(request: Request, found: Found, person: Watcher, delivery_id: str) -> Response:
    return _notice(request, found, person, delivery_id, None)


@router.post("/notices/{delivery_id}/replay")
def replay(request: Request, found: Found, data: Form, person: Acting, delivery_id: str) -> Response:
    try:
        found.desk.notices.replay(delivery_id, person.actor, _own(person))
    except LicenceTrustError as error:
        return _notice(request, found, person, delivery_id, error)
    return RedirectResponse(f"/notices/{quote(delivery_id)}", 303)


def _notice(
    request: Request, found: Services, person: Visitor, delivery_id: str, error: LicenceTrustError | None
) -> Response:
    translate, outbox = translation(request), found.desk.notices
    one = outbox.get(delivery_id, _own(person))
    return page(
        request,
        "notice.html",
        visitor=person,
        status=status_of(error, request),
        nav="jobs",
        text=one.text,
        language=one.language,
        badge=job_views.badge(job_views.DELIVERY_STATES, one.state, translate),
        known=job_views.delivery_facts(one, outbox.address_of(one.id), translate),
        attempts=[job_views.attempt_row(a, translate) for a in outbox.attempts(one.id)],
        licence=f"/licences/{quote(one.licence_id)}",
        replay=f"/notices/{quote(one.id)}/replay" if one.state == DEAD and person.account.role != "auditor" else "",
        problem=error.localised(translate)[0] if error else "",
    )


def _contacts(
    request: Request,
    found: Services,
    person: Visitor,
    *,
    holder: str = "",
    asked: dict[str, str] | None = None,
    error: LicenceTrustError | None = None,
    made: ContactView | None = None,
) -> Response:
    """The department's own, and those of one holder somebody asks for, which is journalled."""
    translate, register = translation(request), found.desk.notices.contacts
    departments = {one.id: one.name for one in found.catalogue.departments()}
    shown = list(register.list(party_kind=DEPARTMENT, party=_own(person) or ""))
    if holder:
        try:
            _demand_holder(found, person, holder)
        except Refused as refused:
            holder, error = "", error or refused
    if holder:
        found.journal.record(actor=person.actor, action="contact.read", subject="contacts")
        shown = [*register.list(party_kind=HOLDER, party=holder), *shown]
    return page(
        request,
        "contacts.html",
        visitor=person,
        status=status_of(error, request),
        nav="jobs",
        rows=[job_views.contact_row(one, departments, translate) for one in shown],
        holder=holder,
        asked=asked or {"party_kind": HOLDER, "party": holder, "channel": "smtp", "address": "", "language": "zh-CN"},
        departments=[] if person.account.department else list(departments.items()),
        own=departments.get(person.account.department or "", ""),
        may_act=person.account.role in ("admin", "officer"),
        secret=made.secret if made else "",
        added=made is not None,
        wrong_address=error is not None and error.code in ("contact.address", "contact.exists"),
        problem=error.localised(translate)[0] if error else "",
    )
