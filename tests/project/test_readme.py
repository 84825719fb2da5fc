"""What the README promises runs as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def block(name: str, document: str = "README.md") -> str:
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    match = re.search(rf"<!-- tour:{name} -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert match, f"{document} has no tour:{name}"
    return match[1]


def without_comments(script: str) -> list[str]:
    """One command a line."""
    return [re.sub(r"\s{2,}# .*$", "", line) for line in script.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ``licence-trust`` command of this checkout on its path."""
    folder = tmp_path_factory.mktemp("tour")
    command = folder / "bin" / "licence-trust"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from api.cli import main; main()" "$@"\n')
    command.chmod(0o755)
    return folder


def environment(place: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY)}


def shell(script: str, place: Path, timeout: float = 300) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=place, env=environment(place), capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=timeout, check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def toured(place: Path) -> str:
    """The console tour, run from top to bottom."""
    return shell("set -x; " + "\n".join(without_comments(block("console"))), place)


@pytest.fixture(scope="module")
def server(toured: str, place: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["licence-trust", "serve", "--port", str(port)], cwd=place, env=environment(place),
        executable=place / "bin" / "licence-trust", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{address}/livez", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_the_console_tour(toured: str) -> None:
    assert "TOTAL-PASSED" in toured


def test_issuing_again_issues_nothing_new(toured: str, place: Path) -> None:
    before = sorted(path.name for path in (place / "out").iterdir())
    shell("licence-trust issue --type business-licence --input records.jsonl --out out", place)
    assert sorted(path.name for path in (place / "out").iterdir()) == before


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
def test_the_http_tour(server: str, place: Path) -> None:
    script = "\n".join(without_comments(block("http"))).replace("http://localhost:8000", server)
    said = shell(f"FILE=$(ls out/*.ofd | head -n 1)\n{script}", place)
    assert "TOTAL-PASSED" in said


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
def test_issuing_over_http_as_the_manual_shows(server: str, place: Path) -> None:
    script = block("issue", "docs/http.md").replace("http://localhost:8000", server)
    assert "TOTAL-PASSED" in shell(script, place)
    assert (place / "licence.png").read_bytes().startswith(b"\x89PNG")


def test_links_lead_somewhere() -> None:
    """In the README and every document beside it."""
    for document in [REPOSITORY / "README.md", *REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.relative_to(REPOSITORY)} links to {target}"
