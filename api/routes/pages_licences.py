"""证照页面: the past of a licence as a time line, its steps, further versions, annual inspections."""

# ruff: noqa: FAST003 - the dependency ``the_licence`` reads the id in the path

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import licence_office
from api.deps import Visitor, form, services, staff
from api.errors import language_of
from api.licence_office import Asked
from api.moments import parse_local
from api.pages import licence_views, register_views
from api.pages.licence_course import Course, inspection_rows
from api.pages.provenance_views import provenance
from api.pages.refusals import said, status_of
from api.pages.rendering import page
from api.pages.seal_forms import text_of
from api.pages.seal_views import registered
from api.pages.transfer_views import transfer_links
from api.pages.verdict import verdict_view, when
from api.translating import translation
from api.wiring import Services
from licence_store.definitions import LicenceTypeDefinition
from licence_store.forms import FORMS, MEDIA, forms_of
from licence_store.lifecycle import ENDED, STEPS
from licence_store.views import LicenceHistory, LicenceView
from seal.lifecycle import Official, Role
from trust.errors import Malformed, NotFound, Refused, fill
from trust.i18n import N_

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
Staff = Annotated[Visitor, Depends(staff)]


def official(person: Staff) -> Official:
    """办理人: the person in the one role of the account."""
    return Official(person.actor, Role(person.account.role))


Who = Annotated[Official, Depends(official)]


def the_licence(licence_id: str, found: Found, who: Who) -> LicenceView:
    """The licence, for somebody of its department, an auditor or an administrator; another's is unknown."""
    asked = Asked(who)
    asked.demand()
    view = found.register.find(licence_id)
    if not asked.covers(view.summary.department_id, view.summary.type_code):
        error = NotFound("licence.unknown", "登记簿中没有证照 {licence_id}。", licence_id=view.asked_id)
        found.journal.failed(error, actor=who.actor, action="licence.read", subject=view.licence_id)
        raise error
    return view


TheLicence = Annotated[LicenceView, Depends(the_licence)]


def address_of(licence_id: str) -> str:
    """Address of the licence's page; every version leads to the same."""
    return f"/licences/{quote(licence_id)}"


def head(request: Request, found: Services, person: Visitor, view: LicenceView) -> dict[str, Any]:
    """What the head of every page of a licence shows."""
    found.desk.witness.look(person.actor, view.licence_id, register_views.PURPOSES[0])
    width, height = found.face_size(view)
    one = view.summary
    return {
        "visitor": person,
        "nav": "licences",
        "base": address_of(view.licence_id),
        "id": one.licence_id,
        "type": _type_name(found, view, language_of(request)),
        "number": one.licence_number,
        "holder": one.holder_name,
        "holder_code": one.holder_code,
        "newest": one.version,
        "badge": licence_views.badge(one.state, translation(request)),
        "picture": f"{address_of(view.licence_id)}/versions/{one.version}/face.png",
        "width": width,
        "height": height,
    }


def _type_name(found: Services, view: LicenceView, language: str) -> str:
    return register_views.type_title(found.catalogue.get(view.summary.type_code), language)


# The time line


