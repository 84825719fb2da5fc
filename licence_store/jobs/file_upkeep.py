"""文件库养护 as jobs: see ``licence_store.files.upkeep``. A day's scrub goes on where the day before stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from licence_store.files import upkeep
from licence_store.jobs.context import JobContext
from licence_store.jobs.queue import DONE, Jobs

A_DAY: Final = 50_000
"""Files scrubbed a day: a register of a million is gone through in three weeks."""
SCRUB: Final = "files-scrub"


def sweep(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``files-sweep``."""
    desk = context.desk
    removed = upkeep.sweep(desk.files, desk.sessions)
    if removed:
        details = {"removed": str(removed)}
        desk.journal.record(actor=context.actor, action="files.sweep", subject="files", details=details)
    return {"removed": removed}


def scrub(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``files-scrub``: a day's share, and whatever was bad the last time."""
    desk, before = context.desk, last_scrub(context.desk.jobs)

    def go_on(checked: int, bad: int) -> bool:
        context.progress(checked, failed=bad)
        return not context.stopped()

    found = upkeep.scrub(
        desk.files,
        desk.sessions,
        after=str(before.get("position", "")),
        most=int(arguments.get("most", A_DAY)),
        again=[*before.get("damaged", ()), *before.get("missing", ())],
        progress=go_on,
    )
    note = {"checked": str(found.checked), "bad": str(found.bad)}
    result = "ok" if found.sound else "files.damaged"
    desk.journal.record(actor=context.actor, action="files.scrub", subject="files", result=result, details=note)
    return {
        "checked": found.checked,
        "bad": found.bad,
        "damaged": list(found.damaged),
        "missing": list(found.missing),
        "position": found.position,
    }


def last_scrub(jobs: Jobs) -> Mapping[str, Any]:
    """What the last scrub answered; empty before the first."""
    done = jobs.list(kind=SCRUB, state=DONE, limit=1)
    return (done[0].outcome or {}) if done else {}
