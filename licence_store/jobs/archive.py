"""长期保存 as a job: see ``licence_store.archiving``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from licence_store.jobs.context import JobContext

_SOME = 100


def extend(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``archive-extend``: PDFs that wait for evidence or for their next time stamp.

    What was extended is no longer due, so a run that died is simply gone on with by the next.
    """
    archiver, extended = context.desk.archiver, 0
    failed: set[str] = set()
    while not context.stopped():
        due = [one for one in archiver.due(limit=_SOME + len(failed)) if one not in failed]
        if not due:
            break
        for one in archiver.extend_each(due, context.actor):
            if one.error is None:
                extended += 1
            else:
                failed.add(one.licence_id)
            context.progress(extended + len(failed), failed=len(failed))
            if context.stopped():
                break
    return {"extended": extended, "failed": len(failed), "first_failed": sorted(failed)[:20]}
