"""访问令牌: OAuth 2 client credentials (RFC 6749, 4.4) with ``private_key_jwt``; short, no wider than the system.

A scope is a list of words: ``op:<operation>``, ``type:<code>``, ``region:<code>``. What names no operation, type or
region asks for all the system has. A token alone opens nothing: every request is signed by a key of the same system.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, insert, select

from licence_store import journal
from licence_store.catalogue import Catalogue
from licence_store.sharing import nonces
from licence_store.sharing.callers import Callers, demand_active, listed
from licence_store.sharing.calls import ANY, OPERATIONS, Caller
from licence_store.sharing.models import SharingClient, SharingToken
from trust.algorithms import sm3
from trust.errors import Malformed, NotFound, Refused, Unauthenticated
from trust.jose import LONGEST, check_assertion, read_assertion
from trust.journal import Actor, Entry

LIFE: Final = timedelta(minutes=10)
MARK: Final = "st_"
_KINDS: Final = {"op": "operations", "type": "types", "region": "regions"}
_MOST_WORDS: Final = 200


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token as its system is told it, once."""

    secret: str
    scope: str
    seconds: int


@dataclass(frozen=True)
class Tokens:
    """令牌服务."""

    callers: Callers
    catalogue: Catalogue
    audiences: tuple[str, ...]
    """What an assertion may name as its audience: the token address, and the region's URN."""

    def issue(self, assertion_text: str, scope: str, actor: Actor) -> IssuedToken:
        """Raises ``Unauthenticated("assertion.*")``, ``Refused("sharing.client_*", "oauth.scope_too_wide")``,
        ``Malformed("oauth.scope_malformed")``.
        """
        now = self.callers.clock()
        assertion = read_assertion(assertion_text)
        known = self.callers.known_key(assertion.key_id)
        if known is None or known.secret:
            raise Unauthenticated("assertion.key_unknown", "客户端断言所用的密钥没有登记，或已停用。")
        client = known.client
        jti = check_assertion(assertion, known.key, client=client.id, audiences=self.audiences, now=now)
        caller = self._narrowed(self.callers.caller(client), scope)
        secret = MARK + secrets.token_urlsafe(32)
        row = {
            "digest": sm3(secret.encode()).hex(),
            "client_id": client.id,
            "operations": json.dumps(sorted(caller.operations)),
            "types": json.dumps(sorted(caller.types)),
            "regions": json.dumps(sorted(caller.regions)),
            "issued": now,
            "expires": now + LIFE,
        }
        with self.callers.sessions.begin() as session:
            fresh = nonces.note(session, f"jti:{client.id}", jti, now, now + 2 * LONGEST)
            if fresh:
                session.execute(delete(SharingToken).where(SharingToken.expires < now - LIFE))
                session.execute(insert(SharingToken), [row])
                journal.append(session, [Entry(now, actor, "sharing.token", client.id, details={"scope": scope[:400]})])
        if not fresh:
            raise Unauthenticated("assertion.replayed", "该客户端断言已使用过。", remedy="请为每次申请生成新的 jti。")
        return IssuedToken(secret, scope_of(caller), int(LIFE.total_seconds()))

    def _narrowed(self, caller: Caller, scope: str) -> Caller:
        """``caller`` with no more than ``scope`` asks for."""
        asked = self._read(scope)
        narrowed: dict[str, Any] = {}
        for name, wanted in asked.items():
            had: frozenset[str] = getattr(caller, name)
            if not wanted <= had and ANY not in had:
                too_wide = " ".join(sorted(wanted - had))
                raise Refused("oauth.scope_too_wide", "所申请的范围超出该系统的登记：{scope}。", scope=too_wide[:200])
            narrowed[name] = wanted
        return replace(caller, **narrowed)

    def _read(self, scope: str) -> dict[str, frozenset[str]]:
        asked: dict[str, set[str]] = {}
        words = scope.split(" ") if scope else []
        if len(words) > _MOST_WORDS:
            raise _malformed()
        for word in words:
            kind, _, name = word.partition(":")
            if kind not in _KINDS or not name or len(name) > 80:
                raise _malformed()
            if kind == "op" and name not in OPERATIONS:
                raise _malformed()
            if kind == "type" and name != ANY:
                name = self._type(name)
            asked.setdefault(_KINDS[kind], set()).add(name)
        return {name: frozenset(found) for name, found in asked.items()}

    def _type(self, name: str) -> str:
        try:
            return self.catalogue.get(name).code
        except NotFound:
            return name  # another region's

    def caller(self, secret: str) -> Caller:
        """Whom the token speaks for. Raises ``Unauthenticated("sharing.token_unknown", "sharing.token_expired")``."""
        query = select(SharingToken, SharingClient).join(SharingClient, SharingClient.id == SharingToken.client_id)
        with self.callers.sessions.read() as session:
            row = session.execute(query.where(SharingToken.digest == sm3(secret.encode()).hex())).first()
        if row is None:
            raise Unauthenticated("sharing.token_unknown", "访问令牌无效。", remedy="请重新申请访问令牌。")
        token, client = row
        if token.expires <= self.callers.clock():
            raise Unauthenticated("sharing.token_expired", "访问令牌已过期。", remedy="请重新申请访问令牌。")
        demand_active(client)
        caller = self.callers.caller(client)
        return replace(
            caller,
            operations=_within(listed(token.operations), caller.operations),
            types=_within(listed(token.types), caller.types),
            regions=_within(listed(token.regions), caller.regions),
        )


def _within(token: frozenset[str], now: frozenset[str]) -> frozenset[str]:
    """A system whose bounds were drawn closer since has no wider token."""
    return token if ANY in now else now if ANY in token else token & now


def scope_of(caller: Caller) -> str:
    """The scope a token has, in the words of a request."""
    kinds = ((kind, getattr(caller, name)) for kind, name in _KINDS.items())
    return " ".join(f"{kind}:{word}" for kind, words in kinds for word in sorted(words))


def _malformed() -> Malformed:
    return Malformed(
        "oauth.scope_malformed",
        "scope 应由空格分隔的 op:操作、type:类型、region:行政区划 组成。",
        remedy="操作为下列各项：{known}",
        known="、".join(OPERATIONS),
    )
