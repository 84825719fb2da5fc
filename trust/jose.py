"""客户端断言: a signed JWT by which a system proves itself when it asks for a token (RFC 7523, ``private_key_jwt``).

Compact JWS (RFC 7515) with ``ES256``, or SM2 with SM3 under the private label ``x-sm2-sm3``; ``none``, shared secrets
and everything else are refused. ``kid`` is needed; ``crit``, ``jku``, ``jwk`` and ``x5u`` are not followed but refused.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from trust.errors import Unauthenticated
from trust.request_keys import JOSE_LABELS, RequestKey

LONGEST: Final = timedelta(minutes=5)
"""The life of an assertion at most."""
AHEAD: Final = timedelta(seconds=60)
_PART: Final = re.compile(r"[A-Za-z0-9_-]+")
_SIZE: Final = 8192
_HEADER: Final = {"alg", "kid", "typ"}


class AssertionRefused(Unauthenticated):
    """The client's assertion does not hold."""

    remedy_template = "请按 docs/sharing.md 的说明重新生成断言。"


@dataclass(frozen=True, slots=True)
class Assertion:
    """断言, read: nothing is checked yet but its form."""

    key_id: str
    algorithm: str
    claims: Mapping[str, Any]
    signed: bytes = field(repr=False)
    value: bytes = field(repr=False)


def read_assertion(text: str) -> Assertion:
    """Raises ``Unauthenticated``: ``assertion.malformed``, ``.header``, ``.algorithm``, ``.no_kid``."""
    parts = text.split(".")
    if len(text) > _SIZE or len(parts) != 3 or not all(_PART.fullmatch(part) for part in parts):
        raise AssertionRefused("assertion.malformed", "客户端断言不是紧凑格式的 JWT。")
    header, claims = _object(parts[0]), _object(parts[1])
    if not set(header) <= _HEADER or header.get("typ", "JWT") not in ("JWT", "jwt", "client-authentication+jwt"):
        raise AssertionRefused("assertion.header", "客户端断言的头部只允许 alg、kid 和 typ。")
    if header.get("alg") not in JOSE_LABELS.values():
        known = "、".join(JOSE_LABELS.values())
        raise AssertionRefused("assertion.algorithm", "客户端断言的算法应为 {known} 之一。", known=known)
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        raise AssertionRefused("assertion.no_kid", "客户端断言没有写明密钥标识 kid。")
    signed = f"{parts[0]}.{parts[1]}".encode()
    return Assertion(header["kid"], header["alg"], claims, signed, _octets(parts[2]))


def check_assertion(
    assertion: Assertion, key: RequestKey, *, client: str, audiences: Collection[str], now: datetime
) -> str:
    """The assertion's ``jti``, for whoever keeps what was seen; its expiry lies within ``LONGEST``.

    Raises ``Unauthenticated("assertion.*")``: ``key_kind``, ``invalid``, ``issuer``, ``subject``, ``audience``,
    ``no_exp``, ``expired``, ``too_long``, ``future``, ``no_jti``.
    """
    if assertion.algorithm != JOSE_LABELS.get(key.kind):
        raise AssertionRefused("assertion.key_kind", "客户端断言的算法与密钥的种类不符。")
    if not key.verify(assertion.value, assertion.signed):
        raise AssertionRefused("assertion.invalid", "客户端断言的签名与密钥不符。")
    claims = assertion.claims
    for name, code in (("iss", "assertion.issuer"), ("sub", "assertion.subject")):
        if claims.get(name) != client:
            raise AssertionRefused(code, "客户端断言的 {name} 应为密钥所属的接入系统。", name=name)
    stated = claims.get("aud")
    if not any(one in audiences for one in (stated if isinstance(stated, list) else [stated]) if isinstance(one, str)):
        raise AssertionRefused(
            "assertion.audience", "客户端断言不是给本地区的：aud 应为 {expected}。", expected="、".join(audiences)
        )
    ends = _moment(claims.get("exp"), "assertion.no_exp")
    if ends <= now:
        raise AssertionRefused("assertion.expired", "客户端断言已过期。")
    if ends > now + LONGEST + AHEAD:
        raise AssertionRefused("assertion.too_long", "客户端断言的有效期不得超过五分钟。")
    for name in ("iat", "nbf"):
        if name in claims and _moment(claims[name], "assertion.malformed") > now + AHEAD:
            raise AssertionRefused("assertion.future", "客户端断言的签发时间在将来。")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 8 <= len(jti) <= 128 or not jti.isascii():
        raise AssertionRefused("assertion.no_jti", "客户端断言应有 jti（8至128个字符）。")
    return jti


def make_assertion(
    *, client: str, audience: str, key_id: str, algorithm: str, jti: str, now: datetime, sign: Callable[[bytes], bytes]
) -> str:
    """An assertion for two minutes; ``sign`` gives 64 octets r ‖ s."""
    header = {"alg": algorithm, "kid": key_id, "typ": "JWT"}
    start = int(now.timestamp())
    claims = {"iss": client, "sub": client, "aud": audience, "iat": start, "exp": start + 120, "jti": jti}
    signed = ".".join(_text(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    return f"{signed}.{_text(sign(signed.encode()))}"


def _object(part: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("named twice")
        return dict(pairs)

    try:
        found = json.loads(_octets(part), object_pairs_hook=unique)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise AssertionRefused("assertion.malformed", "客户端断言不是紧凑格式的 JWT。")
    return found


def _octets(part: str) -> bytes:
    data = urlsafe_b64decode(part + "=" * (-len(part) % 4)) if len(part) % 4 != 1 else b""
    if _text(data) != part:
        raise AssertionRefused("assertion.malformed", "客户端断言不是紧凑格式的 JWT。")
    return data


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _moment(value: object, code: str) -> datetime:
    whole = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        return datetime.fromtimestamp(float(value) if whole else float("nan"), UTC)  # type: ignore[arg-type]
    except (ValueError, OverflowError, OSError):
        raise AssertionRefused(code, "客户端断言的时间无法识别。") from None
