"""For departments' systems: proof documents composed from a department's query (R047)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Security
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from api import negotiation, proof_office
from api.deps import Caller, body, caller, idempotency_key, purpose, services
from api.idempotent import once
from api.routes.issuer import JSON, OFD, PNG, bearer
from api.schemas.common import Answer, problems
from api.wiring import Services
from trust.errors import NotFound
from trust.i18n import N_

router = APIRouter(tags=["proofs"])
Found = Annotated[Services, Depends(services)]
System = Annotated[Caller, Depends(caller)]


class ProofAsked(BaseModel):
    """证明申请."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "type": "no-penalty",
                "parameters": {"credit_code": "51990000MA00000072"},
                "purpose": "申请承接政府购买服务",
            }
        },
    )

    type: str = Field(min_length=1, max_length=40, description="Code of the kind of proof")
    parameters: dict[str, str] = Field(description="What the kind asks for, see `GET /api/v1/proof-types`")
    purpose: str = Field(min_length=1, max_length=100, description="Why; written on the proof and journalled")


class ProofAnswer(Answer):
    """证明申请 and its outcome."""

    id: str
    type: str
    version: int
    department: str
    outcome: str = Field(description="`made`, or the code of why not")
    purpose: str
    actor: str
    at: str
    licence_id: str
    licence_number: str = ""
    file_digest: str = ""


class ProofParameter(Answer):
    """查询条件."""

    name: str
    title: str
    title_en: str
    check: str
    required: bool


class ProofKind(Answer):
    """电子证明类型."""

    code: str
    title: str
    title_en: str
    type: str
    valid_days: int
    parameters: list[ProofParameter]


@router.get("/proof-types", response_model=list[ProofKind], summary=N_("电子证明类型"))
def kinds(found: Found) -> list[dict[str, object]]:
    return [proof_office.kind_shape(one) for one, _ in proof_office.proof_desk(found).definitions()]


@router.post(
    "/proofs",
    response_model=ProofAnswer,
    status_code=201,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
    dependencies=[Security(bearer)],
    summary=N_("出具一份电子证明"),
)
def make(
    found: Found,
    asked: ProofAsked,
    sent: Annotated[bytes, Depends(body)],
    system: System,
    key: Annotated[str, Depends(idempotency_key)],
) -> Response:
    """The token needs the scope `issue`, the proof's type and its department."""
    return once(
        found.idempotency,
        key,
        f"token:{system.grant.id}",
        sent,
        lambda: proof_office.shape(
            found,
            proof_office.make(
                found, asked.type, asked.parameters, system.actor, purpose=asked.purpose, grant=system.grant
            ),
        ),
    )


@router.get(
    "/proofs/{request_id}",
    response_model=ProofAnswer,
    responses={**problems(401, 403, 404, 406, 422), 200: {"content": {OFD: {}, PNG: {}}}},
    dependencies=[Security(bearer)],
    summary=N_("取一份电子证明：JSON、OFD 或图片，按 Accept"),
)
def one(
    request: Request, found: Found, request_id: str, system: System, reason: Annotated[str, Depends(purpose)]
) -> Response:
    kind = negotiation.choose(request.headers.get("accept"), (JSON, OFD, PNG))
    proof = proof_office.find(found, request_id, system.actor, system.grant)
    headers = {"Vary": "Accept", "Cache-Control": "private, no-store"}
    if kind == JSON:
        found.journal.record(
            actor=system.actor, action="proof.read", subject=proof.id, reason=reason, concerning=[proof.licence_id]
        )
        return JSONResponse(proof_office.shape(found, proof), headers=headers)
    if not proof.licence_id:
        raise NotFound("proof.none_made", "这次申请没有出具证明。")
    details = {"media": kind}
    view = found.find(proof.licence_id, system.actor, reason, grant=system.grant, details=details)
    content = found.register.file(view) if kind == OFD else found.face_png(view)
    return Response(content, media_type=kind, headers=headers)
