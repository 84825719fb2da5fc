"""归集: rows of a delivery read, mapped and cleansed through the console, none sealed: rows per second, and memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cold import CONSOLE, console
from bench.measure import Figure
from bench.watching import watched

if TYPE_CHECKING:
    from bench.__main__ import Effort

NAMES = ("collect_rows", "collect_peak")
TYPE = "business-licence"


def run(effort: Effort, folder: Path) -> Iterator[Figure]:
    place = folder / "collect"
    place.mkdir()
    console("init", cwd=place)
    rows = console("types", "example", TYPE, "--count", effort.rows, "--seed", 5, cwd=place)
    (place / "rows.jsonl").write_text(rows, encoding="utf-8")
    source = {
        "id": "bench", "title": "交付", "type": TYPE, "department": "market", "key": ["credit_code"],
        "fields": {name: name for name in json.loads(rows.splitlines()[0])},
    }  # fmt: skip
    (place / "source.json").write_text(json.dumps(source), encoding="utf-8")
    console("collect", "add", "source.json", cwd=place)
    seconds, peak = watched([*CONSOLE, "collect", "run", "bench", "--file", "rows.jsonl", "--check"], place)
    yield Figure("collect_rows", effort.rows / seconds, "rows/s")
    yield Figure("collect_peak", peak / 2**20, "MiB")
