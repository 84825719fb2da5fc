"""证照办理页面: the forms by which an officer takes a step with a licence, each said in words before it is done."""

# ruff: noqa: FAST003 - the dependency ``the_licence`` reads the id in the path

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import licence_office
from api.deps import Visitor, form
from api.errors import language_of
from api.licence_office import Asked, Given
from api.moments import parse_local
from api.pages import issue_form, licence_views
from api.pages.refusals import said, status_of
from api.pages.rendering import page
from api.pages.seal_forms import text_of
from api.pages.verdict import BEIJING, data_address
from api.routes.pages_licences import Found, Staff, TheLicence, Who, address_of, head
from api.translating import translation
from api.wiring import Services
from licence_store.definitions import LicenceTypeDefinition
from licence_store.lifecycle import MARKS, STEPS, Rule
from licence_store.revision_rules import record_in, revised_record
from licence_store.transferring import leaving
from licence_store.views import LicenceView
from trust.errors import LicenceTrustError, Malformed, NotFound
from trust.i18n import N_

router = APIRouter(include_in_schema=False)
Form = Annotated[FormData, Depends(form)]
PLAIN = (*MARKS, "reissue")
"""Steps whose form asks for a reason, a basis and a moment."""


# Steps with a reason


@router.get("/licences/{licence_id}/steps/{step}")
def step_page(request: Request, found: Found, view: TheLicence, step: str, person: Staff, who: Who) -> Response:
    refusal = licence_office.obstacle(found, view, _known(step), who)
    if refusal is not None:
        return refused(request, found, person, view, step, refusal)
    return _step_form(request, found, person, view, step, {})


@router.post("/licences/{licence_id}/steps/{step}")
def take_step(
    request: Request, found: Found, view: TheLicence, step: str, data: Form, person: Staff, who: Who
) -> Response:
    _known(step)
    values = {name: text_of(data, name) for name in ("reason", "basis", "effective", "to")}
    try:
        if step == "reissue":
            issued = licence_office.reissue(found, view.licence_id, Asked(who), values["reason"])
            return RedirectResponse(f"{address_of(issued.licence_id)}?done={step}", 303)
        given = Given(values["reason"], values["basis"], parse_local(values["effective"]), values["to"])
        licence_office.take_step(found, view.licence_id, step, Asked(who), given)
    except LicenceTrustError as error:
        if licence_office.obstacle(found, view, step, who) is not None:
            return refused(request, found, person, view, step, error)
        return _step_form(request, found, person, view, step, values, error)
    return RedirectResponse(f"{address_of(view.licence_id)}?done={step}", 303)


def _known(step: str) -> str:
    if step not in PLAIN:
        raise NotFound("licence.step_unknown", "证照没有“{step}”这一步骤。", step=step[:40])
    return step


def refused(
    request: Request, found: Services, person: Visitor, view: LicenceView, step: str, error: LicenceTrustError
) -> Response:
    """The step is not this person's now: the rule is shown, as the one table has it."""
    translate = translation(request)
    return page(
        request,
        "licence_refused.html",
        **head(request, found, person, view),
        status=status_of(error, request),
        title=licence_views.step_title(step, translate),
        problem=said(error, request),
        code=error.code,
        facts_of_step=licence_views.step_facts(STEPS[step], translate),
    )


def _step_form(
    request: Request,
    found: Services,
    person: Visitor,
    view: LicenceView,
    step: str,
    values: Mapping[str, str],
    error: LicenceTrustError | None = None,
) -> Response:
    translate, rule = translation(request), STEPS[step]
    return page(
        request,
        "licence_step.html",
        **head(request, found, person, view),
        status=status_of(error, request),
        problem=said(error, request),
        wrong=licence_views.wrong_field(error, ("reason", "effective", "to")),
        step=step,
        title=licence_views.step_title(step, translate),
        consequence=translate(licence_views.CONSEQUENCES[step]),
        grave=step in licence_views.GRAVE,
        reason_needed=licence_views.needs(rule, Rule.REASON),
        basis_field=step != "reissue",
        to_field=step == leaving.STEP,
        latest=found.clock().astimezone(BEIJING).strftime("%Y-%m-%dT%H:%M"),
        after=licence_views.after_step(rule, view.state, translate),
        facts_of_step=licence_views.step_facts(rule, translate),
        values={"reason": "", "basis": "", "effective": "", "to": "", **values},
    )


# 变更, 延续


def the_act(request: Request) -> str:
    """``revise`` or ``renew``, as the address has it."""
    return next(one for one in licence_views.ISSUING if f"/{one}" in request.scope["route"].path)


Act = Annotated[str, Depends(the_act)]


