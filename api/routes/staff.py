"""For staff and auditors: interface tokens (by account and password) and the journal (by token)."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Security
from fastapi.security import HTTPBasic, HTTPBasicCredentials, HTTPBearer
from starlette.responses import Response

from api import cursors
from api.deps import Caller, address_of, body, caller, idempotency_key, purpose, services
from api.idempotent import once
from api.schemas import staff as shapes
from api.schemas.common import problems
from api.wiring import Services
from trust.errors import Unauthenticated
from trust.i18n import N_
from trust.journal import Actor

router = APIRouter(tags=["staff"])
basic = HTTPBasic(auto_error=False, scheme_name="account")
bearer = HTTPBearer(auto_error=False, scheme_name="token")
Found = Annotated[Services, Depends(services)]


@router.post(
    "/tokens",
    response_model=shapes.TokenAnswer,
    status_code=201,
    responses=problems(400, 401, 403, 404, 409, 422, 429),
    summary=N_("发放接口令牌"),
)
def create_token(
    request: Request,
    found: Found,
    asked: shapes.TokenRequest,
    sent: Annotated[bytes, Depends(body)],
    key: Annotated[str, Depends(idempotency_key)],
    given: Annotated[HTTPBasicCredentials | None, Security(basic)],
) -> Response:
    """By an account's name and password (HTTP Basic). The secret is told once; a replay answers without it."""
    if given is None:
        raise Unauthenticated("account.sign_in", "账号或口令不正确。")
    address = address_of(request)
    account = found.accounts.authenticate(given.username, given.password, address=address, channel="http")
    actor = Actor(account.name, account.department_id, address, "http")
    length = timedelta(days=asked.days)
    return once(
        found.idempotency,
        key,
        f"account:{account.name}",
        sent,
        lambda: shapes.token(
            found.create_token(
                account, asked.scopes, asked.departments, asked.types, label=asked.label, valid=length, actor=actor
            )
        ),
        untold="token",
    )


@router.get(
    "/journal",
    response_model=shapes.JournalPage,
    responses=problems(401, 403, 422),
    dependencies=[Security(bearer)],
    summary=N_("留痕，新的在前"),
)
def journal(
    found: Found,
    system: Annotated[Caller, Depends(caller)],
    reason: Annotated[str, Depends(purpose)],
    cursor: Annotated[str, Query(max_length=200, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, object]:
    system.grant.demand("journal")
    before = cursors.decode_number(cursor) if cursor else None
    entries, following = found.journal_page(system.actor, before, limit, reason)
    place = cursors.encode([str(following)]) if following else None
    return {"items": [shapes.entry(one) for one in entries], "next": place}
