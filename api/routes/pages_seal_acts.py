"""印章的办理页面: the steps of a seal's life, each with its form; a step that is refused shows the rule."""

# ruff: noqa: FAST003 - the dependency ``the_seal`` reads the code in the path

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from api.deps import Visitor
from api.errors import language_of, problem_of
from api.pages import seal_forms, seal_views
from api.pages.refusals import said, status_of
from api.pages.rendering import page
from api.pages.seal_forms import Filled
from api.routes.pages_seals import FilledForm, Form, Found, Staff, TheSeal, Who, info_of, picture_of
from api.seal_office import take_step
from api.translating import translation
from api.wiring import Services
from seal.kinds import KINDS
from seal.lifecycle import STEPS, Official
from seal.records import REQUESTS, SealView
from trust.anchors import Purpose
from trust.errors import LicenceTrustError, NotFound, Refused
from trust.path import build_path

router = APIRouter(include_in_schema=False)


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
        return refused(request, person, view, step, refusal)
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
            return refused(request, person, view, step, error)
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


def refused(request: Request, person: Visitor, view: SealView, step: str, error: LicenceTrustError) -> Response:
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
        problem=said(error, request),
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
        status=status_of(error, request),
        problem=said(error, request),
        base=f"/seals/{quote(view.id)}",
        name=view.summary.name,
        id=view.id,
        badge=seal_views.badge(view.state, translate),
        picture=picture_of(info_of(found, view)),
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
