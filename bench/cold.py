"""Cold starts: what a person waits for at the prompt, from process start to its end."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import Figure

if TYPE_CHECKING:
    from bench.__main__ import Effort

NAMES = ("cold_help", "cold_init", "cold_issue_one", "cold_verify", "cold_verify_bundle")
CONSOLE = (sys.executable, "-c", "from api.cli import main; main()")


def console(*arguments: object, cwd: Path) -> str:
    """Run ``licence-trust``; its output. Raises ``CalledProcessError``."""
    done = subprocess.run(
        [*CONSOLE, *map(str, arguments)], cwd=cwd, check=True, stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout


def run(effort: Effort, folder: Path) -> Iterator[Figure]:
    times = 3 if effort.rounds < 5 else 7
    place = folder / "cold"
    place.mkdir()

    def wait(name: str, *arguments: object, repeat: int = times) -> Figure:
        taken = []
        for turn in range(repeat):
            start = time.perf_counter()
            console(*(str(a).replace("{turn}", str(turn)) for a in arguments), cwd=place)
            taken.append(time.perf_counter() - start)
        return Figure(name, statistics.median(taken) * 1000, "ms")

    yield wait("cold_help", "--help")
    yield wait("cold_init", "init", "--dir", "region{turn}", repeat=3)
    for turn in range(times):
        record = console("types", "example", "business-licence", "--seed", turn, "--dir", "region0", cwd=place)
        (place / f"record{turn}.jsonl").write_text(record, encoding="utf-8")
    issue = ("issue", "--dir", "region0", "--type", "business-licence", "--out", "out", "--input", "record{turn}.jsonl")
    yield wait("cold_issue_one", *issue)
    issued = next((place / "out").glob("*.ofd"))
    console("trust", "export", "--dir", "region0", "--out", "bundle.json", cwd=place)
    yield wait("cold_verify", "verify", issued, "--dir", "region0")
    yield wait("cold_verify_bundle", "verify", issued, "--trust", "bundle.json", "--dir", "none")
