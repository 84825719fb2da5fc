"""亮证: a short-lived code by which one verifier sees one licence, with the fields its holder chose (leap 9).

    offered = presenter.offer(session, licence_id, fields=["name"], verifier="market")
    shown = presenter.open(offered.token, Verifier("market", "市场监管局", "clerk"))   # once, within two minutes
    presenter.find(offered.id, shown.claim)                                             # again by the same, a while

Whoever opens it first has it: the same code opened by anybody else, or later, is refused, and each opening and each
refusal stands in the holder's ledger. Of code and claim only digests are kept.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from licence_store.holding.holder import ALL, EVERYTHING, NONE, HolderSession
from licence_store.ledger.ledger import Ledger, UseNote
from licence_store.ledger.scope import covers, is_theirs, type_of
from licence_store.ledger.witness import PUBLIC, who_holds
from licence_store.models import Department, table
from licence_store.presenting.models import Presentation
from seal.database import Sessions
from trust.algorithms import sm3
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Refused
from trust.identifiers import first_version
from trust.journal import Actor

if TYPE_CHECKING:
    from licence_store.register import Register
    from licence_store.views import LicenceView

VALID: Final = timedelta(minutes=2)
"""How long a code may be opened."""
LONGEST: Final = timedelta(minutes=10)
SHORTEST: Final = timedelta(seconds=30)
LOOK: Final = timedelta(minutes=5)
"""How long whoever opened it may look at it."""
CODE_DIGITS: Final = 9
_MOST_LIVE: Final = 5
"""Codes of one holder that may be open at a time."""
_TABLE = table(Presentation)


@dataclass(frozen=True, slots=True)
class Viewer:
    """查验方: who opens it; a department's officer, or somebody with a phone."""

    department: str = ""
    name: str = ""
    """As the holder reads it; empty: the public."""
    account: str = "anonymous"
    types: frozenset[str] = EVERYTHING
    """Licence types that a system's token covers."""


@dataclass(frozen=True, slots=True)
class Offered:
    """亮证码 as made; ``token`` and ``code`` are told once and kept nowhere."""

    id: str
    token: str = field(repr=False)
    code: str = field(repr=False)
    """For typing, by staff signed in."""
    expires: datetime


@dataclass(frozen=True, slots=True)
class PresentationView:
    """亮证 on record."""

    id: str
    base: str
    shown: tuple[str, ...]
    """Names of the fields that are not masked."""
    verifier: str
    """The department it is for; empty: whoever opens it first."""
    purpose: str
    made: datetime
    expires: datetime
    opened: datetime | None
    opened_by: str
    ended: datetime | None
    holder_code: str = field(repr=False)

    def state(self, moment: datetime) -> str:
        """``ended``, ``opened``, ``expired`` or ``open``."""
        if self.ended is not None:
            return "ended"
        if self.opened is not None:
            return "opened"
        return "expired" if moment >= self.expires else "open"


@dataclass(frozen=True, slots=True)
class Shown:
    """亮证所示: for whoever opened it."""

    view: PresentationView
    licence: LicenceView
    until: datetime
    """Until when they may look."""
    claim: str = field(default="", repr=False)
    """What tells them from everybody else; told once."""


