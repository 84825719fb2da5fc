"""What the acts consist of: milliseconds of each step, in memory, one core."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import Figure, milliseconds, one_core
from bench.workbench import BASE_URL, Workbench, make_workbench
from licence_store.face import render_png
from seal.ofd.package import Limits, open_package
from seal.sealing import finish

if TYPE_CHECKING:
    from bench.__main__ import Effort

NAMES = (
    "data_message", "draw_face", "seal_prepare", "seal_sign", "seal_timestamp", "seal_finish", "open_package",
    "preview_png",
)  # fmt: skip
LIMITS = Limits()


def run(effort: Effort, _folder: Path) -> Iterator[Figure]:
    with one_core():
        for name, act in _acts(make_workbench()).items():
            yield Figure(name, milliseconds(act, times=effort.times), "ms")


def _acts(bench: Workbench) -> dict[str, Callable[[], object]]:
    sealer, material, place = bench.sealer, bench.material, [bench.placement]
    timestamper = sealer.timestamper
    if timestamper is None:
        raise RuntimeError("the workbench has a time-stamp authority")
    documents = itertools.cycle([bench.draw() for _ in range(50)])
    prepared = sealer.prepare(next(documents), material, place)
    signature = material.signer.sign(prepared.to_sign)
    token = timestamper.stamp(signature)
    sealed = itertools.cycle([sealer.seal(next(documents), material, place).data for _ in range(50)])
    message = next(bench.messages)
    return {
        "data_message": lambda: next(bench.messages).to_bytes(),
        "draw_face": bench.draw,
        "seal_prepare": lambda: sealer.prepare(next(documents), material, place),
        "seal_sign": lambda: material.signer.sign(prepared.to_sign),
        "seal_timestamp": lambda: timestamper.stamp(signature),
        "seal_finish": lambda: finish(prepared, signature, token),
        "open_package": lambda: list(open_package(next(sealed), LIMITS).entries.values()),
        "preview_png": lambda: render_png(bench.face, message, f"{BASE_URL}/v/1", dpi=96, seal=bench.impression),
    }
