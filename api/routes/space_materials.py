"""For holders' portals: their materials, each with its level, where it comes from, and what may be done with it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Security
from fastapi.security import HTTPBearer
from starlette.responses import Response

from api import cursors, material_office
from api.deps import idempotency_key, services
from api.errors import language_of
from api.holder_deps import HolderVisitor, holder_caller
from api.idempotent import once
from api.routes.materials import FILE, PNG, file_answer, picture_answer, provenance_answer, sent
from api.schemas import materials as shapes
from api.schemas.common import problems
from api.wiring import Services
from licence_store.holding.holder import HolderSession
from trust.i18n import N_

router = APIRouter(tags=["space"], dependencies=[Security(HTTPBearer(auto_error=False, scheme_name="token"))])
Found = Annotated[Services, Depends(services)]
Key = Annotated[str, Depends(idempotency_key)]
Sent = Annotated[bytes, Depends(sent)]
MaterialId = Annotated[str, Path(max_length=200)]
READING = problems(401, 403, 404, 422)
CHANGING = problems(400, 401, 403, 404, 409, 422, 503)


def session(visitor: Annotated[HolderVisitor, Depends(holder_caller)]) -> HolderSession:
    """Whose space it is, and through which door."""
    return material_office.asking(visitor)


Who = Annotated[HolderSession, Depends(session)]


@router.get("/space/materials", response_model=shapes.MaterialList, responses=READING, summary=N_("我的材料"))
def list_materials(
    request: Request,
    found: Found,
    who: Who,
    state: Annotated[str, Query(max_length=16)] = "",
    kind: Annotated[str, Query(max_length=40)] = "",
    cursor: Annotated[str, Query(max_length=400, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, object]:
    after = cursors.decode(cursor, 1)[0] if cursor else ""
    page = found.desk.materials.of_holder(who, state=state, kind=kind, after=after, limit=limit)
    return material_office.page_shape(page, language_of(request), own=True)


@router.post(
    "/space/materials", response_model=shapes.MaterialAnswer, status_code=201, responses=CHANGING,
    summary=N_("把上传的文件作为材料放入空间"),
)  # fmt: skip
def add(request: Request, found: Found, who: Who, asked: shapes.MaterialRequest, content: Sent, key: Key) -> Response:
    def act() -> dict[str, object]:
        made = found.desk.materials.add(
            who, found.desk.uploads.view(asked.upload), kind=asked.kind, title=asked.title, type_code=asked.type,
            stated_number=asked.number, case_number=asked.case_number, department=asked.department,
        )  # fmt: skip
        return material_office.shape(made, language_of(request), own=True)

    return once(found.idempotency, key, caller_of(who), content, act)


@router.get(
    "/space/materials/{item_id}", response_model=shapes.MaterialAnswer, responses=READING, summary=N_("我的一份材料")
)
def one(request: Request, found: Found, who: Who, item_id: MaterialId) -> dict[str, object]:
    return material_office.shape(found.desk.materials.get(item_id, who), language_of(request), own=True)


@router.get(
    "/space/materials/{item_id}/usability", response_model=shapes.MaterialAnswer, responses=READING,
    summary=N_("我的材料可否直接使用"),
)  # fmt: skip
def usability(request: Request, found: Found, who: Who, item_id: MaterialId) -> dict[str, object]:
    return material_office.shape(found.desk.materials.demand_usable(item_id, who), language_of(request), own=True)


@router.get("/space/materials/{item_id}/content", responses={**READING, **FILE}, summary=N_("我的材料的文件"))
def content(found: Found, who: Who, item_id: MaterialId) -> Response:
    data = found.desk.materials.content(item_id, who)
    return file_answer(data, found.desk.materials.find(item_id).media_type)


@router.get(
    "/space/materials/{item_id}/pages/{page}.png", responses={**READING, **PNG}, summary=N_("我的材料一页的图像")
)
def picture(found: Found, who: Who, item_id: MaterialId, page: int) -> Response:
    return picture_answer(found.desk.materials.picture(item_id, who, page))


@router.get(
    "/space/materials/{item_id}/history", response_model=shapes.MaterialHistory, responses=READING,
    summary=N_("我的材料的经过"),
)  # fmt: skip
def history(found: Found, who: Who, item_id: MaterialId) -> dict[str, object]:
    return {"items": [material_office.event_shape(line) for line in found.desk.materials.history(item_id, who)]}


@router.get(
    "/space/materials/{item_id}/provenance", responses=READING, summary=N_("我的材料的来历图，签名，可离线核验")
)
def provenance(found: Found, who: Who, item_id: MaterialId) -> Response:
    return provenance_answer(found.desk.materials.provenance(item_id, who).export())


@router.post(
    "/space/materials/{item_id}/replacement", response_model=shapes.MaterialAnswer, status_code=201,
    responses=CHANGING, summary=N_("以新上传的文件替换"),
)  # fmt: skip
def replace(
    request: Request,
    found: Found,
    who: Who,
    item_id: MaterialId,
    asked: shapes.ReplacementRequest,
    content: Sent,
    key: Key,
) -> Response:
    def act() -> dict[str, object]:
        found.desk.materials.get(item_id, who, "replace")
        made = found.desk.materials.replace(item_id, who, found.desk.uploads.view(asked.upload))
        return material_office.shape(made, language_of(request), own=True)

    return once(found.idempotency, key, caller_of(who), content, act)


@router.post(
    "/space/materials/{item_id}/better", response_model=shapes.BetterAnswer, status_code=201, responses=CHANGING,
    summary=N_("查找、采用或暂不采用登记簿中我的原件"),
)  # fmt: skip
def better(
    found: Found, who: Who, item_id: MaterialId, asked: shapes.BetterRequest, content: Sent, key: Key
) -> Response:
    def act() -> dict[str, object]:
        return material_office.better_act(found, item_id, who, asked.act)

    return once(found.idempotency, key, caller_of(who), content, act)


@router.delete("/space/materials/{item_id}", status_code=204, responses=CHANGING, summary=N_("删除我的材料"))
def delete(found: Found, who: Who, item_id: MaterialId) -> Response:
    found.desk.materials.delete(item_id, who)
    return Response(status_code=204)


@router.get(
    "/space/cases/{number}/materials", response_model=shapes.CaseMaterialList, responses=READING,
    summary=N_("我的一个办件收到的材料"),
)  # fmt: skip
def of_case(found: Found, who: Who, number: Annotated[str, Path(max_length=100)]) -> dict[str, object]:
    return {"items": [material_office.case_shape(line) for line in found.desk.materials.of_case(number, who)]}


def caller_of(who: HolderSession) -> str:
    """Whose idempotency keys."""
    return f"holder:{who.account_id}:{who.holder.code}"[:100]
