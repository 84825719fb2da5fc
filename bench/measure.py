"""How figures are taken: one pinned core, a warm-up, short rounds in which the rivals alternate, medians.

A machine's speed drifts (neighbours, heat). So a figure and the base it is compared with run in turn, a slice each,
and the ratio is the median of the ratios of single rounds, not a quotient of two medians taken minutes apart.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

Act = Callable[[], object]


@dataclass(frozen=True)
class Figure:
    """One line of output."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    base: str | None = None

    def line(self) -> str:
        parts: dict[str, object] = {"name": self.name, "value": _short(self.value), "unit": self.unit}
        if self.ratio is not None:
            parts |= {"ratio": _short(self.ratio), "base": self.base}
        return json.dumps(parts, ensure_ascii=False)


def _short(value: float) -> float:
    return float(f"{value:.4g}")


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process on one core; where the system cannot, nothing happens."""
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if before:
        os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        if before:
            os.sched_setaffinity(0, before)


def rates(acts: Mapping[str, Act], *, rounds: int, seconds: float, warm_up: int = 3) -> dict[str, list[float]]:
    """Times per second of each act, round by round; in each round every act runs for about ``seconds``."""
    for act in acts.values():
        for _ in range(warm_up):
            act()
    answer: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(rounds):
        for name, act in acts.items():
            answer[name].append(_rate(act, seconds))
    return answer


def _rate(act: Act, seconds: float) -> float:
    """The collector runs before, and as it likes during, a slice: garbage is part of the price."""
    gc.collect()
    done, start = 0, time.perf_counter()
    end = start + seconds
    while (now := time.perf_counter()) < end:
        act()
        done += 1
    return done / (now - start)


def against(measured: Mapping[str, list[float]], name: str, base: str | None, unit: str) -> Figure:
    """The median rate of ``name`` and the median of its ratios to ``base`` in the same rounds."""
    value = statistics.median(measured[name])
    if base is None:
        return Figure(name, value, unit)
    ratio = statistics.median(a / b for a, b in zip(measured[name], measured[base], strict=True))
    return Figure(name, value, unit, ratio, base)


def milliseconds(act: Act, *, times: int, warm_up: int = 3) -> float:
    """Median duration of ``act``."""
    for _ in range(warm_up):
        act()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1000
