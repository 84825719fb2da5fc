"""盖章位置: where on a page a seal is to be seen, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from seal.ses import SESeal
from trust.errors import Malformed

Box = tuple[float, float, float, float]
"""Left, top, width, height in millimetres."""
_EDGE = 0.01
"""Millimetres a seal may stand over the page's edge before we call it off the page (rounding)."""
_LEAST_STRIP = 2.0
"""Millimetres of a cross-page seal that must be seen on each page."""


@dataclass(frozen=True, slots=True)
class Placement:
    """盖章位置: the top-left corner of the seal picture on a page, in millimetres."""

    page_id: int
    x: float
    y: float
    clip: Box | None = None
    """The part of the picture to show, relative to its corner (骑缝章); ``None``: all of it."""


class Page(Protocol):
    """A page with its size in millimetres."""

    @property
    def id(self) -> int: ...
    @property
    def width(self) -> float: ...
    @property
    def height(self) -> float: ...


def check_placement(page: Page | None, seal: SESeal, placement: Placement) -> None:
    """Is the seal, or the part of it that is shown, on the page? Raises ``Malformed("sealing.placement")``."""
    whole = (0.0, 0.0, float(seal.width), float(seal.height))
    left, top, width, height = clip = placement.clip or whole
    if page is None or not (
        -_EDGE <= placement.x + left <= page.width - width + _EDGE
        and -_EDGE <= placement.y + top <= page.height - height + _EDGE
        and _inside(clip, whole)
    ):
        raise Malformed(
            "sealing.placement",
            "盖章位置不在页面之内：第 {page} 页 ({x}, {y}) 毫米处放不下 {width}×{height} 毫米的印章。",
            page=placement.page_id,
            x=placement.x,
            y=placement.y,
            width=seal.width,
            height=seal.height,
        )


def _inside(clip: Box, whole: Box) -> bool:
    """Is the part a part: of some size, and within the picture?"""
    left, top, width, height = clip
    return (
        left >= -_EDGE
        and top >= -_EDGE
        and width > 0
        and height > 0
        and left + width <= whole[2] + _EDGE
        and top + height <= whole[3] + _EDGE
    )


def cross_page_placements(pages: Sequence[Page], seal: SESeal, y: float) -> list[Placement]:
    """骑缝章: the seal cut into strips, one at the right edge of each page, ``y`` millimetres from the top.

    So many pages that a strip would be narrower than two millimetres share the seal in groups of about equal size.
    Raises ``Malformed("sealing.cross_page")`` for fewer than two pages; for ``y`` off a page see ``Sealer.seal``.
    """
    if len(pages) < 2:
        raise Malformed("sealing.cross_page", "骑缝章至少需要两页，文档只有 {count} 页。", count=len(pages))
    return list(_strips(pages, seal, y))


def _strips(pages: Sequence[Page], seal: SESeal, y: float) -> Iterator[Placement]:
    groups = -(-len(pages) // max(2, int(seal.width / _LEAST_STRIP)))
    for number in range(groups):
        group = pages[len(pages) * number // groups : len(pages) * (number + 1) // groups]
        strip = seal.width / len(group)
        for index, page in enumerate(group):
            yield Placement(page.id, page.width - strip * (index + 1), y, (strip * index, 0.0, strip, seal.height))
