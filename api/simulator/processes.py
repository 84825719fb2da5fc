"""进程: a node as ``serve`` in a process of its own (``api.simulator.node``), and the commands that are run for it."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from api.simulated_clock import SimulatedClock
from api.simulator.console import Consoles, plain_environment
from api.simulator.relay import Relay
from trust.errors import Refused, Unavailable

_SERVE = [sys.executable, "-m", "api.simulator.node", "serve", "--port", "0"]
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
_PATIENCE = 90.0


@dataclass
class Node:
    """A region of the simulation, or the hub."""

    code: str
    name: str
    place: Path
    relay: Relay
    consoles: Consoles = field(repr=False)
    hub: bool = False
    hub_url: str = ""
    process: subprocess.Popen[bytes] | None = None
    said: list[str] = field(default_factory=list)
    """What the process last wrote to standard error."""

    @property
    def clock(self) -> SimulatedClock:
        return SimulatedClock(self.place.with_name(self.place.name + ".clock"))

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def environment(self) -> dict[str, str]:
        """The settings of this node and its commands."""
        return {
            "LICENCE_TRUST_DIR": str(self.place),
            "LICENCE_TRUST_BASE_URL": self.relay.url,
            "LICENCE_TRUST_NODE_ROLE": "hub" if self.hub else "node",
            "LICENCE_TRUST_HUB_URL": "" if self.hub else self.hub_url,
            "LICENCE_TRUST_SIMULATED_CLOCK": str(self.clock.file),
            "LICENCE_TRUST_PUBLIC_RATE": "0",
            "LICENCE_TRUST_JOB_WORKERS": "1",
            "LICENCE_TRUST_ONLINE_REVOCATION": "false",
            "LICENCE_TRUST_LANG": "zh-CN",
        }

    def write_settings(self) -> None:
        """``<code>.env`` beside the region's folder: what a shell needs to act for this region as its node does."""
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in self.environment().items()]
        self.place.with_name(self.place.name + ".env").write_text("".join(lines), "utf-8")

    def command(self, *words: str) -> list[dict[str, Any]]:
        """One command of the console for this region: its JSON lines. Raises ``Refused("simulator.command")``."""
        status, out, err = self.consoles.run(self.environment(), words)
        if status != 0:
            why = (err.strip().splitlines() or ["-"])[-1][:300]
            raise Refused(
                "simulator.command", "地区 {region} 的命令“{words}”没有成功：{why}", region=self.code,
                words=" ".join(words)[:120], why=why,
            )  # fmt: skip
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")]

    def start(self) -> None:
        """Serve, on any free port; the relay passes on to it. Raises ``Unavailable("simulator.start")``."""
        process = subprocess.Popen(
            _SERVE, env=plain_environment() | self.environment(), cwd=self.place.parent,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self.process = process
        found = threading.Event()
        assert process.stderr is not None
        threading.Thread(target=self._listen, args=(process.stderr, found), daemon=True).start()
        until = time.monotonic() + _PATIENCE
        while not (found.is_set() and self.relay.reaches()):
            found.wait(0.1)
            time.sleep(0.02)
            if process.poll() is not None or time.monotonic() > until:
                why = (self.said or ["-"])[-1][:300]
                raise Unavailable("simulator.start", "地区 {region} 的节点没有启动：{why}", region=self.code, why=why)

    def _listen(self, stream: IO[bytes], found: threading.Event) -> None:
        for line in stream:
            text = line.decode("utf-8", "replace").rstrip()
            self.said = [*self.said[-19:], text]
            address = None if found.is_set() else _ADDRESS.search(text)
            if address is not None:
                self.relay.upstream = int(address[1])
                found.set()
        stream.close()

    def stop(self, patience: float = 5.0) -> None:
        """End the process, gently first."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdin is not None
        process.stdin.close()
