"""清理用证副本: the files of copies whose time is over are dropped; what was granted and used stays on record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from licence_store.jobs.context import JobContext


def sweep(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``copies-sweep``."""
    desk, dropped = context.desk, 0
    while not context.stopped() and (some := desk.copier.sweep(desk.clock())):
        dropped += some
    return {"dropped": dropped}
