"""授权 (R099): who may use what of a holder's, for which items, until when; asked for, given, changed, taken back.

A delegation out of a delegation hangs below it, three levels at most, and is never wider or longer. Whoever
changes a branch holds its root's row until the commit; what no longer fits below is narrowed or cut in the same
transaction, so that taking back counts at once for the whole branch. Every step is an event.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.holding.accounts import check_holder
from licence_store.holding.holder import PERSON, Holder, HolderSession
from licence_store.holding.models import Delegation, DelegationEvent, HolderAccount
from licence_store.holding.terms import Terms, kept, plain, read
from licence_store.names import fold
from seal.database import Sessions
from trust.errors import Conflict, Malformed, NotFound, Refused
from trust.journal import Actor, Entry

DEEPEST: Final = 3
"""Levels of a branch (R099)."""
REQUESTED, GRANTED, REFUSED, CANCELLED = "requested", "granted", "refused", "cancelled"
OPEN_REQUESTS: Final = 20
"""Of one person, still undecided."""
BRANCH: Final = 500
"""Delegations in force below one root."""
ASSURANCE: Final = 2
"""What giving and changing needs; taking back needs no more than being signed in."""


@dataclass(frozen=True, slots=True)
class DelegationView:
    """授权 as it stands."""

    id: str
    root_id: str
    parent_id: str
    depth: int
    holder: Holder
    delegate: Holder
    state: str
    terms: Terms

    def stands(self, moment: datetime) -> str:
        """``state``, or ``future`` and ``ended`` where only time says so."""
        if self.state != GRANTED or self.terms.counts(moment):
            return self.state
        return "future" if moment < self.terms.starts else "ended"


@dataclass(frozen=True, slots=True)
class DelegationStep:
    """授权经过."""

    act: str
    at: datetime
    actor: str
    terms: dict[str, object]
    reason: str


@dataclass(frozen=True)
class Delegations:
    """授权登记."""

    sessions: Sessions
    clock: Callable[[], datetime]

    # Giving

    def grant(
        self, who: HolderSession, delegate: Holder, terms: Terms, *, reason: str = "", actor: Actor | None = None
    ) -> DelegationView:
        """授权, in the holder's name or below one's own. Raises ``Refused("holder.right", "delegation.*")``,
        ``StepUpNeeded``, ``Malformed("delegation.*", "holder.*")``.
        """
        now, terms = self._checked(who, terms)
        delegate = check_holder(delegate)
        with self.sessions.begin() as session:
            row = self._place(session, who, delegate, terms, now)
            row["id"] = _new_id(now)
            row["root_id"] = row["root_id"] or row["id"]
            session.execute(insert(Delegation), [{**row, "state": GRANTED, "events": 0}])
            return self._step(session, str(row["id"]), "grant", who, reason, now, actor)

    def request(
        self, who: HolderSession, holder: Holder, terms: Terms, *, reason: str = "", actor: Actor | None = None
    ) -> DelegationView:
        """申请授权 from a company or a person. Whether they are known here is not said."""
        now, terms = self.clock(), plain(terms)
        terms.check(now)
        holder = check_holder(holder)
        person = who.person
        if holder.same(person):
            raise _self()
        open_ones = select(func.count()).select_from(Delegation)
        mine = open_ones.where(Delegation.delegate_code == person.code, Delegation.state == REQUESTED)
        row_id = _new_id(now)
        with self.sessions.begin() as session:
            _hold(session, person)
            if session.execute(mine).scalar_one() >= OPEN_REQUESTS:
                raise Refused("delegation.too_many", "您已有{count}件申请等待答复。", count=OPEN_REQUESTS)
            place = {"root_id": row_id, "parent_id": "", "depth": 1}
            row = {"id": row_id, **place, **_parties(holder, person), **_columns(terms)}
            session.execute(insert(Delegation), [{**row, "state": REQUESTED, "events": 0}])
            return self._step(session, row_id, "request", who, reason, now, actor)

    def accept(
        self,
        who: HolderSession,
        delegation_id: str,
        terms: Terms | None = None,
        *,
        reason: str = "",
        actor: Actor | None = None,
    ) -> DelegationView:
        """同意申请, with other terms than asked for perhaps."""
        asked = self.get(who, delegation_id)
        if not asked.holder.same(who.holder):
            raise _not_yours()
        now, terms = self._checked(who, terms or asked.terms)
        with self.sessions.begin() as session:
            place = self._place(session, who, asked.delegate, terms, now)
            place["root_id"] = place["root_id"] or asked.id
            self._move(session, asked.id, REQUESTED, state=GRANTED, **place)
            return self._step(session, asked.id, "grant", who, reason, now, actor)

    def refuse(
        self, who: HolderSession, delegation_id: str, reason: str, *, actor: Actor | None = None
    ) -> DelegationView:
        """拒绝申请."""
        asked, now = self.get(who, delegation_id), self.clock()
        who.demand("delegate")
        if not asked.holder.same(who.holder):
            raise _not_yours()
        with self.sessions.begin() as session:
            self._move(session, asked.id, REQUESTED, state=REFUSED)
            return self._step(session, asked.id, "refuse", who, reason, now, actor)

    # Changing and taking back

    def change(
        self, who: HolderSession, delegation_id: str, terms: Terms, *, reason: str = "", actor: Actor | None = None
    ) -> DelegationView:
        """变更授权; what hangs below is narrowed to fit, or cut."""
        now, terms = self._checked(who, terms)
        with self.sessions.begin() as session:
            branch = _branch(session, delegation_id)
            found = branch[delegation_id]
            _demand_above(who, branch, found)
            if found.state != GRANTED:
                raise _moved_on()
            parent = branch.get(found.parent_id)
            if parent is not None and not terms.within(_terms(parent)):
                raise _wider()
            _write(session, found, terms)
            view = self._step(session, found.id, "change", who, reason, now, actor)
            self._fit_below(session, branch, found, who, now)
            return view

    def cancel(
        self, who: HolderSession, delegation_id: str, reason: str = "", *, actor: Actor | None = None
    ) -> DelegationView:
        """收回授权 with all that hangs below; the delegate may give it back, or take a request back."""
        now = self.clock()
        with self.sessions.begin() as session:
            branch = _branch(session, delegation_id)
            found = branch[delegation_id]
            if not _is_delegate(who.person, found):
                _demand_above(who, branch, found)
            if found.state not in (GRANTED, REQUESTED):
                raise _moved_on()
            found.state = CANCELLED
            self._move(session, found.id, GRANTED, REQUESTED, state=CANCELLED)
            self._fit_below(session, branch, found, who, now)
            return self._step(session, found.id, "cancel", who, reason, now, actor)

    def close_person(self, session: Session, person: Holder, actor: Actor, moment: datetime) -> None:
        """注销账号: what they were given and what they gave of their own ends, with all that hangs below."""
        received = and_(Delegation.delegate_code == person.code, Delegation.delegate_code_type == person.code_type)
        theirs = or_(received, and_(*_of(person)))
        standing = Delegation.state.in_((GRANTED, REQUESTED))
        roots = select(Delegation.root_id).where(theirs, standing).distinct().order_by(Delegation.root_id)
        who = HolderSession("", person, person, counter=actor)
        for root_id in list(session.execute(roots).scalars()):
            branch = _branch(session, root_id)
            for found in branch.values():
                parties = (found.delegate_code, found.delegate_code_type), (found.holder_code, found.holder_code_type)
                if (person.code, person.code_type) in parties and found.state in (GRANTED, REQUESTED):
                    found.state = CANCELLED
                    self._move(session, found.id, GRANTED, REQUESTED, state=CANCELLED)
                    self._event(session, found, "cut", who, "", moment)
                    self._fit_below(session, branch, found, who, moment)

    # Looking

    def get(self, who: HolderSession, delegation_id: str) -> DelegationView:
        """Raises ``NotFound("delegation.unknown")``, also for one that is none of theirs."""
        with self.sessions.read() as session:
            found = session.get(Delegation, delegation_id[:32])
            if found is None or not _may_see(session, who, found):
                raise _unknown()
            return _view(found)

    def steps(self, who: HolderSession, delegation_id: str) -> tuple[DelegationStep, ...]:
        """授权经过, the oldest first."""
        query = select(DelegationEvent).order_by(DelegationEvent.number)
        found = self.get(who, delegation_id)
        with self.sessions.read() as session:
            rows = session.execute(query.where(DelegationEvent.delegation_id == found.id)).scalars()
            return tuple(DelegationStep(one.act, one.at, one.actor, json.loads(one.terms), one.reason) for one in rows)

    def given(self, who: HolderSession, limit: int = 500) -> tuple[DelegationView, ...]:
        """Those out of this holder's space that ``who`` has a say in, requests too; the newest first."""
        if not who.may("delegate"):
            return ()
        query = select(Delegation).where(*_of(who.holder)).order_by(Delegation.id.desc())
        with self.sessions.read() as session:
            rows = list(session.execute(query.limit(limit)).scalars())
        if who.delegation_id:
            rows = [one for one in rows if one.state == REQUESTED or one.id in _below(rows, who.delegation_id)]
        return tuple(_view(one) for one in rows)

    def received(self, person: Holder, limit: int = 200) -> tuple[DelegationView, ...]:
        """Those given to, or asked for by, this person; the newest first."""
        query = select(Delegation).where(Delegation.delegate_code == person.code).order_by(Delegation.id.desc())
        with self.sessions.read() as session:
            rows = list(session.execute(query.limit(limit)).scalars())
        return tuple(_view(one) for one in rows if _is_delegate(person, one))

    def active(self, person: Holder, moment: datetime) -> tuple[DelegationView, ...]:
        """Those by which this person may act at ``moment``."""
        query = select(Delegation).where(
            Delegation.delegate_code == person.code,
            Delegation.state == GRANTED,
            Delegation.starts <= moment,
            Delegation.ends > moment,
        )
        with self.sessions.read() as session:
            rows = list(session.execute(query.order_by(Delegation.id)).scalars())
            return tuple(_view(one) for one in rows if standing(session, one.id, person, moment))

    # Steps

    def _checked(self, who: HolderSession, terms: Terms) -> tuple[datetime, Terms]:
        now = self.clock()
        who.demand("delegate")
        who.demand_assurance(ASSURANCE, now)
        terms = plain(terms)
        terms.check(now)
        return now, terms

    def _place(
        self, session: Session, who: HolderSession, delegate: Holder, terms: Terms, now: datetime
    ) -> dict[str, object]:
        """Where in the tree it goes, all rules kept."""
        if delegate.kind != PERSON:
            raise Malformed("delegation.person", "只能授权给个人，请填写其公民身份号码。")
        if delegate.code in (who.holder.code, who.person.code):
            raise _self()
        place: dict[str, object] = {"root_id": "", "parent_id": "", "depth": 1}
        if who.delegation_id:
            branch = _branch(session, who.delegation_id)
            parent = branch[who.delegation_id]
            _check_parent(branch, parent, delegate, terms, now)
            place = {"root_id": parent.root_id, "parent_id": parent.id, "depth": parent.depth + 1}
        return {**place, **_parties(who.holder, delegate), **_columns(terms)}

    def _fit_below(
        self, session: Session, branch: dict[str, Delegation], parent: Delegation, who: HolderSession, now: datetime
    ) -> None:
        """Narrow or cut what hangs below a delegation that has shrunk or ended."""
        for child in [one for one in branch.values() if one.parent_id == parent.id and one.state == GRANTED]:
            terms = _terms(child)
            can_hang = parent.state == GRANTED and "delegate" in read(parent.rights)
            left = terms.narrowed(_terms(parent)) if can_hang else None
            if left == terms:
                continue
            if left is None:
                child.state = CANCELLED
                self._move(session, child.id, GRANTED, state=CANCELLED)
            else:
                _write(session, child, left)
            self._event(session, child, "cut" if left is None else "narrow", who, "", now)
            self._fit_below(session, branch, child, who, now)

    def _move(self, session: Session, delegation_id: str, *states: str, **values: object) -> None:
        """Raises ``Conflict("delegation.moved_on")`` unless it is still in one of ``states``."""
        step = update(Delegation).where(Delegation.id == delegation_id, Delegation.state.in_(states)).values(**values)
        step = step.execution_options(synchronize_session=False)
        if session.execute(step.returning(Delegation.id)).first() is None:
            raise _moved_on()

    def _event(
        self, session: Session, row: Delegation, act: str, who: HolderSession, reason: str, now: datetime
    ) -> None:
        row.events += 1
        count = update(Delegation).where(Delegation.id == row.id).values(events=row.events)
        session.execute(count.execution_options(synchronize_session=False))
        event = {
            "delegation_id": row.id,
            "number": row.events,
            "act": act,
            "at": now,
            "actor": who.actor().account[:100],
            "terms": json.dumps(_terms(row).to_json(), ensure_ascii=False),
            "reason": _reason(reason),
        }
        session.execute(insert(DelegationEvent), [event])

    def _step(
        self,
        session: Session,
        delegation_id: str,
        act: str,
        who: HolderSession,
        reason: str,
        now: datetime,
        actor: Actor | None,
    ) -> DelegationView:
        """The event and the evidence of a step just taken."""
        row = _fresh(session, delegation_id)
        self._event(session, row, act, who, reason, now)
        journal.append(session, [Entry(now, actor or who.actor(), f"delegation.{act}", row.id)])
        return _view(row)


