"""用证: an acceptance that is recorded counts as a use, and nothing else does; what is refused is recorded too.

The grant's row is held while its uses are counted, so of those who come at once no more than the limit get through;
and the tables refuse a number beyond it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session

from licence_store.copying.grants import CopyState, CopyView, tidy_word
from licence_store.copying.models import CopyRefusal, CopyUse
from licence_store.models import Department
from seal.copies import same_text
from seal.models import table
from trust.errors import Conflict, Malformed, Refused
from trust.journal import Actor
from verify.policy import StatedPurpose

BY_CLERK: Final = "copy.clerk"
"""Code of a refusal that is the clerk's own decision."""
MAX_REASON: Final = 300
_USES, _REFUSALS = table(CopyUse), table(CopyRefusal)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """采用: what somebody states who would accept a copy."""

    purpose: str
    case_number: str = ""
    recipient: str = ""
    """For whom; somebody of a department accepts for that department."""
    service_item: str = ""
    original_seen: bool = False
    """The original was held beside it."""
    digest: str = ""
    """SM3 of the file that was verified, hex; empty: the copy is named by its id alone."""
    key: str = ""
    """Same copy, same caller, same key: the same use. Empty: a use of its own."""

    def tidied(self, recipient: str) -> Acceptance:
        """The same, in one form, for ``recipient``. Raises ``Malformed("copy.word", "copy.key")``."""
        if len(self.key) > 200 or not (self.key.isascii() and (self.key.isprintable() or not self.key)):
            raise Malformed("copy.key", "幂等键应为不超过 200 个可见字符。")
        return Acceptance(
            tidy_word(self.purpose, "purpose", needed=True),
            tidy_word(self.case_number, "case_number"),
            tidy_word(recipient, "recipient", needed=True),
            tidy_word(self.service_item, "service_item"),
            self.original_seen,
            self.digest.strip().lower(),
            self.key,
        )

    @property
    def stated(self) -> StatedPurpose:
        """As the verifier is told."""
        return StatedPurpose(self.purpose, self.recipient, self.service_item, self.case_number)


@dataclass(frozen=True, slots=True)
class UseView:
    """用证记录: one acceptance."""

    copy_id: str
    number: int
    uses: int
    """The copy's limit; 0: none."""
    at: datetime
    actor: str
    department: str
    recipient: str
    purpose: str
    service_item: str
    case_number: str
    original_seen: bool
    digest: str
    replayed: bool = False
    """It had been recorded before, under the same key."""

    @property
    def left(self) -> int | None:
        """How many were left after it; ``None``: not limited."""
        return self.uses - self.number if self.uses else None


@dataclass(frozen=True, slots=True)
class RefusalView:
    """不予采用: one that was refused, by rule or by decision."""

    copy_id: str
    at: datetime
    actor: str
    department: str
    recipient: str
    purpose: str
    case_number: str
    code: str
    reason: str


def recipient_of(session: Session, actor: Actor, named: str) -> str:
    """For whom ``actor`` accepts: their department; whoever belongs to none says so.

    Raises ``Refused("copy.recipient_differs")``, ``Malformed("copy.recipient_missing")``.
    """
    if not actor.department:
        if not named.strip():
            raise Malformed("copy.recipient_missing", "请说明由哪个单位采用该副本。", field="recipient")
        return named
    own = session.execute(select(Department.name).where(Department.id == actor.department)).scalar() or ""
    if named.strip() and not same_text(named, own):
        raise Refused("copy.recipient_differs", "您只能以“{own}”的名义采用副本。", own=own)
    return own


def check_terms(copy: CopyView, stated: Acceptance, moment: datetime) -> None:
    """May the copy be accepted so? What is on record decides, not what a file says.

    Raises ``Refused``: ``copy.recipient_differs``, ``copy.purpose_differs``, ``copy.service_item_differs``,
    ``copy.case_differs``, ``copy.original_check_required``, ``copy.file_differs``, and as ``check_state``.
    """
    if not same_text(stated.recipient, copy.recipient):
        raise Refused("copy.recipient_differs", "该副本是给“{recipient}”使用的。", recipient=copy.recipient)
    if not same_text(stated.purpose, copy.purpose):
        raise Refused("copy.purpose_differs", "该副本只用于“{purpose}”。", purpose=copy.purpose)
    if copy.service_item and not same_text(stated.service_item, copy.service_item):
        raise Refused("copy.service_item_differs", "该副本只用于事项“{item}”。", item=copy.service_item)
    if copy.case_number and not same_text(stated.case_number, copy.case_number):
        raise Refused("copy.case_differs", "该副本只用于办件 {number}。", number=copy.case_number)
    if copy.original_check and not stated.original_seen:
        raise Refused(
            "copy.original_check_required", "该材料须核验原件后才能采用。", remedy="请与原件核对无误后注明已核验原件。"
        )
    if stated.digest and stated.digest != copy.digest:
        raise Refused("copy.file_differs", "所核验的文件不是登记的那一份副本。", remedy="请核验持证者交来的原文件。")
    check_state(copy, moment)


