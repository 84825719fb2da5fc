"""The ``openssl`` command line: the stranger that reads what keys/ writes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

OPENSSL = shutil.which("openssl")
DISTID = "distid:1234567812345678"
"""How the command line is told the default SM2 user ID."""

needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="the openssl command line is not installed")


def openssl(*arguments: str | Path, data: bytes = b"", expect: int | None = 0) -> bytes:
    """Run it; what it prints on both outputs. ``expect`` is its exit status, ``None`` for any."""
    command = [str(OPENSSL), *(str(a) for a in arguments)]
    done = subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)
    assert expect is None or done.returncode == expect, done.stderr.decode(errors="replace")
    return done.stdout + done.stderr


def read(*arguments: str | Path, expect: int | None = 0) -> str:
    """The same as text."""
    return openssl(*arguments, expect=expect).decode(errors="replace")
