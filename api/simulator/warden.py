"""清场: takes away the simulation's temporary folder when the simulator cannot do it itself any more.

``python -m api.simulator.warden FOLDER`` waits for the end of its standard input, as nodes do, then for the nodes to be
gone, and removes what is left.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Final

from api.simulator.node import wait_for_end_of_input

_PATIENCE: Final = 15.0


def main() -> None:
    place = Path(sys.argv[1])
    wait_for_end_of_input()
    until = time.monotonic() + _PATIENCE
    while place.exists() and time.monotonic() < until:  # nodes may write until they have ended
        shutil.rmtree(place, ignore_errors=True)
        time.sleep(0.5)


if __name__ == "__main__":
    main()
