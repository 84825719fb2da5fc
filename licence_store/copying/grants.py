"""用证授权: what a holder asks for, and what is on record of a copy.

request = tidied(CopyRequest("示例市市场监督管理局", "设立登记", end_of_day(date(2026, 12, 31)), uses=1), now)
view.state(moment)                       # ACTIVE, REVOKED, USED_UP or EXPIRED, as of then
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, Select, and_, delete, func, insert, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from licence_store.copying.models import CopyEnd, CopyFile, CopyGrant, CopyUse
from licence_store.holding.models import of_number
from licence_store.materials.models import MaterialStanding
from licence_store.materials.views import DELETED
from licence_store.standing import beginning_of
from licence_store.uploads.vault import VaultEntry
from seal.copies import MAX_TEXT, CopyRequest, plain
from seal.models import table
from trust.errors import Conflict, Malformed, NotFound, Word
from trust.i18n import N_
from trust.identifiers import plain_number

LONGEST: Final = timedelta(days=366)
"""How long a copy may be good for at most."""
MOST_USES: Final = 1000
_GRANTS, _ENDS, _USES, _FILES = table(CopyGrant), table(CopyEnd), table(CopyUse), table(CopyFile)


class CopyState(StrEnum):
    """副本状态."""

    ACTIVE = "ACTIVE"
    REVOKED = "REVOKED"
    USED_UP = "USED_UP"
    EXPIRED = "EXPIRED"


STATE_WORDS: Final[Mapping[CopyState, str]] = {
    CopyState.ACTIVE: N_("可用"),
    CopyState.REVOKED: N_("已被收回"),
    CopyState.USED_UP: N_("次数已用完"),
    CopyState.EXPIRED: N_("已过期"),
}


WORDS: Final[Mapping[str, str]] = {
    "recipient": N_("使用单位"),
    "purpose": N_("用途"),
    "service_item": N_("办理事项"),
    "case_number": N_("办件编号"),
}
"""What is written in words: attribute of a request and of what an acceptance states, and its title."""


def tidied(request: CopyRequest, moment: datetime) -> CopyRequest:
    """The request with its words in one form, if it will do.

    Raises ``Malformed("copy.word", "copy.until", "copy.uses")``.
    """
    words = {name: tidy_word(getattr(request, name), name, name in ("recipient", "purpose")) for name in WORDS}
    if not moment < request.until <= moment + LONGEST:
        raise Malformed("copy.until", "副本的有效期应晚于现在，最长 {days} 天。", days=LONGEST.days, field="until")
    if not 0 <= request.uses <= MOST_USES:
        raise Malformed("copy.uses", "使用次数应为 0（不限）至 {most} 次。", most=MOST_USES, field="uses")
    masked = tuple(dict.fromkeys(one.strip()[:64] for one in request.masked if one.strip()))
    until = request.until.replace(microsecond=0)
    return CopyRequest(**words, until=until, uses=request.uses, masked=masked)


def tidy_word(text: str, name: str, needed: bool = False) -> str:
    """One line in one form (NFKC, single spaces). Raises ``Malformed("copy.word")``."""
    found = plain(text) if len(text) <= MAX_TEXT * 4 else text
    if len(found) <= MAX_TEXT and (found.isprintable() if found else not needed):
        return found
    raise Malformed(
        "copy.word",
        "“{title}”应为一行文字，不超过 {longest} 个字符，必填的不能为空。",
        title=Word(WORDS[name]),
        longest=MAX_TEXT,
        field=name,
    )


def end_of_day(day: date) -> datetime:
    """The first moment after a day, Beijing time: how long a copy made out to that day is good for.

    Raises ``Malformed("copy.day")`` for a day at the edge of the calendar.
    """
    try:
        return beginning_of(day + timedelta(days=1))
    except OverflowError:
        raise Malformed("copy.day", "日期“{day}”无效。", day=day.isoformat(), field="until") from None


@dataclass(frozen=True, slots=True)
class CopyView:
    """用证副本 on record."""

    id: str
    holder_code: str
    holder_kind: str
    source_kind: str
    """``licence`` or ``material``."""
    source_id: str
    title: str
    type_code: str
    level: str
    recipient: str
    purpose: str
    service_item: str
    case_number: str
    until: datetime
    uses: int
    """0: not limited."""
    original_check: bool
    form: str
    terms: Mapping[str, Any]
    digest: str
    size: int
    made: datetime
    made_by: str
    used: int
    """Recorded acceptances."""
    revoked: datetime | None
    reason: str
    """Why it was taken back."""
    region: str = ""
    """Name of the other region that made it; empty: ours."""

    def state(self, moment: datetime) -> CopyState:
        """As it is on record, judged for ``moment``."""
        if self.revoked is not None and self.revoked <= moment:
            return CopyState.REVOKED
        if self.uses and self.used >= self.uses:
            return CopyState.USED_UP
        return CopyState.EXPIRED if moment >= self.until else CopyState.ACTIVE

    @property
    def left(self) -> int | None:
        """How many acceptances are left; ``None``: not limited."""
        return max(0, self.uses - self.used) if self.uses else None


def add(session: Session, row: Mapping[str, Any], file: VaultEntry) -> None:
    """Write a copy down, and where its file lies."""
    session.execute(insert(_GRANTS), [dict(row)])
    kept = {
        "copy_id": row["copy_id"],
        "file": file.file,
        "wrapped": file.wrapped,
        "master": file.master,
        "until": row["until"],
    }
    session.execute(insert(_FILES), [kept])


def find(session: Session, copy_id: str, *, moment: datetime | None = None, hold: bool = False) -> CopyView:
    """The copy of this id; its uses counted up to ``moment``. ``hold``: others who would use it wait.

    Raises ``NotFound("copy.unknown")``.
    """
    found = find_or_none(session, copy_id, moment=moment, hold=hold)
    if found is None:
        raise unknown(copy_id)
    return found


def unknown(copy_id: str) -> NotFound:
    """The same words for a copy that is not there and one that is another's."""
    return NotFound("copy.unknown", "没有用证副本 {id}。", id=copy_id[:40])


