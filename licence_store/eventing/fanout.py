"""分发: from the feed of changes to the subscribers' outboxes; kind ``event-fanout`` of job.

A subscription's place in the feed moves in the transaction that notes what it is told: nothing is left out, and the
same change is noted once, however many do it at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, update

from licence_store.changes import Change
from licence_store.eventing.cloudevents import cloud_event, event_id
from licence_store.eventing.models import EventSubscription
from licence_store.eventing.subscriptions import KIND
from licence_store.jobs.context import JobContext
from licence_store.notices.contacts import SUBSCRIBER
from licence_store.notices.models import Delivery, Notice
from licence_store.notices.outbox import WAITING, Occasion
from licence_store.regions.own import REQUEST_KEY

if TYPE_CHECKING:
    from licence_store.desk import Desk

_PAGE: Final = 200
_MOST_WAITING: Final = 2000
"""Of one subscriber: more is noted when these are gone; the feed keeps it."""


def run(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``event-fanout``."""
    desk, told = context.desk, 0
    active = select(EventSubscription.id).where(EventSubscription.ended.is_(None), EventSubscription.paused.is_(None))
    with desk.sessions.read() as session:
        ids = list(session.execute(active.order_by(EventSubscription.id)).scalars())
    for subscription_id in ids:
        more = True
        while more and not context.stopped():
            count, more = tell(desk, subscription_id)
            told += count
    return {"posted": told}


def tell(desk: Desk, subscription_id: str) -> tuple[int, bool]:
    """Note the next page for one subscriber: how many events, and whether there is more at once."""
    with desk.sessions.read() as session:
        row = session.get_one(EventSubscription, subscription_id)
        waiting = session.execute(
            select(func.count())
            .select_from(Delivery)
            .join(Notice, Notice.id == Delivery.notice_id)
            .where(Notice.party_kind == SUBSCRIBER, Notice.party == row.id, Delivery.state == WAITING)
        ).scalar_one()
    if waiting >= _MOST_WAITING:
        return 0, False
    page = desk.changes.page(row.position, limit=_PAGE, departments=_named(row.departments), types=_named(row.types))
    steps = _named(row.steps)
    wanted = [one for one in page.items if steps is None or one.kind in steps]
    moved = update(EventSubscription).where(EventSubscription.id == row.id, EventSubscription.position == row.position)
    with desk.sessions.begin() as session:
        held = session.execute(moved.values(position=page.next).returning(EventSubscription.id)).first()
        if held is None:
            return 0, False  # somebody else is at it
        posted = desk.notices.post(session, [_occasion(desk, row.id, one) for one in wanted]) if wanted else 0
    return posted, page.more


def _occasion(desk: Desk, subscription_id: str, change: Change) -> Occasion:
    event = cloud_event(change, desk.region.code, desk.facts.base_url)
    definition = desk.catalogue.get(change.type_code)
    facts = {
        "type": definition.name,
        "type_en": definition.name_en,
        "change": change.kind,
        "licence_id": change.licence_id,
        "event_id": event_id(change, desk.region.code),
        "event": json.dumps(event, ensure_ascii=False, separators=(",", ":")),
        "key_id": f"{desk.region.code}:{REQUEST_KEY}",
    }
    name = f"event-{change.number}"
    return Occasion(KIND, change.licence_id, name, SUBSCRIBER, subscription_id, change.department_id, facts)


def _named(words: str) -> tuple[str, ...] | None:
    return None if words == "*" else tuple(words.split())
