"""A command and what it takes: its time, and the memory of all its processes together."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path


def watched(command: Sequence[str], place: Path) -> tuple[float, int]:
    """Seconds, and the highest sum of proportional set sizes of the process and its children, in bytes.

    Raises ``RuntimeError`` when the command fails.
    """
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
        raise RuntimeError(f"the command ended with status {status}")
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
