"""docs/credibility.md prints the rules as they stand in the data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]


def test_the_tables_are_the_datas_own() -> None:
    done = subprocess.run(
        [sys.executable, "tools/credibility_tables.py", "--check"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": "."},
        check=False,
    )
    assert done.returncode == 0, "docs/credibility.md is old: run tools/credibility_tables.py"
