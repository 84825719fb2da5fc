"""For systems that want to hear of changes: events to be asked for, and the subscriptions of a token."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import query_office
from api.deps import Caller, body, caller, idempotency_key, services, stranger
from api.idempotent import once
from api.schemas.common import problems
from api.schemas.seals import moment
from api.subscription_shapes import subscription_json
from api.wiring import Services
from licence_store.eventing.cloudevents import cloud_event
from licence_store.eventing.subscriptions import SubscriptionView
from licence_store.regions.own import REQUEST_KEY
from trust.errors import NotFound, Refused
from trust.i18n import N_

router = APIRouter(tags=["events"])
bearer = HTTPBearer(auto_error=False, scheme_name="token")
Found = Annotated[Services, Depends(services)]
System = Annotated[Caller, Depends(caller)]
Content = Annotated[bytes, Depends(body)]
Key = Annotated[str, Depends(idempotency_key)]
SubscriptionId = Annotated[str, Path(max_length=40)]
CHANGING = problems(400, 401, 403, 404, 409, 413, 422, 503)
Word = Annotated[str, Field(max_length=80)]


class EventPage(BaseModel):
    """Events in order."""

    items: list[dict[str, Any]] = Field(description="CloudEvents 1.0, as webhooks get them")
    next: str = Field(description="Cursor to go on from, now or later; always given")
    more: bool = Field(description="There is more to be had at once")


class SubscriptionBody(BaseModel):
    """事件订阅."""

    id: str
    name: str
    address: str
    scheme: str
    state: str = Field(description="`active`, `paused`, `ended`")
    departments: list[str]
    types: list[str]
    changes: list[str]
    created: str
    secret_since: str | None = Field(None, description="When the newest secret was made; none with `sm2`")
    older_secret_until: str | None = Field(None, description="Until when each call is signed by an older one, too")
    deliveries: dict[str, int] = Field(description="By state: `waiting`, `sent`, `dead`")
    secret: str | None = Field(None, description="Told once, when it is made")


class RotationRequest(BaseModel):
    """更换回调密钥."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: Annotated[
        int, Field(ge=0, le=720, description="So long the older secret signs, too; 0: it is void at once")
    ] = 24


class SubscriptionList(BaseModel):
    items: list[SubscriptionBody]


