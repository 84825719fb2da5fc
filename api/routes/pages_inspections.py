"""年检页面: what waits for this year's inspection, one after the other; and the inspection of one licence."""

# ruff: noqa: FAST003 - the dependency ``the_licence`` reads the id in the path

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import licence_office
from api.deps import Visitor, form
from api.errors import language_of
from api.licence_office import Asked, Inspected
from api.moments import parse_local
from api.pages import licence_views, register_views
from api.pages.licence_course import inspection_rows, result_view
from api.pages.refusals import said, status_of
from api.pages.rendering import page
from api.pages.seal_forms import read_upload, text_of
from api.pages.verdict import BEIJING, when
from api.routes.pages_licence_acts import refused
from api.routes.pages_licences import Found, Staff, TheLicence, Who, address_of, head, the_licence
from api.translating import translation
from api.wiring import Services
from licence_store.definitions import LicenceTypeDefinition
from licence_store.inspection_list import SHOWN, InspectionList, Waiting
from licence_store.lifecycle import STEPS
from licence_store.views import LicenceView
from seal.lifecycle import Official, Role
from trust.errors import LicenceTrustError, fill
from trust.i18n import N_

router = APIRouter(include_in_schema=False)
Form = Annotated[FormData, Depends(form)]
PAGE = 25
YEARS = 6
"""How many years back the list offers."""
_TITLES = {"due": N_("待检"), "overdue": N_("逾期"), "done": N_("已检")}
_TONES = {"due": "info", "overdue": "fail", "done": "pass"}


async def evidence_of(data: Form) -> tuple[str, bytes] | None:
    """佐证文件. Raises ``TooLarge``."""
    return await read_upload(data, "evidence", licence_office.MAX_EVIDENCE)


Evidence = Annotated["tuple[str, bytes] | None", Depends(evidence_of)]


# One licence


@router.get("/licences/{licence_id}/inspect")
def inspect_page(
    request: Request,
    found: Found,
    view: TheLicence,
    person: Staff,
    who: Who,
    year: Annotated[str, Query(max_length=4)] = "",
) -> Response:
    refusal = _refusal(found, view, who)
    if refusal is not None:
        return refused(request, found, person, view, "inspect", refusal)
    return _form(request, found, person, view, {"period": year})


@router.post("/licences/{licence_id}/inspect")
def inspect(
    request: Request, found: Found, view: TheLicence, data: Form, evidence: Evidence, person: Staff, who: Who
) -> Response:
    values = _entered(data)
    try:
        licence_office.inspect(found, view.licence_id, Asked(who), _inspected(values, evidence))
    except LicenceTrustError as error:
        if _refusal(found, view, who) is not None:
            return refused(request, found, person, view, "inspect", error)
        return _form(request, found, person, view, values, error)
    return RedirectResponse(f"{address_of(view.licence_id)}?done=inspect", 303)


def _refusal(found: Services, view: LicenceView, who: Official) -> LicenceTrustError | None:
    """Why this person cannot inspect the licence, whichever year the form will name."""
    error = licence_office.obstacle(found, view, "inspect", who)
    return None if error is None or error.code in _OTHER_YEAR else error


_OTHER_YEAR = ("licence.already_inspected", "licence.inspection_period")
_FIELDS = ("period", "result", "remarks", "effective")


def _entered(data: FormData) -> dict[str, str]:
    return {name: text_of(data, name) for name in _FIELDS}


def _inspected(values: Mapping[str, str], evidence: tuple[str, bytes] | None) -> Inspected:
    moment = parse_local(values["effective"])
    return Inspected(values["result"], values["period"], values["remarks"], evidence, moment)


# The work list


