"""受限子进程: a program that reads a stranger's file runs in a process of its own, with little time and memory.

A decoder that is fooled by a file then harms nobody: it sees the file on its standard input, has no network proxy,
no settings and no secrets in its environment, and is gone after some seconds.

    picture = run(["tesseract", "stdin", "stdout"], data)
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SECONDS = 30
MEMORY_MIB = 1536
LARGEST_ANSWER = 64 << 20
_JAIL = str(Path(__file__).with_name("jail.py"))
_KEPT = ("PATH", "TESSDATA_PREFIX", "LD_LIBRARY_PATH", "TMPDIR")


class ConfinedFailure(Exception):
    """The program did not answer: it broke, ran out of time or memory, or is not there."""


def run(command: Sequence[str], data: bytes, *, seconds: int = SECONDS, memory_mib: int = MEMORY_MIB) -> bytes:
    """Standard output of ``command`` fed with ``data``; raises ``ConfinedFailure``."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {"LC_ALL": "C.UTF-8", "OMP_THREAD_LIMIT": "1", "PYTHONUTF8": "1"}
    jailed = [sys.executable, "-I", _JAIL, str(seconds), str(memory_mib), *command]
    try:
        done = subprocess.run(
            jailed, input=data, capture_output=True, timeout=2 * seconds, env=environment, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfinedFailure(type(error).__name__) from error
    if done.returncode != 0 or len(done.stdout) > LARGEST_ANSWER:
        raise ConfinedFailure(f"status {done.returncode}")
    return done.stdout


def run_python(script: Path, arguments: Sequence[str], data: bytes) -> bytes:
    """As ``run``, for a script of ours that imports nothing of ours."""
    return run([sys.executable, "-I", str(script), *arguments], data)
