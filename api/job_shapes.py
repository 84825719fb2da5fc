"""任务 as the command line and HTTP say it: one shape for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from verify.report import rfc3339

if TYPE_CHECKING:
    from licence_store.jobs.queue import JobError, JobView, ResultLine

Translate = Callable[[str], str]


def job(one: JobView, translate: Translate) -> dict[str, Any]:
    """One job; its arguments are not told, they may hold personal data."""
    return {
        "job_id": one.id,
        "kind": one.kind,
        "state": one.state,
        "account": one.actor.account,
        "department": one.actor.department,
        "enqueued": rfc3339(one.enqueued),
        "due": rfc3339(one.due) if one.state == "waiting" else None,
        "started": rfc3339(one.started) if one.started else None,
        "finished": rfc3339(one.finished) if one.finished else None,
        "attempts": one.attempts,
        "stop_asked": one.stop_asked,
        "progress": {"done": one.done, "total": one.total, "failed": one.failed},
        "outcome": dict(one.outcome) or None,
        "error": error(one.error, translate) if one.error else None,
    }


def error(one: JobError, translate: Translate) -> dict[str, str]:
    return {"code": one.code, "message": one.message(translate)}


def result(line: ResultLine, translate: Translate) -> dict[str, Any]:
    """One line of the results; ``record`` is the number of the record in the input."""
    if line.error is not None:
        return {"record": line.number, "error": error(line.error, translate)}
    return {"record": line.number, **(line.made or {})}
