"""Three regions and a hub as processes: the whole journey, what is left behind, and the tutorial as written."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from api.simulator.journey import STEPS

pytestmark = pytest.mark.long
REPOSITORY = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-c", "from api.cli import main; main()"]


def environment(place: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(place), "LICENCE_TRUST_LANG": "zh-CN"}


def left_behind(place: Path) -> list[str]:
    """Processes that still work for the regions in this folder."""
    found = []
    for one in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(place).encode() in one.read_bytes() and one.parent.name != str(os.getpid()):
                found.append((one.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:200])
        except OSError:
            continue
    return found


def test_one_licence_across_three_regions(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "simulate", "--regions", "3", "--once", "--json"], env=environment(tmp_path), cwd=tmp_path,
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    *steps, told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert [one["step"] for one in steps] == [one.name for one in STEPS]
    assert all(one["ok"] for one in steps)
    assert (told["ok"], told["regions"], told["failed"]) == (True, 3, [])
    refused = next(one for one in steps if one["step"] == "refused")
    assert refused["after_seconds"] <= 60
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())  # nothing of the regions is left, nor of their processes
    assert not left_behind(tmp_path)


@pytest.mark.parametrize("after", [3, 15])
def test_interrupted_it_leaves_nothing(tmp_path: Path, after: int) -> None:
    begun = subprocess.Popen(
        [*PROGRAM, "simulate", "--regions", "2", "--once", "--json"], env=environment(tmp_path), cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(after)
    begun.send_signal(signal.SIGINT)
    _, err = begun.communicate(timeout=120)
    assert begun.returncode == 3, err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())
    assert not left_behind(tmp_path)


@pytest.mark.parametrize("after", [3, 15])
def test_killed_outright_it_leaves_nothing_either(tmp_path: Path, after: int) -> None:
    begun = subprocess.Popen(
        [*PROGRAM, "simulate", "--regions", "2", "--once", "--json"], env=environment(tmp_path), cwd=tmp_path,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(after)
    begun.kill()
    begun.wait()
    until = time.monotonic() + 150
    while (left_behind(tmp_path) or list(tmp_path.iterdir())) and time.monotonic() < until:
        time.sleep(0.2)
    assert not left_behind(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_tutorial_as_written(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs" / "simulator.md").read_text("utf-8")
    blocks = re.findall(r"<!-- tutorial -->\n```sh\n(.*?)```", text, re.DOTALL)
    command = tmp_path / "bin" / "licence-trust"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from api.cli import main; main()" "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)], cwd=tmp_path, capture_output=True, text=True,
        env={**environment(tmp_path), "PATH": path}, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr)
    said = done.stdout
    assert re.findall(r"TOTAL-PASSED|TOTAL-FAILED|LICENCE_LOST|FOUND", said) == [
        "TOTAL-PASSED",
        "FOUND",
        "LICENCE_LOST",
    ]
    assert not left_behind(tmp_path)