@router.get("/licences/{licence_id}/revise")
@router.get("/licences/{licence_id}/renew")
def record_page(request: Request, found: Found, view: TheLicence, act: Act, person: Staff, who: Who) -> Response:
    refusal = licence_office.obstacle(found, view, act, who)
    if refusal is not None:
        return refused(request, found, person, view, act, refusal)
    definition = found.catalogue.get(view.summary.type_code)
    return _record_form(request, found, person, view, act, record_in(view.message, definition), "")


@router.post("/licences/{licence_id}/revise/edit")
@router.post("/licences/{licence_id}/renew/edit")
def edit(request: Request, found: Found, view: TheLicence, act: Act, data: Form, person: Staff) -> Response:
    values = issue_form.entered(found.catalogue.get(view.summary.type_code), data)
    return _record_form(request, found, person, view, act, values, text_of(data, "reason"))


@router.post("/licences/{licence_id}/revise/check")
@router.post("/licences/{licence_id}/renew/check")
def check(request: Request, found: Found, view: TheLicence, act: Act, data: Form, person: Staff, who: Who) -> Response:
    """Old and new beside each other, before anything is sealed."""
    refusal = licence_office.obstacle(found, view, act, who)
    if refusal is not None:
        return refused(request, found, person, view, act, refusal)
    translate, language = translation(request), language_of(request)
    definition, reason = found.catalogue.get(view.summary.type_code), text_of(data, "reason")
    values = issue_form.entered(definition, data)
    errors, other = issue_form.wrong_fields(definition, values)
    if not errors and other is None:
        other = _wrong_change(view, definition, values, reason)
    if errors or other:
        return _record_form(request, found, person, view, act, values, reason, errors, other)
    try:
        picture = found.preview(definition, values, who.actor, follows=view)
    except LicenceTrustError as error:
        return _record_form(request, found, person, view, act, values, reason, {}, error)
    hidden = [("csrf", person.csrf), ("reason", reason), *values.items()]
    old = record_in(view.message, definition)
    return page(
        request,
        "licence_revise_confirm.html",
        **head(request, found, person, view),
        act=act,
        title=licence_views.step_title(act, translate),
        changes=licence_views.face_changes(old, values, definition.schema["properties"], language),
        reason=reason,
        preview=data_address(picture, "png"),
        preview_said=translate(_PREVIEWS[act]),
        consequence=translate(licence_views.CONSEQUENCES[act]),
        hidden=[(name, value) for name, value in hidden if value],
    )


def _wrong_change(
    view: LicenceView, definition: LicenceTypeDefinition, values: Mapping[str, str], reason: str
) -> LicenceTrustError | None:
    """What is wrong with a sound record as a change of this licence."""
    try:
        revised_record(view.message, definition, values)
    except LicenceTrustError as error:
        return error
    return None if reason else Malformed("licence.reason_missing", "请说明理由。")


_PREVIEWS = {
    "revise": N_("变更后的新一版（预览，尚未盖章；编号不变）"),
    "renew": N_("延续后的证照（预览，尚未盖章）"),
}


@router.post("/licences/{licence_id}/revise")
@router.post("/licences/{licence_id}/renew")
def issue_further(
    request: Request, found: Found, view: TheLicence, act: Act, data: Form, person: Staff, who: Who
) -> Response:
    """The next version, or the successor, is sealed."""
    definition, reason = found.catalogue.get(view.summary.type_code), text_of(data, "reason")
    values = issue_form.entered(definition, data)
    further = licence_office.renew if act == "renew" else licence_office.revise
    try:
        issued = further(found, view.licence_id, Asked(who), values, reason)
    except LicenceTrustError as error:
        if licence_office.obstacle(found, view, act, who) is not None:
            return refused(request, found, person, view, act, error)
        return _record_form(request, found, person, view, act, values, reason, {}, error)
    return RedirectResponse(f"{address_of(issued.licence_id)}?done={act}", 303)


def _record_form(
    request: Request,
    found: Services,
    person: Visitor,
    view: LicenceView,
    act: str,
    values: Mapping[str, str],
    reason: str,
    errors: Mapping[str, LicenceTrustError] | None = None,
    other: LicenceTrustError | None = None,
) -> Response:
    """The form with the present values, or what was entered; with errors its status is that of the first."""
    translate, definition = translation(request), found.catalogue.get(view.summary.type_code)
    wrong = [*(errors or {}).values(), *([other] if other else [])]
    return page(
        request,
        "licence_revise.html",
        **head(request, found, person, view),
        status=status_of(wrong[0] if wrong else None, request),
        act=act,
        title=licence_views.step_title(act, translate),
        consequence=translate(licence_views.CONSEQUENCES[act]),
        fields=issue_form.form_fields(definition, values, errors or {}, language_of(request), translate),
        errors=bool(errors),
        problem=said(other, request),
        reason=reason,
    )
