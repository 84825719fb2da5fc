"""用章台账与失控影响: where a seal was put, as a page and as a table; what a compromise touches, sealed anew."""

# ruff: noqa: FAST003 - the dependency ``the_seal`` reads the code in the path

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from api.deps import Visitor
from api.moments import parse_local
from api.pages import seal_forms, seal_views
from api.pages.refusals import said, status_of
from api.pages.rendering import page
from api.routes.pages_seal_acts import refused
from api.routes.pages_seals import MAY_SEE_IMPACT, Form, Found, Staff, TheSeal, Who
from api.seal_office import reseal_some
from api.translating import translation
from licence_store.resealing import Resealed
from seal.lifecycle import Official, Role
from seal.records import SealView
from trust.errors import LicenceTrustError, Malformed, Refused

router = APIRouter(include_in_schema=False)
LEDGER_PAGE = 50
EXPORT_CHUNK = 2000


# 用章台账


def _span(since: str, until: str) -> tuple[datetime | None, datetime | None]:
    """The time asked about. Raises ``Malformed("moment.local", "moment.reversed")``."""
    begin, end = parse_local(since), parse_local(until)
    if begin and end and begin > end:
        raise Malformed("moment.reversed", "起始时间晚于截止时间。")
    return begin, end


@router.get("/seals/{seal_id}/ledger")
def ledger(
    request: Request,
    found: Found,
    view: TheSeal,
    person: Staff,
    who: Who,
    since: Annotated[str, Query(max_length=32)] = "",
    until: Annotated[str, Query(max_length=32)] = "",
    q: Annotated[str, Query(max_length=160)] = "",
    after: Annotated[int, Query(ge=0, le=1 << 60)] = 0,
) -> Response:
    translate, asked = translation(request), {"since": since, "until": until, "q": q}
    refusal = found.desk.seal_register.refusal("audit", view.id, who)
    if refusal is not None:
        return refused(request, person, view, "audit", refusal)
    problem, lines = None, []
    try:
        begin, end = _span(since, until)
        lines = found.desk.seal_register.ledger(
            who, view.id, begin, end, text=q.strip(), after=after, limit=LEDGER_PAGE + 1
        )
    except Malformed as error:
        problem = error
        asked |= {"since": "", "until": ""}
    types = {one.code: one.name for one in found.catalogue.list()}
    numbers = {one.digest: one.number for one in view.objects}
    shown = lines[:LEDGER_PAGE]
    return page(
        request,
        "seal_ledger.html",
        visitor=person,
        nav="seals",
        status=status_of(problem, request),
        problem=said(problem, request),
        base=f"/seals/{quote(view.id)}",
        name=view.summary.name,
        badge=seal_views.badge(view.state, translate),
        asked=asked,
        rows=[seal_views.use_row(one, types, numbers) for one in shown],
        export=f"/seals/{quote(view.id)}/ledger.csv?{urlencode(asked)}",
        next=f"?{urlencode({**asked, 'after': shown[-1].id})}" if len(lines) > LEDGER_PAGE else "",
    )


@router.get("/seals/{seal_id}/ledger.csv")
def ledger_table(
    request: Request,
    found: Found,
    view: TheSeal,
    who: Who,
    since: Annotated[str, Query(max_length=32)] = "",
    until: Annotated[str, Query(max_length=32)] = "",
    q: Annotated[str, Query(max_length=160)] = "",
) -> Response:
    """The whole of what was asked for, as a table for spreadsheets (UTF-8 with mark, RFC 4180)."""
    register, (begin, end) = found.desk.seal_register, _span(since, until)
    first = register.ledger(who, view.id, begin, end, text=q.strip(), limit=EXPORT_CHUNK)
    head = tuple(translation(request)(one) for one in seal_views.CSV_HEAD)

    def lines() -> Iterator[str]:
        yield "\ufeff" + _csv(head)
        chunk = first
        while chunk:
            yield "".join(_csv(seal_views.use_cells(one)) for one in chunk)
            full = len(chunk) == EXPORT_CHUNK
            chunk = (
                register.uses(view.id, begin, end, text=q.strip(), after=chunk[-1].id, limit=EXPORT_CHUNK)
                if full
                else []
            )

    name = quote(f"{view.id}-{found.clock():%Y%m%d}.csv")
    headers = {"Content-Disposition": f"attachment; filename=ledger.csv; filename*=UTF-8''{name}"}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


def _csv(cells: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


# 失控影响


LISTED, AT_ONCE = 100, 256
"""Licences named on the page; licences sealed anew by one press of the button, which takes some seconds."""


def _demand_impact(who: Official) -> None:
    if who.role not in MAY_SEE_IMPACT:
        raise Refused("seal.impact_role", "失控影响只供经办人、印章管理员、审批人和审计员查看。")


@router.get("/seals/{seal_id}/impact")
def impact(
    request: Request,
    found: Found,
    view: TheSeal,
    person: Staff,
    who: Who,
    since: Annotated[str, Query(max_length=32)] = "",
    until: Annotated[str, Query(max_length=32)] = "",
) -> Response:
    """受影响的证照: what the seal was put on in a time, and is still current."""
    _demand_impact(who)
    try:
        begin, end = _span(since, until)
        affected = found.desk.resealer.affected(view.id, begin, end)
    except Malformed as error:
        return _impact_page(request, person, who, view, {}, [], error)
    found.journal.record(
        actor=person.actor, action="seal.impact", subject=view.id, details={"affected": str(len(affected))}
    )
    return _impact_page(request, person, who, view, {"since": since, "until": until}, affected)


@router.post("/seals/{seal_id}/impact")
def reseal(request: Request, found: Found, view: TheSeal, data: Form, person: Staff, who: Who) -> Response:
    """重新盖章 of what is affected, as new versions; pressed again it does what is left."""
    _demand_impact(who)
    asked = {name: seal_forms.text_of(data, name, 32) for name in ("since", "until")}
    shown = {**asked, "reason": seal_forms.text_of(data, "reason")}
    try:
        begin, end = _span(**asked)
        outcomes, _ = reseal_some(found, who, view.id, begin, end, shown["reason"], AT_ONCE)
    except Malformed as error:
        return _impact_page(request, person, who, view, {"reason": shown["reason"]}, [], error)
    except LicenceTrustError as error:
        return _impact_page(request, person, who, view, shown, found.desk.resealer.affected(view.id, begin, end), error)
    left = found.desk.resealer.affected(view.id, begin, end)
    return _impact_page(request, person, who, view, shown, left, outcomes=outcomes)


def _impact_page(
    request: Request,
    person: Visitor,
    who: Official,
    view: SealView,
    asked: dict[str, str],
    affected: list[str],
    error: LicenceTrustError | None = None,
    outcomes: Sequence[Resealed] = (),
) -> Response:
    translate = translation(request)
    refused = [one for one in outcomes if isinstance(one.outcome, LicenceTrustError)]
    return page(
        request,
        "seal_impact.html",
        visitor=person,
        nav="seals",
        status=status_of(error, request),
        problem=said(error, request),
        base=f"/seals/{quote(view.id)}",
        name=view.summary.name,
        badge=seal_views.badge(view.state, translate),
        asked={**dict.fromkeys(("since", "until", "reason"), ""), **asked},
        count=len(affected),
        listed=[(f"/licences/{quote(one)}", one) for one in affected[:LISTED]],
        done=len(outcomes) - len(refused) if outcomes else None,
        refused=[(one.licence_id, said(one.outcome, request)) for one in refused[:LISTED]],  # type: ignore[arg-type]
        may_reseal=who.role is Role.OFFICER,
        at_once=AT_ONCE,
    )
