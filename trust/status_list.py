"""状态列表: the published states of many licences in few octets, signed; read and checked offline.

Each licence has a random index in a list; the list holds four bits per index. A reader learns the state of
a licence whose index it knows and, of the others, only how many are in which state.

    payload: {"format", "list_id", "region", "issued_at", "next_update", "size", "states": base64(zlib)}

Even indexes stand in the low four bits of an octet, odd ones in the high four. The form is our own,
after the idea of the IETF token status list; a national form was not found (UNSURE whether there is one).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from trust.canonical import Value
from trust.errors import Malformed
from trust.signed import SignedDocument, decode, encode, members, moment, odd, open_signed, sign_document, text
from trust.signed import write_moment as written

FORMAT: Final = "licence-trust/status-list/1"

CODES: Final[Mapping[str, int]] = {
    "CURRENT": 0,
    "SUSPENDED": 1,
    "LOST": 2,
    "INSPECTION_OVERDUE": 3,
    "EXPIRED": 4,
    "SUPERSEDED": 5,
    "CANCELLED": 6,
    "REVOKED": 7,
    "ANNULLED": 8,
    "TRANSFERRED": 9,
    "UNUSED": 15,
}
"""State → four bits: 现行 暂停 挂失 年检逾期 过期 被替代 注销 吊销 撤销 转出 未用."""

_STATES: Final = {code: state for state, code in CODES.items()}
_KNOWN: Final = frozenset(_STATES)
MAX_SIZE: Final = 1 << 22
"""Most indexes in one list: 2 MiB of states."""
_MAX_BYTES: Final = 4 << 20
_NAMES: Final = {"format", "list_id", "region", "issued_at", "next_update", "size", "states"}


@dataclass(frozen=True, eq=False)
class StatusList:
    """状态列表: parsed, not trusted until ``trust.path.check_published`` has believed its publisher."""

    list_id: str
    """Address of the list, as the data message of a licence names it."""
    region: str
    issued_at: datetime
    next_update: datetime
    size: int
    """Number of indexes."""
    states: bytes
    """Four bits per index."""
    document: SignedDocument
    data: bytes
    """The octets as published."""

    def status_at(self, index: int) -> str:
        """State (a name of ``CODES``) at ``index``; ``Malformed("status_list.index")`` outside the list."""
        if not 0 <= index < self.size:
            raise Malformed(
                "status_list.index", "状态列表共有 {size} 个位置，不存在序号 {index}。", size=self.size, index=index
            )
        return _STATES[self.states[index >> 1] >> (4 * (index & 1)) & 0xF]

    def is_fresh(self, known_at: datetime) -> bool:
        """Has the next list not been due yet at ``known_at``?"""
        return known_at <= self.next_update


def pack_states(states: Sequence[str] | Iterable[str]) -> bytes:
    """Four bits per state, in order; an odd last place is filled with UNUSED."""
    try:
        codes = [CODES[state] for state in states]
    except KeyError as unknown:
        raise Malformed("status_list.state", "未知的证照状态 {state}。", state=str(unknown.args[0])) from None
    if len(codes) % 2:
        codes.append(CODES["UNUSED"])
    return bytes(low | high << 4 for low, high in zip(codes[::2], codes[1::2], strict=True))


def build_status_list(
    list_id: str,
    states: Sequence[str],
    *,
    region: str,
    issued_at: datetime,
    next_update: datetime,
    sign: Callable[[bytes], bytes],
    signer_chain: Iterable[bytes],
) -> bytes:
    """状态列表 as published: ``states`` (names of ``CODES``) by index, signed by ``sign`` (DER r, s)."""
    payload: dict[str, object] = {
        "format": FORMAT,
        "list_id": list_id,
        "region": region,
        "issued_at": written(issued_at),
        "next_update": written(next_update),
        "size": str(len(states)),
        "states": encode(zlib.compress(pack_states(states), 9)),
    }
    return sign_document(payload, sign, signer_chain)


@lru_cache(maxsize=64)
def load_status_list(data: bytes) -> StatusList:
    """Parse without trusting. Raises ``Malformed`` for anything odd; cached by its octets."""
    document = open_signed(data, FORMAT, limit=_MAX_BYTES)
    payload = members(dict(document.payload), _NAMES)
    size = _size(text(payload, "size"))
    issued, following = moment(payload, "issued_at"), moment(payload, "next_update")
    if issued > following:
        raise odd("next_update")
    states = _inflate(payload["states"], (size + 1) // 2)
    return StatusList(
        text(payload, "list_id"), text(payload, "region"), issued, following, size, states, document, bytes(data)
    )


def _size(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit() and len(digits) < 9 and str(int(digits)) == digits):
        raise odd("size")
    if not 1 <= int(digits) <= MAX_SIZE:
        raise odd("size")
    return int(digits)


def _inflate(value: Value, expected: int) -> bytes:
    """Exactly ``expected`` octets; a longer stream is never unpacked."""
    inflater = zlib.decompressobj()
    try:
        states = inflater.decompress(decode(value), expected + 1)
    except zlib.error:
        raise odd("states") from None
    if len(states) != expected or not inflater.eof or inflater.unused_data:
        raise odd("states")
    if not {code for octet in set(states) for code in (octet & 0xF, octet >> 4)} <= _KNOWN:
        raise odd("states")
    return states
