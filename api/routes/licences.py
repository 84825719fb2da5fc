"""For the issuing department: the life of a licence; for auditors and administrators too: its past.

Which step may be taken stands in one table (``licence_store.lifecycle``); a token acts as the account that made it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Security
from fastapi.security import HTTPBearer
from starlette.responses import Response

from api import cursors, licence_office, licence_shapes
from api.deps import Caller, body, caller, idempotency_key, purpose, services
from api.idempotent import once
from api.licence_office import Asked
from api.schemas import licences as shapes
from api.schemas.common import problems
from api.schemas.seals import moment
from api.wiring import Services
from licence_store.reserving import IssuedLicence
from licence_store.views import EventView
from trust.i18n import N_

router = APIRouter(tags=["licences"], dependencies=[Security(HTTPBearer(auto_error=False, scheme_name="token"))])
Found = Annotated[Services, Depends(services)]
System = Annotated[Caller, Depends(caller)]
Key = Annotated[str, Depends(idempotency_key)]
LicenceId = Annotated[str, Path(max_length=200, description="Any version's id")]
At = Annotated[str | None, Query(max_length=40, description="As it was then (RFC 3339); default now")]
KnownAt = Annotated[str | None, Query(max_length=40, description="As was known then (RFC 3339)")]
READING = problems(401, 403, 404, 422)
CHANGING = problems(400, 401, 403, 404, 409, 413, 422, 503)


def reading(
    found: Found,
    system: System,
    reason: Annotated[str, Depends(purpose)],
    at: At = None,
    known_at: KnownAt = None,
) -> Asked:
    """A question, its purpose declared."""
    who = licence_office.official_by_token(found, system.grant, system.actor)
    return Asked(who, reason, system.grant, moment(at), moment(known_at))


def acting(found: Found, system: System) -> Asked:
    """An act, by the account behind the token."""
    return Asked(licence_office.official_by_token(found, system.grant, system.actor), grant=system.grant)


def sent(request: Request, content: Annotated[bytes, Depends(body)]) -> bytes:
    """What an idempotency key stands for: address and body."""
    return request.url.path.encode() + b"\n" + content


Reading = Annotated[Asked, Depends(reading)]
Acting = Annotated[Asked, Depends(acting)]
Sent = Annotated[bytes, Depends(sent)]


@dataclass(frozen=True, slots=True)
class Doing:
    """An act and the key under which it is done once."""

    found: Services
    asked: Asked
    content: bytes
    key: str

    def event(self, licence_id: str, act: Callable[[], EventView]) -> Response:
        """Done once; answers the licence and the event."""
        return self._once(lambda: licence_shapes.stepped(self.found.register, act(), licence_id))

    def issue(self, act: Callable[[], IssuedLicence]) -> Response:
        """Issued once; answers the licence and its event."""
        return self._once(lambda: licence_shapes.issued(self.found.register, act()))

    def _once(self, act: Callable[[], dict[str, object]]) -> Response:
        grant = self.asked.grant
        return once(self.found.idempotency, self.key, f"token:{grant.id if grant else ''}", self.content, act)


# The past


@router.get("/licences/{licence_id}/events", response_model=shapes.EventList, responses=READING, summary=N_("证照经过"))
def events(found: Found, licence_id: LicenceId, asked: Reading) -> dict[str, object]:
    return licence_shapes.course(licence_office.history(found, licence_id, asked))


@router.get(
    "/licences/{licence_id}/versions",
    response_model=shapes.VersionList,
    responses=READING,
    summary=N_("一份证照的各版"),
)
def versions(found: Found, licence_id: LicenceId, asked: Reading) -> dict[str, object]:
    past = licence_office.history(found, licence_id, asked)
    return {"items": [licence_shapes.version(one) for one in past.versions]}


@router.get(
    "/licences/{licence_id}/inspections",
    response_model=shapes.InspectionList,
    responses=READING,
    summary=N_("一份证照的年检记录"),
)
def inspections(found: Found, licence_id: LicenceId, asked: Reading) -> dict[str, object]:
    past = licence_office.history(found, licence_id, asked)
    return {"items": [licence_shapes.inspection(one) for one in past.inspections]}


@router.get(
    "/licences/{licence_id}/lineage",
    response_model=shapes.LineageAnswer,
    responses=READING,
    summary=N_("版本承接：每一版写明的前一版摘要是否与所存文件相符"),
)
def lineage(found: Found, licence_id: LicenceId, asked: Reading) -> dict[str, object]:
    return licence_shapes.lineage(licence_office.lineage(found, licence_id, asked))


@router.get(
    "/holders/{holder_code}/licences",
    response_model=shapes.HoldingsAnswer,
    responses=problems(401, 403, 422),
    summary=N_("持证者名下的证照，可问过去任一时刻"),
)
def holdings(found: Found, holder_code: Annotated[str, Path(max_length=64)], asked: Reading) -> dict[str, object]:
    return {"items": [licence_shapes.line(one) for one in licence_office.holdings(found, holder_code, asked)]}


@router.get(
    "/inspections",
    response_model=shapes.WaitingPage,
    responses=problems(401, 403, 404, 422),
    summary=N_("年检工作表：待检、逾期、已检"),
)
def waiting(
    found: Found,
    system: System,
    reason: Annotated[str, Depends(purpose)],
    type: Annotated[str, Query(max_length=80, description="Code, slug or name of a type")],
    show: Annotated[Literal["due", "overdue", "done"], Query()] = "due",
    year: Annotated[int, Query(ge=0, le=9999, description="Of what is done; 0: the latest")] = 0,
    cursor: Annotated[str, Query(max_length=400, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, object]:
    who = licence_office.official_by_token(found, system.grant, system.actor)
    after = cursors.decode(cursor, 1)[0] if cursor else ""
    asked = Asked(who, reason, system.grant)
    rows = licence_office.inspections(found, asked, type, show, year, after, limit + 1)
    place = cursors.encode([rows[limit - 1].place]) if len(rows) > limit else None
    return {"items": [licence_shapes.waiting(one) for one in rows[:limit]], "next": place}


# Acts


def acts(found: Found, asked: Acting, content: Sent, key: Key) -> Doing:
    return Doing(found, asked, content, key)


Act = Annotated[Doing, Depends(acts)]


@router.post(
    "/licences/{licence_id}/events",
    response_model=shapes.StepAnswer,
    status_code=201,
    responses=CHANGING,
    summary=N_("办理一步：暂扣、恢复、挂失、解除挂失、吊销、撤销、注销、转出"),
)
def take_step(act: Act, licence_id: LicenceId, wanted: shapes.EventRequest) -> Response:
    """The token needs the scope `life`. A refused step answers 403 or 409 with the rule's code."""
    given = shapes.given(wanted)
    return act.event(licence_id, lambda: licence_office.take_step(act.found, licence_id, wanted.step, act.asked, given))


