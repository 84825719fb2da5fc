"""采集单: what is known of a scan on its way to becoming a licence; how it is kept and found again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from licence_store.collection.entry_models import EntrySheet, Evidence, LicenceOrigin
from licence_store.collection.materials import UNCOMPARED, Comparison
from licence_store.collection.ocr import Suggestion
from trust.canonical import canonical_json
from trust.errors import NotFound
from trust.i18n import N_

OPEN, CHECKING, SEALING, ISSUED, DISCARDED = "open", "checking", "sealing", "issued", "discarded"
STATES = {
    OPEN: N_("待录入"),
    CHECKING: N_("待复核"),
    SEALING: N_("正在盖章"),
    ISSUED: N_("已成证照"),
    DISCARDED: N_("已作废"),
}


@dataclass(frozen=True, slots=True)
class SheetContent:
    """What a person entered, and a program suggested."""

    values: Mapping[str, str] = field(default_factory=dict)
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)
    confirmed: frozenset[str] = frozenset()
    """Suggested fields a person has looked at on the scan."""
    comparison: Comparison = UNCOMPARED
    reserved: Mapping[str, str] = field(default_factory=dict)
    """``case.number`` …, ``paper.number``."""
    number: str = ""
    """The licence's number on paper; empty: by the type's rule."""
    issued_on: str = ""
    """The day of issue on paper; empty: today."""

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """Fields a suggestion stands for that nobody has confirmed, in the order of suggestion."""
        return tuple(name for name in self.suggestions if self.values.get(name) and name not in self.confirmed)

    def to_text(self) -> str:
        """As the register keeps it."""
        return canonical_json(
            {
                "values": dict(self.values),
                "suggestions": {name: [one.value, one.source] for name, one in self.suggestions.items()},
                "confirmed": sorted(self.confirmed),
                "comparison": [
                    self.comparison.original,
                    self.comparison.number,
                    "yes" if self.comparison.confirmed_by_issuer else "",
                ],
                "reserved": dict(self.reserved),
                "number": self.number,
                "issued_on": self.issued_on,
            }
        ).decode()

    @classmethod
    def from_text(cls, text: str) -> SheetContent:
        """What ``to_text`` wrote; empty where it was wiped."""
        if not text:
            return cls()
        kept: dict[str, Any] = json.loads(text)
        original, number, confirmed = kept["comparison"]
        return cls(
            kept["values"],
            {name: Suggestion(*one) for name, one in kept["suggestions"].items()},
            frozenset(kept["confirmed"]),
            Comparison(original, number, bool(confirmed)),
            kept["reserved"],
            kept["number"],
            kept["issued_on"],
        )

    def suggested(self, suggestions: Mapping[str, Suggestion]) -> SheetContent:
        """With these suggestions, which fill what is still empty; what a person entered is left alone."""
        filled = {name: one.value for name, one in suggestions.items() if not self.values.get(name)}
        both = {**self.suggestions, **{name: suggestions[name] for name in filled}}
        return replace(self, values={**self.values, **filled}, suggestions=both)


@dataclass(frozen=True, slots=True)
class SheetView:
    """采集单 with its scan."""

    id: str
    mode: str
    type_code: str
    department_id: str
    batch: str
    place: int
    state: str
    content: SheetContent
    entered_by: str
    entered: datetime | None
    checked_by: str
    checked: datetime | None
    licence_id: str
    reason: str
    created: datetime
    scan_digest: str
    scan_name: str
    scan_media: str
    scan_size: int
    scan_pages: int

    @property
    def position(self) -> tuple[datetime, str]:
        """Where it stands in a list, for ``after``."""
        return self.created, self.id


@dataclass(frozen=True, slots=True)
class OriginView:
    """证照来源 of a version that came from paper."""

    licence_id: str
    mode: str
    credibility: str
    sheet_id: str
    evidence_digest: str
    original: str
    entered_by: str
    checked_by: str
    department_id: str
    recorded: datetime


def find_sheet(session: Session, sheet_id: str, *, hold: bool = False) -> SheetView:
    """Raises ``NotFound("entry.unknown")``; with ``hold`` nobody else changes it until the transaction ends."""
    query = _query().where(EntrySheet.id == sheet_id)
    row = session.execute(query.with_for_update(of=EntrySheet) if hold else query).first()
    if row is None:
        raise NotFound("entry.unknown", "没有采集单 {id}。", id=sheet_id[:40])
    return _view(row)


def list_sheets(
    session: Session,
    *,
    department: str | None,
    state: str = "",
    type_code: str = "",
    batch: str = "",
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> tuple[SheetView, ...]:
    """Sheets of a department (``None``: of all), oldest first, from the one after ``after``."""
    query = _query()
    wanted = ((EntrySheet.department_id, department), (EntrySheet.state, state), (EntrySheet.type_code, type_code),
              (EntrySheet.batch, batch))  # fmt: skip
    for column, value in wanted:
        if value:
            query = query.where(column == value)
    if after is not None:
        created, last = after
        query = query.where(
            or_(EntrySheet.created > created, and_(EntrySheet.created == created, EntrySheet.id > last))
        )
    rows = session.execute(query.order_by(EntrySheet.created, EntrySheet.id).limit(limit))
    return tuple(_view(row) for row in rows)


def count_sheets(session: Session, department: str | None) -> dict[str, int]:
    """State → how many."""
    query = select(EntrySheet.state, func.count()).group_by(EntrySheet.state)
    if department:
        query = query.where(EntrySheet.department_id == department)
    return {state: count for state, count in session.execute(query)}  # noqa: C416  a row is not a pair to mypy


def origins_of(session: Session, base: str) -> tuple[OriginView, ...]:
    """How the versions of a licence came from paper, oldest first."""
    columns = (getattr(LicenceOrigin, name) for name in OriginView.__slots__)
    query = select(*columns).where(LicenceOrigin.base == base).order_by(LicenceOrigin.recorded)
    return tuple(OriginView(*row) for row in session.execute(query))


_OWN = tuple(name for name in SheetView.__slots__ if not name.startswith("scan_"))


def _query() -> Select[*tuple[Any, ...]]:
    columns = [getattr(EntrySheet, name) for name in _OWN]
    scan = (Evidence.digest, Evidence.name, Evidence.media, Evidence.size, Evidence.pages)
    return select(*columns, *scan).join(Evidence, Evidence.id == EntrySheet.evidence_id)


def _view(row: Row[Any]) -> SheetView:
    own = {name: getattr(row, name) for name in _OWN}
    own["content"] = SheetContent.from_text(row.content)
    return SheetView(
        **own,
        scan_digest=row.digest,
        scan_name=row.name,
        scan_media=row.media,
        scan_size=row.size,
        scan_pages=row.pages,
    )
