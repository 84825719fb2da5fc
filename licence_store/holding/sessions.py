"""用户会话: from a proved identity to a token, and at each request from the token to who acts for whom.

Of tokens only digests are kept. A token is made anew at every sign-in and every step-up, so that none known before
says more afterwards. Whether a delegation still stands is asked at each request: taken back, it ends here at once.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.accounts import csrf_of
from licence_store.holding.accounts import Identity, admit, check_identity, named, note_sign_in
from licence_store.holding.delegation import Delegations, DelegationView, standing
from licence_store.holding.holder import CREDIT_CODE, HOLDER_RIGHTS, Holder, HolderSession
from licence_store.holding.models import HolderAccount, SpaceSession, UsedProof
from seal.database import Sessions
from trust.algorithms import sm3
from trust.errors import Refused, Unauthenticated
from trust.journal import Actor, Entry

PROOF_KEPT = timedelta(hours=1)
"""Longer than an identity token of a portal may be old."""
KIOSK = "kiosk"
"""Channel of self-service terminals."""
MARK = "lts_"
"""What the bearer token of a portal begins with, so that scanners for leaked secrets find it."""


@dataclass(frozen=True, slots=True)
class SessionRules:
    """How long."""

    length: timedelta = timedelta(minutes=60)
    """A session ends this long after sign-in."""
    proof_age: timedelta = timedelta(minutes=15)
    """How long a proof of identity counts for what needs more than the lowest level."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """办事身份: somebody for whom one may act."""

    key: str
    """Empty: oneself; an organisation's code; a delegation's id."""
    holder: Holder
    by: str
    """``self``, ``office`` (as legal representative) or ``delegation``."""
    delegation: DelegationView | None = None


@dataclass(frozen=True)
class HolderSessions:
    """用户会话登记."""

    sessions: Sessions
    delegations: Delegations
    clock: Callable[[], datetime]
    rules: SessionRules = field(default_factory=SessionRules)

    # From identity to token

    def open(
        self,
        identity: Identity,
        *,
        address: str = "",
        channel: str = "page",
        proof: str = "",
        length: timedelta | None = None,
    ) -> str:
        """The token of a new session. ``proof``: the mark of the identity token a portal showed, good once; ``length``:
        how long it counts, else as the rules say.

        Raises ``Refused("holder.identity", "holder.identity_changed", "holder.proof_used")``.
        """
        identity, now = check_identity(identity), self.clock()
        token = (MARK if channel == "http" else "") + secrets.token_urlsafe(32)
        act = "portal" if channel == "http" else "sign_in"
        with self.sessions.begin() as session:
            session.execute(delete(SpaceSession).where(SpaceSession.expires <= now))
            if proof:
                _use(session, digest(proof), now)
            account, opened = admit(session, identity, now)
            _keep(session, token, account.id, identity, channel, address, now, now + (length or self.rules.length))
            note_sign_in(session, account.id, now, act, identity.assurance, address)
            actor = Actor(f"holder:{account.id}", None, address, channel)
            entries = [Entry(now, actor, "holder.open", account.id)] if opened else []
            details = {"assurance": str(identity.assurance)}
            journal.append(session, [*entries, Entry(now, actor, "holder.sign_in", account.id, details=details)])
        return token

    def prove_again(self, token: str, identity: Identity, *, address: str = "") -> str:
        """提升认证: a new token. Raises ``Refused("holder.other_person")`` for somebody else's proof."""
        identity, now = check_identity(identity), self.clock()
        fresh = secrets.token_urlsafe(32)
        with self.sessions.begin() as session:
            row, account = _row(session, token, now)
            same = (identity.issuer, identity.subject) == (account.issuer, account.subject)
            if not same or not identity.person.holds(account.code, account.code_type):
                raise Refused(
                    "holder.other_person",
                    "刚才认证的不是当前登录的人。",
                    remedy="请用同一身份重新认证，或退出后以另一身份登录。",
                )
            acting, expires = row.acting, row.expires
            session.execute(delete(SpaceSession).where(SpaceSession.digest == digest(token)))
            _keep(session, fresh, account.id, identity, row.channel, address, now, expires, acting)
            note_sign_in(session, account.id, now, "step_up", identity.assurance, address)
            actor = Actor(f"holder:{account.id}", None, address, row.channel)
            details = {"assurance": str(identity.assurance)}
            journal.append(session, [Entry(now, actor, "holder.step_up", account.id, details=details)])
        return fresh

    # From token to who acts for whom

    def find(self, token: str, channel: str = "page") -> HolderSession:
        """Raises ``Unauthenticated("holder.session_ended")``, also for a token of the other channel;
        ``Refused("holder.delegation_ended")`` where that by which they acted for another is over: ``act_for`` oneself
        then.
        """
        now = self.clock()
        with self.sessions.read() as session:
            row, account = _row(session, token, now)
            if row.channel != channel:
                raise _ended()
            person = Holder(account.code, account.code_type, account.name)
            plain = HolderSession(
                account.id,
                person,
                person,
                assurance=row.assurance,
                proved=row.proved,
                fresh_until=row.proved + self.rules.proof_age,
                expires=row.expires,
                token=token,
                csrf=csrf_of(token),
            )
            return _acting(session, plain, row, now)

    def capacities(self, token: str) -> tuple[Capacity, ...]:
        """办事身份 to choose from: oneself, one's organisations, those who delegated."""
        now = self.clock()
        with self.sessions.read() as session:
            row, account = _row(session, token, now)
        person = Holder(account.code, account.code_type, account.name)
        own = [Capacity(one.code, one, "office") for one in _offices(row)]
        given = [Capacity(one.id, one.holder, "delegation", one) for one in self.delegations.active(person, now)]
        return (Capacity("", person, "self"), *own, *given)

    def act_for(self, token: str, key: str, *, address: str = "") -> HolderSession:
        """切换办事身份. Raises ``Refused("holder.capacity")`` for what is not theirs to choose."""
        now = self.clock()
        chosen = next((one for one in self.capacities(token) if one.key == key), None)
        if chosen is None:
            raise Refused("holder.capacity", "您不能以这一身份办事。", remedy="请从列出的身份中选择，或先申请授权。")
        with self.sessions.begin() as session:
            row, account = _row(session, token, now)
            session.execute(update(SpaceSession).where(SpaceSession.digest == row.digest).values(acting=key))
            channel = row.channel
            actor = Actor(f"holder:{account.id}", None, address, row.channel)
            details = {"by": chosen.by, **({"delegation": key} if chosen.delegation else {})}
            journal.append(session, [Entry(now, actor, "holder.act_for", account.id, details=details)])
        return self.find(token, channel)

    def close(self, token: str, *, address: str = "") -> str:
        """退出; a token unknown or ended is no error. Answers the word by which the provider is asked to forget them;
        empty where none was kept.
        """
        now = self.clock()
        with self.sessions.begin() as session:
            query = delete(SpaceSession).where(SpaceSession.digest == digest(token))
            row = session.execute(query.returning(SpaceSession.account_id, SpaceSession.word)).first()
            if row is None:
                return ""
            note_sign_in(session, row.account_id, now, "sign_out", 0, address)
            return str(row.word)

    def close_all(self, account_id: str, *, but: str = "") -> int:
        """退出其他设备: how many sessions were ended."""
        query = delete(SpaceSession).where(SpaceSession.account_id == account_id)
        with self.sessions.begin() as session:
            ended = session.execute(query.where(SpaceSession.digest != digest(but)).returning(SpaceSession.digest))
            return len(ended.all())


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return sm3(secret.encode("utf-8", "replace")).hex()


