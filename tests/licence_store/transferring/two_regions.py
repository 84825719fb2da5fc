"""Two regions that believe one trust list and reach each other without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.region import Region
from licence_store.regions.own import OwnEntry
from licence_store.regions.publications import Publications
from licence_store.reserving import IssuedLicence
from seal.lifecycle import Official, Role
from tests.authority import DAY
from tests.federation import Federation
from trust.errors import LicenceTrustError, Unavailable
from trust.fetching import Exchange
from trust.journal import SYSTEM, Actor
from trust.trust_list import Entitlement, Period, TrustList

TYPE = "business-licence"


class HandClock:
    """The machine's time, and what is put to it."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, **length: float) -> None:
        self.ahead += timedelta(**length)


@dataclass
class Wire:
    """Stands in for the network between nodes: an address is answered by the desk it belongs to."""

    desks: dict[str, Desk] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    deaf: set[str] = field(default_factory=set)
    """Answer, but take no papers."""
    posted: list[str] = field(default_factory=list)

    def fetch(self, exchange: Exchange) -> bytes:
        base = next((one for one in self.desks if exchange.url.startswith(one)), "")
        if not base or base in self.silent:
            raise Unavailable("fetch.unreachable", "信息源 {url} 无法访问（{reason}）。", url=exchange.url, reason="-")
        desk, path = self.desks[base], exchange.url.removeprefix(f"{base}/api/v1/")
        if path.startswith("status-lists/"):
            return desk.status_lists.publish(path.removeprefix("status-lists/"))
        if path == "trust-bundle":
            return desk.region.bundle(desk.clock())
        if path == "transfer-papers" and exchange.body is not None and base not in self.deaf:
            self.posted.append(base)
            try:
                view = desk.transfers.receive(exchange.body, Actor("region", None, "", "http"))
            except LicenceTrustError as error:
                raise Unavailable("fetch.status", "信息源应答 {status}。", status=error.code) from error
            return json.dumps({"id": view.id, "state": view.state}).encode()
        raise Unavailable("fetch.status", "信息源应答 {status}。", status=404)


@dataclass
class TwoRegions:
    """A region that a licence leaves, and one that it goes to."""

    origin: Desk
    target: Desk
    clock: HandClock
    wire: Wire
    federation: Federation
    listed: TrustList

    def officer(self, desk: Desk) -> Official:
        [department] = {one.department_id for one in self.rights(desk)}
        return Official(Actor(f"clerk-{desk.region.code}", department, None, "page"), Role.OFFICER)

    def rights(self, desk: Desk) -> tuple[object, ...]:
        with desk.sessions.read() as session:
            return desk.catalogue.rights(session, desk.catalogue.get(TYPE).code)  # type: ignore[return-value]

    def issue(self, seed: int = 1) -> tuple[IssuedLicence, bytes]:
        record = next(iter(self.origin.catalogue.get(TYPE).example_records(1, seed)))
        issued = self.origin.issuer.issue(TYPE, record, officer=self.officer(self.origin).actor)
        return issued, self.origin.files.get(issued.file_digest)

    def believe(self, **changes: object) -> TrustList:
        """Another list, accepted by both."""
        start = self.listed.issued_at + timedelta(minutes=1)
        given = {"issued_at": start, "next_update": self.clock() + 30 * DAY, **changes}
        self.listed = self.federation.next(self.listed, **given)
        for desk in (self.origin, self.target):
            desk.region.refresh_crls(self.clock())
        for desk in (self.origin, self.target):
            desk.trust_lists.accept(self.listed.data, SYSTEM, source="file")
            desk.publications.refresh(force=True)
        return self.listed

    def entitle(self, desk: Desk, *types: str, until: datetime | None = None) -> None:
        code, period = desk.region.code, Period(None, until)
        changed = tuple(
            replace(one, entitlements=(Entitlement(code, frozenset(types), period),)) if one.code == code else one
            for one in self.listed.regions
        )
        self.believe(regions=changed)


@contextmanager
def two_regions(origin: DeskSettings, target: DeskSettings) -> Iterator[TwoRegions]:
    clock, wire, desks = HandClock(), Wire(), []
    for settings, base in ((origin, "https://origin.example.test"), (target, "https://target.example.test")):
        desk = open_desk(replace(settings, base_url=base), clock)
        desk.__dict__["publications"] = Publications(desk.sessions, desk.peers, wire, clock)
        wire.desks[base] = desk
        desks.append(desk)
    start = clock().replace(microsecond=0) - timedelta(hours=3)
    made = Federation(regions=tuple(OwnEntry(desk).entry(SYSTEM) for desk in desks))
    listed = made.first(issued_at=start, next_update=start + 30 * DAY)
    for desk in desks:
        desk.trust_lists.accept(listed.data, SYSTEM, source="file", pin=listed.digest)
        desk.publications.refresh(force=True)
    try:
        yield TwoRegions(desks[0], desks[1], clock, wire, made, listed)
    finally:
        for desk in desks:
            desk.close()


def other_region(folder: Path, code: str = "120000", name: str = "乙省") -> Path:
    """A region of another code, on SQLite."""
    from licence_store.desk import now

    Region.create(folder, code, name, clock=now)
    return folder
