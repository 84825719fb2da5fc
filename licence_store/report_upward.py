"""目录上报 (R008): what the catalogue of a region says, signed, for the level above.

    data = build_report(catalogue, life, region, sign, chain, moment)
    report = check_report(data, store, moment)       # raises unless a believed publisher signed it

An envelope of ``trust.signed``: canonical JSON, SM2 over the payload. The report is whole each time; ``events`` is the
number of the newest event in it, from which the change feed goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from trust.anchors import TrustStore
from trust.canonical import Value
from trust.path import check_published
from trust.signed import items, members, moment, odd, open_signed, sign_document, text, write_moment

if TYPE_CHECKING:
    from licence_store.catalogue import Catalogue, CataloguedType
    from licence_store.catalogue_life import CatalogueLife

FORMAT: Final = "licence-trust/catalogue-report/1"
MAX_BYTES: Final = 16 << 20
_NAMES: Final = {"format", "region", "region_name", "generated", "events", "types"}


@dataclass(frozen=True, slots=True)
class CatalogueReport:
    """目录上报, checked."""

    region: str
    region_name: str
    generated: datetime
    events: int
    types: tuple[Mapping[str, Any], ...]
    publisher: str
    """The name in the publisher's certificate."""


def build_report(
    catalogue: Catalogue,
    life: CatalogueLife,
    region: tuple[str, str],
    sign: Callable[[bytes], bytes],
    chain: Iterable[bytes],
    at: datetime,
) -> bytes:
    """The whole catalogue as it is, signed by ``sign`` (DER r, s); ``region`` is its code and name."""
    newest = life.newest()  # before the types: what is published meanwhile is told by the feed again
    payload: dict[str, object] = {
        "format": FORMAT,
        "region": region[0],
        "region_name": region[1],
        "generated": write_moment(at),
        "events": str(newest),
        "types": [_type(catalogue, one) for one in catalogue.entries()],
    }
    return sign_document(payload, sign, chain)


def _type(catalogue: Catalogue, one: CataloguedType) -> dict[str, object]:
    """目录信息 of one type (GB/T 36902), strings only."""
    kind, validity = one.definition, one.definition.validity
    with catalogue.sessions.read() as session:
        rights = catalogue.rights(session, kind.code)
    return {
        "code": kind.code,
        "name": kind.name,
        "name_en": kind.name_en,
        "version": str(one.version),
        "digest": kind.digest,
        "state": str(one.state),
        "kind": kind.classification.kind,
        "holder": kind.classification.holder,
        "issuing_body": kind.classification.issuing_body,
        "defining_body": kind.code[:18],
        "validity": {"kind": validity.kind, "years": str(validity.years or ""), "until": validity.until},
        "inspection": "yearly" if kind.inspection else "",
        "fields": [{"name": f.name, "title": f.title, "format": f.format} for f in kind.fields],
        "materials": [{"code": m.code, "name": m.name, "item": m.item} for m in kind.materials],
        "entitled": [{"area": e.area, "levels": list(e.levels)} for e in kind.entitled],
        "issuers": [{"name": r.department_name, "code": r.department_code} for r in rights],
    }


def check_report(data: bytes, store: TrustStore, at: datetime) -> CatalogueReport:
    """上报核对: opened, its signature good, its publisher believed by ``store`` at ``at``.

    Raises ``Malformed("published.malformed")``, ``CheckFailed`` where the signature or the publisher fails.
    """
    document = open_signed(data, FORMAT, limit=MAX_BYTES)
    payload = members(dict(document.payload), _NAMES)
    generated = moment(payload, "generated")
    check_published(document, store, generated, known_at=at)
    return CatalogueReport(
        region=text(payload, "region"),
        region_name=text(payload, "region_name"),
        generated=generated,
        events=_count(text(payload, "events", limit=19)),
        types=tuple(_object(one) for one in items(payload, "types")),
        publisher=document.certificates[0].common_name,
    )


def _count(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise odd("events")
    return int(digits)


def _object(value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise odd("types")
    return value
