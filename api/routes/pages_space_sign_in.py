"""Pages of the space: signing in, proving one's identity again, acting for another, signing out."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.deps import address_of, services, stranger
from api.errors import language_of, problem_of
from api.holder_deps import SPACE_COOKIE, HolderVisitor, MaybeHolder, holder, holder_form
from api.oidc import RelyingParty
from api.pages.holder_views import capacity_rows
from api.pages.space_base import space_page
from api.providers import EMBEDDED
from api.registrations import Registration
from api.signing_in import (
    BROWSER_COOKIE,
    CALLBACK,
    KIOSK,
    KIOSK_COOKIE,
    KIOSK_LENGTH,
    KIOSK_WAY,
    SIGNED_OUT,
    at_terminal,
    come_back,
    inside,
    origin_of,
    set_out,
)
from api.translating import translation
from api.wiring import Services
from licence_store.holding.attempts import LENGTH
from licence_store.holding.holder import LEVEL_TITLES, LEVELS
from licence_store.holding.sessions import KIOSK as KIOSK_CHANNEL
from trust.errors import LicenceTrustError
from trust.journal import Actor

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Space = Annotated[HolderVisitor, Depends(holder)]
Form = Annotated[FormData, Depends(holder_form)]
Next = Annotated[str, Query(max_length=2000)]
Level = Annotated[int, Query(ge=1, le=LEVELS[-1])]
By = Annotated[str, Query(max_length=40)]
"""Key of an identity provider."""
ANSWERS = ("state", "code", "iss", "error")
UNTOLD = ("holder.attempt", "holder.denied")
"""Refusals that anybody can bring about by an address alone: they are no evidence."""


@router.get("/space/sign-in")
def sign_in(request: Request, found: Found, person: MaybeHolder, next: Next = "/space") -> Response:
    if person is not None:
        return RedirectResponse(inside(next), 303)
    return _sign_in_page(request, found, inside(next))


@router.get("/space/sign-in/start", dependencies=[Depends(stranger)])
def start(request: Request, found: Found, next: Next = "/space", by: By = "") -> Response:
    try:
        party = found.providers(origin_of(request)).chosen(by)
        return _leave(request, found, *set_out(found, request, party, target=next, language=language_of(request)))
    except LicenceTrustError as error:
        return _sign_in_page(request, found, inside(next), error)


@router.get(CALLBACK, dependencies=[Depends(stranger)])
def callback(request: Request, found: Found) -> Response:
    return _returned(request, found, "")


@router.get(f"{CALLBACK}/{{key}}", dependencies=[Depends(stranger)])
def callback_of_one(request: Request, found: Found, key: str) -> Response:
    return _returned(request, found, key[:40])


def _returned(request: Request, found: Services, key: str) -> Response:
    """Somebody comes back from the provider ``key``."""
    answer = {name: request.query_params.get(name, "") for name in ANSWERS}
    address, before = address_of(request), request.cookies.get(SPACE_COOKIE, "")
    try:
        identity, target, again = come_back(found, request, key, answer)
        at_kiosk = at_terminal(target)
        if again:
            token = found.spaces.prove_again(before, identity, address=address)
        elif at_kiosk:
            token = found.spaces.open(identity, address=address, channel=KIOSK_CHANNEL, length=KIOSK_LENGTH)
        else:
            token = found.spaces.open(identity, address=address)
            found.spaces.close(before, address=address)
    except LicenceTrustError as error:
        if error.code not in UNTOLD:
            nobody = Actor("holder:unknown", None, address, "page")
            found.journal.failed(error, actor=nobody, action="holder.sign_in", subject="space")
        if request.cookies.get(KIOSK_WAY):
            return RedirectResponse(f"{KIOSK}?failed=true", 303)
        return _sign_in_page(request, found, "/space", error)
    response = RedirectResponse(target, 303)
    if at_kiosk:
        _remember(found, response, KIOSK_COOKIE, token, KIOSK, int(KIOSK_LENGTH.total_seconds()))
    else:
        _remember(found, response, SPACE_COOKIE, token, "/", found.settings.space_minutes * 60)
    return response


@router.get("/space/step-up")
def step_up(request: Request, found: Found, person: Space, level: Level = 2, next: Next = "/space") -> Response:
    target, session, translate = inside(next), person.session, translation(request)
    if session.proves(level, found.clock()):
        return RedirectResponse(target, 303)
    return space_page(
        request,
        "space_step_up.html",
        person,
        start=f"/space/step-up/start?level={level}&next={quote(target, safe='')}",
        target=target,
        wanted=translate(LEVEL_TITLES[level]),
        enough=session.assurance >= level,
        minutes=found.settings.proof_minutes,
    )


def voucher(request: Request, found: Services, person: HolderVisitor) -> RelyingParty:
    """The provider by which they signed in: nobody else can say it is the same person."""
    kept_as = found.desk.holders.get(person.session.account_id).issuer
    return found.providers(origin_of(request)).keeper(kept_as)


@router.get("/space/step-up/start", dependencies=[Depends(stranger)])
def step_up_start(request: Request, found: Found, person: Space, level: Level = 2, next: Next = "/space") -> Response:
    party, language = voucher(request, found, person), language_of(request)
    out = set_out(found, request, party, target=next, level=level, again=True, language=language)
    return _leave(request, found, *out)


@router.get("/space/switch")
def switch(request: Request, found: Found, person: Space, next: Next = "/space") -> Response:
    rows = capacity_rows(found.spaces.capacities(person.session.token), person.session, translation(request))
    return space_page(request, "space_switch.html", person, rows=rows, next=inside(next))


@router.post("/space/switch")
def switched(request: Request, found: Found, data: Form, person: Space) -> Response:
    found.spaces.act_for(person.session.token, str(data.get("key", ""))[:80], address=address_of(request))
    return RedirectResponse(inside(str(data.get("next", ""))), 303)


@router.post("/space/sign-out")
def sign_out(request: Request, found: Found, data: Form, person: Space) -> Response:
    gone = said_goodbye(request, found, person)
    found.spaces.close(person.session.token, address=address_of(request))
    return forget(found, gone)


@router.get("/space/signed-out")
def signed_out(request: Request, found: Found, person: MaybeHolder, closed: bool = False, by: By = "") -> Response:
    if person is not None:
        return RedirectResponse("/space", 303)
    leave = leave_url(request, found, by, SIGNED_OUT)
    return space_page(request, "space_signed_out.html", None, leave=leave, closed=closed)


def said_goodbye(request: Request, found: Services, person: HolderVisitor, **more: str) -> str:
    """The page after signing out, which knows where else they are signed in."""
    try:
        more |= {"by": voucher(request, found, person).registration.key}
    except LicenceTrustError:
        more |= {"by": "-"}
    asked = urlencode({name: value for name, value in more.items() if value})
    return f"{SIGNED_OUT}?{asked}" if asked else SIGNED_OUT


def leave_url(request: Request, found: Services, key: str, back: str) -> str:
    """Where one signs out of the provider ``key`` too, to come back to ``back``; empty: nowhere."""
    origin = origin_of(request)
    try:
        return found.providers(origin).chosen(key).logout_url(f"{origin}{back}")
    except LicenceTrustError:
        return ""


def forget(found: Services, target: str) -> Response:
    """Onward without the session's cookie."""
    response = RedirectResponse(target, 303)
    response.delete_cookie(SPACE_COOKIE, path="/", httponly=True, samesite="lax", secure=found.settings.secure)
    return response