def check_state(copy: CopyView, moment: datetime) -> None:
    """Raises ``Refused("copy.revoked", "copy.used_up", "copy.expired")``."""
    state = copy.state(moment)
    if state is CopyState.REVOKED:
        raise Refused("copy.revoked", "该副本已被持证者收回。", remedy="请持证者重新制作副本。")
    if state is CopyState.USED_UP:
        raise Refused(
            "copy.used_up", "该副本限用 {uses} 次，已经用完。", uses=copy.uses, remedy="请持证者重新制作副本。"
        )
    if state is CopyState.EXPIRED:
        raise Refused("copy.expired", "该副本已过有效期。", remedy="请持证者重新制作副本。")


def recorded(session: Session, copy: CopyView, actor: Actor, stated: Acceptance) -> UseView | None:
    """The use recorded under this key before. Raises ``Conflict("copy.key_reused")`` where it was another."""
    if not stated.key:
        return None
    named = (_USES.c.copy_id == copy.id, _USES.c.actor == actor.account[:100], _USES.c.key == stated.key)
    row = session.execute(select(*_USES.c).where(*named)).first()
    if row is None:
        return None
    found = _use(row, replayed=True)
    if (found.purpose, found.case_number, found.recipient) != (stated.purpose, stated.case_number, stated.recipient):
        raise Conflict("copy.key_reused", "同一幂等键曾用于另一次采用。", remedy="请为新的采用换用新的幂等键。")
    return found


def count(session: Session, copy: CopyView, actor: Actor, stated: Acceptance, moment: datetime) -> UseView:
    """Write the use down. ``copy`` is held, and was read while it was."""
    row = {
        "copy_id": copy.id,
        "number": copy.used + 1,
        "uses": copy.uses,
        "at": moment,
        "actor": actor.account[:100],
        "department": actor.department or "",
        "recipient": stated.recipient,
        "purpose": stated.purpose,
        "service_item": stated.service_item,
        "case_number": stated.case_number,
        "original_seen": stated.original_seen,
        "digest": stated.digest,
        "key": stated.key or f"-{secrets.token_hex(16)}",
    }
    session.execute(insert(_USES), [row])
    return UseView(**{name: row[name] for name in _USE_NAMES})  # type: ignore[arg-type]


def note_refusal(
    session: Session, copy_id: str, actor: Actor, stated: Acceptance, moment: datetime, code: str, reason: str
) -> RefusalView:
    """Write down that it was not accepted."""
    row = {
        "copy_id": copy_id,
        "at": moment,
        "actor": actor.account[:100],
        "department": actor.department or "",
        "recipient": stated.recipient,
        "purpose": stated.purpose,
        "case_number": stated.case_number,
        "code": code[:64],
        "reason": reason,
    }
    session.execute(insert(_REFUSALS), [row])
    return RefusalView(**row)  # type: ignore[arg-type]


def tidy_reason(text: str, *, needed: bool) -> str:
    """Why, in a line. Raises ``Malformed("copy.reason")``."""
    found = " ".join(text.split()) if len(text) <= MAX_REASON * 2 else text
    if len(found) > MAX_REASON or not (found.isprintable() if found else not needed):
        raise Malformed(
            "copy.reason", "请用一行文字说明理由，不超过 {longest} 个字符。", longest=MAX_REASON, field="reason"
        )
    return found


def uses_of(session: Session, copy_id: str) -> Sequence[UseView]:
    """A copy's uses, newest first."""
    rows = session.execute(select(*_USES.c).where(_USES.c.copy_id == copy_id).order_by(_USES.c.number.desc()))
    return tuple(_use(row) for row in rows)


def refusals_of(session: Session, copy_id: str, limit: int = 200) -> Sequence[RefusalView]:
    """A copy's refusals, newest first."""
    query = select(*_REFUSALS.c).where(_REFUSALS.c.copy_id == copy_id).order_by(_REFUSALS.c.id.desc()).limit(limit)
    return tuple(RefusalView(**{name: row._mapping[name] for name in _REFUSAL_NAMES}) for row in session.execute(query))


_USE_NAMES: Final = tuple(one.name for one in fields(UseView) if one.name != "replayed")
_REFUSAL_NAMES: Final = tuple(one.name for one in fields(RefusalView))


def _use(row: Row[Any], *, replayed: bool = False) -> UseView:
    return UseView(**{name: row._mapping[name] for name in _USE_NAMES}, replayed=replayed)
