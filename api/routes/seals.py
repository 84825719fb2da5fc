"""For officers, keepers, approvers and auditors: the life of seals; for everybody: a seal's standing.

Who may take which step stands in one table (``seal.lifecycle``); a token acts in the role of the account that made it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Security
from fastapi.security import HTTPBearer
from starlette.responses import Response

from api import cursors, seal_office, seal_shapes
from api.deps import Caller, body, caller, document, idempotency_key, purpose, services
from api.idempotent import once, once_file
from api.routes.trust import cacheable
from api.routes.verifier import UPLOAD
from api.schemas import seals as shapes
from api.schemas.common import problems
from api.translating import translation
from api.wiring import Services
from seal.lifecycle import Official, State
from trust.i18n import N_

router = APIRouter(tags=["seals"])
bearer = HTTPBearer(auto_error=False, scheme_name="token")
BY_TOKEN = [Security(bearer)]
Found = Annotated[Services, Depends(services)]
System = Annotated[Caller, Depends(caller)]
Key = Annotated[str, Depends(idempotency_key)]
Reason = Annotated[str, Depends(purpose)]
SealId = Annotated[str, Path(max_length=64, description="印章编码 (esID)")]
Begin = Annotated[str | None, Query(alias="from", max_length=40, description="RFC 3339, included")]
End = Annotated[str | None, Query(alias="to", max_length=40, description="RFC 3339, excluded")]
EVERY_TYPE = "*"
"""What a document somebody brings asks of a token: it is of no type."""
CHANGING = problems(400, 401, 403, 404, 409, 413, 422, 503)


def official(found: Found, system: System) -> Official:
    """办理人: the account behind the token, in its role; raises ``Refused("token.scope")``."""
    return seal_office.official_by_token(found, system.grant, system.actor)


def sent(request: Request, content: Annotated[bytes, Depends(body)]) -> bytes:
    """What an idempotency key stands for: address and body."""
    return request.url.path.encode() + b"\n" + content


Who = Annotated[Official, Depends(official)]
Sent = Annotated[bytes, Depends(sent)]


# For everybody


@router.get(
    "/seal-status", response_class=Response, responses=problems(503), summary=N_("印章状态列表：全部印章的履历，已签名")
)
def seal_status_list(request: Request, found: Found) -> Response:
    return cacheable(request, found.desk.seal_status.publish(), 60)


@router.get(
    "/seals/{seal_id}/status",
    response_model=shapes.StandingAnswer,
    responses=problems(404, 422),
    summary=N_("一枚印章在某一时刻的状态"),
)
def seal_status(
    found: Found,
    seal_id: SealId,
    at: Annotated[str | None, Query(max_length=40, description="RFC 3339; default now")] = None,
    digest: Annotated[str | None, Query(max_length=64, description="SM3 of one seal object, hex")] = None,
) -> dict[str, object]:
    status, moment = seal_office.status_of(found, seal_id, shapes.moment(at), digest)
    return seal_shapes.standing(seal_id, moment, status)


@router.get(
    "/seal-rules",
    response_class=Response,
    responses={200: {"content": {"text/markdown": {}}}},
    summary=N_("电子印章管理办法"),
)
def seal_rules(found: Found) -> Response:
    from seal.rules import management_rules

    return Response(management_rules(found.region_facts.name), media_type="text/markdown; charset=utf-8")


# For staff


@router.get(
    "/seals",
    response_model=shapes.SealPage,
    responses=problems(401, 403, 422),
    dependencies=BY_TOKEN,
    summary=N_("查找印章"),
)
def seals(
    found: Found,
    system: System,
    who: Who,
    reason: Reason,
    q: Annotated[str, Query(max_length=160, description="Code, or part of a seal's or holder's name")] = "",
    state: Annotated[State | None, Query()] = None,
    cursor: Annotated[str, Query(max_length=400, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, object]:
    after = cursors.decode(cursor, 1)[0] if cursor else ""
    rows, place = seal_office.search(
        found, who, reason, text=q, state=state, after=after, limit=limit, grant=system.grant
    )
    return {"items": [seal_shapes.line(one) for one in rows], "next": cursors.encode([place]) if place else None}


@router.get(
    "/seals/{seal_id}",
    response_model=shapes.SealAnswer,
    responses=problems(401, 403, 404, 422),
    dependencies=BY_TOKEN,
    summary=N_("一枚印章：印章数据、申请、事件、用章授权"),
)
def seal(found: Found, system: System, who: Who, reason: Reason, seal_id: SealId) -> dict[str, object]:
    return seal_shapes.whole(seal_office.find(found, seal_id, who, reason, system.grant))


@router.get(
    "/seals/{seal_id}/picture",
    response_class=Response,
    responses={**problems(401, 403, 404, 422), 200: {"content": {"image/png": {}}}},
    dependencies=BY_TOKEN,
    summary=N_("印模图片"),
)
def picture(found: Found, system: System, who: Who, reason: Reason, seal_id: SealId) -> Response:
    view = seal_office.find(found, seal_id, who, reason, system.grant)
    return Response(seal_office.picture(found, view.id), media_type="image/png")


@router.get(
    "/seals/{seal_id}/object",
    response_class=Response,
    responses={**problems(401, 403, 404, 422), 200: {"content": {"application/octet-stream": {}}}},
    dependencies=BY_TOKEN,
    summary=N_("印章数据（GB/T 38540，DER）"),
)
def seal_object(
    found: Found,
    system: System,
    who: Who,
    reason: Reason,
    seal_id: SealId,
    number: Annotated[int | None, Query(ge=1, description="Default: the present one")] = None,
) -> Response:
    view = seal_office.find(found, seal_id, who, reason, system.grant)
    return Response(found.desk.seal_register.object(view.id, number), media_type="application/octet-stream")


@router.post(
    "/seals",
    response_model=shapes.StepAnswer,
    status_code=201,
    responses=CHANGING,
    dependencies=BY_TOKEN,
    summary=N_("申请新制一枚印章"),
)
def apply(found: Found, system: System, who: Who, asked: shapes.ApplyRequest, content: Sent, key: Key) -> Response:
    register = found.desk.seal_register
    wanted = shapes.new_seal(asked, who.actor.department or "")

    def act() -> dict[str, object]:
        made = register.apply(who, wanted, shapes.basis(asked.basis), reason=asked.reason)
        return seal_shapes.step_answer(register.view(made))

    return once(found.idempotency, key, f"token:{system.grant.id}", content, act)


@router.post(
    "/seals/{seal_id}/steps/{step}",
    response_model=shapes.StepAnswer,
    responses=CHANGING,
    dependencies=BY_TOKEN,
    summary=N_("办理一步：批准、制作、发放、启用、冻结、挂失、变更、收缴、销毁 …"),
)
def take_step(
    found: Found,
    system: System,
    who: Who,
    seal_id: SealId,
    step: Annotated[str, Path(max_length=32, json_schema_extra={"enum": list(seal_office.STEP_NAMES)})],
    asked: shapes.StepRequest,
    content: Sent,
    key: Key,
) -> Response:
    """The step's name is one of the table's. A refused one answers 403 or 409 with the rule's code."""
    seal_office.demand_covered(found, seal_id, system.grant)
    register, comes = found.desk.seal_register, shapes.given(asked)
    return once(
        found.idempotency,
        key,
        f"token:{system.grant.id}",
        content,
        lambda: seal_shapes.step_answer(seal_office.take_step(register, who, seal_id, step, comes)),
        status=200,
    )


