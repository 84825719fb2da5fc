"""时间戳协议: how a time stamp is asked for and how the answer is opened (RFC 3161, 2.4; GB/T 20520).

request = build_timestamp_request(sm3(data), nonce=nonce)
token = open_timestamp_response(received)        # not believed yet: ``trust.timestamp.check_timestamp``
"""

from __future__ import annotations

from typing import Final

from trust import der
from trust.algorithms import DIGEST_SIZES, SM3
from trust.der_reader import BIT_STRING, SEQUENCE, Cursor
from trust.der_reader import malformed as bad_der
from trust.errors import Malformed, Unavailable

REQUEST_TYPE: Final = "application/timestamp-query"
RESPONSE_TYPE: Final = "application/timestamp-reply"
MAX_RESPONSE: Final = 1 << 18

FAILURES: Final = {
    0: "badAlg",
    2: "badRequest",
    5: "badDataFormat",
    14: "timeNotAvailable",
    15: "unacceptedPolicy",
    16: "unacceptedExtension",
    17: "addInfoNotAvailable",
    25: "systemFailure",
}
"""PKIFailureInfo by bit (RFC 3161, 2.4.2)."""

_GRANTED: Final = frozenset({0, 1})
"""granted, grantedWithMods."""


def build_timestamp_request(
    digest: bytes, *, algorithm: str = SM3, nonce: int | None = None, policy: str | None = None
) -> bytes:
    """TimeStampReq (DER) for ``digest``, asking for the authority's certificate in the token.

    Raises ``Malformed("timestamp.imprint")`` where ``digest`` is not as long as ``algorithm`` makes it.
    """
    if DIGEST_SIZES.get(algorithm) != len(digest):
        raise Malformed("timestamp.imprint", "杂凑值长度与算法不符：{size} 字节。", size=len(digest))
    parameters = b"" if algorithm == SM3 else der.NULL
    imprint = der.tlv(
        der.SEQUENCE,
        der.tlv(der.SEQUENCE, der.oid(algorithm), parameters),
        der.tlv(der.OCTET_STRING, digest),
    )
    return der.tlv(
        der.SEQUENCE,
        der.integer(1),
        imprint,
        der.oid(policy) if policy else b"",
        der.integer(nonce) if nonce is not None else b"",
        b"\x01\x01\xff",
    )


def open_timestamp_response(data: bytes) -> bytes:
    """The token (DER) in a TimeStampResp.

    Raises ``Unavailable("timestamp.refused")`` where the authority refuses, with its reason, and
    ``Malformed("timestamp.malformed")`` for anything else.
    """
    try:
        if len(data) > MAX_RESPONSE:
            raise bad_der("too large")
        status, reason, token = _read(data)
    except Malformed as error:
        raise Malformed("timestamp.malformed", "时间戳无法解析：{reason}", reason=error.message) from error
    if status not in _GRANTED or not token:
        raise Unavailable(
            "timestamp.refused",
            "时间戳机构拒绝了请求（状态 {status}：{reason}）。",
            status=status,
            reason=reason or "-",
        )
    return token


def _read(data: bytes) -> tuple[int, str, bytes]:
    outer = Cursor(data)
    response = outer.enter(SEQUENCE)
    outer.finish()
    info = response.enter(SEQUENCE)
    status = info.integer()
    words = info.optional(SEQUENCE)
    texts = []
    while words:
        texts.append(words.body(0x0C).decode("utf-8", "replace")[:200])
    failure = _failure(info.body(BIT_STRING)) if info else ""
    info.finish()
    token = response.element(SEQUENCE) if response else b""
    response.finish()
    return status, " ".join((failure, *texts[:4])).strip(), token


def _failure(bits: bytes) -> str:
    """Name of the first bit set."""
    for number, name in FAILURES.items():
        octet = 1 + number // 8
        if octet < len(bits) and bits[octet] & 0x80 >> number % 8:
            return name
    return ""
