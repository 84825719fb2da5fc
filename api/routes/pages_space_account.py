"""Pages of the space: one's account, where one is signed in, closing it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.deps import services
from api.errors import Problem, language_of, problem_of
from api.holder_deps import HolderVisitor, assured, holder, holder_form
from api.pages.holder_views import account_facts, sign_in_row
from api.pages.space_base import space_page
from api.providers import EMBEDDED, EMBEDDED_TITLE
from api.routes.pages_space_sign_in import forget, said_goodbye, voucher
from api.translating import translation
from api.wiring import Services
from licence_store.notices.addresses import SMTP
from licence_store.notices.contacts import HOLDER, ContactView
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Refused

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Space = Annotated[HolderVisitor, Depends(holder)]
Proved = Annotated[HolderVisitor, Depends(assured(2))]
Form = Annotated[FormData, Depends(holder_form)]


@router.get("/space/account")
def account(request: Request, found: Found, person: Space, ended: int = -1, contact: str = "") -> Response:
    return _page(request, found, person, ended=ended, contact=contact)


def _page(
    request: Request,
    found: Services,
    person: HolderVisitor,
    *,
    ended: int = -1,
    contact: str = "",
    problem: Problem | None = None,
    address: str = "",
) -> Response:
    session, translate = person.session, translation(request)
    view = found.desk.holders.get(session.account_id)
    rows = [sign_in_row(one, translate) for one in found.desk.holders.sign_ins(session.account_id)]
    return space_page(
        request,
        "space_account.html",
        person,
        nav="account",
        facts_rows=account_facts(view, session, _provider(request, found, person), found.clock(), translate),
        fresh=session.proves(2, found.clock()),
        rows=rows,
        ended=ended,
        contacts=_contacts(found, person) if not session.delegation_id else (),
        may_contact=not session.delegation_id,
        contact=contact,
        problem=problem,
        address=address,
        status=problem.status if problem else 200,
    )


def _provider(request: Request, found: Services, person: HolderVisitor) -> str:
    """Who vouches for them, as people call it."""
    try:
        registration = voucher(request, found, person).registration
    except LicenceTrustError:
        return found.desk.holders.get(person.session.account_id).issuer
    return (
        translation(request)(EMBEDDED_TITLE)
        if registration.kept_as == EMBEDDED
        else registration.named(language_of(request))
    )


def _contacts(found: Services, person: HolderVisitor) -> tuple[ContactView, ...]:
    return found.desk.notices.contacts.list(party_kind=HOLDER, party=person.holder_code)


def _demand_own(person: HolderVisitor) -> None:
    """Notices go to the holder: no delegate turns them elsewhere."""
    if person.session.delegation_id:
        raise Refused("holder.not_yourself", "通知的联系方式由持证者本人登记。", remedy="请先切换到本人。")


@router.post("/space/account/contacts")
def add_contact(request: Request, found: Found, data: Form, person: Space) -> Response:
    """通知联系方式: a mail address for what concerns one's licences."""
    _demand_own(person)
    address, language = str(data.get("address", "")).strip()[:500], language_of(request)
    try:
        found.desk.notices.contacts.add(
            HOLDER, person.holder_code, SMTP, address, actor=person.actor, language=language
        )
    except (Malformed, Conflict) as error:
        return _page(request, found, person, problem=problem_of(error, language), address=address)
    return RedirectResponse("/space/account?contact=added", 303)


@router.post("/space/account/contacts/{contact_id}/end")
def end_contact(found: Found, data: Form, contact_id: str, person: Space) -> Response:
    _demand_own(person)
    if contact_id not in {one.id for one in _contacts(found, person)}:
        raise NotFound("contact.unknown", "没有这一联系方式。")
    found.desk.notices.contacts.end(contact_id, actor=person.actor)
    return RedirectResponse("/space/account?contact=ended", 303)


@router.post("/space/account/sign-out-others")
def sign_out_others(found: Found, data: Form, person: Space) -> Response:
    session = person.session
    ended = found.spaces.close_all(session.account_id, but=session.token)
    found.journal.record(actor=person.actor, action="holder.sign_out", subject=session.account_id)
    return RedirectResponse(f"/space/account?ended={ended}", 303)


@router.get("/space/account/close")
def close_page(request: Request, found: Found, person: Proved) -> Response:
    return space_page(request, "space_close.html", person, nav="account", problem="")


@router.post("/space/account/close")
def close(request: Request, found: Found, data: Form, person: Proved) -> Response:
    if data.get("sure") != "yes":
        problem = translation(request)("请勾选确认后再注销。")
        return space_page(request, "space_close.html", person, nav="account", status=422, problem=problem)
    if person.session.acts_for_another:
        raise Refused("holder.not_yourself", "代他人办事时不能注销账号。", remedy="请先切换到本人。")
    gone = said_goodbye(request, found, person, closed="true")
    found.desk.closing.close(person.session.account_id, person.actor)
    return forget(found, gone)
