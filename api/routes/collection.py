"""For departments' systems: sources, runs, rows entered, the quarantine, the quality report."""

# ruff: noqa: FAST003 - the dependencies ``source_of`` and ``the_row`` read what is in the path

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Security
from fastapi.security import HTTPBearer
from starlette.responses import Response

from api import collection_shapes, cursors
from api.deps import Caller, body, caller, idempotency_key, purpose, services, upload
from api.form_parsing import posted_form
from api.idempotent import once
from api.refusals import TooLarge
from api.schemas import collection as shapes
from api.schemas.common import problems
from api.translating import translation
from api.wiring import Services
from licence_store.accounts import ANY
from licence_store.collection.holding import WAITING
from licence_store.collection.quarantine import Held, Mending, Wanted
from licence_store.collection.rows import IncomingRow, Told
from licence_store.collection.sources import SourceView
from trust.errors import NotFound
from trust.i18n import N_
from trust.journal import Actor

router = APIRouter(prefix="/collection", tags=["collection"])
BY_TOKEN = [Security(HTTPBearer(auto_error=False, scheme_name="token"))]
Found = Annotated[Services, Depends(services)]
Key = Annotated[str, Depends(idempotency_key)]
Sent = Annotated[bytes, Depends(body)]
Reason = Annotated[str, Depends(purpose)]
SourceId = Annotated[str, Path(max_length=40)]
RowId = Annotated[str, Path(max_length=64)]
SUFFIXES = {
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".jsonl",
    "application/json": ".json",
    "text/csv": ".csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}


def collecting(system: Annotated[Caller, Depends(caller)]) -> Caller:
    """A system with the scope ``collect``."""
    system.grant.demand("collect")
    return system


System = Annotated[Caller, Depends(collecting)]


def reach(system: Caller) -> frozenset[str] | None:
    """The departments whose sources the token covers; ``None``: all."""
    return None if ANY in system.grant.departments else system.grant.departments


def source_of(found: Found, system: System, source_id: SourceId) -> SourceView:
    """The source, if the token covers its department and type; else it is unknown."""
    view = found.desk.sources.get(source_id)
    within = reach(system)
    if within is not None and view.department_id not in within:
        raise NotFound("source.unknown", "没有来源“{id}”。", id=source_id)
    system.grant.demand("collect", type_code=view.type_code)
    return view


Source = Annotated[SourceView, Depends(source_of)]


def acting(system: Caller, department: str) -> Actor:
    return Actor(system.actor.account, department, system.actor.address, "http")


def who(system: Caller) -> str:
    return f"token:{system.grant.id}"


# Sources


@router.get("/sources", response_model=list[shapes.SourceAnswer], responses=problems(401, 403),
            dependencies=BY_TOKEN, summary=N_("归集来源"))  # fmt: skip
def sources(found: Found, system: System) -> list[dict[str, Any]]:
    return [collection_shapes.source(one) for one in found.desk.sources.list(reach(system))]


@router.post("/sources", response_model=shapes.SourceAnswer, status_code=201,
             responses=problems(400, 401, 403, 404, 409, 422), dependencies=BY_TOKEN,
             summary=N_("声明来源，或改为新的声明"))  # fmt: skip
def declare(found: Found, asked: shapes.SourceDeclaration, sent: Sent, system: System, key: Key) -> Response:
    """Files are named inside the region's `collect` folder, addresses with passwords as `connection` names."""
    definition = found.catalogue.get(asked.type)
    system.grant.demand("collect", department=asked.department, type_code=definition.code)
    raw = {name: value for name, value in asked.model_dump().items() if value is not None}
    actor = acting(system, asked.department)
    return once(found.idempotency, key, who(system), sent,
                lambda: collection_shapes.source(found.desk.sources.declare(raw, actor)))  # fmt: skip


@router.get("/sources/{source_id}", response_model=shapes.SourceAnswer, responses=problems(401, 403, 404),
            dependencies=BY_TOKEN, summary=N_("一个来源"))  # fmt: skip
def one_source(source: Source) -> dict[str, Any]:
    return collection_shapes.source(source)


async def delivery(request: Request) -> tuple[bytes, str]:
    """``(content, name)``: the field ``file`` of a form, or the body, which may be empty."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with posted_form(request) as data:
            content, name = await upload(request, data)
        return content, PurePath(name).name
    content = await request.body()
    limit = request.app.state.settings.upload_limit
    if len(content) > limit:
        raise TooLarge("request.too_large", "文件超过 {limit} 字节的上限。", limit=limit)
    return content, f"delivery{SUFFIXES.get(kind, '')}" if content else ""


@router.post("/sources/{source_id}/runs", response_model=shapes.AskedAnswer, status_code=202,
             responses=problems(400, 401, 403, 404, 409, 413, 422), dependencies=BY_TOKEN,
             openapi_extra={"requestBody": {"content": {
                 kind: {"schema": {"type": "string", "format": "binary"}} for kind in SUFFIXES}}},
             summary=N_("归集：读来源，或读所附的文件"))  # fmt: skip
def run(
    found: Found,
    system: System,
    source: Source,
    key: Key,
    sent: Annotated[tuple[bytes, str], Depends(delivery)],
    check: Annotated[bool, Query(description="Cleanse only, seal nothing")] = False,
) -> Response:
    """202 with `Location` of the job. Same key and file: the same job."""
    content, name = sent
    actor = acting(system, source.department_id)
    said = f"{source.id}\n{check}\n{name}\n".encode() + content
    job_key = f"{who(system)}:{key}"
    return _asked(once(
        found.idempotency, key, who(system), said,
        lambda: {"job_id": found.collection.ask_run(source.id, actor, content, name, check=check, key=job_key)},
        status=202,
    ))  # fmt: skip


@router.post("/sources/{source_id}/reruns", response_model=shapes.AskedAnswer, status_code=202,
             responses=problems(400, 401, 403, 404, 409, 422), dependencies=BY_TOKEN,
             summary=N_("重新清洗隔离区中的行"))  # fmt: skip
def rerun(found: Found, system: System, source: Source, key: Key, asked: shapes.Again, sent: Sent) -> Response:
    actor = acting(system, source.department_id)
    job_key = f"{who(system)}:{key}"
    return _asked(once(
        found.idempotency, key, who(system), source.id.encode() + sent,
        lambda: {"job_id": found.collection.ask_rerun(source.id, actor, asked.ids, key=job_key)}, status=202,
    ))  # fmt: skip


def _asked(answer: Response) -> Response:
    answer.headers["Location"] = f"/api/v1/jobs/{json.loads(bytes(answer.body))['job_id']}"
    return answer


@router.post("/sources/{source_id}/rows", response_model=shapes.EnteredAnswers, status_code=201,
             responses=problems(400, 401, 403, 404, 409, 422, 503), dependencies=BY_TOKEN,
             summary=N_("录入：逐条清洗并签发，未通过的进入隔离区"))  # fmt: skip
def enter(
    request: Request, found: Found, system: System, source: Source, key: Key, asked: shapes.EnteredRows, sent: Sent
) -> Response:
    """Each row is cleansed and sealed at once, or held back with every reason."""
    rows = [IncomingRow(number, one.key, one.record) for number, one in enumerate(asked.rows, 1)]
    actor, translate = acting(system, source.department_id), translation(request)

    def act() -> dict[str, Any]:
        outcomes = found.desk.collector.enter(source.id, rows, actor)
        return {
            "items": [
                {
                    "key": one.key,
                    "what": one.what,
                    "licence_id": one.licence.licence_id if one.licence else None,
                    "licence_number": one.licence.licence_number if one.licence else None,
                    "findings": [collection_shapes.finding(Told.of(f), translate) for f in one.findings],
                }
                for one in outcomes
            ]
        }

    return once(found.idempotency, key, who(system), source.id.encode() + sent, act)


# Runs


@router.get("/runs", response_model=list[shapes.RunAnswer], responses=problems(401, 403, 404),
            dependencies=BY_TOKEN, summary=N_("归集批次，新的在前"))  # fmt: skip
def runs(
    request: Request,
    found: Found,
    system: System,
    source: Annotated[str, Query(max_length=40, description="Only this source's")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[dict[str, Any]]:
    if source:
        source_of(found, system, source)
    translate = translation(request)
    shown = found.desk.sources.runs(source, departments=reach(system), limit=limit)
    return [collection_shapes.run(one, translate) for one in shown]


@router.get("/runs/{run_id}", response_model=shapes.RunAnswer, responses=problems(401, 403, 404),
            dependencies=BY_TOKEN, summary=N_("一个批次的进展"))  # fmt: skip
def one_run(request: Request, found: Found, system: System, run_id: RowId) -> dict[str, Any]:
    view = found.desk.sources.run(run_id)
    source_of(found, system, view.source_id)
    return collection_shapes.run(view, translation(request))


# Quarantine


@router.get("/quarantine", response_model=shapes.HeldPage, responses=problems(401, 403, 404, 422),
            dependencies=BY_TOKEN, summary=N_("隔离区，新的在前"))  # fmt: skip
def quarantine(
    request: Request,
    found: Found,
    system: System,
    reason: Reason,
    source: Annotated[str, Query(max_length=40)] = "",
    rule: Annotated[str, Query(max_length=64, description="Id of a rule, or an error code")] = "",
    state: Annotated[list[str] | None, Query(description="Default: open and mended")] = None,
    cursor: Annotated[str, Query(max_length=400)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Journalled: the rows hold personal data."""
    if source:
        source_of(found, system, source)
    wanted = Wanted(source, rule, tuple(state or WAITING), departments=reach(system), types=_types(system))
    after = cursors.decode(cursor, 1)[0] if cursor else ""
    rows = found.desk.quarantine.page(wanted, after=after, limit=limit + 1)
    details = {"shown": str(min(len(rows), limit)), "source": source}
    found.journal.record(
        actor=system.actor, action="quarantine.read", subject=source or "all", reason=reason, details=details
    )
    translate = translation(request)
    more = cursors.encode([rows[limit - 1].id]) if len(rows) > limit else None
    return {"items": [collection_shapes.held(row, translate) for row in rows[:limit]], "next": more}


def _types(system: Caller) -> frozenset[str] | None:
    return None if ANY in system.grant.types else system.grant.types


def _covered(system: Caller, row: Held) -> bool:
    return ANY in system.grant.types or row.type_code in system.grant.types


def the_row(found: Found, system: System, quarantine_id: RowId) -> Held:
    """The row, if the token covers it; else it is unknown."""
    row = found.desk.quarantine.get(quarantine_id, reach(system))
    if not _covered(system, row):
        raise NotFound("quarantine.unknown", "隔离区中没有 {id}。", id=quarantine_id)
    return row


TheRow = Annotated[Held, Depends(the_row)]


@router.get("/quarantine/{quarantine_id}", response_model=shapes.HeldAnswer, responses=problems(401, 403, 404, 422),
            dependencies=BY_TOKEN, summary=N_("隔离区中的一行和每一条原因"))  # fmt: skip
def one_row(request: Request, found: Found, system: System, row: TheRow, reason: Reason) -> dict[str, Any]:
    found.journal.record(actor=system.actor, action="quarantine.read", subject=row.id, reason=reason, details={})
    return collection_shapes.held(row, translation(request))


@router.post("/quarantine/{quarantine_id}/mendings", response_model=shapes.HeldAnswer,
             responses=problems(400, 401, 403, 404, 409, 422), dependencies=BY_TOKEN,
             summary=N_("更正一行"))  # fmt: skip
def mend(
    request: Request, found: Found, system: System, row: TheRow, key: Key, asked: shapes.Mended, sent: Sent
) -> Response:
    """The record anew, as a whole; then ask for a rerun."""
    actor, translate = acting(system, row.department_id), translation(request)
    mending = Mending(row.id, asked.record, asked.revision)
    return once(
        found.idempotency, key, who(system), row.id.encode() + sent,
        lambda: collection_shapes.held(found.desk.quarantine.mend(mending, actor), translate), status=200,
    )  # fmt: skip


@router.post("/quarantine/discards", response_model=shapes.DiscardedAnswer,
             responses=problems(400, 401, 403, 404, 409, 422), dependencies=BY_TOKEN,
             summary=N_("弃用隔离区中的行"))  # fmt: skip
def discard(found: Found, system: System, key: Key, asked: shapes.Discarded, sent: Sent) -> Response:
    departments = {the_row(found, system, one).department_id for one in asked.ids}
    actor = acting(system, departments.pop()) if len(departments) == 1 else system.actor
    return once(
        found.idempotency, key, who(system), sent,
        lambda: {"discarded": found.desk.quarantine.discard(asked.ids, actor, asked.reason)}, status=200,
    )  # fmt: skip


# Quality


@router.get("/quality", response_model=list[shapes.QualityAnswer], responses=problems(401, 403, 404),
            dependencies=BY_TOKEN, summary=N_("数据质量报告"))  # fmt: skip
def quality(
    request: Request,
    found: Found,
    system: System,
    source: Annotated[str, Query(max_length=40, description="Only this source")] = "",
) -> list[dict[str, Any]]:
    if source:
        source_of(found, system, source)
    report = found.desk.quality.report(sources=[source] if source else None, departments=reach(system))
    return [collection_shapes.quality(one, translation(request)) for one in report]
