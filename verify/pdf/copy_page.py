"""副本的页面 (PDF): watermark, picture and size of every page, as they are drawn.

The watermark is the artifact of pagination called so; its rows are drawn last, or something may hide them.
"""

from __future__ import annotations

import math
from typing import Any, Final

from pyhanko.pdf_utils import generic

from seal.copies import BAND, COPY_FILE
from seal.pdf.structures import POINTS_PER_MM
from trust.algorithms import sm3
from trust.errors import CheckFailed, Malformed
from verify.copies import Row, ShownPage
from verify.pdf.content import Drawing, Run, read_drawing
from verify.pdf.face import fonts_of, text_of
from verify.pdf.opening import BROKEN, OpenedPDF, look, malformed, pages_of
from verify.report import Indication

_WATERMARK: Final = "Watermark"
_DARK: Final = 0.35
_LEAST_OPACITY: Final = 0.3


def check_attached(opened: OpenedPDF) -> None:
    """Are the terms the only embedded file?"""
    if list(opened.files) != [COPY_FILE] or len(opened.files[COPY_FILE]) != 1:
        raise CheckFailed(
            Indication.FAILED, "FORMAT_FAILURE", "copy.attachments", "副本应当恰有一个附件，即副本条款，实际不是这样。"
        )


def read_pages(opened: OpenedPDF) -> list[ShownPage]:
    """The pages of a copy. Raises ``Malformed`` where they cannot be read."""
    try:
        return [_read_page(page) for page in pages_of(opened.reader)]
    except Malformed:
        raise
    except BROKEN as error:
        raise malformed(error) from error


def _read_page(page: Any) -> ShownPage:
    drawing, fonts = read_drawing(page), fonts_of(page)
    left, bottom, right, top = drawing.box
    if look(page, "/Rotate", 0) or look(page, "/UserUnit", 1) != 1:
        raise ValueError("turned page")
    rows = [_row(drawing, run, text_of(run, fonts)) for run in drawing.runs if run.artifact == _WATERMARK]
    first = min((run.order for run in drawing.runs if run.artifact == _WATERMARK), default=0)
    clear = not any(paint.order > first for paint in (*drawing.paints, *drawing.lines))
    width, height = (right - left) / POINTS_PER_MM, (top - bottom) / POINTS_PER_MM
    return ShownPage(width, height - BAND, tuple(rows), clear, _picture(page))


def _row(drawing: Drawing, run: Run, text: str) -> Row:
    left, _, _, top = drawing.box
    a, b, c, d, e, f = run.matrix
    red, green, blue = run.colour or (0.5, 0.5, 0.5)
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    visible = drawing.opacity_of(run) >= _LEAST_OPACITY and (light <= _DARK or light >= 1 - _DARK)
    return Row(
        text,
        (e - left) / POINTS_PER_MM,
        (top - f) / POINTS_PER_MM,
        math.sqrt(abs(a * d - b * c)) / POINTS_PER_MM,
        light <= _DARK,
        visible,
        drawing.is_inside(run),
    )


def _picture(page: Any) -> str | None:
    """SM3 of the page's one JPEG, hex; ``""``: there is not exactly one picture; ``None``: it is no JPEG."""
    resources = look(page, "/Resources")
    listed = look(resources, "/XObject") if isinstance(resources, generic.DictionaryObject) else None
    names = list(listed) if isinstance(listed, generic.DictionaryObject) else []
    used = [name for name in names if look(look(listed, name), "/Subtype") == "/Image"]
    if len(used) != 1:
        return ""
    image = look(listed, used[0])
    return sm3(image.encoded_data).hex() if look(image, "/Filter") == "/DCTDecode" else None
