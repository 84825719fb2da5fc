"""采集的形状: sources, runs, rows of the quarantine and the quality report, as the command line and HTTP give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from verify.report import rfc3339

if TYPE_CHECKING:
    from licence_store.collection.quality import SourceQuality
    from licence_store.collection.quarantine import Held
    from licence_store.collection.rows import Told
    from licence_store.collection.runs import RunView
    from licence_store.collection.sources import SourceView

Translate = Callable[[str], str]


def source(view: SourceView) -> dict[str, Any]:
    """来源, one line."""
    return {
        "id": view.id,
        "title": view.title,
        "type": view.type_code,
        "type_name": view.type_name,
        "department": view.department_id,
        "mode": view.declaration.mode,
        "connector": view.declaration.connector.kind,
        "authority": view.declaration.authority,
        "schedule": view.declaration.schedule,
        "next_run": rfc3339(view.next_run) if view.next_run else None,
        "declared": rfc3339(view.declared),
        "closed": rfc3339(view.closed) if view.closed else None,
        "items": dict(view.items),
    }


def run(view: RunView, translate: Translate) -> dict[str, Any]:
    """批次."""
    return {
        "run": view.id,
        "source": view.source_id,
        "number": view.number,
        "kind": view.kind,
        "state": view.state,
        "delivery": dict(view.input),
        "started": rfc3339(view.started),
        "changed": rfc3339(view.changed),
        "finished": rfc3339(view.finished) if view.finished else None,
        "actor": view.actor,
        "total": view.total,
        "counts": dict(view.counts),
        "error": run_error(view, translate),
    }


def run_error(view: RunView, translate: Translate) -> dict[str, str] | None:
    """Why a run stopped."""
    error = view.stopped_by
    if error is None:
        return None
    message, remedy = error.localised(translate)
    return {"code": error.code, "message": message, "remedy": remedy}


def finding(told: Told, translate: Translate) -> dict[str, str]:
    """One reason."""
    return {
        "rule": told.rule,
        "code": told.code,
        "field": told.field,
        "severity": told.severity,
        "message": told.error.localised(translate)[0],
    }


def held(row: Held, translate: Translate) -> dict[str, Any]:
    """隔离行."""
    return {
        "id": row.id,
        "source": row.source_id,
        "type": row.type_code,
        "department": row.department_id,
        "key": row.key,
        "row": row.row,
        "run": row.run_id,
        "state": row.state,
        "revision": row.revision,
        "held": rfc3339(row.held),
        "changed": rfc3339(row.changed),
        "reason": row.reason,
        "licence_id": row.licence_id or None,
        "findings": [finding(one, translate) for one in row.findings],
        "record": dict(row.record),
    }


def reasons(translate: Translate) -> Callable[[Held], str]:
    """All reasons against a row in one text."""
    return lambda row: "\n".join(told.error.localised(translate)[0] for told in row.findings)


def quality(one: SourceQuality, translate: Translate) -> dict[str, Any]:
    """质量 of one source."""
    return {
        "source": one.source_id,
        "title": one.title,
        "type_name": one.type_name,
        "department": one.department_id,
        "seen": one.seen,
        "passed": one.passed,
        "held": one.held,
        "warned": one.warned,
        "rate": round(one.rate, 6),
        "quarantine": dict(one.states),
        "rules": [
            {
                "rule": rule.rule,
                "title": translate(rule.title),
                "field": rule.field,
                "severity": rule.severity,
                "findings": rule.rows,
                "quarantine": dict(rule.states),
            }
            for rule in one.rules
        ],
        "runs": [run(view, translate) for view in one.runs],
    }


def error(told: Any, translate: Translate) -> Mapping[str, str]:
    """An error of ours, one line."""
    return {"code": told.code, "message": told.localised(translate)[0]}
