"""清场: takes away the simulation's temporary folder when the simulator cannot do it itself any more.

``python -m api.simulator.warden FOLDER`` waits for the end of its standard input, as nodes do, and removes what is left
until nothing comes back.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Final

from api.simulator.node import wait_for_end_of_input

_PATIENCE: Final = 120.0
_QUIET: Final = 5.0
"""As long as this nothing may come back: a command that was cut off mid-way still writes for a moment."""


def main() -> None:
    place = Path(sys.argv[1])
    wait_for_end_of_input()
    begun = seen = time.monotonic()
    there = place.exists()  # otherwise the simulator ended in its own time and took everything away
    while there and time.monotonic() < min(seen + _QUIET, begun + _PATIENCE):
        if place.exists():
            shutil.rmtree(place, ignore_errors=True)
            seen = time.monotonic()
        time.sleep(0.2)


if __name__ == "__main__":
    main()
