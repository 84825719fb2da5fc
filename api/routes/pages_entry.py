"""采集页面: scans come in, and each is entered beside its picture, checked, and sealed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, Response

from api import cursors, entry_office
from api.deps import Visitor, checked_form, form, officer, services
from api.errors import language_of
from api.pages import entry_views, register_views
from api.pages.case_form import case_fields, entered_case, wrong_case
from api.pages.form_text import text_of
from api.pages.refusals import status_of
from api.pages.rendering import page
from api.translating import translation
from api.wiring import Services
from licence_store.collection import sheets
from licence_store.collection.bundle import unbundle
from licence_store.collection.entry import MOST_AT_ONCE
from licence_store.collection.ocr import default_recognisers
from licence_store.collection.scans import page_picture
from trust.errors import LicenceTrustError, Malformed

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Officer = Annotated[Visitor, Depends(officer)]
Form = Annotated[FormData, Depends(form)]
PAGE = 25
SIDE = 2000
"""Dots of a page's longer side: enough to read small print enlarged."""


async def many_files(request: Request, person: Officer) -> AsyncIterator[FormData]:
    """The posted form with as many files as a scanner gives at once."""
    async for data in checked_form(request, person.csrf, 50, files=MOST_AT_ONCE):
        yield data


Upload = Annotated[FormData, Depends(many_files)]


@router.get("/entry")
def overview(
    request: Request,
    found: Found,
    person: Officer,
    state: Annotated[str, Query(max_length=16)] = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
    done: Annotated[str, Query(max_length=160)] = "",
) -> Response:
    """The sheets of the officer's department."""
    translate, language = translation(request), language_of(request)
    department, state = person.account.department, state if state in sheets.STATES else ""
    with found.desk.sessions.read() as session:
        counts = sheets.count_sheets(session, department)
        after = cursors.place(cursor) if cursor else None
        rows = sheets.list_sheets(session, department=department, state=state, after=after, limit=PAGE + 1)
    titles = {one.code: register_views.type_title(one, language) for one in found.catalogue.list()}
    more = urlencode({"state": state, "cursor": cursors.of_place(rows[PAGE - 1].position)}) if len(rows) > PAGE else ""
    return page(
        request,
        "entry_list.html",
        visitor=person,
        nav="entry",
        tabs=entry_views.tabs(counts, state, translate),
        rows=[entry_views.sheet_row(one, titles, translate) for one in rows[:PAGE]],
        more=more,
        done=done,
    )


@router.get("/entry/new")
def new(
    request: Request, found: Found, person: Officer, mode: Annotated[str, Query(max_length=16)] = "scan"
) -> Response:
    return _new_page(request, found, person, {"mode": mode})


@router.post("/entry")
async def receive(request: Request, found: Found, person: Officer, data: Upload) -> Response:
    """Each scan becomes a sheet; what is none is named with the reason."""
    given = {name: text_of(data, name) for name in ("mode", "type")} | entered_case(data)
    try:
        error = wrong_case({name: value for name, value in given.items() if "." in name})
        if error is not None:
            raise error
        named = [one for one in data.getlist("file") if isinstance(one, UploadFile) and one.filename]
        if not named:
            raise Malformed("upload.missing", "没有收到文件，请选择一份证照文件。", remedy="表单字段名应为 file。")
        files = [(one.filename or "", await one.read()) for one in named]
        from starlette.concurrency import run_in_threadpool

        return await run_in_threadpool(_receive, request, found, person, given, files)
    except LicenceTrustError as error:
        return _new_page(request, found, person, given, error)


def _receive(
    request: Request, found: Services, person: Visitor, given: dict[str, str], files: list[tuple[str, bytes]]
) -> Response:
    scans = [one for name, content in files for one in unbundle(name, content)]
    reserved = {name: value for name, value in given.items() if "." in name}
    received = entry_office.receive(found, given["mode"], given["type"], scans, person.actor, reserved)
    if not received.refused:
        return RedirectResponse(f"/entry/{received.sheets[0].id}", 303)
    translate = translation(request)
    return page(
        request,
        "entry_received.html",
        visitor=person,
        status=200 if received.sheets else 422,
        nav="entry",
        count=len(received.sheets),
        first=f"/entry/{received.sheets[0].id}" if received.sheets else "",
        refused=[(name[-80:] or "—", error.localised(translate)[0]) for name, error in received.refused],
    )


