"""目录的写法: types, drafts, events and materials as JSON, the same on the command line and over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from verify.report import rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from licence_store.catalogue import CataloguedType, IssuingRight
    from licence_store.catalogue_life import DraftSummary, DraftView, TypeChange
    from licence_store.report_upward import CatalogueReport
    from licence_store.type_rules import MaterialMapping

Shape = dict[str, object]


def line(one: CataloguedType) -> Shape:
    """证照类型 as a list shows it."""
    kind = one.definition
    told = kind.classification
    return {
        "code": kind.code,
        "slug": kind.slug,
        "name": kind.name,
        "name_en": kind.name_en,
        "version": one.version,
        "state": str(one.state),
        "kind": told.kind,
        "holder": told.holder,
        "issuing_body": told.issuing_body,
    }


def whole(one: CataloguedType, rights: Sequence[IssuingRight], history: Sequence[TypeChange]) -> Shape:
    """证照类型 with its rules, its issuers and its life."""
    kind = one.definition
    inspection, renewal = kind.inspection, kind.renewal
    return {
        **line(one),
        "digest": kind.digest,
        "validity": {"kind": kind.validity.kind, "field": kind.validity.field, "years": kind.validity.years or None,
                     "until": kind.validity.until or None},
        "inspection": {"opens": inspection.opens, "closes": inspection.closes,
                       "first_year_offset": inspection.first_year_offset, "overdue": inspection.overdue,
                       "failed": inspection.failed, "results": list(inspection.results)} if inspection else None,
        "renewal": {"opens_days": renewal.opens_days, "closes_days": renewal.closes_days,
                    "predecessor": renewal.predecessor} if renewal else None,
        "notices": {"days_before": list(kind.notices.days_before)},
        "materials": [material(m) for m in kind.materials],
        "entitled": [{"area": e.area, "levels": list(e.levels)} for e in kind.entitled],
        "issuers": [{"department": r.department_id, "name": r.department_name, "code": r.department_code}
                    for r in rights],
        "events": [change(e) for e in history],
    }  # fmt: skip


def material(one: MaterialMapping) -> Shape:
    """申请材料."""
    where = {name: list(values) for name, values in one.where}
    demand = asdict(one.demand) if one.demand is not None else None
    return {
        "code": one.code, "name": one.name, "name_en": one.name_en, "item": one.item or None, "where": where,
        "demand": demand,
    }  # fmt: skip


def change(one: TypeChange) -> Shape:
    """目录事件, as anybody may see it: nobody's name."""
    return {
        "seq": one.seq,
        "code": one.code,
        "event": one.kind,
        "state": str(one.state),
        "version": one.version,
        "digest": one.digest or None,
        "department": one.department or None,
        "time": rfc3339(one.recorded),
    }


def draft_line(one: DraftSummary) -> Shape:
    """目录草稿 as a list shows it."""
    return {
        "draft": one.id,
        "code": one.code,
        "slug": one.slug,
        "name": one.name,
        "state": str(one.state),
        "department": one.department or None,
        "hands": list(one.hands),
        "base_version": one.base_version,
        "revision": one.revision,
        "opened": rfc3339(one.opened),
        "changed": rfc3339(one.changed),
    }


def draft(one: DraftView) -> Shape:
    """目录草稿 with its definition, its events and what still stops it."""
    return {
        **draft_line(one.summary),
        "problem": {"code": one.problem.code, "message": one.problem.message} if one.problem else None,
        "events": [{**change(e), "by": e.actor, "reason": e.reason} for e in one.events],
        "definition": one.source,
    }


def report(one: CatalogueReport) -> Shape:
    """目录上报, checked."""
    return {
        "region": one.region,
        "region_name": one.region_name,
        "generated": rfc3339(one.generated),
        "events": one.events,
        "publisher": one.publisher,
        "types": [{key: kind.get(key) for key in ("code", "name", "version", "state")} for kind in one.types],
    }
