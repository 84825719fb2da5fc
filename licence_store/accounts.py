"""账号: who works here, how they prove it, and what a connected system may do.

Passwords are kept as argon2id hashes; sessions and interface tokens are 256-bit random secrets of which
only the digest is kept. Guessing is slowed per account and per address.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.models import Account, APIToken, Department, SignInFailure, StaffSession
from seal.database import Sessions
from trust.algorithms import sm3
from trust.errors import Conflict, Malformed, NotFound, Refused, Unauthenticated
from trust.journal import Actor, Entry

ROLES = ("officer", "seal_keeper", "seal_approver", "auditor", "admin")
"""One each, kept apart (三员分立): see ``seal.lifecycle``."""
SCOPES = (
    "issue",
    "read",
    "search",
    "check",
    "life",
    "accept",
    "materials",
    "collect",
    "types",
    "journal",
    "seals",
    "trust",
)
ANY = "*"
"""In a token's departments or types: all of them."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_MARK = "lt_"
"""What every interface token begins with, so that scanners for leaked secrets find them."""


@dataclass(frozen=True, slots=True)
class AccountRules:
    """How long and how often."""

    session_length: timedelta = timedelta(hours=8)
    """A session ends this long after sign-in."""
    token_length: timedelta = timedelta(days=365)
    """An interface token's longest life."""
    failures_per_account: int = 5
    failures_per_address: int = 50
    failure_window: timedelta = timedelta(minutes=15)
    """After so many failures within the window, no attempt is accepted until it has passed."""
    password_length: int = 10


@dataclass(frozen=True, slots=True)
class SignedIn:
    """登录会话: the account behind a session token, and the token's CSRF word."""

    account: Account
    csrf: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """接口令牌 as it was granted."""

    id: str
    label: str
    account: str
    scopes: frozenset[str]
    departments: frozenset[str]
    types: frozenset[str]
    expires: datetime

    def demand(self, scope: str, *, department: str | None = None, type_code: str | None = None) -> None:
        """Raises ``Refused("token.scope")`` unless the token covers this."""
        for wanted, granted in ((scope, self.scopes), (department, self.departments), (type_code, self.types)):
            if wanted is not None and wanted not in granted and (ANY not in granted or wanted == scope):
                raise Refused("token.scope", "该接口令牌的授权范围不包括“{wanted}”。", wanted=wanted)


