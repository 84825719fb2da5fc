"""目录页面: the catalogue for everybody; its drafts, their review, retirement and grants for those who keep it."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, Response

from api import catalogue_office
from api.catalogue_office import Wanted
from api.deps import MaybeVisitor, Visitor, form, services, staff, stranger
from api.errors import language_of
from api.moments import parse_local
from api.pages import type_views
from api.pages.refusals import said, status_of
from api.pages.rendering import page
from api.routes.trust import cacheable
from api.translating import translation
from api.wiring import Services
from licence_store.catalogue_life import DraftView
from licence_store.catalogue_steps import DRAFT_STEPS, TypeState, take
from licence_store.designing.blank import blank_type, free_code
from licence_store.type_rules import HOLDER_KINDS, LICENCE_KINDS
from seal.lifecycle import Official, Role
from trust.errors import LicenceTrustError, Malformed, NotFound
from trust.journal import Actor

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
Staff = Annotated[Visitor, Depends(staff)]
Stranger = Annotated[Actor, Depends(stranger)]
WRITERS = (Role.OFFICER, Role.ADMIN)


def official(person: Staff) -> Official:
    """办理人: the person in the one role of the account."""
    return Official(person.actor, Role(person.account.role))


def writer(who: Annotated[Official, Depends(official)]) -> Official:
    """Somebody who may draft or review; raises ``Refused("type.role")``."""
    take("draft", TypeState.NONE, who.role)
    return who


Who = Annotated[Official, Depends(official)]
Writer = Annotated[Official, Depends(writer)]


# For everybody


@router.get("/types")
def types(
    request: Request,
    found: Found,
    person: MaybeVisitor,
    kind: Annotated[str, Query(max_length=20)] = "",
    holder: Annotated[str, Query(max_length=20)] = "",
    state: Annotated[str, Query(max_length=16)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    kind, holder = kind if kind in LICENCE_KINDS else "", holder if holder in HOLDER_KINDS else ""
    state = state if state == TypeState.RETIRED else ""
    wanted = Wanted(kind=kind, holder=holder, state=state, text=q)
    language, translate = language_of(request), translation(request)
    return page(
        request,
        "types.html",
        visitor=person,
        nav="types",
        asked={"kind": kind, "holder": holder, "state": state, "q": q},
        kinds=[(one, type_views.kind_title(one, translate)) for one in LICENCE_KINDS],
        holders=[(one, type_views.holder_title(one, translate)) for one in HOLDER_KINDS],
        cards=[type_views.card(one, language, translate) for one in catalogue_office.listed(found, wanted)],
        may_draft=person is not None and Role(person.account.role) in WRITERS,
    )


# Drafts: before ``/types/{slug}``


@router.get("/types/drafts")
def drafts(request: Request, found: Found, person: Staff, who: Writer, closed: bool = False) -> Response:
    rows = found.desk.catalogue_life.drafts(who, closed=closed)
    return page(
        request,
        "type_drafts.html",
        visitor=person,
        nav="types",
        closed=closed,
        rows=[type_views.draft_row(one, who, translation(request)) for one in rows],
    )


@router.get("/types/new")
def new_page(request: Request, found: Found, person: Staff, who: Writer) -> Response:
    return _new_page(request, found, person, "")


@router.post("/types/new")
def new(request: Request, found: Found, data: Form, person: Staff, who: Writer) -> Response:
    """From nothing, from a type at hand, or from a file."""
    try:
        draft = found.desk.catalogue_life.open_draft(who, _beginning(found, data, person))
    except LicenceTrustError as error:
        return _new_page(request, found, person, said(error, request), error)
    return RedirectResponse(f"/types/drafts/{draft.id}", 303)


def _beginning(found: Services, data: FormData, person: Visitor) -> Any:
    given, chosen = data.get("file"), data.get("from")
    if isinstance(given, UploadFile) and given.filename:
        try:
            return json.loads(given.file.read())
        except (ValueError, RecursionError) as error:
            raise Malformed(
                "type.not_json", "证照类型定义不是有效的 JSON：{detail}", detail=str(error)[:120]
            ) from error
    if isinstance(chosen, str) and chosen:
        return found.catalogue.get(chosen).source
    departments = {one.id: one.code for one in found.catalogue.departments()}
    taken = {one.definition.code for one in found.catalogue.entries()}
    taken |= {one.code for one in found.desk.catalogue_life.drafts(Official(person.actor, Role.ADMIN), closed=True)}
    return blank_type(*free_code(departments.get(person.account.department or "", ""), taken))


def _new_page(
    request: Request, found: Services, person: Visitor, problem: str, error: LicenceTrustError | None = None
) -> Response:
    language = language_of(request)
    known = [(one.definition.slug, type_views.title(one.definition, language)) for one in found.catalogue.entries()]
    status = status_of(error, request)
    return page(request, "type_new.html", visitor=person, nav="types", status=status, problem=problem, known=known)


@router.get("/types/drafts/{draft_id}/review")
def review(request: Request, found: Found, draft_id: str, person: Staff, who: Writer) -> Response:
    return _review_page(request, found, person, who, found.desk.catalogue_life.draft(who, draft_id))


@router.post("/types/drafts/{draft_id}/steps/{step}")
def draft_step(
    request: Request, found: Found, draft_id: str, step: str, data: Form, person: Staff, who: Writer
) -> Response:
    life = found.desk.catalogue_life
    reason = data.get("reason", "")
    try:
        done = life.take(who, draft_id, step, reason=reason if isinstance(reason, str) else "")
    except LicenceTrustError as error:
        draft = life.draft(who, draft_id)
        return _review_page(request, found, person, who, draft, error, str(reason))
    if step == "publish":
        return RedirectResponse(f"/types/{quote(done.summary.slug)}?done=publish", 303)
    return RedirectResponse(f"/types/drafts/{draft_id}/review?done={quote(step)}", 303)


def _review_page(
    request: Request,
    found: Services,
    person: Visitor,
    who: Official,
    draft: DraftView,
    error: LicenceTrustError | None = None,
    reason: str = "",
) -> Response:
    translate = translation(request)
    done = request.query_params.get("done", "")
    return page(
        request,
        "type_review.html",
        visitor=person,
        nav="types",
        status=status_of(error, request),
        problem=said(error, request),
        draft=type_views.draft_row(draft.summary, who, translate),
        unsound=said(draft.problem, request),
        rules=type_views.facts_of(draft.source, translate),
        fields=type_views.field_rows(draft.source, translate),
        changes=type_views.differences(found, draft, translate),
        events=[type_views.event_row(one, translate) for one in draft.events],
        steps=type_views.steps_for(draft.summary, who, translate),
        reason=reason,
        done=type_views.done_word(done, translate) if done in DRAFT_STEPS else "",
    )


@router.get("/types/drafts/{draft_id}/picture")
def draft_picture(found: Found, draft_id: str, who: Writer) -> Response:
    draft = found.desk.catalogue_life.draft(who, draft_id)
    return Response(type_views.preview(draft.source), media_type="image/png", headers={"Cache-Control": "no-store"})


@router.get("/types/drafts/{draft_id}/file")
def draft_file(found: Found, draft_id: str, who: Writer) -> Response:
    draft = found.desk.catalogue_life.draft(who, draft_id)
    return _file(draft.source, draft.summary.slug or draft.id)


def _file(source: dict[str, Any], name: str) -> Response:
    text = json.dumps(source, ensure_ascii=False, indent=2) + "\n"
    plain = "".join(char for char in name if char.isascii() and (char.isalnum() or char in "-_"))[:60] or "type"
    headers = {"Content-Disposition": f'attachment; filename="{plain}.json"', "Cache-Control": "no-store"}
    return Response(text, media_type="application/json", headers=headers)


# One type


@router.get("/types/{slug}")
def one_type(request: Request, found: Found, slug: str, person: MaybeVisitor) -> Response:
    return _type_page(request, found, slug, person)


@router.get("/types/{slug}/sample.png")
def sample(request: Request, found: Found, slug: str, asker: Stranger, small: bool = False) -> Response:
    side = catalogue_office.SMALL_SIDE if small else catalogue_office.SAMPLE_SIDE
    return cacheable(request, catalogue_office.sample(found, found.catalogue.get(slug), side), 300, "image/png")


@router.get("/types/{slug}/file")
def file(found: Found, slug: str) -> Response:
    definition = found.catalogue.get(slug)
    return _file(definition.source, definition.slug)


@router.post("/types/{slug}/steps/{step}")
def type_step(request: Request, found: Found, slug: str, step: str, data: Form, person: Staff, who: Who) -> Response:
    life, reason = found.desk.catalogue_life, data.get("reason", "")
    acts = {"retire": life.retire, "restore": life.restore}
    if step not in acts:
        raise NotFound("type.step_unknown", "目录没有“{step}”这一步骤。", step=step[:40])
    try:
        acts[step](who, slug, reason if isinstance(reason, str) else "")
    except LicenceTrustError as error:
        return _type_page(request, found, slug, person, error)
    return RedirectResponse(f"/types/{quote(slug)}?done={step}", 303)


@router.post("/types/{slug}/grants")
def grant(request: Request, found: Found, slug: str, data: Form, person: Staff, who: Who) -> Response:
    department, until = (str(data.get(name, "")) for name in ("department", "until"))
    try:
        moment = parse_local(until)
        found.desk.catalogue_life.grant(who, slug, department, found.seal_for(department), until=moment)
    except LicenceTrustError as error:
        return _type_page(request, found, slug, person, error)
    return RedirectResponse(f"/types/{quote(slug)}?done=grant", 303)


@router.post("/types/{slug}/grants/{department}/end")
def end_grant(
    request: Request, found: Found, slug: str, department: str, data: Form, person: Staff, who: Who
) -> Response:
    try:
        found.desk.catalogue_life.end_grant(who, slug, department, str(data.get("reason", "")))
    except LicenceTrustError as error:
        return _type_page(request, found, slug, person, error)
    return RedirectResponse(f"/types/{quote(slug)}?done=end_grant", 303)


def _type_page(
    request: Request, found: Services, slug: str, person: Visitor | None, error: LicenceTrustError | None = None
) -> Response:
    language, translate = language_of(request), translation(request)
    one = found.catalogue.current(slug)
    code, role = one.definition.code, Role(person.account.role) if person else None
    with found.desk.sessions.read() as session:
        rights = found.catalogue.rights(session, code)
    held = {right.department_id for right in rights}
    done = request.query_params.get("done", "")
    return page(
        request,
        "type.html",
        visitor=person,
        nav="types",
        status=status_of(error, request),
        problem=said(error, request),
        one=type_views.card(one, language, translate),
        rules=type_views.facts_of(one.definition.source, translate),
        fields=type_views.field_rows(one.definition.source, translate),
        materials=[type_views.material_row(m, language, translate) for m in one.definition.materials],
        rights=[(right.department_id, right.department_name, right.seal_name) for right in rights],
        grantable=[(d.id, d.name) for d in found.catalogue.departments() if d.id not in held],
        events=[type_views.event_row(event, translate) for event in found.desk.catalogue_life.history(code)],
        may_manage=role is Role.ADMIN,
        may_draft=role in WRITERS,
        retired=one.state == TypeState.RETIRED,
        done=type_views.done_word(done, translate) if done in type_views.DONE else "",
    )
