"""用证记录: the shape of a holder's use ledger, and how anybody checks an export of it offline.

Each entry says who looked at, checked, fetched or refused which item of the holder, why, when and with what result.
The entries of one holder are a chain: SM3 over the digest before and the canonical entry, beginning with a digest that
names the holder, so that no entry can be changed, taken out, exchanged or moved to another's ledger unnoticed. What a
chain alone cannot show is that its end was cut off: the signed head says how many entries there were and which was the
last, as of a moment.

    export = load_export(data)                                       # JSON lines: entries, then the signed head
    check_export(export)                                             # UseLedgerCheck: sound, or which entry is not
    check_published(export.head.document, store, …)                  # whose word the head is: trust.path
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from trust.algorithms import sm3
from trust.canonical import Value, canonical_json, parse_canonical
from trust.errors import Malformed
from trust.journal import chain_digest
from trust.signed import SignedDocument, members, moment, odd, open_signed, text, write_moment

FORMAT: Final = "licence-trust/use-ledger/1"
"""Stands in the signed head."""
_NAMES: Final = ("at", "subject", "act", "who", "who_id", "department", "why", "result")
_LINE: Final = {"seq", "digest", *_NAMES}
_HEAD: Final = {"format", "region", "holder", "count", "digest", "as_of"}
_LONGEST_LINE: Final = 1 << 16
_MAX_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class UseEntry:
    """用证记录的一条."""

    seq: int
    """From 1, without gaps."""
    at: datetime
    subject: str
    """Base id of a licence, id of a material or of a copy."""
    act: str
    who: str
    """As the holder reads it: a department, a system, ``本人``."""
    who_id: str
    """Account or system, for whoever follows it up."""
    department: str
    """Short name of the department that acted; empty: none."""
    why: str
    result: str
    """``ok``, an indication, or the code of a refusal."""

    def to_bytes(self) -> bytes:
        """Canonical JSON: what the chain digests."""
        return canonical_json(self._members())

    def digest(self, previous: bytes) -> bytes:
        """链摘要."""
        return chain_digest(previous, self.to_bytes())

    def line(self, digest: str) -> bytes:
        """As it stands in an export, with its digest."""
        return canonical_json({**self._members(), "digest": digest})

    def _members(self) -> dict[str, str]:
        if self.at.tzinfo is None:
            raise Malformed("journal.moment", "留痕时间必须带时区。")
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        return {"seq": str(self.seq), **{name: getattr(self, name) for name in _NAMES}, "at": at}


def genesis(holder: str) -> bytes:
    """What stands before the first entry of ``holder``."""
    return sm3(canonical_json({"format": FORMAT, "holder": holder}))


@dataclass(frozen=True, slots=True)
class Head:
    """链首: how many entries there are and the digest of the last."""

    count: int
    digest: str


@dataclass(frozen=True, slots=True)
class SignedHead:
    """签名的链首 of one holder's ledger as of a moment; opened, not trusted."""

    region: str
    holder: str
    head: Head
    as_of: datetime
    document: SignedDocument


@dataclass(frozen=True, slots=True)
class UseLedgerExport:
    """导出的用证记录; opened, not trusted."""

    entries: tuple[tuple[UseEntry, str], ...] = field(repr=False)
    """Each with the digest it claims."""
    signed: SignedHead


@dataclass(frozen=True, slots=True)
class UseLedgerCheck:
    """Whether a ledger is whole."""

    count: int
    """Entries that are sound, from the first on."""
    digest: str
    """Digest of the last of these."""
    problem: str = ""
    """``ledger.missing``, ``ledger.edited``, ``ledger.head`` (the last entries are gone, or a head speaks of others),
    ``ledger.rewritten`` (a head signed earlier speaks of other entries); empty: sound.
    """
    at: int | None = None
    """Number of the entry where it shows first."""

    @property
    def intact(self) -> bool:
        return not self.problem


