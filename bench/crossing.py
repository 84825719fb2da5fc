"""Licences of other regions, verified at one node over HTTP, with 2, 8 and 32 regions: how fast, and how it grows.

Every region is a node process of its own on this machine, and issues one licence; the node that is measured verifies
those of all others in turn, so it asks each region for its status list again every ten seconds. Two askers at a time.
"""

from __future__ import annotations

import itertools
import json
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from api.simulator.asking import verify
from api.simulator.federation import TYPE, Federation, plan
from api.simulator.processes import Node
from bench.measure import Figure

if TYPE_CHECKING:
    from bench.__main__ import Effort

REGIONS = (2, 8, 32)
NAMES = tuple(f"crossing_{what}_{count}" for count in REGIONS for what in ("verify", "p50", "p99", "list"))
_ASKERS = 2
_LONG = 20.0
"""Seconds of measuring, for an ``effort`` of one second a round; longer than a status list is kept."""


def run(effort: Effort, folder: Path) -> Iterator[Figure]:
    for count in REGIONS if effort.seconds >= 1 else REGIONS[:1]:
        place = folder / f"crossing-{count}"
        place.mkdir()
        federation = plan(count, place)
        try:
            federation.make(lambda _stage: None)
            yield from _measured(federation, effort.seconds * _LONG)
        finally:
            federation.stop()


def _measured(federation: Federation, seconds: float) -> Iterator[Figure]:
    asked, *others = federation.nodes
    documents = [_mint(one) for one in others]
    for document in documents:  # caches warm, and all must pass
        report = verify(asked, document, direct=True)
        if report["indication"] != "TOTAL-PASSED":
            raise RuntimeError(f"a foreign licence does not pass: {report['sub_indication']}")
    times, spent = _ask(asked, documents, seconds)
    count = len(federation.nodes)
    yield Figure(f"crossing_verify_{count}", len(times) / spent, "verifications/s")
    yield Figure(f"crossing_p50_{count}", statistics.median(times) * 1000, "ms")
    yield Figure(f"crossing_p99_{count}", statistics.quantiles(times, n=100)[98] * 1000, "ms")
    yield Figure(f"crossing_list_{count}", (federation.place / "list.json").stat().st_size / 1024, "KiB")


def _mint(node: Node) -> bytes:
    """One licence of this region."""
    record, out = node.place.with_name(f"{node.code}.jsonl"), node.place.with_name(f"{node.code}-out")
    made = node.command("types", "example", TYPE, "--count", "1", "--seed", node.code)
    record.write_text(json.dumps(made[0], ensure_ascii=False) + "\n", "utf-8")
    node.command("issue", "--type", TYPE, "--input", str(record), "--out", str(out))
    return next(out.glob("*.ofd")).read_bytes()


def _ask(node: Node, documents: list[bytes], seconds: float) -> tuple[list[float], float]:
    """Seconds of each verification, and of all."""
    turn, lock = itertools.cycle(documents), threading.Lock()
    times: list[float] = []
    wrong: list[str] = []
    began = time.perf_counter()

    def work() -> None:
        while time.perf_counter() - began < seconds:
            with lock:
                document = next(turn)
            start = time.perf_counter()
            if verify(node, document, direct=True)["indication"] != "TOTAL-PASSED":
                wrong.append("a foreign licence does not pass any more")
                return
            taken = time.perf_counter() - start
            with lock:
                times.append(taken)

    askers = [threading.Thread(target=work) for _ in range(_ASKERS)]
    for one in askers:
        one.start()
    for one in askers:
        one.join()
    if wrong:
        raise RuntimeError(wrong[0])
    return times, time.perf_counter() - began
