"""录入办理: one door for scans and their sheets, shared by the command line, the pages and the interface."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trust.errors import LicenceTrustError, Malformed
from verify.report import rfc3339

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.collection.entry import EntryDesk, Filled
    from licence_store.collection.sheets import SheetView
    from trust.journal import Actor

_FILLED = frozenset({"values", "confirmed", "original", "original_number", "confirmed_by_issuer", "number", "issued_on",
                     "case", "paper"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Received:
    """收件结果."""

    sheets: tuple[SheetView, ...]
    refused: tuple[tuple[str, LicenceTrustError], ...]
    """Files that are no scans: name, why."""


def entry_desk(services: Services) -> EntryDesk:
    """录入台 of the region."""
    from licence_store.collection.entry import open_entry

    return open_entry(services.desk)


def receive(
    services: Services,
    mode: str,
    type_name: str,
    files: Iterable[tuple[str, bytes]],
    actor: Actor,
    reserved: Mapping[str, str] | None = None,
) -> Received:
    """收件: every file that is a scan; the others are told with the reason.

    Raises ``Malformed("entry.*")``, ``NotFound("type.unknown")``, ``Refused("grant.*")``, and the reason itself where
    the only file is none.
    """
    from licence_store.collection.scans import check_scan

    scans, refused = [], []
    for name, data in files:
        try:
            scans.append(check_scan(data, name))
        except LicenceTrustError as error:
            refused.append((name, error))
    if not scans and len(refused) == 1:
        raise refused[0][1]
    desk = entry_desk(services)
    sheets = desk.receive(mode, type_name, scans, actor, reserved) if scans or not refused else ()
    return Received(sheets, tuple(refused))


def filled_from(given: Mapping[str, Any]) -> Filled:
    """What a program sends of a sheet; raises ``Malformed("entry.filled")`` naming the member."""
    from licence_store.cases import take_apart
    from licence_store.collection.entry import Filled
    from licence_store.collection.materials import Comparison

    reserved = {name: value for name, value in given.items() if name.partition(".")[0] in ("case", "paper")}
    for name in given:
        if name not in _FILLED and name not in reserved:
            raise _bad(name)
    values, confirmed = given.get("values", {}), given.get("confirmed", [])
    if not isinstance(values, Mapping) or not all(isinstance(v, str) for v in values.values()):
        raise _bad("values")
    if not isinstance(confirmed, list) or not all(isinstance(v, str) for v in confirmed):
        raise _bad("confirmed")
    words = {name: given.get(name, "") for name in ("original", "original_number", "number", "issued_on")}
    for name, word in words.items():
        if not isinstance(word, str):
            raise _bad(name)
    if not isinstance(given.get("confirmed_by_issuer", False), bool):
        raise _bad("confirmed_by_issuer")
    take_apart(reserved)
    comparison = Comparison(words["original"], words["original_number"], given.get("confirmed_by_issuer", False))
    return Filled(values, frozenset(confirmed), comparison, _dotted(reserved), words["number"], words["issued_on"])


def _dotted(reserved: Mapping[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in reserved.items():
        members = {f"{name}.{key}": text for key, text in value.items()} if isinstance(value, Mapping) else None
        flat |= {key: text for key, text in (members or {name: value}).items() if text}
    return flat


def _bad(member: str) -> Malformed:
    return Malformed("entry.filled", "采集单内容的“{field}”缺失、多余或无效。", field=member[:80])


def shape(sheet: SheetView) -> dict[str, Any]:
    """A sheet as JSON: what the command line prints and the interface answers."""
    content = sheet.content
    return {
        "sheet": sheet.id,
        "mode": sheet.mode,
        "type_code": sheet.type_code,
        "department": sheet.department_id,
        "state": sheet.state,
        "batch": sheet.batch,
        "place": sheet.place,
        "scan": {
            "name": sheet.scan_name,
            "media": sheet.scan_media,
            "size": sheet.scan_size,
            "pages": sheet.scan_pages,
            "digest": sheet.scan_digest,
        },
        "values": dict(content.values),
        "suggestions": {
            name: {"value": one.value, "source": one.source, "confirmed": name in content.confirmed}
            for name, one in content.suggestions.items()
        },
        "entered_by": sheet.entered_by,
        "checked_by": sheet.checked_by,
        "reason": sheet.reason,
        "licence_id": sheet.licence_id,
        "created": rfc3339(sheet.created),
    }
