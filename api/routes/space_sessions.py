"""For portals: a holder's session, opened by an id token of the identity provider."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.responses import Response

from api.deps import address_of, body, idempotency_key, services, stranger
from api.holder_deps import HolderVisitor, holder_caller
from api.holder_shapes import session_shape
from api.idempotent import once
from api.schemas import holders as shapes
from api.schemas.common import problems
from api.signing_in import origin_of
from api.wiring import Services
from licence_store.holding.sessions import digest
from trust.errors import LicenceTrustError
from trust.i18n import N_

router = APIRouter(tags=["space"])
space_token = HTTPBearer(auto_error=False, scheme_name="space token")
Found = Annotated[Services, Depends(services)]
Portal = Annotated[HolderVisitor, Depends(holder_caller)]


@router.post(
    "/space/sessions",
    response_model=shapes.SessionAnswer,
    status_code=201,
    responses=problems(400, 401, 403, 409, 413, 422, 429, 503),
    dependencies=[Depends(stranger)],
    summary=N_("开立用户会话：凭身份提供方的身份令牌"),
)
def open_session(
    request: Request,
    found: Found,
    asked: shapes.SessionRequest,
    sent: Annotated[bytes, Depends(body)],
    key: Annotated[str, Depends(idempotency_key)],
) -> Response:
    """The id token must be for this service or for a portal named in the settings, no older than ten minutes, and is
    good once. The session's token is told once; a replay answers without it.
    """

    def act() -> dict[str, object]:
        party = found.providers(origin_of(request)).of_token(asked.id_token)
        identity, proof = party.of_portal(asked.id_token)
        address = address_of(request)
        token = found.spaces.open(identity, address=address, channel="http", proof=proof)
        try:
            session = found.spaces.act_for(token, asked.acting_for, address=address)
        except LicenceTrustError:
            found.spaces.close(token, address=address)
            raise
        return session_shape(session, token)

    return once(found.idempotency, key, f"portal:{digest(asked.id_token)[:32]}", sent, act, untold="token")


@router.get(
    "/space/session",
    response_model=shapes.SessionAnswer,
    responses=problems(401, 403),
    dependencies=[Security(space_token)],
    summary=N_("当前用户会话：谁在为谁办事"),
)
def current_session(person: Portal) -> dict[str, object]:
    return session_shape(person.session)


@router.delete(
    "/space/session",
    status_code=204,
    responses=problems(401, 403),
    dependencies=[Security(space_token)],
    summary=N_("结束用户会话"),
)
def end_session(request: Request, found: Found, person: Portal) -> Response:
    found.spaces.close(person.session.token, address=address_of(request))
    return Response(status_code=204)
