r"""AK/SK 兼容方式: a request proved by a shared secret, for systems that can make no signature of their own.

    X-LT-Access-Key: ak-…        X-LT-Timestamp: 2026-11-22T08:00:00Z
    X-LT-Nonce: 16–128 letters, digits, _ + / = . -
    X-LT-Signature: hex of HMAC-SM3(SK, canonical)

    canonical = method \n path \n query \n region \n timestamp \n nonce \n hex of SM3(body)

Nobody can be shown afterwards who sent it: both sides know the secret. It is weaker, and marked so in every log.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from trust.algorithms import sm3
from trust.errors import Unauthenticated
from trust.http_signatures import HTTPMessage, check_window

HEADERS: Final = ("x-lt-access-key", "x-lt-timestamp", "x-lt-nonce", "x-lt-signature")
_NONCE: Final = re.compile(r"[A-Za-z0-9_+/=.\-]{16,128}")
_HEX: Final = re.compile(r"[0-9a-f]{64}")


class AccessKeyRefused(Unauthenticated):
    """The request's AK/SK proof does not hold."""

    remedy_template = "请按 docs/sharing.md 的说明签名后重试。"


@dataclass(frozen=True, slots=True)
class AccessKeyProof:
    """What a request says of itself; nothing is proved until ``check_proof``."""

    key_id: str
    nonce: str
    canonical: bytes = field(repr=False)
    value: str = field(repr=False)


def is_access_key(message: HTTPMessage) -> bool:
    """Does the request come with any header of this mode?"""
    return any(message.header(name) is not None for name in HEADERS)


def read_proof(message: HTTPMessage, *, region: str, now: datetime) -> AccessKeyProof:
    """Well-formed and fresh at ``now``. Raises ``Unauthenticated("access_key.*")``."""
    key_id, stamp, nonce, value = (_demand(message, name) for name in HEADERS)
    try:
        created = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise AccessKeyRefused("access_key.timestamp", "X-LT-Timestamp 应形如 2026-11-22T08:00:00Z（UTC）。") from None
    check_window(created, now, "access_key")
    if not _NONCE.fullmatch(nonce):
        raise AccessKeyRefused("access_key.nonce", "nonce 应为16至128位字母、数字或 _ + / = . -。")
    if not _HEX.fullmatch(value):
        raise AccessKeyRefused("access_key.signature_malformed", "X-LT-Signature 应为64位小写十六进制。")
    return AccessKeyProof(key_id, nonce, canonical(message, region, stamp, nonce), value)


def check_proof(proof: AccessKeyProof, secret: bytes) -> None:
    """Raises ``Unauthenticated("access_key.invalid")``."""
    if not hmac.compare_digest(mac(secret, proof.canonical), proof.value):
        raise AccessKeyRefused("access_key.invalid", "X-LT-Signature 与请求内容不符。")


def canonical(message: HTTPMessage, region: str, stamp: str, nonce: str) -> bytes:
    """What is authenticated."""
    parts = (message.method, message.path, message.query, region, stamp, nonce, sm3(message.body).hex())
    return "\n".join(parts).encode()


def mac(secret: bytes, data: bytes) -> str:
    """HMAC-SM3, hex."""
    return hmac.digest(secret, data, "sm3").hex()


def _demand(message: HTTPMessage, name: str) -> str:
    value = message.header(name)
    if not value:
        raise AccessKeyRefused(
            f"access_key.no_{name.removeprefix('x-lt-').replace('-', '_')}", "请求缺少 {name} 头。", name=name
        )
    return value
