"""到期登记 as a job: see ``licence_store.sweeping``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from licence_store.jobs.context import JobContext

_SOME = 500


def expiry(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``expiry-sweep``: the events that time brought, of expiry and of inspections overdue."""
    desk, expired, overdue = context.desk, 0, 0
    moment = desk.clock()
    while not context.stopped():
        swept = desk.life.sweep(moment, limit=_SOME)
        expired, overdue = expired + swept.expired, overdue + swept.overdue
        context.progress(expired + overdue)
        if not swept.licences:
            break
    return {"expired": expired, "overdue": overdue}
