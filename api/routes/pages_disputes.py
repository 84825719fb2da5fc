"""异议页面: the holder says what is wrong and reads the answer; the department answers in time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import space_office
from api.deps import Visitor, form, services, staff
from api.errors import language_of
from api.holder_deps import HolderVisitor, holder, holder_form
from api.licence_office import Asked
from api.pages import space_views
from api.pages.licence_views import face_rows
from api.pages.public import mask_code
from api.pages.refusals import said, status_of
from api.pages.rendering import page
from api.pages.space_base import space_page
from api.translating import translation
from api.wiring import Services
from licence_store.disputes.disputes import LONGEST, OPEN, DisputeView
from licence_store.ledger.scope import type_of
from seal.lifecycle import Official, Role
from trust.errors import LicenceTrustError, NotFound
from trust.identifiers import first_version

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Space = Annotated[HolderVisitor, Depends(holder)]
SpaceForm = Annotated[FormData, Depends(holder_form)]
StaffForm = Annotated[FormData, Depends(form)]
Staff = Annotated[Visitor, Depends(staff)]
PAGE = 20


def _text(data: FormData, name: str) -> str:
    """As it was typed: what may stand in it, the act says."""
    value = data.get(name, "")
    return value if isinstance(value, str) else ""


# The holder


@router.get("/space/disputes")
def mine(request: Request, found: Found, person: Space) -> Response:
    rows = space_office.disputes(found, person.session)
    return space_page(
        request,
        "space_disputes.html",
        person,
        nav="disputes",
        rows=[_row(request, found, one) for one in rows],
    )


def _row(request: Request, found: Services, one: DisputeView) -> dict[str, object]:
    row = space_views.dispute_row(one, space_office.subject(found, one.subject), found.clock(), translation(request))
    return {**row, "field": _field(found, one)}


def _field(found: Services, one: DisputeView) -> str:
    """What the disputed field is called on the licence."""
    if not one.field:
        return ""
    face = found.desk.register.find(first_version(one.subject).text).message.face
    return next((each.title for each in face if each.name == one.field), one.field)


@router.get("/space/disputes/{dispute_id}")
def one_of_mine(request: Request, found: Found, person: Space, dispute_id: str, fresh: bool = False) -> Response:
    translate = translation(request)
    one = space_office.dispute(found, person.session, dispute_id)
    departments = {each.id: each.name for each in found.catalogue.departments()}
    entry = None
    if one.entry_seq is not None:
        entry = space_views.entry_row(
            found.desk.ledger.entry(one.holder_code, one.entry_seq)[0],
            space_office.subject(found, one.subject),
            translate,
        )
    return space_page(
        request,
        "space_dispute.html",
        person,
        nav="disputes",
        one=_row(request, found, one),
        department=departments.get(one.department_id, one.department_id),
        entry=entry,
        steps=[space_views.dispute_step(step, translate) for step in found.desk.disputes.steps(one.id)],
        fresh=fresh,
    )


@router.post("/space/disputes/{dispute_id}/withdraw")
def withdraw(found: Found, person: Space, dispute_id: str, data: SpaceForm) -> Response:
    found.desk.disputes.withdraw(person.session, dispute_id)
    return RedirectResponse(f"/space/disputes/{dispute_id}", 303)


@router.get("/space/ledger/{seq}/dispute")
def about_entry(request: Request, found: Found, person: Space, seq: int) -> Response:
    return _entry_form(request, found, person, seq)


def _entry_form(
    request: Request,
    found: Services,
    person: HolderVisitor,
    seq: int,
    words: str = "",
    error: LicenceTrustError | None = None,
) -> Response:
    entry, _ = space_office.entry(found, person.session, seq)
    person.session.demand("use", type_of(entry.subject))
    row = space_views.entry_row(entry, space_office.subject(found, entry.subject), translation(request))
    action = f"/space/ledger/{seq}/dispute"
    return space_page(
        request, "space_dispute_form.html", person, nav="disputes", entry=row, licence=None, fields=(), field="",
        words=words, longest=LONGEST, action=action, back="/space/ledger",
        problem=said(error, request), status=status_of(error, request),
    )  # fmt: skip


@router.post("/space/ledger/{seq}/dispute")
def dispute_entry(request: Request, found: Found, person: Space, seq: int, data: SpaceForm) -> Response:
    words = _text(data, "words")
    try:
        one = space_office.open_dispute(found, person.session, words, seq=seq)
    except NotFound:
        raise
    except LicenceTrustError as error:
        return _entry_form(request, found, person, seq, words, error)
    return RedirectResponse(f"/space/disputes/{one.id}?fresh=1", 303)


@router.get("/space/licences/{licence_id}/dispute")
def about_licence(request: Request, found: Found, person: Space, licence_id: str) -> Response:
    return _licence_form(request, found, person, licence_id)


def _licence_form(
    request: Request,
    found: Services,
    person: HolderVisitor,
    licence_id: str,
    words: str = "",
    field: str = "",
    error: LicenceTrustError | None = None,
) -> Response:
    view = space_office.find(found, person.session, licence_id, right="use")
    definition = found.catalogue.get(view.summary.type_code)
    rows = face_rows(view.message, definition, language_of(request))
    names = [one.name for one in view.message.face]
    base = space_views.address(view.licence_id)
    return space_page(
        request, "space_dispute_form.html", person, nav="disputes", entry=None,
        licence=space_views.card(view.summary, found.clock(), translation(request)),
        fields=[(name, title, text) for name, (title, text) in zip(names, rows, strict=True)], field=field, words=words,
        longest=LONGEST, action=f"{base}/dispute", back=base,
        problem=said(error, request), status=status_of(error, request),
    )  # fmt: skip


@router.post("/space/licences/{licence_id}/dispute")
def dispute_licence(request: Request, found: Found, person: Space, licence_id: str, data: SpaceForm) -> Response:
    words, field = _text(data, "words"), _text(data, "field")[:100]
    try:
        one = space_office.open_dispute(found, person.session, words, licence_id=licence_id, field=field)
    except NotFound:
        raise
    except LicenceTrustError as error:
        return _licence_form(request, found, person, licence_id, words, field, error)
    return RedirectResponse(f"/space/disputes/{one.id}?fresh=1", 303)


# The department


def official(person: Staff) -> Official:
    """Somebody who may look at licences; raises ``Refused("licence.reader")``."""
    who = Official(person.actor, Role(person.account.role))
    Asked(who).demand()
    return who


Who = Annotated[Official, Depends(official)]


@router.get("/disputes")
def waiting(
    request: Request,
    found: Found,
    person: Staff,
    who: Who,
    show: Annotated[str, Query(max_length=16)] = "open",
    after: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """异议办理: what waits for the department, the nearest deadline first."""
    department = who.actor.department or None
    kinds = {"open": (OPEN, False), "late": (OPEN, True), "all": ("", False)}
    state, overdue = kinds.get(show, kinds["open"])
    rows = found.desk.disputes.page(department, state=state, overdue=overdue, after=after, limit=PAGE + 1)
    count, late = found.desk.disputes.waiting(department)
    return page(
        request,
        "disputes.html",
        visitor=person,
        nav="disputes",
        show=show if show in kinds else "open",
        rows=[_row(request, found, one) for one in rows[:PAGE]],
        count=count,
        late=late,
        next=f"/disputes?show={show}&after={rows[PAGE - 1].id}" if len(rows) > PAGE else "",
    )


@router.get("/disputes/{dispute_id}")
def one_dispute(
    request: Request, found: Found, person: Staff, who: Who, dispute_id: str, done: bool = False
) -> Response:
    return _page(request, found, person, who, dispute_id, done=done)


def _page(
    request: Request,
    found: Services,
    person: Visitor,
    who: Official,
    dispute_id: str,
    words: str = "",
    error: LicenceTrustError | None = None,
    *,
    done: bool = False,
) -> Response:
    translate = translation(request)
    one = found.desk.disputes.get(dispute_id, who.actor.department or None)
    entry = None
    if one.entry_seq is not None:
        entry = space_views.entry_row(
            found.desk.ledger.entry(one.holder_code, one.entry_seq)[0],
            space_office.subject(found, one.subject),
            translate,
        )
    return page(
        request,
        "dispute.html",
        visitor=person,
        nav="disputes",
        one=_row(request, found, one),
        holder=mask_code(one.holder_code),
        entry=entry,
        steps=[space_views.dispute_step(step, translate) for step in found.desk.disputes.steps(one.id)],
        may_answer=who.role is Role.OFFICER and one.state == OPEN,
        words=words,
        longest=LONGEST,
        done=done,
        problem=said(error, request),
        status=status_of(error, request),
    )


@router.post("/disputes/{dispute_id}")
def answer(request: Request, found: Found, person: Staff, who: Who, dispute_id: str, data: StaffForm) -> Response:
    """An answer that closes it, or how far one has come."""
    found.desk.disputes.get(dispute_id, who.actor.department or None)
    words, act = _text(data, "words"), _text(data, "act")
    try:
        space_office.answer(found, dispute_id, who, act, words)
    except LicenceTrustError as error:
        return _page(request, found, person, who, dispute_id, words, error)
    return RedirectResponse(f"/disputes/{dispute_id}?done=1", 303)
