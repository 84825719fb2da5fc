"""事件: a change of the feed as a CloudEvent 1.0 in JSON. The same change is the same event, for whomever.

Names licences, types and states, never a person.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from licence_store.changes import Change

PREFIX: Final = "licence-trust.licence."
MEDIA_TYPE: Final = "application/cloudevents+json"


def cloud_event(change: Change, region: str, base_url: str) -> dict[str, object]:
    """``id`` is unique with ``source``; ``sequence`` grows with the feed: by it events are put in order."""
    return {
        "specversion": "1.0",
        "id": event_id(change, region),
        "source": f"{base_url}/api/v1/events",
        "type": f"{PREFIX}{change.kind}",
        "subject": change.licence_id,
        "time": _moment(change.recorded),
        "datacontenttype": "application/json",
        "sequence": f"{change.number:015d}",
        "region": region,
        "data": {
            "licence_id": change.licence_id,
            "version": change.version,
            "type_code": change.type_code,
            "department": change.department_id,
            "change": change.kind,
            "state": change.state,
            "tombstone": change.tombstone,
            "effective": _moment(change.effective),
            "recorded": _moment(change.recorded),
        },
    }


def event_id(change: Change, region: str) -> str:
    """``990000-17``."""
    return f"{region}-{change.number}"


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
