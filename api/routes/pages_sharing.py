"""共享页面: applications for access, what is shared, traffic and refusals, a clerk's look-up with one answer."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, Response

from api.deps import Visitor, form, officer, services, staff, upload
from api.errors import language_of, problem_of
from api.pages import crossing_asking as crossing
from api.pages import sharing_views as views
from api.pages.form_text import text_of
from api.pages.rendering import page
from api.translating import translation
from api.wiring import Services
from licence_store.sharing.access import ApplicationView
from licence_store.standing import end_of
from trust.errors import LicenceTrustError, Malformed, NotFound, Refused
from trust.sharing_answer import read_answer

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
Officer = Annotated[Visitor, Depends(officer)]
Before = Annotated[int | None, Query(ge=1, le=1 << 53)]
PAGE = 30
OVERSEERS = ("auditor", "admin")
PURPOSE = ("service_item", "material", "case_number", "basis")


def reader(person: Annotated[Visitor, Depends(staff)]) -> Visitor:
    """Officers for their department, and those who watch over it; raises ``Refused("sharing.not_reader")``."""
    if person.account.role not in (*OVERSEERS, "officer"):
        raise Refused("sharing.not_reader", "此页面供经办人员、审计人员和系统管理员使用。")
    return person


Reader = Annotated[Visitor, Depends(reader)]


def _own(person: Visitor) -> str:
    """The department whose matters somebody sees; empty: all."""
    return "" if person.account.role in OVERSEERS else person.account.department or "-"


@router.get("/sharing")
def overview(request: Request, found: Found, person: Reader) -> Response:
    return _overview(request, found, person)


def _overview(request: Request, found: Services, person: Visitor, error: LicenceTrustError | None = None) -> Response:
    translate, sharing, own = translation(request), found.desk.sharing, _own(person)
    problem = problem_of(error, language_of(request)) if error else None
    traffic = sharing.log.traffic() if not own else ()
    waiting = sharing.access.applications(department=own, state="requested")
    return page(
        request,
        "sharing.html",
        visitor=person,
        status=problem.status if problem else 200,
        nav="sharing",
        problem=problem.detail if problem else "",
        waiting=[views.application_row(one, translate) for one in waiting],
        tiers=[views.tier_row(one, translate) for one in sharing.access.tiers(own)],
        choices=views.tier_choices(translate),
        may_decide=person.account.can_issue,
        systems=[views.client_row(one, translate) for one in found.desk.callers.list()],
        tiles=views.traffic_tiles(traffic, translate) if not own else [],
        refusals=views.frequent_refusals(traffic),
    )


@router.post("/sharing/tiers")
def set_tier(request: Request, found: Found, data: Form, person: Officer) -> Response:
    given = {name: text_of(data, name, 500) for name in ("type", "tier", "reason")}
    try:
        found.desk.sharing.access.set_tier(
            given["type"], person.account.department or "", given["tier"], given["reason"], person.actor
        )
    except LicenceTrustError as error:
        return _overview(request, found, person, error)
    return RedirectResponse("/sharing", 303)


@router.get("/sharing/applications")
def applications(
    request: Request, found: Found, person: Reader, state: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    translate, state = translation(request), state if state in views.STATE_WORDS else ""
    rows = found.desk.sharing.access.applications(department=_own(person), state=state)
    chips = [("", translate("全部"))] + [(key, translate(word)) for key, (_, word) in views.STATE_WORDS.items()]
    return page(
        request,
        "sharing_applications.html",
        visitor=person,
        nav="sharing",
        rows=[views.application_row(one, translate) for one in rows],
        chips=[{"href": f"/sharing/applications?state={key}", "word": word, "on": key == state} for key, word in chips],
    )


@router.get("/sharing/applications/{application_id}")
def application(request: Request, found: Found, person: Reader, application_id: str) -> Response:
    return _application(request, found, person, application_id)


@router.post("/sharing/applications/{application_id}/decisions")
def decide(request: Request, found: Found, data: Form, person: Officer, application_id: str) -> Response:
    _one(found, person, application_id)
    decision, reason, day = (text_of(data, name, 501) for name in ("decision", "reason", "until"))
    try:
        until = end_of(day) if day and decision == "approve" else None
    except (ValueError, OverflowError):
        until = None
    try:
        found.desk.sharing.access.decide(application_id, decision, reason=reason, actor=person.actor, until=until)
    except LicenceTrustError as error:
        return _application(request, found, person, application_id, error, {"reason": reason, "until": day})
    return RedirectResponse(f"/sharing/applications/{quote(application_id)}", 303)


def _application(
    request: Request,
    found: Services,
    person: Visitor,
    application_id: str,
    error: LicenceTrustError | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    translate, one = translation(request), _one(found, person, application_id)
    problem = problem_of(error, language_of(request)) if error else None
    return page(
        request,
        "sharing_application.html",
        visitor=person,
        status=problem.status if problem else 200,
        nav="sharing",
        problem=problem.detail if problem else "",
        one=views.application_row(one, translate),
        given={"reason": "", "until": "", **(given or {})},
        may_decide=person.account.can_issue,
    )


def _one(found: Services, person: Visitor, application_id: str) -> ApplicationView:
    """An application the person may see; raises ``NotFound("sharing.application_unknown")``."""
    one = found.desk.sharing.access.application(application_id)
    if _own(person) not in ("", one.department):
        raise NotFound("sharing.application_unknown", "没有共享申请“{id}”。", id=application_id[:32])
    return one


@router.get("/sharing/calls")
def calls(request: Request, found: Found, person: Reader, refusals: bool = False, before: Before = None) -> Response:
    translate = translation(request)
    rows, following = found.desk.sharing.log.page(
        before=before, limit=PAGE, department=_own(person), refusals_only=refusals
    )
    names = {one.id: one.name for one in found.desk.callers.list()}
    found.journal.record(actor=person.actor, action="sharing.read_log", subject="sharing")
    kept = "&refusals=true" if refusals else ""
    return page(
        request,
        "sharing_calls.html",
        visitor=person,
        nav="sharing",
        rows=[views.call_row(one, names, translate) for one in rows],
        chips=[
            {"href": "/sharing/calls", "word": translate("全部"), "on": not refusals},
            {"href": "/sharing/calls?refusals=true", "word": translate("已拒绝"), "on": refusals},
        ],
        next=f"/sharing/calls?before={following}{kept}" if following else "",
    )


# A clerk's look-up

ASKED = ("what", "type", "number", "holder", "region", *PURPOSE)


@router.get("/sharing/look-up")
def look_up_form(request: Request, found: Found, person: Officer) -> Response:
    return look_up_page(request, found, person, dict.fromkeys(ASKED, ""))


@router.post("/sharing/look-up")
async def look_up(request: Request, found: Found, data: Form, person: Officer) -> Response:
    from starlette.concurrency import run_in_threadpool

    given = {name: text_of(data, name, 2000) for name in ASKED}
    sent = data.get("file")
    try:
        document = (await upload(request, data))[0] if isinstance(sent, UploadFile) and sent.filename else b""
    except LicenceTrustError as error:
        return look_up_page(request, found, person, given, error)
    return await run_in_threadpool(_looked_up, request, found, person, given, document)


def _looked_up(request: Request, found: Services, person: Visitor, given: dict[str, str], document: bytes) -> Response:
    try:
        operation, parameters = _question(given, document)
        if given["region"] and operation in ("licence", "holder"):
            parameters["region"] = given["region"]
        purpose = {name: given[name] for name in PURPOSE}
        data = found.sharing.look_up(person.actor, person.account.display_name, operation, parameters, purpose)
    except LicenceTrustError as error:
        return look_up_page(request, found, person, given, error)
    return answer_page(request, found, person, data, given)


def answer_page(request: Request, found: Services, person: Visitor, data: bytes, given: dict[str, str]) -> Response:
    """One explained answer, and what can be asked from there."""
    view = views.explain(read_answer(data), found.region_facts.name, translation(request))
    across = view.across
    return page(
        request,
        "sharing_answer.html",
        visitor=person,
        nav="sharing-look-up",
        view=view,
        asked=given,
        raw=data.decode(),
        fields=crossing.fields(found, across.licence_id) if across is not None and across.licence_id else [],
        until=crossing.latest(found.clock()),
    )


def _question(given: dict[str, str], document: bytes) -> tuple[str, dict[str, object]]:
    """What is asked, by what was filled in; the first that is counts."""
    if document:
        return "compare", {"document": b64encode(document).decode()}
    if given["what"]:
        return "qr", {"qr": given["what"]}
    if given["type"] and given["number"]:
        return "licence", {"type": given["type"], "licence_number": given["number"]}
    if given["type"] and given["holder"]:
        return "holder", {"type": given["type"], "holder_code": given["holder"]}
    raise Malformed(
        "sharing.nothing_asked", "请填写证照标识或二维码内容，或者类型和编号，或者类型和持证者代码，或选择一份文件。"
    )


def look_up_page(
    request: Request, found: Services, person: Visitor, given: dict[str, str], error: LicenceTrustError | None = None
) -> Response:
    problem = problem_of(error, language_of(request)) if error else None
    return page(
        request,
        "sharing_look_up.html",
        visitor=person,
        status=problem.status if problem else 200,
        nav="sharing-look-up",
        problem=problem,
        given=given,
        types=[{"slug": one.slug, "title": one.name} for one in found.catalogue.list()],
        regions=[(one.code, one.name) for one in found.desk.peers.list() if one.code != found.region_facts.code],
    )
