"""上传材料: the page on which a holder hands in a file; it becomes a material at once.

Without scripts one form with the file answers with what is wrong, or leads to the material. With scripts the file is
sent as soon as it is chosen, each check is shown, and the form only names the upload.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, RedirectResponse, Response

from api import upload_office
from api.deps import services
from api.errors import language_of, problem_of
from api.holder_deps import HolderVisitor, holder
from api.pages.refusals import status_of
from api.pages.register_views import type_title
from api.pages.space_base import space_page
from api.routes.materials import picture_answer
from api.translating import translation
from api.upload_form import file_of, holder_upload_form, text_of
from api.wiring import Services
from licence_store.materials.kinds import kinds
from licence_store.uploads.limits import limits_of
from licence_store.uploads.quota import megabytes
from licence_store.uploads.stored import FORMATS, SUFFIXES, StoredUpload
from trust.errors import LicenceTrustError

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Space = Annotated[HolderVisitor, Depends(holder)]
Form = Annotated[FormData, Depends(holder_upload_form)]
_PREVIEW = 720
"""Dots of the picture's width."""
_TEXTS = ("kind", "title", "type", "number", "case_number", "department", "upload")


@router.get("/space/materials/new")
def new(
    request: Request, found: Found, person: Space, kind: Annotated[str, Query(max_length=40)] = "licence_scan"
) -> Response:
    person.session.demand("upload")
    return _page(request, found, person, {"kind": kind})


@router.post("/space/materials/new/check")
async def check(request: Request, found: Found, person: Space, data: Form) -> Response:
    """One chosen file, for the script of the page: its checks as JSON, and the upload's id where it was taken."""
    name, content = await file_of(data)
    kind, before = text_of(data, "kind", 40), text_of(data, "upload", 40)
    return await run_in_threadpool(_checked, request, found, person, name, content, kind, before)


@router.get("/space/materials/new/{upload_id}.png")
def preview(found: Found, person: Space, upload_id: Annotated[str, Path(max_length=40)]) -> Response:
    """The first page as it is kept, for its owner to look whether it is upright, whole and legible."""
    view = upload_office.own(found, person.session, upload_id)
    return picture_answer(found.desk.uploads.page_picture(view.id, 1, _PREVIEW))


@router.post("/space/materials/new")
async def add(request: Request, found: Found, person: Space, data: Form) -> Response:
    given = {name: text_of(data, name) for name in _TEXTS}
    try:
        file = None if given["upload"] else await file_of(data)
    except LicenceTrustError as error:
        return await run_in_threadpool(_page, request, found, person, given, error)
    return await run_in_threadpool(_added, request, found, person, given, file)


def _checked(
    request: Request, found: Services, person: HolderVisitor, name: str, content: bytes, kind: str, before: str
) -> Response:
    translate, scanned = translation(request), upload_office.is_scanned(found)
    try:
        view = upload_office.accept(found, person.session, person.actor, name, content, kind)
    except LicenceTrustError as error:
        problem = problem_of(error, language_of(request))
        answer: dict[str, Any] = {"code": problem.code, "detail": problem.detail, "remedy": problem.remedy}
        steps = upload_office.steps_until(error, translate, scanned=scanned)
        meter = upload_office.meter_of(found, person.session, translate)
        answer |= {"steps": [one.to_json() for one in steps], "meter": meter}
        return JSONResponse(answer, problem.status)
    if before:
        upload_office.replace(found, person.session, person.actor, before)
    steps = upload_office.steps_of(view, translate, scanned=scanned)
    return JSONResponse(
        {
            "upload": view.id,
            "name": view.name,
            "steps": [one.to_json() for one in steps],
            "meter": upload_office.meter_of(found, person.session, translate),
        },
        201,
    )


def _added(
    request: Request, found: Services, person: HolderVisitor, given: dict[str, str], file: tuple[str, bytes] | None
) -> Response:
    view: StoredUpload | None = None
    try:
        if file is None:
            view = upload_office.own(found, person.session, given["upload"])
        else:
            view = upload_office.accept(found, person.session, person.actor, *file, given["kind"])
        material = found.desk.materials.add(
            person.session, view, kind=view.kind, title=given["title"], type_code=given["type"],
            stated_number=given["number"], case_number=given["case_number"], department=given["department"],
        )  # fmt: skip
    except LicenceTrustError as error:
        return _page(request, found, person, {**given, "upload": view.id if view else ""}, error, view)
    return RedirectResponse(f"/space/materials/{material.id}?added=1", 303)


def _page(
    request: Request,
    found: Services,
    person: HolderVisitor,
    given: dict[str, str],
    error: LicenceTrustError | None = None,
    view: StoredUpload | None = None,
) -> Response:
    translate, language, scanned = translation(request), language_of(request), upload_office.is_scanned(found)
    steps = []
    if view is not None:
        steps = upload_office.steps_of(view, translate, scanned=scanned)
    elif error is not None and error.code.startswith("upload."):
        steps = upload_office.steps_until(error, translate, scanned=scanned)
    return space_page(
        request,
        "space_upload.html",
        person,
        nav="materials",
        status=status_of(error, request),
        problem=problem_of(error, language) if error else None,
        given=given,
        kept=view.name if view else "",
        steps=steps,
        blank_steps=upload_office.steps_to_come(translate),
        meter=upload_office.meter_of(found, person.session, translate),
        kinds=[_kind(one, given.get("kind", ""), language) for one in kinds().values() if one.who == "holder"],
        types=[(one.slug, type_title(one, language)) for one in found.catalogue.list()],
        departments=[(one.id, one.name) for one in found.catalogue.departments()],
        accept=",".join([*SUFFIXES, *SUFFIXES.values(), ".jpeg", ".tiff", ".heif"]),
    )


def _kind(one: Any, chosen: str, language: str) -> dict[str, Any]:
    limits = limits_of(one.code)
    return {
        "code": one.code,
        "title": one.titled(language),
        "note": one.note_en if language == "en" else one.note,
        "level": one.level,
        "is_licence": one.is_licence,
        "formats": (", " if language == "en" else "、").join(FORMATS[media] for media in limits.formats),
        "size": megabytes(limits.max_size),
        "pages": limits.max_pages,
        "octets": limits.max_size,
        "checked": one.code == chosen,
    }
