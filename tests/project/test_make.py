"""``make`` explains itself, and the scripts answer a poor machine in a sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def shell(*command: str, env: dict[str, str] | None = None, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="make is missing")
def test_help_lists_every_target() -> None:
    done = shell("make", "help")
    assert done.returncode == 0
    for target in ("run", "test", "test-long", "bench", "lint", "help"):
        assert f"make {target} " in done.stdout


def test_no_python_is_said_in_a_sentence(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    done = shell(bash, str(REPOSITORY / "tools" / "environment.sh"), str(tmp_path / "venv"), "", env={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert "Python 3.11" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_without_venv_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Debian's python3 without python3-venv, played by a wrapper that refuses ensurepip."""
    bash, real = shutil.which("bash"), shutil.which("python3")
    assert bash is not None
    fake = tmp_path / "python3"
    fake.write_text(f'#!{bash}\ncase "$*" in *ensurepip*) exit 1;; esac\nexec {real} "$@"\n')
    fake.chmod(0o755)
    done = shell(
        bash, str(REPOSITORY / "tools" / "environment.sh"), str(tmp_path / "venv"), "",
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert done.returncode == 1
    assert "python3-venv" in done.stderr


@pytest.mark.parametrize("script", ["tools/environment.sh", "tools/test.sh", ".ci/run"])
def test_scripts_are_executable_and_parse(script: str) -> None:
    assert os.access(REPOSITORY / script, os.X_OK)
    assert shell("bash", "-n", script).returncode == 0
    assert "set -euo pipefail" in (REPOSITORY / script).read_text()
