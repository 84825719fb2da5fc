"""Pages for staff: issuing, the register, the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import cursors
from api.deps import Visitor, auditor, form, officer, services, staff
from api.errors import language_of, problem_of
from api.pages import issue_form, register_views
from api.pages.case_form import case_fields, case_lines, entered_case, wrong_case
from api.pages.rendering import page
from api.pages.verdict import data_address
from api.translating import translation
from api.wiring import Services
from trust.errors import LicenceTrustError

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Form = Annotated[FormData, Depends(form)]
Staff = Annotated[Visitor, Depends(staff)]
Officer = Annotated[Visitor, Depends(officer)]
PAGE = 20


# Issuing


@router.get("/issue")
def choose_type(request: Request, found: Found, person: Officer) -> Response:
    language = language_of(request)
    types = [register_views.type_card(one, right, language) for one, right in found.issuable(person.account.department)]
    return page(request, "issue_choose.html", visitor=person, nav="issue", types=types)


@router.get("/issue/{slug}")
def issue_page(request: Request, found: Found, slug: str, person: Officer, example: bool = False) -> Response:
    definition = found.catalogue.get(slug)
    values = found.example(definition) if example and found.region_facts.demonstration else {}
    return _form_page(request, found, person, slug, values, "")


@router.post("/issue/{slug}/edit")
def edit(request: Request, found: Found, slug: str, data: Form, person: Officer) -> Response:
    values = issue_form.entered(found.catalogue.get(slug), data) | entered_case(data)
    return _form_page(request, found, person, slug, values, _record_id(data))


@router.post("/issue/{slug}/check")
def check(request: Request, found: Found, slug: str, data: Form, person: Officer) -> Response:
    definition, language = found.catalogue.get(slug), language_of(request)
    values, record_id, case = issue_form.entered(definition, data), _record_id(data), entered_case(data)
    errors, other = issue_form.wrong_fields(definition, values)
    other = other or wrong_case(case)
    if errors or other:
        return _form_page(request, found, person, slug, values | case, record_id, errors, other)
    try:
        picture = found.preview(definition, values, person.actor)
    except LicenceTrustError as error:
        return _form_page(request, found, person, slug, values | case, record_id, {}, error)
    hidden = [("csrf", person.csrf), ("record_id", record_id), *values.items(), *case.items()]
    return page(
        request,
        "issue_confirm.html",
        visitor=person,
        nav="issue",
        slug=definition.slug,
        title=register_views.type_title(definition, language),
        rows=[*issue_form.rows(definition, values, language), *case_lines(case, translation(request))],
        hidden=[(name, value) for name, value in hidden if value],
        picture=data_address(picture, "png"),
    )


@router.post("/issue/{slug}")
def issue(request: Request, found: Found, slug: str, data: Form, person: Officer) -> Response:
    """Sent twice, it issues once: the same record, or the same case number, is the same licence."""
    definition = found.catalogue.get(slug)
    values, given = issue_form.entered(definition, data) | entered_case(data), _record_id(data)
    record = {name: value for name, value in values.items() if value}
    try:
        issued = found.issue(definition.slug, record, person.actor, given or None)
    except LicenceTrustError as error:
        return _form_page(request, found, person, slug, values, given, {}, error)
    return RedirectResponse(f"/licences/{quote(issued.licence_id)}?{'fresh' if issued.created else 'again'}=1", 303)


def _record_id(data: FormData) -> str:
    value = data.get("record_id", "")
    return value.strip()[:64] if isinstance(value, str) else ""


def _form_page(
    request: Request,
    found: Services,
    person: Visitor,
    slug: str,
    values: Mapping[str, str],
    record_id: str,
    errors: Mapping[str, LicenceTrustError] | None = None,
    other: LicenceTrustError | None = None,
) -> Response:
    """The form with what was entered; with errors its status is that of the first."""
    definition, language = found.catalogue.get(slug), language_of(request)
    wrong = [*(errors or {}).values(), *([other] if other else [])]
    return page(
        request,
        "issue_form.html",
        visitor=person,
        status=problem_of(wrong[0], language).status if wrong else 200,
        nav="issue",
        slug=definition.slug,
        title=register_views.type_title(definition, language),
        fields=issue_form.form_fields(definition, values, errors or {}, language, translation(request)),
        case_fields=case_fields(values, other, translation(request)),
        errors=bool(errors),
        problem=" ".join(other.localised(translation(request))) if other else "",
        record_id=record_id,
    )


# The journal


@router.get("/journal")
def journal(
    request: Request,
    found: Found,
    person: Annotated[Visitor, Depends(auditor)],
    cursor: Annotated[str, Query(max_length=200)] = "",
    check: bool = False,
) -> Response:
    """``check`` follows the whole chain, which takes a while in a long journal; the page asks for it by a button."""
    translate = translation(request)
    before = cursors.decode_number(cursor) if cursor else None
    entries, following = found.journal_page(person.actor, before, PAGE * 2)
    state = register_views.chain_state(found.check_journal(), translate) if check else {}
    return page(
        request,
        "journal.html",
        visitor=person,
        nav="journal",
        rows=[register_views.journal_row(one, translate) for one in entries],
        next=f"/journal?cursor={cursors.encode([str(following)])}" if following else "",
        **{"intact": None, "chain": "", **state},
    )
