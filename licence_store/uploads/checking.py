"""上传检查: a file opened, judged and, if it is a photo, drawn anew, in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from licence_store.collection.scans import Scan, check_scan, page_picture
from licence_store.uploads.limits import KindLimits
from licence_store.uploads.stored import OFD, PDF
from trust.errors import Malformed


@dataclass(frozen=True, slots=True)
class Checked:
    """检查过的文件: what is kept of it."""

    media_type: str
    data: bytes = field(repr=False)
    pages: int
    width: int
    height: int
    dpi: int
    warnings: tuple[str, ...] = ()
    signed: bool = False
    """It carries seals or signatures."""


def check(data: bytes, media: str, limits: KindLimits) -> Checked:
    """Raises ``Malformed`` or ``Refused`` (``upload.…``)."""
    scan = check_scan(data)
    return Checked(media, data, scan.pages, 0, 0, 0, (), media in (PDF, OFD))


def draw_page(data: bytes, media: str, page: int, width: int) -> bytes:
    """One page as PNG. Raises ``Malformed("upload.damaged")``."""
    from io import BytesIO

    from PIL import Image as Pictures

    out = BytesIO()
    Pictures.open(BytesIO(page_picture(Scan(media, "", data, page, ""), page, side=width))).save(out, "PNG")
    return out.getvalue()


def unreadable() -> Malformed:
    return Malformed("upload.damaged", "文件已损坏或内容异常，无法打开。", remedy="请重新扫描或另存后再上传。")
