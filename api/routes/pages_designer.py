"""设计页面: a type's fields, rules and face as inputs, and the licence picture beside them, at once."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, Response

from api.deps import Visitor, services, staff, wide_form
from api.errors import language_of, problem_of
from api.pages import type_form, type_views
from api.pages.refusals import said
from api.pages.rendering import page
from api.routes.pages_catalogue import Writer
from api.translating import translation
from api.wiring import Services
from licence_store.base_image import check_base_image
from licence_store.catalogue_life import DraftView
from licence_store.catalogue_life import problem_of as unsound_part
from licence_store.catalogue_steps import TypeState
from licence_store.designing.blank import completed
from trust.errors import Conflict, LicenceTrustError

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Staff = Annotated[Visitor, Depends(staff)]
Wide = Annotated[FormData, Depends(wide_form)]


@router.get("/types/drafts/{draft_id}")
def designer(request: Request, found: Found, draft_id: str, person: Staff, who: Writer) -> Response:
    draft = found.desk.catalogue_life.draft(who, draft_id)
    if draft.summary.state is not TypeState.DRAFT:
        return RedirectResponse(f"/types/drafts/{draft_id}/review", 303)
    return _designer_page(request, person, draft, draft.source, draft.problem, 200)


@router.post("/types/drafts/{draft_id}")
def save(request: Request, found: Found, draft_id: str, data: Wide, person: Staff, who: Writer) -> Response:
    """Whatever button was pressed, what was typed is saved first."""
    life = found.desk.catalogue_life
    draft = life.draft(who, draft_id)
    source, refused = _with_picture(type_form.entered(data, draft.source), data)
    try:
        saved = life.save(who, draft_id, source, revision=_revision(data))
    except Conflict as error:
        return _designer_page(request, person, draft, source, error, 409)
    if refused is not None:
        return _designer_page(request, person, saved, source, refused, problem_of(refused, language_of(request)).status)
    act = str(data.get("act", "")).partition(":")
    if act[0] == "submit":
        try:
            life.take(who, draft_id, "submit")
        except LicenceTrustError as error:
            status = problem_of(error, language_of(request)).status
            return _designer_page(request, person, saved, source, error, status)
        return RedirectResponse(f"/types/drafts/{draft_id}/review?done=submit", 303)
    return RedirectResponse(f"/types/drafts/{draft_id}{_where(act[0], act[2], source)}", 303)


@router.post("/types/drafts/{draft_id}/preview")
def preview(found: Found, draft_id: str, data: Wide, who: Writer) -> Response:
    """The picture of what is typed, saved or not; 422 with the reason where it cannot be drawn."""
    draft = found.desk.catalogue_life.draft(who, draft_id)
    source = type_form.entered(data, draft.source)
    return Response(type_views.preview(source), media_type="image/png", headers={"Cache-Control": "no-store"})


def _revision(data: FormData) -> int:
    text = str(data.get("revision", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _where(act: str, number: str, source: dict[str, Any]) -> str:
    """Back to the field that was moved or added."""
    count = len(source["schema"]["properties"])
    if act == "add":
        return f"?open={count - 1}#row-{count - 1}"
    place = {"up": -1, "down": 1}.get(act)
    if place is not None and number.isascii() and number.isdigit() and len(number) < 5:
        row = min(max(int(number) + place, 0), count - 1)
        return f"?open={row}#row-{row}"
    return "?saved=1"


def _with_picture(source: dict[str, Any], data: FormData) -> tuple[dict[str, Any], LicenceTrustError | None]:
    """The base image uploaded or taken away; a picture refused leaves the rest as typed."""
    given = data.get("file")
    if data.get("drop_picture"):
        source = _without_picture(source)
    if not isinstance(given, UploadFile) or not given.filename:
        return source, None
    try:
        stored = check_base_image(given.file.read())
    except LicenceTrustError as error:
        return source, error
    style = {**source["style"], "pictures": {"base": b64encode(stored).decode()}}
    if isinstance(source.get("design"), dict):
        source = {**source, "design": {**source["design"], "ground": "picture"}, "style": style}
        return completed(source), None
    page_size = style.get("page")
    width, height = page_size if isinstance(page_size, list) and len(page_size) == 2 else (297, 210)
    whole = {"shape": "picture", "name": "base", "x": 0, "y": 0, "w": width, "h": height}
    background = _without_pictures(style)
    return {**source, "style": {**style, "background": [whole, *background]}}, None


def _without_picture(source: dict[str, Any]) -> dict[str, Any]:
    style = {key: value for key, value in source["style"].items() if key != "pictures"}
    style["background"] = _without_pictures(style)
    source = {**source, "style": style}
    if isinstance(source.get("design"), dict):
        return completed({**source, "design": {**source["design"], "ground": "frame"}})
    return source


def _without_pictures(style: dict[str, Any]) -> list[Any]:
    background = style.get("background")
    shapes = background if isinstance(background, list) else []
    return [one for one in shapes if isinstance(one, dict) and one.get("shape") != "picture"]


def _designer_page(
    request: Request,
    person: Visitor,
    draft: DraftView,
    source: dict[str, Any],
    error: LicenceTrustError | None,
    status: int,
) -> Response:
    translate = translation(request)
    problem = error or unsound_part(source)
    opened = request.query_params.get("open", "")
    return page(
        request,
        "type_design.html",
        visitor=person,
        nav="types",
        status=status,
        draft=draft.summary,
        values=type_form.values(source),
        problem=said(problem, request),
        stopped=status != 200,
        wrong=type_views.wrong_row(problem, source),
        opened=int(opened) if opened.isascii() and opened.isdigit() and len(opened) < 5 else -1,
        words=type_views.choices(translate),
        saved="saved" in request.query_params,
        picture=type_views.picture_address(source) if problem is None or status == 200 else "",
    )