def standing(session: Session, delegation_id: str, person: Holder, moment: datetime) -> DelegationView | None:
    """The delegation, if this person may act by it at ``moment``: it, and all above it, given and in time."""
    found = session.get(Delegation, delegation_id)
    if found is None or not _is_delegate(person, found):
        return None
    row: Delegation | None = found
    for _ in range(DEEPEST):
        if row is None or row.state != GRANTED or not _terms(row).counts(moment):
            return None
        if not row.parent_id:
            return _view(found)
        row = session.get(Delegation, row.parent_id)
    return None


def _check_parent(
    branch: dict[str, Delegation], parent: Delegation, delegate: Holder, terms: Terms, now: datetime
) -> None:
    held = _terms(parent)
    if parent.state != GRANTED or not held.counts(now):
        raise Refused("delegation.ended", "您所持的授权已结束或已被收回。")
    if parent.depth >= DEEPEST:
        raise Refused("delegation.depth", "授权至多{levels}层，您所持的授权不能再转授。", levels=DEEPEST)
    if "delegate" not in held.rights or not terms.within(held):  # held now: narrowed a moment ago perhaps
        raise _wider()
    if sum(one.state == GRANTED for one in branch.values()) >= BRANCH:
        raise Refused("delegation.too_many_below", "同一授权之下至多{count}项有效授权。", count=BRANCH)
    above: Delegation | None = parent
    while above is not None:
        if above.delegate_code == delegate.code:
            raise Refused("delegation.circle", "此人已是这一授权的上级被授权人。")
        above = branch.get(above.parent_id)


