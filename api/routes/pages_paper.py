"""套打页: print a licence on a pre-printed form, and account for the form."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import paper_office
from api.deps import Visitor, form, officer, services
from api.pages.form_text import text_of
from api.pages.refusals import status_of
from api.pages.rendering import page
from api.pages.verdict import when
from api.translating import translation
from api.wiring import Services
from trust.errors import LicenceTrustError, NotFound
from trust.i18n import N_

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
Officer = Annotated[Visitor, Depends(officer)]
Shift = Annotated[str, Query(max_length=12)]
USES = {"printed": N_("已打印"), "spoilt": N_("已作废")}


@router.get("/licences/{licence_id}/overprint")
def overprint(request: Request, found: Found, licence_id: str, person: Officer) -> Response:
    return _page(request, found, licence_id, person, {})


@router.post("/licences/{licence_id}/overprint")
def print_on(request: Request, found: Found, licence_id: str, person: Officer, data: Form) -> Response:
    """Account for the form, then show what goes on it."""
    given = {name: text_of(data, name) for name in ("form", "act", "reason", "right", "down", "qr")}
    view, _ = paper_office.find(found, licence_id, person.actor)
    desk = paper_office.paper_desk(found)
    try:
        moved = paper_office.shift(given["right"]), paper_office.shift(given["down"])
        if given["act"] == "spoil":
            desk.spoil(view, given["form"], given["reason"], person.actor)
            return RedirectResponse(f"/licences/{quote(view.licence_id)}/overprint", 303)
        desk.print_on(view, given["form"], person.actor)
    except LicenceTrustError as error:
        return _page(request, found, licence_id, person, given, error)
    query = urlencode({"form": given["form"].strip(), "right": moved[0], "down": moved[1], "qr": given["qr"]})
    return RedirectResponse(f"/licences/{quote(view.licence_id)}/overprint/sheet?{query}", 303)


@router.get("/licences/{licence_id}/overprint/sheet")
def sheet(
    request: Request,
    found: Found,
    licence_id: str,
    person: Officer,
    form: Annotated[str, Query(max_length=60)],
    right: Shift = "0",
    down: Shift = "0",
    qr: Annotated[str, Query(max_length=5)] = "",
) -> Response:
    """The sheet for a form that is accounted for: on screen with the button, on paper nothing but the values."""
    view, uses = paper_office.find(found, licence_id, person.actor)
    if form not in {one.form_number for one in uses if one.use == "printed"}:
        raise NotFound("paper.unknown", "该证照没有在编号为“{number}”的空白证照上打印过。", number=form)
    width, height = paper_office.paper_desk(found).size(view)
    base = f"/licences/{quote(view.licence_id)}/overprint"
    moved = {"right": paper_office.shift(right), "down": paper_office.shift(down)}
    return page(
        request,
        "overprint_sheet.html",
        visitor=person,
        nav="licences",
        base=base,
        form=form,
        number=view.summary.licence_number,
        width=f"{width:g}",
        height=f"{height:g}",
        picture=f"{base}.png?{urlencode({'qr': qr})}",
        style=f"{base}.css?{urlencode(moved)}",
    )


@router.get("/licences/{licence_id}/overprint.png")
def picture(found: Found, licence_id: str, person: Officer, qr: Annotated[str, Query(max_length=5)] = "") -> Response:
    view, _ = paper_office.find(found, licence_id, person.actor)
    content = paper_office.paper_desk(found).page(view, qr=qr == "yes")
    return Response(content, media_type="image/png", headers={"Cache-Control": "private, no-store"})


@router.get("/licences/{licence_id}/overprint.css")
def style(found: Found, licence_id: str, person: Officer, right: Shift = "0", down: Shift = "0") -> Response:
    """``@page`` of the licence's own size."""
    view = found.register.find(licence_id)
    width, height = paper_office.paper_desk(found).size(view)
    text = paper_office.style_sheet(width, height, paper_office.shift(right), paper_office.shift(down))
    return Response(text, media_type="text/css", headers={"Cache-Control": "private, no-store"})


def _page(
    request: Request,
    found: Services,
    licence_id: str,
    person: Visitor,
    given: dict[str, str],
    error: LicenceTrustError | None = None,
) -> Response:
    translate = translation(request)
    view, uses = paper_office.find(found, licence_id, person.actor)
    width, height = paper_office.paper_desk(found).size(view)
    spoilt = {one.form_number for one in uses if one.use == "spoilt"}
    return page(
        request,
        "overprint.html",
        visitor=person,
        status=status_of(error, request),
        nav="licences",
        base=f"/licences/{quote(view.licence_id)}/overprint",
        licence=f"/licences/{quote(view.licence_id)}",
        type=view.summary.type_name,
        number=view.summary.licence_number,
        holder=view.summary.holder_name,
        current=view.state == "CURRENT",
        width=f"{width:g}",
        height=f"{height:g}",
        given=given,
        problem=" ".join(error.localised(translate)) if error else "",
        uses=[
            {
                "form": one.form_number,
                "use": translate(USES[one.use]),
                "good": one.use == "printed",
                "when": when(one.happened),
                "who": one.actor,
                "reason": one.reason,
                "may_spoil": one.use == "printed" and one.form_number not in spoilt,
            }
            for one in uses
        ],
    )
