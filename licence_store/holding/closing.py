"""注销账号 (R104): what goes with an account, and what stays.

Sessions, sign-ins, contacts, delegations and uploads go, and number, name and subject from the account. Licences stay
in the registers of those who issued them, the journal keeps the account's id. Signing in again opens a new account.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.holding.delegation import Delegations
from licence_store.holding.holder import Holder
from licence_store.holding.models import HolderAccount, SpaceSession, SpaceSignIn
from licence_store.notices.contacts import HOLDER
from licence_store.notices.models import Contact
from seal.database import Sessions
from trust.errors import NotFound
from trust.journal import Actor, Entry


class ClosingPart(Protocol):
    """Whoever keeps something of a holder's that goes with their last account."""

    def forget(self, holder_code: str, actor: Actor) -> int:
        """Delete what they brought themselves, in transactions of its own; done twice, it does no harm."""


@dataclass(frozen=True)
class Closing:
    """注销."""

    sessions: Sessions
    delegations: Delegations
    parts: Callable[[], Sequence[ClosingPart]]
    clock: Callable[[], datetime]

    def close(self, account_id: str, actor: Actor) -> None:
        """Raises ``NotFound("holder.unknown")``, also for an account closed before."""
        now = self.clock()
        with self.sessions.read() as session:
            found = session.get(HolderAccount, account_id)
            code = found.code if found is not None and found.closed is None else ""
            last = bool(code) and self._last(session, code, account_id)
        for part in self.parts() if last else ():
            part.forget(code, actor)
        with self.sessions.begin() as session:
            query = select(HolderAccount).where(HolderAccount.id == account_id, HolderAccount.closed.is_(None))
            account = session.execute(query.with_for_update()).scalar()
            if account is None:
                raise NotFound("holder.unknown", "没有这一用户账号。")
            person = Holder(account.code, account.code_type, account.name)
            session.execute(delete(SpaceSession).where(SpaceSession.account_id == account_id))
            session.execute(delete(SpaceSignIn).where(SpaceSignIn.account_id == account_id))
            if self._last(session, person.code, account_id):
                self._let_go(session, person, actor, now)
            empty = {"subject": "", "code": "", "name": "", "closed": now}
            session.execute(update(HolderAccount).where(HolderAccount.id == account_id).values(**empty))
            journal.append(session, [Entry(now, actor, "holder.close", account_id)])

    def _last(self, session: Session, code: str, account_id: str) -> bool:
        """Has the person no other account, by another provider?"""
        others = select(HolderAccount.id).where(
            HolderAccount.code == code, HolderAccount.closed.is_(None), HolderAccount.id != account_id
        )
        return session.execute(others.limit(1)).first() is None

    def _let_go(self, session: Session, person: Holder, actor: Actor, now: datetime) -> None:
        self.delegations.close_person(session, person, actor, now)
        contacts = update(Contact).where(
            Contact.party_kind == HOLDER, Contact.party == person.code, Contact.ended.is_(None)
        )
        session.execute(contacts.values(ended=now, ended_by=actor.account[:100], address=""))
