"""舞台: what somebody at the page sees and does; one thing at a time, in the background, where it takes long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from api.simulator.asking import send, verify
from api.simulator.federation import Federation
from api.simulator.journey import SEED, STEPS, Journey, Result
from api.simulator.processes import Node
from api.simulator.relay import FAULTS
from trust.errors import Conflict, LicenceTrustError, Malformed
from trust.i18n import N_

FAULT_NAMES: Final = {
    "silent": N_("不应答"),
    "slow": N_("应答缓慢"),
    "broken": N_("应答出错（500）"),
    "stale_list": N_("重放旧的信任列表"),
    "late_status": N_("重放旧的状态列表"),
    "split": N_("网络分割"),
}
assert set(FAULT_NAMES) == set(FAULTS)
_GLANCE: Final = 1.5
"""Seconds to wait for a node's word about itself."""
FURTHEST: Final = 366 * 24 * 60


@dataclass(frozen=True, slots=True)
class Standing:
    """A node as it is now."""

    node: Node
    number: int
    age: int
    """Seconds since its trust list was issued, by its own clock; -1: it does not say."""
    fresh: bool


@dataclass
class Stage:
    """舞台."""

    federation: Federation
    results: list[Result] = field(default_factory=list)
    pair: tuple[Node, Node] | None = None
    verdicts: list[tuple[Node, str, str, float]] = field(default_factory=list)
    """What each node says of the last licence: indication, why, seconds."""
    said: list[tuple[datetime, str]] = field(default_factory=list)
    """What was done at the page, newest first."""
    busy: str = ""
    _journeys: int = 0
    _last: Journey | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def standings(self) -> list[Standing]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(_standing, self.federation.everybody))

    @property
    def has_licence(self) -> bool:
        return self._last is not None and bool(self._last.document)

    # What somebody does

    def journey(self, first: str, second: str) -> None:
        """Raises ``Malformed("simulator.pair")``, ``Conflict("simulator.busy")``."""
        a, b = self.federation.node(first), self.federation.node(second)
        if a is b or a.hub or b.hub:
            raise Malformed("simulator.pair", "请选择两个不同的地区。")
        self._begin("journey", lambda: self._run(a, b))

    def probe(self) -> None:
        """Every node judges the last licence now."""
        self._begin("probe", self._ask_everywhere)

    def roll(self, code: str) -> None:
        node = self.federation.node(code)
        self._begin("roll", lambda: self._roll(node))

    def fault(self, code: str, fault: str, on: bool) -> None:
        """Raises ``Malformed("simulator.fault")``."""
        node = self.federation.node(code)
        if fault not in FAULTS:
            raise Malformed("simulator.fault", "没有这种故障。")
        if fault == "split":
            self.federation.split([code] if on else [])
        elif on:
            node.relay.faults.add(fault)
        else:
            node.relay.faults.discard(fault)
        self._note(f"{node.code} {fault} {'+' if on else '-'}")

    def move(self, code: str, minutes: float) -> None:
        """The clock of one node, or with ``*`` of all."""
        if not abs(minutes) <= FURTHEST:
            raise Malformed("simulator.clock", "时钟最多拨动 366 天。")
        for node in self.federation.everybody if code == "*" else [self.federation.node(code)]:
            node.clock.move(minutes * 60)
        self._note(f"{code} {minutes:+g} min")

    def heal(self) -> None:
        self.federation.heal()
        self._note("heal")

    # In the background

    def _begin(self, name: str, act: Callable[[], object]) -> None:
        with self._lock:
            if self.busy:
                raise Conflict("simulator.busy", "上一件事还没有办完，请稍候。")
            self.busy = name
        threading.Thread(target=self._do, args=(act,), daemon=True).start()

    def _do(self, act: Callable[[], object]) -> None:
        try:
            act()
        except LicenceTrustError as error:
            self._note(f"{error.code}: {error.message}")
        finally:
            self.busy = ""

    def _run(self, a: Node, b: Node) -> None:
        self.results, self.pair, self.verdicts = [], (a, b), []
        self._last = Journey(self.federation, a, b, seed=SEED + self._journeys)
        self._journeys += 1
        self._note(f"{a.code} → {b.code}")
        for one in self._last.run():
            self.results = [*self.results, one]

    def _ask_everywhere(self) -> None:
        last = self._last
        if last is None or not last.document:
            return
        with ThreadPoolExecutor(8) as pool:
            self.verdicts = list(pool.map(lambda node: _verdict(node, last.document), self.federation.nodes))
        self._note("verify")

    def _roll(self, node: Node) -> None:
        number = self.federation.roll(node)
        self._note(f"{node.code} → {number}")

    def _note(self, text: str) -> None:
        self.said = [(datetime.now(UTC), text[:300]), *self.said[:19]]

    @property
    def steps(self) -> list[tuple[str, Result | None]]:
        """Titles of all steps and, so far, what came of them."""
        done: dict[str, Result] = {one.name: one for one in self.results}
        return [(one.title, done.get(one.name)) for one in STEPS]


def _standing(node: Node) -> Standing:
    said: dict[str, Any] = {}
    try:
        said = send(f"http://127.0.0.1:{node.relay.upstream}/api/v1/region", patience=_GLANCE)[1]
    except LicenceTrustError:
        pass
    return Standing(node, int(said.get("number", 0)), int(said.get("age_seconds", -1)), bool(said.get("fresh")))


def _verdict(node: Node, document: bytes) -> tuple[Node, str, str, float]:
    began = datetime.now(UTC)
    try:
        # at the node's own window: what is wrong on the way to others is between it and them
        report = verify(node, document, direct=True)
        said = str(report.get("indication", "-")), str(report.get("sub_indication") or "")
    except LicenceTrustError as error:
        said = "-", error.code
    return node, *said, (datetime.now(UTC) - began).total_seconds()
