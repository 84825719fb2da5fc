"""信任列表的读取: octets to ``TrustList``, strictly; nothing read is believed yet (see ``trust.list_chain``)."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from trust.anchor_json import optional_moment, read_anchor
from trust.canonical import Value, parse_canonical
from trust.certificates import load_certificate
from trust.errors import LicenceTrustError, Malformed
from trust.request_keys import load_request_key
from trust.signed import decode, items, members, moment, odd, text
from trust.trust_list import (
    ANY,
    ENDPOINTS,
    FORMAT,
    MAX_BYTES,
    Entitlement,
    Keeper,
    ListedKey,
    ListSignature,
    Period,
    RegionEntry,
    StatusPlace,
    TrustList,
    is_within,
)

MAX_KEEPERS: Final = 32
MAX_REGIONS: Final = 4096
_MAX_ITEMS: Final = 1024
LONGEST: Final = timedelta(days=366)
"""A list that is good for longer protects nobody from being shown it for ever."""
_CODE: Final = re.compile("[0-9]{6}")
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_TYPE: Final = re.compile(r"[0-9A-Z]{1,21}|\*")
_KEY_ID: Final = re.compile(r"[0-9]{6}:[A-Za-z0-9._-]{1,64}")
_NAMES: Final = {
    "format", "name", "number", "previous", "issued_at", "next_update", "threshold", "keepers", "regions",
}  # fmt: skip
_REGION_NAMES: Final = {
    "code", "name", "upper", "left_at", "anchors", "intermediates", "entitlements", "endpoints", "request_keys",
    "status_lists",
}  # fmt: skip
_PERIOD: Final = {"valid_from", "valid_to"}


@lru_cache(maxsize=16)
def load_trust_list(data: bytes) -> TrustList:
    """Raises ``Malformed("trust_list.malformed")`` for anything but what ``TrustList.data`` writes."""
    try:
        found = _read(data)
        if found.data != data:
            raise odd("trust_list")
    except LicenceTrustError as error:
        raise Malformed("trust_list.malformed", "信任列表无法解析：{reason}", reason=error.message) from error
    return found


def _read(data: bytes) -> TrustList:
    whole = members(parse_canonical(data, limit=MAX_BYTES), {"payload", "signatures"})
    payload = members(whole["payload"], _NAMES)
    if payload["format"] != FORMAT:
        raise odd("format")
    number, issued, following = _count(payload, "number"), moment(payload, "issued_at"), moment(payload, "next_update")
    if not issued < following <= issued + LONGEST:
        raise odd("next_update")
    keepers = tuple(_keeper(one) for one in _some(payload, "keepers", MAX_KEEPERS))
    regions = tuple(read_region(one) for one in _some(payload, "regions", MAX_REGIONS))
    found = TrustList(
        name=_word(payload, "name"),
        number=number,
        previous=_previous(payload, number),
        issued_at=issued,
        next_update=following,
        threshold=_count(payload, "threshold"),
        keepers=keepers,
        regions=regions,
        signatures=tuple(_signature(one) for one in _some(whole, "signatures", MAX_KEEPERS)),
    )
    _check_whole(found)
    return found


def _check_whole(found: TrustList) -> None:
    """What no one part shows: nothing twice, and k of n that can be met."""
    _once("keepers", [one.certificate.public_key.point for one in found.keepers])
    _once("keepers", [one.name for one in found.keepers])
    _once("signatures", [one.keeper for one in found.signatures])
    _once("regions", [one.code for one in found.regions])
    _once("request_keys", [key.id for one in found.regions for key in one.request_keys])
    if not 1 <= found.threshold <= len(found.keepers):
        raise odd("threshold")
    if [one.keeper for one in found.signatures] != sorted(one.keeper for one in found.signatures):
        raise odd("signatures")
    prefixes = sorted({(p.prefix, one.code) for one in found.regions for p in one.status_places})
    for (shorter, _), (longer, _) in zip(prefixes, prefixes[1:], strict=False):
        if longer.startswith(shorter):
            raise odd("status_lists")  # whose list is it?


def _once(name: str, values: list[object] | list[str] | list[bytes]) -> None:
    if len(set(values)) != len(values):
        raise odd(name)


def _keeper(value: Value) -> Keeper:
    one = members(value, {"name", "certificate"} | _PERIOD)
    certificate = load_certificate(decode(one["certificate"]))
    if certificate.point is None:
        raise odd("keepers")
    return Keeper(_word(one, "name"), certificate, _period(one))


def read_region(value: Value) -> RegionEntry:
    """地区条目. Raises ``Malformed``."""
    one = members(value, _REGION_NAMES)
    code = _code(one, "code")
    entry = RegionEntry(
        code=code,
        name=_word(one, "name"),
        anchors=tuple(read_anchor(anchor) for anchor in _some(one, "anchors", _MAX_ITEMS)),
        intermediates=tuple(load_certificate(decode(der)) for der in _some(one, "intermediates", _MAX_ITEMS)),
        entitlements=tuple(_entitlement(each, code) for each in _some(one, "entitlements", _MAX_ITEMS)),
        endpoints=_endpoints(one["endpoints"]),
        request_keys=tuple(_request_key(each, code) for each in _some(one, "request_keys", _MAX_ITEMS)),
        status_places=tuple(_place(each) for each in _some(one, "status_lists", _MAX_ITEMS)),
        upper=_code(one, "upper") if one["upper"] != "" else "",
        left_at=optional_moment(one, "left_at"),
    )
    if entry.upper == code:
        raise odd("upper")
    return entry


def _entitlement(value: Value, code: str) -> Entitlement:
    """A region is entitled within itself: what lies elsewhere is another's to be given."""
    one = members(value, {"division", "types"} | _PERIOD)
    division, types = _code(one, "division"), items(one, "types")
    named = [each for each in types if isinstance(each, str) and _TYPE.fullmatch(each)]
    if not is_within(division, code):
        raise odd("division")
    if not named or len(named) != len(types) or named != sorted(set(named)) or (ANY in named and len(named) > 1):
        raise odd("types")
    return Entitlement(division, frozenset(named), _period(one))


