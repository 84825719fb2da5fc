"""For everybody: the catalogue, its changes, samples, materials; for officers and administrators: drafts and grants."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Security
from fastapi.security import HTTPBearer
from starlette.responses import Response

from api import catalogue_office, catalogue_shapes, cursors
from api.catalogue_office import Wanted
from api.deps import Caller, body, caller, idempotency_key, services, stranger
from api.idempotent import once
from api.routes.trust import cacheable
from api.schemas import catalogue as shapes
from api.schemas.common import problems
from api.wiring import Services
from licence_store.catalogue_steps import DRAFT_STEPS
from seal.lifecycle import Official
from trust.errors import NotFound
from trust.i18n import N_

router = APIRouter(tags=["catalogue"])
bearer = HTTPBearer(auto_error=False, scheme_name="token")
BY_TOKEN = [Security(bearer)]
Found = Annotated[Services, Depends(services)]
System = Annotated[Caller, Depends(caller)]
Key = Annotated[str, Depends(idempotency_key)]
Code = Annotated[str, Path(max_length=80, description="Code, slug or name of a type")]
Draft = Annotated[str, Path(max_length=32)]
Word = Annotated[str, Query(max_length=100)]
CHANGING = problems(400, 401, 403, 404, 409, 413, 422, 503)


def official(found: Found, system: System) -> Official:
    """办理人: the account behind the token, in its role; raises ``Refused("token.scope")``."""
    return catalogue_office.official_by_token(found, system.grant, system.actor)


def sent(request: Request, content: Annotated[bytes, Depends(body)]) -> bytes:
    """What an idempotency key stands for: address and body."""
    return request.url.path.encode() + b"\n" + content


Who = Annotated[Official, Depends(official)]
Sent = Annotated[bytes, Depends(sent)]


# For everybody


@router.get(
    "/catalogue/types",
    response_model=list[shapes.TypeHeading],
    summary=N_("证照目录，按类别、授予对象、颁证单位、申请材料、状态查询"),
)
def types(
    found: Found,
    kind: Word = "",
    holder: Word = "",
    body: Word = "",
    material: Word = "",
    state: Annotated[str, Query(max_length=16, description="`PUBLISHED` (default) or `RETIRED`")] = "",
    q: Word = "",
) -> list[dict[str, object]]:
    wanted = Wanted(kind=kind, holder=holder, body=body, material=material, state=state, text=q)
    return [catalogue_shapes.line(one) for one in catalogue_office.listed(found, wanted)]


@router.get(
    "/catalogue/types/{code}",
    response_model=shapes.WholeType,
    responses=problems(404),
    summary=N_("一类证照的规则、颁证单位和履历"),
)
def one_type(found: Found, code: Code) -> dict[str, object]:
    one = found.catalogue.current(code)
    with found.desk.sessions.read() as session:
        rights = found.catalogue.rights(session, one.definition.code)
    return catalogue_shapes.whole(one, rights, found.desk.catalogue_life.history(one.definition.code))


@router.get(
    "/catalogue/types/{code}/definition",
    response_class=Response,
    responses=problems(404, 422),
    summary=N_("一类证照的定义文件，可再导入"),
)
def definition(
    request: Request, found: Found, code: Code, version: Annotated[int | None, Query(ge=1, le=1_000_000)] = None
) -> Response:
    one = catalogue_office.version_of(found, code, version)
    text = json.dumps(one.definition.source, ensure_ascii=False, indent=2) + "\n"
    return cacheable(request, text.encode(), 60)


@router.get(
    "/catalogue/types/{code}/sample",
    response_class=Response,
    responses={**problems(404, 429), 200: {"content": {"image/png": {}}}},
    dependencies=[Depends(stranger)],
    summary=N_("一类证照的样本图片：虚构并遮盖的数据"),
)
def sample(request: Request, found: Found, code: Code) -> Response:
    picture = catalogue_office.sample(found, found.catalogue.get(code))
    return cacheable(request, picture, 300, "image/png")


@router.get(
    "/catalogue/changes",
    response_model=shapes.ChangePage,
    responses=problems(422),
    summary=N_("目录变更订阅：发布、停用、恢复、授权，按发生的次序"),
)
def changes(
    found: Found,
    cursor: Annotated[str, Query(max_length=100, description="`next` of the page before; empty: from the start")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, object]:
    after = cursors.decode_number(cursor) if cursor else 0
    page = found.desk.catalogue_life.changes(after, limit)
    place = page[-1].seq if page else after
    return {"items": [catalogue_shapes.change(one) for one in page], "next": cursors.encode([str(place)])}


@router.get(
    "/catalogue/report",
    response_class=Response,
    responses=problems(429, 503),
    dependencies=[Depends(stranger)],
    summary=N_("目录上报：整个目录，已签名"),
)
def report(found: Found) -> Response:
    return Response(catalogue_office.report(found), media_type="application/json")


@router.get(
    "/materials/{material}",
    response_model=list[shapes.SatisfyingType],
    responses=problems(404),
    summary=N_("哪些证照可作为一项申请材料"),
)
def materials(found: Found, material: Annotated[str, Path(max_length=64)]) -> list[dict[str, object]]:
    return [
        {**catalogue_shapes.line(one), "material": catalogue_shapes.material(mapping)}
        for one, mapping in catalogue_office.satisfying(found, material)
    ]


# Drafts


@router.get(
    "/catalogue/drafts",
    response_model=list[shapes.DraftHeading],
    responses=problems(401, 403),
    dependencies=BY_TOKEN,
    summary=N_("目录草稿"),
)
def drafts(found: Found, who: Who, closed: bool = False) -> list[dict[str, object]]:
    return [catalogue_shapes.draft_line(one) for one in found.desk.catalogue_life.drafts(who, closed=closed)]


@router.get(
    "/catalogue/drafts/{draft}",
    response_model=shapes.DraftAnswer,
    responses=problems(401, 403, 404),
    dependencies=BY_TOKEN,
    summary=N_("一份目录草稿"),
)
def one_draft(found: Found, who: Who, draft: Draft) -> dict[str, object]:
    return catalogue_shapes.draft(found.desk.catalogue_life.draft(who, draft))


@router.post(
    "/catalogue/drafts",
    response_model=shapes.DraftAnswer,
    status_code=201,
    responses=CHANGING,
    dependencies=BY_TOKEN,
    summary=N_("起草一个类型"),
)
def open_draft(found: Found, system: System, who: Who, asked: shapes.DraftRequest, content: Sent, key: Key) -> Response:
    life = found.desk.catalogue_life
    return _once(
        found, system, key, content, lambda: life.open_draft(who, asked.definition, reason=asked.reason), status=201
    )


@router.put(
    "/catalogue/drafts/{draft}",
    response_model=shapes.DraftAnswer,
    responses=CHANGING,
    dependencies=BY_TOKEN,
    summary=N_("保存目录草稿"),
)
def save_draft(found: Found, who: Who, draft: Draft, asked: shapes.SaveRequest) -> dict[str, object]:
    life = found.desk.catalogue_life
    return catalogue_shapes.draft(life.save(who, draft, asked.definition, revision=asked.revision))


@router.post(
    "/catalogue/drafts/{draft}/steps/{step}",
    response_model=shapes.DraftAnswer,
    responses=CHANGING,
    dependencies=BY_TOKEN,
    summary=N_("办理一步：提交、收回、退回、作废、审核发布"),
)
def draft_step(
    found: Found,
    system: System,
    who: Who,
    draft: Draft,
    step: Annotated[str, Path(max_length=32, json_schema_extra={"enum": list(DRAFT_STEPS)})],
    asked: shapes.ReasonRequest,
    content: Sent,
    key: Key,
) -> Response:
    """The reviewer is an administrator who neither wrote nor handed in the draft; else 403 with the rule's code."""
    life = found.desk.catalogue_life
    return _once(found, system, key, content, lambda: life.take(who, draft, step, reason=asked.reason))


