"""A federation in memory: three keepers, regions of the demonstration authority, lists that follow each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from keys.authority import PUBLISHER, self_signed_root
from keys.demonstration import DemonstrationAuthority, make_demonstration_authority
from keys.software import SoftwareSigner, generate_key
from tests.authority import DAY, MOMENT, YEAR
from trust.canonical import canonical_json
from trust.request_keys import SM2, RequestKey
from trust.trust_list import Entitlement, Keeper, ListedKey, RegionEntry, StatusPlace, TrustList

ISSUED = MOMENT - 2 * DAY
HOME, ABROAD, OTHER = "110000", "990000", "120000"


def keeper(name: str, start: datetime = MOMENT - 20 * YEAR, end: datetime = MOMENT + 20 * YEAR) -> SoftwareSigner:
    key = generate_key()
    certificate = self_signed_root({"common_name": name}, key, start, end, profile=PUBLISHER)
    return SoftwareSigner(certificate, key, name)


@lru_cache(maxsize=8)
def authority_of(code: str, name: str) -> DemonstrationAuthority:
    return make_demonstration_authority(name, code, MOMENT - 20 * DAY, [])


def region(code: str, name: str, demonstration: DemonstrationAuthority | None = None, **fields: Any) -> RegionEntry:
    """A region as it stands on a list."""
    made = demonstration or authority_of(code, name)
    base = f"https://{code}.example.test/api/v1"
    given: dict[str, Any] = {
        "anchors": made.anchors,
        "intermediates": (made.root.certificate,),
        "entitlements": (Entitlement(code),),
        "endpoints": {"api": base, "trust_bundle": f"{base}/trust-bundle", "upward": f"{base}/upward"},
        "request_keys": (ListedKey(f"{code}:request", RequestKey(SM2, made.tsa.certificate.public_key.spki)),),
        "status_places": (StatusPlace(f"{base}/status-lists/"),),
    }
    return RegionEntry(code, name, **{**given, **fields})


@dataclass
class Federation:
    """Three keepers, two of whom must sign."""

    keepers: tuple[SoftwareSigner, ...] = field(default_factory=lambda: tuple(keeper(f"管理人{n}") for n in (1, 2, 3)))
    regions: tuple[RegionEntry, ...] = field(
        default_factory=lambda: (region(HOME, "甲省"), region(OTHER, "乙省"), region(ABROAD, "演示省"))
    )

    def first(self, **changes: Any) -> TrustList:
        """List number 1, signed by the first two."""
        made = TrustList(
            name="演示联盟",
            number=1,
            previous="",
            issued_at=ISSUED,
            next_update=ISSUED + 10 * DAY,
            threshold=2,
            keepers=tuple(Keeper(one.name, one.certificate) for one in self.keepers),
            regions=tuple(sorted(self.regions, key=lambda one: one.code)),
        )
        return self.sign(replace(made, **changes))

    def next(self, before: TrustList, *, by: tuple[int, ...] = (0, 1), **changes: Any) -> TrustList:
        """The list after ``before``, an hour later."""
        start = before.issued_at + timedelta(hours=1)
        made = replace(before, number=before.number + 1, previous=before.digest, issued_at=start, signatures=())
        return self.sign(replace(made, **changes), by=by)

    def sign(self, made: TrustList, *, by: tuple[int, ...] = (0, 1)) -> TrustList:
        made = replace(made, signatures=())
        for number in by:
            one = self.keepers[number]
            made = made.signed(one.certificate, one.sign)
        return made


@lru_cache(maxsize=1)
def federation() -> Federation:
    return Federation()


def rewritten(made: TrustList, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The list with its JSON changed by somebody without a key."""
    whole = json.loads(made.data)
    change(whole)
    return canonical_json(whole)


def resigned(made: TrustList, change: Callable[[dict[str, Any]], object], *, by: tuple[int, ...] = (0, 1)) -> bytes:
    """The list with its payload changed and signed again by keepers who should have looked."""
    whole = json.loads(made.data)
    change(whole["payload"])
    octets = canonical_json(whole["payload"])
    from trust.signed import encode

    marks = [
        {"keeper": one.certificate.digest.hex(), "signature": encode(one.sign(octets))}
        for one in (federation().keepers[number] for number in by)
    ]
    whole["signatures"] = sorted(marks, key=lambda mark: mark["keeper"])
    return canonical_json(whole)


