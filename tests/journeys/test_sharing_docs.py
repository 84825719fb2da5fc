"""The first signed answer, as docs/sharing.md has it, line by line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.conftest import serving

REPOSITORY = Path(__file__).parents[2]


def block(name: str) -> str:
    text = (REPOSITORY / "docs" / "sharing.md").read_text("utf-8")
    match = re.search(rf"<!-- tour:{name} -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert match, name
    return match[1]


def shell(script: str, place: Path) -> str:
    environment = {
        **os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "LICENCE_TRUST_DIR": "./var",
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'examples' / 'sharing'}",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=place, env=environment, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="needs curl and openssl")
def test_the_first_signed_answer(tmp_path: Path, made_demo: Path) -> None:
    shutil.copytree(made_demo, tmp_path / "var")  # as `demo` leaves it, which goes on from there
    command = tmp_path / "bin" / "licence-trust"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from api.cli import main; main()" "$@"\n')
    command.chmod(0o755)
    shell(block("operator"), tmp_path)
    with serving(tmp_path / "var", public_rate=0) as live:
        here = f"export BASE={live.url}\n"
        client = block("client").replace("export BASE=http://localhost:8000\n", here).replace("python3", sys.executable)
        holder = json.loads((tmp_path / "person.jsonl").read_text("utf-8"))["name"]
        assert shell(client, tmp_path) == f"FOUND CURRENT {holder}\n"
        checked = json.loads(shell(block("offline"), tmp_path).splitlines()[-1])
        assert checked["checked"] is True
        assert checked["outcome"] == "FOUND"
        told = shell(here + block("curl"), tmp_path)
        assert " 200 OK" in told
        assert "ratelimit:" in told.lower()
        answer = json.loads(told.splitlines()[-1])
        assert answer["payload"]["outcome"] == "FALSE"
        assert answer["payload"]["result"]["holds"] == {"holder_name": "false"}
    forged = (tmp_path / "answer.json").read_text("utf-8").replace("CURRENT", "REVOKED")
    (tmp_path / "answer.json").write_text(forged, "utf-8")
    with pytest.raises(AssertionError, match="published.bad_signature"):
        shell(block("offline"), tmp_path)
