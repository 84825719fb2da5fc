"""For departments' systems: the catalogue, issuing, fetching and listing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.responses import Response

from api import negotiation
from api.deps import Caller, body, caller, idempotency_key, purpose, services
from api.idempotent import once
from api.schemas import issuer as shapes
from api.schemas.common import problems
from api.wiring import Services
from trust.i18n import N_
from trust.journal import Actor

router = APIRouter(tags=["licences"])
bearer = HTTPBearer(auto_error=False, scheme_name="token")
Found = Annotated[Services, Depends(services)]
System = Annotated[Caller, Depends(caller)]
OFD, PDF, PNG, JSON = "application/ofd", "application/pdf", "image/png", "application/json"
FILES = {OFD: "ofd", PDF: "pdf"}


@router.get("/types", response_model=list[shapes.TypeLine], summary=N_("证照目录"))
def types(found: Found) -> list[dict[str, str]]:
    return [{"code": t.code, "slug": t.slug, "name": t.name, "name_en": t.name_en} for t in found.catalogue.list()]


@router.get(
    "/types/{code}", response_model=shapes.TypeAnswer, responses=problems(404), summary=N_("一类证照及其照面字段")
)
def one_type(found: Found, code: str) -> shapes.TypeAnswer:
    t = found.catalogue.get(code)
    return shapes.TypeAnswer(code=t.code, slug=t.slug, name=t.name, name_en=t.name_en, schema_=t.schema)


@router.post(
    "/licences",
    response_model=shapes.IssuedAnswer,
    status_code=201,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
    dependencies=[Security(bearer)],
    summary=N_("签发一份证照"),
)
def issue(
    found: Found,
    asked: shapes.IssueRequest,
    sent: Annotated[bytes, Depends(body)],
    system: System,
    key: Annotated[str, Depends(idempotency_key)],
) -> Response:
    """Same key and body: the same answer. The token needs the scope `issue`, the type and the department."""
    definition = found.catalogue.get(asked.type)
    actor = found.right_of(system.grant, system.actor, definition.code)
    return once(
        found.idempotency,
        key,
        f"token:{system.grant.id}",
        sent,
        lambda: _issued(found, definition.code, asked, actor),
    )


def _issued(found: Services, code: str, asked: shapes.IssueRequest, actor: Actor) -> dict[str, object]:
    one = found.issue(code, asked.whole_record, actor, asked.record_id, asked.format)
    return shapes.issued(one, found.register.forms(one.licence_id))


@router.get(
    "/licences/{licence_id}",
    response_model=shapes.LicenceAnswer,
    responses={**problems(401, 403, 404, 406, 422), 200: {"content": {OFD: {}, PDF: {}, PNG: {}}}},
    dependencies=[Security(bearer)],
    summary=N_("取一份证照：JSON、OFD、PDF 或图片，按 Accept"),
)
def licence(
    request: Request, found: Found, licence_id: str, system: System, reason: Annotated[str, Depends(purpose)]
) -> Response:
    kind = negotiation.choose(request.headers.get("accept"), (JSON, OFD, PDF, PNG))
    view = found.find(licence_id, system.actor, reason, grant=system.grant, details={"media": kind})
    headers = {"Vary": "Accept", "Cache-Control": "private, no-store"}
    if kind != JSON and "life" not in system.grant.scopes:
        found.register.referencable(view.licence_id)  # file and picture of what is not in force are its keeper's alone
    if kind in FILES:
        return Response(found.register.file(view, FILES[kind]), media_type=kind, headers=headers)
    if kind == PNG:
        return Response(found.face_png(view), media_type=PNG, headers=headers)
    return Response(shapes.licence(view).model_dump_json(), media_type=JSON, headers=headers)
