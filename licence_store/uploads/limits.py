"""上传限制: per kind of material how large, how many pages, how fine; data, printed in the docs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from trust.errors import NotFound

_DATA: Final = Path(__file__).with_name("limits.json")
REFUSE, WARN = "refuse", "warn"


@dataclass(frozen=True, slots=True)
class KindLimits:
    """一类材料的限制."""

    kind: str
    formats: tuple[str, ...]
    """Media types taken."""
    max_size: int
    """Octets."""
    max_pages: int
    max_pixels: int
    """Dots of one page."""
    min_side: int
    """Dots of a picture's shorter side."""
    min_dpi: int
    """Of the scan that fills a page of a PDF."""
    blank: str
    """``refuse`` or ``warn`` where every page is blank; single ones are always a warning only."""
    blurred: str


@lru_cache(maxsize=1)
def all_limits() -> dict[str, KindLimits]:
    """Every kind with its limits."""
    stated = json.loads(_DATA.read_bytes())
    return {kind: KindLimits(kind, formats=tuple(one.pop("formats")), **one) for kind, one in stated.items()}


def limits_of(kind: str) -> KindLimits:
    """The limits of a kind. Raises ``NotFound("upload.kind_unknown")``."""
    found = all_limits().get(kind)
    if found is None:
        raise NotFound(
            "upload.kind_unknown", "没有名为“{kind}”的材料种类；可选：{known}。", kind=kind[:40],
            known="、".join(all_limits()),
        )  # fmt: skip
    return found


def largest() -> int:
    """Octets of the largest file any kind takes."""
    return max(one.max_size for one in all_limits().values())
