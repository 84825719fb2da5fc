"""A batch through the console on all cores: documents per second, and the memory of all its processes together."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cold import CONSOLE, console
from bench.measure import Figure

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
    """Seconds, and the highest sum of proportional set sizes of the process and its children, in bytes."""
    command = [*CONSOLE, "issue", "--type", TYPE, "--input", "records.jsonl", "--out", "out"]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak = [0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    watcher.start()
    status = process.wait()
    seconds = time.perf_counter() - start
    watcher.join()
    if status:
        raise RuntimeError(f"the batch ended with status {status}")
    return seconds, peak[0]


def _watch(process: subprocess.Popen[bytes], peak: list[int]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], sum(_memory(pid) for pid in _family(process.pid)))
        time.sleep(0.2)


def _family(pid: int) -> list[int]:
    """``pid`` and everything below it."""
    members = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                members += _family(int(child))
    except OSError:
        pass
    return members


def _memory(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
