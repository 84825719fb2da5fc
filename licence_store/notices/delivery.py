"""投递: send what is due, note how it went, try again ever later, give up after a day.

An attempt is claimed before it is made: whoever dies over it leaves it to be made again when the claim is old.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from licence_store.jobs.context import JobContext
from licence_store.jobs.running import pause_after, written_error
from licence_store.notices.addresses import EVENT, LOG, WEBHOOK
from licence_store.notices.channels import Outgoing
from licence_store.notices.models import Contact, Delivery, DeliveryAttempt, Notice
from licence_store.notices.outbox import DEAD, SENT, WAITING
from licence_store.notices.texts import text_of
from trust.errors import LicenceTrustError, Refused, Unavailable

if TYPE_CHECKING:
    from licence_store.desk import Desk

ATTEMPTS = 8
_FIRST, _LONGEST = timedelta(minutes=1), timedelta(hours=12)
_BROKEN_OFF = timedelta(minutes=5)
"""An attempt nobody has reported on for so long has died with whoever made it."""


@dataclass(frozen=True, slots=True)
class _Claim:
    delivery_id: str
    channel: str
    attempt: int
    outgoing: Outgoing | None
    """``None``: the address was withdrawn meanwhile."""
    contact_id: str


def run(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``notice-delivery``: everything that is due now."""
    sent = failed = 0
    while not context.stopped():
        claim = _claim(context.desk)
        if claim is None:
            break
        error = _send(context.desk, claim)
        _report(context.desk, claim, error)
        sent, failed = sent + (error is None), failed + (error is not None)
        context.progress(sent + failed, failed=failed)
    return {"sent": sent, "failed": failed}


def _claim(desk: Desk) -> _Claim | None:
    now = desk.clock()
    due = select(Delivery).where(Delivery.state == WAITING, Delivery.due <= now).order_by(Delivery.due, Delivery.id)
    with desk.sessions.begin() as session:
        delivery = session.execute(due.limit(1).with_for_update(skip_locked=True)).scalar()
        if delivery is None:
            return None
        delivery.due, delivery.attempts = now + _BROKEN_OFF, delivery.attempts + 1
        notice = session.get(Notice, delivery.notice_id)
        contact = session.get(Contact, delivery.contact_id) if delivery.contact_id else None
        assert notice is not None
        outgoing = None
        if delivery.channel == LOG or (contact is not None and contact.ended is None):
            outgoing = _outgoing(delivery, notice, contact, now)
        return _Claim(delivery.id, delivery.channel, delivery.attempts, outgoing, delivery.contact_id)


def _outgoing(delivery: Delivery, notice: Notice, contact: Contact | None, now: datetime) -> Outgoing:
    facts = json.loads(notice.facts)
    return Outgoing(
        delivery.id,
        contact.address if contact else "",
        notice.kind,
        text_of(notice.kind, notice.party_kind, facts, delivery.language),
        facts,
        notice.created,
        now,
    )


def _send(desk: Desk, claim: _Claim) -> LicenceTrustError | None:
    try:
        if claim.outgoing is None:
            raise Refused("notice.contact_ended", "该联系方式已撤销。")
        secrets = desk.notices.contacts.secrets.of(claim.contact_id) if claim.channel in (WEBHOOK, EVENT) else ()
        desk.notices.channels[claim.channel].send(replace(claim.outgoing, secrets=secrets))
    except (Unavailable, Refused) as error:
        return error
    return None


def _report(desk: Desk, claim: _Claim, error: LicenceTrustError | None) -> None:
    now = desk.clock()
    with desk.sessions.begin() as session:
        held = select(Delivery).where(Delivery.id == claim.delivery_id).with_for_update()
        delivery = session.execute(held).scalar_one()
        _note(session, claim.delivery_id, now, error)
        if error is None:
            delivery.state, delivery.settled = SENT, now
        elif not isinstance(error, Unavailable) or claim.attempt >= ATTEMPTS:
            delivery.state, delivery.settled = DEAD, now
        else:
            delivery.due = now + pause_after(claim.attempt, _FIRST, _LONGEST)


def _note(session: Session, delivery_id: str, now: datetime, error: LicenceTrustError | None) -> None:
    """One more attempt in the record; a replay goes on counting."""
    last = select(func.max(DeliveryAttempt.number)).where(DeliveryAttempt.delivery_id == delivery_id)
    number = (session.execute(last).scalar() or 0) + 1
    written = written_error(error) if error is not None else ""
    session.execute(
        insert(DeliveryAttempt), [{"delivery_id": delivery_id, "number": number, "at": now, "error": written}]
    )