@dataclass(frozen=True, slots=True)
class Queue:
    """工作表: of one type, what is shown of it, for one person."""

    definition: LicenceTypeDefinition | None
    show: str
    year: int
    latest: int
    """The latest year whose window has opened."""
    departments: list[str] | None
    work: InspectionList

    def address(self, path: str = "/inspections", **more: str) -> str:
        year = str(self.year) if self.year != self.latest else ""
        given = {"type": self.definition.slug if self.definition else "", "show": self.show, "year": year, **more}
        return f"{path}?{urlencode({name: value for name, value in given.items() if value})}"

    def page(self, after: str = "", limit: int = PAGE) -> tuple[Waiting, ...]:
        if self.definition is None:
            return ()
        return self.work.page(
            self.definition, self.show, year=self.year, departments=self.departments, after=after, limit=limit
        )

    def count(self) -> int:
        if self.definition is None:
            return 0
        return self.work.count(self.definition, self.show, year=self.year, departments=self.departments)

    def window(self, translate: Any) -> str:
        """When this year's inspections are held, in words."""
        rule = self.definition.inspection if self.definition else None
        if rule is None:
            return ""
        begin, end = rule.window(self.latest)
        said = {"year": self.latest, "begin": begin, "end": end}
        return fill(translate("{year} 年度的年检自 {begin} 至 {end}。"), said)


def the_queue(
    found: Found,
    who: Who,
    type: Annotated[str, Query(max_length=80)] = "",
    show: Annotated[str, Query(max_length=8)] = "due",
    year: Annotated[str, Query(max_length=4)] = "",
) -> Queue:
    """The list asked for; of the first type that is inspected, where none is named."""
    asked = Asked(who)
    asked.demand()
    inspected = inspected_types(found)
    definition = next((one for one in inspected if type in (one.slug, one.code)), None) or next(iter(inspected), None)
    work = InspectionList(found.desk.sessions, found.desk.clock)
    rule = definition.inspection if definition else None
    latest = work.open_year(rule) if rule else 0
    chosen = int(year) if year.isascii() and year.isdigit() and 1949 < int(year) <= latest else latest
    return Queue(definition, show if show in SHOWN else "due", chosen, latest, asked.departments, work)


TheQueue = Annotated[Queue, Depends(the_queue)]


def inspected_types(found: Services) -> list[LicenceTypeDefinition]:
    return [one for one in found.catalogue.list() if one.inspection is not None]


@router.get("/inspections")
def inspections(
    request: Request,
    found: Found,
    queue: TheQueue,
    person: Staff,
    who: Who,
    after: Annotated[str, Query(max_length=200)] = "",
    finished: bool = False,
) -> Response:
    """年检工作表: due, overdue and done, of one type and year."""
    translate, language = translation(request), language_of(request)
    rows = queue.page(after, PAGE + 1)
    shown = rows[:PAGE]
    found.journal.record(
        actor=person.actor, action="licence.inspections", subject="register", details={"shown": str(len(shown))},
        concerning=[one.licence_id for one in shown],
    )  # fmt: skip
    return page(
        request,
        "inspections.html",
        visitor=person,
        nav="inspections",
        types=[register_views.type_card(one, None, language) for one in inspected_types(found)],
        type=queue.definition.slug if queue.definition else "",
        show=queue.show,
        year=queue.year,
        years=[str(one) for one in range(queue.latest, queue.latest - YEARS, -1)],
        window=queue.window(translate),
        chips=[
            {
                "href": replace(queue, show=one).address(),
                "word": translate(_TITLES[one]),
                "count": replace(queue, show=one).count(),
                "on": one == queue.show,
                "tone": _TONES[one],
            }
            for one in SHOWN
        ],
        rows=[_row(one, queue.show, translate) for one in shown],
        start=queue.address("/inspections/next") if who.role is Role.OFFICER and rows and queue.show != "done" else "",
        next=queue.address(after=shown[-1].place) if len(rows) > PAGE else "",
        finished=finished,
    )


