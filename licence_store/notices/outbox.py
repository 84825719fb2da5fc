"""发件箱: what was to be told, to whom, and how each attempt went.

with desk.sessions.begin() as session:
desk.notices.post(session, [Occasion(...)])        # in the caller's transaction; the same thing never twice
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.jobs.models import Job
from licence_store.jobs.queue import JobError, Jobs
from licence_store.notices.addresses import LOG, NoticeSettings
from licence_store.notices.contacts import Contacts, reached_at
from licence_store.notices.hook_secrets import HookSecrets
from licence_store.notices.models import Contact, Delivery, DeliveryAttempt, Notice
from licence_store.notices.texts import Text, text_of
from seal.database import Sessions
from trust.errors import Conflict, NotFound
from trust.i18n import DEFAULT_LANGUAGE
from trust.journal import SYSTEM, Actor, Entry

if TYPE_CHECKING:
    from keys.master import KeyWrapper
    from keys.signer import Signer
    from licence_store.notices.channels import Channel

WAITING, SENT, DEAD = "waiting", "sent", "dead"
STATES = (WAITING, SENT, DEAD)
DELIVERY_KIND = "notice-delivery"


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something to be told to one party."""

    kind: str
    licence_id: str
    name: str
    """Tells it from the other notices about that version, e.g. ``expiring-30``."""
    party_kind: str
    party: str
    department: str
    facts: Mapping[str, str]

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Told once."""
        return self.licence_id, self.name, self.party_kind, self.party


@dataclass(frozen=True, slots=True)
class AttemptView:
    """投递尝试."""

    number: int
    at: datetime
    error: JobError | None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """投递, with the notice it carries."""

    id: str
    notice_id: str
    kind: str
    occasion: str
    licence_id: str
    party_kind: str
    department: str
    facts: Mapping[str, str]
    channel: str
    language: str
    state: str
    attempts: int
    due: datetime
    created: datetime
    settled: datetime | None

    @property
    def text(self) -> Text:
        """What the recipient reads."""
        return text_of(self.kind, self.party_kind, self.facts, self.language)


@dataclass(frozen=True)
class Outbox:
    """发件箱."""

    sessions: Sessions
    clock: Callable[[], datetime]
    jobs: Jobs
    settings: NoticeSettings
    wrapper: KeyWrapper
    """What locks the secrets of webhooks away."""
    signer: Callable[[], Signer] | None = None
    """Of events to subscribers without a shared secret."""

    @cached_property
    def contacts(self) -> Contacts:
        secrets = HookSecrets(self.sessions, self.clock, self.wrapper)
        return Contacts(self.sessions, self.clock, secrets, self.settings.private_webhooks)

    @cached_property
    def channels(self) -> Mapping[str, Channel]:
        from licence_store.notices.channels import channels

        return channels(self.settings, self.signer)

    def post(self, session: Session, occasions: Sequence[Occasion]) -> int:
        """Write down what is to be told, in the caller's transaction; answers how much of it is new.

        Each goes to every contact of its party; where there is none, into the log.
        """
        now = self.clock()
        new = self._noted(session, occasions, now)
        if not new:
            return 0
        reached = reached_at(session, [(one.party_kind, one.party) for one in new.values()])
        rows = [
            _delivery_row(notice_id, contact, number, now)
            for notice_id, one in new.items()
            for number, contact in enumerate(reached.get((one.party_kind, one.party)) or [None])
        ]
        session.execute(insert(Delivery), rows)
        self.call_postman(session)
        return len(new)

    def _noted(self, session: Session, occasions: Sequence[Occasion], now: datetime) -> dict[str, Occasion]:
        """What was not told before, by the id of its notice."""
        ids = {one.licence_id for one in occasions}
        before = select(Notice.licence_id, Notice.occasion, Notice.party_kind, Notice.party)
        told = {tuple(row) for row in session.execute(before.where(Notice.licence_id.in_(ids)))}
        new = [one for one in occasions if one.key not in told]
        fresh = {_new_id(now, place): one for place, one in enumerate(new)}
        if not fresh:
            return {}
        dialect = sqlite if self.sessions.dialect == "sqlite" else postgresql
        rows = [_notice_row(notice_id, one, now) for notice_id, one in fresh.items()]
        taken = dialect.insert(Notice).on_conflict_do_nothing().returning(Notice.id)
        return {notice_id: fresh[notice_id] for notice_id in session.execute(taken, rows).scalars()}

    def call_postman(self, session: Session) -> None:
        """Have it delivered now, unless somebody is about to; whatever is missed is found by the next round."""
        waiting = select(Job.id).where(Job.kind == DELIVERY_KIND, Job.state == WAITING).limit(1)
        if session.execute(waiting).first() is None:
            self.jobs.enqueue(session, DELIVERY_KIND, {}, actor=SYSTEM)

    # Looking

    def list(
        self, *, state: str = "", department: str | None = None, before: str = "", limit: int = 50
    ) -> tuple[DeliveryView, ...]:
        """Deliveries, the newest first; ``before`` is the last id of the page before."""
        query = _DELIVERIES.order_by(Delivery.id.desc()).limit(limit)
        if state:
            query = query.where(Delivery.state == state)
        if department is not None:
            query = query.where(Notice.department == department)
        if before:
            query = query.where(Delivery.id < before)
        with self.sessions.read() as session:
            return tuple(_view(delivery, notice) for delivery, notice in session.execute(query))

    def get(self, delivery_id: str, department: str | None = None) -> DeliveryView:
        """Raises ``NotFound("notice.unknown")``, also where another department's staff asks."""
        with self.sessions.read() as session:
            found = session.execute(_DELIVERIES.where(Delivery.id == delivery_id)).first()
        if found is None or department not in (None, found[1].department):
            raise _unknown(delivery_id)
        return _view(*found)

    def attempts(self, delivery_id: str) -> tuple[AttemptView, ...]:
        query = select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == delivery_id)
        with self.sessions.read() as session:
            rows = session.execute(query.order_by(DeliveryAttempt.number)).scalars()
            return tuple(AttemptView(one.number, one.at, JobError.load(one.error)) for one in rows)

    def address_of(self, delivery_id: str) -> str:
        """Where it goes; empty for the log."""
        query = select(Contact.address).join(Delivery, Delivery.contact_id == Contact.id)
        with self.sessions.read() as session:
            return str(session.execute(query.where(Delivery.id == delivery_id)).scalar() or "")

    def counts(self) -> dict[str, int]:
        """Deliveries by state."""
        with self.sessions.read() as session:
            rows = session.execute(select(Delivery.state, func.count().label("number")).group_by(Delivery.state))
            return {row.state: row.number for row in rows}

    def dead_since(self, moment: datetime) -> int:
        """How many were given up since then."""
        query = select(func.count()).where(Delivery.state == DEAD, Delivery.settled > moment)
        with self.sessions.read() as session:
            return session.execute(query).scalar_one()

    # Changing

    def replay(self, delivery_id: str, actor: Actor, department: str | None = None) -> DeliveryView:
        """重投 what was given up. Raises ``NotFound("notice.unknown")``, ``Conflict("notice.not_dead")``."""
        self.get(delivery_id, department)
        now = self.clock()
        with self.sessions.begin() as session:
            delivery = session.execute(
                select(Delivery).where(Delivery.id == delivery_id).with_for_update()
            ).scalar_one()
            if delivery.state != DEAD:
                raise Conflict("notice.not_dead", "该通知没有投递失败，不需重投。")
            delivery.state, delivery.due, delivery.settled = WAITING, now, None
            delivery.attempts = 0
            session.flush()
            self.call_postman(session)
            journal.append(session, [Entry(now, actor, "notice.replay", delivery_id)])
        return self.get(delivery_id)