@router.post(
    "/seals/{seal_id}/grants",
    response_model=shapes.GrantAnswer,
    status_code=201,
    responses=CHANGING,
    dependencies=BY_TOKEN,
    summary=N_("授权用章"),
)
def grant(
    found: Found, system: System, who: Who, seal_id: SealId, asked: shapes.GrantRequest, content: Sent, key: Key
) -> Response:
    seal_office.demand_covered(found, seal_id, system.grant)
    wanted = shapes.permission(asked)
    return once(
        found.idempotency,
        key,
        f"token:{system.grant.id}",
        content,
        lambda: {
            "seal_id": seal_id,
            "grant": found.desk.seal_register.grant(who, seal_id, wanted, reason=asked.reason),
            "ended": False,
        },
    )


@router.post(
    "/seals/{seal_id}/grants/{grant_id}/end",
    response_model=shapes.GrantAnswer,
    responses=CHANGING,
    dependencies=BY_TOKEN,
    summary=N_("收回用章授权"),
)
def end_grant(
    found: Found,
    system: System,
    who: Who,
    seal_id: SealId,
    grant_id: Annotated[str, Path(max_length=32)],
    asked: shapes.ReasonRequest,
    content: Sent,
    key: Key,
) -> Response:
    seal_office.demand_covered(found, seal_id, system.grant)

    def act() -> dict[str, object]:
        found.desk.seal_register.end_grant(who, seal_id, grant_id, reason=asked.reason)
        return {"seal_id": seal_id, "grant": grant_id, "ended": True}

    return once(found.idempotency, key, f"token:{system.grant.id}", content, act, status=200)


