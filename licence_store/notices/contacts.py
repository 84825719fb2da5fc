"""联系方式: where holders and departments are reached, and in which language."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.models import Department
from licence_store.notices.addresses import EVENT, WEBHOOK, check_address
from licence_store.notices.hook_secrets import OVERLAP, HookSecrets, forget, has_secret
from licence_store.notices.models import Contact
from seal.database import Sessions
from trust.errors import Conflict, Malformed, NotFound, Refused
from trust.i18n import LANGUAGES
from trust.identifiers import plain_number
from trust.journal import Actor, Entry

HOLDER, DEPARTMENT = "holder", "department"
PARTY_KINDS = (HOLDER, DEPARTMENT)
SUBSCRIBER = "subscriber"
"""Of events (``licence_store.eventing``): not for anybody to name."""


@dataclass(frozen=True, slots=True)
class ContactView:
    """联系方式."""

    id: str
    party_kind: str
    party: str
    channel: str
    address: str
    language: str
    created: datetime
    secret: str = field(default="", repr=False)
    """Told once, when it is made."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """联系方式登记."""

    sessions: Sessions
    clock: Callable[[], datetime]
    secrets: HookSecrets
    private_webhooks: bool = False

    def add(
        self,
        party_kind: str,
        party: str,
        channel: str,
        address: str,
        *,
        actor: Actor,
        language: str = LANGUAGES[0],
        unsigned: bool = False,
    ) -> ContactView:
        """登记. Raises ``Malformed("contact.*")``, ``NotFound("department.unknown")``,
        ``Conflict("contact.exists")``. ``unsigned``: no shared secret; the region's own key signs.
        """
        if (channel == EVENT) != (party_kind == SUBSCRIBER):
            raise Malformed("contact.channel", "通知渠道应为 smtp 或 webhook。")
        check_address(channel, address, private=self.private_webhooks)
        if language not in LANGUAGES:
            raise Malformed("contact.language", "语言应为 zh-CN 或 en。")
        shared = channel in (WEBHOOK, EVENT) and not unsigned
        party = plain_number(party) if party_kind == HOLDER else party
        now, contact_id = self.clock(), secrets.token_hex(12)
        secret = self.secrets.make(contact_id) if shared else None
        dialect = sqlite if self.sessions.dialect == "sqlite" else postgresql
        row = {
            "id": contact_id,
            "party_kind": party_kind,
            "party": party,
            "channel": channel,
            "address": address,
            "language": language,
            "created": now,
            "created_by": actor.account[:100],
            "ended_by": "",
        }
        with self.sessions.begin() as session:
            _check_party(session, party_kind, party)
            taken = dialect.insert(Contact).values(row).on_conflict_do_nothing().returning(Contact.id)
            if session.execute(taken).first() is None:
                raise Conflict("contact.exists", "该联系地址已登记。")
            if secret is not None:
                secret.put(session, now)
            details = {"party_kind": party_kind, "channel": channel}
            journal.append(session, [Entry(now, actor, "contact.add", contact_id, details=details)])
        told = secret.told if secret is not None else ""
        return ContactView(contact_id, party_kind, party, channel, address, language, now, told)

    def rotate(self, contact_id: str, *, actor: Actor, overlap: timedelta = OVERLAP) -> ContactView:
        """更换密钥 of a webhook; the older one signs too for ``overlap``. The new one is told in the answer.

        Raises ``NotFound("contact.unknown")``, ``Refused("contact.unsigned")``, ``Malformed("contact.overlap")``,
        ``Conflict("contact.secrets_many")``.
        """
        new = self.secrets.make(contact_id)
        held = select(Contact).where(Contact.id == contact_id, Contact.ended.is_(None)).with_for_update()
        with self.sessions.begin() as session:
            row = session.execute(held).scalar()
            if row is None:
                raise _unknown()
            if not has_secret(session, contact_id):
                raise Refused("contact.unsigned", "该联系方式没有共享密钥，不需更换。")
            self.secrets.rotate(session, new, overlap)
            details = {"overlap_seconds": str(int(overlap.total_seconds()))}
            journal.append(session, [Entry(self.clock(), actor, "contact.rotate", contact_id, details=details)])
            return replace(_view(row), secret=new.told)

    def list(self, *, party_kind: str = "", party: str = "", limit: int = 500) -> tuple[ContactView, ...]:
        """Those in force."""
        query = select(Contact).where(Contact.ended.is_(None)).order_by(Contact.party_kind, Contact.party, Contact.id)
        if party_kind:
            query = query.where(Contact.party_kind == party_kind)
        if party:
            query = query.where(Contact.party == (plain_number(party) if party_kind == HOLDER else party))
        with self.sessions.read() as session:
            return tuple(_view(one) for one in session.execute(query.limit(limit)).scalars())

    def get(self, contact_id: str) -> ContactView:
        """Raises ``NotFound("contact.unknown")``."""
        with self.sessions.read() as session:
            found = session.get(Contact, contact_id)
        if found is None or found.ended is not None:
            raise _unknown()
        return _view(found)

    def end(self, contact_id: str, *, actor: Actor) -> None:
        """撤销: nothing more is sent there. Raises ``NotFound("contact.unknown")``."""
        now = self.clock()
        over = update(Contact).where(Contact.id == contact_id, Contact.ended.is_(None))
        with self.sessions.begin() as session:
            ended = session.execute(over.values(ended=now, ended_by=actor.account[:100]).returning(Contact.id))
            if ended.first() is None:
                raise _unknown()
            forget(session, contact_id)
            journal.append(session, [Entry(now, actor, "contact.end", contact_id)])


def reached_at(session: Session, parties: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[Contact]]:
    """The contacts in force of each of the parties."""
    query = select(Contact).where(
        Contact.ended.is_(None), tuple_(Contact.party_kind, Contact.party).in_(list(set(parties)))
    )
    found: dict[tuple[str, str], list[Contact]] = {}
    for one in session.execute(query.order_by(Contact.id)).scalars():
        found.setdefault((one.party_kind, one.party), []).append(one)
    return found


def _check_party(session: Session, party_kind: str, party: str) -> None:
    if party_kind not in (*PARTY_KINDS, SUBSCRIBER):
        raise Malformed("contact.party_kind", "联系方式应属于持证者（holder）或部门（department）。")
    if party_kind == DEPARTMENT and session.get(Department, party) is None:
        raise NotFound("department.unknown", "没有部门 {department}。", department=party[:32])
    if not party or len(party) > 64 or not party.isprintable() or party != party.strip():
        raise Malformed("contact.party", "请写明持证者代码，如统一社会信用代码或公民身份号码。")


def _view(row: Contact) -> ContactView:
    return ContactView(row.id, row.party_kind, row.party, row.channel, row.address, row.language, row.created)


def _unknown() -> NotFound:
    return NotFound("contact.unknown", "没有这一联系方式。")
