"""For scanners and counters' systems: scans come in over HTTP; people enter them on the pages (R024 to R026)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Security
from pydantic import Field
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from api import cursors, entry_office
from api.deps import Caller, caller, idempotency_key, purpose, services
from api.form_parsing import posted_form
from api.idempotent import once
from api.refusals import UnsupportedMedia
from api.routes.issuer import bearer
from api.schemas.common import Answer, problems
from api.wiring import Services
from licence_store.collection import sheets
from licence_store.collection.bundle import unbundle
from licence_store.collection.entry import MOST_AT_ONCE
from trust.algorithms import sm3
from trust.canonical import canonical_json
from trust.errors import Malformed
from trust.i18n import N_
from trust.journal import Actor

router = APIRouter(tags=["entry"])
Found = Annotated[Services, Depends(services)]
System = Annotated[Caller, Depends(caller)]


class SheetScan(Answer):
    """扫描件."""

    name: str
    media: str
    size: int
    pages: int
    digest: str = Field(description="SM3 of the file as it came, hex")


class SheetSuggestion(Answer):
    """识别建议, unverified until confirmed."""

    value: str
    source: str
    confirmed: bool


class SheetAnswer(Answer):
    """采集单."""

    sheet: str
    mode: str
    type_code: str
    department: str
    state: str = Field(description="`open`, `checking`, `sealing`, `issued` or `discarded`")
    batch: str
    place: int
    scan: SheetScan
    values: dict[str, str]
    suggestions: dict[str, SheetSuggestion]
    entered_by: str
    checked_by: str
    reason: str
    licence_id: str
    created: str


class RefusedScan(Answer):
    """A file that is no scan."""

    name: str
    code: str
    message: str


class ReceivedAnswer(Answer):
    """收件结果."""

    sheets: list[SheetAnswer]
    refused: list[RefusedScan]


class SheetPage(Answer):
    """One page of sheets."""

    items: list[SheetAnswer]
    next: str | None = Field(description="Cursor of the next page; null: this is the last")


async def scans(request: Request) -> AsyncIterator[FormData]:
    """The form a scanner sends, with as many files as it has."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise UnsupportedMedia("request.media_type", "表单应以 multipart/form-data 提交。")
    async with posted_form(request, files=MOST_AT_ONCE) as data:
        yield data


@router.post(
    "/entry/sheets",
    response_model=ReceivedAnswer,
    status_code=201,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
    dependencies=[Security(bearer)],
    summary=N_("扫描件收件：每份一张采集单"),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["type", "file"],
                        "properties": {
                            "type": {"type": "string"},
                            "mode": {"type": "string", "enum": ["scan", "material", "result"]},
                            "case.number": {"type": "string"},
                            "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        },
                    }
                }
            },
        }
    },
)
async def receive(
    found: Found,
    system: System,
    key: Annotated[str, Depends(idempotency_key)],
    data: Annotated[FormData, Depends(scans)],
) -> Response:
    """JPEG, PNG, TIFF, PDF, OFD or a ZIP of them. The token needs the scope `issue`, the type and the department."""
    from starlette.concurrency import run_in_threadpool

    words = {name: str(data.get(name, "")).strip()[:200] for name in ("type", "mode", "case.number")}
    named = [one for one in data.getlist("file") if isinstance(one, UploadFile)]
    if not named or not words["type"]:
        raise Malformed("upload.missing", "没有收到文件，请选择一份证照文件。", remedy="表单字段名应为 file。")
    files = [(one.filename or "", await one.read()) for one in named]
    return await run_in_threadpool(_receive, found, system, key, words, files)


def _receive(
    found: Services, system: Caller, key: str, words: dict[str, str], files: list[tuple[str, bytes]]
) -> Response:
    actor = found.right_of(system.grant, system.actor, found.catalogue.get(words["type"]).code)
    reserved = {"case.number": words["case.number"]} if words["case.number"] else {}

    def act() -> dict[str, object]:
        some = [one for name, content in files for one in unbundle(name, content)]
        received = entry_office.receive(found, words["mode"] or "scan", words["type"], some, actor, reserved)
        refused = [{"name": name, "code": e.code, "message": e.message} for name, e in received.refused]
        return {"sheets": [entry_office.shape(one) for one in received.sheets], "refused": refused}

    sent = canonical_json([*words.values(), *([name, sm3(content).hex()] for name, content in files)])
    return once(found.idempotency, key, f"token:{system.grant.id}", sent, act)


@router.get(
    "/entry/sheets",
    response_model=SheetPage,
    responses=problems(401, 403, 422),
    dependencies=[Security(bearer)],
    summary=N_("采集单"),
)
def listed(
    found: Found,
    system: System,
    reason: Annotated[str, Depends(purpose)],
    department: Annotated[str, Query(max_length=32, description="Needed where the token is of one")] = "",
    type: Annotated[str, Query(max_length=80, description="Needed where the token is of some")] = "",
    state: Annotated[str, Query(max_length=16)] = "",
    cursor: Annotated[str, Query(max_length=400)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, object]:
    type_code = found.catalogue.get(type).code if type else ""
    system.grant.demand("read", department=department or "*", type_code=type_code or "*")
    with found.desk.sessions.read() as session:
        rows = sheets.list_sheets(
            session,
            department=department,
            state=state,
            type_code=type_code,
            after=cursors.place(cursor) if cursor else None,
            limit=limit + 1,
        )
    found.journal.record(actor=system.actor, action="entry.list", subject=department or "*", reason=reason)
    place = cursors.of_place(rows[limit - 1].position) if len(rows) > limit else None
    return {"items": [entry_office.shape(one) for one in rows[:limit]], "next": place}


@router.get(
    "/entry/sheets/{sheet_id}",
    response_model=SheetAnswer,
    responses=problems(401, 403, 404, 422),
    dependencies=[Security(bearer)],
    summary=N_("一张采集单：状态、识别建议、成为的证照"),
)
def one(found: Found, system: System, sheet_id: str, reason: Annotated[str, Depends(purpose)]) -> dict[str, object]:
    everybody = Actor(system.actor.account, None, system.actor.address, system.actor.channel)
    sheet = entry_office.entry_desk(found).sheet(sheet_id, everybody)
    system.grant.demand("read", department=sheet.department_id, type_code=sheet.type_code)
    found.journal.record(actor=system.actor, action="entry.read", subject=sheet.id, reason=reason)
    return entry_office.shape(sheet)