def _once(found: Services, system: Caller, key: str, content: bytes, act: Any, *, status: int = 200) -> Response:
    caller = f"token:{system.grant.id}"
    return once(found.idempotency, key, caller, content, lambda: catalogue_shapes.draft(act()), status=status)


# Types and grants


@router.post(
    "/catalogue/types/{code}/steps/{step}",
    response_model=shapes.TypeHeading,
    responses=CHANGING,
    dependencies=BY_TOKEN,
    summary=N_("停用或恢复一个类型"),
)
def type_step(
    found: Found,
    system: System,
    code: Code,
    step: Annotated[str, Path(max_length=32, json_schema_extra={"enum": ["retire", "restore"]})],
    asked: shapes.ReasonRequest,
    content: Sent,
    key: Key,
) -> Response:
    who, life = _for_type(found, system, code), found.desk.catalogue_life
    acts = {"retire": life.retire, "restore": life.restore}
    if step not in acts:
        raise NotFound("type.step_unknown", "目录没有“{step}”这一步骤。", step=step[:40])
    return once(
        found.idempotency,
        key,
        f"token:{system.grant.id}",
        content,
        lambda: catalogue_shapes.line(acts[step](who, code, asked.reason)),
        status=200,
    )


@router.post(
    "/catalogue/types/{code}/grants",
    response_model=shapes.GrantAnswer,
    status_code=201,
    responses=CHANGING,
    dependencies=BY_TOKEN,
    summary=N_("授权一个部门颁发一个类型"),
)
def grant(found: Found, system: System, code: Code, asked: shapes.GrantRequest, content: Sent, key: Key) -> Response:
    who = _for_type(found, system, code)

    def act() -> dict[str, object]:
        seal = asked.seal or found.seal_for(asked.department)
        until = shapes.moment(asked.until)
        found.desk.catalogue_life.grant(who, code, asked.department, seal, until=until)
        return {"type": code, "department": asked.department, "ended": False}

    return once(found.idempotency, key, f"token:{system.grant.id}", content, act)


@router.post(
    "/catalogue/types/{code}/grants/{department}/end",
    response_model=shapes.GrantAnswer,
    responses=CHANGING,
    dependencies=BY_TOKEN,
    summary=N_("收回一个部门的颁证授权"),
)
def end_grant(
    found: Found,
    system: System,
    code: Code,
    department: Annotated[str, Path(max_length=32)],
    asked: shapes.EndGrantRequest,
    content: Sent,
    key: Key,
) -> Response:
    who = _for_type(found, system, code)

    def act() -> dict[str, object]:
        at = shapes.moment(asked.at)
        found.desk.catalogue_life.end_grant(who, code, department, asked.reason, at=at)
        return {"type": code, "department": department, "ended": True}

    return once(found.idempotency, key, f"token:{system.grant.id}", content, act, status=200)


def _for_type(found: Services, system: Caller, code: str) -> Official:
    """The official behind the token, which must cover the type."""
    type_code = found.catalogue.get(code).code
    return catalogue_office.official_by_token(found, system.grant, system.actor, type_code)
