"""For holders' portals: licences, loss, use ledger, presenting, disputes; for departments: opening, answering."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Security
from fastapi.security import HTTPBearer
from starlette.responses import JSONResponse, Response

from api import licence_office, negotiation, space_office, space_shapes
from api.deps import Caller, body, caller, idempotency_key, services
from api.holder_deps import HolderVisitor, holder_caller
from api.idempotent import once
from api.moments import exact
from api.schemas import space as shapes
from api.schemas.common import problems
from api.schemas.seals import moment
from api.wiring import Services
from licence_store.disputes.disputes import OPEN
from licence_store.forms import MEDIA
from licence_store.ledger.ledger import UseFilter
from seal.lifecycle import Official
from trust.i18n import N_

router = APIRouter(tags=["space"])
SPACE = [Security(HTTPBearer(auto_error=False, scheme_name="space token"))]
SYSTEMS = [Security(HTTPBearer(auto_error=False, scheme_name="token"))]
Found = Annotated[Services, Depends(services)]
Portal = Annotated[HolderVisitor, Depends(holder_caller)]
System = Annotated[Caller, Depends(caller)]
Key = Annotated[str, Depends(idempotency_key)]
LicenceId = Annotated[str, Path(max_length=200, description="Any version's id")]
Id = Annotated[str, Path(max_length=40)]
READING = problems(401, 403, 404, 422)
CHANGING = problems(400, 401, 403, 404, 409, 422, 503)
JSON, PNG = "application/json", "image/png"
FILES = {media: form for form, media in MEDIA.items()}


def sent(request: Request, content: Annotated[bytes, Depends(body)]) -> bytes:
    """What an idempotency key stands for: address and body."""
    return request.url.path.encode() + b"\n" + content


Sent = Annotated[bytes, Depends(sent)]


def _of(portal: HolderVisitor) -> str:
    return f"holder:{portal.session.account_id}"


# Licences


@router.get(
    "/space/licences",
    response_model=shapes.OwnLicences,
    responses=READING,
    dependencies=SPACE,
    summary=N_("我的证照，各颁证单位的都在内"),
)
def licences(found: Found, portal: Portal) -> dict[str, object]:
    rows = space_office.gathering(found).licences(portal.session)
    return {"items": [space_shapes.licence(one) for one in rows]}


@router.get(
    "/space/licences/{licence_id}",
    response_model=shapes.OwnLicenceFace,
    responses={**problems(401, 403, 404, 406, 422), 200: {"content": {PNG: {}, **{media: {} for media in FILES}}}},
    dependencies=SPACE,
    summary=N_("我的一份证照：JSON、图片或文件，按 Accept"),
)
def licence(request: Request, found: Found, portal: Portal, licence_id: LicenceId) -> Response:
    kind = negotiation.choose(request.headers.get("accept"), (JSON, PNG, *FILES))
    headers = {"Vary": "Accept", "Cache-Control": "private, no-store"}
    if kind in FILES:
        return Response(
            space_office.file(found, portal.session, licence_id, FILES[kind])[1], media_type=kind, headers=headers
        )
    view = space_office.find(found, portal.session, licence_id)
    if kind == PNG:
        return Response(found.face_png(view), media_type=PNG, headers=headers)
    answer = space_shapes.licence(view.summary, list(found.register.forms(view.licence_id)))
    face = [{"name": one.name, "title": one.title, "text": one.text} for one in view.message.face]
    return JSONResponse({**answer, "face": face}, headers=headers)


@router.post(
    "/space/licences/{licence_id}/loss",
    response_model=shapes.LossAnswer,
    status_code=201,
    responses=CHANGING,
    dependencies=SPACE,
    summary=N_("挂失我的一份证照；需要二级近期认证"),
)
def report_lost(
    found: Found, portal: Portal, licence_id: LicenceId, asked: shapes.LossRequest, content: Sent, key: Key
) -> Response:
    def act() -> dict[str, object]:
        event = space_office.report_lost(found, portal.session, licence_id, asked.reason)
        return {"licence_id": licence_id, "state": event.state, "effective": exact(event.effective)}

    return once(found.idempotency, key, _of(portal), content, act)


# The ledger


@router.get(
    "/space/ledger",
    response_model=shapes.UseLedgerPage,
    responses=READING,
    dependencies=SPACE,
    summary=N_("我的用证记录"),
)
def ledger(
    found: Found,
    portal: Portal,
    act: Annotated[list[str] | None, Query(max_length=12)] = None,
    subject: Annotated[str, Query(max_length=200, description="A licence's id, a material's, a copy's")] = "",
    since: Annotated[str | None, Query(max_length=40, description="RFC 3339")] = None,
    until: Annotated[str | None, Query(max_length=40, description="RFC 3339, excluded")] = None,
    others: bool = False,
    before: Annotated[int | None, Query(ge=1, le=1 << 62, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, object]:
    filters = UseFilter(
        tuple(act or ()), space_office.base_of(subject), moment(since), moment(until), others_only=others
    )
    page = space_office.ledger_page(found, portal.session, filters, before, limit)
    return {"items": [space_shapes.entry(one) for one in page.entries], "next": page.next}


@router.get(
    "/space/ledger/check",
    response_model=shapes.UseLedgerCheckAnswer,
    responses=READING,
    dependencies=SPACE,
    summary=N_("我的用证记录是否完整"),
)
def ledger_check(found: Found, portal: Portal) -> dict[str, object]:
    return space_shapes.check(space_office.ledger_check(found, portal.session))


@router.get(
    "/space/ledger/export",
    response_class=Response,
    responses={**problems(401, 403, 503), 200: {"content": {"application/jsonl": {}}}},
    dependencies=SPACE,
    summary=N_("导出我的用证记录：JSON 行，末行为签名的条数与摘要"),
)
def ledger_export(found: Found, portal: Portal) -> Response:
    headers = {"Cache-Control": "private, no-store"}
    return Response(space_office.ledger_export(found, portal.session), media_type="application/jsonl", headers=headers)


# Presenting


@router.post(
    "/space/presentations",
    response_model=shapes.OfferedAnswer,
    status_code=201,
    responses=CHANGING,
    dependencies=SPACE,
    summary=N_("亮证：生成一个短时、限一次的亮证码"),
)
def offer(found: Found, portal: Portal, asked: shapes.PresentationRequest, content: Sent, key: Key) -> Response:
    """`address` goes into a QR code; it and `code` are told once, a replay answers without them."""

    def act() -> dict[str, object]:
        offered, address = space_office.offer(
            found,
            portal.session,
            asked.licence_id,
            fields=asked.fields,
            verifier=asked.verifier,
            purpose=asked.purpose,
            valid=timedelta(seconds=asked.seconds),
        )
        view = space_office.presentation(found, portal.session, offered.id)
        return {**space_shapes.presentation(view, found.clock()), "told": {"address": address, "code": offered.code}}

    return _told(once(found.idempotency, key, _of(portal), content, act, untold="told"))


def _told(answer: Response) -> Response:
    """What is told once stands in the answer itself, or as null."""
    import json

    whole = json.loads(bytes(answer.body))
    told = whole.pop("told", None) or {"address": None, "code": None}
    headers = {name: value for name, value in answer.headers.items() if name.startswith("idempotency")}
    return JSONResponse({**whole, **told}, answer.status_code, headers)


@router.get(
    "/space/presentations",
    response_model=shapes.PresentationList,
    responses=READING,
    dependencies=SPACE,
    summary=N_("我最近的亮证"),
)
def presentations(found: Found, portal: Portal) -> dict[str, object]:
    rows = space_office.presentations(found, portal.session)
    return {"items": [space_shapes.presentation(one, found.clock()) for one in rows]}


@router.delete(
    "/space/presentations/{presentation_id}",
    response_model=shapes.PresentationAnswer,
    responses=READING,
    dependencies=SPACE,
    summary=N_("收回亮证"),
)
def end(found: Found, portal: Portal, presentation_id: Id) -> dict[str, object]:
    return space_shapes.presentation(found.desk.presenter.end(portal.session, presentation_id), found.clock())


@router.post(
    "/presentations/openings",
    response_model=shapes.ShownAnswer,
    status_code=201,
    responses=problems(400, 401, 403, 404, 409, 422, 429, 503),
    dependencies=SYSTEMS,
    summary=N_("查验亮证：部门系统打开一个亮证码，只此一次"),
)
def open_presentation(found: Found, system: System, asked: shapes.OpeningRequest, content: Sent, key: Key) -> Response:
    """The token needs the scope `check`. It is opened for the account's department; what it shows is told once."""
    system.grant.demand("check")
    found.scan_rate.admit(system.grant.account)

    def act() -> dict[str, object]:
        shown = space_office.open_code(found, system.actor, asked.code, system.grant.types)
        return space_shapes.shown(shown, space_office.verdict(found, shown))

    return once(found.idempotency, key, f"token:{system.grant.id}", content, act, untold="fields")


