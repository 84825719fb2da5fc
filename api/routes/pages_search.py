"""证照库检索页: the register as staff search it, a page at a time."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api import query_office
from api.deps import Visitor, services, staff
from api.errors import language_of
from api.licence_office import Asked
from api.pages import register_views
from api.pages.refusals import status_of
from api.pages.rendering import page
from api.pages.verdict import state_view
from api.translating import translation
from api.wiring import Services
from licence_store.criteria import STATES, Criteria
from seal.lifecycle import Official, Role
from trust.errors import Malformed

router = APIRouter(include_in_schema=False)
Found = Annotated[Services, Depends(services)]


def reader(person: Annotated[Visitor, Depends(staff)]) -> Visitor:
    """Somebody who may look at licences; raises ``Refused("licence.reader")``."""
    Asked(Official(person.actor, Role(person.account.role))).demand()
    return person


Staff = Annotated[Visitor, Depends(reader)]
Text = Annotated[str, Query(max_length=160)]
Word = Annotated[str, Query(max_length=40)]
PAGE = 20
MORE = ("department", "issued_from", "issued_to", "ends_from", "ends_to")
"""What is folded away unless it is used."""


def asked(
    q: Text = "",
    type: Text = "",
    state: Word = "",
    department: Word = "",
    issued_from: Word = "",
    issued_to: Word = "",
    ends_from: Word = "",
    ends_to: Word = "",
    purpose: Annotated[str, Query(max_length=200)] = "",
) -> dict[str, str]:
    """What stands in the form."""
    return {name: value.strip() for name, value in locals().items()}


@router.get("/licences")
def licences(
    request: Request,
    found: Found,
    person: Staff,
    given: Annotated[dict[str, str], Depends(asked)],
    cursor: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    translate, language = translation(request), language_of(request)
    reason = given["purpose"] or register_views.PURPOSES[0]
    rows, following, wrong = [], None, None
    try:
        result, following = query_office.search(
            found, person.actor, reason, _criteria(given), type_name=given["type"], cursor=cursor, limit=PAGE
        )
        rows = [register_views.list_row(one, given["purpose"], translate) for one in result.items]
    except Malformed as error:
        wrong = error
    kept = {name: value for name, value in given.items() if value}
    return page(
        request,
        "licences.html",
        visitor=person,
        status=status_of(wrong, request),
        nav="licences",
        asked=given,
        narrowed=any(given[name] for name in MORE),
        types=[register_views.type_card(one, None, language) for one in found.catalogue.list()],
        states=[(state, state_view(state, translate)[1]) for state in STATES],
        departments=[] if person.actor.department else found.catalogue.departments(),
        purposes=[translate(one) for one in register_views.PURPOSES],
        rows=rows,
        problem=" ".join(wrong.localised(translate)) if wrong else "",
        next=f"/licences?{urlencode({**kept, 'cursor': following})}" if following else "",
        first=f"/licences?{urlencode(kept)}" if cursor else "",
    )


def _criteria(given: dict[str, str]) -> Criteria:
    return Criteria(
        text=given["q"],
        department=given["department"],
        states=(given["state"],) if given["state"] else (),
        issued_from=given["issued_from"],
        issued_to=given["issued_to"],
        ends_from=given["ends_from"],
        ends_to=given["ends_to"],
    )
