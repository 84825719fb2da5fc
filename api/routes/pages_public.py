"""Pages for everybody: home, verify, the QR code's page, signing in and out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.deps import (
    SESSION_COOKIE,
    MaybeVisitor,
    Visitor,
    address_of,
    form,
    services,
    staff,
    stranger,
    upload,
)
from api.errors import language_of, problem_of
from api.moments import parse_local
from api.pages import developers, start_views
from api.pages.public import QUESTIONS, public_state
from api.pages.rendering import page
from api.pages.seal_views import registered
from api.pages.verdict import verdict_view
from api.start_office import waiting_for
from api.stated import LONGEST, stated_purpose
from api.translating import translation
from api.wiring import Services
from seal.lifecycle import Official, Role
from trust.errors import Malformed, NotFound, Refused, Unauthenticated
from trust.journal import Actor

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]


@router.get("/")
def home(request: Request, found: Found, person: MaybeVisitor) -> Response:
    """首页: for a stranger what verifying is, for somebody signed in what waits for them."""
    translate = translation(request)
    if person is not None:
        return _start(request, found, person, translate)
    questions = [(icon, translate(title), translate(text)) for icon, title, text in QUESTIONS]
    return page(request, "home.html", visitor=person, questions=questions)


def _start(request: Request, found: Services, person: Visitor, translate: Callable[[str], str]) -> Response:
    account = person.account
    lines = waiting_for(found, Official(person.actor, Role(account.role)))
    names = {one.id: one.name for one in found.catalogue.departments()}
    return page(
        request,
        "start.html",
        visitor=person,
        waits=start_views.lines(lines, found.catalogue.list(), language_of(request), translate),
        place=names.get(account.department or "", ""),
        role=translate(Role(account.role).label),
    )


@router.get("/developers")
def developers_page(request: Request, found: Found, person: MaybeVisitor) -> Response:
    translate = translation(request)
    return page(
        request,
        "developers.html",
        visitor=person,
        groups=developers.groups(request.app.state.describe(), translate),
        titles={tag: translate(title) for tag, title in developers.TITLES.items()},
        base_url=found.settings.base_url,
    )


@router.get("/verify")
def verify_page(request: Request, person: MaybeVisitor) -> Response:
    return page(request, "verify.html", visitor=person, nav="verify", problem=None, stated=_NOTHING)


_NOTHING = {"purpose": "", "recipient": "", "at": ""}


async def uploaded(request: Request, data: Form) -> tuple[bytes, str] | Malformed:
    """The file, or why there is none: the page itself says so."""
    try:
        return await upload(request, data)
    except Malformed as error:
        return error


@router.post("/verify")
def verify_upload(
    request: Request,
    found: Found,
    person: MaybeVisitor,
    data: Form,
    given: Annotated[tuple[bytes, str] | Malformed, Depends(uploaded)],
    anybody: Annotated[Actor, Depends(stranger)],
) -> Response:
    said = {key: str(data.get(key, ""))[:LONGEST] for key in _NOTHING}
    try:
        if isinstance(given, Malformed):
            raise given
        moment = parse_local(said["at"])
    except Malformed as error:
        problem = problem_of(error, language_of(request)).detail
        return page(request, "verify.html", visitor=person, status=422, nav="verify", problem=problem, stated=said)
    content, name = given
    stated = stated_purpose(said["purpose"], said["recipient"])
    report = found.verify(content, person.actor if person else anybody, moment, stated)
    view = verdict_view(report, name, translation(request), language_of(request))
    picture = found.picture_of(content, report)
    known = registered(found.desk.seal_register, report)
    return page(request, "verdict.html", visitor=person, nav="verify", view=view, picture=picture, registered=known)


@router.get("/v/{licence_id}")
def public_check(
    request: Request, found: Found, licence_id: str, person: MaybeVisitor, anybody: Annotated[Actor, Depends(stranger)]
) -> Response:
    actor = replace(person.actor, department=None) if person else anybody  # staff see no less here than the public
    try:
        licence = found.find(licence_id, actor, "公众扫码查询", action="licence.public_check")
    except (NotFound, Malformed):
        return page(request, "public_check.html", visitor=person, status=404, found=False)
    now = found.clock()
    values = public_state(licence, found.register.status(licence.asked_id, now), now, translation(request))
    return page(request, "public_check.html", visitor=person, found=True, **values)


# Signing in


@router.get("/sign-in")
def sign_in_page(request: Request, person: MaybeVisitor, next: Annotated[str, Query()] = "/") -> Response:
    if person is not None:
        return RedirectResponse(_desk(person.account.role, inside(next)), 303)
    return page(request, "sign_in.html", nav="sign-in", problem=None, name="", next=inside(next))


@router.post("/sign-in")
def sign_in(request: Request, found: Found, data: Form) -> Response:
    name, target = str(data.get("name", ""))[:64], inside(str(data.get("next", "")))
    address = address_of(request)
    try:
        account = found.accounts.authenticate(name, str(data.get("password", "")), address=address)
    except (Unauthenticated, Refused) as error:
        problem = problem_of(error, language_of(request))
        status = 401 if isinstance(error, Unauthenticated) else problem.status
        return page(
            request, "sign_in.html", status=status, nav="sign-in", problem=problem.detail, name=name, next=target
        )
    token, _ = found.accounts.open_session(account, address=address)
    response = RedirectResponse(_desk(account.role, target), 303)
    settings = found.settings
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=settings.session_minutes * 60,
        httponly=True,
        samesite="lax",
        secure=settings.secure,
        path="/",
    )
    return response


@router.post("/sign-out")
def sign_out(found: Found, data: Form, person: Annotated[Visitor, Depends(staff)]) -> Response:
    found.accounts.close_session(person.token)
    response = RedirectResponse("/", 303)
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax", secure=found.settings.secure)
    return response


def _desk(role: str, target: str) -> str:
    """Where somebody goes on: the public pages offer issuing to whoever comes, and not all who come may issue."""
    return "/" if target == "/issue" and role != "officer" else target


def inside(target: str) -> str:
    """A path of ours to go on to; anything else leads home."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if plain and len(target) < 1000 else "/"
