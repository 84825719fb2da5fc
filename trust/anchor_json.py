"""信任锚 as JSON: the one form in which bundles and trust lists carry an anchor."""

from __future__ import annotations

from datetime import datetime

from trust.anchors import Purpose, TrustAnchor
from trust.canonical import Value
from trust.certificates import load_certificate
from trust.signed import decode, encode, items, members, moment, odd, write_moment


def write_anchor(anchor: TrustAnchor) -> dict[str, object]:
    """信任锚 as JSON; ``read_anchor`` gives it back."""
    written: dict[str, object] = {
        "certificate": encode(anchor.certificate.der),
        "purposes": sorted(str(purpose) for purpose in anchor.purposes),
        "valid_from": write_moment(anchor.valid_from) if anchor.valid_from else "",
        "valid_to": write_moment(anchor.valid_to) if anchor.valid_to else "",
    }
    if anchor.removed_at:
        written["removed_at"] = write_moment(anchor.removed_at)
    return written


def read_anchor(value: Value) -> TrustAnchor:
    """Raises ``Malformed`` for anything but what ``write_anchor`` writes."""
    removed = {"removed_at"} & set(value if isinstance(value, dict) else ())
    anchor = members(value, {"certificate", "purposes", "valid_from", "valid_to"} | removed)
    purposes = items(anchor, "purposes")
    known = {str(purpose) for purpose in Purpose}
    named = [purpose for purpose in purposes if isinstance(purpose, str) and purpose in known]
    if len(named) != len(purposes) or len(set(named)) != len(named):
        raise odd("purposes")
    return TrustAnchor(
        load_certificate(decode(anchor["certificate"])),
        frozenset(Purpose(purpose) for purpose in named),
        optional_moment(anchor, "valid_from"),
        optional_moment(anchor, "valid_to"),
        moment(anchor, "removed_at") if removed else None,
    )


def optional_moment(value: dict[str, Value], name: str) -> datetime | None:
    """A moment, or ``None`` where it is empty."""
    return None if value[name] == "" else moment(value, name)
