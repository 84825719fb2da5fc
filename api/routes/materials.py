"""For windows and their systems (scope ``materials``): the work list, comparing, accepting, refusing, cases."""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Security
from fastapi.security import HTTPBearer
from starlette.responses import Response

from api import cursors, material_office
from api.deps import Caller, body, caller, idempotency_key, purpose, services
from api.errors import language_of
from api.idempotent import once
from api.schemas import materials as shapes
from api.schemas.common import problems
from api.wiring import Services
from licence_store.materials.checking import Checked
from seal.lifecycle import Official
from trust.i18n import N_

router = APIRouter(tags=["materials"])
_BEARER = [Security(HTTPBearer(auto_error=False, scheme_name="token"))]
Found = Annotated[Services, Depends(services)]
Key = Annotated[str, Depends(idempotency_key)]
MaterialId = Annotated[str, Path(max_length=200, description="`m-…`, or a licence id")]
READING = problems(401, 403, 404, 422)
CHANGING = problems(400, 401, 403, 404, 409, 413, 422, 503)
PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}
FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}


def official(found: Found, system: Annotated[Caller, Depends(caller)]) -> Official:
    """The officer behind the token."""
    return material_office.official_by_token(found, system.grant, system.actor)


def sent(request: Request, content: Annotated[bytes, Depends(body)]) -> bytes:
    """What an idempotency key stands for: address and body."""
    return request.url.path.encode() + b"\n" + content


Who = Annotated[Official, Depends(official)]
Sent = Annotated[bytes, Depends(sent)]


@router.get("/credibility-rules", summary=N_("可信等级规则：材料种类、角色 × 等级 × 操作、退回理由"))
def rules(request: Request) -> dict[str, object]:
    return material_office.rules_shape(language_of(request))


