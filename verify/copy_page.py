"""副本的页面 (OFD): watermark, picture and size of every page, as a reader would show them.

The watermark is the one annotation of a page, and holds texts and nothing else: whatever else stood there could hide
it. Annotations are drawn over the page, so nothing of the page can.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from seal.copies import BAND, COPY_ENTRY
from seal.ofd.package import child, children, directory_of, local_name, resolve, text_of
from trust.errors import CheckFailed, Malformed
from verify.copies import Row, ShownPage
from verify.opening import OpenedDocument
from verify.report import Indication

_EDGE: Final = 0.6
_DARK, _LIGHT = 0.35, 0.7
_LEAST_OPACITY: Final = 0.3
_PLAIN: Final = frozenset({"ID", "Boundary", "CTM", "Font", "Size", "Alpha"})
_Box = tuple[float, float, float, float]


def check_attached(opened: OpenedDocument) -> None:
    """Are the terms an attachment, and the only one?"""
    if opened.contents.of_role("attachment") != [COPY_ENTRY]:
        raise CheckFailed(
            Indication.FAILED, "FORMAT_FAILURE", "copy.attachments", "副本应当恰有一个附件，即副本条款，实际不是这样。"
        )


def read_pages(opened: OpenedDocument) -> list[ShownPage]:
    """The pages of a copy. Raises ``Malformed`` where they cannot be read."""
    try:
        return [_read_page(opened, *one) for one in _pages(opened)]
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise Malformed("format.page", "页面无法读取。") from error


def _pages(opened: OpenedDocument) -> Iterator[tuple[str, str, Any]]:
    """``(page ID, entry name, the document's root)`` in the document's order."""
    for document in opened.contents.of_role("document"):
        root = opened.files.xml(document)
        listed = child(root, "Pages")
        for page in children(listed, "Page") if listed is not None else ():
            yield page.get("ID") or "", resolve(directory_of(document), page.get("BaseLoc") or ""), root


def _read_page(opened: OpenedDocument, identity: str, name: str, document: Any) -> ShownPage:
    page = opened.files.xml(name)
    width, height = _size(page, document)
    annotations = list(_annotations(opened, identity))
    rows: list[Row] = []
    clear = len(annotations) == 1
    for annotation in annotations:
        good, found = _watermark(annotation, width, height)
        clear = clear and good
        rows += found
    return ShownPage(width, height - BAND, tuple(rows), clear, _picture(opened, page))


def _size(page: Any, document: Any) -> tuple[float, float]:
    """The page's own size, else the document's."""
    for owner, area in ((page, "Area"), (child(document, "CommonData"), "PageArea")):
        box = child(owner, area) if owner is not None else None
        if box is not None and text_of(child(box, "PhysicalBox")):
            physical = text_of(child(box, "PhysicalBox"))
            if len(box) != 1:  # another box besides: readers would show another part of the page
                raise ValueError("boxes")
            left, top, width, height = map(float, physical.split())
            if (left, top) != (0.0, 0.0) or not (0 < width < 5000 and BAND < height < 5000):
                raise ValueError("page size")
            return width, height
    raise ValueError("page size")


def _annotations(opened: OpenedDocument, page: str) -> Iterator[Any]:
    """Every Annot of the page."""
    for listing in opened.contents.of_role("annotations"):
        root = opened.files.xml(listing)
        for listed in children(root, "Page") if root is not None else ():
            if (listed.get("PageID") or "").strip() == page.strip():
                name = resolve(directory_of(listing), text_of(child(listed, "FileLoc")))
                drawn = opened.files.xml(name)
                yield from children(drawn, "Annot") if drawn is not None else ()


def _watermark(annotation: Any, width: float, height: float) -> tuple[bool, list[Row]]:
    """Is it a watermark over the whole page, shown and printed, and of texts alone? And its rows."""
    appearance = child(annotation, "Appearance")
    if appearance is None:
        return False, []
    box = _box(appearance.get("Boundary"))
    good = (
        annotation.get("Type") == "Watermark"
        and _flag(annotation.get("Visible"), default=True)
        and _flag(annotation.get("Print"), default=True)
        and _same(box, (0.0, 0.0, width, height))
        and set(appearance.attrib) == {"Boundary"}
        and all(local_name(one) == "Appearance" for one in annotation if isinstance(one.tag, str))
    )
    objects = [one for one in appearance if isinstance(one.tag, str)]
    texts = [one for one in objects if local_name(one) == "TextObject"]
    return good and len(texts) == len(objects), [_row(one, width, height) for one in texts]


def _row(drawn: Any, width: float, height: float) -> Row:
    """One text: where it begins, how large it is, and whether it can be seen."""
    box = _box(drawn.get("Boundary"))
    a, b, c, d, e, f = map(float, (drawn.get("CTM") or "1 0 0 1 0 0").split())
    codes = [one for one in drawn if local_name(one) == "TextCode"]
    colours = [one for one in drawn if local_name(one) == "FillColor"]
    if len(codes) != 1 or len(colours) != 1 or len(drawn) != 2:
        raise ValueError("watermark")
    code, colour = codes[0], colours[0]
    x, y = float(code.get("X") or 0), float(code.get("Y") or 0)
    run = _run(code)
    start, end = (a * x + c * y + e, b * x + d * y + f), (a * (x + run) + c * y + e, b * (x + run) + d * y + f)
    size = float(drawn.get("Size") or 0) * math.sqrt(abs(a * d - b * c))
    within = all(-_EDGE <= px <= box[2] + _EDGE and -_EDGE <= py <= box[3] + _EDGE for px, py in (start, end))
    inside = within and box[0] >= -_EDGE and box[1] >= -_EDGE
    inside = inside and box[0] + box[2] <= width + _EDGE and box[1] + box[3] <= height + _EDGE
    light, opacity = _shade(colour), _opacity(drawn) * _opacity(colour)
    visible = (
        set(drawn.attrib) <= _PLAIN
        and set(code.attrib) <= {"X", "Y", "DeltaX"}
        and opacity >= _LEAST_OPACITY
        and (light <= _DARK or light >= _LIGHT)
        and min(abs(a * d - b * c), box[2], box[3]) > 0
    )
    text = "".join(code.itertext())
    return Row(text, box[0] + start[0], box[1] + start[1], size, light <= _DARK, visible, inside)


def _run(code: Any) -> float:
    """From the first character's origin to the last one's: each may only stand to the right of the one before."""
    text, stated = "".join(code.itertext()), (code.get("DeltaX") or "").split()
    deltas = [float(one) for one in stated]  # our writer counts none together
    if len(deltas) != len(text) - 1 or any(not 0 < delta < 50 for delta in deltas):
        raise ValueError("DeltaX")
    return sum(deltas)


def _shade(colour: Any) -> float:
    """Brightness of a colour, 0 to 1."""
    if set(colour.attrib) - {"Value", "Alpha"} or len(colour):
        raise ValueError("colour")
    red, green, blue = map(float, (colour.get("Value") or "").split())
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255


def _opacity(element: Any) -> float:
    return float(element.get("Alpha") or 255) / 255


def _box(text: str | None) -> _Box:
    left, top, width, height = map(float, (text or "").split())
    return left, top, width, height


def _same(one: _Box, other: _Box) -> bool:
    return all(abs(a - b) <= _EDGE for a, b in zip(one, other, strict=True))


def _flag(text: str | None, *, default: bool) -> bool:
    return default if text is None else text.strip().lower() in ("true", "1")


def _picture(opened: OpenedDocument, page: Any) -> str:
    """SM3 of the one raster on the page, hex; ``""`` where there is not exactly one."""
    drawn = [one for one in page.iter("{*}ImageObject") if local_name(one)]
    if len(drawn) != 1:
        return ""
    wanted = (drawn[0].get("ResourceID") or "").strip()
    for resources in opened.contents.of_role("resources"):
        root = opened.files.xml(resources)
        for media in root.iter("{*}MultiMedia") if root is not None else ():
            if (media.get("ID") or "").strip() == wanted:
                folder = resolve(directory_of(resources), root.get("BaseLoc") or "")
                name = resolve(folder, text_of(child(media, "MediaFile")))
                return opened.files.digest(name).hex() if opened.files.get(name) is not None else ""
    return ""
