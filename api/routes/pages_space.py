"""用户空间: home, a licence, its picture and files, reporting a loss, the use ledger."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import space_office
from api.deps import services
from api.errors import language_of
from api.holder_deps import HolderVisitor, assured, holder, holder_form
from api.moments import parse_local
from api.pages import licence_views, space_views
from api.pages.refusals import said, status_of
from api.pages.seal_forms import text_of
from api.pages.space_base import space_page
from api.pages.verdict import when
from api.translating import translation
from api.wiring import Services
from licence_store.forms import MEDIA
from licence_store.gathering import expiring
from licence_store.ledger.ledger import ACTS, UseFilter
from licence_store.ledger.scope import covers
from licence_store.lifecycle import LicenceState, is_allowed
from licence_store.views import LicenceView
from seal.lifecycle import Role
from trust.errors import LicenceTrustError, Malformed, NotFound

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Space = Annotated[HolderVisitor, Depends(holder)]
Proved = Annotated[HolderVisitor, Depends(assured(space_office.LOSS_LEVEL))]
Form = Annotated[FormData, Depends(holder_form)]
Words = Annotated[str, Query(max_length=100)]
Word = Annotated[str, Query(max_length=40)]
ENTRIES = 20
RECENT = 4
CHECKED = 2000
"""Entries up to which each look at the ledger checks all of it; longer ones are checked when asked."""
CARDS = 60
"""Licences on the home page before one asks for more."""


# Home


@router.get("/space")
def home(
    request: Request,
    found: Found,
    person: Space,
    q: Words = "",
    group: Word = "none",
    state: Word = "",
    cards: Annotated[int, Query(ge=1, le=10_000)] = CARDS,
) -> Response:
    """我的证照: everything of the holder's, from every department."""
    translate, now, who = translation(request), found.clock(), person.session
    gathering = space_office.gathering(found)
    mine = gathering.licences(who) if who.may("view") else ()
    asked = {"q": q.strip(), "group": group, "state": state}
    shown = space_views.matching(mine, q.strip(), state, translate)
    links = {one.licence_id: space_views.address(one.licence_id) for one in mine}
    return space_page(
        request,
        "space_home.html",
        person,
        nav="home",
        total=len(mine),
        current=sum(one.state == "CURRENT" for one in mine),
        narrowed=bool(q.strip() or state),
        asked=asked,
        group_choices=[(name, translate(title)) for name, title in space_views.GROUPS.items()],
        groups=[
            (translate(heading), [space_views.card(one, now, translate) for one in members])
            for heading, members in space_views.groups(shown[:cards], group)
        ],
        more=f"/space?{space_views.query(asked, cards=str(min(10_000, cards + 10 * CARDS)))}"
        if len(shown) > cards
        else "",
        soon=[space_views.card(one, now, translate) for one in expiring(mine, now)][:RECENT],
        materials=_materials(gathering, who, translate),
        notices=[space_views.notice_row(one, links) for one in gathering.notices(who, language_of(request), RECENT)]
        if who.may("view")
        else [],
        cases=[space_views.case_row(one, translate) for one in gathering.cases(who)] if who.may("view") else [],
        may_use=who.may("use"),
        may_upload=who.may("upload"),
    )


def _materials(gathering: Any, who: Any, translate: Any) -> list[dict[str, Any]]:
    if not who.may("view"):
        return []
    return [space_views.material_card(one, translate) for one in gathering.materials(who, 12)]


# One licence


