"""信任列表: which regions there are, whom to believe in each, and what each may seal; signed by k of n keepers.

    {"payload": {"format", "name", "number", "previous", "issued_at", "next_update", "threshold",
                 "keepers": [{"name", "certificate", "valid_from", "valid_to"}],
                 "regions": [{"code", "name", "upper", "left_at", "anchors", "intermediates", "entitlements",
                              "endpoints", "request_keys", "status_lists"}]},
     "signatures": [{"keeper": SM3 of a keeper's certificate, "signature": base64 DER {r, s}}]}

The whole is canonical JSON; each keeper signs the octets of ``payload``. A list has a number, one more than the list
before it, whose payload's SM3 it names: two lists with one number, or one that follows another history, are a fork.
Whoever believes list n believes list n + 1 when enough keepers *of n* signed it, and enough of its own
(``trust.list_chain``); so keepers may change without anybody being asked to believe anew.

A region's keys overlap while they are changed: the old and the new stand side by side, each with its period. The list
never says what was true "now" only: what is proved to be older keeps its answer. No national form was found; this one
is our own, after the ideas of ETSI TS 119 612 and The Update Framework.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Final

from trust.algorithms import sm3
from trust.anchor_json import write_anchor
from trust.anchors import TrustAnchor
from trust.canonical import canonical_json
from trust.certificates import Certificate
from trust.request_keys import RequestKey
from trust.signed import encode, write_moment

FORMAT: Final = "licence-trust/trust-list/1"
MAX_BYTES: Final = 16 << 20
ANY: Final = "*"
"""Every type."""

ENDPOINTS: Final = ("api", "trust_bundle", "trust_list", "status_lists", "seal_status", "sharing", "upward")
"""Kinds of service address: 接口 信任包 信任列表 状态列表 印章状态 共享 上报."""


@dataclass(frozen=True, slots=True)
class Period:
    """期间, both ends included; ``None``: open."""

    begin: datetime | None = None
    end: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        return (self.begin is None or self.begin <= moment) and (self.end is None or moment <= self.end)


@dataclass(frozen=True, slots=True)
class Keeper:
    """列表管理人: one of the n who may sign; believed by the list before, not by any authority."""

    name: str
    certificate: Certificate
    period: Period = field(default_factory=Period)

    @property
    def id(self) -> str:
        """SM3 of the certificate, hex."""
        return self.certificate.digest.hex()

    def may_sign(self, moment: datetime) -> bool:
        """In its own period and in its certificate's."""
        return self.period.covers(moment) and self.certificate.not_before <= moment <= self.certificate.not_after


@dataclass(frozen=True, slots=True)
class Entitlement:
    """权限: a region may seal these types for this division, in this period."""

    division: str
    """行政区划代码, 6 digits; ``330000`` stands for the province and all below it, ``330100`` for the city."""
    types: frozenset[str] = frozenset({ANY})
    """Type codes (GB/T 36902), or ``*``."""
    period: Period = field(default_factory=Period)

    def covers(self, division: str, type_code: str, moment: datetime) -> bool:
        named = ANY in self.types or type_code in self.types
        return named and is_within(division, self.division) and self.period.covers(moment)


@dataclass(frozen=True, slots=True)
class ListedKey:
    """请求签名公钥 of a region's system (RFC 9421): not a certificate, believed by this list alone."""

    id: str
    """``keyid`` of a signature, unique in the list: ``<region>:<name>``."""
    key: RequestKey
    period: Period = field(default_factory=Period)


@dataclass(frozen=True, slots=True)
class StatusPlace:
    """状态列表的位置: lists whose address begins so are this region's."""

    prefix: str
    """``https://…/api/v1/status-lists/``."""
    max_age: int = 30
    """Seconds for which a list that was fetched need not be asked for again."""


@dataclass(frozen=True, slots=True)
class RegionEntry:
    """地区条目."""

    code: str
    """行政区划代码, 6 digits."""
    name: str
    anchors: tuple[TrustAnchor, ...] = ()
    intermediates: tuple[Certificate, ...] = ()
    entitlements: tuple[Entitlement, ...] = ()
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """Kind (``ENDPOINTS``) → address."""
    request_keys: tuple[ListedKey, ...] = ()
    status_places: tuple[StatusPlace, ...] = ()
    upper: str = ""
    """Region to which this one reports upward (R018); empty: none."""
    left_at: datetime | None = None
    """退出: from here on nothing it makes is believed; what is proved to be older is."""

    def entitlement(self, division: str, type_code: str, moment: datetime) -> Entitlement | None:
        """What lets this region seal such a licence at ``moment``; ``None``: nothing does."""
        if self.left_at is not None and moment >= self.left_at:
            return None
        return next((one for one in self.entitlements if one.covers(division, type_code, moment)), None)

    def status_place(self, address: str) -> StatusPlace | None:
        """The place a list of this address belongs to; ``None``: it is not this region's."""
        return next((one for one in self.status_places if address.startswith(one.prefix)), None)

    def keys_at(self, moment: datetime) -> tuple[ListedKey, ...]:
        """Request keys in use at ``moment``."""
        gone = self.left_at is not None and moment >= self.left_at
        return () if gone else tuple(key for key in self.request_keys if key.period.covers(moment))


