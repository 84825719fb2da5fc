"""事件订阅: who is told of which changes, where, and signed how; what could not be delivered, and telling it again.

What is told is a notice like others (``licence_store.notices``): noted before it is sent, every attempt kept, tried
again ever later under the same id, given up after a day, and then told again when somebody says so.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.eventing.models import EventSubscription
from licence_store.lifecycle import STEPS
from licence_store.notices.addresses import EVENT
from licence_store.notices.contacts import SUBSCRIBER
from licence_store.notices.hook_secrets import OVERLAP, SecretPeriod
from licence_store.notices.models import Contact, Delivery, Notice
from licence_store.notices.outbox import DEAD, SENT, WAITING
from licence_store.regions.own import OwnEntry
from trust.errors import Malformed, NotFound, Refused
from trust.journal import Actor, Entry

if TYPE_CHECKING:
    from licence_store.desk import Desk

HMAC, SM2 = "hmac", "sm2"
SCHEMES: Final = (HMAC, SM2)
KIND: Final = "licence.changed"
_ALL: Final = "*"
_LATER: Final = timedelta(days=36500)
"""Nothing was recorded after this: the end of the feed."""
BY_TIME: Final = ("expire", "overdue")
KNOWN_STEPS: Final = tuple(dict.fromkeys((*STEPS, *BY_TIME)))


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """事件订阅."""

    id: str
    name: str
    address: str
    scheme: str
    departments: tuple[str, ...]
    types: tuple[str, ...]
    steps: tuple[str, ...]
    position: int
    created: datetime
    paused: datetime | None
    ended: datetime | None
    counts: dict[str, int]
    """Deliveries by state."""
    secret_period: SecretPeriod | None = None
    """``None``: the region's own key signs."""
    secret: str = field(default="", repr=False)
    """Told once, when it is made."""

    @property
    def state(self) -> str:
        return "ended" if self.ended else "paused" if self.paused else "active"


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """事件订阅登记."""

    desk: Desk

    def add(
        self,
        name: str,
        address: str,
        actor: Actor,
        *,
        scheme: str = HMAC,
        departments: Collection[str] = (),
        types: Collection[str] = (),
        steps: Collection[str] = (),
        since: datetime | None = None,
    ) -> SubscriptionView:
        """订阅 from now on, or from ``since``; empty lists mean all.

        Raises ``Malformed("event.*", "contact.address")``, ``NotFound("type.unknown", "department.unknown")``.
        """
        desk, now = self.desk, self.desk.clock()
        if not name.strip() or len(name) > 200 or not name.isprintable():
            raise Malformed("event.name", "订阅名称应为1至200个可见字符。")
        if scheme not in SCHEMES:
            raise Malformed("event.scheme", "签名方式应为 hmac 或 sm2。")
        if unknown := sorted(set(steps) - set(KNOWN_STEPS)):
            raise Malformed("event.step", "没有这样的变更：{step}。", step=unknown[0][:40])
        known = {one.id for one in desk.catalogue.departments()}
        if missing := sorted(set(departments) - known - {_ALL}):
            raise NotFound("department.unknown", "没有部门 {department}。", department=missing[0][:32])
        codes = sorted({desk.catalogue.get(one).code for one in types if one != _ALL})
        if scheme == SM2:
            OwnEntry(desk).request_key(actor)
        made = f"sub-{secrets.token_hex(12)}"
        feed = desk.changes
        position = feed.since(since) if since is not None else feed.since(now + _LATER)
        contact = desk.notices.contacts.add(SUBSCRIBER, made, EVENT, address, actor=actor, unsigned=scheme == SM2)
        row = EventSubscription(
            id=made,
            name=name.strip(),
            scheme=scheme,
            departments=_words(departments),
            types=_words(codes),
            steps=_words(steps),
            position=position,
            created=now,
            created_by=actor.account[:100],
        )
        with desk.sessions.begin() as session:
            session.add(row)
            session.flush()
            journal.append(session, [Entry(now, actor, "event.subscribe", made, details={"scheme": scheme})])
        return replace(self.get(made), secret=contact.secret)

    def list(self) -> tuple[SubscriptionView, ...]:
        """Those not ended."""
        query = select(EventSubscription).where(EventSubscription.ended.is_(None))
        with self.desk.sessions.read() as session:
            rows = list(session.execute(query.order_by(EventSubscription.created)).scalars())
            return self._views(session, rows)

    def get(self, subscription_id: str) -> SubscriptionView:
        """Raises ``NotFound("event.unknown")``."""
        with self.desk.sessions.read() as session:
            [found] = self._views(session, [self._row(subscription_id)])
        return found

    def pause(self, subscription_id: str, actor: Actor, *, paused: bool = True) -> SubscriptionView:
        """暂停 or go on: what happens meanwhile is told afterwards."""
        moment = self.desk.clock() if paused else None
        return self._change(subscription_id, actor, "pause" if paused else "resume", paused=moment)

    def end(self, subscription_id: str, actor: Actor) -> SubscriptionView:
        """退订, for good; what waits is not sent any more."""
        found = self._change(subscription_id, actor, "unsubscribe", ended=self.desk.clock())
        for one in self.desk.notices.contacts.list(party_kind=SUBSCRIBER, party=subscription_id):
            self.desk.notices.contacts.end(one.id, actor=actor)
        return found

    def rotate(self, subscription_id: str, actor: Actor, *, overlap: timedelta = OVERLAP) -> SubscriptionView:
        """更换密钥: the older one signs too for ``overlap``; the new one is told in the answer.

        Raises ``NotFound("event.unknown")``, ``Refused("event.ended", "contact.unsigned")``,
        ``Malformed("contact.overlap")``, ``Conflict("contact.secrets_many")``.
        """
        self._demand_active(subscription_id)
        contacts = self.desk.notices.contacts
        [hook] = contacts.list(party_kind=SUBSCRIBER, party=subscription_id)
        told = contacts.rotate(hook.id, actor=actor, overlap=overlap).secret
        return replace(self.get(subscription_id), secret=told)

    def replay(
        self, subscription_id: str, actor: Actor, *, since: datetime | None = None, dead_only: bool = True
    ) -> int:
        """重投: what was given up, or everything since; each under the id it had. Answers how many."""
        self._demand_active(subscription_id)
        now = self.desk.clock()
        about = select(Notice.id).where(Notice.party_kind == SUBSCRIBER, Notice.party == subscription_id)
        if since is not None:
            about = about.where(Notice.created >= since)
        states = (DEAD,) if dead_only else (DEAD, SENT)
        again = update(Delivery).where(Delivery.notice_id.in_(about), Delivery.state.in_(states))
        with self.desk.sessions.begin() as session:
            moved = session.execute(
                again.values(state=WAITING, due=now, settled=None, attempts=0).returning(Delivery.id)
            ).all()
            if moved:
                self.desk.notices.call_postman(session)
            details = {"count": str(len(moved))}
            journal.append(session, [Entry(now, actor, "event.replay", subscription_id, details=details)])
        return len(moved)

    def _change(self, subscription_id: str, actor: Actor, step: str, **values: Any) -> SubscriptionView:
        """Raises ``NotFound("event.unknown")``, ``Refused("event.ended")``."""
        self._demand_active(subscription_id)
        change = update(EventSubscription).where(EventSubscription.id == subscription_id).values(**values)
        with self.desk.sessions.begin() as session:
            session.execute(change)
            journal.append(session, [Entry(self.desk.clock(), actor, f"event.{step}", subscription_id)])
        return self.get(subscription_id)

    def _demand_active(self, subscription_id: str) -> None:
        if self._row(subscription_id).ended is not None:
            raise Refused("event.ended", "该订阅已退订。")

    def _row(self, subscription_id: str) -> EventSubscription:
        with self.desk.sessions.read() as session:
            row = session.get(EventSubscription, subscription_id)
        if row is None:
            raise NotFound("event.unknown", "没有事件订阅 {subscription}。", subscription=subscription_id[:32])
        return row

    def _views(self, session: Session, rows: Sequence[EventSubscription]) -> tuple[SubscriptionView, ...]:
        ids = [one.id for one in rows]
        counts, hooks = _counts(session, ids), _hooks(session, ids)
        periods = self.desk.notices.contacts.secrets.periods(session, [one.id for one in hooks.values()])
        return tuple(_view(one, counts.get(one.id, {}), hooks.get(one.id), periods) for one in rows)


