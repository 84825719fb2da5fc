"""印章页面: the register, the life of a seal step by step, its ledger, and what anybody may ask of it."""

# ruff: noqa: FAST003 - the dependency ``the_seal`` reads the code in the path

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response, StreamingResponse

from api.deps import MaybeVisitor, Visitor, form, services, staff, stranger, translation
from api.errors import language_of, problem_of
from api.moments import parse_local
from api.pages import seal_forms, seal_views
from api.pages.rendering import page
from api.pages.seal_forms import Filled
from api.pages.verdict import BEIJING, certificate_rows, joined, when
from api.seal_office import reseal_some, take_step
from api.wiring import Services
from licence_store.resealing import Resealed
from seal.kinds import KINDS
from seal.lifecycle import STEPS, Official, Role, State, take
from seal.records import HOLDERS, REQUESTS, SealView
from seal.rules import management_rules
from seal.ses import parse_seal
from trust.anchors import Purpose
from trust.errors import LicenceTrustError, Malformed, NotFound, Refused
from trust.journal import Actor
from trust.path import build_path
from verify.seal_view import view_certificate, view_seal

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
Staff = Annotated[Visitor, Depends(staff)]
PAGE = 25
LEDGER_PAGE = 50
EXPORT_CHUNK = 2000


def official(person: Staff) -> Official:
    """办理人: the person in the one role of the account."""
    return Official(person.actor, Role(person.account.role))


Who = Annotated[Official, Depends(official)]


def the_seal(seal_id: str, found: Found, who: Who) -> SealView:
    """The seal, for somebody of its unit or of none; another's is unknown."""
    view = found.desk.seal_register.view(seal_id)
    if who.actor.department not in (None, "", view.summary.department_id):
        raise NotFound("seal.unknown", "没有登记印章 {id}。", id=view.id)
    return view


TheSeal = Annotated[SealView, Depends(the_seal)]


async def filled(data: Form) -> Filled:
    return await Filled.read(data)


FilledForm = Annotated[Filled, Depends(filled)]


# The list


