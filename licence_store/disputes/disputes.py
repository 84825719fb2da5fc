"""异议: what a holder says is wrong, and the department's answer in time.

    dispute = disputes.about_entry(session, 17, "我没有办理过此项业务")        # an entry of the use ledger
    dispute = disputes.about_licence(session, licence_id, "address", "地址有误")  # what stands on a licence
    disputes.answer(dispute.id, officer, upheld=True, words="已核实，该次查询无授权，已处理。")

The issuing department of the licence answers; of an entry about something else, the department that acted. It has
``WORKING_DAYS`` (Monday to Friday; public holidays are not known here). What is late is shown as late, to both sides;
nothing closes by itself. The answer goes to the holder by notice.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.disputes.models import Dispute, DisputeEvent
from licence_store.holding.holder import HolderSession
from licence_store.ledger.scope import covers, is_theirs, type_of
from licence_store.models import Department, Licence, LicenceType, table
from licence_store.notices.contacts import DEPARTMENT, HOLDER
from licence_store.notices.outbox import Occasion
from licence_store.standing import beginning_of, day_of
from seal.database import Sessions
from seal.lifecycle import Official, Role
from trust.errors import Conflict, Malformed, NotFound, Refused
from trust.i18n import N_
from trust.journal import Actor, Entry

if TYPE_CHECKING:
    from licence_store.ledger.ledger import Ledger
    from licence_store.notices.outbox import Outbox
    from licence_store.register import Register

WORKING_DAYS: Final = 10
OPEN, UPHELD, REJECTED, WITHDRAWN = "open", "upheld", "rejected", "withdrawn"
STATES: Final = {OPEN: N_("办理中"), UPHELD: N_("异议成立"), REJECTED: N_("异议不成立"), WITHDRAWN: N_("已撤回")}
LONGEST: Final = 1000
_MOST_OPEN: Final = 20
_TABLE, _EVENTS = table(Dispute), table(DisputeEvent)


@dataclass(frozen=True, slots=True)
class DisputeView:
    """异议 as it stands."""

    id: str
    holder_code: str
    kind: str
    """``entry`` or ``licence``."""
    subject: str
    entry_seq: int | None
    entry_digest: str
    field: str
    department_id: str
    words: str
    opened: datetime
    deadline: datetime
    state: str
    """A key of ``STATES``."""
    closed: datetime | None
    answer: str

    def is_overdue(self, moment: datetime) -> bool:
        """Was it not answered in time?"""
        return (self.closed or moment) >= self.deadline and self.state != WITHDRAWN


@dataclass(frozen=True, slots=True)
class DisputeStep:
    """异议办理的一步."""

    number: int
    at: datetime
    actor: str
    act: str
    words: str


@dataclass(frozen=True, slots=True)
class Disputes:
    """异议办理. Callers have authenticated whoever acts."""

    sessions: Sessions
    register: Register
    ledger: Ledger
    notices: Outbox
    clock: Callable[[], datetime]

    # The holder

    def about_entry(self, who: HolderSession, seq: int, words: str) -> DisputeView:
        """Dispute an entry of the holder's own ledger; whoever may only look reads it and leaves it at that.

        Raises ``Refused("holder.right", "dispute.no_department", "dispute.too_many")``,
        ``NotFound("ledger.unknown")``, ``Conflict("dispute.already")``, ``Malformed("dispute.words")``.
        """
        entry, digest = self.ledger.entry(who.holder.code, seq)
        if not covers(who, entry.subject):
            raise NotFound("ledger.unknown", "您的用证记录中没有第 {seq} 条。", seq=seq)
        who.demand("use", type_of(entry.subject))
        with self.sessions.begin() as session:
            issuing = select(Licence.department_id).where(Licence.base == entry.subject)
            department = session.execute(issuing).scalar() or entry.department
            return self._open(session, who, "entry", entry.subject, department, words, entry=(seq, digest))

    def about_licence(self, who: HolderSession, licence_id: str, field: str, words: str) -> DisputeView:
        """Dispute what stands on a licence of the holder's; ``field``: of its face, empty: something else.

        Raises ``NotFound("licence.unknown")``, ``Malformed("dispute.field")`` and as ``about_entry``.
        """
        view = self.register.find(licence_id)
        if not is_theirs(who, view.summary):
            raise NotFound("licence.unknown", "登记簿中没有证照 {licence_id}。", licence_id=view.asked_id)
        who.demand("use", view.summary.type_code)
        if field and field not in {one.name for one in view.message.face}:
            raise Malformed("dispute.field", "证照没有字段“{name}”。", name=field[:64])
        one = view.summary
        with self.sessions.begin() as session:
            return self._open(session, who, "licence", one.base, one.department_id, words, field=field)

    def withdraw(self, who: HolderSession, dispute_id: str) -> DisputeView:
        """撤回, by whoever opened it or the holder. Raises ``NotFound("dispute.unknown")``,
        ``Refused("dispute.not_yours")``, ``Conflict("dispute.closed")``.
        """
        with self.sessions.begin() as session:
            row = self._held(session, dispute_id)
            if row.holder_code != who.holder.code or not covers(who, row.subject):
                raise _unknown(dispute_id)
            if who.delegation_id and row.account_id != who.actor().account:
                raise Refused("dispute.not_yours", "这件异议不是您提出的，请由提出人或持证者本人撤回。")
            self._step(session, row, who.actor(), "withdraw", "", WITHDRAWN)
        return self.of_holder(who.holder.code, dispute_id)[0]

    def of_holder(self, holder_code: str, dispute_id: str = "", limit: int = 100) -> tuple[DisputeView, ...]:
        """This holder's, newest first; with an id only that one, or ``NotFound("dispute.unknown")``."""
        query = select(Dispute).where(Dispute.holder_code == holder_code)
        if dispute_id:
            query = query.where(Dispute.id == dispute_id)
        with self.sessions.read() as session:
            rows = session.execute(query.order_by(Dispute.id.desc()).limit(limit)).scalars().all()
        if dispute_id and not rows:
            raise _unknown(dispute_id)
        return tuple(map(_view, rows))

    # The department

    def page(
        self, department: str | None, *, state: str = OPEN, overdue: bool = False, after: str = "", limit: int = 50
    ) -> tuple[DisputeView, ...]:
        """A department's, the nearest deadline first; ``None``: every department's."""
        query = select(Dispute).order_by(Dispute.deadline, Dispute.id).limit(limit)
        if department is not None:
            query = query.where(Dispute.department_id == department)
        if state:
            query = query.where(Dispute.state == state)
        if overdue:
            query = query.where(Dispute.deadline <= self.clock(), Dispute.state == OPEN)
        with self.sessions.read() as session:
            if after and (last := session.get(Dispute, after)) is not None:
                later = (Dispute.deadline > last.deadline) | (
                    (Dispute.deadline == last.deadline) & (Dispute.id > after)
                )
                query = query.where(later)
            return tuple(map(_view, session.execute(query).scalars()))

    def waiting(self, department: str | None) -> tuple[int, int]:
        """How many are open, and how many of these are late."""
        query = select(func.count()).where(Dispute.state == OPEN)
        if department is not None:
            query = query.where(Dispute.department_id == department)
        with self.sessions.read() as session:
            late = session.execute(query.where(Dispute.deadline <= self.clock())).scalar_one()
            return session.execute(query).scalar_one(), late

    def get(self, dispute_id: str, department: str | None = None) -> DisputeView:
        """For staff. Raises ``NotFound("dispute.unknown")``, also where another department asks."""
        with self.sessions.read() as session:
            row = session.get(Dispute, dispute_id)
        if row is None or department not in (None, row.department_id):
            raise _unknown(dispute_id)
        return _view(row)

    def steps(self, dispute_id: str) -> tuple[DisputeStep, ...]:
        """What happened to it, in order."""
        query = select(DisputeEvent).where(DisputeEvent.dispute_id == dispute_id).order_by(DisputeEvent.number)
        with self.sessions.read() as session:
            rows = session.execute(query).scalars()
            return tuple(DisputeStep(one.number, one.at, one.actor, one.act, one.words) for one in rows)

    def answer(self, dispute_id: str, who: Official, *, upheld: bool, words: str) -> DisputeView:
        """答复: by an officer of the department, in words the holder reads.

        Raises ``NotFound("dispute.unknown")``, ``Refused("dispute.role")``, ``Conflict("dispute.closed")``,
        ``Malformed("dispute.words")``.
        """
        said = _checked(words)
        with self.sessions.begin() as session:
            row = self._held(session, dispute_id)
            _check_own(row, who)
            act, state = ("uphold", UPHELD) if upheld else ("reject", REJECTED)
            self._step(session, row, who.actor, act, said, state, self._told(session, row, HOLDER, "dispute.answered"))
        return self.get(dispute_id)

    def note(self, dispute_id: str, who: Official, words: str) -> DisputeView:
        """办理情况, before the answer; the holder reads it too. Raises as ``answer``."""
        said = _checked(words)
        with self.sessions.begin() as session:
            row = self._held(session, dispute_id)
            _check_own(row, who)
            self._step(session, row, who.actor, "note", said, OPEN)
        return self.get(dispute_id)

    # Inside

    def _open(
        self,
        session: Session,
        who: HolderSession,
        kind: str,
        subject: str,
        department: str,
        words: str,
        *,
        entry: tuple[int | None, str] = (None, ""),
        field: str = "",
    ) -> DisputeView:
        said, now = _checked(words), self.clock()
        if not department:
            raise Refused("dispute.no_department", "这条记录没有对应的部门，不能在此提出异议。")
        self.ledger.hold(session, who.holder.code)  # two at once would both count the others only
        mine = select(Dispute).where(Dispute.holder_code == who.holder.code, Dispute.state == OPEN)
        waiting = session.execute(mine.limit(_MOST_OPEN)).scalars().all()
        if len(waiting) >= _MOST_OPEN:
            raise Refused("dispute.too_many", "您有 {most} 件异议尚未答复，请等候答复后再提出。", most=_MOST_OPEN)
        if any(
            (one.kind, one.subject, one.entry_seq, one.field) == (kind, subject, entry[0], field) for one in waiting
        ):
            raise Conflict("dispute.already", "对此已有一件尚未答复的异议。")
        row = Dispute(
            id=f"{int(now.timestamp() * 1000):012x}{secrets.token_hex(6)}", holder_code=who.holder.code,
            account_id=who.actor().account, kind=kind, subject=subject, entry_seq=entry[0], entry_digest=entry[1],
            field=field, department_id=department, words=said, opened=now, deadline=deadline(now), state=OPEN,
            closed=None, answer="",
        )  # fmt: skip
        session.add(row)
        session.flush()
        self._step(
            session, row, who.actor(), "open", said, OPEN, self._told(session, row, DEPARTMENT, "dispute.opened")
        )
        return _view(row)

    @staticmethod
    def _held(session: Session, dispute_id: str) -> Dispute:
        row = session.execute(select(Dispute).where(Dispute.id == dispute_id).with_for_update()).scalar()
        if row is None:
            raise _unknown(dispute_id)
        return row

    def _step(
        self,
        session: Session,
        row: Dispute,
        actor: Actor,
        act: str,
        words: str,
        state: str,
        notice: Occasion | None = None,
    ) -> None:
        """One step: the row, its event, the notice, and last the journal. Raises ``Conflict("dispute.closed")``."""
        if row.state != OPEN:
            raise Conflict("dispute.closed", "该异议已经办结。")
        now = self.clock()
        number = session.execute(
            select(func.coalesce(func.max(DisputeEvent.number), 0)).where(DisputeEvent.dispute_id == row.id)
        ).scalar_one()
        event = {
            "dispute_id": row.id, "number": number + 1, "at": now, "actor": actor.account[:100], "act": act,
            "words": words,
        }  # fmt: skip
        session.execute(insert(_EVENTS), [event])
        if state != OPEN:
            values: dict[str, Any] = {"state": state, "closed": now, "answer": words}
            session.execute(update(_TABLE).where(_TABLE.c.id == row.id).values(values))
        if notice is not None:
            self.notices.post(session, [notice])
        journal.append(session, [Entry(now, actor, f"dispute.{act}", row.id, details={"about": row.kind})])

    @staticmethod
    def _told(session: Session, row: Dispute, party_kind: str, kind: str) -> Occasion:
        """What is told, without the words of either side: those are read in the space, and at the desk."""
        about = (
            select(LicenceType.name, Licence.number, Department.name.label("issuer"))
            .join(Licence, Licence.type_code == LicenceType.code)
            .join(Department, Department.id == Licence.department_id)
            .where(Licence.base == row.subject)
        )
        found = session.execute(about).first()
        facts = {
            "type": found.name if found else "材料或用证副本",
            "number": found.number if found else row.subject,
            "issuer": found.issuer if found else "",
            "dispute": row.id,
            "deadline": day_of(row.deadline - timedelta(seconds=1)).isoformat(),
            "licence_id": row.subject,
        }
        party = row.holder_code if party_kind == HOLDER else row.department_id
        return Occasion(kind, row.subject, f"{kind}-{row.id}"[:64], party_kind, party, row.department_id, facts)


