"""窗口页面: what waits to be checked, and each item beside its original: accepted to B, or refused with a reason."""

# ruff: noqa: FAST003 - the dependency ``the_item`` reads the id in the path

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import cursors, material_office
from api.deps import Visitor, form, services, staff, upload
from api.errors import language_of
from api.pages import material_views, register_views
from api.pages.form_text import text_of
from api.pages.licence_views import face_rows
from api.pages.refusals import said, status_of
from api.pages.rendering import page
from api.routes.materials import picture_answer, provenance_answer
from api.translating import translation
from api.wiring import Services
from licence_store.materials.checking import Checked
from licence_store.materials.scope import demand_officer
from licence_store.materials.views import MaterialView
from seal.lifecycle import Official, Role
from trust.errors import LicenceTrustError, Malformed, NotFound

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
Staff = Annotated[Visitor, Depends(staff)]
PAGE = 25
WIDTH = 1600
"""Dots of a page's width: enough to read small print enlarged."""


def official(person: Staff) -> Official:
    """办理人: the person in the one role of the account."""
    return Official(person.actor, Role(person.account.role))


Who = Annotated[Official, Depends(official)]


# The work list


@router.get("/window")
def work_list(
    request: Request,
    found: Found,
    person: Staff,
    who: Who,
    show: Literal["waiting", "checked", "refused", "all"] = "waiting",
    kind: Annotated[str, Query(max_length=40)] = "",
    type: Annotated[str, Query(max_length=80)] = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """What this window is to check, oldest first."""
    after = cursors.decode(cursor, 1)[0] if cursor else ""
    listed = found.desk.materials.waiting(who, kind=kind, type_code=type, show=show, after=after, limit=PAGE)
    translate, language = translation(request), language_of(request)
    titles = type_titles(found, language)
    asked = {"show": show, "kind": kind, "type": type}
    return page(
        request,
        "window_list.html",
        visitor=person,
        nav="window",
        rows=[material_views.card(one, titles, language, translate) for one in listed.items],
        tabs=[
            {"href": f"/window?{urlencode({**asked, 'show': name})}", "title": translate(title), "here": name == show}
            for name, title in material_views.SHOW.items()
        ],
        asked=asked,
        kinds=material_views.kind_choices(language),
        types=sorted(titles.items(), key=lambda one: one[1]),
        more=urlencode({**asked, "cursor": cursors.encode([listed.next])}) if listed.next else "",
    )


@router.post("/window/lookup")
def lookup(request: Request, found: Found, person: Staff, who: Who, data: Form) -> Response:
    """Whoever stands at the counter names themself; the officer says why they look."""
    translate, language = translation(request), language_of(request)
    code, purpose = text_of(data, "holder_code"), text_of(data, "purpose")
    problem: LicenceTrustError | None = None
    rows: list[dict[str, Any]] = []
    try:
        listed = found.desk.materials.at_window(who, code, purpose)
        rows = [material_views.card(one, type_titles(found, language), language, translate) for one in listed.items]
    except Malformed as error:
        problem = error
    return page(
        request,
        "window_lookup.html",
        visitor=person,
        nav="window",
        status=status_of(problem, request),
        problem=said(problem, request),
        rows=rows,
        code=code,
        purpose=purpose,
    )


@router.post("/window/receive")
def receive(request: Request, found: Found, person: Staff, who: Who, data: Form) -> Response:
    """接件: an item of the holder at the counter is received for a case."""
    item = text_of(data, "item")
    found.desk.materials.link(
        text_of(data, "case_number"), who, subject=item, holder_code=text_of(data, "holder_code"),
        service_item=text_of(data, "service_item"),
    )  # fmt: skip
    return RedirectResponse(f"{material_views.address(item)}?done=link", 303)


# A window's own scan


@router.get("/window/materials/new")
def new(request: Request, found: Found, person: Staff, who: Who) -> Response:
    demand_officer(who)
    return _new_page(request, found, person, None, None)


@router.post("/window/materials/new")
async def scan(request: Request, found: Found, person: Staff, who: Who, data: Form) -> Response:
    """窗口扫描件: compared with the original at once, B."""
    from starlette.concurrency import run_in_threadpool

    try:
        content, name = await upload(request, data)
        return await run_in_threadpool(_scan, found, who, data, name, content)
    except LicenceTrustError as error:
        return await run_in_threadpool(_new_page, request, found, person, data, error)


def _scan(found: Services, who: Official, data: FormData, name: str, content: bytes) -> Response:
    made = material_office.scan(
        found, who, text_of(data, "holder_code"), name, content, checked_of(data), title=text_of(data, "title"),
        type_code=text_of(data, "type"), number=text_of(data, "number"),
    )  # fmt: skip
    return RedirectResponse(f"{material_views.address(made.id)}?done=scan", 303)


def _new_page(
    request: Request, found: Services, person: Visitor, data: FormData | None, error: LicenceTrustError | None
) -> Response:
    translate, language = translation(request), language_of(request)
    names = ("holder_code", "title", "type", "number", "reason", "valid_until")
    given = {name: text_of(data, name) if data else "" for name in names}
    rows = [
        {"n": n, "title": title, "upload": "", "original": "", "differs": False}
        for n, title in enumerate(map(translate, material_views.GENERIC))
    ]
    if data is not None:
        rows = [
            {**row, "title": a, "upload": u, "original": o, "differs": bool(u and o and u != o)}
            for row, (a, u, o) in zip(rows, (material_views.row_given(data, n) for n in range(len(rows))), strict=True)
        ]
    return page(
        request,
        "window_scan.html",
        visitor=person,
        nav="window",
        status=status_of(error, request),
        problem=said(error, request),
        given=given,
        rows=rows,
        seen=bool(data and data.get("original_seen")),
        types=sorted(type_titles(found, language).items(), key=lambda one: one[1]),
    )


# One item


def the_item(item_id: str, found: Found, who: Who) -> MaterialView:
    """The item, for an officer in charge of it or an auditor; another's is unknown."""
    return found.desk.materials.get(f"m-{item_id}", who)


TheItem = Annotated[MaterialView, Depends(the_item)]


@router.get("/window/materials/m-{item_id}")
def item(
    request: Request,
    found: Found,
    view: TheItem,
    person: Staff,
    who: Who,
    done: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    return _item_page(request, found, person, who, view, done=done)


@router.post("/window/materials/m-{item_id}")
def act(request: Request, found: Found, view: TheItem, person: Staff, who: Who, data: Form) -> Response:
    """核验、退回、以原件取代…"""
    materials, step = found.desk.materials, text_of(data, "act")
    try:
        if step == "check":
            given = checked_of(data)
            materials.check(
                view.id, who, compared=given.compared, original_seen=given.original_seen, reason=given.reason,
                valid_until=given.valid_until,
            )  # fmt: skip
        elif step == "refuse":
            materials.refuse(view.id, who, text_of(data, "code"), text_of(data, "words"))
        elif step in ("look", "take", "decline"):
            sought = material_office.better_act(found, view.id, who, step)
            step = "none" if step == "look" and sought["better"] is None else step
        elif step == "delete":
            materials.delete(view.id, who)
            return RedirectResponse("/window?show=all", 303)
        elif step == "link":
            materials.link(text_of(data, "case_number"), who, subject=view.id, service_item=text_of(data, "item"))
        else:
            raise Malformed("material.step", "没有这一步骤。")
    except NotFound:
        raise
    except LicenceTrustError as error:
        return _item_page(request, found, person, who, materials.find(view.id), error=error, data=data, step=step)
    return RedirectResponse(f"{material_views.address(view.id)}?done={quote(step)}", 303)


@router.get("/window/materials/m-{item_id}/page-{number}.png")
def picture(found: Found, view: TheItem, number: int, who: Who) -> Response:
    return picture_answer(found.desk.materials.picture(view.id, who, number, WIDTH))


@router.get("/window/materials/m-{item_id}/original.png")
def original(found: Found, view: TheItem, person: Staff, who: Who) -> Response:
    """The face of the register's original, where one is offered."""
    found.desk.materials.get(view.id, who, "better")
    if not view.better:
        raise NotFound("material.no_offer", "没有可以取代此件的原件，或原件的状态已变。")
    found.desk.witness.look(person.actor, view.better, view.case_number or view.id)
    return Response(
        found.face_png(found.register.find(view.better)),
        media_type="image/png",
        headers={"Cache-Control": "private, no-store"},
    )


@router.get("/window/materials/m-{item_id}/provenance.json")
def provenance(found: Found, view: TheItem, who: Who) -> Response:
    return provenance_answer(found.desk.materials.provenance(view.id, who).export())


def _item_page(
    request: Request,
    found: Services,
    person: Visitor,
    who: Official,
    view: MaterialView,
    *,
    error: LicenceTrustError | None = None,
    data: FormData | None = None,
    step: str = "",
    done: str = "",
) -> Response:
    translate, language = translation(request), language_of(request)
    materials, titles = found.desk.materials, type_titles(found, language)
    role = materials.role_of(who, view)
    lines = materials.history(view.id, who)
    refused = next((one.reason for one in reversed(lines) if one.kind == "refuse"), "")
    departments = {one.id: one.name for one in found.catalogue.departments()}
    definition = found.catalogue.get(view.type_code) if view.type_code else None
    return page(
        request,
        "window_material.html",
        visitor=person,
        nav="window",
        status=status_of(error, request),
        problem=said(error, request),
        wrong=step,
        done=done,
        item=material_views.card(view, titles, language, translate),
        facts_of=material_views.facts(view, titles, departments, language, translate),
        refusal=material_views.refusal(view, refused, language),
        original=_original(found, view, lines, language, translate),
        rows=material_views.comparison(
            view, definition, _values(found, view), language, translate, data if step == "check" else None
        ),
        given={name: text_of(data, name) if data else "" for name in ("reason", "valid_until", "code", "words")},
        seen=bool(data and data.get("original_seen")),
        reasons=material_views.reason_choices(language),
        may={
            name: material_views.may(view, role, name) and view.state in ("active", "refused")
            for name in ("check", "refuse", "better", "take_better", "delete", "link", "content")
        },
        course=material_views.course(lines, departments, language, translate),
        size=found.face_size(found.register.find(view.better)) if view.better else (0, 0),
    )


def _original(found: Services, view: MaterialView, lines: Any, language: str, translate: Any) -> dict[str, Any] | None:
    """The register's original that is offered, or has taken its place."""
    if not view.better:
        return None
    licence = found.register.find(view.better)
    how = next(
        (one.details["how"] for one in reversed(lines) if one.details.get("licence") and "how" in one.details), ""
    )
    definition = found.catalogue.get(licence.summary.type_code)
    return {
        "id": licence.licence_id,
        "title": register_views.type_title(definition, language),
        "number": licence.summary.licence_number,
        "issuer": licence.summary.issuer_name,
        "how": translate(material_views.HOW.get(how, "")) if how else "",
        "face": face_rows(licence.message, definition, language),
    }


def _values(found: Services, view: MaterialView) -> dict[str, str]:
    """Values of the register's original, by field; the number under the empty name."""
    if not view.better:
        return {}
    licence = found.register.find(view.better)
    return {"": licence.summary.licence_number, **{one.name: one.value for one in licence.message.face}}


# Shared


def type_titles(found: Services, language: str) -> dict[str, str]:
    """Type code → its name."""
    return {one.code: register_views.type_title(one, language) for one in found.catalogue.list()}


def checked_of(data: FormData) -> Checked:
    """What the officer has filled in."""
    seen = data.get("original_seen") == "yes"
    return Checked(material_views.compared(data), seen, text_of(data, "reason"), text_of(data, "valid_until"))
