"""对端公布的材料: what other regions publish (trust bundles, status lists, seal lists), asked for and remembered.

A status list is worth what its own signed time is worth: whoever stands in between can repeat an old one, and a node
that asks itself whether a list is "still the newest" asks the attacker. So a list counts as current only so long as
the trust list says (``StatusPlace.max_age``, and ``TOLERANCE`` for clocks and ways); later it only tells what was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from licence_store.regions.models import PeerEvidence
from licence_store.regions.peers import Peer, Peers
from licence_store.report_upward import CatalogueReport, check_report
from seal.database import Sessions
from trust.algorithms import sm3
from trust.anchors import TrustStore
from trust.bundle import load_bundle
from trust.entitlement import peer_store
from trust.errors import LicenceTrustError, Malformed, NotFound, Refused
from trust.fetching import Exchange, Fetcher
from trust.list_chain import SKEW
from trust.path import check_published
from trust.seal_status import SealStatusList, load_seal_status_list
from trust.status_list import StatusList, load_status_list
from verify.policy import PeerList

TOLERANCE: Final = timedelta(seconds=30)
"""What clocks and ways may add to the age of a list."""
_ASK_AGAIN: Final = timedelta(seconds=10)
"""So long an answer, or a silence, stands."""
_BUNDLE_AGAIN: Final = timedelta(minutes=30)
_MOST_LISTS: Final = 4096
_LONG_AGO: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_CATALOGUE_LIFE: Final = timedelta(days=1)
_LIMITS: Final = {"trust_bundle": 64 << 20, "catalogue": 16 << 20, "status_list": 4 << 20, "seal_status": 64 << 20}


@dataclass(slots=True)
class _Kept:
    """A list of a peer, as this process knows it."""

    published: StatusList | None
    asked: datetime
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """One thing a peer publishes, and how its address fares."""

    region: str
    kind: str
    address: str
    issued: datetime | None
    next_update: datetime | None
    got: datetime | None
    asked: datetime | None
    failure: str
    failing_since: datetime | None


@dataclass(frozen=True)
class Publications:
    """对端材料. Safe to share between threads; implements ``verify.policy.PeerStatusSource``."""

    sessions: Sessions
    peers: Peers
    fetcher: Fetcher
    clock: Callable[[], datetime]
    _lists: dict[str, _Kept] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    # ------------------------------------------------------------ status lists, when a licence is judged

    def status_list(self, store: TrustStore, address: str) -> PeerList:
        """The list of this address, asked for anew where what is known is not of just now. Never raises."""
        assert store.entry is not None
        place, now = store.entry.status_place(address), self.clock()
        if place is None:
            return PeerList(None, current=False, reason="peer.place")
        kept = self._kept(store.entry.code, address)
        if kept is None or not timedelta(0) <= now - kept.asked < _ASK_AGAIN:
            kept = self._ask_list(store, address, kept, now)
        published = kept.published
        if published is None:
            return PeerList(None, current=False, reason=kept.failure)
        limit = timedelta(seconds=place.max_age) + TOLERANCE
        current = now - published.issued_at <= limit and published.is_fresh(now)
        return PeerList(published, current=current, reason=kept.failure or ("" if current else "peer.list_old"))

    def _kept(self, region: str, address: str) -> _Kept | None:
        with self._lock:
            found = self._lists.get(address)
        if found is not None:
            return found
        try:
            with self.sessions.read() as session:
                row = session.get(PeerEvidence, (region, "status_list", address))
            return _Kept(load_status_list(row.data), _LONG_AGO, row.failure) if row is not None and row.data else None
        except LicenceTrustError:
            return None

    def _ask_list(self, store: TrustStore, address: str, kept: _Kept | None, now: datetime) -> _Kept:
        """Ask the region; what is wrong, older or not its own leaves what was known."""
        assert store.entry is not None
        region, before = store.entry.code, kept.published if kept is not None else None
        try:
            data = self._fetch("status_list", address)
            published = load_status_list(data)
            _check_list(published, store, address, before, now)
        except LicenceTrustError as error:
            found = _Kept(before, now, error.code)
            self._note(region, "status_list", address, now, failure=error.code)
        else:
            found = _Kept(published, now)
            if before is None or before.data != data:
                moments = (published.issued_at, published.next_update)
                self._note(region, "status_list", address, now, data=data, moments=moments)
        with self._lock:
            if len(self._lists) >= _MOST_LISTS:
                self._lists.clear()
            self._lists[address] = found
        return found

    # ------------------------------------------------------------ what is got beforehand

    def refresh(self, *, force: bool = False, catalogues: bool = False) -> tuple[Publication, ...]:
        """Ask every peer for its trust bundle, its seals' standing and, a hub, its catalogue, where that is due."""
        for peer in self.peers.list():
            if peer.code == self.peers.home:
                continue
            places = {kind: peer.entry.endpoints.get(kind) for kind in ("trust_bundle", "seal_status")}
            if catalogues and "api" in peer.entry.endpoints:
                places["catalogue"] = f"{peer.entry.endpoints['api']}/catalogue/report"
            for kind, address in places.items():
                if address is not None and (force or self._is_due(peer.code, kind, address)):
                    self._refresh_one(peer, kind, address)
        self.peers.forget()
        return self.all()

    def catalogues(self) -> tuple[CatalogueReport, ...]:
        """目录上报 of the peers, each believed again now."""
        query = select(PeerEvidence).where(PeerEvidence.kind == "catalogue", PeerEvidence.digest != "")
        with self.sessions.read() as session:
            rows = session.execute(query.order_by(PeerEvidence.region)).scalars().all()
        found = []
        for row in rows:
            try:
                found.append(self._catalogue(row.region, row.data))
            except LicenceTrustError:
                continue
        return tuple(found)

    def catalogues_of(self, peers: Iterable[Peer], hub: str | None) -> dict[str, frozenset[str]]:
        """Region → codes of the types in its own signed catalogue of this day; who gives none is left out.

        What is not at hand is had from the ``hub``, else from the region itself; ``None``: nobody is asked.
        """
        found, away = {}, not hub
        for peer in peers:
            report = self._catalogue_at_hand(peer.code)
            if report is None and hub is not None:
                report, away = self._catalogue_from(peer, "" if away else hub)
            if report is not None:
                found[peer.code] = frozenset(str(one.get("code")) for one in report.types)
        return found

    def catalogue_data(self, region: str) -> bytes:
        """目录上报 of a peer as it signed it. Raises ``NotFound("peer.no_catalogue")``."""
        query = select(PeerEvidence.data).where(PeerEvidence.kind == "catalogue", PeerEvidence.region == region)
        with self.sessions.read() as session:
            data = session.execute(query.order_by(PeerEvidence.issued.desc()).limit(1)).scalar()
        if not data:
            raise NotFound("peer.no_catalogue", "没有得到过地区 {region} 的目录上报。", region=region)
        return data

    def _catalogue_at_hand(self, region: str) -> CatalogueReport | None:
        """``None``: there is none of this day that can be believed."""
        try:
            report = self._catalogue(region, self.catalogue_data(region))
        except LicenceTrustError:
            return None
        return report if self.clock() - report.generated < _CATALOGUE_LIFE else None

    def _catalogue_from(self, peer: Peer, hub: str) -> tuple[CatalogueReport | None, bool]:
        """``(its catalogue, whether the hub is away)``; kept under the region's own address."""
        own = f"{peer.entry.endpoints['api']}/catalogue/report" if "api" in peer.entry.endpoints else ""
        away = not hub
        if "trust_bundle" in peer.entry.endpoints:  # its list of revoked certificates, to believe its publisher by
            address = peer.entry.endpoints["trust_bundle"]
            if self._is_due(peer.code, "trust_bundle", address):
                self._refresh_one(peer, "trust_bundle", address)
        for address in filter(None, (hub and f"{hub.rstrip('/')}/api/v1/union-catalogue/{peer.code}", own)):
            now = self.clock()
            try:
                data = self._fetch("catalogue", address)
                moments = self._check(peer, "catalogue", data, now)
                if now - moments[0] >= _CATALOGUE_LIFE:
                    continue
            except LicenceTrustError as error:
                away = away or (address != own and error.code != "fetch.status")
                continue
            self._note(peer.code, "catalogue", own or address, now, data=data, moments=moments)
            return self._catalogue(peer.code, data), away
        return None, away

    def _catalogue(self, region: str, data: bytes) -> CatalogueReport:
        """Raises ``LicenceTrustError`` unless it is that region's."""
        store = peer_store(self.peers.trust_store_with_peers(), region)
        if store is None:
            raise _not_theirs(region)
        report = check_report(data, store, self.clock())
        if report.region != region:
            raise _not_theirs(region)
        if report.generated > self.clock() + SKEW:  # it would count as new for as long
            raise Refused("peer.catalogue_future", "地区 {region} 的目录上报的时间在将来。", region=region)
        return report

    def all(self) -> tuple[Publication, ...]:
        """How everything got from peers stands."""
        query = select(PeerEvidence).order_by(PeerEvidence.region, PeerEvidence.kind, PeerEvidence.address)
        with self.sessions.read() as session:
            rows = session.execute(query).scalars().all()
        return tuple(
            Publication(
                r.region, r.kind, r.address, r.issued, r.next_update, r.got, r.asked, r.failure, r.failing_since
            )
            for r in rows
        )

    def _is_due(self, region: str, kind: str, address: str) -> bool:
        with self.sessions.read() as session:
            row = session.get(PeerEvidence, (region, kind, address))
        if row is None or row.asked is None:
            return True
        pause = timedelta(minutes=1) if kind == "seal_status" or row.failure else _BUNDLE_AGAIN
        return not timedelta(0) <= self.clock() - row.asked < pause

    def _refresh_one(self, peer: Peer, kind: str, address: str) -> None:
        now = self.clock()
        try:
            data = self._fetch(kind, address)
            moments = self._check(peer, kind, data, now)
        except LicenceTrustError as error:
            self._note(peer.code, kind, address, now, failure=error.code)
            return
        self._note(peer.code, kind, address, now, data=data, moments=moments)

    def _check(self, peer: Peer, kind: str, data: bytes, now: datetime) -> tuple[datetime, datetime]:
        """Published by a publisher whom the trust list names for that region? Raises ``LicenceTrustError``."""
        if kind == "catalogue":
            made = self._catalogue(peer.code, data).generated
            return made, made + _CATALOGUE_LIFE
        store = peer_store(self.peers.trust_store_with_peers(), peer.code)
        if store is None:
            raise Refused("peer.unlisted", "信任列表中没有地区 {region}。", region=peer.code)
        if kind == "trust_bundle":
            bundle = load_bundle(data, publisher=store)
            if bundle.region != peer.code or bundle.issued_at is None or bundle.next_update is None:
                raise _not_theirs(peer.code)
            return bundle.issued_at, bundle.next_update
        seals: SealStatusList = load_seal_status_list(data)
        if seals.region != peer.code:
            raise _not_theirs(peer.code)
        check_published(seals.document, store, seals.issued_at, known_at=now)
        return seals.issued_at, seals.next_update

    # ------------------------------------------------------------ one exchange, and what is kept of it

    def _fetch(self, kind: str, address: str) -> bytes:
        return self.fetcher.fetch(Exchange(address, accept="application/json", limit=_LIMITS[kind]))

    def _note(
        self,
        region: str,
        kind: str,
        address: str,
        now: datetime,
        *,
        data: bytes = b"",
        moments: tuple[datetime, datetime] | None = None,
        failure: str = "",
    ) -> None:
        """Keep what was got, or that nothing was; a database that is away does not stop an answer."""
        key = {"region": region, "kind": kind, "address": address[:500]}
        if moments is not None:
            said = {"issued": moments[0], "next_update": moments[1], "data": data, "digest": sm3(data).hex()}
            changed: dict[str, object] = {**said, "got": now, "asked": now, "failure": "", "failing_since": None}
        else:
            changed = {"asked": now, "failure": failure[:64]}
        try:
            with self.sessions.begin() as session:
                dialect = sqlite if self.sessions.dialect == "sqlite" else postgresql
                first = {"data": b"", **key, **changed, **({} if moments else {"failing_since": now})}
                entry = dialect.insert(PeerEvidence).values(**first)
                if moments is None:
                    row = session.get(PeerEvidence, tuple(key.values()))
                    changed["failing_since"] = (row.failing_since or now) if row is not None else now
                session.execute(entry.on_conflict_do_update(index_elements=["region", "kind", "address"], set_=changed))
        except LicenceTrustError:
            return
        if kind != "status_list":
            self.peers.forget()


def _check_list(
    published: StatusList, store: TrustStore, address: str, before: StatusList | None, now: datetime
) -> None:
    """This region's list of this address, by its publisher, no older than what is known, not from the future."""
    if published.list_id != address or published.region != store.region:
        raise _not_theirs(store.region)
    if before is not None and published.issued_at < before.issued_at:
        raise Refused("peer.list_older", "地区 {region} 给出的状态列表比先前得到的旧。", region=store.region)
    if published.issued_at > now + SKEW:
        raise Refused("peer.list_future", "地区 {region} 的状态列表的签发时间在将来。", region=store.region)
    check_published(published.document, store, published.issued_at, known_at=max(now, published.issued_at))


def _not_theirs(region: str) -> Malformed:
    return Malformed("peer.not_theirs", "所得的材料不是地区 {region} 的。", region=region)
