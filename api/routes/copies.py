"""Copies for one purpose: holders' portals make and revoke them, systems with the scope ``accept`` accept them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Security
from starlette.responses import Response

from api import copy_office, cursors
from api.deps import Caller, body, caller, idempotency_key, services
from api.holder_deps import HolderVisitor, holder_caller
from api.idempotent import once
from api.routes.issuer import bearer
from api.routes.space_sessions import space_token
from api.schemas import copies as shapes
from api.schemas.common import problems
from api.wiring import Services
from licence_store.copying.uses import Acceptance
from seal.copies import CopyRequest
from trust.i18n import N_

space = APIRouter(tags=["copies"], dependencies=[Security(space_token)])
systems = APIRouter(tags=["copies"], dependencies=[Security(bearer)])
Found = Annotated[Services, Depends(services)]
Portal = Annotated[HolderVisitor, Depends(holder_caller)]
System = Annotated[Caller, Depends(caller)]
Key = Annotated[str, Depends(idempotency_key)]
CopyId = Annotated[str, Path(max_length=80)]
READING = problems(401, 403, 404, 422)
CHANGING = problems(400, 401, 403, 404, 409, 413, 422, 503)


def sent(request: Request, content: Annotated[bytes, Depends(body)]) -> bytes:
    """What an idempotency key stands for: address and body."""
    return request.url.path.encode() + b"\n" + content


Sent = Annotated[bytes, Depends(sent)]


# The holder


@space.post(
    "/space/copies", response_model=shapes.CopyAnswer, status_code=201, responses=CHANGING, summary=N_("制作用证副本")
)
def make(found: Found, portal: Portal, asked: shapes.CopyRequestBody, content: Sent, key: Key) -> Response:
    """Needs assurance 2, lately proved. The file: `GET …/file`."""
    request = CopyRequest(
        asked.recipient,
        asked.purpose,
        copy_office.until_of(asked.until),
        asked.service_item,
        asked.case_number,
        asked.uses,
        tuple(asked.masked),
    )

    def act() -> Mapping[str, object]:
        made = found.desk.copier.make(portal.session, asked.item, request, asked.form, actor=portal.actor)
        return copy_office.shape(made.view, found.clock())

    return once(found.idempotency, key, _of(portal), content, act)


@space.get("/space/copies", response_model=shapes.CopyPage, responses=READING, summary=N_("我的用证副本"))
def list_copies(
    found: Found,
    portal: Portal,
    cursor: Annotated[str, Query(max_length=400, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, object]:
    after = cursors.place(cursor) if cursor else None
    rows = found.desk.copier.of_holder(portal.session, after=after, limit=limit + 1)
    place = cursors.of_place((rows[limit - 1].made, rows[limit - 1].id)) if len(rows) > limit else None
    return {"items": [copy_office.shape(one, found.clock()) for one in rows[:limit]], "next": place}


@space.get(
    "/space/copies/{copy_id}",
    response_model=shapes.CopyHistoryAnswer,
    responses=READING,
    summary=N_("一份用证副本：状态、采用与拒绝、链接"),
)
def one_copy(found: Found, copy_id: CopyId, portal: Portal) -> dict[str, object]:
    return copy_office.history_shape(found, found.desk.copier.history(portal.session, copy_id))


@space.get(
    "/space/copies/{copy_id}/file",
    responses={**problems(401, 403, 404, 503), 200: {"content": {one: {} for one in copy_office.MEDIA.values()}}},
    summary=N_("用证副本的文件"),
)
def file(found: Found, copy_id: CopyId, portal: Portal) -> Response:
    return copy_office.download(found.desk.copier.file(portal.session, copy_id, actor=portal.actor))


@space.post(
    "/space/copies/{copy_id}/revocation",
    response_model=shapes.CopyAnswer,
    status_code=201,
    responses=CHANGING,
    summary=N_("收回用证副本"),
)
def revoke(
    found: Found, copy_id: CopyId, portal: Portal, asked: shapes.RevocationRequest, content: Sent, key: Key
) -> Response:
    def act() -> Mapping[str, object]:
        view = found.desk.copier.revoke(portal.session, copy_id, asked.reason, actor=portal.actor)
        return copy_office.shape(view, found.clock())

    return once(found.idempotency, key, _of(portal), content, act)


@space.post(
    "/space/copies/{copy_id}/links",
    response_model=shapes.MadeLinkAnswer,
    status_code=201,
    responses=CHANGING,
    summary=N_("一次性下载链接"),
)
def link(found: Found, copy_id: CopyId, portal: Portal, asked: shapes.LinkRequest, content: Sent, key: Key) -> Response:
    """`url` is told once: under the same key again, it is null."""

    def act() -> Mapping[str, object]:
        valid = timedelta(minutes=asked.minutes)
        made = found.desk.copier.link(portal.session, copy_id, valid, actor=portal.actor)
        return copy_office.made_link_shape(found, made)

    return once(found.idempotency, key, _of(portal), content, act, untold="url")


@space.delete(
    "/space/copies/{copy_id}/links/{link_id}", status_code=204, responses=CHANGING, summary=N_("撤回一次性链接")
)
def withdraw(found: Found, copy_id: CopyId, link_id: CopyId, portal: Portal) -> Response:
    found.desk.copier.withdraw(portal.session, copy_id, link_id, actor=portal.actor)
    return Response(status_code=204)


# Whoever accepts


@systems.get(
    "/copies/{copy_id}",
    response_model=shapes.CopyForSystems,
    responses=READING,
    summary=N_("一份副本的条款和状态（采用前查询）"),
)
def status(found: Found, copy_id: CopyId, system: System) -> dict[str, object]:
    """The token needs the scope `accept`. Asking counts nothing."""
    return copy_office.shape_for_systems(found, copy_office.readable(found, copy_id, system.grant))


@systems.post(
    "/copies/{copy_id}/acceptances",
    response_model=shapes.AcceptanceAnswer,
    status_code=201,
    responses=CHANGING,
    summary=N_("采用一份副本，登记一次使用"),
)
def accept(
    found: Found, copy_id: CopyId, system: System, asked: shapes.AcceptanceRequest, content: Sent, key: Key
) -> Response:
    """The token needs the scope `accept`. Verify the file first (`POST /verifications`) and send its `digest`: what is
    outside the copy's terms is refused with the rule's code, and recorded.
    """

    def act() -> Mapping[str, object]:
        copy_office.demand_readable(found, copy_id, system.grant)
        actor = copy_office.acceptor_by_token(found, system.grant, system.actor)
        stated = Acceptance(**asked.model_dump(), key=f"{system.grant.id}:{key}")
        return copy_office.use_shape(found.desk.copier.accept(copy_id, actor, stated))

    return once(found.idempotency, key, f"token:{system.grant.id}", content, act)


@systems.post(
    "/copies/{copy_id}/refusals",
    response_model=shapes.RefusalAnswer,
    status_code=201,
    responses=CHANGING,
    summary=N_("不予采用一份副本，登记理由"),
)
def refuse(
    found: Found, copy_id: CopyId, system: System, asked: shapes.RefusalRequest, content: Sent, key: Key
) -> Response:
    """The token needs the scope `accept`. Counts no use; the holder sees it in the use ledger."""

    def act() -> Mapping[str, object]:
        copy_office.demand_readable(found, copy_id, system.grant)
        actor = copy_office.acceptor_by_token(found, system.grant, system.actor)
        stated = Acceptance(**asked.model_dump(exclude={"reason"}))
        return copy_office.refusal_shape(found.desk.copier.refuse(copy_id, actor, stated, asked.reason))

    return once(found.idempotency, key, f"token:{system.grant.id}", content, act)


router = APIRouter()
for one in (space, systems):
    router.include_router(one)


def _of(portal: HolderVisitor) -> str:
    """Whose keys they are: the account's, for the holder it acts for."""
    from trust.algorithms import sm3

    return f"space:{portal.session.account_id}:{sm3(portal.holder_code.encode()).hex()[:16]}"
