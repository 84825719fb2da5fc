"""联盟: N regions and a hub, set up by the commands of ``docs/regions.md``, and running."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from api.simulator.asking import send
from api.simulator.console import Consoles, plain_environment
from api.simulator.processes import Node
from api.simulator.relay import Log, Relay
from trust.errors import Malformed

HUB: Final = ("100000", "枢纽")
MOST: Final = 34
_PROVINCES: Final = (
    *range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82
)  # fmt: skip
_DIVISIONS: Final = tuple(f"{number}0000" for number in _PROVINCES)
_NAMES: Final = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥天地玄黄宇宙洪荒日月盈昃"
KEEPERS: Final = 3
TYPE: Final = "business-licence"
DEPARTMENT: Final = "market"
ITEM: Final = "企业开办一件事"
BASIS: Final = "《电子商务法》第十条"
_AT_ONCE: Final = max(2, min(4, os.cpu_count() or 2))


@dataclass
class Federation:
    """模拟的联盟. ``place`` is kept or not by whoever gave it."""

    place: Path
    hub: Node
    nodes: list[Node]
    consoles: Consoles = field(repr=False)
    log: Log = field(default_factory=Log)
    digest: str = ""
    """Of the first trust list."""
    number: int = 0

    @property
    def everybody(self) -> list[Node]:
        return [self.hub, *self.nodes]

    def node(self, code: str) -> Node:
        """Raises ``Malformed("simulator.region")``."""
        for one in self.everybody:
            if one.code == code:
                return one
        raise Malformed("simulator.region", "模拟中没有地区“{region}”。", region=code[:20])

    # Set-up

    def make(self, tell: Callable[[str], None]) -> None:
        """Regions, keepers, entries, the list signed and published, every node joined and serving."""
        for one in self.everybody:
            one.relay.start()
        for one in self.nodes:
            one.hub_url = self.hub.relay.url
        for one in self.everybody:
            one.write_settings()
        tell("init")
        _each(lambda one: one.command("init", "--region", one.code, "--name", one.name), self.everybody)
        keepers = self.nodes[:KEEPERS]
        tell("trust_list")
        _each(lambda one: self._apply(one, one in keepers), self.nodes)
        draft = str(self.place / "list.json")
        given = [word for one in keepers for word in ("--keeper", str(self._file(one, "keeper.pem")))]
        given += [word for one in self.nodes for word in ("--region", str(self._file(one, "entry.json")))]
        threshold = str(min(2, len(keepers)))
        self.hub.command("region", "init-list", "--name", "模拟联盟", "--threshold", threshold, *given, "--out", draft)
        self.publish(draft)
        tell("serve")
        _each(lambda one: one.start(), self.everybody)
        tell("join")
        _each(self._join, self.nodes)  # asks the peers too, so they must be there
        for one in self.everybody:
            self.wait_for_list(one)

    def publish(self, draft: str) -> None:
        """Two keepers sign, the hub publishes."""
        for one in self.nodes[: min(2, len(self.nodes))]:
            one.command("region", "sign", draft, "--key", f"keeper-{one.code}")
        [told] = self.hub.command("region", "publish", draft)
        self.digest, self.number = self.digest or str(told["digest"]), int(told["number"])

    def wait_for_list(self, node: Node, patience: float = 20.0) -> bool:
        """Until the running node holds the newest list; it looks every two seconds."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            _, said = send(f"http://127.0.0.1:{node.relay.upstream}/api/v1/region")
            if said.get("number") == self.number:
                return True
            time.sleep(0.2)
        return False

    def _apply(self, node: Node, keeper: bool) -> None:
        if keeper:
            node.command("region", "keeper", node.code, "--out", str(self._file(node, "keeper.pem")))
        node.command("region", "entry", "--out", str(self._file(node, "entry.json")))

    def _join(self, node: Node) -> None:
        node.command("region", "join", "--hub", self.hub.relay.url, "--pin", self.digest)

    def _file(self, node: Node, name: str) -> Path:
        return self.place / f"{node.code}-{name}"

    def stop(self) -> None:
        """Every process ended, every port given back."""
        _each(lambda one: one.stop(), self.everybody)
        for one in self.everybody:
            one.relay.stop()
        self.consoles.stop()

    # What goes wrong

    def split(self, codes: Iterable[str]) -> None:
        """网络分割: those named on one side, all others (the hub too) on the other; nobody named heals it."""
        apart = frozenset(codes)
        for one in self.everybody:
            mine = one.code in apart
            one.relay.side = lambda source, mine=mine: (source in apart) is mine  # type: ignore[misc]
            (one.relay.faults.add if apart else one.relay.faults.discard)("split")

    def heal(self) -> None:
        """Every way as it should be, every clock the machine's."""
        for one in self.everybody:
            one.relay.faults.clear()
            one.clock.move(0)

    def roll(self, node: Node) -> int:
        """换钥: the region gets a new key to sign requests and answers with; the keepers list it. The list's number."""
        node.command("keys", "rotate", "publisher", "--reason", "模拟换钥")
        entry, draft = str(self._file(node, "entry.json")), str(self.place / "next.json")
        node.command("region", "entry", "--out", entry)
        self.hub.command("region", "propose", "--region", entry, "--out", draft)
        self.publish(draft)
        return self.number


def plan(count: int, place: Path) -> Federation:
    """Who takes part. Raises ``Malformed("simulator.regions")``."""
    if not 2 <= count <= MOST:
        raise Malformed("simulator.regions", "地区数应为 2 至 {most}。", most=MOST)
    log, consoles = Log(), Consoles(_AT_ONCE)

    def node(code: str, name: str, hub: bool = False) -> Node:
        return Node(code, name, place / code, Relay(code, log), consoles, hub)

    regions = [node(code, f"{name}省（模拟）") for code, name in zip(_DIVISIONS[:count], _NAMES[:count], strict=True)]
    return Federation(place, node(HUB[0], f"{HUB[1]}（模拟）", hub=True), regions, consoles, log)


class Room:
    """A folder for the regions: a new one that goes away afterwards, or one that the caller named and keeps."""

    def __init__(self, named: Path | None) -> None:
        self._named = named
        self.place = Path()
        self._warden: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Path:
        if self._named is None:
            self.place = Path(tempfile.mkdtemp(prefix="licence-trust-simulation-"))
            self._warden = subprocess.Popen(
                [sys.executable, "-m", "api.simulator.warden", str(self.place)], env=plain_environment(),
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            return self.place
        self.place = self._named.resolve()
        try:
            self.place.mkdir(parents=True, exist_ok=True)
            empty = not any(self.place.iterdir())
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise Malformed(
                "simulator.place", "文件夹 {place} 不能用：{why}", place=str(self._named), why=why
            ) from error
        if not empty:
            raise Malformed("simulator.folder", "文件夹 {place} 不是空的。", place=str(self._named))
        return self.place

    def __exit__(self, *_: object) -> None:
        if self._named is None:
            shutil.rmtree(self.place, ignore_errors=True)
        if self._warden is not None:
            self._warden.communicate()  # closes its input


def _each(act: Callable[[Node], Any], nodes: Iterable[Node]) -> None:
    """At the same time for several; what went wrong with the first is raised when all have ended."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in [pool.submit(act, one) for one in nodes]:
            done.result()