@dataclass(frozen=True, slots=True)
class ListSignature:
    """One keeper's signature over the payload."""

    keeper: str
    """``Keeper.id``."""
    value: bytes = field(repr=False)


@dataclass(frozen=True, eq=False)
class TrustList:
    """信任列表: parsed, and believed only once ``trust.list_chain`` has said so."""

    name: str
    """Of the federation: a list of another name never follows this one."""
    number: int
    previous: str
    """SM3 (hex) of the payload of list ``number`` - 1; empty for number 1."""
    issued_at: datetime
    next_update: datetime
    threshold: int
    """k: how many keepers must sign."""
    keepers: tuple[Keeper, ...]
    regions: tuple[RegionEntry, ...]
    signatures: tuple[ListSignature, ...] = ()

    def region(self, code: str) -> RegionEntry | None:
        return next((one for one in self.regions if one.code == code), None)

    @cached_property
    def payload(self) -> bytes:
        """What keepers sign."""
        return canonical_json(_payload(self))

    @cached_property
    def digest(self) -> str:
        """SM3 of the payload, hex: what the list is known by."""
        return sm3(self.payload).hex()

    @cached_property
    def data(self) -> bytes:
        """The octets as published."""
        marks = [{"keeper": one.keeper, "signature": encode(one.value)} for one in self.signatures]
        return canonical_json({"payload": _payload(self), "signatures": marks})

    def is_fresh(self, moment: datetime) -> bool:
        return moment <= self.next_update

    def signed(self, keeper: Certificate, sign: Callable[[bytes], bytes]) -> TrustList:
        """会签: the list with one more signature (a keeper's second takes the place of its first)."""
        mark = ListSignature(keeper.digest.hex(), sign(self.payload))
        return self.with_signatures([mark])

    def with_signatures(self, others: Iterable[ListSignature]) -> TrustList:
        """The same list with ``others`` beside its own, one of each keeper."""
        kept = {one.keeper: one for one in (*self.signatures, *others)}
        return replace(self, signatures=tuple(kept[keeper] for keeper in sorted(kept)))

    def signers(self, keepers: Iterable[Keeper] | None = None) -> tuple[Keeper, ...]:
        """Which of ``keepers`` (default: its own) have signed it rightly, in their period at ``issued_at``."""
        marks = {one.keeper: one.value for one in self.signatures}
        octets = self.payload
        return tuple(
            one
            for one in (self.keepers if keepers is None else keepers)
            if one.id in marks
            and one.may_sign(self.issued_at)
            and one.certificate.public_key.verify(marks[one.id], octets)
        )


def is_within(division: str, area: str) -> bool:
    """Does ``division`` lie in ``area`` (行政区划代码, GB/T 2260): the same, or below it?"""
    if area == "000000":
        return True
    stem = area
    while stem.endswith("00"):
        stem = stem[:-2]
    return division.startswith(stem)


# ---------------------------------------------------------------- as JSON


def _payload(one: TrustList) -> dict[str, object]:
    return {
        "format": FORMAT,
        "name": one.name,
        "number": str(one.number),
        "previous": one.previous,
        "issued_at": write_moment(one.issued_at),
        "next_update": write_moment(one.next_update),
        "threshold": str(one.threshold),
        "keepers": [
            {"name": k.name, "certificate": encode(k.certificate.der), **_period(k.period)} for k in one.keepers
        ],
        "regions": [region_json(region) for region in one.regions],
    }


def region_json(one: RegionEntry) -> dict[str, object]:
    """地区条目 as the list has it; ``trust.trust_list_reading.read_region`` gives it back."""
    return {
        "code": one.code,
        "name": one.name,
        "upper": one.upper,
        "left_at": write_moment(one.left_at) if one.left_at else "",
        "anchors": [write_anchor(anchor) for anchor in one.anchors],
        "intermediates": [encode(certificate.der) for certificate in one.intermediates],
        "entitlements": [
            {"division": e.division, "types": sorted(e.types), **_period(e.period)} for e in one.entitlements
        ],
        "endpoints": dict(one.endpoints),
        "request_keys": [
            {"id": k.id, "algorithm": k.key.kind, "key": encode(k.key.spki), **_period(k.period)}
            for k in one.request_keys
        ],
        "status_lists": [{"prefix": p.prefix, "max_age": str(p.max_age)} for p in one.status_places],
    }


def _period(one: Period) -> dict[str, object]:
    moments = {"valid_from": one.begin, "valid_to": one.end}
    return {name: write_moment(moment) if moment else "" for name, moment in moments.items()}