def _endpoints(value: Value) -> dict[str, str]:
    if not isinstance(value, dict) or not set(value) <= set(ENDPOINTS):
        raise odd("endpoints")
    return {kind: address(value, kind) for kind in value}


def _request_key(value: Value, code: str) -> ListedKey:
    one = members(value, {"id", "algorithm", "key"} | _PERIOD)
    key_id, algorithm, spki = text(one, "id", limit=80), text(one, "algorithm", limit=8), decode(one["key"])
    if not _KEY_ID.fullmatch(key_id) or not key_id.startswith(f"{code}:"):
        raise odd("id")
    key = load_request_key(spki)
    if key.kind != algorithm or key.spki != spki:
        raise odd("key")
    return ListedKey(key_id, key, _period(one))


def _place(value: Value) -> StatusPlace:
    one = members(value, {"prefix", "max_age"})
    prefix = address(one, "prefix")
    if not prefix.endswith("/"):
        raise odd("prefix")
    seconds = _count(one, "max_age")
    if seconds > 86400:
        raise odd("max_age")
    return StatusPlace(prefix, seconds)


def _signature(value: Value) -> ListSignature:
    one = members(value, {"keeper", "signature"})
    keeper = text(one, "keeper", limit=64)
    if not _DIGEST.fullmatch(keeper):
        raise odd("keeper")
    return ListSignature(keeper, decode(one["signature"]))


def _previous(payload: dict[str, Value], number: int) -> str:
    """The digest of the list before; only the first list has none."""
    found = text(payload, "previous", limit=64)
    if (found == "") != (number == 1) or (found and not _DIGEST.fullmatch(found)):
        raise odd("previous")
    return found


def address(value: dict[str, Value], name: str) -> str:
    """An http(s) address without password, query or fragment."""
    found = text(value, name, limit=400)
    try:
        parts = urlsplit(found)
        good = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
        good = good and parts.username is None and parts.port != 0
    except ValueError:
        good = False
    if not good or not found.isascii() or any(c <= " " or c in "\\\x7f" for c in found) or "/.." in found:
        raise odd(name)
    return found


def _period(value: dict[str, Value]) -> Period:
    begin, end = optional_moment(value, "valid_from"), optional_moment(value, "valid_to")
    if begin is not None and end is not None and begin > end:
        raise odd("valid_to")
    return Period(begin, end)


def _code(value: dict[str, Value], name: str) -> str:
    found = text(value, name, limit=6)
    if not _CODE.fullmatch(found):
        raise odd(name)
    return found


def _word(value: dict[str, Value], name: str) -> str:
    found = text(value, name, limit=100)
    if not found or not found.isprintable() or found != found.strip():
        raise odd(name)
    return found


def _count(value: dict[str, Value], name: str) -> int:
    digits = text(value, name, limit=9)
    if not (digits.isascii() and digits.isdigit() and str(int(digits)) == digits and int(digits) > 0):
        raise odd(name)
    return int(digits)


def _some(value: dict[str, Value], name: str, limit: int) -> list[Value]:
    found = items(value, name)
    if len(found) > limit:
        raise odd(name)
    return found
