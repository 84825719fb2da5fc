"""印章页面: the register, the life of a seal step by step, its ledger, and what anybody may ask of it."""

# ruff: noqa: FAST003 - the dependency ``the_seal`` reads the code in the path

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.deps import MaybeVisitor, Visitor, form, services, staff, stranger
from api.errors import language_of
from api.moments import parse_local
from api.pages import seal_forms, seal_views
from api.pages.refusals import said, status_of
from api.pages.rendering import page
from api.pages.seal_forms import Filled
from api.pages.verdict import BEIJING, certificate_rows, joined, when
from api.translating import translation
from api.wiring import Services
from seal.kinds import KINDS
from seal.lifecycle import STEPS, Official, Role, State, take
from seal.records import HOLDERS, SealView
from seal.rules import management_rules
from seal.ses import parse_seal
from trust.errors import LicenceTrustError, Malformed, NotFound
from trust.journal import Actor
from verify.seal_view import view_certificate, view_seal

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
Staff = Annotated[Visitor, Depends(staff)]
PAGE = 25
MAY_SEE_IMPACT = (Role.OFFICER, Role.AUDITOR, Role.SEAL_KEEPER, Role.SEAL_APPROVER)


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
        status=status_of(error, request),
        problem=said(error, request),
        values={**dict.fromkeys(_APPLY, ""), **values},
        kinds=kinds,
        steps=seal_views.first_steps(translate),
        holders=[(code, translate(title)) for code, title in HOLDERS.items() if code != "applicant"],
        departments=departments,
        own=next((name for code, name in departments if code == person.account.department), ""),
    )


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
    info = info_of(found, view)
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
        picture=picture_of(info),
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
        may_see_impact=bool(info) and who.role in MAY_SEE_IMPACT,
        made=bool(info),
    )


def info_of(found: Services, view: SealView) -> Any:
    """What the present seal object says; ``None`` before it is made."""
    number = view.summary.object_number
    return view_seal(parse_seal(found.desk.seal_register.object(view.id, number))) if number else None


def picture_of(info: Any) -> seal_forms.Face | None:
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
        status=status_of(problem, request),
        known=True,
        id=seal_id,
        problem=said(problem, request),
        rows=seal_views.public_rows(view.summary, language_of(request), translate),
        moment=when(moment),
        asked=moment.astimezone(BEIJING).strftime("%Y-%m-%dT%H:%M"),
        exact=bool(at) and problem is None,
        future=moment > found.clock(),
        objects=[(one.number, one.digest, when(one.effective)) for one in reversed(view.objects)],
        past=seal_views.published_states(past, translate) if past else [],
        **seal_views.standing(status, translate),
    )
