"""OFD: what is in the package besides pages, and how the pages are. Run in the confined process only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from licence_store.collection import ofd_pages
from licence_store.uploads.containers import Trouble
from licence_store.uploads.documents import MM_PER_INCH, Pages
from seal.copies import COPY_ENTRY
from seal.message import DIGESTS_ENTRY, MESSAGE_ENTRY
from seal.ofd.package import Limits, OFDPackage, open_package, parse_xml
from trust.errors import Malformed

_LIMITS: Final = Limits(max_file_size=64 << 20, max_entries=1000, max_total_size=128 << 20)
_REASONS: Final = {
    "package.encrypted": "encrypted", "package.limit": "bomb", "package.ratio": "bomb", "package.overlap": "bomb",
    "package.not_zip": "damaged",
}  # fmt: skip
_HIDDEN: Final = frozenset({
    "package.comment", "package.entry_comment", "package.gap", "package.prefixed_data", "package.trailing_data",
    "package.deflate_trailing", "package.directory_data", "package.extra_malformed",
})  # fmt: skip
"""Anomalies that are room for something else in the file."""
_PROGRAMS: Final = (
    b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"dex\n",
    b"\0asm", b"L\0\0\0\x01\x14\x02\0",
)  # fmt: skip
_CONTAINERS: Final = (
    b"PK\x03\x04", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"MSCF",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"%PDF-",
)  # fmt: skip
_SCRIPT: Final = re.compile(rb"\A\s*(?:#!|<\?php|<%|<script|<html|<!doctype html|<svg|@echo)", re.IGNORECASE)
_SUFFIX: Final = re.compile(
    r"\.(?:exe|com|bat|cmd|scr|pif|msi|dll|js|jse|vbs|vbe|wsf|ps1|jar|hta|lnk|sh|py|app|apk|doc[mx]?|xls[mx]?|ppt[mx]?|"
    r"html?|svg|swf|reg|zip|rar|7z|pdf)$",
    re.IGNORECASE,
)
_ACTIVE: Final = {
    "Action": "Action",
    "Actions": "Action",
    "URI": "URI",
    "Sound": "Sound",
    "Movie": "Movie",
    "Script": "Script",
}
_OUTSIDE: Final = re.compile(r"^(?:[a-zA-Z][a-zA-Z0-9+.-]*:|//|\\\\)")
_PLACES: Final = frozenset({
    "DocRoot", "BaseLoc", "PublicRes", "DocumentRes", "MediaFile", "FontFile", "Attachments", "Annotations", "FileLoc",
    "Signatures", "SignedValue", "CustomTags", "Extensions", "SchemaLoc", "FileRef", "Profile",
})  # fmt: skip
_OURS: Final = frozenset(
    (MESSAGE_ENTRY.rpartition("/")[2], DIGESTS_ENTRY.rpartition("/")[2], COPY_ENTRY.rpartition("/")[2])
)
_LARGEST_ATTACHMENT: Final = 1 << 20
_ENCRYPTED: Final = frozenset({"Encryptions.xml", "Decyptions.xml"})


def check_ofd(data: bytes, most_pages: int, most_pixels: int) -> Pages:
    """Raises ``Trouble``."""
    package = _package(data)
    found = Pages()
    for name, content in package.entries.items():
        _check_entry(name, content)
    for name, content in package.entries.items():
        if name.lower().endswith(".xml"):
            _check_xml(name, content, package, found)
    _look_at_pages(data, most_pages, most_pixels, found)
    return found


def _package(data: bytes) -> OFDPackage:
    try:
        package = open_package(data, _LIMITS)
    except Malformed as error:
        raise Trouble(_REASONS.get(error.code, "damaged")) from error
    if "OFD.xml" not in package.entries:
        raise Trouble("archive")
    codes = {anomaly.code for anomaly in package.anomalies}
    if codes & _HIDDEN:
        raise Trouble("trailing_data")
    if codes - {"package.name_encoding", "package.header_mixed", "package.stored_descriptor"}:
        raise Trouble("damaged")
    if any(name.rpartition("/")[2] in _ENCRYPTED for name in package.entries):
        raise Trouble("encrypted")
    return package


def _check_entry(name: str, content: bytes) -> None:
    """No program, script, archive or document of another kind travels inside."""
    if content.startswith(_PROGRAMS):
        raise Trouble("executable")
    if content.startswith(_CONTAINERS):
        raise Trouble("embedded_files")
    if _SCRIPT.match(content[:256]):
        raise Trouble("script")
    if _SUFFIX.search(name):
        raise Trouble("embedded_files")


def _check_xml(name: str, content: bytes, package: OFDPackage, found: Pages) -> None:
    try:
        root = parse_xml(content)
    except Malformed as error:
        raise Trouble("damaged") from error
    for element in root.iter():
        kind = _local(element)
        if kind in _ACTIVE:
            raise Trouble("active_content", found=_ACTIVE[kind])
        if kind == "Attachment":
            _check_attachment(element, package)
        if kind == "Signature":
            found.signed = True
        for place in _places(element, kind):
            if _OUTSIDE.match(place) or ".." in place.split("/"):
                raise Trouble("outside_content", found=kind)


def _check_attachment(element: Any, package: OFDPackage) -> None:
    """Only what licences and copies carry: data message, digests of it, terms."""
    places = ["".join(one.itertext()).strip() for one in element if _local(one) == "FileLoc"]
    for name, content in package.entries.items():
        if any(name.endswith(place.lstrip("/.")) for place in places) and not _is_ours(name, content):
            raise Trouble("embedded_files")
    if any(place.rpartition("/")[2] not in _OURS for place in places):
        raise Trouble("embedded_files")


def _is_ours(name: str, content: bytes) -> bool:
    return name.rpartition("/")[2] in _OURS and content.startswith(b"{") and len(content) <= _LARGEST_ATTACHMENT


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2] if isinstance(element.tag, str) else ""


def _places(element: Any, kind: str) -> Iterator[str]:
    """Whatever names a file."""
    if kind in _PLACES:
        yield (element.text or "").strip()
    for key in ("BaseLoc", "FileRef", "Href", "href"):
        value = element.get(key)
        if value:
            yield value.strip()


def _look_at_pages(data: bytes, most_pages: int, most_pixels: int, found: Pages) -> None:
    try:
        pages = list(ofd_pages.described(data))
    except Malformed as error:
        raise Trouble("damaged") from error
    if not 1 <= len(pages) <= most_pages:
        raise Trouble("pages", pages=len(pages), limit=most_pages)
    for number, (width, height, drawn) in enumerate(pages, 1):
        found.sizes.append((round(width / MM_PER_INCH * 200), round(height / MM_PER_INCH * 200)))
        found.dpi.append(0)
        if not drawn:
            found.blank.append(number)