def deadline(moment: datetime) -> datetime:
    """The end of the last of ``WORKING_DAYS``, Beijing time; Saturdays and Sundays do not count."""
    day, left = day_of(moment), WORKING_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    return beginning_of(date.fromordinal(day.toordinal() + 1))


def _checked(words: str) -> str:
    said = words.replace("\r\n", "\n").strip()
    if not said or len(said) > LONGEST or not said.replace("\n", "").isprintable():
        raise Malformed("dispute.words", "请用不超过 {limit} 字说明，不含控制字符。", limit=LONGEST)
    return said


def _check_own(row: Dispute, who: Official) -> None:
    if who.actor.department not in (None, "", row.department_id):
        raise _unknown(row.id)
    if who.role is not Role.OFFICER:
        raise Refused("dispute.role", "异议由颁证部门的经办人答复。")


def _unknown(dispute_id: str) -> NotFound:
    return NotFound("dispute.unknown", "没有异议 {id}。", id=dispute_id[:40])


def _view(row: Dispute) -> DisputeView:
    return DisputeView(
        row.id, row.holder_code, row.kind, row.subject, row.entry_seq, row.entry_digest, row.field, row.department_id,
        row.words, row.opened, row.deadline, row.state, row.closed, row.answer,
    )  # fmt: skip
