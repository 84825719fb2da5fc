"""命令台: a process that runs commands of the console one after another, so that the program is read once and not for
each of them. ``Consoles`` keeps a few; ``python -m api.simulator.console`` is one.

Asked and answered in JSON lines: ``{"environment", "words"}`` → ``{"status", "out", "err"}``.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

import api
from trust.errors import Unavailable

PREFIX: Final = "LICENCE_TRUST_"
PATH: Final = str(Path(api.__file__).parents[1])


def plain_environment() -> dict[str, str]:
    """The caller's environment without its own settings of ours, so that none reaches the simulated regions."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, [PATH, kept.get("PYTHONPATH", "")]))}


class Consoles:
    """A few consoles, lent to one thread at a time; started when first needed."""

    def __init__(self, count: int) -> None:
        self._free: SimpleQueue[subprocess.Popen[str] | None] = SimpleQueue()
        self._all: list[subprocess.Popen[str]] = []
        for _ in range(count):
            self._free.put(None)

    def run(self, environment: Mapping[str, str], words: tuple[str, ...]) -> tuple[int, str, str]:
        """Exit status, standard output, standard error. Raises ``Unavailable("simulator.console")``."""
        console = self._free.get()
        try:
            console = console or self._start()
            assert console.stdin is not None
            assert console.stdout is not None
            console.stdin.write(json.dumps({"environment": dict(environment), "words": words}) + "\n")
            console.stdin.flush()
            answer = json.loads(console.stdout.readline())
        except (OSError, ValueError) as error:
            raise Unavailable("simulator.console", "模拟器的命令进程已中止。") from error
        finally:
            self._free.put(console)
        return int(answer["status"]), str(answer["out"]), str(answer["err"])

    def _start(self) -> subprocess.Popen[str]:
        started = subprocess.Popen(
            [sys.executable, "-m", "api.simulator.console"], env=plain_environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self._all.append(started)
        return started

    def stop(self) -> None:
        for one in self._all:
            one.kill()
            one.wait()
            for stream in (one.stdin, one.stdout):
                if stream is not None:
                    stream.close()


def _run(asked: Mapping[str, Any]) -> dict[str, object]:
    from api.cli import run

    for name in [one for one in os.environ if one.startswith(PREFIX)]:
        del os.environ[name]
    os.environ.update(asked["environment"])
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = run(asked["words"])
    return {"status": status, "out": out.getvalue(), "err": err.getvalue()}


def main() -> None:
    """Serve until standard input ends: when the simulator ends, however it ends."""
    answers = sys.stdout
    for line in sys.stdin:
        answers.write(json.dumps(_run(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
