"""通知 as the command line says it. Addresses are told to whoever looks after contacts only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.job_shapes import Translate, error
from verify.report import rfc3339

if TYPE_CHECKING:
    from licence_store.notices.contacts import ContactView
    from licence_store.notices.outbox import AttemptView, DeliveryView


def delivery(one: DeliveryView) -> dict[str, Any]:
    return {
        "delivery_id": one.id,
        "kind": one.kind,
        "occasion": one.occasion,
        "licence_id": one.licence_id,
        "recipient": one.party_kind,
        "department": one.department,
        "channel": one.channel,
        "language": one.language,
        "state": one.state,
        "attempts": one.attempts,
        "created": rfc3339(one.created),
        "due": rfc3339(one.due) if one.state == "waiting" else None,
        "settled": rfc3339(one.settled) if one.settled else None,
    }


def attempt(one: AttemptView, translate: Translate) -> dict[str, Any]:
    return {
        "number": one.number,
        "at": rfc3339(one.at),
        "error": error(one.error, translate) if one.error else None,
    }


def contact(one: ContactView) -> dict[str, Any]:
    return {
        "contact_id": one.id,
        "party_kind": one.party_kind,
        "party": one.party,
        "channel": one.channel,
        "address": one.address,
        "language": one.language,
        "created": rfc3339(one.created),
    }