@dataclass(frozen=True)
class Accounts:
    """工作人员账号、会话与接口令牌."""

    sessions: Sessions
    clock: Callable[[], datetime]
    rules: AccountRules = field(default_factory=AccountRules)
    hasher: PasswordHasher = field(default_factory=PasswordHasher, repr=False)

    # Accounts

    def create(
        self, name: str, password: str, *, display_name: str, role: str, department: str | None = None, actor: Actor
    ) -> Account:
        """开立账号. Raises ``Malformed("account.*")`` or ``Conflict("account.exists")``."""
        self._check_new(name, password, role)
        now = self.clock()
        row = {
            "name": name,
            "display_name": display_name[:100],
            "department_id": department,
            "role": role,
            "password_hash": self.hasher.hash(_plain(password)),
            "created": now,
        }
        with self.sessions.begin() as session:
            if session.get(Account, name) is not None:
                raise Conflict("account.exists", "账号“{name}”已存在。", name=name)
            if department is not None and session.get(Department, department) is None:
                raise NotFound("department.unknown", "没有部门“{department}”。", department=department[:40])
            session.execute(insert(Account), [row])
            journal.append(session, [Entry(now, actor, "account.create", name, details={"role": role})])
            return session.get_one(Account, name)

    def _check_new(self, name: str, password: str, role: str) -> None:
        if not _NAME.fullmatch(name):
            raise Malformed("account.name", "账号名应为1至64位字母、数字或 . _ @ -，且以字母或数字开头。")
        if role not in ROLES:
            raise Malformed(
                "account.role", "角色应为 {expected} 之一，实为“{got}”。", expected="、".join(ROLES), got=role
            )
        if len(password) < self.rules.password_length or len(password) > 1024:
            raise Malformed("account.password", "口令至少应有 {length} 个字符。", length=self.rules.password_length)

    def get(self, name: str) -> Account:
        """The account of this name; raises ``NotFound("account.unknown")``."""
        with self.sessions.read() as session:
            account = session.get(Account, name)
        if account is None:
            raise NotFound("account.unknown", "没有账号“{name}”。", name=name[:64])
        return account

    def list(self) -> tuple[Account, ...]:
        with self.sessions.read() as session:
            return tuple(session.execute(select(Account).order_by(Account.name)).scalars())

    def set_password(self, name: str, password: str, *, actor: Actor) -> None:
        """重设口令; ends the account's sessions."""
        self._check_new(name, password, ROLES[0])
        hashed, now = self.hasher.hash(_plain(password)), self.clock()
        with self.sessions.begin() as session:
            self._change(session, name, password_hash=hashed)
            journal.append(session, [Entry(now, actor, "account.set_password", name)])

    def disable(self, name: str, *, actor: Actor) -> None:
        """停用账号: its sessions end and its tokens stop working."""
        now = self.clock()
        with self.sessions.begin() as session:
            self._change(session, name, disabled=now)
            journal.append(session, [Entry(now, actor, "account.disable", name)])

    def _change(self, session: Session, name: str, **values: object) -> None:
        if session.get(Account, name) is None:
            raise NotFound("account.unknown", "没有账号“{name}”。", name=name[:64])
        session.execute(update(Account).where(Account.name == name).values(**values))
        session.execute(delete(StaffSession).where(StaffSession.account_name == name))

    # Signing in

    def authenticate(self, name: str, password: str, *, address: str = "", channel: str = "page") -> Account:
        """身份鉴别 by password.

        The answer is the same, and takes as long, for an unknown name and a wrong password. Raises
        ``Unauthenticated("account.sign_in")`` or ``Refused("account.throttled")``.
        """
        name = name[:64]
        keys = _throttle_keys(self.rules, name, address)
        account = self._admitted(name, keys)
        hashed = account.password_hash if account else _dummy_hash(self.hasher)
        known = _matches(self.hasher, hashed, password) and account is not None and account.disabled is None
        actor = Actor(name if account else "unknown", account.department_id if account else None, address, channel)
        self._note_attempt(keys, actor, known=known)
        if account is None or not known:
            raise Unauthenticated("account.sign_in", "账号或口令不正确。")
        return account

    def _admitted(self, name: str, keys: dict[str, int]) -> Account | None:
        """The account to compare with, unless there were too many failures of late."""
        since = self.clock() - self.rules.failure_window
        with self.sessions.read() as session:
            rows = session.execute(select(SignInFailure).where(SignInFailure.key.in_(keys))).scalars()
            if any(row.last > since and row.count >= keys[row.key] for row in rows):
                raise Refused(
                    "account.throttled",
                    "登录失败次数过多，请在 {minutes} 分钟后再试。",
                    minutes=int(self.rules.failure_window.total_seconds() // 60),
                )
            return session.get(Account, name)

    def _note_attempt(self, keys: dict[str, int], actor: Actor, *, known: bool) -> None:
        now = self.clock()
        with self.sessions.begin() as session:
            if known:
                session.execute(delete(SignInFailure).where(SignInFailure.key == next(iter(keys))))
            else:
                for key in keys:
                    _count_failure(session, key, now, self.rules.failure_window)
            result = "ok" if known else "account.sign_in"
            journal.append(session, [Entry(now, actor, "account.sign_in", actor.account, result=result)])

    def open_session(self, account: Account, *, address: str = "") -> tuple[str, str]:
        """``(token, csrf)`` of a new session; the token goes into a cookie, ``csrf`` into forms."""
        token, now = secrets.token_urlsafe(32), self.clock()
        row = {
            "digest": _digest(token),
            "account_name": account.name,
            "address": address[:100],
            "opened": now,
            "expires": now + self.rules.session_length,
        }
        with self.sessions.begin() as session:
            session.execute(delete(StaffSession).where(StaffSession.expires <= now))
            session.execute(insert(StaffSession), [row])
        return token, csrf_of(token)

    def session(self, token: str) -> SignedIn:
        """The session behind a token; raises ``Unauthenticated("session.ended")``."""
        query = select(StaffSession, Account).join(Account, Account.name == StaffSession.account_name)
        with self.sessions.read() as session:
            row = session.execute(query.where(StaffSession.digest == _digest(token))).first()
        if row is None or row[0].expires <= self.clock() or row[1].disabled is not None:
            raise Unauthenticated("session.ended", "登录已过期，请重新登录。")
        return SignedIn(row[1], csrf_of(token), row[0].expires)

    def close_session(self, token: str) -> None:
        """退出登录; a token unknown or ended is no error."""
        with self.sessions.begin() as session:
            session.execute(delete(StaffSession).where(StaffSession.digest == _digest(token)))

    # Interface tokens

    def create_token(
        self,
        account: Account,
        scopes: Collection[str],
        departments: Collection[str],
        types: Collection[str],
        *,
        label: str,
        actor: Actor,
        valid: timedelta | None = None,
    ) -> tuple[str, str]:
        """``(id, secret)`` of a new token; the secret is shown once and never again.

        ``departments`` are ids and ``types`` codes; ``*`` means all. Raises ``Malformed("token.*")``.
        """
        length = self.rules.token_length if valid is None else valid
        if not set(scopes) or not set(scopes) <= set(SCOPES):
            raise Malformed(
                "token.scopes", "令牌的授权范围应为下列各项之一或多项：{expected}。", expected="、".join(SCOPES)
            )
        if not timedelta(0) < length <= self.rules.token_length:
            raise Malformed("token.validity", "令牌有效期应在 {days} 天以内。", days=self.rules.token_length.days)
        token_id, secret, now = secrets.token_hex(8), _MARK + secrets.token_urlsafe(32), self.clock()
        row = {
            "id": token_id,
            "digest": _digest(secret),
            "label": label[:100],
            "account_name": account.name,
            "scopes": json.dumps(sorted(set(scopes))),
            "departments": json.dumps(sorted(set(departments))),
            "types": json.dumps(sorted(set(types))),
            "created": now,
            "expires": now + length,
        }
        with self.sessions.begin() as session:
            session.execute(insert(APIToken), [row])
            journal.append(session, [Entry(now, actor, "token.create", token_id, details={"scopes": row["scopes"]})])  # type: ignore[dict-item]
        return token_id, secret

    def token(self, secret: str) -> TokenGrant:
        """What a token's secret grants; raises ``Unauthenticated("token.invalid")``."""
        query = select(APIToken, Account).join(Account, Account.name == APIToken.account_name)
        with self.sessions.read() as session:
            row = session.execute(query.where(APIToken.digest == _digest(secret))).first()
        if row is None or row[0].revoked or row[0].expires <= self.clock() or row[1].disabled is not None:
            raise Unauthenticated("token.invalid", "接口令牌无效、已过期或已被收回。")
        return _granted(row[0])

    def tokens(self, account_name: str | None = None) -> tuple[APIToken, ...]:
        """Tokens, newest first; of one account or of all."""
        query = select(APIToken).order_by(APIToken.created.desc())
        if account_name is not None:
            query = query.where(APIToken.account_name == account_name)
        with self.sessions.read() as session:
            return tuple(session.execute(query).scalars())

    def revoke_token(self, token_id: str, *, actor: Actor) -> None:
        """收回令牌; raises ``NotFound("token.unknown")``."""
        now = self.clock()
        with self.sessions.begin() as session:
            found = session.get(APIToken, token_id)
            if found is None:
                raise NotFound("token.unknown", "没有令牌 {id}。", id=token_id[:32])
            if found.revoked is None:
                session.execute(update(APIToken).where(APIToken.id == token_id).values(revoked=now))
                journal.append(session, [Entry(now, actor, "token.revoke", token_id)])


def csrf_of(token: str) -> str:
    """The word a form must carry to act in this session; worthless without the cookie."""
    return hmac.digest(token.encode(), b"csrf", "sha256").hex()


def check_csrf(token: str, given: str) -> None:
    """Raises ``Refused("session.csrf")`` unless ``given`` belongs to the session."""
    if not hmac.compare_digest(csrf_of(token).encode(), given.encode("utf-8", "replace")):
        raise Refused("session.csrf", "页面已失效，请刷新后重新提交。")


def new_password() -> str:
    """A random password, 20 characters that are not mistaken for one another."""
    return "-".join("".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(5)) for _ in range(4))


