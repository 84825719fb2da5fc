"""识别: what a file is by its content, never by its name, and what is refused for what it is.

Only octets are compared here: nothing is unpacked or decoded before the confined process does it (``reading``).
"""

from __future__ import annotations

import re
from typing import Final

from licence_store.uploads.limits import KindLimits
from licence_store.uploads.refusals import refusal
from licence_store.uploads.stored import FORMATS, HEIC, JPEG, OFD, PDF, PNG, TIFF
from trust.errors import LicenceTrustError

_HEADS: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"\xff\xd8\xff", "", JPEG),
    (b"\x89PNG\r\n\x1a\n", "", PNG),
    (b"II*\0", "", TIFF),
    (b"MM\0*", "", TIFF),
    (b"%PDF-", "", PDF),
    (b"MZ", "executable", ""),
    (b"ZM", "executable", ""),
    (b"\x7fELF", "executable", ""),
    (b"\xfe\xed\xfa\xce", "executable", ""),
    (b"\xfe\xed\xfa\xcf", "executable", ""),
    (b"\xce\xfa\xed\xfe", "executable", ""),
    (b"\xcf\xfa\xed\xfe", "executable", ""),
    (b"\xca\xfe\xba\xbe", "executable", ""),
    (b"dex\n", "executable", ""),
    (b"\0asm", "executable", ""),
    (b"L\0\0\0\x01\x14\x02\0", "executable", ""),
    (b"!<arch>\n", "executable", ""),
    (b"ITSF", "executable", ""),
    (b"Cr24", "executable", ""),
    (b"FWS", "executable", ""),
    (b"CWS", "executable", ""),
    (b"#!", "script", ""),
    (b"%!", "script", ""),
    (b"\xc5\xd0\xd3\xc6", "script", ""),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office", ""),
    (b"{\\rtf", "office", ""),
    (b"Rar!\x1a\x07", "archive", ""),
    (b"7z\xbc\xaf\x27\x1c", "archive", ""),
    (b"\x1f\x8b", "archive", ""),
    (b"BZh", "archive", ""),
    (b"\xfd7zXZ\0", "archive", ""),
    (b"\x28\xb5\x2f\xfd", "archive", ""),
    (b"MSCF", "archive", ""),
    (b"GIF8", "unsupported", "GIF"),
    (b"BM", "unsupported", "BMP"),
    (b"8BPS", "unsupported", "Photoshop"),
    (b"II+\0", "unsupported", "BigTIFF"),
    (b"MM\0+", "unsupported", "BigTIFF"),
    (b"\0\0\x01\0", "unsupported", "ICO"),
    (b"\0\0\0\x0cjP  ", "unsupported", "JPEG 2000"),
    (b"\xd7\xcd\xc6\x9a", "unsupported", "WMF"),
    (b"\x01\0\0\0", "unsupported", "EMF"),
)
"""First octets, the reason they are refused for, and what they are; the first that fits counts."""
_ELSEWHERE: Final[tuple[tuple[int, bytes, str], ...]] = (
    (257, b"ustar", "TAR"), (32769, b"CD001", "ISO 9660"), (128, b"DICM", "DICOM"),
)  # fmt: skip
_HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx")
_INSIDE: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = (
    (re.compile(rb"This program cannot be run in DOS mode"), "EXE"),
    (re.compile(rb"\x7fELF[\x01\x02][\x01\x02]\x01[\0\x03]\0{7}"), "ELF"),
    (re.compile(rb"Rar!\x1a\x07[\0\x01]"), "RAR"),
    (re.compile(rb"7z\xbc\xaf\x27\x1c\0"), "7-Zip"),
)
"""What stands in no honest document or picture, wherever it stands."""
_IN_PICTURES: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = (
    (re.compile(rb"%PDF-[12]\.[0-9]"), "PDF"),
    (re.compile(rb"<\?php[\s=]", re.IGNORECASE), "PHP"),
    (re.compile(rb"<(?:script|!doctype html)[\s>]", re.IGNORECASE), "HTML"),
    (re.compile(rb"powershell(?:\.exe)? -|cmd\.exe /c", re.IGNORECASE), "script"),
)
_MARKUP: Final = re.compile(rb"<(?:html|script|svg|body|iframe|\?php|!doctype)[\s>]", re.IGNORECASE)
_SCRIPT: Final = re.compile(
    r"<\?php|<%|@echo\s+off|\bpowershell\b|\bWScript\b|CreateObject\s*\(|\beval\s*\(|\bfunction\s*\w*\s*\(|"
    r"^\s*(?:import|from)\s+\w+|^\s*(?:Sub|Function|Dim|Set-\w+|Invoke-\w+)\b|\$\(|\brequire\s*\(|\[InternetShortcut\]|"
    r"Windows Registry Editor",
    re.IGNORECASE | re.MULTILINE,
)
_OFFICE: Final = (b"[Content_Types].xml", b"META-INF/manifest.xml", b"vbaProject.bin")
_PROGRAMS: Final = (b"META-INF/MANIFEST.MF", b"AndroidManifest.xml", b"classes.dex")
_END: Final = b"PK\x05\x06"
_MOST_ENDS: Final = 64
"""Marks of an archive's end looked at: in honest files there is one by accident in hundreds."""
_FIRST: Final = 1024


