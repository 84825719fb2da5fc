"""印章状态: the standing of seals through time, as a register publishes it; read and checked offline.

    payload: {"format", "region", "issued_at", "next_update", "count", "seals": base64(zlib(lines))}

One line for each seal, sorted, its parts divided by tabs: esID, objects, states. Objects are ``<SM3 of the seal's
DER>@<from>``, states ``<state>@<from>``, each divided by commas; ``from`` is in seconds since 1970 UTC.

Each seal brings its whole history, so that the question of verification, "was this seal valid when it was
used?", has an answer for any past moment. States stand in the order in which they were *recorded*: of those
that had begun by a moment, the last one recorded speaks (a loss may be reported with effect from earlier).
Signing times have whole seconds; so have the moments here. The form is our own: no national one was found.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from trust.canonical import Value
from trust.i18n import N_
from trust.signed import (
    SignedDocument,
    decode,
    encode,
    members,
    moment,
    odd,
    open_signed,
    sign_document,
    text,
    write_moment,
)

FORMAT: Final = "licence-trust/seal-status/1"
MAX_BYTES: Final = 64 << 20
_MAX_LINES: Final = 256 << 20
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_SECONDS: Final = re.compile("[0-9]{1,11}")
_NAMES: Final = {"format", "region", "issued_at", "next_update", "count", "seals"}
_SECOND: Final = timedelta(seconds=1)

VALID: Final = "VALID"
STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        VALID: N_("有效"),
        "INACTIVE": N_("未启用"),
        "FROZEN": N_("冻结"),
        "LOST": N_("挂失"),
        "CONFISCATED": N_("已收缴"),
        "DESTROYED": N_("已销毁"),
        "SUPERSEDED": N_("已被新印章替换"),
        "UNREGISTERED": N_("不是登记的印章"),
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
    lines: Mapping[str, str]
    """esID → objects and states, as published."""
    document: SignedDocument
    data: bytes
    """The octets as published."""

    def history(self, seal_id: str) -> SealHistory | None:
        """What is published of one seal. Raises ``Malformed("published.malformed")``."""
        line = self.lines.get(seal_id)
        return _read_history(line) if line is not None else None

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
    lines = "".join(f"{seal_id}\t{_write_history(seals[seal_id])}\n" for seal_id in sorted(seals))
    payload: dict[str, object] = {
        "format": FORMAT,
        "region": region,
        "issued_at": write_moment(issued_at),
        "next_update": write_moment(next_update),
        "count": str(len(seals)),
        "seals": encode(zlib.compress(lines.encode("ascii"), 6)),
    }
    return sign_document(payload, sign, signer_chain)


@lru_cache(maxsize=8)
def load_seal_status_list(data: bytes) -> SealStatusList:
    """Parse without trusting. Raises ``Malformed`` for anything odd; cached by its octets."""
    document = open_signed(data, FORMAT, limit=MAX_BYTES)
    payload = members(dict(document.payload), _NAMES)
    issued, following = moment(payload, "issued_at"), moment(payload, "next_update")
    if issued > following:
        raise odd("next_update")
    parts = [line.partition("\t") for line in _inflate(payload["seals"]).split("\n")]
    lines = {seal_id: rest for seal_id, _, rest in parts[:-1]}
    if parts[-1] != ("", "", "") or str(len(lines)) != text(payload, "count") or len(lines) != len(parts) - 1:
        raise odd("seals")
    return SealStatusList(text(payload, "region"), issued, following, lines, document, bytes(data))


def _inflate(value: Value) -> str:
    inflater = zlib.decompressobj()
    try:
        lines = inflater.decompress(decode(value), _MAX_LINES)
        if not inflater.eof or inflater.unused_data:
            raise odd("seals")
        return lines.decode("ascii")
    except (zlib.error, UnicodeDecodeError):
        raise odd("seals") from None


def whole_second(value: datetime, *, up: bool) -> datetime:
    """``value`` without fractions. What opens the use of a seal counts from the beginning of its second, what ends it
    from the next one: a document sealed within that second was sealed in time.
    """
    floor = value.replace(microsecond=0)
    return floor + _SECOND if up and floor != value else floor


def _write_history(history: SealHistory) -> str:
    objects = ",".join(f"{digest}@{int(begin.timestamp())}" for digest, begin in history.objects)
    return f"{objects}\t{','.join(f'{state}@{int(begin.timestamp())}' for begin, state in history.states)}"


def _read_history(line: str) -> SealHistory:
    objects, _, states = line.partition("\t")
    made = tuple(map(_read_part, objects.split(",")))
    said = tuple(map(_read_part, states.split(",")))
    if not all(_DIGEST.fullmatch(digest) for digest, _ in made) or [m for _, m in made] != sorted(m for _, m in made):
        raise odd("objects")
    if not {state for state, _ in said} <= _PUBLISHED:
        raise odd("states")
    return SealHistory(tuple((begin, state) for state, begin in said), made)


def _read_part(part: str) -> tuple[str, datetime]:
    word, _, seconds = part.partition("@")
    if not _SECONDS.fullmatch(seconds):
        raise odd("seals")
    return word, datetime.fromtimestamp(int(seconds), UTC)