@router.get("/space/licences/{licence_id}")
def licence(request: Request, found: Found, person: Space, licence_id: str, done: Word = "") -> Response:
    """One licence: face, state, what may be done with it, its past, who used it."""
    translate, language, who = translation(request), language_of(request), person.session
    view = space_office.find(found, who, licence_id)
    one = view.summary
    width, height = found.face_size(view)
    recent = space_office.ledger_page(found, who, UseFilter(subject=one.base), limit=RECENT).entries
    subject = space_office.Subject(one.type_name, one.licence_number, one.licence_id)
    losable = is_allowed("report_lost", LicenceState(one.state), Role.HOLDER)
    return space_page(
        request,
        "space_licence.html",
        person,
        nav="home",
        card=space_views.card(one, found.clock(), translate),
        base=space_views.address(one.licence_id),
        sentence=licence_views.sentence(one.state, one.since, translate),
        width=width,
        height=height,
        forms=list(found.register.forms(one.licence_id)),
        facts_of=_facts(view, translate),
        face=licence_views.face_rows(view.message, found.catalogue.get(one.type_code), language),
        course=[space_views.course_row(event, translate) for event in reversed(found.register.events(one.licence_id))],
        recent=[
            space_views.entry_row(entry, subject, translate, may_dispute=who.may("use", one.type_code))
            for entry in recent
        ],
        ledger=f"/space/ledger?subject={quote(one.licence_id)}",
        may_use=who.may("use", one.type_code) and view.is_referencable,
        may_dispute=who.may("use", one.type_code),
        may_report=losable and who.may("report_loss", one.type_code),
        copy=f"/space/copies/new?item={quote(one.licence_id)}",
        public=f"/v/{quote(one.licence_id)}",
        done=done,
    )


def _facts(view: LicenceView, translate: Any) -> list[tuple[str, str]]:
    one = view.summary
    return [
        (translate("证照编号"), one.licence_number),
        (translate("颁证单位"), one.issuer_name),
        (translate("颁证日期"), one.issued_on),
        (translate("有效期自"), one.valid_from),
        (translate("有效期至"), one.valid_to or translate("长期")),
        (translate("版本"), str(one.version)),
        (translate("电子印章"), view.seal_name),
        (translate("盖章时间"), when(view.signed_at)),
        (translate("电子证照标识"), one.licence_id),
    ]


@router.get("/space/licences/{licence_id}/face.png")
def face(found: Found, person: Space, licence_id: str) -> Response:
    view = space_office.find(found, person.session, licence_id)
    return Response(found.face_png(view), media_type="image/png")


@router.get("/space/licences/{licence_id}/small.jpg")
def small(found: Found, person: Space, licence_id: str) -> Response:
    """For lists; like the list itself it is no look at the licence."""
    from api.pictures import thumbnail

    view = space_office.own(found, person.session, licence_id)
    content = found.kept_picture(f"small {view.file_digest}", lambda: thumbnail(found.face_png(view)))
    return Response(content, media_type="image/jpeg")


@router.get("/space/licences/{licence_id}/licence.{form}")
def download(found: Found, person: Space, licence_id: str, form: str) -> Response:
    if form not in MEDIA:
        raise NotFound("licence.form_absent", "该证照没有 {form} 格式的文件。", form=form[:8].upper())
    view, data = space_office.file(found, person.session, licence_id, form)
    name = quote(f"{view.summary.type_name}-{view.summary.licence_number}-{view.summary.version:03d}.{form}")
    headers = {"Content-Disposition": f"attachment; filename=licence.{form}; filename*=UTF-8''{name}"}
    return Response(data, media_type=MEDIA[form], headers=headers)


@router.get("/space/licences/{licence_id}/print")
def print_view(request: Request, found: Found, person: Space, licence_id: str) -> Response:
    """打印: the face alone on a page; paper proves nothing, its code leads to the state."""
    translate = translation(request)
    view = space_office.find(found, person.session, licence_id)
    width, height = found.face_size(view)
    base = space_views.address(view.licence_id)
    one = space_views.card(view.summary, found.clock(), translate)
    moment = when(found.clock())
    return space_page(
        request, "space_print.html", person, nav="home", card=one, base=base, width=width, height=height, moment=moment
    )


# Loss


@router.get("/space/licences/{licence_id}/loss")
def loss_page(request: Request, found: Found, person: Proved, licence_id: str) -> Response:
    return _loss(request, found, person, licence_id)