def _new_page(
    request: Request, found: Services, person: Visitor, given: dict[str, str], error: LicenceTrustError | None = None
) -> Response:
    translate, language = translation(request), language_of(request)
    types = [register_views.type_card(one, right, language) for one, right in found.issuable(person.account.department)]
    return page(
        request,
        "entry_new.html",
        visitor=person,
        status=status_of(error, request),
        nav="entry",
        modes=entry_views.modes(translate),
        types=types,
        given=given,
        case_fields=case_fields(given, error, translate),
        problem=" ".join(error.localised(translate)) if error else "",
    )


# One sheet


@router.get("/entry/{sheet_id}")
def sheet(
    request: Request,
    found: Found,
    sheet_id: str,
    person: Officer,
    done: Annotated[str, Query(max_length=160)] = "",
    saved: bool = False,
) -> Response:
    view = entry_office.entry_desk(found).sheet(sheet_id, person.actor)
    found.journal.record(actor=person.actor, action="entry.read", subject=view.id)
    return _sheet_page(request, found, person, view, done=done, saved=saved)


@router.get("/entry/{sheet_id}/scan-{number}.jpg")
def scan(found: Found, sheet_id: str, number: int, person: Officer) -> Response:
    """A page of the scan, drawn anew."""
    desk = entry_office.entry_desk(found)
    content = page_picture(desk.scan(desk.sheet(sheet_id, person.actor)), number, side=SIDE)
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=600"})


@router.post("/entry/{sheet_id}")
def act(request: Request, found: Found, sheet_id: str, person: Officer, data: Form) -> Response:
    """One step of a sheet; a finished one leads to the next."""
    desk, actor, step = entry_office.entry_desk(found), person.actor, text_of(data, "act")
    view = desk.sheet(sheet_id, actor)
    try:
        if step in ("save", "recognise", "complete"):
            filled = entry_views.filled(desk.definition(view), data)
            view = desk.complete(view.id, filled, actor) if step == "complete" else desk.save(view.id, filled, actor)
            if step == "recognise":
                view = desk.recognise(view.id, actor, default_recognisers())
        elif step in ("approve", "seal"):
            view = desk.approve(view.id, actor) if step == "approve" else desk.seal(view.id, actor)
        elif step in ("send_back", "discard"):
            ended = desk.send_back if step == "send_back" else desk.discard
            view = ended(view.id, text_of(data, "reason"), actor)
        else:
            raise Malformed("entry.step", "没有这一步骤。")
    except LicenceTrustError as error:
        return _sheet_page(request, found, person, desk.sheet(sheet_id, actor), error=error)
    if view.state == sheets.OPEN and step != "send_back":
        return RedirectResponse(f"/entry/{view.id}?saved=1", 303)
    return RedirectResponse(_onward(found, person, view, step), 303)


def _onward(found: Services, person: Visitor, done: sheets.SheetView, step: str) -> str:
    """The next sheet of the same batch that waits for the same hand, then of the department; else the list."""
    wanted = sheets.CHECKING if step in ("approve", "send_back") else sheets.OPEN
    with found.desk.sessions.read() as session:
        for batch in (done.batch, ""):
            waiting = sheets.list_sheets(
                session, department=done.department_id, state=wanted, batch=batch, type_code=done.type_code, limit=2
            )
            for one in sorted(waiting, key=lambda w: w.place):
                if one.id != done.id and not (wanted == sheets.CHECKING and one.entered_by == person.account.name):
                    return f"/entry/{one.id}?{urlencode({'done': done.licence_id or 'yes'})}"
    return f"/entry?{urlencode({'done': done.licence_id or 'yes'})}"


def _sheet_page(
    request: Request,
    found: Services,
    person: Visitor,
    view: sheets.SheetView,
    *,
    error: LicenceTrustError | None = None,
    done: str = "",
    saved: bool = False,
) -> Response:
    translate, language = translation(request), language_of(request)
    definition = found.catalogue.get(view.type_code)
    return page(
        request,
        "entry_sheet.html",
        visitor=person,
        status=status_of(error, request),
        nav="entry",
        sheet=entry_views.sheet_head(view, definition, language, translate),
        form=entry_views.sheet_form(view, definition, error, language, translate),
        rows=entry_views.facts(view, definition, language, translate),
        course=entry_views.course(view, translate),
        mine=view.entered_by == person.account.name,
        can_read_pictures=len(default_recognisers()) > 2,
        done=f"/licences/{quote(done)}" if done and done != "yes" else "",
        sent=done == "yes",
        saved=saved,
    )