# Disputes


@router.get(
    "/space/disputes", response_model=shapes.DisputeList, responses=READING, dependencies=SPACE, summary=N_("我的异议")
)
def disputes(found: Found, portal: Portal) -> dict[str, object]:
    rows = space_office.disputes(found, portal.session)
    return {"items": [space_shapes.dispute(one, found.clock()) for one in rows]}


@router.post(
    "/space/disputes",
    response_model=shapes.DisputeAnswer,
    status_code=201,
    responses=CHANGING,
    dependencies=SPACE,
    summary=N_("提出异议：针对一条用证记录或一份证照"),
)
def open_dispute(found: Found, portal: Portal, asked: shapes.DisputeRequest, content: Sent, key: Key) -> Response:
    def act() -> dict[str, object]:
        made = space_office.open_dispute(
            found, portal.session, asked.words, seq=asked.entry, licence_id=asked.licence_id, field=asked.field
        )
        return space_shapes.dispute(made, found.clock(), found.desk.disputes.steps(made.id))

    return once(found.idempotency, key, _of(portal), content, act)


@router.get(
    "/space/disputes/{dispute_id}",
    response_model=shapes.DisputeAnswer,
    responses=READING,
    dependencies=SPACE,
    summary=N_("我的一件异议"),
)
def one_dispute(found: Found, portal: Portal, dispute_id: Id) -> dict[str, object]:
    one = space_office.dispute(found, portal.session, dispute_id)
    return space_shapes.dispute(one, found.clock(), found.desk.disputes.steps(one.id))


