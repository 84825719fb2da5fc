"""演示用身份提供方: an OpenID provider as others are, but that it asks for no proof (OpenID Connect Core, RFC 7636).

It has discovery, authorization, token, keys and logout; codes are good once, for one minute, for the address and the
challenge they were made for. What is kept lives in memory and ends with the process: it proves nothing to anybody.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from api.oidc_claims import OFFICE_ROLE
from api.registrations import LOOPBACK
from licence_store.holding.holder import Holder
from trust.algorithms import sm3
from trust.errors import Malformed, Unavailable
from trust.fetching import Exchange

PATH: Final = "/test-idp"
AFTERWARDS: Final = re.compile(r"/space/signed-out|/kiosk")
"""Where one may go on after signing out."""
_CALLBACKS: Final = re.compile(r"/space/sign-in/callback(/[a-z0-9-]+)?")
CODE_LENGTH: Final = timedelta(minutes=1)
TOKEN_LENGTH: Final = timedelta(minutes=5)
LEVELS: Final = {"loa1": 1, "loa2": 2, "loa3": 3}
_MOST: Final = 1000
"""Codes kept at a time."""


def _new_key() -> Any:
    from joserfc.jwk import ECKey

    return ECKey.generate_key("P-256", auto_kid=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """认证请求: what a relying party asks for, checked."""

    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    challenge: str
    level: int


@dataclass(frozen=True, slots=True)
class _Code:
    asked: Asked
    claims: Mapping[str, Any]
    expires: datetime


@dataclass(frozen=True)
class DemonstrationProvider:
    """演示用身份提供方 of one region, at whichever address of this machine it is met."""

    base_url: str
    client_id: str
    clock: Callable[[], datetime]
    _codes: OrderedDict[str, _Code] = field(default_factory=OrderedDict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)
    _key: Any = field(default_factory=_new_key, repr=False)

    def discovery(self, origin: str) -> dict[str, Any]:
        """OpenID Connect Discovery, for whoever meets us at ``origin``."""
        issuer = f"{origin}{PATH}"
        return {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks",
            "end_session_endpoint": f"{issuer}/logout",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "profile"],
            "acr_values_supported": list(LEVELS),
            "claims_supported": ["sub", "name", "identity_code", "identity_code_type", "legal_person", "acr"],
            "authorization_response_iss_parameter_supported": True,
        }

    def jwks(self) -> dict[str, Any]:
        return {"keys": [{**self._key.as_dict(private=False), "use": "sig", "alg": "ES256"}]}

    def check(self, asked: Mapping[str, str]) -> Asked:
        """A request to authorize. Raises ``Malformed("test_idp.request")``, for the person: nobody is sent back to an
        address that is not the relying party's own.
        """
        redirect_uri = asked.get("redirect_uri", "")
        known = asked.get("client_id") == self.client_id and self.returns_to(redirect_uri)
        good = (
            asked.get("response_type") == "code"
            and "openid" in asked.get("scope", "").split()
            and asked.get("code_challenge_method") == "S256"
            and 43 <= len(asked.get("code_challenge", "")) <= 128
        )
        if not known or not good:
            raise Malformed("test_idp.request", "演示用身份提供方无法理解这一认证请求。", remedy="请从登录页重新开始。")
        levels = [LEVELS[one] for one in asked.get("acr_values", "").split() if one in LEVELS]
        return Asked(
            self.client_id,
            redirect_uri,
            asked.get("state", ""),
            asked.get("nonce", ""),
            asked["code_challenge"],
            min(levels, default=1),
        )

    def returns_to(self, url: str, path: re.Pattern[str] = _CALLBACKS) -> bool:
        """Is it ours: at the public address, or on this machine at whatever port (RFC 8252, 7.3)?"""
        try:
            parts = urlsplit(url)
            local = parts.scheme == "http" and parts.hostname in LOOPBACK and not parts.username
        except ValueError:
            return False
        if url.startswith(self.base_url) and path.fullmatch(url.removeprefix(self.base_url)):
            return True
        return local and path.fullmatch(parts.path) is not None and not parts.query and not parts.fragment

    def grant(self, asked: Asked, origin: str, person: Holder, level: int, company: Holder | None) -> str:
        """Where the browser goes on with its code."""
        now = self.clock()
        claims: dict[str, Any] = {
            "iss": f"{origin}{PATH}",
            "sub": sm3(person.code.encode()).hex()[:32],
            "aud": asked.client_id,
            "auth_time": int(now.timestamp()),
            "acr": next(acr for acr, given in LEVELS.items() if given == level),
            "name": person.name,
            "identity_code": person.code,
            "identity_code_type": person.code_type,
        }
        if asked.nonce:
            claims["nonce"] = asked.nonce
        if company is not None:
            claims["legal_person"] = {"code": company.code, "name": company.name, "role": OFFICE_ROLE}
        code = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._codes) >= _MOST:
                self._codes.popitem(last=False)
            self._codes[code] = _Code(asked, claims, now + CODE_LENGTH)
        return f"{asked.redirect_uri}?{urlencode({'code': code, 'state': asked.state, 'iss': claims['iss']})}"

    def deny(self, asked: Asked, origin: str) -> str:
        """Where the browser goes on when somebody would rather not."""
        answer = {"error": "access_denied", "state": asked.state, "iss": f"{origin}{PATH}"}
        return f"{asked.redirect_uri}?{urlencode(answer)}"

    def token(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The token endpoint's answer; with ``error`` where it is refused (RFC 6749, 5.2)."""
        if form.get("grant_type") != "authorization_code":
            return {"error": "unsupported_grant_type"}
        with self._lock:
            code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.expires <= self.clock():
            return {"error": "invalid_grant"}
        asked = code.asked
        same = form.get("redirect_uri") == asked.redirect_uri and form.get("client_id") == asked.client_id
        if not same or not hmac.compare_digest(_challenge(form.get("code_verifier", "")), asked.challenge):
            return {"error": "invalid_grant"}
        return {
            "access_token": secrets.token_urlsafe(32),
            "token_type": "Bearer",
            "expires_in": int(TOKEN_LENGTH.total_seconds()),
            "id_token": self.id_token(code.claims),
        }

    def id_token(self, claims: Mapping[str, Any]) -> str:
        """身份令牌: the claims signed, good for some minutes."""
        from joserfc import jwt

        now = int(self.clock().timestamp())
        times = {"iat": now, "exp": now + int(TOKEN_LENGTH.total_seconds()), "jti": secrets.token_hex(16)}
        header = {"alg": "ES256", "kid": self._key.kid}
        return jwt.encode(header, {**times, **claims}, self._key, algorithms=["ES256"])


@dataclass(frozen=True, slots=True)
class InProcess:
    """A ``Fetcher`` that asks the provider in this process what others ask it over HTTP, and gets the same octets:
    a service that calls itself may wait for itself, and need not be reachable under its public name from within.
    """

    provider: DemonstrationProvider

    def fetch(self, exchange: Exchange) -> bytes:
        origin, _, path = exchange.url.partition(PATH)
        if exchange.body is not None and path == "/token":
            return json.dumps(self.provider.token(dict(parse_qsl(exchange.body.decode("utf-8", "replace"))))).encode()
        documents: dict[str, Callable[[], dict[str, Any]]] = {
            "/.well-known/openid-configuration": lambda: self.provider.discovery(origin),
            "/jwks": self.provider.jwks,
        }
        if path not in documents:
            raise Unavailable(
                "fetch.address", "信息源地址 {url} 无效或不受支持（仅支持 http 和 https）。", url=path[:80]
            )
        return json.dumps(documents[path]()).encode()


def _challenge(verifier: str) -> str:
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    return str(create_s256_code_challenge(verifier))