@router.post(
    "/licences/{licence_id}/inspections",
    response_model=shapes.StepAnswer,
    status_code=201,
    responses=CHANGING,
    summary=N_("年检：登记一个年度的结论"),
)
def inspect(act: Act, licence_id: LicenceId, wanted: shapes.InspectionRequest) -> Response:
    inspected = shapes.inspected(wanted)
    return act.event(licence_id, lambda: licence_office.inspect(act.found, licence_id, act.asked, inspected))


@router.post(
    "/licences/{licence_id}/versions",
    response_model=shapes.IssuedVersionAnswer,
    status_code=201,
    responses=CHANGING,
    summary=N_("变更或补发：签发新的一版，旧版留作历史"),
)
def revise(act: Act, licence_id: LicenceId, wanted: shapes.VersionRequest) -> Response:
    if wanted.reissue:
        return act.issue(lambda: licence_office.reissue(act.found, licence_id, act.asked, wanted.reason))
    return act.issue(lambda: licence_office.revise(act.found, licence_id, act.asked, wanted.record, wanted.reason))


@router.post(
    "/licences/{licence_id}/successor",
    response_model=shapes.IssuedVersionAnswer,
    status_code=201,
    responses=CHANGING,
    summary=N_("延续（换证）：签发后一份证照，与原证照互相指明"),
)
def renew(act: Act, licence_id: LicenceId, wanted: shapes.SuccessorRequest) -> Response:
    return act.issue(lambda: licence_office.renew(act.found, licence_id, act.asked, wanted.record, wanted.reason))
