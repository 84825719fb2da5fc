"""模拟时钟: the machine's clock, put forward or back by what a file says; for demonstration regions only.

The file holds one number of seconds. Whoever may write it moves the clock of every node that reads it, at once and
without a restart; a file that is away or holds no number moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

MOST: Final = 366 * 24 * 3600
"""So far a clock may be moved, in seconds: further than any list or copy lives."""


@dataclass(frozen=True, slots=True)
class SimulatedClock:
    """模拟时钟. Callable as a clock."""

    file: Path

    def __call__(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset())

    def offset(self) -> float:
        """Seconds ahead of the machine's clock."""
        try:
            seconds = float(self.file.read_text("ascii"))
        except (OSError, ValueError):
            return 0.0
        return seconds if -MOST <= seconds <= MOST else 0.0

    def move(self, seconds: float) -> None:
        """Set how far ahead; whole, so that no reader sees half a number."""
        part = self.file.with_name(self.file.name + ".part")
        part.write_text(f"{seconds:.3f}", "ascii")
        part.replace(self.file)
