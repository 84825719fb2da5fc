"""Pages and endpoints of the demonstration provider; outside of demonstration regions they do not exist."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.deps import checked_form, services
from api.errors import language_of, problem_of
from api.form_parsing import posted_form
from api.pages.rendering import CSRF_COOKIE, page
from api.signing_in import origin_of
from api.testidp.people import DemoPerson, person_of, sample_people
from api.testidp.provider import AFTERWARDS, LEVELS, PATH, Asked, DemonstrationProvider
from api.wiring import Services
from licence_store.holding.holder import LEVEL_TITLES
from trust.errors import LicenceTrustError
from trust.i18n import translator

router = APIRouter(prefix=PATH, include_in_schema=False)
Found = Annotated[Services, Depends(services)]


async def form(request: Request) -> AsyncIterator[FormData]:
    """The posted form, if it comes from our page in this browser; who else is signed in here does not matter."""
    async for data in checked_form(request, request.cookies.get(CSRF_COOKIE, ""), 50):
        yield data


Form = Annotated[FormData, Depends(form)]
PARAMETERS = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "acr_values",
)


def provider(found: Found) -> DemonstrationProvider:
    """The region's, or 404."""
    kept = found.demonstration_provider
    if kept is None:
        raise HTTPException(404)
    return kept


Provider = Annotated[DemonstrationProvider, Depends(provider)]


@router.get("/.well-known/openid-configuration")
def discovery(request: Request, kept: Provider) -> JSONResponse:
    return JSONResponse(kept.discovery(origin_of(request)))


@router.get("/jwks")
def jwks(kept: Provider) -> JSONResponse:
    return JSONResponse(kept.jwks())


@router.get("/authorize")
def authorize(request: Request, found: Found, kept: Provider) -> Response:
    asked = {name: request.query_params.get(name, "")[:2000] for name in PARAMETERS}
    return _choose(request, found, kept.check(asked), asked)


@router.post("/authorize")
def authorized(request: Request, found: Found, kept: Provider, data: Form) -> Response:
    asked = {name: _text(data, name, 2000) for name in PARAMETERS}
    checked, origin = kept.check(asked), origin_of(request)
    if _text(data, "act", 10) == "deny":
        return RedirectResponse(kept.deny(checked, origin), 303)
    try:
        chosen = person_of(
            found.desk, _text(data, "code", 64) or _text(data, "other_code", 64), _text(data, "name", 100)
        )
    except LicenceTrustError as error:
        return _choose(request, found, checked, asked, error)
    level = LEVELS.get(_text(data, "level", 10), checked.level)
    return RedirectResponse(kept.grant(checked, origin, chosen.person, level, chosen.company), 303)


@router.post("/token")
async def token(request: Request, kept: Provider) -> JSONResponse:
    async with posted_form(request, files=0) as data:
        answer = kept.token({name: value for name, value in data.items() if isinstance(value, str)})
    return JSONResponse(answer, 400 if "error" in answer else 200, {"Cache-Control": "no-store"})


@router.get("/logout")
def logout(request: Request, kept: Provider) -> Response:
    """There is nothing to sign out of; one goes on where one came from."""
    target = request.query_params.get("post_logout_redirect_uri", "")
    return RedirectResponse(target if kept.returns_to(target, AFTERWARDS) else "/", 303)


def _choose(
    request: Request, found: Services, asked: Asked, parameters: dict[str, str], error: LicenceTrustError | None = None
) -> Response:
    language = language_of(request)
    translate = translator(language)
    problem = problem_of(error, language) if error else None
    return page(
        request,
        "test_idp.html",
        status=problem.status if problem else 200,
        hidden=[(name, value) for name, value in parameters.items() if value],
        people=[_shown(one) for one in sample_people(found.desk)],
        levels=[(acr, translate(LEVEL_TITLES[level]), level == asked.level) for acr, level in LEVELS.items()],
        problem=problem.detail if problem else "",
    )


def _shown(one: DemoPerson) -> dict[str, Any]:
    company = one.company.name if one.company else ""
    return {"code": one.person.code, "masked": one.person.masked_code, "name": one.person.name, "company": company}


def _text(data: FormData, name: str, most: int) -> str:
    value = data.get(name, "")
    return value[:most] if isinstance(value, str) else ""