def _row(one: Waiting, show: str, translate: Any) -> dict[str, str]:
    tone, word = result_view(one.result, translate) if show == "done" else (_TONES[show], translate(_TITLES[show]))
    until = (one.by - timedelta(seconds=1)) if one.by else None
    return {
        "href": address_of(one.licence_id),
        "holder": one.holder_name,
        "number": one.licence_number,
        "year": str(one.year),
        "moment": when(one.inspected)[:10] if show == "done" else when(until)[:10] or translate("未规定"),
        "tone": tone,
        "word": word,
    }


# One after the other


@router.get("/inspections/next")
def next_inspection(
    request: Request,
    found: Found,
    queue: TheQueue,
    person: Staff,
    who: Who,
    after: Annotated[str, Query(max_length=200)] = "",
    last: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The first of the list behind ``after``, ready to be decided by keyboard; ``last`` is the one just done."""
    rows = queue.page(after, 1)
    if not rows:
        return RedirectResponse(queue.address(finished="1"), 303)
    view = the_licence(rows[0].licence_id, found, who)
    refusal = _refusal(found, view, who)
    if refusal is not None:
        return refused(request, found, person, view, "inspect", refusal)
    return _form(request, found, person, view, {"period": str(rows[0].year)}, queue=queue, last=last)


@router.post("/inspections/next")
def inspect_next(
    request: Request,
    found: Found,
    queue: TheQueue,
    data: Form,
    evidence: Evidence,
    person: Staff,
    who: Who,
) -> Response:
    view = the_licence(text_of(data, "licence_id", 200), found, who)
    values = _entered(data)
    try:
        licence_office.inspect(found, view.licence_id, Asked(who), _inspected(values, evidence))
    except LicenceTrustError as error:
        return _form(request, found, person, view, values, error, queue=queue)
    place = {"after": view.summary.base, "last": view.licence_id}
    return RedirectResponse(queue.address("/inspections/next", **place), 303)


def _form(
    request: Request,
    found: Services,
    person: Visitor,
    view: LicenceView,
    values: Mapping[str, str],
    error: LicenceTrustError | None = None,
    *,
    queue: Queue | None = None,
    last: str = "",
) -> Response:
    """The inspection of one licence; with ``queue``, one of many, led on to the next."""
    translate = translation(request)
    definition = found.catalogue.get(view.summary.type_code)
    rule = definition.inspection
    past = found.register.history(view.licence_id)
    return page(
        request,
        "licence_inspect.html",
        **{**head(request, found, person, view), **({"nav": "inspections"} if queue else {})},
        status=status_of(error, request),
        problem=said(error, request),
        wrong=licence_views.wrong_field(error, ("period", "effective", "evidence")),
        title=licence_views.step_title("inspect", translate),
        consequence=translate(licence_views.CONSEQUENCES["inspect"]),
        results=[(one, *result_view(one, translate)) for one in (rule.results if rule else ())],
        before=inspection_rows(past.inspections, address_of(view.licence_id), translate),
        face=licence_views.face_rows(view.message, definition, language_of(request)),
        facts_of_step=licence_views.step_facts(STEPS["inspect"], translate),
        latest=found.clock().astimezone(BEIJING).strftime("%Y-%m-%dT%H:%M"),
        values={**dict.fromkeys(_FIELDS, ""), **values},
        action=queue.address("/inspections/next") if queue else f"{address_of(view.licence_id)}/inspect",
        skip=queue.address("/inspections/next", after=view.summary.base) if queue else "",
        list_address=queue.address() if queue else "",
        left=queue.count() if queue else 0,
        last=_last(found, last, translate),
    )


def _last(found: Services, licence_id: str, translate: Any) -> str:
    """What was done a moment ago, in one line."""
    if not licence_id:
        return ""
    one = found.register.find(licence_id)
    done = found.register.history(licence_id).inspections
    if not done:
        return ""
    _, result = result_view(done[-1].result, translate)
    said = {"holder": one.summary.holder_name, "period": done[-1].period, "result": result}
    return fill(translate("已办理：{holder}，{period} 年度，{result}。"), said)