def look(data: bytes, limits: KindLimits) -> str:
    """The media type of ``data``, one that the kind takes.

    Raises ``Refused`` or ``Malformed``: ``upload.executable``, ``upload.script``, ``upload.office``,
    ``upload.archive``, ``upload.markup``, ``upload.polyglot``, ``upload.trailing_data``, ``upload.unsupported``.
    """
    media = _media(data, limits)
    if media not in limits.formats:
        raise _unsupported(FORMATS.get(media, media), limits)
    found = _smuggled(data, media)
    if found:
        raise refusal("polyglot", found=found)
    if media == PDF:
        _check_pdf_frame(data)
    return media


def _media(data: bytes, limits: KindLimits) -> str:
    for head, reason, what in _HEADS:
        if data.startswith(head):
            if not reason:
                return what
            if _is_zip(data):
                raise refusal("polyglot", found="ZIP")
            raise _unsupported(what, limits) if reason == "unsupported" else refusal(reason)
    if data[4:8] == b"ftyp":
        return _of_boxes(data, limits)
    if data.startswith((b"PK\x03\x04", _END)):
        return _of_zip(data)
    if data[:4] == b"RIFF":
        raise _unsupported("WebP" if data[8:12] == b"WEBP" else "AVI/WAV", limits)
    for place, mark, _ in _ELSEWHERE:
        if data.startswith(mark, place):
            raise refusal("archive")
    raise _unknown(data, limits)


def _of_boxes(data: bytes, limits: KindLimits) -> str:
    """HEIC among the many that begin with ``ftyp``."""
    brands = {data[place : place + 4] for place in range(8, min(64, int.from_bytes(data[:4], "big")), 4)}
    if {b"avif", b"avis"} & brands:
        raise _unsupported("AVIF", limits)
    if data[8:12] in _HEIC_BRANDS:
        return HEIC
    raise refusal("animated")


def _of_zip(data: bytes) -> str:
    if any(mark in data for mark in _PROGRAMS):
        raise refusal("executable")
    if any(mark in data for mark in _OFFICE):
        raise refusal("office")
    if b"OFD.xml" in data:
        return OFD
    raise refusal("archive")


def _unknown(data: bytes, limits: KindLimits) -> LicenceTrustError:
    """What has no mark at its head: a PDF or ZIP behind something else, text, or who knows what."""
    if b"%PDF-" in data[: 64 << 10]:
        return refusal("polyglot", found="PDF")
    if _is_zip(data):
        return refusal("polyglot", found="ZIP")
    text = _text(data)
    if text is None:
        return _unsupported("?", limits)
    if text.lstrip("\ufeff \t\r\n").startswith("<"):
        return refusal("script") if "<?php" in text.lower() or "<%" in text else refusal("markup")
    return refusal("script") if _SCRIPT.search(text) else _unsupported("TXT", limits)


def _text(data: bytes) -> str | None:
    """The beginning as text, if it is text."""
    first = data[:8192]
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        return first.decode("utf-16", "replace")
    if b"\0" in first:
        return None
    text = first.decode("utf-8", "replace")
    return text if text.count("\ufffd") * 10 <= len(text) else None


def _unsupported(what: str, limits: KindLimits) -> LicenceTrustError:
    return refusal("unsupported", found=what, allowed="、".join(FORMATS[one] for one in limits.formats))


def _smuggled(data: bytes, media: str) -> str:
    """What else this file is besides what it seems; empty: nothing."""
    if media != OFD and _is_zip(data):
        return "ZIP"
    for place, mark, what in _ELSEWHERE:
        if data.startswith(mark, place):
            return what
    patterns = _INSIDE if media in (PDF, OFD) else _INSIDE + _IN_PICTURES
    for pattern, what in patterns:
        if pattern.search(data):
            return what
    return "HTML" if media == PDF and _MARKUP.search(data[:_FIRST]) else ""


def _is_zip(data: bytes) -> bool:
    """Would a program that looks for archives find one here, at the end or anywhere else?"""
    place = len(data)
    for _ in range(_MOST_ENDS):
        place = data.rfind(_END, 0, place)
        if place < 0:
            return False
        size, offset = (int.from_bytes(data[place + at : place + at + 4], "little") for at in (12, 16))
        begins = [place - size] if 0 < size <= place else []
        if any(data.startswith(b"PK\x01\x02", begin) for begin in [*begins, offset]):
            return True
    return True


def _check_pdf_frame(data: bytes) -> None:
    """A PDF begins at its first octet (it does: so ``look`` knew it) and ends with its end mark."""
    end = data.rfind(b"%%EOF")
    if end < 0:
        raise refusal("damaged")
    if data[end + 5 :].strip(b"\0\t\n\f\r "):
        raise refusal("trailing_data")
