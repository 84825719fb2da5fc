"""For departments' systems: search, the feed of changes, true or false."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Security
from fastapi.security import HTTPBearer

from api import query_office
from api.deps import Caller, caller, purpose, services
from api.schemas import queries as shapes
from api.schemas.common import problems
from api.schemas.seals import moment
from api.wiring import Services
from licence_store.criteria import STATES, Criteria
from trust.i18n import N_

router = APIRouter(tags=["licences"], dependencies=[Security(HTTPBearer(auto_error=False, scheme_name="token"))])
Found = Annotated[Services, Depends(services)]
System = Annotated[Caller, Depends(caller)]
Purpose = Annotated[str, Depends(purpose)]
Day = Annotated[str, Query(max_length=40, description="`YYYY-MM-DD`")]
Cursor = Annotated[str, Query(max_length=400, description="`next` of the page before")]


def criteria(
    q: Annotated[str, Query(max_length=160, description="Licence id, number, holder's code, or words of a name")] = "",
    number: Annotated[str, Query(max_length=100)] = "",
    holder_code: Annotated[str, Query(max_length=64)] = "",
    holder_name: Annotated[str, Query(max_length=160, description="Words, each any part of the name")] = "",
    department: Annotated[str, Query(max_length=32)] = "",
    state: Annotated[list[str] | None, Query(max_length=len(STATES), description="May be given several times")] = None,
    issued_from: Day = "",
    issued_to: Day = "",
    valid_to_from: Day = "",
    valid_to_until: Day = "",
    changed_since: Annotated[str | None, Query(max_length=40, description="RFC 3339")] = None,
) -> Criteria:
    """查询条件; all that are given must hold."""
    return Criteria(
        text=q,
        number=number,
        holder_code=holder_code,
        name=holder_name,
        department=department,
        states=tuple(dict.fromkeys(state or ())),
        issued_from=issued_from,
        issued_to=issued_to,
        ends_from=valid_to_from,
        ends_to=valid_to_until,
        changed_since=moment(changed_since),
    )


@router.get(
    "/licences", response_model=shapes.LicencePage, responses=problems(401, 403, 404, 422), summary=N_("查找证照")
)
def licences(
    found: Found,
    system: System,
    reason: Purpose,
    asked: Annotated[Criteria, Depends(criteria)],
    type: Annotated[str, Query(max_length=80, description="Code, slug or name of a type")] = "",
    cursor: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> shapes.LicencePage:
    """Newest first. A page may be short and not the last: follow `next` until it is null."""
    page, following = query_office.search(
        found, system.actor, reason, asked, type_name=type, cursor=cursor, limit=limit, grant=system.grant
    )
    return shapes.LicencePage(items=[shapes.line(one) for one in page.items], next=following)


@router.get(
    "/licences/changes",
    response_model=shapes.ChangesPage,
    responses=problems(401, 403, 422),
    summary=N_("证照变更推送"),
)
def changes(
    found: Found,
    system: System,
    since: Annotated[str | None, Query(max_length=40, description="RFC 3339: begin at this moment")] = None,
    cursor: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> shapes.ChangesPage:
    """Everything that happened, in order, none left out. Keep `next` and come back with it: it never ends."""
    page, following = query_office.changes(
        found, system.actor, since=moment(since), cursor=cursor, limit=limit, grant=system.grant
    )
    return shapes.changes(page, following)


@router.post(
    "/licences/check",
    response_model=shapes.ManyChecksAnswer,
    responses=problems(401, 403, 404, 422, 429),
    summary=N_("真伪核对：按持证者和类型"),
)
def check_holders(
    found: Found, system: System, reason: Purpose, asked: shapes.ManyChecksRequest
) -> shapes.ManyChecksAnswer:
    """Changes nothing. Each item counts against the token's rate."""
    answers = []
    for one in asked.items:
        found.check_rate.admit(system.grant.id)
        answers.append(
            query_office.check_holder(
                found, system.actor, reason, one.type, one.holder_code, one.fields, grant=system.grant
            )
        )
    return shapes.ManyChecksAnswer(items=[shapes.checked(one) for one in answers])


@router.post(
    "/licences/{licence_id}/check",
    response_model=shapes.CheckAnswer,
    responses=problems(401, 403, 404, 422, 429),
    summary=N_("真伪核对：按证照标识"),
)
def check(
    found: Found,
    system: System,
    reason: Purpose,
    licence_id: Annotated[str, Path(max_length=200, description="Any version's id; an old version answers no")],
    asked: shapes.CheckRequest,
) -> shapes.CheckAnswer:
    """Changes nothing, reveals nothing but yes or no."""
    found.check_rate.admit(system.grant.id)
    return shapes.checked(
        query_office.check(found, system.actor, reason, licence_id, asked.fields, grant=system.grant)
    )
