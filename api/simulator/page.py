"""模拟页面: what happens between the regions."""

from __future__ import annotations

import threading
from collections.abc import Callable

from api.simulator.federation import Federation


def serve(federation: Federation, port: int, ready: Callable[[str], None]) -> None:
    """Until interrupted."""
    ready(", ".join(f"{one.code} {one.relay.url}" for one in federation.everybody))
    threading.Event().wait()
