"""印章状态: the standing of seals through time, as a register publishes it; read and checked offline.

    payload: {"format", "region", "issued_at", "next_update",
              "seals": {esID: {"objects": [[SM3 of the seal's DER, from], …], "states": [[from, state], …]}}}

Each seal brings its whole history, so that the question of verification, "was this seal valid when it was
used?", has an answer for any past moment. States stand in the order in which they were *recorded*: of those
that had begun by a moment, the last one recorded speaks (a loss may be reported with effect from earlier).
Signing times have whole seconds; so have the moments here. The form is our own: no national one was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from trust.canonical import Value
from trust.signed import SignedDocument, items, members, moment, odd, open_signed, sign_document, text, write_moment

FORMAT: Final = "licence-trust/seal-status/1"
MAX_BYTES: Final = 128 << 20
_NAMES: Final = {"format", "region", "issued_at", "next_update", "seals"}
_SECOND: Final = timedelta(seconds=1)

VALID: Final = "VALID"
STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        VALID: "有效",
        "INACTIVE": "未启用",
        "FROZEN": "冻结",
        "LOST": "挂失",
        "CONFISCATED": "已收缴",
        "DESTROYED": "已销毁",
        "SUPERSEDED": "已被新印章替换",
        "UNREGISTERED": "不是登记的印章",
    }
)
"""Every word for a seal's standing. SUPERSEDED and UNREGISTERED are said of one seal object, and are never published
as a state of the seal."""
_PUBLISHED: Final = frozenset(STATES) - {"SUPERSEDED", "UNREGISTERED"}


@dataclass(frozen=True, slots=True)
class SealStatus:
    """印章状态 at a moment."""

    state: str
    """A word of ``STATES``."""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class SealHistory:
    """印章履历: what is needed to answer for one seal at any moment."""

    states: tuple[tuple[datetime, str], ...]
    """``(from, state)`` in the order recorded."""
    objects: tuple[tuple[str, datetime], ...]
    """``(SM3 of the DER in hex, from)``, oldest first: a changed face or certificate is a new object."""

    def at(self, when: datetime, digest: str | None = None) -> SealStatus:
        """The standing at ``when``: of the seal or, given its ``digest``, of this very seal object."""
        said = next(((since, state) for since, state in reversed(self.states) if since <= when), None)
        if said is None:
            return self._of_object(when, digest) or SealStatus("INACTIVE")
        status = SealStatus(said[1], said[0])
        return (self._of_object(when, digest) if status.state == VALID else None) or status

    def _of_object(self, when: datetime, digest: str | None) -> SealStatus | None:
        """What speaks against this object; ``None``: nothing."""
        if digest is None:
            return None
        digests = [known for known, _ in self.objects]
        if digest not in digests:
            return SealStatus("UNREGISTERED")
        number = digests.index(digest)
        if when < self.objects[number][1]:
            return SealStatus("INACTIVE")
        later = self.objects[number + 1 : number + 2]
        # Within the second of the change either object may have been used: signing times have no fractions.
        if later and when >= later[0][1] + _SECOND:
            return SealStatus("SUPERSEDED", later[0][1])
        return None


@dataclass(frozen=True, eq=False)
class SealStatusList:
    """印章状态列表: parsed, not trusted until ``trust.path.check_published`` has believed its publisher."""

    region: str
    issued_at: datetime
    next_update: datetime
    document: SignedDocument
    data: bytes
    """The octets as published."""

    def history(self, seal_id: str) -> SealHistory | None:
        """What is published of one seal. Raises ``Malformed("published.malformed")``."""
        seals = self.document.payload["seals"]
        assert isinstance(seals, dict)
        return _read_history(seals[seal_id]) if seal_id in seals else None

    def is_fresh(self, known_at: datetime) -> bool:
        """Has the next list not been due yet at ``known_at``?"""
        return known_at <= self.next_update


def build_seal_status_list(
    seals: Mapping[str, SealHistory],
    *,
    region: str,
    issued_at: datetime,
    next_update: datetime,
    sign: Callable[[bytes], bytes],
    signer_chain: Iterable[bytes],
) -> bytes:
    """印章状态列表 as published: histories by esID, signed by ``sign`` (DER r, s)."""
    payload: dict[str, object] = {
        "format": FORMAT,
        "region": region,
        "issued_at": write_moment(issued_at),
        "next_update": write_moment(next_update),
        "seals": {seal_id: _write_history(history) for seal_id, history in seals.items()},
    }
    return sign_document(payload, sign, signer_chain)


@lru_cache(maxsize=8)
def load_seal_status_list(data: bytes) -> SealStatusList:
    """Parse without trusting. Raises ``Malformed`` for anything odd; cached by its octets."""
    document = open_signed(data, FORMAT, limit=MAX_BYTES)
    payload = members(dict(document.payload), _NAMES)
    issued, following = moment(payload, "issued_at"), moment(payload, "next_update")
    if issued > following or not isinstance(payload["seals"], dict):
        raise odd("next_update")
    return SealStatusList(text(payload, "region"), issued, following, document, bytes(data))


def whole_second(value: datetime, *, up: bool) -> datetime:
    """``value`` without fractions. What opens the use of a seal counts from the beginning of its second, what ends it
    from the next one: a document sealed within that second was sealed in time.
    """
    floor = value.replace(microsecond=0)
    return floor + _SECOND if up and floor != value else floor


def _write_history(history: SealHistory) -> dict[str, object]:
    return {
        "objects": [[digest, write_moment(begin)] for digest, begin in history.objects],
        "states": [[write_moment(begin), state] for begin, state in history.states],
    }


def _read_history(value: Value) -> SealHistory:
    entry = members(value, {"objects", "states"})
    states = tuple((_moment(begin), _state(state)) for begin, state in map(_pair, items(entry, "states")))
    objects = tuple((_digest(digest), _moment(begin)) for digest, begin in map(_pair, items(entry, "objects")))
    if not states or not objects or [o[1] for o in objects] != sorted(o[1] for o in objects):
        raise odd("seals")
    return SealHistory(states, objects)


def _pair(value: Value) -> Sequence[Value]:
    if not isinstance(value, list) or len(value) != 2:
        raise odd("seals")
    return value


def _moment(value: Value) -> datetime:
    return moment({"from": value}, "from")


def _state(value: Value) -> str:
    if not isinstance(value, str) or value not in _PUBLISHED:
        raise odd("states")
    return value


def _digest(value: Value) -> str:
    if not isinstance(value, str) or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise odd("objects")
    return value