class SubscriptionRequest(BaseModel):
    """订阅."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=200)]
    address: Annotated[str, Field(max_length=500, description="https")]
    scheme: Annotated[str, Field(max_length=8, description="`hmac` or `sm2`")] = "hmac"
    types: Annotated[list[Word], Field(max_length=200)] = []
    changes: Annotated[list[Word], Field(max_length=40, description="Steps; empty: all")] = []
    since: Annotated[str | None, Field(max_length=40, description="RFC 3339; default: from now on")] = None


class ReplayRequest(BaseModel):
    """重投."""

    model_config = ConfigDict(extra="forbid")

    since: Annotated[str | None, Field(max_length=40)] = None
    all: Annotated[bool, Field(description="What was delivered, too")] = False


class ReplayAnswer(BaseModel):
    replayed: int


class EventKey(BaseModel):
    """事件签名公钥."""

    id: str
    algorithm: str
    spki: str = Field(description="SubjectPublicKeyInfo (DER), base64")


@router.get(
    "/events",
    response_model=EventPage,
    responses=problems(401, 403, 422),
    dependencies=[Security(bearer)],
    summary=N_("证照变更事件：按序查询，与回调内容相同"),
)
def events(
    found: Found,
    system: System,
    since: Annotated[str | None, Query(max_length=40, description="RFC 3339: begin at this moment")] = None,
    cursor: Annotated[str, Query(max_length=400, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, object]:
    """What a webhook would bring: for whoever cannot be called, or has missed something."""
    page, following = query_office.changes(
        found, system.actor, since=moment(since), cursor=cursor, limit=limit, grant=system.grant
    )
    facts = found.desk.facts
    items = [cloud_event(one, facts.code, facts.base_url) for one in page.items]
    return {"items": items, "next": following, "more": page.more}


@router.get(
    "/event-key",
    response_model=EventKey,
    responses=problems(404, 429),
    dependencies=[Depends(stranger)],
    summary=N_("事件签名公钥（SM2），与信任列表所载相同"),
)
def event_key(found: Found) -> dict[str, object]:
    spki = found.desk.region.keyring.signer(REQUEST_KEY).certificate.public_key.spki
    return {"id": f"{found.desk.region.code}:{REQUEST_KEY}", "algorithm": "sm2", "spki": b64encode(spki).decode()}


@router.get(
    "/event-subscriptions",
    response_model=SubscriptionList,
    responses=problems(401, 403),
    dependencies=[Security(bearer)],
    summary=N_("本令牌所见范围内的事件订阅"),
)
def subscriptions(found: Found, system: System) -> dict[str, object]:
    rows = [one for one in found.desk.subscriptions.list() if _covers(found, system, one)]
    return {"items": [subscription_json(one) for one in rows]}


@router.post(
    "/event-subscriptions",
    response_model=SubscriptionBody,
    status_code=201,
    responses=CHANGING,
    dependencies=[Security(bearer)],
    summary=N_("订阅证照变更事件，限令牌的部门和类型"),
)
def subscribe(found: Found, system: System, content: Content, key: Key, wanted: SubscriptionRequest) -> Response:
    departments, types = _bounds(found, system)
    codes = sorted({found.catalogue.get(one).code for one in wanted.types if one != "*"}) or list(types or ())
    if types is not None and not set(codes) <= set(types):
        raise Refused(
            "token.scope", "该接口令牌的授权范围不包括“{wanted}”。", wanted="、".join(set(codes) - set(types))
        )

    def act() -> dict[str, object]:
        made = found.desk.subscriptions.add(
            wanted.name, wanted.address, system.actor, scheme=wanted.scheme, departments=departments or (),
            types=codes, steps=wanted.changes, since=moment(wanted.since),
        )  # fmt: skip
        return {**subscription_json(made), "secret": made.secret or None}

    return once(found.idempotency, key, f"token:{system.grant.id}", content, act, untold="secret")


@router.delete(
    "/event-subscriptions/{subscription_id}",
    response_model=SubscriptionBody,
    responses=CHANGING,
    dependencies=[Security(bearer)],
    summary=N_("退订"),
)
def unsubscribe(found: Found, system: System, content: Content, key: Key, subscription_id: SubscriptionId) -> Response:
    _own(found, system, subscription_id)
    sent = f"DELETE {subscription_id}".encode()
    ended = found.desk.subscriptions
    return once(
        found.idempotency, key, f"token:{system.grant.id}", sent,
        lambda: subscription_json(ended.end(subscription_id, system.actor)), status=200,
    )  # fmt: skip


@router.post(
    "/event-subscriptions/{subscription_id}/secrets",
    response_model=SubscriptionBody,
    status_code=201,
    responses=CHANGING,
    dependencies=[Security(bearer)],
    summary=N_("更换回调密钥；新旧密钥可并用一段时间"),
)
def rotate(
    found: Found, system: System, content: Content, key: Key, subscription_id: SubscriptionId, wanted: RotationRequest
) -> Response:
    _own(found, system, subscription_id)

    def act() -> dict[str, object]:
        made = found.desk.subscriptions.rotate(
            subscription_id, system.actor, overlap=timedelta(hours=wanted.overlap_hours)
        )
        return {**subscription_json(made), "secret": made.secret}

    sent = b"rotate " + subscription_id.encode() + b"\n" + content
    return once(found.idempotency, key, f"token:{system.grant.id}", sent, act, untold="secret")


@router.post(
    "/event-subscriptions/{subscription_id}/replays",
    response_model=ReplayAnswer,
    status_code=201,
    responses=CHANGING,
    dependencies=[Security(bearer)],
    summary=N_("重投：投递失败的，或自某一时刻起的全部"),
)
def replay(
    found: Found, system: System, content: Content, key: Key, subscription_id: SubscriptionId, wanted: ReplayRequest
) -> Response:
    _own(found, system, subscription_id)

    def act() -> dict[str, object]:
        count = found.desk.subscriptions.replay(
            subscription_id, system.actor, since=moment(wanted.since), dead_only=not wanted.all
        )
        return {"replayed": count}

    sent = subscription_id.encode() + b"\n" + content
    return once(found.idempotency, key, f"token:{system.grant.id}", sent, act)


def _bounds(found: Services, system: Caller) -> tuple[list[str] | None, list[str] | None]:
    """Departments and types the token may hear of; ``None``: all. Raises ``Refused("token.scope")``."""
    system.grant.demand("search")
    grant = system.grant
    departments = None if "*" in grant.departments else sorted(grant.departments)
    return departments, None if "*" in grant.types else sorted(grant.types)


def _covers(found: Services, system: Caller, one: SubscriptionView) -> bool:
    """Is it wholly within the token?"""
    pairs = zip(_bounds(found, system), (one.departments, one.types), strict=True)
    return all(bound is None or set(held) <= set(bound) for bound, held in pairs)


def _own(found: Services, system: Caller, subscription_id: str) -> None:
    """Raises ``NotFound("event.unknown")``, also for one beyond the token."""
    one = found.desk.subscriptions.get(subscription_id)
    if not _covers(found, system, one):
        raise NotFound("event.unknown", "没有事件订阅 {subscription}。", subscription=subscription_id[:32])