@router.get("/licences/{licence_id}")
def licence(
    request: Request,
    found: Found,
    licence_id: str,
    person: Staff,
    who: Who,
    fresh: bool = False,
    again: bool = False,
    done: Annotated[str, Query(max_length=32)] = "",
    at: Annotated[str, Query(max_length=32)] = "",
    look: Annotated[str, Query(max_length=8)] = "was",
    purpose: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """One licence: its state, every version with its picture, every event, every inspection; now or as of a moment."""
    translate, problem, moment = translation(request), None, None
    try:
        moment = parse_local(at)
    except Malformed as error:
        problem = error
    known = moment if look == "known" else None
    asked = Asked(who, purpose or register_views.PURPOSES[0], at=moment, known_at=known)
    past = licence_office.history(found, licence_id, asked, "licence.read")
    view = past.view
    shown = head(request, found, person, view)
    definition = found.catalogue.get(view.summary.type_code)
    course = _course(request, found, past, definition, shown, who)
    return page(
        request,
        "licence.html",
        **shown,
        status=status_of(problem, request),
        problem=said(problem, request),
        fresh=fresh,
        again=again,
        done=licence_views.step_title(done, translate) if done in STEPS else "",
        tone=shown["badge"]["tone"],
        state=shown["badge"]["word"],
        sentence=licence_views.sentence(view.state, view.summary.since, translate),
        asof=_asof(moment, known is not None, view, translate) if moment else None,
        asked={"at": at if problem is None else "", "look": look},
        offers=_offers(found, who, view, translate) if who.role is Role.OFFICER else None,
        files=_files(found, who, view, now=moment is None),
        lacking=_lacking(found, who, view) if moment is None else (),
        course=course.lines(),
        lineage=course.lineage(),
        rows=register_views.licence_rows(view, translate),
        face=licence_views.face_rows(view.message, definition, language_of(request)),
        links=[*_links(past, translate), *transfer_links(found, view.licence_id, translate)],
        provenance=provenance(found, view, past.versions[-1].paper, translate, officer=who.role is Role.OFFICER),
        inspections=inspection_rows(past.inspections, shown["base"], translate) if definition.inspection else None,
        due=None,
    )


def _course(
    request: Request,
    found: Services,
    past: LicenceHistory,
    definition: LicenceTypeDefinition,
    shown: Mapping[str, Any],
    who: Official,
) -> Course:
    """The time line of ``past``; old files are offered to officers only."""
    return Course(
        past,
        found.register.lineage(past.view.licence_id),
        definition.schema["properties"],
        (shown["width"], shown["height"]),
        _seals(found, past),
        shown["base"],
        language_of(request),
        translation(request),
        may_fetch_old=who.role is Role.OFFICER,
        forms=found.register.first_forms([one.licence_id for one in past.versions]),
    )


def _files(found: Services, who: Official, view: LicenceView, *, now: bool) -> list[dict[str, str]]:
    """Where this version's files are, for somebody who may have them: old ones are for officers only."""
    newest = found.register.find(view.licence_id).summary.version
    if who.role is not Role.OFFICER and view.summary.version != newest:
        return []
    place = f"{address_of(view.licence_id)}/versions/{view.summary.version}"
    held = found.register.forms(view.summary.licence_id)
    return [{"form": form.upper(), "href": f"{place}/licence.{form}"} for form in held]


def _lacking(found: Services, who: Official, view: LicenceView) -> list[str]:
    """补制: the formats an officer of the department may have made."""
    if who.role is not Role.OFFICER or who.actor.department != view.summary.department_id or view.state in ENDED:
        return []
    held = found.register.forms(view.summary.licence_id)
    return [form for form in FORMS if form not in held]


def _asof(moment: datetime, known: bool, view: LicenceView, translate: Any) -> dict[str, str]:
    """Which past is being looked at, in words."""
    said = {"when": when(moment), "state": licence_views.badge(view.state, translate)["word"]}
    title = N_("正在查看 {when} 当时所知的情形") if known else N_("正在查看 {when} 当时的实情")
    text = (
        N_("只算当时已经登记的：状态为“{state}”。此后才补登的事件不在其中。")
        if known
        else N_("按今天所知，那时的状态为“{state}”。事后补登的事件也算在内。")
    )
    return {"title": fill(translate(title), said), "text": fill(translate(text), said)}


def _seals(found: Services, past: LicenceHistory) -> dict[str, str]:
    """Names of the seals on its versions."""
    codes = {one.seal_id for one in past.versions}
    return {code: found.desk.seal_register.view(code).summary.name for code in codes}


def _links(past: LicenceHistory, translate: Any) -> list[dict[str, str]]:
    """延续: the licence before and the one after."""
    named = ((N_("延续自"), past.view.predecessor), (N_("已延续为"), past.view.successor))
    return [{"title": translate(title), "href": f"/licences/{quote(one)}", "text": one} for title, one in named if one]


def _offers(found: Services, who: Official, view: LicenceView, translate: Any) -> list[licence_views.Offer]:
    def possible(step: str) -> bool:
        return licence_office.obstacle(found, view, step, who) is None

    return licence_views.offers(view.state, who, address_of(view.licence_id), possible, translate)


# A holder's licences


@router.get("/holdings")
def holdings(
    request: Request,
    found: Found,
    person: Staff,
    who: Who,
    code: Annotated[str, Query(max_length=64)] = "",
    at: Annotated[str, Query(max_length=32)] = "",
    look: Annotated[str, Query(max_length=8)] = "was",
    purpose: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """持证者名下的证照, now or as of a moment: by all that is known today, or by what was known then."""
    translate = translation(request)
    problem, moment = None, None
    try:
        moment = parse_local(at)
    except Malformed as error:
        problem = error
    known = moment if look == "known" else None
    asked = Asked(who, purpose or register_views.PURPOSES[0], at=moment, known_at=known)
    asked.demand()
    rows = licence_office.holdings(found, code, asked) if code.strip() else ()
    return page(
        request,
        "holdings.html",
        visitor=person,
        nav="licences",
        status=status_of(problem, request),
        problem=said(problem, request),
        code=code,
        moment=when(moment),
        known=known is not None,
        asked={"at": at if problem is None else "", "look": look},
        rows=[
            {
                **register_views.list_row(one, purpose, translate),
                "href": f"{address_of(one.licence_id)}?{urlencode({'at': at, 'look': look})}"
                if moment
                else address_of(one.licence_id),
                "since": when(one.since),
            }
            for one in rows
        ],
    )


# Pictures and files


@router.get("/licences/{licence_id}/face.png")
def face_picture(found: Found, view: TheLicence, person: Staff) -> Response:
    return _picture(found, view, person)


@router.get("/licences/{licence_id}/versions/{number}/face.png")
def version_picture(found: Found, view: TheLicence, number: int, person: Staff) -> Response:
    return _picture(found, licence_office.version(found, view, number), person)


def _picture(found: Services, view: LicenceView, person: Visitor) -> Response:
    found.desk.witness.look(person.actor, view.licence_id, register_views.PURPOSES[0])
    found.journal.record(
        actor=person.actor, action="licence.picture", subject=view.licence_id, reason=register_views.PURPOSES[0]
    )
    return Response(found.face_png(view), media_type="image/png")


@router.get("/licences/{licence_id}/licence.{form}")
def licence_file(found: Found, view: TheLicence, form: str, person: Staff) -> Response:
    return _file(found, view, form, person)


@router.post("/licences/{licence_id}/files")
def further_form(found: Found, view: TheLicence, data: Form, person: Staff, who: Who) -> Response:
    """补制 a format the licence lacks."""
    if who.role is not Role.OFFICER:
        raise Refused("licence.form_role", "补制文件由颁证单位的经办人办理。")
    [wanted] = forms_of(text_of(data, "form"))[:1]
    found.further_form(view, wanted, person.actor)
    return RedirectResponse(address_of(view.licence_id), 303)


@router.get("/licences/{licence_id}/versions/{number}/licence.{form}")
def version_file(found: Found, view: TheLicence, number: int, form: str, person: Staff, who: Who) -> Response:
    """The file of a version; an old one's only for officers of the department (R067)."""
    if number != view.summary.version and who.role is not Role.OFFICER:
        raise Refused("licence.old_version", "历史版本的文件只供颁证部门的经办人调取。")
    return _file(found, licence_office.version(found, view, number), form, person)


def _file(found: Services, view: LicenceView, form: str, person: Visitor) -> Response:
    data = found.register.file(view, form)
    found.journal.record(
        actor=person.actor, action="licence.download", subject=view.licence_id, reason=register_views.PURPOSES[0]
    )
    name = quote(f"{view.summary.type_name}-{view.summary.licence_number}-{view.summary.version:03d}.{form}")
    headers = {"Content-Disposition": f"attachment; filename=licence.{form}; filename*=UTF-8''{name}"}
    return Response(data, media_type=MEDIA[form], headers=headers)


@router.get("/licences/{licence_id}/verdict")
def licence_verdict(request: Request, found: Found, view: TheLicence, person: Staff) -> Response:
    found.journal.record(
        actor=person.actor, action="licence.verify", subject=view.licence_id, reason=register_views.PURPOSES[0]
    )
    content = found.register.file(view)
    report = found.verify(content, person.actor, None)
    suffix = "pdf" if content.startswith(b"%PDF-") else "ofd"
    shown = verdict_view(report, f"{view.summary.licence_number}.{suffix}", translation(request), language_of(request))
    return page(
        request,
        "verdict.html",
        visitor=person,
        nav="verify",
        view=shown,
        picture=found.picture_of(content, report),
        registered=registered(found.desk.seal_register, report),
    )


@router.get("/licences/{licence_id}/evidence/{digest}")
def evidence(found: Found, view: TheLicence, digest: str, person: Staff) -> Response:
    """佐证文件 of an inspection, as it was handed in: always as a download, whatever it is."""
    past = found.register.history(view.licence_id)
    names = {one.evidence: one.evidence_name for one in past.inspections if one.evidence}
    if digest not in names:
        raise NotFound("licence.evidence_unknown", "该证照没有这份佐证文件。")
    details = {"evidence": digest}
    found.journal.record(actor=person.actor, action="licence.evidence", subject=view.licence_id, details=details)
    name = quote(names[digest], safe="")
    headers = {"Content-Disposition": f"attachment; filename=download; filename*=UTF-8''{name}"}
    return Response(found.register.files.get(digest), media_type="application/octet-stream", headers=headers)
