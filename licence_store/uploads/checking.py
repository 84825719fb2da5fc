"""上传检查: a file opened, judged and, if it is a photo, drawn anew, in a confined process of its own.

The process has bounded time and memory and sees nothing but the file (``collection.confined``); at most two run at
once, so that many uploads cannot take the machine's memory together.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, Final

from licence_store.collection import confined
from licence_store.uploads.limits import KindLimits
from licence_store.uploads.refusals import REASONS, refusal
from licence_store.uploads.stored import WARNINGS
from trust.errors import Malformed, Unavailable

SECONDS: Final = 30
MEMORY_MIB: Final = 1536
_AT_ONCE: Final = 2
_PATIENCE: Final = 60.0
_HOUSE: Final = str(Path(__file__).parents[2])
_START: Final = "import sys; sys.path.insert(0, sys.argv[1]); from licence_store.uploads.reading import main; main()"
_ROOM: Final = BoundedSemaphore(_AT_ONCE)


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
    """Raises ``Malformed`` or ``Refused`` (``upload.…``), ``Unavailable("upload.busy")``."""
    asked = {
        "media": media, "max_pages": limits.max_pages, "max_pixels": limits.max_pixels, "min_side": limits.min_side,
        "min_dpi": limits.min_dpi, "blank": limits.blank, "blurred": limits.blurred,
    }  # fmt: skip
    stated, _, kept = _run("check", asked, data).partition(b"\n")
    try:
        answer = json.loads(stated)
        if "reason" in answer:
            raise refusal(answer["reason"] if answer["reason"] in REASONS else "damaged", **answer["params"])
        pages, width, height, dpi = (int(answer[name]) for name in ("pages", "width", "height", "dpi"))
        warnings = tuple(one for one in answer["warnings"] if one in WARNINGS)
        return Checked(str(answer["media"]), kept or data, pages, width, height, dpi, warnings, bool(answer["signed"]))
    except (ValueError, KeyError, TypeError) as error:
        raise refusal("damaged") from error


def draw_page(data: bytes, media: str, page: int, width: int) -> bytes:
    """One page as PNG. Raises ``Malformed("upload.damaged", "upload.too_costly")``."""
    picture = _run("draw", {"media": media, "page": page, "width": width}, data)
    if not picture.startswith(b"\x89PNG"):
        raise refusal("damaged")
    return picture


def _run(act: str, asked: dict[str, Any], data: bytes) -> bytes:
    command = [sys.executable, "-I", "-c", _START, _HOUSE, act, json.dumps(asked)]
    try:
        with _room():
            return confined.run(command, data, seconds=SECONDS, memory_mib=MEMORY_MIB)
    except confined.ConfinedFailure as failure:
        raise _ended(failure) from failure


def _ended(failure: confined.ConfinedFailure) -> Malformed:
    """What ended the process: its limits (time, memory), or the file."""
    by_limits = str(failure) in ("TimeoutExpired", "status -24", "status -9", "status -6")
    error = refusal("too_costly" if by_limits else "damaged")
    assert isinstance(error, Malformed)
    return error


@contextmanager
def _room() -> Iterator[None]:
    if not _ROOM.acquire(timeout=_PATIENCE):
        raise Unavailable("upload.busy", "同时上传的文件过多，请稍后重试。")
    try:
        yield
    finally:
        _ROOM.release()
