"""Two regions and their list in memory: A issues, B asks; in between a line on which things go wrong."""

from __future__ import annotations

import asyncio
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI

from api.app import create_app
from api.settings import load_settings
from api.wiring import Services, build
from licence_store.crossing.breaker import Breaker
from licence_store.desk import Desk, now
from licence_store.holding.holder import Holder, HolderSession
from licence_store.region import Region
from licence_store.regions.own import OwnEntry
from licence_store.regions.publications import Publications
from tests.authority import DAY
from tests.federation import Federation
from trust.errors import Unavailable
from trust.fetching import Exchange
from trust.journal import SYSTEM, Actor
from trust.sharing_answer import SharedAnswer, read_answer
from trust.trust_list import TrustList

A, B = "990000", "120000"
TYPE = "business-licence"
OWNER = "market"
CLERK = Actor("li", OWNER, "192.0.2.9", "page")
PURPOSE = {
    "service_item": "食品经营许可新办",
    "material": "营业执照",
    "case_number": "办件-2026-7",
    "basis": "条例第三条",
}
URLS = {A: "https://a.example.test", B: "http://b.example.test"}

Fault = Callable[[Exchange, Callable[[Exchange], bytes]], bytes]


class HandClock:
    """The machine's time, and what is put to it."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Line:
    """Stands in for the network between the nodes; ``fault`` is what is wrong with it."""

    nodes: dict[str, FastAPI] = field(default_factory=dict)
    fault: Fault | None = None
    asked: list[str] = field(default_factory=list)

    def fetch(self, exchange: Exchange) -> bytes:
        self.asked.append(exchange.url)
        return self.fault(exchange, self.deliver) if self.fault else self.deliver(exchange)

    def deliver(self, exchange: Exchange) -> bytes:
        parts = urlsplit(exchange.url)
        base = f"{parts.scheme}://{parts.netloc}"
        headers = {"Accept": exchange.accept, **dict(exchange.headers)}
        if exchange.body is not None:
            headers["Content-Type"] = exchange.content_type
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        answer = asyncio.run(send(self.nodes[base], base, path, exchange.body, headers))
        if answer.status_code not in exchange.statuses:
            raise Unavailable("fetch.status", "信息源 {url} 返回状态 {status}。", url=exchange.url, status=0)
        return answer.content


async def send(app: FastAPI, base: str, path: str, body: bytes | None, headers: dict[str, str]) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        return await client.request("GET" if body is None else "POST", path, content=body, headers=headers)


@dataclass
class Node:
    services: Services
    clock: HandClock

    @property
    def desk(self) -> Desk:
        return self.services.desk

    def issue(self, seed: int) -> tuple[str, dict[str, str], bytes]:
        """``(licence id, record, file)``."""
        record = dict(next(iter(self.desk.catalogue.get(TYPE).example_records(1, seed))))
        issued = self.services.issue(TYPE, record, SYSTEM, f"r-{seed}")
        return issued.licence_id, record, self.desk.files.get(issued.file_digest)


@contextmanager
def node(place: Path, code: str) -> Iterator[Node]:
    clock = HandClock()
    given = load_settings({}, dir=place, base_url=URLS[code], public_rate=0, online_revocation="false")
    with build(given) as plain:
        yield Node(Services(given, replace(plain.desk, clock=clock)), clock)


@dataclass
class World:
    """A issues, B asks."""

    place: Path
    a: Node
    b: Node
    line: Line
    federation: Federation
    list: TrustList
    licences: dict[str, tuple[str, dict[str, str], bytes]] = field(default_factory=dict)
    also: Callable[[], object] = lambda: None
    """What else is asked before a fault that needs answers of before."""

    def connect(self) -> None:
        """B as if just started: nothing in memory of what peers said."""
        desk = self.b.desk
        for name in ("publications", "guide", "sharing", "peers", "trust_lists"):
            desk.__dict__.pop(name, None)
        desk.__dict__["publications"] = Publications(desk.sessions, desk.peers, self.line, self.b.clock)
        asker = replace(desk.guide.asker, fetcher=self.line, pause=lambda seconds: None, breaker=Breaker())
        desk.guide.asker = asker

    def accept(self, made: TrustList, **options: Any) -> None:
        for one in (self.a, self.b):
            one.desk.trust_lists.accept(made.data, SYSTEM, source="file", **options)

    def ask(self, operation: str, **parameters: Any) -> SharedAnswer:
        return read_answer(self.b.services.sharing.look_up(CLERK, "李", operation, parameters, PURPOSE))

    def forward(self, **length: float) -> None:
        for one in (self.a, self.b):
            one.clock.ahead += timedelta(**length)


def holder_of(found: Node, licence_id: str) -> HolderSession:
    """Whoever holds the licence, having proved who they are just now."""
    message, now = found.desk.register.find(licence_id).message.metadata, found.clock()
    holder = Holder(message["holder_code"], message["holder_code_type"], message["holder_name"])
    return HolderSession("", holder, holder, assurance=3, proved=now, fresh_until=now + timedelta(days=365))


def make_regions(folder: Path) -> Path:
    Region.create(folder / "A", A, "演示省", clock=now)
    Region.create(folder / "B", B, "乙省", clock=now)
    return folder


@contextmanager
def world(made: Path, place: Path, **changes: Any) -> Iterator[World]:
    """Of its own folders, with a list both believe; ``changes`` of the list."""
    shutil.copytree(made, place)
    with node(place / "A", A) as a, node(place / "B", B) as b:
        federation = Federation()
        start = now().replace(microsecond=0) - timedelta(hours=1)
        entries = tuple(OwnEntry(one.desk).entry(SYSTEM) for one in (b, a))
        federation.regions = entries
        first = federation.first(**{"issued_at": start, "next_update": start + 30 * DAY, **changes})
        found = World(place, a, b, Line({URLS[A]: create_app(a.services)}), federation, first)
        found.accept(first, pin=first.digest)
        found.connect()
        a.desk.sharing.access.set_tier(TYPE, OWNER, "open", "互认", SYSTEM)
        yield found


def b64(data: bytes) -> str:
    return b64encode(data).decode()
