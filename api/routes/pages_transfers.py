"""跨地区转移页面: transfers out and in, each with its papers and what is to be done next."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.deps import Visitor, form, officer, services, staff, upload
from api.licence_office import Asked
from api.pages import transfer_views as views
from api.pages.form_text import text_of
from api.pages.refusals import said, status_of
from api.pages.rendering import page
from api.translating import translation
from api.wiring import Services
from licence_store.transferring.records import TransferView
from seal.lifecycle import Official, Role
from trust.errors import LicenceTrustError, Malformed, NotFound, Refused

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
Officer = Annotated[Visitor, Depends(officer)]
_READERS = frozenset({"officer", "auditor", "admin"})


def reader(person: Annotated[Visitor, Depends(staff)]) -> Visitor:
    """Officers, and those who watch over them."""
    if person.account.role not in _READERS:
        raise Refused("licence.reader", "证照只供颁证部门的经办人、审计员和系统管理员查阅。")
    return person


Reader = Annotated[Visitor, Depends(reader)]


def _asked(person: Visitor) -> Asked:
    return Asked(Official(person.actor, Role(person.account.role)))


def _type_name(found: Services, code: str) -> str:
    try:
        return found.catalogue.get(code).name
    except NotFound:
        return code


@router.get("/transfers")
def transfers(
    request: Request, found: Found, person: Reader, direction: Annotated[str, Query(max_length=3)] = ""
) -> Response:
    return _list(request, found, person, direction if direction in views.DIRECTIONS else "")


def _list(
    request: Request,
    found: Services,
    person: Visitor,
    direction: str = "",
    error: LicenceTrustError | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    translate, rows = translation(request), found.transfers.list(_asked(person), direction=direction)
    departments = [(one.id, one.name) for one in found.catalogue.departments()]
    own = person.account.department
    return page(
        request,
        "transfers.html",
        visitor=person,
        nav="transfers",
        rows=[views.row(one, _type_name(found, one.type_code), translate) for one in rows],
        chips=[
            {"href": f"/transfers?direction={key}", "word": translate(word), "on": key == direction}
            for key, word in views.DIRECTIONS.items()
        ],
        may_consent=person.account.can_issue,
        joined=found.desk.peers.state() is not None,
        departments=[one for one in departments if own in (None, "", one[0])],
        given={"reason": "", "department": "", "changes": "", **(given or {})},
        problem=said(error, request),
        status=status_of(error, request),
    )


@router.post("/transfers")
async def consent(request: Request, found: Found, data: Form, person: Officer) -> Response:
    given = {name: text_of(data, name, None) for name in ("reason", "department", "changes")}
    try:
        content, _ = await upload(request, data)
        changes = _changes(given["changes"])
        one = found.transfers.consent(content, given["department"], _asked(person), given["reason"], changes)
    except LicenceTrustError as error:
        return _list(request, found, person, error=error, given=given)
    return RedirectResponse(f"/transfers/{one.id}", 303)


@router.get("/transfers/{transfer_id}")
def transfer(request: Request, found: Found, person: Reader, transfer_id: str) -> Response:
    return _one(request, found, person, found.transfers.get(transfer_id, _asked(person)))


@router.get("/transfers/{transfer_id}/papers/{kind}")
def paper(found: Found, person: Reader, transfer_id: str, kind: str) -> Response:
    data = found.transfers.paper(transfer_id, kind, _asked(person))
    headers = {"Content-Disposition": f'attachment; filename="{kind}.json"', "Cache-Control": "no-store"}
    return Response(data, media_type="application/json", headers=headers)


@router.post("/transfers/{transfer_id}/{step}")
def take(request: Request, found: Found, data: Form, person: Officer, transfer_id: str, step: str) -> Response:
    asked, office = _asked(person), found.transfers
    one = office.get(transfer_id, asked)
    given = {name: text_of(data, name, None) for name in ("reason", "basis", "changes")}
    try:
        if step == "release":
            office.release(one.id, asked, given["reason"], given["basis"])
        elif step == "decline":
            office.decline(one.id, asked, given["reason"])
        elif step == "issue":
            office.issue(one.id, asked, _changes(given["changes"]))
        elif step == "send":
            found.desk.transfers.send(one.id)
        else:
            raise NotFound("transfer.unknown", "没有转移 {transfer_id}。", transfer_id=step[:40])
    except LicenceTrustError as error:
        return _one(request, found, person, office.get(one.id, asked), error, given)
    return RedirectResponse(f"/transfers/{one.id}", 303)


def _one(
    request: Request,
    found: Services,
    person: Visitor,
    one: TransferView,
    error: LicenceTrustError | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    translate, name = translation(request), _type_name(found, one.type_code)
    papers = [(kind, translate(word)) for kind, word in views.PAPERS.items() if kind in one.papers]
    return page(
        request,
        "transfer.html",
        visitor=person,
        nav="transfers",
        one=views.row(one, name, translate),
        told=views.facts(one, name, translate),
        course=views.course(one, translate),
        delivery=views.delivery(one, translate),
        papers=[{"href": f"/transfers/{one.id}/papers/{kind}", "text": word} for kind, word in papers],
        may=views.may(one, person.account.can_issue, found.clock()),
        given={"reason": "", "basis": "", "changes": "", **(given or {})},
        problem=said(error, request),
        status=status_of(error, request),
    )


def _changes(text: str) -> dict[str, Any] | None:
    """``name=value`` a line, or JSON."""
    if not text:
        return None
    try:
        lines = [line.partition("=") for line in text.splitlines() if line.strip()]
        found = json.loads(text) if text.startswith("{") else {k.strip(): v.strip() for k, _, v in lines}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(found):
        raise Malformed("transfer.changes", "变更内容应每行写一项，如 address=新住所。")
    return found