@router.post(
    "/seals/{seal_id}/documents",
    response_class=Response,
    responses={
        **problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
        200: {"content": {"application/ofd": {}, "application/pdf": {}}},
    },
    dependencies=BY_TOKEN,
    openapi_extra=UPLOAD,
    summary=N_("在送来的 OFD 或 PDF 文件上加盖印章"),
)
def put_seal(
    request: Request,
    found: Found,
    system: System,
    who: Who,
    seal_id: SealId,
    content: Annotated[bytes, Depends(document)],
    key: Key,
    page: Annotated[list[int] | None, Query(description="Page, from 1; as often as `x` and `y`")] = None,
    x: Annotated[list[float] | None, Query(description="Millimetres from the page's left")] = None,
    y: Annotated[list[float] | None, Query(description="Millimetres from the page's top")] = None,
    cross_page: Annotated[bool, Query(description="A cross-page seal (骑缝章) as well")] = False,
    cross_y: Annotated[float | None, Query(description="Its place, millimetres from the top")] = None,
    keyword: Annotated[str, Query(max_length=100, description="Over the last place of these words (PDF)")] = "",
    field: Annotated[str, Query(max_length=100, description="In the empty signature field of this name (PDF)")] = "",
    reason: Annotated[str, Query(max_length=500, description="For the journal")] = "",
) -> Response:
    """Several seals: send what was answered again. Without a place: at the lower right of the last page."""
    seal_office.demand_covered(found, seal_id, system.grant)
    system.grant.demand("seals", type_code=EVERY_TYPE)
    marks = seal_office.marks_of(
        page or (), x or (), y or (), cross_page=cross_page, cross_y=cross_y, keyword=keyword, field=field
    )
    asked = f"{request.url.path}?{request.url.query}\n".encode() + content
    return once_file(
        found.idempotency,
        key,
        f"token:{system.grant.id}",
        asked,
        lambda: found.desk.stamper.stamp(who, seal_id, content, marks, reason=reason).data,
        media_type="application/pdf" if content.startswith(b"%PDF-") else "application/ofd",
    )


@router.get(
    "/seals/{seal_id}/uses",
    response_model=shapes.UsePage,
    responses=problems(401, 403, 404, 422),
    dependencies=BY_TOKEN,
    summary=N_("用章台账：一段时间内该印章盖过哪些文件"),
)
def uses(
    found: Found,
    system: System,
    who: Who,
    reason: Reason,
    seal_id: SealId,
    begin: Begin = None,
    end: End = None,
    q: Annotated[str, Query(max_length=160, description="Licence id, file digest or officer")] = "",
    cursor: Annotated[str, Query(max_length=200, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, object]:
    seal_office.demand_covered(found, seal_id, system.grant)
    after = cursors.decode_number(cursor) if cursor else 0
    page = found.desk.seal_register.ledger(
        who, seal_id, shapes.moment(begin), shapes.moment(end), text=q, after=after, limit=limit + 1, reason=reason
    )
    place = cursors.encode([str(page[limit - 1].id)]) if len(page) > limit else None
    return {"items": [seal_shapes.use(one) for one in page[:limit]], "next": place}


@router.get(
    "/seals/{seal_id}/affected",
    response_model=shapes.AffectedAnswer,
    responses=problems(401, 403, 404, 422),
    dependencies=BY_TOKEN,
    summary=N_("受影响的现行证照：一段时间内盖过该印章的"),
)
def affected(
    found: Found,
    system: System,
    who: Who,
    reason: Reason,
    seal_id: SealId,
    begin: Begin = None,
    end: End = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> dict[str, object]:
    seal_office.demand_covered(found, seal_id, system.grant)
    concerned = seal_office.affected(found, who, seal_id, shapes.moment(begin), shapes.moment(end), reason)
    return {"items": concerned[:limit], "count": len(concerned)}


@router.post(
    "/seals/{seal_id}/reseal",
    response_model=shapes.ResealAnswer,
    responses=CHANGING,
    dependencies=BY_TOKEN,
    summary=N_("重新盖章：受影响的现行证照逐份以新版本重新签发"),
)
def reseal(
    request: Request,
    found: Found,
    system: System,
    who: Who,
    seal_id: SealId,
    asked: shapes.ResealRequest,
    content: Sent,
    key: Key,
) -> Response:
    """By an officer of the seal's unit. What is done stays done; `left` says whether to ask again."""
    seal_office.demand_covered(found, seal_id, system.grant)
    begin, end, translate = shapes.moment(asked.begin), shapes.moment(asked.end), translation(request)

    def act() -> dict[str, object]:
        done, left = seal_office.reseal_some(found, who, seal_id, begin, end, asked.reason, asked.limit)
        return {"items": [seal_shapes.resealed(one, translate) for one in done], "left": left}

    return once(found.idempotency, key, f"token:{system.grant.id}", content, act, status=200)
