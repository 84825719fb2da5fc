"""二维码: a QR code (GB/T 18284, ISO/IEC 18004) as one outline.

The mask is fixed and not the best of eight: any mask reads well, and trying them all costs five times as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import qrcode
from qrcode.constants import ERROR_CORRECT_M
from qrcode.exceptions import DataOverflowError

from seal.typesetting import Command
from trust.errors import Malformed

_MASK = 2
QUIET = 0
"""Modules of quiet zone inside the given square; a style leaves the four the standard wants around it."""


def qr_matrix(text: str) -> Sequence[Sequence[bool | None]]:
    """The modules of ``text`` at level M, without quiet zone. Raises ``Malformed("face.url_too_long")``."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=_MASK)
    code.add_data(text, optimize=0)
    try:
        code.make(fit=True)
    except (DataOverflowError, ValueError) as error:
        raise Malformed("face.url_too_long", "核验地址过长（{length}个字符），放不进二维码。", length=len(text)) from error
    modules: Sequence[Sequence[bool | None]] = code.modules
    return modules


@lru_cache(maxsize=256)
def qr_commands(text: str, x: float, y: float, size: float) -> tuple[Command, ...]:
    """The dark modules as rectangles: runs in a row are one, equal runs in rows below join it."""
    modules = qr_matrix(text)
    unit = size / len(modules)
    commands: list[Command] = []
    open_runs: dict[tuple[int, int], int] = {}
    for row in range(len(modules) + 1):
        runs = _runs(modules[row]) if row < len(modules) else set()
        for start, end in sorted(open_runs.keys() - runs):
            top = open_runs.pop((start, end))
            commands += _rectangle(x + start * unit, y + top * unit, x + end * unit, y + row * unit)
        for run in runs - open_runs.keys():
            open_runs[run] = row
    return tuple(commands)


def _runs(row: Sequence[bool | None]) -> set[tuple[int, int]]:
    runs, start = set(), -1
    for index, dark in enumerate((*row, False)):
        if dark and start < 0:
            start = index
        elif not dark and start >= 0:
            runs.add((start, index))
            start = -1
    return runs


def _rectangle(left: float, top: float, right: float, bottom: float) -> list[Command]:
    return [("M", (left, top)), ("L", (right, top)), ("L", (right, bottom)), ("L", (left, bottom)), ("Z", ())]