@router.delete(
    "/space/disputes/{dispute_id}",
    response_model=shapes.DisputeAnswer,
    responses=problems(401, 403, 404, 409),
    dependencies=SPACE,
    summary=N_("撤回异议"),
)
def withdraw(found: Found, portal: Portal, dispute_id: Id) -> dict[str, object]:
    one = found.desk.disputes.withdraw(portal.session, dispute_id)
    return space_shapes.dispute(one, found.clock(), found.desk.disputes.steps(one.id))


def answering(found: Found, system: System) -> Official:
    """The account behind the token; raises ``Refused("token.scope")``."""
    system.grant.demand("life")
    return licence_office.official_by_token(found, system.grant, system.actor)


Answering = Annotated[Official, Depends(answering)]


@router.get(
    "/disputes",
    response_model=shapes.DisputeList,
    responses=problems(401, 403, 422),
    dependencies=SYSTEMS,
    summary=N_("本部门的异议，期限近的在前"),
)
def waiting(
    found: Found,
    who: Answering,
    show: Annotated[Literal["open", "overdue", "all"], Query()] = "open",
    after: Annotated[str, Query(max_length=40, description="The last id of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, object]:
    """The token needs the scope `life`."""
    state = "" if show == "all" else OPEN
    rows = found.desk.disputes.page(
        who.actor.department or None, state=state, overdue=show == "overdue", after=after, limit=limit
    )
    return {"items": [space_shapes.dispute(one, found.clock()) for one in rows]}


@router.post(
    "/disputes/{dispute_id}/answers",
    response_model=shapes.DisputeAnswer,
    status_code=201,
    responses=CHANGING,
    dependencies=SYSTEMS,
    summary=N_("答复一件异议，或记下办理情况"),
)
def answer(
    found: Found, system: System, who: Answering, dispute_id: Id, asked: shapes.DisputeReply, content: Sent, key: Key
) -> Response:
    def act() -> dict[str, object]:
        made = space_office.answer(found, dispute_id, who, asked.outcome, asked.words)
        return space_shapes.dispute(made, found.clock(), found.desk.disputes.steps(made.id))

    return once(found.idempotency, key, f"token:{system.grant.id}", content, act)
