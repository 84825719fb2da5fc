"""For departments' systems: many licences from one file as a background job, and what became of each record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Security
from fastapi.security import HTTPBearer
from starlette.responses import Response, StreamingResponse

from api import cursors
from api.deps import Caller, caller, idempotency_key, services, upload
from api.form_parsing import posted_form
from api.idempotent import once
from api.job_office import Reach
from api.job_shapes import job, result
from api.refusals import TooLarge, UnsupportedMedia
from api.schemas import jobs as shapes
from api.schemas.common import problems
from api.translating import translation
from api.wiring import Services
from trust.errors import Malformed
from trust.i18n import N_

router = APIRouter(tags=["jobs"])
BY_TOKEN = [Security(HTTPBearer(auto_error=False, scheme_name="token"))]
Found = Annotated[Services, Depends(services)]
System = Annotated[Caller, Depends(caller)]
Key = Annotated[str, Depends(idempotency_key)]
JobId = Annotated[str, Path(max_length=32)]
LINES = "application/jsonl"
_SUFFIXES = {
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".jsonl",
    "application/json": ".json",
    "text/csv": ".csv",
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in _SUFFIXES},
        },
    }
}


async def records(request: Request) -> tuple[bytes, str]:
    """``(content, suffix)``: the field ``file`` of a form, or the body itself under its media type."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with posted_form(request) as data:
            content, name = await upload(request, data)
        return content, PurePath(name).suffix.lower()
    if kind not in _SUFFIXES:
        allowed = "、".join(_SUFFIXES)
        raise UnsupportedMedia(
            "request.media_type", "Content-Type 应为 multipart/form-data 或 {allowed} 之一。", allowed=allowed
        )
    content = await request.body()
    limit = request.app.state.settings.upload_limit
    if len(content) > limit:
        raise TooLarge("request.too_large", "文件超过 {limit} 字节的上限。", limit=limit)
    if not content:
        raise Malformed("upload.empty", "文件是空的。", remedy="请选择一份证照文件。")
    return content, _SUFFIXES[kind]


def reach(system: System) -> Reach:
    """A system sees the jobs it asked for; raises ``Refused("token.scope")``."""
    system.grant.demand("issue")
    return Reach(account=system.actor.account)


Own = Annotated[Reach, Depends(reach)]


@router.post(
    "/jobs/issue",
    response_model=shapes.JobAnswer,
    status_code=202,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
    dependencies=BY_TOKEN,
    openapi_extra=_BODY,
    summary=N_("批量签发：上传记录，得到一个任务"),
)
def issue(
    request: Request,
    found: Found,
    system: System,
    key: Key,
    sent: Annotated[tuple[bytes, str], Depends(records)],
    type: Annotated[str, Query(max_length=80, description="Code, slug or name of a type")],
) -> Response:
    """202 with `Location`. Same key, type and file: the same job. Records of the same `record_id` are issued once."""
    content, suffix = sent
    definition = found.catalogue.get(type)
    actor = found.right_of(system.grant, system.actor, definition.code)
    who = f"token:{system.grant.id}"
    answer = once(
        found.idempotency,
        key,
        who,
        f"{definition.code}\n{suffix}\n".encode() + content,
        lambda: job(
            found.jobs.ask_issue(definition.code, suffix, content, actor, key=f"{who}:{key}"), translation(request)
        ),
        status=202,
    )
    answer.headers["Location"] = f"/api/v1/jobs/{json.loads(bytes(answer.body))['job_id']}"
    return answer


@router.get(
    "/jobs",
    response_model=shapes.JobPage,
    responses=problems(401, 403, 422),
    dependencies=BY_TOKEN,
    summary=N_("本系统要求过的任务，新的在前"),
)
def jobs(
    request: Request,
    found: Found,
    own: Own,
    cursor: Annotated[str, Query(max_length=400, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, object]:
    page, place = found.jobs.page(own, before=cursors.decode(cursor, 1)[0] if cursor else "", limit=limit)
    items = [job(one, translation(request)) for one in page]
    return {"items": items, "next": cursors.encode([place]) if place else None}


@router.get(
    "/jobs/{job_id}",
    response_model=shapes.JobAnswer,
    responses=problems(401, 403, 404),
    dependencies=BY_TOKEN,
    summary=N_("一个任务的状态、进度和结果"),
)
def one_job(request: Request, found: Found, own: Own, job_id: JobId) -> dict[str, object]:
    return job(found.jobs.get(job_id, own), translation(request))


@router.get(
    "/jobs/{job_id}/results",
    response_class=StreamingResponse,
    responses={**problems(401, 403, 404, 422), 200: {"content": {LINES: {"schema": {"type": "string"}}}}},
    dependencies=BY_TOKEN,
    summary=N_("每条记录的结果，每行一个 JSON"),
)
def results(
    request: Request,
    found: Found,
    own: Own,
    job_id: JobId,
    after: Annotated[int, Query(ge=0, le=1 << 60, description="Only records behind this number")] = 0,
) -> Response:
    """In the order of the input: `{"record", "licence_id", …}` or `{"record", "error"}`. Also while the job runs."""
    found.jobs.get(job_id, own)
    translate = translation(request)

    def lines() -> Iterator[bytes]:
        for line in found.desk.jobs.all_results(job_id, after):
            yield json.dumps(result(line, translate), ensure_ascii=False).encode() + b"\n"

    return StreamingResponse(lines(), media_type=LINES, headers={"Cache-Control": "private, no-store"})


@router.post(
    "/jobs/{job_id}/cancellation",
    response_model=shapes.JobAnswer,
    responses=problems(400, 401, 403, 404, 409, 422),
    dependencies=BY_TOKEN,
    summary=N_("取消任务：已签发的保留，其余不再签发"),
)
def cancel(request: Request, found: Found, system: System, own: Own, key: Key, job_id: JobId) -> Response:
    return once(
        found.idempotency,
        key,
        f"token:{system.grant.id}",
        request.url.path.encode(),
        lambda: job(found.jobs.cancel(job_id, system.actor, own), translation(request)),
        status=200,
    )