def _plain(password: str) -> str:
    return normalize("NFC", password)


def _matches(hasher: PasswordHasher, hashed: str, password: str) -> bool:
    with suppress(Argon2Error, InvalidHashError, UnicodeError):
        return len(password) <= 1024 and hasher.verify(hashed, _plain(password))
    return False


@lru_cache(maxsize=4)
def _dummy_hash(hasher: PasswordHasher) -> str:
    """What an unknown name is compared with."""
    return hasher.hash(secrets.token_hex(16))


def _digest(secret: str) -> str:
    return sm3(secret.encode("utf-8", "replace")).hex()


def _throttle_keys(rules: AccountRules, name: str, address: str) -> dict[str, int]:
    keys = {_digest(f"account:{name.lower()}"): rules.failures_per_account}
    if address:
        keys[_digest(f"address:{address}")] = rules.failures_per_address
    return keys


def _count_failure(session: Session, key: str, now: datetime, window: timedelta) -> None:
    row = session.get(SignInFailure, key, with_for_update=True)
    if row is None:
        session.execute(insert(SignInFailure), [{"key": key, "count": 1, "last": now}])
        return
    count = row.count + 1 if row.last > now - window else 1
    session.execute(update(SignInFailure).where(SignInFailure.key == key).values(count=count, last=now))


def _granted(row: APIToken) -> TokenGrant:
    scopes, departments, types = (frozenset(json.loads(text)) for text in (row.scopes, row.departments, row.types))
    return TokenGrant(row.id, row.label, row.account_name, scopes, departments, types, row.expires)