def _demand_above(who: HolderSession, branch: dict[str, Delegation], found: Delegation) -> None:
    """Is it theirs to change: the holder's own, or below the delegation they act by?"""
    if not who.holder.holds(found.holder_code, found.holder_code_type):
        raise _unknown()
    who.demand("delegate")
    if who.delegation_id and found.id not in _below(branch.values(), who.delegation_id):
        raise _not_yours()


def _may_see(session: Session, who: HolderSession, found: Delegation) -> bool:
    if _is_delegate(who.person, found):
        return True
    if not who.holder.holds(found.holder_code, found.holder_code_type) or not who.may("delegate"):
        return False
    if not who.delegation_id or found.state == REQUESTED:
        return True
    rows = session.execute(select(Delegation).where(Delegation.root_id == found.root_id)).scalars()
    return found.id in _below(list(rows), who.delegation_id)


def _below(rows: Iterable[Delegation], top: str) -> set[str]:
    """Ids of all that hang below ``top``."""
    children: dict[str, list[str]] = {}
    for one in rows:
        children.setdefault(one.parent_id, []).append(one.id)
    found, waiting = set(), list(children.get(top, ()))
    while waiting:
        one_id = waiting.pop()
        if one_id not in found:
            found.add(one_id)
            waiting.extend(children.get(one_id, ()))
    return found


