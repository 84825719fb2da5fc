"""订阅与事件的形状."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify.report import rfc3339

if TYPE_CHECKING:
    from licence_store.eventing.subscriptions import SubscriptionView


def subscription_json(one: SubscriptionView) -> dict[str, object]:
    """Without the secret, which is told once by whoever makes it."""
    return {
        "id": one.id,
        "name": one.name,
        "address": one.address,
        "scheme": one.scheme,
        "state": one.state,
        "departments": list(one.departments),
        "types": list(one.types),
        "changes": list(one.steps),
        "created": rfc3339(one.created),
        "secret_since": rfc3339(one.secret_period.since) if one.secret_period else None,
        "older_secret_until": (
            rfc3339(one.secret_period.older_until) if one.secret_period and one.secret_period.older_until else None
        ),
        "deliveries": {state: one.counts.get(state, 0) for state in ("waiting", "sent", "dead")},
    }