@dataclass(frozen=True, slots=True)
class Presenter:
    """亮证台."""

    sessions: Sessions
    register: Register
    ledger: Ledger
    clock: Callable[[], datetime]

    # The holder

    def offer(
        self,
        who: HolderSession,
        licence_id: str,
        *,
        fields: Collection[str] = (),
        verifier: str = "",
        purpose: str = "",
        valid: timedelta = VALID,
    ) -> Offered:
        """A code that shows ``fields`` of the face and masks the others.

        Raises ``NotFound("licence.unknown", "department.unknown")``, ``Refused("holder.right",
        "licence.not_referencable", "present.too_many")``, ``Malformed("present.field", "present.valid",
        "present.purpose")``.
        """
        view = self.own(who, licence_id)
        _check(view, fields, valid, purpose)
        now, token = self.clock(), secrets.token_urlsafe(24)
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        row = {
            "id": f"p-{secrets.token_hex(12)}",
            "token_digest": _digest(token),
            "code_digest": _digest(code),
            "holder_code": who.holder.code,
            "account_id": who.actor().account,
            "base": view.summary.base,
            "shown": json.dumps(sorted(set(fields)), ensure_ascii=False),
            "verifier": verifier,
            "purpose": purpose.strip(),
            "made": now,
            "expires": now + valid,
            "opened": None,
            "opened_by": "",
            "claim_digest": "",
            "ended": None,
        }
        with self.sessions.begin() as session:
            if verifier and session.get(Department, verifier) is None:
                raise NotFound("department.unknown", "没有部门“{name}”。", name=verifier[:40])
            self.ledger.hold(session, who.holder.code)  # two at once would both count the others only
            live = select(Presentation.id).where(
                Presentation.holder_code == who.holder.code, Presentation.expires > now,
                Presentation.opened.is_(None), Presentation.ended.is_(None),
            )  # fmt: skip
            if len(session.execute(live.limit(_MOST_LIVE)).all()) >= _MOST_LIVE:
                raise Refused(
                    "present.too_many", "还有 {most} 个亮证码没有用完，请先收回或等它们失效。", most=_MOST_LIVE
                )
            session.execute(insert(_TABLE), [row])
            acted = who_holds(who), who.actor().account
            note = UseNote(who.holder.code, view.summary.base, "present", *acted, purpose.strip(), "offered", now)
            self.ledger.note(session, note)
        return Offered(str(row["id"]), token, code, now + valid)

    def own(self, who: HolderSession, licence_id: str) -> LicenceView:
        """The holder's licence, in force. Raises as ``offer`` does."""
        view = self.register.find(licence_id)
        if not is_theirs(who, view.summary):
            raise NotFound("licence.unknown", "登记簿中没有证照 {licence_id}。", licence_id=view.asked_id)
        who.demand("use", view.summary.type_code, NONE)
        return self.register.referencable(view.licence_id)

    def end(self, who: HolderSession, presentation_id: str) -> PresentationView:
        """收回. Raises ``NotFound("present.unknown")``."""
        with self.sessions.begin() as session:
            row = self._held(session, Presentation.id == presentation_id)
            if row is None or row.holder_code != who.holder.code or not covers(who, row.base, "use"):
                raise _unknown()
            if row.ended is None:
                now = self.clock()
                session.execute(update(_TABLE).where(_TABLE.c.id == row.id).values(ended=now))
        return self.of_holder(who.holder.code, presentation_id)[0]

    def forget(self, holder_code: str, actor: Actor) -> int:
        """收回 every code of a holder that may still be opened or looked at: they close their account
        (``ClosingPart``). Answers how many.
        """
        now = self.clock()
        live = (_TABLE.c.holder_code == holder_code, _TABLE.c.ended.is_(None), _TABLE.c.expires > now - LOOK)
        with self.sessions.begin() as session:
            ended = session.execute(update(_TABLE).where(*live).values(ended=now).returning(_TABLE.c.id))
            return len(ended.all())

    def of_holder(self, holder_code: str, presentation_id: str = "", limit: int = 20) -> tuple[PresentationView, ...]:
        """This holder's, newest first; with an id only that one. Raises ``NotFound("present.unknown")`` for the one."""
        query = select(Presentation).where(Presentation.holder_code == holder_code)
        if presentation_id:
            query = query.where(Presentation.id == presentation_id)
        with self.sessions.read() as session:
            rows = session.execute(query.order_by(Presentation.made.desc()).limit(limit)).scalars().all()
        if presentation_id and not rows:
            raise _unknown()
        return tuple(map(_view, rows))

    # The verifier

    def peek(self, token: str) -> PresentationView:
        """Is there such a presentation; nothing of the licence is told. Raises ``NotFound("present.unknown")``."""
        with self.sessions.read() as session:
            row = session.execute(select(Presentation).where(Presentation.token_digest == _digest(token))).scalar()
        if row is None:
            raise _unknown()
        return _view(row)

    def open(self, token: str, viewer: Viewer, *, code: str = "") -> Shown:
        """查验: open it, once. ``code`` instead of ``token``: what was typed; for staff only.

        Raises ``NotFound("present.unknown")``, ``Refused("present.expired", "present.ended",
        "present.other_verifier", "token.scope")``, ``Conflict("present.taken")``; what is refused of a known one is
        in the holder's ledger.
        """
        digest = _digest(code.replace(" ", "") if code else token)
        claim, now = secrets.token_urlsafe(24), self.clock()
        with self._refusals(viewer, now), self.sessions.begin() as session:
            of = Presentation.code_digest == digest if code else Presentation.token_digest == digest
            row = self._held(session, of)
            if row is None:
                raise _unknown()
            error = _refusal(_view(row), viewer, now)
            if error is not None:
                raise _Declined(error, _view(row))
            who = viewer.name or PUBLIC
            values = {"opened": now, "opened_by": who, "claim_digest": _digest(claim)}
            session.execute(update(_TABLE).where(_TABLE.c.id == row.id).values(values))
            view = _view(row)
            self.ledger.note(session, _noted(view, "present", viewer, "ok", now))
        return self._shown(self._again(view.id), claim)

    def find(self, presentation_id: str, claim: str) -> Shown:
        """再看一眼 by whoever opened it, a while. Raises ``NotFound("present.unknown")``, ``Conflict("present.taken")``
        for anybody else, ``Refused("present.ended", "present.expired")``.
        """
        with self.sessions.read() as session:
            row = session.get(Presentation, presentation_id)
        if row is None:
            raise _unknown()
        if not claim or not row.claim_digest or not secrets.compare_digest(row.claim_digest, _digest(claim)):
            raise _taken()
        view = _view(row)
        if view.ended is not None:
            raise _ended()
        if view.opened is None or self.clock() >= view.opened + LOOK:
            raise _expired()
        return self._shown(view, "")

    # Inside

    def _held(self, session: Session, condition: Any) -> Presentation | None:
        newest = select(Presentation).where(condition).order_by(Presentation.made.desc()).limit(1)
        return session.execute(newest.with_for_update()).scalar()

    def _again(self, presentation_id: str) -> PresentationView:
        with self.sessions.read() as session:
            row = session.get(Presentation, presentation_id)
        assert row is not None
        return _view(row)

    def _shown(self, view: PresentationView, claim: str) -> Shown:
        assert view.opened is not None
        licence = self.register.find(first_version(view.base).text)
        return Shown(view, licence, view.opened + LOOK, claim)

    @contextmanager
    def _refusals(self, viewer: Viewer, now: datetime) -> Iterator[None]:
        """What is refused is in the holder's ledger, with the code of why."""
        try:
            yield
        except _Declined as declined:
            self.ledger.record(_noted(declined.view, "refuse", viewer, declined.error.code, now))
            raise declined.error from None