def _view(
    row: EventSubscription, counts: dict[str, int], hook: Contact | None, periods: Mapping[str, SecretPeriod]
) -> SubscriptionView:
    departments, types, steps = (tuple(text.split()) for text in (row.departments, row.types, row.steps))
    address, period = (hook.address, periods.get(hook.id)) if hook is not None else ("", None)
    return SubscriptionView(
        row.id, row.name, address, row.scheme, departments, types, steps, row.position, row.created,
        row.paused, row.ended, counts, period,
    )  # fmt: skip


def _words(words: Collection[str]) -> str:
    """Words with blanks between; ``*`` for all."""
    return _ALL if not words or _ALL in words else " ".join(sorted(words))


def _counts(session: Session, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    query = (
        select(Notice.party, Delivery.state, func.count().label("number"))
        .join(Delivery, Delivery.notice_id == Notice.id)
        .where(Notice.party_kind == SUBSCRIBER, Notice.party.in_(ids))
        .group_by(Notice.party, Delivery.state)
    )
    found: dict[str, dict[str, int]] = {}
    for row in session.execute(query):
        found.setdefault(row.party, {})[row.state] = row.number
    return found


def _hooks(session: Session, ids: Sequence[str]) -> dict[str, Contact]:
    """Where each is told."""
    query = select(Contact).where(Contact.party_kind == SUBSCRIBER, Contact.party.in_(ids))
    return {one.party: one for one in session.execute(query).scalars()}