@router.get("/seals")
def seals(
    request: Request,
    found: Found,
    person: Staff,
    who: Who,
    q: Annotated[str, Query(max_length=160)] = "",
    state: Annotated[str, Query(max_length=16)] = "",
    pending: Annotated[str, Query(max_length=16)] = "",
    after: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    register, translate, language = found.desk.seal_register, translation(request), language_of(request)
    chosen = State(state) if state in seal_views.FILTERS else None
    waiting = pending if pending in ("open", "approved") else ""
    departments = [who.actor.department] if who.actor.department else None
    rows = register.search(text=q, state=chosen, departments=departments, pending=waiting, after=after, limit=PAGE + 1)
    shown = rows[:PAGE]
    asked = {"q": q, "state": chosen or "", "pending": waiting}
    requests = register.pending([one.id for one in shown])
    return page(
        request,
        "seals.html",
        visitor=person,
        nav="seals",
        q=q,
        chips=_chips(asked, translate),
        asked=asked,
        rows=[seal_views.list_row(one, requests.get(one.id), who.role, language, translate) for one in shown],
        may_apply=_may_apply(who),
        next=f"/seals?{urlencode({**asked, 'after': shown[-1].id})}" if len(rows) > PAGE else "",
    )


def _chips(asked: dict[str, str], translate: Any) -> list[dict[str, Any]]:
    """Filters: every state, and the requests that wait."""
    plain = not asked["state"] and not asked["pending"]
    chips = [{"href": _list(asked["q"]), "word": translate("全部"), "on": plain, "tone": ""}]
    for stage, word in (("open", translate("有待批的申请")), ("approved", translate("有待办的申请"))):
        href = _list(asked["q"], pending=stage)
        chips.append({"href": href, "word": word, "on": asked["pending"] == stage, "tone": "todo"})
    for one in seal_views.FILTERS:
        shown = seal_views.badge(one, translate)
        chips.append({"href": _list(asked["q"], state=one), "on": asked["state"] == one, **shown})
    return chips


def _list(q: str, **narrow: str) -> str:
    given = {name: value for name, value in {"q": q, **narrow}.items() if value}
    return "/seals" + (f"?{urlencode(given)}" if given else "")


def _may_apply(who: Official) -> bool:
    return who.role is Role.OFFICER


# 申请


@router.get("/seals/apply")
def apply_page(request: Request, found: Found, person: Staff, who: Who) -> Response:
    take("apply", State.NONE, who.role)
    return _apply_form(request, found, person, {})


@router.post("/seals/apply")
def apply(request: Request, found: Found, data: Form, given: FilledForm, person: Staff, who: Who) -> Response:
    try:
        wanted = seal_forms.new_seal(data, person.account.department or "")
        seal_id = found.desk.seal_register.apply(who, wanted, given.basis, reason=given.values["reason"])
    except LicenceTrustError as error:
        values = {name: value for name, value in data.multi_items() if isinstance(value, str)}
        return _apply_form(request, found, person, values, error)
    return RedirectResponse(f"/seals/{quote(seal_id)}?done=apply", 303)


_APPLY = ("name", "kind", "purpose", "department", "holder_kind", "holder_name", "holder_code", "seal_id", "reason")


def _apply_form(
    request: Request, found: Services, person: Visitor, values: dict[str, str], error: LicenceTrustError | None = None
) -> Response:
    translate, language = translation(request), language_of(request)
    kinds = [
        (one.code, seal_views.kind_title(one.code, language), joined((f"{w}×{h}" for w, h in one.sizes), translate))
        for one in KINDS.values()
    ]
    departments = [(one.id, one.name) for one in found.catalogue.departments()]
    return page(
        request,
        "seal_apply.html",
        visitor=person,
        nav="seals",
        status=problem_of(error, language).status if error else 200,
        problem=_said(error, request),
        values={**dict.fromkeys(_APPLY, ""), **values},
        kinds=kinds,
        steps=seal_views.first_steps(translate),
        holders=[(code, translate(title)) for code, title in HOLDERS.items() if code != "applicant"],
        departments=departments,
        own=next((name for code, name in departments if code == person.account.department), ""),
    )


def _said(error: LicenceTrustError | None, request: Request) -> str:
    """An error in words, what to do about it included."""
    return " ".join(part for part in error.localised(translation(request)) if part) if error else ""


# 管理办法


@router.get("/seals/rules")
def rules(request: Request, found: Found, person: MaybeVisitor) -> Response:
    """电子印章管理办法 (R078): for everybody to read and print."""
    return page(
        request,
        "seal_rules.html",
        visitor=person,
        nav="seals" if person else "",
        blocks=seal_views.blocks(management_rules(found.region_facts.name)),
        table=seal_views.table_rows(translation(request)),
    )


# One seal


@router.get("/seals/{seal_id}")
def seal(
    request: Request,
    found: Found,
    view: TheSeal,
    person: Staff,
    who: Who,
    done: Annotated[str, Query(max_length=32)] = "",
) -> Response:
    translate, language, register = translation(request), language_of(request), found.desk.seal_register
    found.journal.record(actor=person.actor, action="seal.read", subject=view.id)
    info = _info(found, view)
    signer = view_certificate(register.certificate(view.summary.key_name)) if view.summary.key_name else None
    types = {one.code: one.name for one in found.catalogue.list()}
    departments = {one.id: one.name for one in found.catalogue.departments()}
    return page(
        request,
        "seal.html",
        visitor=person,
        nav="seals",
        id=view.id,
        base=f"/seals/{quote(view.id)}",
        name=view.summary.name,
        done=seal_views.step_title(done, translate) if done in STEPS else "",
        badge=seal_views.badge(view.state, translate),
        holder=view.summary.holder_name,
        picture=_picture(info),
        draft=None if info else seal_forms.draft(view.summary, translate),
        identity=seal_views.identity(view.summary, language, translate),
        inside=seal_views.inside(info, translate) if info else [],
        certificates=_certificates(signer, info, translate),
        offers=seal_views.offers(register, view, who, translate),
        timeline=seal_views.timeline(view, translate),
        versions=seal_views.versions(view, translate),
        requests=[seal_views.request_row(one, translate) for one in reversed(view.requests)],
        grants=[seal_views.grant_row(one, types, departments, translate) for one in reversed(view.grants)],
        may_end_grant=register.refusal("end_grant", view.id, who) is None,
        may_audit=register.refusal("audit", view.id, who) is None and bool(info),
        may_see_impact=bool(info) and who.role in _IMPACT,
        made=bool(info),
    )


def _info(found: Services, view: SealView) -> Any:
    """What the present seal object says; ``None`` before it is made."""
    number = view.summary.object_number
    return view_seal(parse_seal(found.desk.seal_register.object(view.id, number))) if number else None


def _picture(info: Any) -> seal_forms.Face | None:
    if info is None:
        return None
    return seal_forms.Face(seal_views.picture_address(info), f"{info.width_mm}mm", f"{info.height_mm}mm", "")


def _certificates(signer: Any, info: Any, translate: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    found = [
        (translate("签章人的证书"), signer),
        (translate("制章机构的证书"), info.maker_certificate if info else None),
    ]
    return [(title, certificate_rows(one, translate)) for title, one in found if one is not None]


@router.get("/seals/{seal_id}/objects/{number}/picture.png")
def object_picture(found: Found, view: TheSeal, number: int) -> Response:
    made = parse_seal(found.desk.seal_register.object(view.id, number or -1))
    if made.picture_type.lower() != "png":
        raise NotFound("seal.picture_kind", "该印章的图样不是 PNG 格式。")
    return Response(made.picture, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})


@router.get("/seals/{seal_id}/objects/{number}/seal.esl")
def object_file(found: Found, view: TheSeal, number: int, person: Staff) -> Response:
    der = found.desk.seal_register.object(view.id, number or -1)
    found.journal.record(actor=person.actor, action="seal.download", subject=view.id, details={"object": str(number)})
    return _attachment(der, f"{view.id}-{number}.esl")


@router.get("/seals/{seal_id}/basis/{digest}")
def basis(found: Found, view: TheSeal, digest: str, person: Staff) -> Response:
    """依据文件, as it was handed in: always as a download, whatever it is."""
    names = {one.basis_digest: one.basis_name for one in view.requests if one.basis_digest}
    names |= {one.basis_digest: one.basis_digest[:12] for one in view.events if one.basis_digest not in {"", *names}}
    if digest not in names:
        raise NotFound("seal.basis_unknown", "该印章没有这份依据文件。")
    found.journal.record(actor=person.actor, action="seal.basis", subject=view.id, details={"basis": digest})
    return _attachment(found.desk.seal_register.files.basis(digest), names[digest])


def _attachment(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename=download; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(content, media_type="application/octet-stream", headers=headers)


# Steps


@router.get("/seals/{seal_id}/steps/{step}")
def step_page(
    request: Request,
    found: Found,
    view: TheSeal,
    step: str,
    person: Staff,
    who: Who,
    grant: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    _demand_step(step)
    refusal = found.desk.seal_register.refusal(step, view.id, who)
    if refusal is not None:
        return _refused(request, person, view, step, refusal)
    return _step_form(request, found, person, view, step, {"grant": grant})


@router.post("/seals/{seal_id}/steps/{step}")
def take_page_step(
    request: Request, found: Found, view: TheSeal, step: str, data: Form, given: FilledForm, person: Staff, who: Who
) -> Response:
    _demand_step(step)
    preview = None
    try:
        if data.get("act") == "preview" and "face" in seal_forms.fields_of(step):
            carried = given.picture if given.values["face"] == "upload" else b""
            preview = seal_forms.face_of(given.impression(view.summary), carried)
            return _step_form(request, found, person, view, step, given.values, preview=preview)
        _act(found, who, view, step, given)
    except LicenceTrustError as error:
        if isinstance(error, Refused) and found.desk.seal_register.refusal(step, view.id, who) is not None:
            return _refused(request, person, view, step, error)
        return _step_form(request, found, person, view, step, given.values, error, types=given.types)
    return RedirectResponse(f"/seals/{quote(view.id)}?done={step}", 303)


def _demand_step(step: str) -> None:
    if step not in seal_views.PAGE_STEPS:
        raise NotFound("seal.step_unknown", "没有“{step}”这一步骤。", step=step[:40])


def _act(found: Services, who: Official, view: SealView, step: str, given: Filled) -> None:
    register = found.desk.seal_register
    if step == "grant":
        register.grant(who, view.id, given.permission(), reason=given.values["reason"])
    elif step == "end_grant":
        register.end_grant(who, view.id, given.values["grant"], reason=given.values["reason"])
    else:
        name = "destroy" if step == "destroy_confiscated" else step
        take_step(register, who, view.id, name, given.given(view.summary, step))


def _refused(request: Request, person: Visitor, view: SealView, step: str, error: LicenceTrustError) -> Response:
    """The step is not this person's now: the rule is shown, as the one table has it."""
    translate = translation(request)
    return page(
        request,
        "seal_refused.html",
        visitor=person,
        nav="seals",
        status=problem_of(error, language_of(request)).status,
        base=f"/seals/{quote(view.id)}",
        name=view.summary.name,
        badge=seal_views.badge(view.state, translate),
        title=seal_views.step_title(step, translate),
        problem=_said(error, request),
        code=error.code,
        facts_of_step=seal_views.step_facts(STEPS[step], translate),
    )


def _step_form(
    request: Request,
    found: Services,
    person: Visitor,
    view: SealView,
    step: str,
    values: Any,
    error: LicenceTrustError | None = None,
    *,
    preview: seal_forms.Face | None = None,
    types: tuple[str, ...] = ("*",),
) -> Response:
    translate, language, fields = translation(request), language_of(request), seal_forms.fields_of(step)
    rule = STEPS[step]
    waiting = view.open_request()
    blank = dict.fromkeys(("reason", "key", "since", "change", "grant", "account", "limit", "face", "size"), "")
    drawn = {"top": view.summary.holder_name, "foot": seal_forms.default_foot(view.summary)}
    return page(
        request,
        "seal_step.html",
        visitor=person,
        nav="seals",
        status=problem_of(error, language).status if error else 200,
        problem=_said(error, request),
        base=f"/seals/{quote(view.id)}",
        name=view.summary.name,
        id=view.id,
        badge=seal_views.badge(view.state, translate),
        picture=_picture(_info(found, view)),
        step=step,
        title=seal_views.step_title(step, translate),
        consequence=translate(seal_forms.CONSEQUENCES[step]),
        grave=step in seal_views.GRAVE,
        fields=fields,
        reason_needed=seal_views.needs_reason(rule),
        rules=[translate(one.label) for one in rule.rules],
        values={**blank, **drawn, **values},
        waiting=seal_views.request_row(waiting, translate) if waiting else None,
        keys=_keys(found) if "key" in fields else [],
        sizes=[(seal_forms.size_word(s), f"{s[0]} × {s[1]} mm") for s in KINDS[view.summary.kind].sizes],
        changes=[(code, translate(title)) for code, title in REQUESTS.items() if code != "new"],
        types=[(one.code, one.name_en if language == "en" else one.name) for one in found.catalogue.list()],
        chosen=types,
        grants=_open_grants(found, view, translate) if step == "end_grant" else [],
        preview=preview,
        now=found.clock(),
    )


def _open_grants(found: Services, view: SealView, translate: Any) -> list[dict[str, Any]]:
    types = {one.code: one.name for one in found.catalogue.list()}
    departments = {one.id: one.name for one in found.catalogue.departments()}
    return [seal_views.grant_row(one, types, departments, translate) for one in view.grants if not one.ended]


def _keys(found: Services) -> list[tuple[str, str]]:
    """Signers in the keyring whose certificate we believe now: name, and whose it is."""
    store, now, answer = found.desk.trust(), found.clock(), []
    for name in found.desk.region.keyring.names():
        try:
            certificate = found.desk.region.keyring.certificate(name)
            build_path(certificate, store, Purpose.SIGNER, now)
        except LicenceTrustError:
            continue
        if not certificate.is_ca:
            answer.append((name, f"{certificate.common_name} · {name}"))
    return answer


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
        return _refused(request, person, view, "audit", refusal)
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
        status=problem_of(problem, language_of(request)).status if problem else 200,
        problem=_said(problem, request),
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


_IMPACT = (Role.OFFICER, Role.AUDITOR, Role.SEAL_KEEPER, Role.SEAL_APPROVER)
LISTED, AT_ONCE = 100, 256
"""Licences named on the page; licences sealed anew by one press of the button, which takes some seconds."""


def _demand_impact(who: Official) -> None:
    if who.role not in _IMPACT:
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
        status=problem_of(error, language_of(request)).status if error else 200,
        problem=_said(error, request),
        base=f"/seals/{quote(view.id)}",
        name=view.summary.name,
        badge=seal_views.badge(view.state, translate),
        asked={**dict.fromkeys(("since", "until", "reason"), ""), **asked},
        count=len(affected),
        listed=[(f"/licences/{quote(one)}", one) for one in affected[:LISTED]],
        done=len(outcomes) - len(refused) if outcomes else None,
        refused=[(one.licence_id, _said(one.outcome, request)) for one in refused[:LISTED]],  # type: ignore[arg-type]
        may_reseal=who.role is Role.OFFICER,
        at_once=AT_ONCE,
    )


# What anybody may ask


@router.get("/s/{seal_id}")
def public_seal(
    request: Request,
    found: Found,
    seal_id: str,
    person: MaybeVisitor,
    anybody: Annotated[Actor, Depends(stranger)],
    at: Annotated[str, Query(max_length=32)] = "",
) -> Response:
    """印章状态 at a moment, for everybody."""
    translate, register = translation(request), found.desk.seal_register
    problem, moment = None, found.clock()
    try:
        moment = parse_local(at) or moment
    except Malformed as error:
        problem = error
    status = register.status(seal_id, moment)
    if status is None:
        return page(request, "seal_public.html", visitor=person, status=404, known=False, id=seal_id[:64])
    with found.desk.sessions.read() as session:
        from seal.standing import history

        past = history(session, seal_id)
    view = register.view(seal_id)
    return page(
        request,
        "seal_public.html",
        visitor=person,
        status=problem_of(problem, language_of(request)).status if problem else 200,
        known=True,
        id=seal_id,
        problem=_said(problem, request),
        rows=seal_views.public_rows(view.summary, language_of(request), translate),
        moment=when(moment),
        asked=moment.astimezone(BEIJING).strftime("%Y-%m-%dT%H:%M"),
        exact=bool(at) and problem is None,
        future=moment > found.clock(),
        objects=[(one.number, one.digest, when(one.effective)) for one in reversed(view.objects)],
        past=seal_views.published_states(past, translate) if past else [],
        **seal_views.standing(status, translate),
    )
