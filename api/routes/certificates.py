"""For system administrators: requests taken by our own authorities, certificates revoked; each act is journalled."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Security
from fastapi.security import HTTPBearer
from starlette.responses import Response

from api.deps import Caller, caller, idempotency_key, services
from api.idempotent import once
from api.routes.seals import sent
from api.schemas import certificates as shapes
from api.schemas.common import problems
from api.wiring import Services
from trust.i18n import N_

router = APIRouter(tags=["certificates"])
bearer = HTTPBearer(auto_error=False, scheme_name="token")
Found = Annotated[Services, Depends(services)]
Key = Annotated[str, Depends(idempotency_key)]
Sent = Annotated[bytes, Depends(sent)]
CHANGING = problems(400, 401, 403, 404, 409, 413, 422, 503)


def administrator(system: Annotated[Caller, Depends(caller)]) -> Caller:
    """A token with the scope ``trust``, which only administrators can hand on."""
    system.grant.demand("trust")
    return system


Administrator = Annotated[Caller, Depends(administrator)]


@router.post(
    "/certificates",
    response_model=shapes.CertificateAnswer,
    status_code=201,
    responses=CHANGING,
    dependencies=[Security(bearer)],
    summary=N_("内置证书机构受理证书请求（PKCS#10），按用途签发证书"),
)
def certify(
    found: Found, system: Administrator, asked: shapes.CertificateRequestBody, content: Sent, key: Key
) -> Response:
    request, valid = asked.request.encode(), timedelta(days=asked.days)

    def act() -> dict[str, object]:
        made = found.authorities.certify(request, asked.role, system.actor, valid=valid, reason=asked.reason)
        return shapes.certificate(made)

    return once(found.idempotency, key, f"token:{system.grant.id}", content, act)


@router.post(
    "/certificates/{serial}/revocation",
    response_model=shapes.RevokedAnswer,
    responses=CHANGING,
    dependencies=[Security(bearer)],
    summary=N_("废止内置证书机构签发的证书：废止列表和在线状态随即更新"),
)
def revoke(
    found: Found,
    system: Administrator,
    serial: Annotated[str, Path(pattern="^[0-9A-Fa-f]{1,40}$", description="Hexadecimal")],
    asked: shapes.RevocationBody,
    content: Sent,
    key: Key,
) -> Response:
    number, since = int(serial, 16), asked.since_moment

    def act() -> dict[str, object]:
        gone = found.authorities.revoke(number, asked.cause, system.actor, since=since, reason=asked.reason)
        return {"serial": f"{number:x}", "subject": gone.subject, "revoked": True}

    return once(found.idempotency, key, f"token:{system.grant.id}", content, act, status=200)
