"""Pages of the space: signing in, proving one's identity again, acting for another, signing out."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.deps import address_of, services, stranger, translation
from api.errors import language_of, problem_of
from api.holder_deps import SPACE_COOKIE, HolderVisitor, MaybeHolder, holder, holder_form
from api.pages.holder_views import capacity_rows
from api.pages.space_base import space_page
from api.signing_in import BROWSER_COOKIE, SIGNED_OUT, come_back, inside, origin_of, set_out
from api.wiring import Services
from licence_store.holding.attempts import LENGTH
from licence_store.holding.holder import LEVEL_TITLES, LEVELS
from trust.errors import LicenceTrustError
from trust.journal import Actor

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Space = Annotated[HolderVisitor, Depends(holder)]
Form = Annotated[FormData, Depends(holder_form)]
Next = Annotated[str, Query(max_length=2000)]
Level = Annotated[int, Query(ge=1, le=LEVELS[-1])]
ANSWERS = ("state", "code", "iss", "error")
UNTOLD = ("holder.attempt", "holder.denied")
"""Refusals that anybody can bring about by an address alone: they are no evidence."""


@router.get("/space/sign-in")
def sign_in(request: Request, found: Found, person: MaybeHolder, next: Next = "/space") -> Response:
    if person is not None:
        return RedirectResponse(inside(next), 303)
    return _sign_in_page(request, found, inside(next))


@router.get("/space/sign-in/start", dependencies=[Depends(stranger)])
def start(request: Request, found: Found, next: Next = "/space") -> Response:
    try:
        return _leave(request, found, *set_out(found, request, target=next, language=language_of(request)))
    except LicenceTrustError as error:
        return _sign_in_page(request, found, inside(next), error)


@router.get("/space/sign-in/callback", dependencies=[Depends(stranger)])
def callback(request: Request, found: Found) -> Response:
    answer = {name: request.query_params.get(name, "") for name in ANSWERS}
    address, before = address_of(request), request.cookies.get(SPACE_COOKIE, "")
    try:
        identity, target, again = come_back(found, request, answer)
        if again:
            token = found.spaces.prove_again(before, identity, address=address)
        else:
            token = found.spaces.open(identity, address=address)
            found.spaces.close(before, address=address)
    except LicenceTrustError as error:
        if error.code not in UNTOLD:
            nobody = Actor("holder:unknown", None, address, "page")
            found.journal.failed(error, actor=nobody, action="holder.sign_in", subject="space")
        return _sign_in_page(request, found, "/space", error)
    response = RedirectResponse(target, 303)
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


@router.get("/space/step-up/start", dependencies=[Depends(stranger), Depends(holder)])
def step_up_start(request: Request, found: Found, level: Level = 2, next: Next = "/space") -> Response:
    language = language_of(request)
    out = set_out(found, request, target=next, level=level, again=True, language=language)
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
    found.spaces.close(person.session.token, address=address_of(request))
    return forget(found, SIGNED_OUT)


@router.get("/space/signed-out")
def signed_out(request: Request, found: Found, person: MaybeHolder, closed: bool = False) -> Response:
    if person is not None:
        return RedirectResponse("/space", 303)
    origin = origin_of(request)
    party = found.relying_party(origin)
    leave = party.logout_url(f"{origin}{SIGNED_OUT}") if party else ""
    return space_page(request, "space_signed_out.html", None, leave=leave, closed=closed)


def forget(found: Services, target: str) -> Response:
    """Onward without the session's cookie."""
    response = RedirectResponse(target, 303)
    response.delete_cookie(SPACE_COOKIE, path="/", httponly=True, samesite="lax", secure=found.settings.secure)
    return response


def _leave(request: Request, found: Services, url: str, browser: str) -> Response:
    response = RedirectResponse(url, 303)
    _remember(found, response, BROWSER_COOKIE, browser, "/space", int(LENGTH.total_seconds()))
    return response


def _remember(found: Services, response: Response, name: str, value: str, path: str, seconds: int) -> None:
    response.set_cookie(
        name, value, max_age=seconds, httponly=True, samesite="lax", secure=found.settings.secure, path=path
    )


def _sign_in_page(request: Request, found: Services, target: str, error: LicenceTrustError | None = None) -> Response:
    """What signing in is, and, with an error, why it did not come about and what to do."""
    problem = problem_of(error, language_of(request)) if error else None
    party = found.relying_party(origin_of(request))
    values: dict[str, Any] = {
        "problem": problem,
        "provider": party is not None,
        "embedded": found.demonstration_provider is not None,
        "issuer": party.registration.issuer if party else "",
        "start": f"/space/sign-in/start?next={quote(target, safe='')}",
        "for_space": target == "/space",
    }
    return space_page(request, "space_sign_in.html", None, status=problem.status if problem else 200, **values)
