"""对端: the regions of the trust list as this node knows them, and the trust store that judges their documents.

``desk.peers.region("120000").endpoint("sharing")`` tells where a service is, ``desk.peers.request_key(key id, moment)``
whose key signed a request, ``desk.peers.trust_store_with_peers()`` is what ``desk.verifier()`` judges by.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import select

from licence_store.regions.models import BelievedList, PeerEvidence
from seal.database import Sessions
from trust.anchors import TrustStore
from trust.bundle import load_bundle
from trust.crl import CertificateList
from trust.errors import LicenceTrustError, NotFound, Refused
from trust.request_keys import RequestKey
from trust.seal_status import SealStatusList, load_seal_status_list
from trust.trust_list import Entitlement, ListedKey, RegionEntry, TrustList
from trust.trust_list_reading import load_trust_list

_LOOK_AGAIN = 2.0
"""Seconds after which the tables are looked at again; what this process changes counts at once."""


@dataclass(frozen=True, slots=True)
class Peer:
    """对端地区."""

    entry: RegionEntry
    list_number: int

    @property
    def code(self) -> str:
        return self.entry.code

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def entitlements(self) -> tuple[Entitlement, ...]:
        return self.entry.entitlements

    def endpoint(self, kind: str) -> str:
        """Address of a service (``trust.trust_list.ENDPOINTS``); ``NotFound("peer.no_endpoint")``."""
        found = self.entry.endpoints.get(kind)
        if found is None:
            raise NotFound("peer.no_endpoint", "地区“{name}”没有公布该服务的地址：{kind}。", name=self.name, kind=kind)
        return found

    def keys(self, moment: datetime) -> tuple[ListedKey, ...]:
        """请求签名公钥 in use at ``moment``."""
        return self.entry.keys_at(moment)


@dataclass(frozen=True, slots=True)
class ListState:
    """信任列表的状况: how old the list is that this node believes."""

    number: int
    digest: str
    issued_at: datetime
    next_update: datetime
    age: timedelta
    fresh: bool
    source: str
    accepted: datetime
    regions: int
    keepers: int
    threshold: int


@dataclass(slots=True)
class _Known:
    looked: float = -1e9
    stamp: object = None
    row: BelievedList | None = None
    evidence: tuple[PeerEvidence, ...] = ()
    own: TrustStore | None = None
    store: TrustStore | None = None


@dataclass(frozen=True)
class Peers:
    """对端清单. Safe to share between threads."""

    sessions: Sessions
    home: str
    """This region's code."""
    own: Callable[[], TrustStore]
    clock: Callable[[], datetime]
    _known: _Known = field(default_factory=_Known, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def believed(self) -> TrustList | None:
        """The trust list this node believes, expired or not; ``None``: it stands alone."""
        with self._lock:
            self._look()
            row = self._known.row
        return load_trust_list(row.data) if row is not None else None

    def list(self) -> tuple[Peer, ...]:
        """Every region of the list, ours too, in the list's order."""
        trust_list = self.believed()
        return tuple(Peer(one, trust_list.number) for one in trust_list.regions) if trust_list else ()

    def region(self, code: str) -> Peer:
        """Raises ``NotFound("peer.unlisted")``, ``Refused("trust_list.none")``."""
        trust_list = self.believed()
        if trust_list is None:
            raise Refused("trust_list.none", "本节点尚未加入任何信任列表。", remedy="请先用 region join 加入。")
        entry = trust_list.region(code)
        if entry is None:
            raise NotFound("peer.unlisted", "信任列表中没有地区 {region}。", region=code[:20])
        return Peer(entry, trust_list.number)

    def request_key(self, key_id: str, moment: datetime) -> tuple[Peer, RequestKey]:
        """Whose key signed a request: for RFC 9421's ``keyid``.

        Raises ``NotFound("peer.unlisted", "peer.key_unknown")``, ``Refused("trust_list.none", "trust_list.expired")``.
        """
        peer = self.region(key_id.partition(":")[0])
        trust_list = self.believed()
        if trust_list is None or not trust_list.is_fresh(moment):
            raise Refused("trust_list.expired", "本节点的信任列表已到期，不能据以接受其他地区的请求。")
        for listed in peer.keys(moment):
            if listed.id == key_id:
                return peer, listed.key
        raise NotFound(
            "peer.key_unknown", "地区“{name}”现用的请求签名公钥中没有 {key}。", name=peer.name, key=key_id[:80]
        )

    def state(self) -> ListState | None:
        """How old the list is; ``None``: there is none."""
        trust_list, now = self.believed(), self.clock()
        row = self._known.row
        if trust_list is None or row is None:
            return None
        return ListState(
            number=trust_list.number,
            digest=trust_list.digest,
            issued_at=trust_list.issued_at,
            next_update=trust_list.next_update,
            age=max(now - trust_list.issued_at, timedelta(0)),
            fresh=trust_list.is_fresh(now),
            source=row.source,
            accepted=row.accepted,
            regions=len(trust_list.regions),
            keepers=len(trust_list.keepers),
            threshold=trust_list.threshold,
        )

    def trust_store_with_peers(self) -> TrustStore:
        """Our store, with the list and with what peers published: see ``trust.entitlement.peer_store``.

        As long as nothing is new, the same object comes back, with all it remembers.
        """
        own = self.own()
        with self._lock:
            self._look()
            known = self._known
            if known.row is None:
                return own
            if known.own is not own or known.store is None:
                known.own, known.store = own, _joined(own, load_trust_list(known.row.data), known.evidence)
            return known.store

    def forget(self) -> None:
        """Look at the tables again at the next question: something was changed here."""
        with self._lock:
            self._known.looked = -1e9

    def _look(self) -> None:
        known = self._known
        if time.monotonic() - known.looked < _LOOK_AGAIN:
            return
        newest = select(BelievedList).order_by(BelievedList.number.desc()).limit(1)
        with self.sessions.read() as session:
            row = session.execute(newest).scalar()
            ahead = PeerEvidence.kind != "status_list"  # those are asked for when a licence is judged
            marks = select(PeerEvidence.region, PeerEvidence.kind, PeerEvidence.address, PeerEvidence.digest)
            marks = marks.where(ahead)
            stamp = (row.digest if row else "", *session.execute(marks.order_by(*marks.selected_columns)).all())
            if stamp != known.stamp:
                known.evidence = tuple(session.execute(select(PeerEvidence).where(ahead)).scalars()) if row else ()
                known.row, known.stamp, known.store = row, stamp, None
        known.looked = time.monotonic()


def _joined(own: TrustStore, trust_list: TrustList, evidence: tuple[PeerEvidence, ...]) -> TrustStore:
    """``own`` and what was got from peers; each piece is believed, later, for its own region only."""
    crls: list[CertificateList] = []
    seals: list[SealStatusList] = []
    for one in evidence:
        try:
            if not one.data:
                continue
            if one.kind == "trust_bundle":
                crls += load_bundle(one.data).crls
            elif one.kind == "seal_status":
                seals.append(load_seal_status_list(one.data))
        except LicenceTrustError:
            continue  # what cannot be read says nothing
    return own.changed(
        crls=tuple({crl.digest: crl for crl in (*own.crls, *crls)}.values()),
        seal_lists=(*own.seal_lists, *seals),
        trust_list=trust_list,
    )
