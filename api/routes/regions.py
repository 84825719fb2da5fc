"""Between regions: the trust list and its age for everybody, reports of lower regions, the union catalogue."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Security
from fastapi.security import HTTPBearer
from starlette.responses import JSONResponse, Response

from api import region_shapes as shapes
from api.deps import Caller, body, caller, idempotency_key, purpose, services, stranger
from api.routes.trust import cacheable
from api.schemas.common import problems
from api.wiring import Services
from trust.i18n import N_
from trust.journal import Actor

router = APIRouter(tags=["regions"])
bearer = HTTPBearer(auto_error=False, scheme_name="token")
Found = Annotated[Services, Depends(services)]
Code = Annotated[str, Path(pattern="^[0-9]{6}$")]


@router.get(
    "/trust-list",
    response_class=Response,
    responses=problems(404, 503),
    summary=N_("信任列表：本节点所采信的最新一号，管理人已会签"),
)
def trust_list(request: Request, found: Found) -> Response:
    return cacheable(request, found.desk.trust_lists.newest(), 30)


@router.get(
    "/trust-list/{number}",
    response_class=Response,
    responses=problems(404, 422, 503),
    summary=N_("信任列表：先前的一号"),
)
def earlier_list(request: Request, found: Found, number: Annotated[int, Path(ge=1, le=999_999_999)]) -> Response:
    return cacheable(request, found.desk.trust_lists.by_number(number), 86400)


@router.get(
    "/region", response_model=shapes.ListStateBody, responses=problems(503), summary=N_("本节点和它的信任列表有多旧")
)
def region(found: Found) -> dict[str, object]:
    return found.regions.state()


@router.get(
    "/union-catalogue",
    response_model=shapes.UnionCatalogueBody,
    responses=problems(403, 429, 503),
    dependencies=[Depends(stranger)],
    summary=N_("汇总目录：各地区的证照类型（枢纽节点）"),
)
def union_catalogue(found: Found) -> dict[str, object]:
    return found.regions.union_catalogue()


@router.get(
    "/union-catalogue/{region}",
    response_class=Response,
    responses=problems(403, 404, 422, 429, 503),
    dependencies=[Depends(stranger)],
    summary=N_("汇总目录：一个地区的目录上报，由该地区签名（枢纽节点）"),
)
def regional_catalogue(found: Found, region: Code) -> Response:
    return Response(found.regions.regional_catalogue(region), media_type="application/json")


@router.post(
    "/upward",
    response_model=shapes.UpwardHeadBody,
    responses=problems(400, 403, 404, 409, 413, 422, 429, 503),
    summary=N_("下级地区上报一批证照及其状态（已签名，逐批相接）"),
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
)
def upward(
    found: Found,
    content: Annotated[bytes, Depends(body)],
    anybody: Annotated[Actor, Depends(stranger)],
    key: Annotated[str, Depends(idempotency_key)],
) -> dict[str, object]:
    """The batch's own number and digest make it idempotent; the key is what every changing request carries."""
    sender = Actor("region", None, anybody.address, "http")
    head = found.regions.upward.receive(content, sender)
    return {"region": head.region, "number": head.number, "digest": head.digest, "event": head.event}


@router.get(
    "/upward/{region}",
    response_model=shapes.UpwardHeadBody,
    responses=problems(422, 503),
    summary=N_("一个下级地区已上报到第几批"),
)
def heard(found: Found, region: Code) -> dict[str, object]:
    head = found.regions.upward.head(region)
    return {"region": region, "number": head.number, "digest": head.digest, "event": head.event}


@router.get(
    "/lower-licences",
    responses=problems(400, 401, 403, 422, 503),
    dependencies=[Security(bearer)],
    summary=N_("查下级地区上报的证照（须说明事由）"),
)
def lower_licences(
    found: Found,
    system: Annotated[Caller, Depends(caller)],
    why: Annotated[str, Depends(purpose)],
    holder_code: Annotated[str, Query(max_length=64)] = "",
    licence_id: Annotated[str, Query(max_length=160)] = "",
    region: Annotated[str, Query(max_length=6)] = "",
) -> JSONResponse:
    system.grant.demand("search")
    rows = found.regions.find_below(system.actor, why, holder_code=holder_code, licence_id=licence_id, region=region)
    return JSONResponse({"items": [shapes.upward_row(one) for one in rows]}, headers={"Cache-Control": "no-store"})