def _leave(request: Request, found: Services, url: str, browser: str) -> Response:
    response = RedirectResponse(url, 303)
    response.delete_cookie(KIOSK_WAY, path="/space")
    _remember(found, response, BROWSER_COOKIE, browser, "/space", int(LENGTH.total_seconds()))
    return response


def _remember(found: Services, response: Response, name: str, value: str, path: str, seconds: int) -> None:
    response.set_cookie(
        name, value, max_age=seconds, httponly=True, samesite="lax", secure=found.settings.secure, path=path
    )


def _sign_in_page(request: Request, found: Services, target: str, error: LicenceTrustError | None = None) -> Response:
    """What signing in is, and, with an error, why it did not come about and what to do."""
    language = language_of(request)
    problem = problem_of(error, language) if error else None
    values: dict[str, Any] = {
        "problem": problem,
        "providers": provider_rows(request, found, target, "/space/sign-in/start"),
        "for_space": target == "/space",
    }
    return space_page(request, "space_sign_in.html", None, status=problem.status if problem else 200, **values)


def provider_rows(request: Request, found: Services, target: str, start: str) -> list[dict[str, Any]]:
    """Providers to choose from; each leads by ``start``, and from there to ``target``."""
    parties, language = found.providers(origin_of(request)).parties, language_of(request)
    return [_offer(one.registration, target, start, language) for one in parties]


def _offer(one: Registration, target: str, start: str, language: str) -> dict[str, Any]:
    by = f"&by={one.key}" if one.key else ""
    return {
        "title": one.named(language),
        "embedded": one.account_issuer == EMBEDDED,
        "issuer": one.issuer,
        "highest": one.highest,
        "start": f"{start}?next={quote(target, safe='')}{by}",
    }
