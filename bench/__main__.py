"""``python -m bench [--quick] [name …]``: print one JSON line per figure (docs/benchmarks.md)."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Figure


@dataclass(frozen=True)
class Effort:
    """How much time a run may take."""

    rounds: int
    seconds: float
    times: int
    batch: int
    warm_up: int = 3
    stock: int = 64
    """Licences made beforehand for verifying, so that none is met twice in a row."""
    seals: int = 100_000
    """Seals in the register that is asked."""
    licences: int = 50_000
    """Licences in the register that is searched."""
    rows: int = 10_000
    """Rows of a delivery that is cleansed."""


FULL = Effort(rounds=9, seconds=1.0, times=200, batch=2000)
QUICK = Effort(rounds=3, seconds=0.3, times=20, batch=100, seals=10_000, licences=5_000, rows=1_000)


def figures(names: set[str], effort: Effort, folder: Path) -> Iterator[Figure]:
    """The groups in order; a group none of whose names is wanted is not run."""
    from bench import acts, batch, cold, collect, crossing, pdf, register, seals, steps

    for group in (acts, steps, pdf, seals, register, cold, batch, collect, crossing):
        if not names or names & set(group.NAMES):
            for figure in group.run(effort, folder):
                if not names or figure.name in names:
                    yield figure


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short rounds: a look, not a figure")
    parser.add_argument("names", nargs="*", help="only these figures")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="licence-trust-bench-") as folder:
        for figure in figures(set(chosen.names), QUICK if chosen.quick else FULL, Path(folder)):
            print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