def check_chain(holder: str, entries: Iterable[tuple[UseEntry, str]], heads: Sequence[Head]) -> UseLedgerCheck:
    """Follow the chain; each of ``heads`` must be met on the way, the last of all where it ends.

    The first head is that of the ledger itself; further ones were signed earlier and may lie anywhere before.
    """
    seq, previous = 0, genesis(holder)
    earlier = {head.count: head.digest for head in heads[1:]}
    if earlier.pop(0, previous.hex()) != previous.hex():
        return UseLedgerCheck(0, previous.hex(), "ledger.rewritten", 0)
    for entry, digest in entries:
        if entry.seq != seq + 1:
            return UseLedgerCheck(seq, previous.hex(), "ledger.missing", seq + 1)
        octets = entry.digest(previous)
        if octets.hex() != digest:
            return UseLedgerCheck(seq, previous.hex(), "ledger.edited", seq + 1)
        if earlier.pop(entry.seq, digest) != digest:
            return UseLedgerCheck(seq, previous.hex(), "ledger.rewritten", seq + 1)
        seq, previous = entry.seq, octets
    if (heads[0].count, heads[0].digest) != (seq, previous.hex()):
        return UseLedgerCheck(seq, previous.hex(), "ledger.head", min(seq, heads[0].count) + 1)
    if earlier:
        return UseLedgerCheck(seq, previous.hex(), "ledger.head", seq + 1)
    return UseLedgerCheck(seq, previous.hex())


def head_payload(region: str, holder: str, head: Head, as_of: datetime) -> dict[str, object]:
    """What is signed."""
    return {
        "format": FORMAT,
        "region": region,
        "holder": holder,
        "count": str(head.count),
        "digest": head.digest,
        "as_of": write_moment(as_of),
    }


def load_head(data: bytes) -> SignedHead:
    """Parse a signed head without trusting; anything odd raises ``Malformed``."""
    document = open_signed(data, FORMAT, limit=_LONGEST_LINE)
    payload = members(dict(document.payload), _HEAD)
    head = Head(_number(payload, "count"), _hex(payload, "digest"))
    return SignedHead(text(payload, "region"), text(payload, "holder"), head, moment(payload, "as_of"), document)


def load_export(data: bytes) -> UseLedgerExport:
    """Parse an export (JSON lines, the signed head last) without trusting; anything odd raises ``Malformed``."""
    if len(data) > _MAX_BYTES:
        raise Malformed("json.too_large", "数据超过 {limit} 字节。", limit=_MAX_BYTES)
    lines = data.split(b"\n")
    if lines[-1] or len(lines) < 2:
        raise odd("lines")
    return UseLedgerExport(tuple(_entries(lines[:-2])), load_head(lines[-2]))


def check_export(export: UseLedgerExport, earlier: Sequence[SignedHead] = ()) -> UseLedgerCheck:
    """Is the export whole, as its head says, and as heads of the same holder said earlier?

    Whose word the heads are is another question: ``trust.path.check_published``.
    """
    signed = export.signed
    if any((one.holder, one.region) != (signed.holder, signed.region) for one in earlier):
        return UseLedgerCheck(0, genesis(signed.holder).hex(), "ledger.head", 0)
    return check_chain(signed.holder, export.entries, [signed.head, *(one.head for one in earlier)])


def _entries(lines: Sequence[bytes]) -> Iterator[tuple[UseEntry, str]]:
    for line in lines:
        found = members(parse_canonical(line, limit=_LONGEST_LINE), _LINE)
        words = {name: text(found, name, limit=4096) for name in _NAMES if name != "at"}
        try:
            at = datetime.fromisoformat(text(found, "at"))
        except ValueError:
            raise odd("at") from None
        if at.tzinfo is None:
            raise odd("at")
        yield UseEntry(seq=_number(found, "seq"), at=at, **words), _hex(found, "digest")


def _number(value: dict[str, Value], name: str) -> int:
    digits = text(value, name, limit=18)
    if not (digits.isascii() and digits.isdigit() and str(int(digits)) == digits):
        raise odd(name)
    return int(digits)


def _hex(value: dict[str, Value], name: str) -> str:
    found = text(value, name, limit=64)
    if len(found) != 64 or set(found) - set("0123456789abcdef"):
        raise odd(name)
    return found
