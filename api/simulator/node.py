"""节点进程: a command of the console, such as ``serve``, that ends when the simulator does, however that ends.

    python -m api.simulator.node serve --port 0

Standard input is a pipe whose other end only the simulator holds: when that closes, the simulator is gone, by
``kill -9`` or otherwise. (Linux's parent-death signal would not do: it comes when the starting *thread* ends.)
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Final

_GRACE: Final = 20.0
"""Seconds to end in order."""


def main() -> None:
    """The command, watched."""
    from api.cli import main as console

    threading.Thread(target=_end_with_input, daemon=True).start()
    console()


def wait_for_end_of_input() -> None:
    """Not by ``sys.stdin``: its lock, held by a daemon thread, would break the interpreter's end."""
    while os.read(0, 4096):
        pass


def _end_with_input() -> None:
    wait_for_end_of_input()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(1)


if __name__ == "__main__":
    main()
