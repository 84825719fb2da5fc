"""我的材料: a holder's own, each with its level, what it may be used for, where it comes from, and what may be done."""

# ruff: noqa: FAST003 - the dependency ``the_item`` reads the id in the path

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import cursors, material_office, upload_office
from api.deps import services
from api.errors import language_of
from api.holder_deps import HolderVisitor, holder
from api.pages import material_views
from api.pages.refusals import said, status_of
from api.pages.space_base import space_page
from api.routes.materials import file_answer, picture_answer, provenance_answer
from api.routes.pages_window import type_titles
from api.translating import translation
from api.upload_form import file_of, holder_upload_form, text_of
from api.wiring import Services
from licence_store.holding.holder import HolderSession
from licence_store.materials.views import MaterialView
from trust.errors import LicenceTrustError, Malformed, NotFound

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Space = Annotated[HolderVisitor, Depends(holder)]
Form = Annotated[FormData, Depends(holder_upload_form)]
PAGE = 24
WIDTH = 1400
STATES = ("", "active", "refused", "replaced", "deleted")


def asking(person: Space) -> HolderSession:
    """Whose space it is, and through which door."""
    return material_office.asking(person)


Who = Annotated[HolderSession, Depends(asking)]


def the_item(item_id: str, found: Found, who: Who) -> MaterialView:
    """One of the holder's own; another's does not exist."""
    return found.desk.materials.get(f"m-{item_id}", who)


TheItem = Annotated[MaterialView, Depends(the_item)]


@router.get("/space/materials")
def overview(
    request: Request,
    found: Found,
    person: Space,
    who: Who,
    state: Annotated[str, Query(max_length=16)] = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """All of them, newest first."""
    translate, language = translation(request), language_of(request)
    state = state if state in STATES else ""
    after = cursors.decode(cursor, 1)[0] if cursor else ""
    listed = found.desk.materials.of_holder(who, state=state, after=after, limit=PAGE)
    titles = type_titles(found, language)
    return space_page(
        request,
        "space_materials.html",
        person,
        nav="materials",
        rows=[material_views.card(one, titles, language, translate) for one in listed.items],
        tabs=material_views.state_tabs(STATES, state, translate),
        more=f"state={state}&cursor={cursors.encode([listed.next])}" if listed.next else "",
        meter=upload_office.meter_of(found, person.session, translate),
        may_upload=who.may("upload"),
    )


@router.get("/space/materials/m-{item_id}")
def item(
    request: Request, found: Found, person: Space, who: Who, view: TheItem,
    added: bool = False, done: Annotated[str, Query(max_length=16)] = "",
) -> Response:  # fmt: skip
    return _item_page(request, found, person, who, view, done="add" if added else done)


@router.post("/space/materials/m-{item_id}")
async def act(request: Request, found: Found, person: Space, who: Who, view: TheItem, data: Form) -> Response:
    """替换、删除、以原件取代…"""
    step = text_of(data, "act", 16)
    try:
        file = await file_of(data) if step == "replace" else None
        return await run_in_threadpool(_done, found, person, who, view, step, file)
    except NotFound:
        raise
    except LicenceTrustError as error:
        now = await run_in_threadpool(found.desk.materials.find, view.id)
        return await run_in_threadpool(_item_page, request, found, person, who, now, error=error)


def _done(
    found: Services, person: HolderVisitor, who: HolderSession, view: MaterialView, step: str,
    file: tuple[str, bytes] | None,
) -> Response:  # fmt: skip
    materials = found.desk.materials
    if step == "replace" and file is not None:
        materials.get(view.id, who, "replace")
        stored = upload_office.accept(found, who, person.actor, *file, view.kind.code)
        made = materials.replace(view.id, who, stored)
        return RedirectResponse(f"{material_views.own_address(made.id)}?done=replace", 303)
    if step == "delete":
        materials.delete(view.id, who)
        return RedirectResponse("/space/materials", 303)
    if step not in ("look", "take", "decline"):
        raise Malformed("material.step", "没有这一步骤。")
    sought = material_office.better_act(found, view.id, who, step)
    done = "none" if step == "look" and sought["better"] is None else step
    return RedirectResponse(f"{material_views.own_address(view.id)}?done={done}", 303)


@router.get("/space/materials/m-{item_id}/page-{number}.png")
def picture(found: Found, view: TheItem, number: int, who: Who) -> Response:
    return picture_answer(found.desk.materials.picture(view.id, who, number, WIDTH))


@router.get("/space/materials/m-{item_id}/small.png")
def small(found: Found, view: TheItem, who: Who) -> Response:
    """Its first page, for a list."""
    return picture_answer(found.desk.materials.picture(view.id, who, 1, 240))


@router.get("/space/materials/m-{item_id}/file")
def file(found: Found, view: TheItem, who: Who) -> Response:
    return file_answer(found.desk.materials.content(view.id, who), view.media_type)


@router.get("/space/materials/m-{item_id}/provenance.json")
def provenance(found: Found, view: TheItem, who: Who) -> Response:
    return provenance_answer(found.desk.materials.provenance(view.id, who).export())


def _item_page(
    request: Request,
    found: Services,
    person: HolderVisitor,
    who: HolderSession,
    view: MaterialView,
    *,
    error: LicenceTrustError | None = None,
    done: str = "",
) -> Response:
    translate, language = translation(request), language_of(request)
    materials, titles = found.desk.materials, type_titles(found, language)
    lines = materials.history(view.id, who)
    refused = next((one.reason for one in reversed(lines) if one.kind == "refuse"), "")
    departments = {one.id: one.name for one in found.catalogue.departments()}
    open_states = ("active", "refused")
    return space_page(
        request,
        "space_material.html",
        person,
        nav="materials",
        status=status_of(error, request),
        problem=said(error, request),
        done=done,
        item=material_views.card(view, titles, language, translate),
        base=material_views.own_address(view.id),
        facts_of=material_views.facts(view, titles, departments, language, translate),
        refusal=material_views.refusal(view, refused, language),
        original=_original(found, view),
        may={
            name: material_views.may(view, materials.role_of(who, view, name), name)
            and view.state in (("active", "refused", "replaced") if name in ("delete", "content") else open_states)
            for name in ("replace", "delete", "better", "take_better", "content", "use")
        },
        copy=f"/space/copies/new?item={view.id}",
        course=material_views.course(lines, departments, language, translate),
    )


def _original(found: Services, view: MaterialView) -> dict[str, str] | None:
    """The holder's own licence that is offered, or has taken its place."""
    if not view.better:
        return None
    one = found.register.find(view.better).summary
    return {
        "href": f"/space/licences/{view.better}",
        "title": one.type_name,
        "number": one.licence_number,
        "issuer": one.issuer_name,
    }