def _branch(session: Session, delegation_id: str) -> dict[str, Delegation]:
    """All of its branch, the root's row held until the commit. Raises ``NotFound("delegation.unknown")``."""
    found = session.get(Delegation, delegation_id[:32])
    if found is None:
        raise _unknown()
    session.execute(select(Delegation.id).where(Delegation.id == found.root_id).with_for_update())
    rows = select(Delegation).where(Delegation.root_id == found.root_id).order_by(Delegation.depth, Delegation.id)
    rows = rows.execution_options(populate_existing=True)
    branch = {one.id: one for one in session.execute(rows).scalars()}
    for one in branch.values():
        session.expunge(one)  # what is worked out on them is written by statements, never by itself
    return branch


def _hold(session: Session, person: Holder) -> None:
    """Queue until the commit with what the same person does elsewhere: two at once would both count the others only."""
    own = select(HolderAccount.id).where(HolderAccount.code == person.code).order_by(HolderAccount.id)
    session.execute(own.with_for_update())


def _of(holder: Holder) -> tuple[ColumnElement[bool], ...]:
    """Given by this holder."""
    return (Delegation.holder_code == holder.code, Delegation.holder_code_type == holder.code_type)


def _fresh(session: Session, delegation_id: str) -> Delegation:
    query = select(Delegation).where(Delegation.id == delegation_id).execution_options(populate_existing=True)
    row = session.execute(query).scalar_one()
    session.expunge(row)
    return row