@router.get(
    "/window/materials", response_model=shapes.MaterialList, responses=READING, dependencies=_BEARER,
    summary=N_("窗口工作表：待核验、已核验、已退回的材料"),
)  # fmt: skip
def work_list(
    request: Request,
    found: Found,
    who: Who,
    show: Literal["waiting", "checked", "refused", "all"] = "waiting",
    kind: Annotated[str, Query(max_length=40)] = "",
    type: Annotated[str, Query(max_length=80, description="Code, slug or name of a type")] = "",
    cursor: Annotated[str, Query(max_length=400, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, object]:
    after = cursors.decode(cursor, 1)[0] if cursor else ""
    page = found.desk.materials.waiting(who, kind=kind, type_code=type, show=show, after=after, limit=limit)
    return material_office.page_shape(page, language_of(request))


@router.get(
    "/holders/{holder_code}/materials", response_model=shapes.MaterialList, responses=READING, dependencies=_BEARER,
    summary=N_("到窗口的持证者有哪些材料；须说明事由"),
)  # fmt: skip
def lookup(
    request: Request,
    found: Found,
    who: Who,
    holder_code: Annotated[str, Path(max_length=64)],
    reason: Annotated[str, Depends(purpose)],
) -> dict[str, object]:
    return material_office.page_shape(found.desk.materials.at_window(who, holder_code, reason), language_of(request))


@router.get(
    "/window/materials/{item_id}", response_model=shapes.MaterialAnswer, responses=READING, dependencies=_BEARER,
    summary=N_("一份材料：可信等级和由谁核验"),
)  # fmt: skip
def one(request: Request, found: Found, who: Who, item_id: MaterialId) -> dict[str, object]:
    return material_office.shape(found.desk.materials.get(item_id, who), language_of(request))


@router.get(
    "/window/materials/{item_id}/usability", response_model=shapes.MaterialAnswer,
    responses={**READING, **problems(409)}, dependencies=_BEARER, summary=N_("材料可否不经核验直接使用"),
)  # fmt: skip
def usability(request: Request, found: Found, who: Who, item_id: MaterialId) -> dict[str, object]:
    """403 `material.original_check`: an officer must compare it with the original first."""
    return material_office.shape(found.desk.materials.demand_usable(item_id, who), language_of(request))


@router.get(
    "/window/materials/{item_id}/content", responses={**READING, **FILE}, dependencies=_BEARER, summary=N_("材料的文件")
)
def content(found: Found, who: Who, item_id: MaterialId) -> Response:
    data = found.desk.materials.content(item_id, who)
    return file_answer(data, found.desk.materials.find(item_id).media_type)


@router.get(
    "/window/materials/{item_id}/pages/{page}.png", responses={**READING, **PNG}, dependencies=_BEARER,
    summary=N_("材料一页的图像"),
)  # fmt: skip
def picture(found: Found, who: Who, item_id: MaterialId, page: int) -> Response:
    return picture_answer(found.desk.materials.picture(item_id, who, page))


@router.get(
    "/window/materials/{item_id}/history", response_model=shapes.MaterialHistory, responses=READING,
    dependencies=_BEARER, summary=N_("材料经过"),
)  # fmt: skip
def history(found: Found, who: Who, item_id: MaterialId) -> dict[str, object]:
    return {"items": [material_office.event_shape(line) for line in found.desk.materials.history(item_id, who)]}


@router.get(
    "/window/materials/{item_id}/provenance", responses=READING, dependencies=_BEARER,
    summary=N_("材料的来历图，签名，可离线核验"),
)  # fmt: skip
def provenance(found: Found, who: Who, item_id: MaterialId) -> Response:
    return provenance_answer(found.desk.materials.provenance(item_id, who).export())


@router.post(
    "/window/materials/{item_id}/checks", response_model=shapes.MaterialAnswer, status_code=201, responses=CHANGING,
    dependencies=_BEARER, summary=N_("与原件核对，升为 B 级；部门签名"),
)  # fmt: skip
def check(found: Found, who: Who, item_id: MaterialId, asked: shapes.CheckRequest, content: Sent, key: Key) -> Response:
    def act() -> dict[str, object]:
        given = checked(asked)
        return material_office.shape(
            found.desk.materials.check(
                item_id, who, compared=given.compared, original_seen=given.original_seen, reason=given.reason,
                valid_until=given.valid_until,
            )
        )  # fmt: skip

    return once(found.idempotency, key, f"account:{who.actor.account}", content, act)


@router.post(
    "/window/materials/{item_id}/refusals", response_model=shapes.MaterialAnswer, status_code=201, responses=CHANGING,
    dependencies=_BEARER, summary=N_("退回材料，理由取自理由表"),
)  # fmt: skip
def refuse(
    found: Found, who: Who, item_id: MaterialId, asked: shapes.RefusalRequest, content: Sent, key: Key
) -> Response:
    def act() -> dict[str, object]:
        return material_office.shape(found.desk.materials.refuse(item_id, who, asked.reason, asked.words))

    return once(found.idempotency, key, f"account:{who.actor.account}", content, act)


@router.post(
    "/window/materials/{item_id}/better", response_model=shapes.BetterAnswer, status_code=201, responses=CHANGING,
    dependencies=_BEARER, summary=N_("查找、采用或暂不采用登记簿中的原件"),
)  # fmt: skip
def better(
    found: Found, who: Who, item_id: MaterialId, asked: shapes.BetterRequest, content: Sent, key: Key
) -> Response:
    def act() -> dict[str, object]:
        return material_office.better_act(found, item_id, who, asked.act)

    return once(found.idempotency, key, f"account:{who.actor.account}", content, act)


@router.delete(
    "/window/materials/{item_id}", status_code=204, responses=CHANGING, dependencies=_BEARER,
    summary=N_("删除窗口自己的扫描件"),
)  # fmt: skip
def delete(found: Found, who: Who, item_id: MaterialId) -> Response:
    found.desk.materials.delete(item_id, who)
    return Response(status_code=204)


@router.post(
    "/window/materials/scans", response_model=shapes.MaterialAnswer, status_code=201, responses=CHANGING,
    dependencies=_BEARER, summary=N_("窗口扫描件：扫描并当场核对，即为 B 级"),
)  # fmt: skip
def scan(found: Found, who: Who, asked: shapes.ScanRequest, content: Sent, key: Key) -> Response:
    def act() -> dict[str, object]:
        made = material_office.scan(
            found, who, asked.holder_code, asked.name, b64decode(asked.data), checked(asked), title=asked.title,
            type_code=asked.type, number=asked.number,
        )  # fmt: skip
        return material_office.shape(made)

    return once(found.idempotency, key, f"account:{who.actor.account}", content, act)


@router.post(
    "/cases/{number}/materials", response_model=shapes.CaseMaterialAnswer, status_code=201, responses=CHANGING,
    dependencies=_BEARER, summary=N_("接件：登记办件收到的材料及收取方式"),
)  # fmt: skip
def link(
    found: Found,
    who: Who,
    number: Annotated[str, Path(max_length=100)],
    asked: shapes.ReceivingRequest,
    content: Sent,
    key: Key,
) -> Response:
    def act() -> dict[str, object]:
        return material_office.case_shape(
            found.desk.materials.link(
                number, who, subject=asked.subject, title=asked.title, received=asked.received,
                holder_code=asked.holder_code, service_item=asked.service_item,
            )
        )  # fmt: skip

    return once(found.idempotency, key, f"account:{who.actor.account}", content, act)


@router.get(
    "/cases/{number}/materials", response_model=shapes.CaseMaterialList, responses=READING, dependencies=_BEARER,
    summary=N_("办件收到的材料"),
)  # fmt: skip
def of_case(found: Found, who: Who, number: Annotated[str, Path(max_length=100)]) -> dict[str, object]:
    return {"items": [material_office.case_shape(line) for line in found.desk.materials.of_case(number, who)]}


# Shared with the holder's routes


def checked(asked: shapes.CheckRequest) -> Checked:
    """What was compared, as the library takes it."""
    compared = tuple((one.aspect, one.upload, one.original) for one in asked.compared)
    return Checked(compared, asked.original_seen, asked.reason, asked.valid_until)


def file_answer(data: bytes, media_type: str) -> Response:
    """A stranger's file: always a download, never run."""
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": "attachment; filename=material",
        "X-Content-Type-Options": "nosniff",
        "X-Material-Type": media_type,
    }
    return Response(data, media_type="application/octet-stream", headers=headers)


def picture_answer(png: bytes) -> Response:
    return Response(png, media_type="image/png", headers={"Cache-Control": "private, no-store"})


def provenance_answer(signed: bytes) -> Response:
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{material_office.PROVENANCE_FILE}"',
    }
    return Response(signed, media_type="application/json", headers=headers)
