"""用证副本, for holders: make one for a purpose, see what became of it, hand it over once, take it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import copy_office, cursors, space_office
from api.deps import services
from api.errors import language_of, problem_of
from api.holder_deps import HolderVisitor, assured, holder, holder_form
from api.pages import copy_views
from api.pages.copy_views import Draft
from api.pages.form_text import text_of
from api.pages.space_base import space_page
from api.pages.verdict import data_address, when
from api.translating import translation
from api.wiring import Services
from licence_store.copying.copier import ASSURANCE
from licence_store.copying.grants import LONGEST, MOST_USES
from licence_store.copying.originals import is_material, own_licence
from seal.copies import CopyRequest
from trust.errors import Malformed

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]
Space = Annotated[HolderVisitor, Depends(holder)]
Proved = Annotated[HolderVisitor, Depends(assured(ASSURANCE))]
Form = Annotated[FormData, Depends(holder_form)]
NAV = "copies"
_PAGE = 20
_FIELDS = ("recipient", "purpose", "until", "uses", "service_item", "case_number", "form")


@router.get("/space/copies")
def overview(
    request: Request, found: Found, person: Space, cursor: Annotated[str, Query(max_length=400)] = ""
) -> Response:
    translate, now = translation(request), found.clock()
    after = cursors.place(cursor) if cursor else None
    rows = found.desk.copier.of_holder(person.session, after=after, limit=_PAGE + 1)
    following = cursors.of_place((rows[_PAGE - 1].made, rows[_PAGE - 1].id)) if len(rows) > _PAGE else ""
    return space_page(
        request,
        "space_copies.html",
        person,
        nav=NAV,
        rows=[copy_views.row(one, now, translate) for one in rows[:_PAGE]],
        following=following,
        later=bool(cursor),
        may_use=person.session.may("use"),
    )


# Making one


@router.get("/space/copies/new")
def new(request: Request, found: Found, person: Proved, item: Annotated[str, Query(max_length=200)] = "") -> Response:
    if item:
        return _form(request, found, person, item, copy_views.first_draft(found.clock()))
    choices = copy_views.choices(found, person.session, translation(request))
    return space_page(request, "space_copy_choose.html", person, nav=NAV, choices=choices)


@router.post("/space/copies/new")
def make(request: Request, found: Found, person: Proved, data: Form) -> Response:
    item, draft = text_of(data, "item", 1000), _draft(data)
    try:
        wanted = _wanted(draft)
        if text_of(data, "act", 1000) == "preview":
            picture = found.desk.copier.preview(person.session, item, wanted)
            return _form(request, found, person, item, draft, picture=data_address(picture, "png"))
        made = found.desk.copier.make(person.session, item, wanted, draft.form, actor=person.actor)
    except Malformed as error:
        translate = translation(request)
        name = str(error.params.get("field", ""))
        draft = replace(draft, problems={name: error.localised(translate)[0]})
        status = problem_of(error, language_of(request)).status
        return _form(request, found, person, item, draft, status=status)
    return RedirectResponse(f"/space/copies/{quote(made.id)}?fresh=1", 303)


@dataclass(frozen=True, slots=True)
class _Item:
    """What the form is about."""

    title: str
    under: str
    fields: list[tuple[str, str, str]]


def _item(found: Services, person: HolderVisitor, item: str, translate: Callable[[str], str]) -> _Item:
    """Raises ``NotFound``, ``Refused`` for what is not theirs to copy."""
    if is_material(item):
        material = found.desk.materials.get(item, person.session, "content")
        return _Item(material.title, material.level, [])
    view = own_licence(found.desk, person.session, item)
    space_office.looked(found, person.session, view)
    return _Item(
        translate(view.summary.type_name),
        f"{view.summary.issuer_name} · {view.summary.licence_number}",
        copy_views.shown_fields(view.message.face),
    )


def _form(
    request: Request, found: Services, person: HolderVisitor, item: str, draft: Draft, *, picture: str = "",
    status: int = 200,
) -> Response:  # fmt: skip
    now = found.clock()
    return space_page(
        request,
        "space_copy_new.html",
        person,
        nav=NAV,
        status=status,
        item=item,
        of=_item(found, person, item, translation(request)),
        draft=draft,
        picture=picture,
        earliest=copy_office.last_day(now),
        latest=copy_office.last_day(now + LONGEST - timedelta(days=1)),
        most=MOST_USES,
        bodies=[one.name for one in found.catalogue.departments()],
    )


def _draft(data: FormData) -> Draft:
    given: dict[str, Any] = {name: text_of(data, name, 1000) for name in _FIELDS}
    masked = tuple(str(one)[:64] for one in data.getlist("masked") if isinstance(one, str))[:256]
    return Draft(**given, masked=masked)


def _wanted(draft: Draft) -> CopyRequest:
    """Raises ``Malformed``, naming the field."""
    if not draft.uses.isascii() or not draft.uses.isdigit() or len(draft.uses) > 4:
        raise Malformed("copy.uses", "使用次数应为 0（不限）至 {most} 次。", most=MOST_USES, field="uses")
    try:
        until = copy_office.until_of(draft.until)
    except Malformed as error:
        raise Malformed("copy.day", "日期“{day}”无效。", day=draft.until[:40], field="until") from error
    return CopyRequest(
        draft.recipient, draft.purpose, until, draft.service_item, draft.case_number, int(draft.uses), draft.masked
    )


# One of them


@router.get("/space/copies/{copy_id}")
def one_copy(
    request: Request, found: Found, copy_id: str, person: Space, fresh: Annotated[str, Query(max_length=5)] = ""
) -> Response:
    return _copy(request, found, person, copy_id, fresh=bool(fresh))


@router.get("/space/copies/{copy_id}/file")
def file(found: Found, copy_id: str, person: Space) -> Response:
    taken = found.desk.copier.file(person.session, copy_id, actor=person.actor)
    return copy_office.download(taken)


@router.get("/space/copies/{copy_id}/picture")
def picture(found: Found, copy_id: str, person: Space) -> Response:
    content = found.desk.copier.picture(person.session, copy_id)
    return Response(content, media_type="image/png", headers={"Cache-Control": "private, no-store"})


@router.post("/space/copies/{copy_id}/revoke")
def revoke(found: Found, copy_id: str, person: Space, data: Form) -> Response:
    found.desk.copier.revoke(person.session, copy_id, text_of(data, "reason", 1000), actor=person.actor)
    return RedirectResponse(f"/space/copies/{quote(copy_id)}", 303)


@router.post("/space/copies/{copy_id}/links")
def link(request: Request, found: Found, copy_id: str, person: Proved, data: Form) -> Response:
    """The address is shown once, on this very answer."""
    minutes = text_of(data, "minutes", 1000)
    valid = timedelta(minutes=int(minutes)) if minutes.isascii() and minutes.isdigit() and len(minutes) < 6 else None
    if valid is None:
        raise Malformed("copy.link_valid", "链接的有效时间应为 1 分钟至 {days} 天。", days=7)
    made = found.desk.copier.link(person.session, copy_id, valid, actor=person.actor)
    address = copy_office.link_address(found, made.token)
    return _copy(request, found, person, copy_id, address=address, expires=made.expires)


@router.post("/space/copies/{copy_id}/links/{link_id}/withdraw")
def withdraw(found: Found, copy_id: str, link_id: str, person: Space, data: Form) -> Response:
    found.desk.copier.withdraw(person.session, copy_id, link_id, actor=person.actor)
    return RedirectResponse(f"/space/copies/{quote(copy_id)}#links", 303)


def _copy(
    request: Request, found: Services, person: HolderVisitor, copy_id: str, *, fresh: bool = False,
    address: str = "", expires: datetime | None = None,
) -> Response:  # fmt: skip
    translate, now = translation(request), found.clock()
    history = found.desk.copier.history(person.session, copy_id)
    view = history.view
    good = found.desk.copier.is_good(view, now)
    return space_page(
        request,
        "space_copy.html",
        person,
        nav=NAV,
        fresh=fresh,
        copy=view,
        active=view.state(now) == "ACTIVE" and good,
        good=good,
        revocable=view.revoked is None and person.session.may("use", view.type_code),
        badge=copy_views.badge(view, now, translate),
        facts_of_copy=copy_views.facts(view, translate),
        identity=copy_views.identity(view, translate),
        course=copy_views.course(history, translate),
        links=[copy_views.link_row(one, now, translate) for one in history.links],
        minutes=[(count, translate(word)) for count, word in copy_views.MINUTES],
        address=address,
        expires=when(expires),
        code=copy_views.qr_path(address) if address else None,
    )
