"""扫描件: is this file a scan we take, how does a page of it look, what text does it carry?

Judged by content, never by name; bounded in bytes, dots and pages; and opened only in a process of its own
(``licence_store.collection.confined``), so that a file made to harm harms nobody. What a page shows is drawn anew as
JPEG: nothing of a stranger's file is ever sent to a browser as it came.

    scan = check_scan(data, "营业执照.jpg")
    picture = page_picture(scan, 1, side=1600)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from licence_store.collection import confined, ofd_pages
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Malformed
from trust.i18n import N_

JPEG, PNG, TIFF, PDF, OFD = "image/jpeg", "image/png", "image/tiff", "application/pdf", "application/ofd"
NAMES = {JPEG: "JPEG", PNG: "PNG", TIFF: "TIFF", PDF: "PDF", OFD: "OFD"}
MAX_SIZE = 20 << 20
MAX_PAGES = 50
MAX_DOTS = 80_000_000
MIN_SIDE = 400
"""Dots on the shorter side: below, nobody could read the face."""
SIDE = 1600
_READER = Path(__file__).with_name("page_reader.py")


@dataclass(frozen=True, slots=True)
class Scan:
    """扫描件, checked."""

    media: str
    name: str
    data: bytes = field(repr=False)
    pages: int
    digest: str
    """SM3 of the file as it came, hex."""


def media_of(data: bytes) -> str:
    """What the first octets say it is; empty: nothing we take."""
    heads = {b"\xff\xd8\xff": JPEG, b"\x89PNG\r\n\x1a\n": PNG, b"II*\0": TIFF, b"MM\0*": TIFF, b"PK\x03\x04": OFD}
    for head, media in heads.items():
        if data.startswith(head):
            return media
    return PDF if b"%PDF-" in data[:1024] else ""


def check_scan(data: bytes, name: str = "") -> Scan:
    """检查: a JPEG, PNG, TIFF, PDF or OFD file that can be read and shown.

    Raises ``Malformed``: ``scan.format``, ``scan.size``, ``scan.pages``, ``scan.resolution``, ``scan.unreadable``.
    """
    shown = "".join(char for char in name if char.isprintable())[-200:]
    if len(data) > MAX_SIZE:
        large = N_("扫描件“{name}”过大：{size} 字节，最多 {limit} 字节。")
        raise _no("size", large, shown, size=len(data), limit=MAX_SIZE)
    media = media_of(data)
    if not media:
        raise _no("format", N_("“{name}”不是扫描件：应为 JPEG、PNG、TIFF、PDF 或 OFD 文件。"), shown)
    sizes = _sizes(media, data, shown)
    if not 1 <= len(sizes) <= MAX_PAGES:
        raise _no("pages", N_("扫描件“{name}”应有 1 至 {limit} 页。"), shown, limit=MAX_PAGES)
    for width, height in sizes:
        if width * height > MAX_DOTS or min(width, height) < MIN_SIDE:
            raise _no(
                "resolution",
                N_("扫描件“{name}”的一页为 {width}×{height} 像素；短边至少 {least} 像素，总计最多 {most} 像素。"),
                shown,
                width=width,
                height=height,
                least=MIN_SIDE,
                most=MAX_DOTS,
            )
    return Scan(media, shown, data, len(sizes), sm3(data).hex())


def _no(code: str, template: str, name: str, **params: object) -> Malformed:
    return Malformed(f"scan.{code}", template, remedy=N_("请重新扫描或另存后再上传。"), name=name or "—", **params)


def _kind(media: str) -> str:
    return "pdf" if media == PDF else "image"


def _sizes(media: str, data: bytes, name: str) -> Sequence[tuple[int, int]]:
    try:
        if media == OFD:
            return ofd_pages.sizes(data)
        answer = json.loads(confined.run_python(_READER, ["look", _kind(media)], data))
        return [(int(width), int(height)) for width, height in answer["pages"]]
    except (confined.ConfinedFailure, LicenceTrustError, ValueError) as error:
        raise _no("unreadable", N_("扫描件“{name}”无法打开：已损坏、已加密或内容异常。"), name) from error


def page_picture(scan: Scan, page: int = 1, *, side: int = SIDE) -> bytes:
    """One page drawn anew as JPEG, its longer side ``side`` dots at most; raises ``Malformed("scan.…")``."""
    if not 1 <= page <= scan.pages:
        raise _no("pages", N_("扫描件“{name}”没有第 {page} 页。"), scan.name, page=page)
    return _picture(scan.digest, page, side, _Data(scan))


class _Data:
    """A scan's bytes beside a cached answer: equal to every other, so that the digest alone is the key."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Data)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=32)
def _picture(digest: str, page: int, side: int, held: _Data) -> bytes:
    scan = held.scan
    try:
        if scan.media == OFD:
            return ofd_pages.picture(scan.data, page, side)
        return confined.run_python(_READER, ["picture", _kind(scan.media), str(page), str(side)], scan.data)
    except (confined.ConfinedFailure, LicenceTrustError, ValueError) as error:
        raise _no("unreadable", N_("扫描件“{name}”无法打开：已损坏、已加密或内容异常。"), scan.name) from error
    finally:
        held.scan = _FORGOTTEN


def page_lines(scan: Scan, page: int = 1) -> tuple[str, ...]:
    """The lines of text a PDF or OFD carries beside its pictures; a picture carries none."""
    try:
        if scan.media == OFD:
            return ofd_pages.lines(scan.data, page)
        if scan.media != PDF:
            return ()
        text = confined.run_python(_READER, ["text", "pdf", str(page)], scan.data).decode("utf-8", "replace")
    except (confined.ConfinedFailure, LicenceTrustError):
        return ()
    return tuple(line for line in (one.strip() for one in text.splitlines()) if line)


_FORGOTTEN = Scan("", "", b"", 0, "")
