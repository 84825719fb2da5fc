"""亮证页面: the holder chooses and shows a code; whoever scans it opens it once; staff scan or type it at a window."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, RedirectResponse, Response

from api import space_office
from api.deps import MaybeVisitor, Visitor, form, officer, services, stranger
from api.errors import language_of
from api.holder_deps import HolderVisitor, holder, holder_form
from api.pages import space_views
from api.pages.licence_views import badge, face_rows
from api.pages.refusals import said, status_of
from api.pages.rendering import page
from api.pages.seal_forms import text_of
from api.pages.space_base import space_page
from api.pages.verdict import verdict_view, when
from api.translating import translation
from api.wiring import Services
from licence_store.holding.holder import NONE
from licence_store.presenting.presenter import CODE_DIGITS, LOOK, Shown
from licence_store.qr import qr_rows
from trust.errors import LicenceTrustError, Malformed, NotFound
from trust.journal import Actor

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Space = Annotated[HolderVisitor, Depends(holder)]
SpaceForm = Annotated[FormData, Depends(holder_form)]
StaffForm = Annotated[FormData, Depends(form)]
Officer = Annotated[Visitor, Depends(officer)]
Anybody = Annotated[Actor, Depends(stranger)]
CLAIM = "lt_shown"
"""Cookie of whoever opened a presentation."""
MINUTES = (1, 2, 5)
CAMERA = {"Permissions-Policy": "camera=(self), microphone=(), geolocation=()"}


# The holder


@router.get("/space/present")
def choose(request: Request, found: Found, person: Space) -> Response:
    """Which licence, and what was presented lately."""
    translate, now, who = translation(request), found.clock(), person.session
    who.demand("use")
    mine = [one for one in space_office.gathering(found).licences(who) if one.state == "CURRENT"]
    lately = space_office.presentations(found, who, 10)
    return space_page(
        request,
        "space_present.html",
        person,
        nav="present",
        cards=[space_views.card(one, now, translate) for one in mine if who.may("use", one.type_code, NONE)],
        lately=[
            space_views.presentation_row(one, space_office.subject(found, one.base), now, translate) for one in lately
        ],
    )


@router.get("/space/licences/{licence_id}/present")
def present_page(request: Request, found: Found, person: Space, licence_id: str) -> Response:
    return _present_form(request, found, person, licence_id, {})


def _present_form(
    request: Request,
    found: Services,
    person: HolderVisitor,
    licence_id: str,
    given: dict[str, Any],
    error: LicenceTrustError | None = None,
) -> Response:
    translate, who = translation(request), person.session
    view = found.desk.presenter.own(who, licence_id)
    space_office.looked(found, who, view)
    definition = found.catalogue.get(view.summary.type_code)
    titles = [title for title, _ in face_rows(view.message, definition, language_of(request))]
    usual = {one.name for one in view.message.face if one.value != who.holder.code}
    chosen = given.get("fields", usual)
    return space_page(
        request,
        "space_present_form.html",
        person,
        nav="present",
        status=status_of(error, request),
        problem=said(error, request),
        card=space_views.card(view.summary, found.clock(), translate),
        base=space_views.address(view.licence_id),
        fields=[
            (one.name, title, one.text, one.name in chosen)
            for one, title in zip(view.message.face, titles, strict=True)
        ],
        departments=[(one.id, one.name) for one in found.catalogue.departments()],
        minutes=MINUTES,
        asked={"verifier": "", "purpose": "", "minutes": 2, **given},
    )


@router.post("/space/licences/{licence_id}/present")
def offer(request: Request, found: Found, person: Space, licence_id: str, data: SpaceForm) -> Response:
    """The code is shown in the answer and kept nowhere: another one is made by asking again."""
    translate = translation(request)
    minutes = text_of(data, "minutes")
    given: dict[str, Any] = {
        "fields": {one for one in data.getlist("field") if isinstance(one, str)},
        "verifier": text_of(data, "verifier", 32),
        "purpose": text_of(data, "purpose", 300),
        "minutes": int(minutes) if minutes in map(str, MINUTES) else 2,
    }
    try:
        offered, address = space_office.offer(
            found,
            person.session,
            licence_id,
            fields=given["fields"],
            verifier=given["verifier"],
            purpose=given["purpose"],
            valid=timedelta(minutes=given["minutes"]),
        )
    except NotFound:
        raise
    except LicenceTrustError as error:
        return _present_form(request, found, person, licence_id, given, error)
    view = found.desk.presenter.own(person.session, licence_id)
    departments = {one.id: one.name for one in found.catalogue.departments()}
    code = offered.code
    return space_page(
        request,
        "space_code.html",
        person,
        nav="present",
        id=offered.id,
        card=space_views.card(view.summary, found.clock(), translate),
        qr=_modules(address),
        code=" ".join(code[start : start + 3] for start in range(0, CODE_DIGITS, 3)),
        seconds=int((offered.expires - found.clock()).total_seconds()),
        until=when(offered.expires)[11:],
        verifier=departments.get(given["verifier"], ""),
        purpose=given["purpose"],
    )


def _modules(address: str) -> tuple[int, str]:
    """The side with quiet zone, and the dark modules as one path."""
    rows = qr_rows(address)
    path = "".join(f"M{x + 4} {y + 4}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return len(rows) + 8, path


@router.get("/space/presentations/{presentation_id}")
def state(request: Request, found: Found, person: Space, presentation_id: str) -> Response:
    """For the page that shows the code: has somebody opened it?"""
    one = space_office.presentation(found, person.session, presentation_id)
    row = space_views.presentation_row(one, space_office.subject(found, one.base), found.clock(), translation(request))
    return JSONResponse({"state": row["state"], "word": row["word"], "who": row["who"]})


@router.post("/space/presentations/{presentation_id}/end")
def end(found: Found, person: Space, presentation_id: str, data: SpaceForm) -> Response:
    found.desk.presenter.end(person.session, presentation_id)
    return RedirectResponse("/space/present", 303)


# Whoever scans the code


@router.get("/present/{token}")
def scanned(request: Request, found: Found, person: MaybeVisitor, anybody: Anybody, token: str) -> Response:
    """Nothing is opened by an address alone: previews and scanners fetch it too."""
    one = found.desk.presenter.peek(token)
    state = one.state(found.clock())
    departments = {each.id: each.name for each in found.catalogue.departments()}
    other = bool(one.verifier) and (person is None or person.account.department != one.verifier)
    return page(
        request,
        "present_open.html",
        visitor=person,
        nav="verify",
        token=token,
        state=state,
        verifier=departments.get(one.verifier, ""),
        other=other,
        purpose=one.purpose,
    )


@router.post("/present/{token}")
def open_it(found: Found, person: MaybeVisitor, anybody: Anybody, token: str, data: StaffForm) -> Response:
    return _opened(found, space_office.open_token(found, person.actor if person else anybody, token))


def _opened(found: Services, shown: Shown) -> Response:
    """On to the page that only this browser sees."""
    target = f"/present/shown/{shown.view.id}"
    response = RedirectResponse(target, 303)
    response.set_cookie(
        CLAIM, shown.claim, max_age=int(LOOK.total_seconds()), httponly=True, samesite="strict",
        secure=found.settings.secure, path=target,
    )  # fmt: skip
    return response


@router.get("/present/shown/{presentation_id}")
def shown_page(request: Request, found: Found, person: MaybeVisitor, presentation_id: str) -> Response:
    """The face as the holder shows it, and the verdict on the original as of now."""
    translate, language = translation(request), language_of(request)
    shown = found.desk.presenter.find(presentation_id, request.cookies.get(CLAIM, ""))
    one = shown.licence.summary
    definition = found.catalogue.get(one.type_code)
    verdict = verdict_view(space_office.verdict(found, shown), "", translate, language)
    rows = face_rows(shown.licence.message, definition, language)
    names = [each.name for each in shown.licence.message.face]
    width, height = found.face_size(shown.licence)
    return page(
        request,
        "present_shown.html",
        visitor=person,
        nav="verify",
        base=f"/present/shown/{presentation_id}",
        title=translate(one.type_name),
        issuer=one.issuer_name,
        badge=badge(one.state, translate),
        valid_to=one.valid_to or translate("长期"),
        rows=[
            (title, text if name in shown.view.shown else None) for name, (title, text) in zip(names, rows, strict=True)
        ],
        verdict=verdict,
        purpose=shown.view.purpose,
        opened=when(shown.view.opened),
        until=when(shown.until)[11:],
        seconds=max(0, int((shown.until - found.clock()).total_seconds())),
        width=width,
        height=height,
    )


@router.get("/present/shown/{presentation_id}/face.png")
def shown_face(request: Request, found: Found, presentation_id: str) -> Response:
    shown = found.desk.presenter.find(presentation_id, request.cookies.get(CLAIM, ""))
    return Response(space_office.masked_picture(found, shown), media_type="image/png")


# Staff at a window


@router.get("/window/scan")
def scan_page(request: Request, found: Found, person: Officer) -> Response:
    return _scan(request, person)


def _scan(request: Request, person: Visitor, error: LicenceTrustError | None = None) -> Response:
    response = page(
        request,
        "window_present.html",
        visitor=person,
        nav="scan",
        status=status_of(error, request),
        problem=said(error, request),
    )
    response.headers.update(CAMERA)
    return response


@router.post("/window/scan")
def scan(request: Request, found: Found, person: Officer, data: StaffForm) -> Response:
    """What was scanned, typed or photographed. A guess at a code costs as much as any other question of this person."""
    found.scan_rate.admit(person.account.name)
    text = text_of(data, "code", 400)
    try:
        if not text:
            raise Malformed("present.code", "请扫描或输入亮证码。")
        return _opened(found, space_office.open_code(found, person.actor, text))
    except LicenceTrustError as error:
        return _scan(request, person, error)