@router.post("/space/licences/{licence_id}/loss")
def report_loss(request: Request, found: Found, person: Proved, licence_id: str, data: Form) -> Response:
    reason = text_of(data, "reason")
    try:
        space_office.report_lost(found, person.session, licence_id, reason)
    except NotFound:
        raise
    except LicenceTrustError as error:
        return _loss(request, found, person, licence_id, reason, error)
    return RedirectResponse(f"{space_views.address(licence_id)}?done=lost", 303)


def _loss(
    request: Request,
    found: Services,
    person: HolderVisitor,
    licence_id: str,
    reason: str = "",
    error: LicenceTrustError | None = None,
) -> Response:
    translate = translation(request)
    view = space_office.find(found, person.session, licence_id, right="report_loss")
    return space_page(
        request,
        "space_loss.html",
        person,
        nav="home",
        status=status_of(error, request),
        card=space_views.card(view.summary, found.clock(), translate),
        base=space_views.address(view.licence_id),
        consequence=translate(licence_views.CONSEQUENCES["report_lost"]),
        allowed=is_allowed("report_lost", LicenceState(view.state), Role.HOLDER),
        reason=reason,
        problem=said(error, request),
    )


# The ledger


@router.get("/space/ledger")
def ledger(
    request: Request,
    found: Found,
    person: Space,
    act: Word = "",
    subject: Annotated[str, Query(max_length=200)] = "",
    since: Word = "",
    until: Word = "",
    by: Word = "",
    check: bool = False,
    before: Annotated[int | None, Query(ge=1, le=1 << 62)] = None,
) -> Response:
    """用证记录: who looked at, checked or fetched what is mine, why and when."""
    translate, who = translation(request), person.session
    asked = {"act": act, "subject": subject, "since": since, "until": until, "by": by}
    problem = ""
    try:
        filters = _filters(asked)
    except Malformed as error:
        problem, filters = " ".join(error.localised(translate)), UseFilter()
    page = space_office.ledger_page(found, who, filters, before, ENTRIES)
    subjects = {one: space_office.subject(found, one) for one in {entry.subject for entry in page.entries}}
    whole = "*" in who.types
    count = found.desk.ledger.head(who.holder.code).count
    wanted = whole and before is None and (check or count <= CHECKED)
    return space_page(
        request,
        "space_ledger.html",
        person,
        nav="ledger",
        status=422 if problem else 200,
        problem=problem,
        asked=asked,
        narrowed=any(asked.values()),
        acts=[(name, translate(title)) for name, title in ACTS.items()],
        about=space_office.subject(found, filters.subject) if filters.subject and page.entries else None,
        rows=[
            space_views.entry_row(one, subjects[one.subject], translate, may_dispute=covers(who, one.subject, "use"))
            for one in page.entries
        ],
        check=space_office.ledger_check(found, who) if wanted else None,
        whole=whole,
        next=f"/space/ledger?{space_views.query(asked, before=str(page.next))}" if page.next else "",
        first=f"/space/ledger?{space_views.query(asked)}" if before else "",
    )


def _filters(asked: dict[str, str]) -> UseFilter:
    """Raises ``Malformed("moment.local")``."""
    base = space_office.base_of(asked["subject"])
    acts = (asked["act"],) if asked["act"] in ACTS else ()
    since, until = parse_local(asked["since"]), parse_local(asked["until"])
    until = until + timedelta(days=1) if until else None  # the day itself counts
    return UseFilter(acts, base, since, until, others_only=asked["by"] == "others")


@router.get("/space/ledger/export")
def export(found: Found, person: Space) -> Response:
    """导出: JSON lines and the signed head."""
    data = space_office.ledger_export(found, person.session)
    name = f"use-ledger-{found.clock():%Y%m%d-%H%M}.jsonl"
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    return Response(data, media_type="application/jsonl", headers=headers)
