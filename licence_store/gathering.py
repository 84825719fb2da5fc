"""归集关联 (R103, R014): all that belongs to one holder, across departments: licences, materials, copies, by case.

gathering = Gathering(desk)
gathering.licences(session)                # newest first, of every department, as far as the session may see
gathering.cases(session)                   # what came of, and went into, each case
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from licence_store.case_models import LicenceCase
from licence_store.holding.holder import HolderSession
from licence_store.ledger.scope import limits
from licence_store.lifecycle import LicenceState
from licence_store.models import Licence
from licence_store.notices.contacts import HOLDER
from licence_store.notices.models import Notice
from licence_store.notices.texts import Text, text_of
from licence_store.standing import day_of

if TYPE_CHECKING:
    from datetime import datetime

    from licence_store.copying.grants import CopyView
    from licence_store.desk import Desk
    from licence_store.materials.views import MaterialView
    from licence_store.views import LicenceSummary

SOON: Final = timedelta(days=90)
_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class CaseGroup:
    """办件: one case of the holder, what was handed in for it and what came of it."""

    number: str
    service_item: str = ""
    licences: list[LicenceSummary] = field(default_factory=list)
    materials: list[MaterialView] = field(default_factory=list)
    copies: list[CopyView] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """通知 to the holder."""

    id: str
    created: datetime
    licence_id: str
    text: Text


@dataclass(frozen=True, slots=True)
class Gathering:
    """归集: asked for a session, so that nobody sees more than it covers."""

    desk: Desk

    def licences(self, who: HolderSession) -> tuple[LicenceSummary, ...]:
        """The holder's licences, ended ones too, newest first."""
        who.demand("view")
        return self.desk.register.holdings(who.holder.code, code_type=who.holder.code_type, types=limits(who))

    def materials(self, who: HolderSession, limit: int = _MOST) -> tuple[MaterialView, ...]:
        """What was uploaded, or scanned at a window."""
        return self.desk.materials.of_holder(who, limit=limit).items

    def copies(self, who: HolderSession, limit: int = _MOST) -> tuple[CopyView, ...]:
        """Copies made for a purpose."""
        return self.desk.copies.of_holder(who.holder.code, types=limits(who), limit=limit)

    def notices(self, who: HolderSession, language: str, limit: int = 20) -> tuple[NoticeLine, ...]:
        """What the holder was told, newest first."""
        seen = {one.licence_id for one in self.licences(who)} | {one.base for one in self.licences(who)}
        query = select(Notice).where(Notice.party_kind == HOLDER, Notice.party == who.holder.code)
        with self.desk.sessions.read() as session:
            rows = session.execute(query.order_by(Notice.id.desc()).limit(limit)).scalars().all()
        return tuple(
            NoticeLine(one.id, one.created, one.licence_id, text_of(one.kind, HOLDER, _facts(one), language))
            for one in rows
            if limits(who) is None or one.licence_id in seen
        )

    def cases(self, who: HolderSession) -> tuple[CaseGroup, ...]:
        """By case, the newest number first."""
        groups: dict[str, CaseGroup] = {}
        licences = {one.base: one for one in self.licences(who)}
        query = (
            select(LicenceCase.base, LicenceCase.number, LicenceCase.service_item)
            .join(Licence, Licence.base == LicenceCase.base)
            .where(Licence.holder_code == who.holder.code, Licence.holder_code_type == who.holder.code_type)
            .order_by(LicenceCase.licence_id.desc())
        )
        with self.desk.sessions.read() as session:
            rows = session.execute(query.limit(_MOST)).all()
        for base, number, service_item in rows:
            if base in licences:
                group = groups.setdefault(number, CaseGroup(number, service_item))
                if licences[base] not in group.licences:
                    group.licences.append(licences[base])
        for material in self.materials(who):
            if material.case_number:
                groups.setdefault(material.case_number, CaseGroup(material.case_number)).materials.append(material)
        for copy in self.copies(who):
            if copy.case_number:
                groups.setdefault(copy.case_number, CaseGroup(copy.case_number)).copies.append(copy)
        return tuple(sorted(groups.values(), key=lambda one: one.number, reverse=True))


def expiring(licences: Sequence[LicenceSummary], moment: datetime) -> list[LicenceSummary]:
    """即将到期, the nearest first."""
    today = day_of(moment)
    last = (today + SOON).isoformat()
    near = [one for one in licences if one.state == LicenceState.CURRENT and today.isoformat() <= one.valid_to <= last]
    return sorted(near, key=lambda one: one.valid_to)


def days_left(one: LicenceSummary, moment: datetime) -> int:
    """Whole days until it ends."""
    return (date.fromisoformat(one.valid_to) - day_of(moment)).days


def _facts(notice: Notice) -> dict[str, str]:
    import json

    facts: dict[str, str] = json.loads(notice.facts)
    return facts
