"""Nodes and what they work on go when the simulator goes, also by kill -9: their standard input has ended then."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from api.simulator.console import plain_environment


def begun(*words: str, place: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *words], env=plain_environment(), cwd=place, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_a_node_ends_with_its_input(region_folder: Path, tmp_path: Path) -> None:
    serve = ("serve", "--port", "0", "--dir", str(region_folder))
    with begun("api.simulator.node", *serve, place=tmp_path) as node:
        assert node.stderr is not None
        said = ""
        while "http://127.0.0.1:" not in said and node.poll() is None:  # it serves, and its input is open
            said += node.stderr.readline()
        _, more = node.communicate(timeout=60)
    assert node.returncode in (0, -signal.SIGTERM), said + more  # ended in order
    assert "Traceback" not in said + more


def test_the_folder_goes_too(tmp_path: Path) -> None:
    place = tmp_path / "left"
    (place / "region").mkdir(parents=True)
    with begun("api.simulator.warden", str(place), place=tmp_path) as warden:
        assert place.exists()
        _, err = warden.communicate(timeout=60)
    assert (warden.returncode, err, place.exists()) == (0, "", False)