def _acting(session: Session, plain: HolderSession, row: SpaceSession, now: datetime) -> HolderSession:
    key = row.acting
    if not key:
        return plain
    office = named(_offices(row), key)
    if office is not None:
        return replace(plain, holder=office)
    given = standing(session, key, plain.person, now)
    if given is None:
        raise Refused(
            "holder.delegation_ended",
            "您代他人办事所凭的授权已结束或已被收回。",
            remedy="现已回到您本人的空间；如仍需办理，请重新申请授权。",
        )
    terms = given.terms
    return replace(
        plain,
        holder=given.holder,
        delegation_id=given.id,
        rights=terms.rights & set(HOLDER_RIGHTS),
        types=terms.types,
        items=terms.items,
        expires=min(plain.expires, terms.ends),
    )


def _row(session: Session, token: str, now: datetime) -> tuple[SpaceSession, HolderAccount]:
    query = select(SpaceSession, HolderAccount).join(HolderAccount, HolderAccount.id == SpaceSession.account_id)
    row = session.execute(query.where(SpaceSession.digest == digest(token))).first() if token else None
    if row is None or row[0].expires <= now or row[1].closed is not None:
        raise _ended()
    return row[0], row[1]


def _ended() -> Unauthenticated:
    return Unauthenticated("holder.session_ended", "登录已过期，请重新登录。")


def _keep(
    session: Session,
    token: str,
    account_id: str,
    identity: Identity,
    channel: str,
    address: str,
    now: datetime,
    expires: datetime,
    acting: str = "",
) -> None:
    offices = [[one.code, one.name] for one in identity.offices]
    row = {
        "digest": digest(token),
        "account_id": account_id,
        "channel": channel,
        "address": address[:100],
        "opened": now,
        "expires": expires,
        "assurance": identity.assurance,
        "proved": min(identity.proved, now),
        "offices": json.dumps(offices, ensure_ascii=False),
        "acting": acting,
        "word": identity.word if channel == KIOSK else "",
    }
    session.execute(insert(SpaceSession), [row])


def _offices(row: SpaceSession) -> Sequence[Holder]:
    return [Holder(code, CREDIT_CODE, name) for code, name in json.loads(row.offices)]


def _use(session: Session, proof: str, now: datetime) -> None:
    session.execute(delete(UsedProof).where(UsedProof.expires <= now))
    if session.get(UsedProof, proof) is not None:
        raise Refused("holder.proof_used", "这一身份令牌已经用过。", remedy="请让用户重新认证，取得新的身份令牌。")
    session.execute(insert(UsedProof), [{"digest": proof, "expires": now + PROOF_KEPT}])