class _Declined(Exception):
    """Carries a refusal out of the transaction that found it."""

    def __init__(self, error: LicenceTrustError, view: PresentationView) -> None:
        super().__init__(error.code)
        self.error, self.view = error, view


def _noted(view: PresentationView, act: str, viewer: Viewer, result: str, now: datetime) -> UseNote:
    who = viewer.name or PUBLIC
    return UseNote(view.holder_code, view.base, act, who, viewer.account, view.purpose, result, now, viewer.department)


def _refusal(view: PresentationView, viewer: Viewer, now: datetime) -> LicenceTrustError | None:
    """Why it cannot be opened; ``None``: it can. The order tells a stranger least."""
    if view.ended is not None:
        return _ended()
    if view.opened is not None:
        return _taken()
    if now >= view.expires:
        return _expired()
    if view.verifier and view.verifier != viewer.department:
        return Refused(
            "present.other_verifier",
            "这次亮证限指定的部门查验。",
            remedy="请由该部门的工作人员登录后查验，或请对方重新亮证。",
        )
    if not viewer.types & {ALL, type_of(view.base)}:
        return Refused("token.scope", "该接口令牌的授权范围不包括“{wanted}”。", wanted=type_of(view.base))
    return None


def _check(view: LicenceView, fields: Collection[str], valid: timedelta, purpose: str) -> None:
    if unknown := sorted(set(fields) - {one.name for one in view.message.face}):
        raise Malformed("present.field", "证照没有字段“{name}”，不能出示。", name=unknown[0][:64])
    if not SHORTEST <= valid <= LONGEST:
        raise Malformed(
            "present.valid", "亮证码的有效时间应为 {least} 秒至 {most} 分钟。",
            least=int(SHORTEST.total_seconds()), most=int(LONGEST.total_seconds() // 60),
        )  # fmt: skip
    if len(purpose) > 200 or not purpose.isprintable():
        raise Malformed("present.purpose", "用途应为不超过 200 字的一行文字。")


def _unknown() -> NotFound:
    return NotFound("present.unknown", "没有这个亮证码。", remedy="请核对后重新扫码，或请对方重新亮证。")


def _taken() -> Conflict:
    return Conflict("present.taken", "这个亮证码已经被查验过，不能再次使用。", remedy="请对方重新亮证，当面扫码。")


def _expired() -> Refused:
    return Refused("present.expired", "这个亮证码已过时效。", remedy="请对方重新亮证，当面扫码。")


def _ended() -> Refused:
    return Refused("present.ended", "持证者已收回这次亮证。", remedy="如需查验，请对方重新亮证。")


def _digest(secret: str) -> str:
    return sm3(secret.encode("utf-8", "replace")).hex()


def _view(row: Presentation) -> PresentationView:
    return PresentationView(
        row.id, row.base, tuple(json.loads(row.shown)), row.verifier, row.purpose, row.made, row.expires, row.opened,
        row.opened_by, row.ended, row.holder_code,
    )  # fmt: skip
