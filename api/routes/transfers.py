"""Licences between regions: papers of other regions, and the acts of our officers."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import licence_office
from api.deps import Caller, body, caller, idempotency_key, services, stranger
from api.idempotent import once
from api.licence_office import Asked
from api.schemas.common import problems
from api.transfer_office import transfer_json
from api.wiring import Services
from licence_store.transferring.papers import MAX_BYTES
from licence_store.transferring.records import TransferView
from trust.errors import Malformed
from trust.i18n import N_
from trust.journal import Actor

router = APIRouter(tags=["transfers"])
bearer = HTTPBearer(auto_error=False, scheme_name="token")
Found = Annotated[Services, Depends(services)]
Content = Annotated[bytes, Depends(body)]
Key = Annotated[str, Depends(idempotency_key)]
TransferId = Annotated[str, Path(max_length=40)]
Words = Annotated[str, Field(max_length=500)]
Changes = Annotated[dict[str, Annotated[str, Field(max_length=4000)]], Field(max_length=100)]
READING = problems(401, 403, 404, 422, 503)
CHANGING = problems(400, 401, 403, 404, 409, 413, 422, 429, 503)


class TransferBody(BaseModel):
    """转移."""

    id: str
    direction: str = Field(description="`out` or `in`")
    state: str = Field(description="`consented`, `released`, `completed`, `declined`")
    region: str = Field(description="The other region")
    region_name: str
    licence_id: str = Field(description="Of the licence that leaves")
    file_digest: str
    type: str
    department: str
    successor: str = Field(description="Licence id in the receiving region; empty: not yet")
    expires: str = Field(description="Of the consent")
    created: str
    changed: str
    unsent: str = Field(description="The paper the other region does not have yet; empty: none")
    failure: str = Field(description="Why it could not be delivered when last tried")
    papers: list[str] = Field(description="Signed papers at hand")


class TransferList(BaseModel):
    items: list[TransferBody]


class ConsentRequest(BaseModel):
    """同意接收: the original as its holder gave it."""

    model_config = ConfigDict(extra="forbid")

    document: Annotated[str, Field(max_length=23 << 20, description="The file, base64")]
    department: Annotated[str, Field(max_length=32)] = ""
    reason: Words
    changes: Changes = {}


class ReleaseRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Words
    basis: Words = ""


class DeclineRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Words


class IssueRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    changes: Changes = {}


def asking(found: Found, system: Annotated[Caller, Depends(caller)]) -> Asked:
    """By the account behind the token."""
    return Asked(licence_office.official_by_token(found, system.grant, system.actor), grant=system.grant)


Asking = Annotated[Asked, Depends(asking)]


@router.post(
    "/transfer-papers",
    response_model=TransferBody,
    responses=CHANGING,
    summary=N_("收文：其他地区签名的转移文书"),
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
)
def receive(
    found: Found, content: Content, anybody: Annotated[Actor, Depends(stranger)], key: Key
) -> dict[str, object]:
    """The paper's own signature says whose it is; the same one again changes nothing."""
    if len(content) > MAX_BYTES:
        raise Malformed("transfer.malformed", "转移文书无法读取：{reason}", reason="size")
    sender = Actor("region", None, anybody.address, "http")
    return transfer_json(found.desk.transfers.receive(content, sender))


@router.get(
    "/transfers",
    response_model=TransferList,
    responses=READING,
    dependencies=[Security(bearer)],
    summary=N_("转移：转出与转入"),
)
def transfers(
    found: Found,
    asked: Asking,
    direction: Annotated[str, Query(max_length=3)] = "",
    state: Annotated[str, Query(max_length=16)] = "",
) -> dict[str, object]:
    rows = found.transfers.list(asked, direction=direction, state=state)
    return {"items": [transfer_json(one) for one in rows]}


@router.get(
    "/transfers/{transfer_id}",
    response_model=TransferBody,
    responses=READING,
    dependencies=[Security(bearer)],
    summary=N_("一件转移"),
)
def transfer(found: Found, asked: Asking, transfer_id: TransferId) -> dict[str, object]:
    return transfer_json(found.transfers.get(transfer_id, asked))


@router.get(
    "/transfers/{transfer_id}/papers/{kind}",
    response_class=Response,
    responses=READING,
    dependencies=[Security(bearer)],
    summary=N_("一件转移的签名文书"),
)
def paper(found: Found, asked: Asking, transfer_id: TransferId, kind: Annotated[str, Path(max_length=16)]) -> Response:
    data = found.transfers.paper(transfer_id, kind, asked)
    return Response(data, media_type="application/json", headers={"Cache-Control": "no-store"})


@router.post(
    "/transfers",
    response_model=TransferBody,
    status_code=201,
    responses=CHANGING,
    dependencies=[Security(bearer)],
    summary=N_("同意接收：核对其他地区的证照原件，出具接收函"),
)
def consent(
    request: Request, found: Found, asked: Asking, content: Content, key: Key, wanted: ConsentRequest
) -> Response:
    def act() -> TransferView:
        return found.transfers.consent(
            _octets(wanted.document), wanted.department, asked, wanted.reason, dict(wanted.changes)
        )

    return _once(request, found, asked, content, key, act)


@router.post(
    "/transfers/{transfer_id}/release",
    response_model=TransferBody,
    status_code=201,
    responses=CHANGING,
    dependencies=[Security(bearer)],
    summary=N_("转出：原证照终止，出具转出函"),
)
def release(
    request: Request,
    found: Found,
    asked: Asking,
    content: Content,
    key: Key,
    transfer_id: TransferId,
    wanted: ReleaseRequest,
) -> Response:
    return _once(
        request, found, asked, content, key,
        lambda: found.transfers.release(transfer_id, asked, wanted.reason, wanted.basis),
    )  # fmt: skip


@router.post(
    "/transfers/{transfer_id}/decline",
    response_model=TransferBody,
    status_code=201,
    responses=CHANGING,
    dependencies=[Security(bearer)],
    summary=N_("谢绝转出"),
)
def decline(
    request: Request,
    found: Found,
    asked: Asking,
    content: Content,
    key: Key,
    transfer_id: TransferId,
    wanted: DeclineRequest,
) -> Response:
    return _once(
        request, found, asked, content, key, lambda: found.transfers.decline(transfer_id, asked, wanted.reason)
    )


@router.post(
    "/transfers/{transfer_id}/successor",
    response_model=TransferBody,
    status_code=201,
    responses=CHANGING,
    dependencies=[Security(bearer)],
    summary=N_("转入：签发后续证照，出具回执"),
)
def issue(
    request: Request,
    found: Found,
    asked: Asking,
    content: Content,
    key: Key,
    transfer_id: TransferId,
    wanted: IssueRequest,
) -> Response:
    return _once(
        request, found, asked, content, key, lambda: found.transfers.issue(transfer_id, asked, dict(wanted.changes))
    )


def _once(
    request: Request, found: Services, asked: Asked, content: bytes, key: str, act: Callable[[], TransferView]
) -> Response:
    grant = asked.grant
    sent = request.url.path.encode() + b"\n" + content
    return once(found.idempotency, key, f"token:{grant.id if grant else ''}", sent, lambda: transfer_json(act()))


def _octets(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Error, ValueError) as error:
        raise Malformed("transfer.document", "证照文件应以 base64 给出。") from error