def _write(session: Session, row: Delegation, terms: Terms) -> None:
    values = _columns(terms)
    for name, value in values.items():
        setattr(row, name, value)
    step = update(Delegation).where(Delegation.id == row.id).values(**values)
    session.execute(step.execution_options(synchronize_session=False))


def _is_delegate(person: Holder, row: Delegation) -> bool:
    """The number alone may have been mistyped into another's: the name must be theirs too."""
    return person.holds(row.delegate_code, row.delegate_code_type) and fold(person.name) == fold(row.delegate_name)


def _parties(holder: Holder, delegate: Holder) -> dict[str, object]:
    return {
        "holder_code": holder.code,
        "holder_code_type": holder.code_type,
        "holder_name": holder.name,
        "delegate_code": delegate.code,
        "delegate_code_type": delegate.code_type,
        "delegate_name": delegate.name,
    }


def _columns(terms: Terms) -> dict[str, object]:
    return {
        "rights": kept(terms.rights),
        "types": kept(terms.types),
        "items": kept(terms.items),
        "starts": terms.starts,
        "ends": terms.ends,
    }


def _terms(row: Delegation) -> Terms:
    return Terms(read(row.rights), row.starts, row.ends, read(row.types), read(row.items))


def _view(row: Delegation) -> DelegationView:
    holder = Holder(row.holder_code, row.holder_code_type, row.holder_name)
    delegate = Holder(row.delegate_code, row.delegate_code_type, row.delegate_name)
    return DelegationView(row.id, row.root_id, row.parent_id, row.depth, holder, delegate, row.state, _terms(row))


def _new_id(moment: datetime) -> str:
    return f"d-{int(moment.timestamp() * 1000):011x}{secrets.token_hex(8)}"


def _reason(text: str) -> str:
    if len(text) > 300 or any(not char.isprintable() and char not in "\r\n\t" for char in text):
        raise Malformed("delegation.reason", "说明不超过300个字。")
    return text


def _unknown() -> NotFound:
    return NotFound("delegation.unknown", "没有这一授权。")


def _not_yours() -> Refused:
    return Refused("delegation.not_yours", "这一授权不在您的授权之下，不能由您处理。")


def _moved_on() -> Conflict:
    return Conflict("delegation.moved_on", "这一授权的状态已经变化。")


def _wider() -> Refused:
    return Refused("delegation.wider", "授权范围或期限超出了您所持的授权。", remedy="请缩小范围或提前截止日期。")


def _self() -> Refused:
    return Refused("delegation.self", "不能授权给持证者本人或您自己。")
