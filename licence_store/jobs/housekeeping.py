"""清理: jobs that ended long ago are forgotten, with what was uploaded for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from licence_store.jobs.context import JobContext
from licence_store.jobs.queue import DONE, forget
from trust.journal import SYSTEM

KEPT = timedelta(days=90)
KEPT_PERIODIC = timedelta(days=2)
"""Nobody asks for what the clock began, once it is done."""


def run(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``job-housekeeping``."""
    desk, forgotten = context.desk, 0
    while not context.stopped():
        with desk.sessions.begin() as session:
            some = forget(session, desk.clock() - KEPT)
            some += forget(session, desk.clock() - KEPT_PERIODIC, account=SYSTEM.account, state=DONE)
        forgotten += some
        if not some:
            break
    if desk.sessions.dialect == "postgresql":
        from licence_store.jobs.postgresql import trim_log

        with desk.sessions.begin() as session:
            trim_log(session, desk.clock() - KEPT)
    return {"forgotten": forgotten}
