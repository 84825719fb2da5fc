"""自助终端 (R105, R102): a screen in a hall where anybody sees the state of a licence, and prints what is their own.

What somebody opens here is reached with a cookie that only these pages get, and for five minutes at most. A terminal
that nobody touches for a minute forgets them: session, cookies, what the browser kept, and the identity provider is
asked to forget them too. Whoever signs in here proves themselves anew, whomever the provider remembers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from api import space_office
from api.deps import address_of, services, stranger
from api.errors import language_of, problem_of
from api.holder_deps import HolderVisitor
from api.pages import space_views
from api.pages.kiosk import kiosk_page, whoever_stands_there
from api.pages.public import public_state
from api.pages.verdict import when
from api.routes.pages_space_sign_in import provider_rows
from api.signing_in import BROWSER_COOKIE, KIOSK, KIOSK_COOKIE, KIOSK_WAY, origin_of, set_out
from api.translating import translation
from api.wiring import Services
from licence_store.holding.attempts import LENGTH
from licence_store.sharing.comparing import licence_in
from trust.errors import LicenceTrustError, Malformed, NotFound
from trust.journal import Actor

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
_MOST: Final = 200


def kiosk_holder(request: Request, found: Found) -> HolderVisitor | None:
    """Whoever stands at the terminal, or nobody (any more)."""
    return whoever_stands_there(request, found)


Person = Annotated[HolderVisitor | None, Depends(kiosk_holder)]


@router.get(KIOSK)
def start(request: Request, found: Found, person: Person, over: bool = False, failed: bool = False) -> Response:
    if person is not None:
        return RedirectResponse(f"{KIOSK}/licences", 303)
    return _start(request, found, over=over, failed=failed)


def _start(
    request: Request, found: Services, status: int = 200, *, over: bool = False, failed: bool = False
) -> Response:
    rows = provider_rows(request, found, f"{KIOSK}/licences", f"{KIOSK}/start")
    return kiosk_page(request, "kiosk.html", None, status=status, providers=rows, failed=failed, over=over)


@router.get(f"{KIOSK}/start", dependencies=[Depends(stranger)])
def sign_in(request: Request, found: Found, by: Annotated[str, Query(max_length=40)] = "") -> Response:
    """To an identity provider, which must not take the last person's word for this one's."""
    try:
        party = found.providers(origin_of(request)).chosen(by)
        target, language = f"{KIOSK}/licences", language_of(request)
        url, browser = set_out(found, request, party, target=target, fresh=True, language=language)
    except LicenceTrustError as error:
        return _start(request, found, problem_of(error, language_of(request)).status, failed=True)
    response = RedirectResponse(url, 303)
    for name, value in ((BROWSER_COOKIE, browser), (KIOSK_WAY, "1")):
        response.set_cookie(
            name, value, max_age=int(LENGTH.total_seconds()), httponly=True, samesite="lax",
            secure=found.settings.secure, path="/space",
        )  # fmt: skip
    return response


@router.get(f"{KIOSK}/licences")
def licences(request: Request, found: Found, person: Person) -> Response:
    """What is in force in this person's name."""
    if person is None:
        return _over()
    translate, now = translation(request), found.clock()
    mine = space_office.gathering(found).licences(person.session)
    current = [one for one in mine if one.state == "CURRENT"]
    rows = [(one.licence_id, space_views.card(one, now, translate)) for one in current[:_MOST]]
    return kiosk_page(request, "kiosk_licences.html", person, rows=rows, others=len(mine) - len(current))


@router.get(f"{KIOSK}/licences/{{licence_id}}")
def licence(request: Request, found: Found, person: Person, licence_id: str) -> Response:
    """One face, to look at and to print; paper proves nothing, its code leads to the state."""
    if person is None:
        return _over()
    view = space_office.find(found, person.session, licence_id)
    width, height = found.face_size(view)
    return kiosk_page(
        request,
        "kiosk_licence.html",
        person,
        card=space_views.card(view.summary, found.clock(), translation(request)),
        face=f"{KIOSK}/licences/{quote(view.licence_id)}/face.png",
        width=width,
        height=height,
        moment=when(found.clock()),
    )


@router.get(f"{KIOSK}/licences/{{licence_id}}/face.png")
def face(found: Found, person: Person, licence_id: str) -> Response:
    if person is None:
        return _over()
    return Response(found.face_png(space_office.find(found, person.session, licence_id)), media_type="image/png")


@router.get(f"{KIOSK}/check")
def check(
    request: Request,
    found: Found,
    person: Person,
    anybody: Annotated[Actor, Depends(stranger)],
    code: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """状态查询: a reader of codes types what it reads and ends the line; so does a keyboard. Whoever is signed in
    meanwhile is told so, and forgotten from here too.
    """
    if not code.strip():
        return kiosk_page(request, "kiosk_check.html", person, asked="", state=None)
    try:
        actor = replace(anybody, department=None)
        view = found.find(licence_in(code), actor, "自助终端查询", action="licence.public_check")
    except (NotFound, Malformed):
        return kiosk_page(request, "kiosk_check.html", person, status=404, asked=code, state=None)
    now = found.clock()
    state = public_state(view, found.register.status(view.asked_id, now), now, translation(request))
    return kiosk_page(request, "kiosk_check.html", person, asked=code, state=state)


@router.get(f"{KIOSK}/end")
def end(request: Request, found: Found, person: Person) -> Response:
    """忘记: by a touch, or because nobody touched; an address, since a page without scripts can only go to one."""
    word = found.spaces.close(person.session.token, address=address_of(request)) if person else ""
    if person is None or not word:
        return _over()
    origin = origin_of(request)
    try:
        kept_as = found.desk.holders.get(person.session.account_id).issuer
        party = found.providers(origin).keeper(kept_as)
    except LicenceTrustError:
        return _over()
    silent = party.registration.signs_out_silently  # a question there would stay on a screen that nobody looks at
    leave = party.logout_url(f"{origin}{KIOSK}", word) if silent else ""
    return _over(leave) if leave else _over()


def _over(target: str = f"{KIOSK}?over=true") -> Response:
    """Onward with nothing left behind."""
    response = RedirectResponse(target, 303, {"Clear-Site-Data": '"cache", "storage"'})
    response.delete_cookie(KIOSK_COOKIE, path=KIOSK, httponly=True, samesite="lax")
    for name in (BROWSER_COOKIE, KIOSK_WAY):
        response.delete_cookie(name, path="/space", httponly=True, samesite="lax")
    return response
