"""A batch through the console on all cores: documents per second, and the memory of all its processes together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cold import CONSOLE, console
from bench.measure import Figure
from bench.watching import watched

if TYPE_CHECKING:
    from bench.__main__ import Effort

NAMES = ("batch_issue", "batch_peak_memory", "batch_again")
TYPE = "business-licence"


def run(effort: Effort, folder: Path) -> Iterator[Figure]:
    place = folder / "batch"
    place.mkdir()
    console("init", cwd=place)
    records = console("types", "example", TYPE, "--count", effort.batch, "--seed", 3, cwd=place)
    (place / "records.jsonl").write_text(records, encoding="utf-8")
    seconds, peak = _issue(place)
    yield Figure("batch_issue", effort.batch / seconds, "documents/s")
    yield Figure("batch_peak_memory", peak / 2**20, "MiB")
    seconds, _ = _issue(place)
    yield Figure("batch_again", effort.batch / seconds, "documents/s")


def _issue(place: Path) -> tuple[float, int]:
    return watched([*CONSOLE, "issue", "--type", TYPE, "--input", "records.jsonl", "--out", "out"], place)