def find_or_none(
    session: Session, copy_id: str, *, moment: datetime | None = None, hold: bool = False
) -> CopyView | None:
    """As ``find``; ``None`` where there is none."""
    if not is_id(copy_id):
        return None
    if hold:  # alone: PostgreSQL holds no rows of a question that counts
        held = select(_GRANTS.c.copy_id).where(_GRANTS.c.copy_id == copy_id).with_for_update()
        session.execute(held)
    row = session.execute(_viewed(moment).where(_GRANTS.c.copy_id == copy_id)).first()
    return None if row is None else _view(row)


def of_holder(
    session: Session,
    holder_code: str,
    *,
    types: Collection[str] | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> tuple[CopyView, ...]:
    """A holder's copies (``types``: only of these licence types), newest first, from the one after ``after``."""
    place = tuple_(_GRANTS.c.made, _GRANTS.c.copy_id)
    query = _viewed(None).where(of_number(_GRANTS.c.holder_code, holder_code))
    if types is not None:
        query = query.where(_GRANTS.c.type_code.in_(types))
    if after is not None:
        query = query.where(place < tuple_(*_bound(after)))
    rows = session.execute(query.order_by(_GRANTS.c.made.desc(), _GRANTS.c.copy_id.desc()).limit(limit))
    return tuple(_view(row) for row in rows)


def end(session: Session, copy_id: str, at: datetime, actor: str, reason: str) -> None:
    """收回, once. Raises ``Conflict("copy.revoked_already")``."""
    find(session, copy_id, hold=True)
    if session.execute(select(_ENDS.c.copy_id).where(_ENDS.c.copy_id == copy_id)).first() is not None:
        raise Conflict("copy.revoked_already", "该副本已经收回。")
    session.execute(insert(_ENDS), [{"copy_id": copy_id, "at": at, "actor": actor[:100], "reason": reason}])


def file_of(session: Session, copy: CopyView) -> VaultEntry:
    """Where the copy's file lies. Raises ``NotFound("copy.file_gone")``."""
    row = session.execute(select(_FILES.c.file, _FILES.c.wrapped).where(_FILES.c.copy_id == copy.id)).first()
    if row is None:
        raise NotFound("copy.file_gone", "该副本已经终止，文件不再保存。", remedy="如仍需要，请重新制作副本。")
    return VaultEntry(row.file, copy.size, row.wrapped)


def forget_files(session: Session, copy_ids: Sequence[str]) -> list[VaultEntry]:
    """Drop the keys of these copies' files; answers what may be discarded once this is committed."""
    chosen = _FILES.c.copy_id.in_(copy_ids)
    found = [VaultEntry(row.file, 0, row.wrapped) for row in session.execute(select(_FILES).where(chosen))]
    session.execute(delete(_FILES).where(chosen))
    return found


def ended_files(session: Session, moment: datetime, limit: int) -> list[str]:
    """Copies whose time is over, or whose material its holder deleted, and whose files still lie there."""
    deleted = select(MaterialStanding.material_id).where(MaterialStanding.state == DELETED)
    over = or_(_FILES.c.until <= moment, and_(_GRANTS.c.source_kind == "material", _GRANTS.c.source_id.in_(deleted)))
    query = select(_FILES.c.copy_id).join(_GRANTS, _GRANTS.c.copy_id == _FILES.c.copy_id).where(over)
    return list(session.execute(query.order_by(_FILES.c.until).limit(limit)).scalars())


def open_copies(session: Session, holder_code: str) -> list[str]:
    """Ids of a holder's copies that nobody has taken back, whatever their time."""
    ended = select(_ENDS.c.copy_id).where(_ENDS.c.copy_id == _GRANTS.c.copy_id).exists()
    query = select(_GRANTS.c.copy_id).where(of_number(_GRANTS.c.holder_code, holder_code), ~ended)
    return list(session.execute(query.order_by(_GRANTS.c.copy_id)).scalars())


def is_id(text: str) -> bool:
    """Does ``text`` look like a copy's id?"""
    return 2 < len(text) <= 40 and text.isascii() and text.startswith("c-") and text[2:].isalnum()


def _viewed(moment: datetime | None) -> Select[Any]:
    counted = select(func.count()).select_from(_USES).where(_USES.c.copy_id == _GRANTS.c.copy_id)
    if moment is not None:
        counted = counted.where(_USES.c.at <= moment)
    return select(
        *_GRANTS.c, counted.scalar_subquery().label("used"), _ENDS.c.at.label("revoked"), _ENDS.c.reason
    ).outerjoin(_ENDS, _ENDS.c.copy_id == _GRANTS.c.copy_id)


def _view(row: Row[Any]) -> CopyView:
    found = dict(row._mapping)
    found["id"], found["terms"] = found.pop("copy_id"), json.loads(found["terms"])
    found["reason"] = found["reason"] or ""
    found["holder_code"] = plain_number(found["holder_code"])
    return CopyView(**found)


def _bound(after: tuple[datetime, str]) -> tuple[Any, Any]:
    return literal(after[0], _GRANTS.c.made.type), literal(after[1], _GRANTS.c.copy_id.type)
