"""For holders' portals: hand in a file, see what its checks said, look at it, drop it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer
from starlette.responses import Response

from api import upload_office
from api.deps import idempotency_key, services
from api.form_parsing import posted_form
from api.holder_deps import HolderVisitor, holder_caller
from api.idempotent import once
from api.refusals import UnsupportedMedia
from api.routes.materials import FILE, PNG, file_answer, picture_answer
from api.schemas import uploads as shapes
from api.schemas.common import problems
from api.upload_form import file_of, text_of
from api.wiring import Services
from trust.algorithms import sm3
from trust.i18n import N_

router = APIRouter(tags=["space"], dependencies=[Security(HTTPBearer(auto_error=False, scheme_name="token"))])
Found = Annotated[Services, Depends(services)]
Portal = Annotated[HolderVisitor, Depends(holder_caller)]
Key = Annotated[str, Depends(idempotency_key)]
UploadId = Annotated[str, Path(max_length=40)]
READING = problems(401, 403, 404, 422, 503)
CHANGING = problems(400, 401, 403, 404, 409, 413, 415, 422, 503)
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "kind"],
                    "properties": {"file": {"type": "string", "format": "binary"}, "kind": {"type": "string"}},
                }
            }
        },
    }
}


@router.post(
    "/space/uploads", response_model=shapes.UploadAnswer, status_code=201, responses=CHANGING, openapi_extra=_BODY,
    summary=N_("上传文件"),
)  # fmt: skip
async def add(request: Request, found: Found, portal: Portal, key: Key) -> Response:
    """Judged by its content; a photo is drawn anew, without place and device. Then make it a material."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise UnsupportedMedia("request.media_type", "表单应以 multipart/form-data 提交。")
    async with posted_form(request, fields=40) as data:
        name, content = await file_of(data)
        kind = text_of(data, "kind", 40)

    def act() -> Mapping[str, object]:
        return upload_office.accept(found, portal.session, portal.actor, name, content, kind).to_json()

    body = f"{kind}\n{name}\n{sm3(content).hex()}".encode("utf-8", "replace")
    return await run_in_threadpool(once, found.idempotency, key, _of(portal), body, act)


@router.get("/space/uploads", response_model=shapes.UploadList, responses=READING, summary=N_("我上传的文件和剩余空间"))
def list_uploads(found: Found, portal: Portal, limit: Annotated[int, Query(ge=1, le=200)] = 200) -> dict[str, Any]:
    portal.session.demand("view")
    uploads, owner = found.desk.uploads, portal.holder_code
    seen = [one for one in uploads.of_owner(owner, limit=limit) if upload_office.covers(portal.session, one)]
    items = [one.to_json() for one in seen]
    return {"items": items, "meter": uploads.meter(owner).to_json()}


@router.get(
    "/space/uploads/{upload_id}", response_model=shapes.UploadAnswer, responses=READING, summary=N_("一份上传的文件")
)
def one(found: Found, portal: Portal, upload_id: UploadId) -> dict[str, Any]:
    return upload_office.own(found, portal.session, upload_id).to_json()


@router.get("/space/uploads/{upload_id}/content", responses={**READING, **FILE}, summary=N_("上传的文件的内容"))
def content(found: Found, portal: Portal, upload_id: UploadId) -> Response:
    view = upload_office.own(found, portal.session, upload_id)
    return file_answer(found.desk.uploads.open(view.id), view.media_type)


@router.get(
    "/space/uploads/{upload_id}/pages/{page}.png", responses={**READING, **PNG}, summary=N_("上传的文件一页的图像")
)
def picture(
    found: Found,
    portal: Portal,
    upload_id: UploadId,
    page: Annotated[int, Path(ge=1, le=10_000)],
    width: Annotated[int, Query(ge=16, le=4000)] = 1200,
) -> Response:
    view = upload_office.own(found, portal.session, upload_id)
    return picture_answer(found.desk.uploads.page_picture(view.id, page, width))


@router.post(
    "/space/uploads/{upload_id}/seal", response_model=shapes.UploadAnswer, status_code=201, responses=CHANGING,
    summary=N_("在上传的文件上加盖本人的印章"),
)  # fmt: skip
def seal(found: Found, portal: Portal, upload_id: UploadId, asked: shapes.SealRequest, key: Key) -> Response:
    """Needs assurance 2, lately proved. The sealed file is a new upload; the one without a seal goes."""

    def act() -> Mapping[str, object]:
        return upload_office.seal(found, portal.session, portal.actor, upload_id, asked.seal).to_json()

    return once(found.idempotency, key, _of(portal), f"seal\n{upload_id}\n{asked.seal}".encode(), act)


@router.delete("/space/uploads/{upload_id}", status_code=204, responses=CHANGING, summary=N_("删除上传的文件"))
def drop(found: Found, portal: Portal, upload_id: UploadId) -> Response:
    """One that is no material; a material is deleted as such."""
    upload_office.drop(found, portal.session, portal.actor, upload_id)
    return Response(status_code=204)


def _of(portal: HolderVisitor) -> str:
    """Whose keys they are: the account's, for the holder it acts for."""
    return f"space:{portal.session.account_id}:{sm3(portal.holder_code.encode()).hex()[:16]}"
