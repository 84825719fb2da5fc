"""在受限子进程中运行: check one upload, or draw one of its pages.

    check {"media": …, "max_pages": …, …}     → a line of JSON, then the file as it is to be kept, if it was redrawn
    draw  {"media": …, "page": …, "width": …}  → PNG

The file comes on standard input. What stops it here is told as ``{"reason": …, "params": {…}}``; a process that ends
otherwise was ended by its limits, or by the file.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Final

from licence_store.uploads.containers import Trouble

PDF, OFD = "application/pdf", "application/ofd"
_PICTURE_SIDE: Final = 4000


def check(data: bytes, asked: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """What is to be told of the file, and the file as redrawn (empty: kept as it came)."""
    if asked["media"] in (PDF, OFD):
        return _check_document(data, asked), b""
    from licence_store.uploads.pictures import redraw

    made = redraw(data, asked["media"], asked["max_pixels"], asked["max_pages"])
    _demand_sides(made.sizes, asked["min_side"])
    found = set(made.warnings) | _judged(made.blank, made.blurred, len(made.sizes), asked)
    if made.dpi and made.dpi < asked["min_dpi"]:
        found.add("low_resolution")
    width, height = made.sizes[0]
    answer = {"media": made.media, "pages": len(made.sizes), "width": width, "height": height, "dpi": made.dpi}
    return {**answer, "warnings": sorted(found), "signed": False}, made.data


def _check_document(data: bytes, asked: dict[str, Any]) -> dict[str, Any]:
    if asked["media"] == PDF:
        from licence_store.uploads.documents import check_pdf

        pages = check_pdf(data, asked["max_pages"], asked["max_pixels"])
    else:
        from licence_store.uploads.ofd_documents import check_ofd

        pages = check_ofd(data, asked["max_pages"], asked["max_pixels"])
    for number, dpi in enumerate(pages.dpi, 1):
        if 0 < dpi < asked["min_dpi"]:
            raise Trouble("resolution", page=number, found=f"{dpi} dpi", least=f"{asked['min_dpi']} dpi")
    found = _judged(pages.blank, pages.blurred, len(pages.sizes), asked)
    width, height = pages.sizes[0]
    return {
        "media": asked["media"], "pages": len(pages.sizes), "width": width, "height": height, "dpi": pages.dpi[0],
        "warnings": sorted(found), "signed": pages.signed,
    }  # fmt: skip


def _demand_sides(sizes: Sequence[tuple[int, int]], least: int) -> None:
    for number, (width, height) in enumerate(sizes, 1):
        if min(width, height) < least:
            raise Trouble("resolution", page=number, found=f"{width}×{height}", least=f"{least}×{least}")


def _judged(blank: Sequence[int], blurred: Sequence[int], pages: int, asked: dict[str, Any]) -> set[str]:
    """All pages blank, or one blurred: refused where the kind says so; else noted."""
    found = set[str]()
    if blank:
        if len(blank) >= min(pages, 20) and asked["blank"] == "refuse":
            raise Trouble("blank")
        found.add("blank_page")
    if blurred:
        if asked["blurred"] == "refuse":
            raise Trouble("blurred", page=blurred[0])
        found.add("blurred_page")
    return found


def draw(data: bytes, asked: dict[str, Any]) -> bytes:
    """One page as PNG."""
    from PIL import Image as Pictures

    media, number, width = asked["media"], asked["page"], asked["width"]
    if media == OFD:
        from licence_store.collection import ofd_pages

        # the longer side is asked for: enough for every page up to three times as high as wide
        picture: Any = Pictures.open(BytesIO(ofd_pages.picture(data, number, min(_PICTURE_SIDE, 2 * width))))
    elif media == PDF:
        from licence_store.uploads.documents import draw_pdf

        picture = draw_pdf(data, number, width)
    else:
        picture = Pictures.open(BytesIO(data), formats=("JPEG", "PNG", "TIFF"))
        picture.seek(number - 1)
        picture.draft("RGB", (width, width))
    picture = picture.convert("RGB")
    picture.thumbnail((width, _PICTURE_SIDE))
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def main() -> None:
    """The answer goes to standard output, in one piece."""
    warnings.simplefilter("ignore")
    act, stated = sys.argv[-2:]
    data = sys.stdin.buffer.read()
    asked = json.loads(stated)
    if act == "draw":
        sys.stdout.buffer.write(draw(data, asked))
        return
    try:
        answer, kept = check(data, asked)
    except Trouble as trouble:
        answer, kept = {"reason": trouble.reason, "params": trouble.params}, b""
    except MemoryError:
        answer, kept = {"reason": "too_costly", "params": {}}, b""
    except Exception:  # noqa: BLE001 - whatever a decoder says of a stranger's file: it cannot be read
        answer, kept = {"reason": "damaged", "params": {}}, b""
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + kept)
