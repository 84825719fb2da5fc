"""印章外观: is a seal shown as it was made, in its size and on a page (GB/T 33190, 18.2; GB/T 38540, 7.2)?

Readers draw the picture that the seal itself holds; what a file can still falsify is where and how large. In a licence
or copy that is no matter of taste: enlarged, a picture hides the face; off the page or cut to nothing, it hides itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from seal.ofd.signatures import StampAnnot
from seal.ses import SESeal
from trust.errors import CheckFailed
from trust.i18n import N_
from verify.geometry import Box, holds
from verify.ofd.drawing import page_boxes
from verify.opening import OpenedDocument
from verify.remarks import Remark, listed
from verify.report import Indication, Severity

MOST_APART: Final = 0.02
"""Part of its size by which a picture may be larger or smaller than the seal says."""
_EDGE: Final = 0.1
"""Millimetres a picture may stand over an edge."""
TEMPLATE: Final = N_("印章的外观与印章本身不符（图样、大小或位置被改动）：{names}。")


def check_shown(names: Iterable[str]) -> None:
    """In a licence or copy, is every seal shown as it was made (``names``: of those that are not)?"""
    found = list(dict.fromkeys(names))
    if found:
        raise CheckFailed(
            Indication.FAILED,
            "FORMAT_FAILURE",
            "seal.appearance_differs",
            "印章的外观与印章本身不符（图样、大小或位置被改动）：{names}。",
            names=listed(found),
        )


def remark(names: Iterable[str]) -> list[Remark]:
    """The same of any other file: worth telling."""
    found = list(dict.fromkeys(names))
    return [Remark(Severity.WARNING, "seal.appearance_differs", TEMPLATE, {"names": listed(found)})] if found else []


def wrongly_shown(opened: OpenedDocument) -> list[str]:
    """Names of the seals whose picture a reader shows otherwise than it was made."""
    stamped = [one for one in opened.signatures if one.ses is not None and one.xml is not None and one.xml.stamps]
    pages = page_boxes(opened) if stamped else {}
    return [
        one.ses.seal.name or one.ses.seal.seal_id
        for one in stamped
        if one.ses is not None and one.xml is not None
        for stamp in one.xml.stamps
        if not _is_as_made(stamp, one.ses.seal, pages)
    ]


def _is_as_made(stamp: StampAnnot, seal: SESeal, pages: Mapping[str, Box]) -> bool:
    left, top, width, height = stamp.boundary
    sized = all(
        made <= 0 or abs(shown - made) <= MOST_APART * made
        for shown, made in ((width, seal.width), (height, seal.height))
    )
    part = (0.0, 0.0, width, height)
    if stamp.clip is not None:
        x, y, w, h = stamp.clip
        part = (x, y, x + w, y + h)
    seen = part[2] > part[0] and part[3] > part[1] and holds((-_EDGE, -_EDGE, width + _EDGE, height + _EDGE), part)
    page = pages.get(stamp.page_ref)
    on_page = page is not None and holds(
        (page[0] - _EDGE, page[1] - _EDGE, page[2] + _EDGE, page[3] + _EDGE),
        (left + part[0], top + part[1], left + part[2], top + part[3]),
    )
    return sized and seen and on_page
