"""The wheel holds everything the product needs, and alone runs every command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("trust", "keys", "seal", "verify", "licence_store", "api")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources, so that nothing is left in the checkout."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(REPOSITORY / name, source)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--wheel-dir", out, source],
        capture_output=True, text=True, check=False, timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return next(out.glob("licence_trust-*.whl"))


def test_every_source_and_data_file_is_in_the_wheel(wheel: Path) -> None:
    """Fonts, types, templates, static files, catalogues, migrations: whatever lies in a package."""
    there = {
        str(path.relative_to(REPOSITORY))
        for name in PACKAGES for path in (REPOSITORY / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = archive.read(next(n for n in archive.namelist() if n.endswith("/METADATA"))).decode()
    assert there - packed == set()
    assert {name.partition("/")[0] for name in packed} == set(PACKAGES)
    for kind in (".ttf", ".json", ".html", ".css", ".po"):
        assert any(name.endswith(kind) for name in packed), f"no {kind} in the wheel"
    assert "License" in metadata
    assert "docvortex" not in metadata.split("Provides-Extra")[0]


@pytest.mark.long
def test_the_wheel_alone_runs_the_commands(wheel: Path, tmp_path: Path) -> None:
    """A fresh environment, far from the checkout: init, types, issue, verify, trust export, demo."""
    home = tmp_path / "environment"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-qq", wheel], check=True, timeout=600, capture_output=True)

    def console(*arguments: object, expect: int = 0) -> str:
        done = subprocess.run(
            [home / "bin" / "licence-trust", *map(str, arguments)], cwd=tmp_path, check=False, timeout=300,
            capture_output=True, text=True, stdin=subprocess.DEVNULL, env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        )
        assert done.returncode == expect, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    console("init")
    [first, *_] = json.loads(console("types", "list", "--json"))
    code = first["code"]
    (tmp_path / "records.jsonl").write_text(console("types", "example", code, "--count", 3, "--seed", 1))
    lines = [json.loads(s) for s in console("issue", "--type", code, "--input", "records.jsonl", "--out", "out").splitlines()]
    assert len(lines) == 3
    for line in lines:
        console("verify", line["files"]["ofd"])
    console("trust", "export", "--out", "bundle.json")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    answer = json.loads(
        console("verify", lines[0]["files"]["ofd"], "--trust", "bundle.json", "--dir", elsewhere / "no-region", "--json")
    )
    assert answer["indication"] == "TOTAL-PASSED"
    console("demo", "--dir", tmp_path / "demo")
