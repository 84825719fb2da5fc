"""身份提供方 (OpenID Connect Core 1.0): this service as relying party, with PKCE (RFC 7636, S256), state and nonce.

    party = RelyingParty(registration, fetcher, clock)
    url, expected = party.begin(redirect_uri, level=1)               # the browser goes there
    identity = party.complete(expected, code)                        # and comes back with a code

What the provider says is believed only out of an id token: its signature by a published key under an algorithm of
the list, ``iss``, ``aud``, ``exp``, ``iat``, ``nonce``. The protocol is Authlib's, the cryptography joserfc's; requests
go out through ``trust.fetching`` alone, without redirects.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final
from urllib.parse import urlencode

from api.oidc_claims import identity_of, moment_of, says_who
from api.registrations import Registration, check_issuer
from licence_store.holding.accounts import Identity
from licence_store.holding.holder import NEVER
from trust.errors import LicenceTrustError, Refused, Unavailable
from trust.fetching import Exchange, Fetcher

ALGORITHMS: Final = ("RS256", "ES256")
LEEWAY: Final = 60
"""Seconds by which two clocks may differ."""
PORTAL_AGE: Final = timedelta(minutes=10)
"""How old an id token may be that a portal shows."""
STEP_UP_AGE: Final = timedelta(minutes=5)
"""How long ago somebody may have proved themselves who was asked to do so again."""
LARGEST: Final = 64 << 10
_KEPT: Final = timedelta(minutes=10)
_ASK_AGAIN: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the answer must fit."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    issuer: str
    level: int = 1
    again: bool = False
    """A fresh proof was asked for (step-up)."""


class RelyingParty:
    """依赖方. Safe to share between threads."""

    def __init__(
        self, registration: Registration, fetcher: Callable[[str], Fetcher], clock: Callable[[], datetime]
    ) -> None:
        """``fetcher`` answers who fetches from an address: what is foreign to the issuer's host keeps off our nets."""
        self.registration = registration
        self.fetcher, self._clock = fetcher, clock
        self._lock = Lock()
        self._kept: dict[str, tuple[datetime, dict[str, Any]]] = {}

    # The way out and back

    def begin(
        self, redirect_uri: str, *, level: int = 1, again: bool = False, language: str = ""
    ) -> tuple[str, Expected]:
        """Where the browser is sent, and what must come back; ``again``: with a fresh proof, whoever was there before.
        Raises ``Unavailable("holder.provider")``.
        """
        metadata = self.metadata()
        expected = Expected(
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(48),
            redirect_uri,
            self.registration.issuer,
            level,
            again,
        )
        asked = {"nonce": expected.nonce, "ui_locales": language}
        wanted = [acr for acr, given in self.registration.levels.items() if given >= level]
        if level > 1:
            asked["acr_values"] = " ".join(wanted)
        if again:
            asked |= {"max_age": "0", "prompt": "login"}
        url, _ = self._client(redirect_uri).create_authorization_url(
            metadata["authorization_endpoint"],
            state=expected.state,
            code_verifier=expected.verifier,
            **{name: value for name, value in asked.items() if value},
        )
        return str(url), expected

    def complete(self, expected: Expected, code: str) -> Identity:
        """Who has proved themselves. Raises ``Refused("holder.code_refused", "holder.token", "holder.identity",
        "holder.level_too_low", "holder.proof_too_old")``, ``Unavailable("holder.provider")``.
        """
        answer = self._token(expected, code)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise _bad_token("id_token")
        access_token = str(answer.get("access_token") or "")
        claims = self._claims(
            token, audiences={self.registration.client_id}, nonce=expected.nonce, access_token=access_token
        )
        if access_token and not says_who(self.registration, claims):
            claims = {**self._user_info(access_token, str(claims["sub"])), **claims}
        identity = replace(identity_of(self.registration, claims), word=token)
        if identity.proved > self._clock() + timedelta(seconds=LEEWAY):
            raise _bad_token("auth_time")
        if identity.assurance < expected.level:
            raise Refused(
                "holder.level_too_low",
                "身份提供方只证明到{got}级，需要{wanted}级。",
                remedy="请在身份提供方选择更高等级的认证方式后再试。",
                got=identity.assurance,
                wanted=expected.level,
            )
        if expected.again and identity.proved < self._clock() - STEP_UP_AGE:
            raise proof_too_old()
        return identity

    def check_sender(self, asked: str, said: str) -> None:
        """Does the answer come from whom we asked (RFC 9207)? ``said``: its ``iss``; empty: it names nobody, as
        providers may who have not promised to. Raises ``Refused("holder.issuer")``.
        """
        issuer = self.registration.issuer
        promised = self.metadata().get("authorization_response_iss_parameter_supported") is True
        if asked != issuer or (said != issuer and (said or promised)):
            raise Refused("holder.issuer", "应答来自另一个身份提供方。", remedy="请重新点击登录。")

    def of_portal(self, id_token: str) -> tuple[Identity, str]:
        """Who a portal's id token proves, and the mark by which it is good once. Raises as ``complete``."""
        if len(id_token) > LARGEST:
            raise _bad_token("size")
        claims = self._claims(
            id_token, audiences=self.registration.audiences | {self.registration.client_id}, nonce="", access_token=""
        )
        if moment_of(claims.get("iat")) < self._clock() - PORTAL_AGE:
            raise _bad_token("iat")
        return identity_of(self.registration, claims), id_token.rpartition(".")[0]

    def logout_url(self, return_to: str, word: str = "") -> str:
        """Where one signs out of the provider too (RP-Initiated Logout 1.0); empty: it has no such place. ``word``: the
        id token, which says whom; without it providers ask the person first.
        """
        try:
            endpoint = self.metadata().get("end_session_endpoint")
        except LicenceTrustError:
            return ""
        if not isinstance(endpoint, str) or not self._safe(endpoint):
            return ""
        asked = {"client_id": self.registration.client_id, "post_logout_redirect_uri": return_to}
        if word:
            asked["id_token_hint"] = word
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def metadata(self) -> dict[str, Any]:
        """The provider's own description (OpenID Connect Discovery). Raises ``Unavailable("holder.provider")``."""
        url = f"{self.registration.issuer.rstrip('/')}/.well-known/openid-configuration"
        found = self._document(url, newer_than=None)
        endpoints = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if found.get("issuer") != self.registration.issuer or not all(self._safe(found.get(one)) for one in endpoints):
            raise _away("discovery")
        return found

    # What is checked

    def _claims(self, token: str, *, audiences: Collection[str], nonce: str, access_token: str) -> dict[str, Any]:
        from authlib.oidc.core import CodeIDToken
        from joserfc.errors import JoseError

        try:
            header, payload = self._decoded(token)
            options = {
                "iss": {"essential": True, "value": self.registration.issuer},
                "aud": {"essential": True, "values": sorted(audiences)},
            }
            params = {"nonce": nonce, "access_token": access_token}
            claims = CodeIDToken(payload, header, options, params)
            now = int(self._clock().timestamp())
            claims.validate(now, LEEWAY)
            self._check_parties(payload, audiences)
            if float(payload["iat"]) > now + LEEWAY:
                raise _bad_token("iat")
        except LicenceTrustError:
            raise
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise _bad_token(str(getattr(error, "claim", "") or type(error).__name__)) from error
        return dict(payload)

    def _check_parties(self, payload: Mapping[str, Any], audiences: Collection[str]) -> None:
        """A token meant for others besides us is not ours to take (OpenID Connect Core 3.1.3.7, 3 to 5)."""
        named = payload["aud"] if isinstance(payload["aud"], list) else [payload["aud"]]
        if not set(named) <= set(audiences) or payload.get("azp", named[0]) not in audiences:
            raise _bad_token("aud")

    def _decoded(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims under a published key; keys are fetched anew once where theirs is not among ours."""
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError
        from joserfc.jwk import KeySet

        if len(token) > LARGEST:
            raise _bad_token("size")
        try:
            found = jwt.decode(token, KeySet.import_key_set(self._keys()), algorithms=list(ALGORITHMS))
        except InvalidKeyIdError:
            fresh = self._keys(newer_than=self._clock() - _ASK_AGAIN)
            found = jwt.decode(token, KeySet.import_key_set(fresh), algorithms=list(ALGORITHMS))
        if "crit" in found.header:  # we know no extension whose neglect would change what a token says
            raise _bad_token("crit")
        return dict(found.header), dict(found.claims)

    def _keys(self, newer_than: datetime | None = None) -> Any:
        return self._document(self.metadata()["jwks_uri"], newer_than=newer_than)

    # Asking the provider

    def _user_info(self, access_token: str, subject: str) -> dict[str, Any]:
        """What a provider with short id tokens says about somebody (OpenID Connect Core 5.3); nothing where it
        has no such endpoint. Raises ``Refused("holder.token")`` for another subject's.
        """
        endpoint = self.metadata().get("userinfo_endpoint")
        if not self._safe(endpoint):
            return {}
        url, proof = str(endpoint), (("Authorization", f"Bearer {access_token}"),)
        try:
            found = json.loads(
                self.fetcher(url).fetch(Exchange(url, accept="application/json", limit=LARGEST, headers=proof))
            )
        except (Unavailable, ValueError, RecursionError) as error:
            raise _away(error.code if isinstance(error, Unavailable) else "userinfo") from error
        if not isinstance(found, dict) or found.get("sub") != subject:
            raise _bad_token("userinfo")
        return found

    def _client(self, redirect_uri: str) -> Any:
        from authlib.oauth2.client import OAuth2Client

        registration = self.registration
        return OAuth2Client(
            _Session(self.fetcher),
            client_id=registration.client_id,
            client_secret=registration.client_secret or None,
            token_endpoint_auth_method=self._way(),
            scope=registration.scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )

    def _way(self) -> str:
        """How we prove ourselves with the secret: in the header, or in the form where it takes nothing else."""
        if not self.registration.client_secret:
            return "none"
        taken = self.metadata().get("token_endpoint_auth_methods_supported")
        only_form = isinstance(taken, list) and "client_secret_basic" not in taken and "client_secret_post" in taken
        return "client_secret_post" if only_form else "client_secret_basic"

    def _token(self, expected: Expected, code: str) -> dict[str, Any]:
        from authlib.common.errors import AuthlibBaseError

        try:
            return dict(
                self._client(expected.redirect_uri).fetch_token(
                    self.metadata()["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=expected.verifier,
                )
            )
        except AuthlibBaseError as error:
            raise Refused(
                "holder.code_refused",
                "身份提供方不接受这次登录（{error}）。",
                remedy="请重新点击登录。",
                error=str(error.error)[:60],
            ) from error
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise _away("token") from error

    def _document(self, url: str, newer_than: datetime | None) -> dict[str, Any]:
        """A JSON object of the provider's, kept for some minutes; fetched anew if not ``newer_than``."""
        now = self._clock()
        with self._lock:
            kept = self._kept.get(url)
        if kept is not None and kept[0] > max(now - _KEPT, newer_than or NEVER):
            return kept[1]
        try:
            found = json.loads(self.fetcher(url).fetch(Exchange(url, accept="application/json", limit=LARGEST)))
        except (Unavailable, ValueError, RecursionError) as error:
            raise _away(error.code if isinstance(error, Unavailable) else "json") from error
        if not isinstance(found, dict):
            raise _away("json")
        with self._lock:
            self._kept[url] = (now, found)
        return found

    def _safe(self, url: object) -> bool:
        """https; or http beside an issuer that is on this machine itself."""
        if not isinstance(url, str) or not check_issuer(url.partition("?")[0]):
            return False
        return url.startswith("https://") or self.registration.issuer.startswith("http://")


class _Session:
    """What Authlib's client asks of a session of requests, over a ``Fetcher``."""

    def __init__(self, fetcher: Callable[[str], Fetcher]) -> None:
        self._fetcher = fetcher

    def post(self, url: str, data: Mapping[str, str], headers: Mapping[str, str], auth: Any, **_: object) -> Any:
        address, sent, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        kept = tuple((name, value) for name, value in sent.items() if name.lower() == "authorization")
        exchange = Exchange(
            address,
            body.encode(),
            "application/x-www-form-urlencoded",
            "application/json",
            LARGEST,
            kept,
            frozenset({200, 400, 401}),
        )
        try:
            return _Answer(self._fetcher(address).fetch(exchange))
        except Unavailable as error:
            raise _away(error.code) from error


class _Answer:
    """The answer of the token endpoint."""

    status_code = 200

    def __init__(self, content: bytes) -> None:
        self.text = content.decode("utf-8", "replace")

    def raise_for_status(self) -> None:
        """An error stands in the body."""

    def json(self) -> Any:
        return json.loads(self.text)


def proof_too_old() -> Refused:
    """A fresh proof was asked for, and an older one came."""
    return Refused("holder.proof_too_old", "身份提供方没有重新认证您的身份。", remedy="请重新点击认证。")


def _bad_token(what: str) -> Refused:
    return Refused(
        "holder.token",
        "身份令牌未通过检查（{what}）。",
        remedy="请重新登录；如持续出现，请联系系统管理员。",
        what=what[:40],
    )


def _away(what: str) -> Unavailable:
    return Unavailable("holder.provider", "身份提供方暂时无法访问或应答有误（{what}）。", what=what[:40])