_DELIVERIES: Any = select(Delivery, Notice).join(Notice, Notice.id == Delivery.notice_id)


def _new_id(now: datetime, place: int) -> str:
    """In the order of the moments, and of what is posted together."""
    return f"{int(now.timestamp() * 1000):012x}{place:04x}{secrets.token_hex(6)}"


def _notice_row(notice_id: str, one: Occasion, now: datetime) -> dict[str, object]:
    return {
        "id": notice_id,
        "kind": one.kind,
        "licence_id": one.licence_id,
        "occasion": one.name,
        "party_kind": one.party_kind,
        "party": one.party,
        "department": one.department,
        "facts": json.dumps(dict(one.facts), ensure_ascii=False),
        "created": now,
    }


def _delivery_row(notice_id: str, contact: Contact | None, number: int, now: datetime) -> dict[str, object]:
    return {
        "id": f"{notice_id}-{number}",
        "notice_id": notice_id,
        "channel": contact.channel if contact else LOG,
        "contact_id": contact.id if contact else "",
        "language": contact.language if contact else DEFAULT_LANGUAGE,
        "state": WAITING,
        "attempts": 0,
        "due": now,
        "settled": None,
    }


def _view(delivery: Delivery, notice: Notice) -> DeliveryView:
    return DeliveryView(
        delivery.id,
        notice.id,
        notice.kind,
        notice.occasion,
        notice.licence_id,
        notice.party_kind,
        notice.department,
        json.loads(notice.facts),
        delivery.channel,
        delivery.language,
        delivery.state,
        delivery.attempts,
        delivery.due,
        notice.created,
        delivery.settled,
    )


def _unknown(delivery_id: str) -> NotFound:
    return NotFound("notice.unknown", "没有通知 {delivery_id}。", delivery_id=delivery_id[:40])
