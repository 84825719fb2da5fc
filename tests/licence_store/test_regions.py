"""A node among regions: which list it keeps, what it gets from peers, what a lower region tells it; on both engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from keys.demonstration import DemonstrationAuthority, make_demonstration_authority
from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.regions import drafting
from licence_store.regions.models import BelievedList, RefusedList, UpwardBatch
from licence_store.regions.own import OwnEntry, read_application
from licence_store.regions.publications import Publications
from licence_store.regions.rollover import RolloverDrill
from licence_store.regions.upward import Head, Upward
from seal.lifecycle import Official, Role
from tests.authority import DAY
from tests.federation import OTHER, Federation, region
from trust.algorithms import sm3
from trust.entitlement import peer_store
from trust.errors import LicenceTrustError, Unavailable
from trust.fetching import Exchange
from trust.journal import SYSTEM
from trust.path import check_published
from trust.seal_status import build_seal_status_list
from trust.signed import open_signed, sign_document
from trust.status_list import build_status_list
from trust.trust_list import Entitlement, TrustList
from trust.trust_list_reading import load_trust_list

PLACE = f"https://{OTHER}.example.test/api/v1/status-lists/one"
BUNDLE = f"https://{OTHER}.example.test/api/v1/trust-bundle"


class HandClock:
    """The machine's time, and what is put to it."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, **length: float) -> None:
        self.ahead += timedelta(**length)


@dataclass
class ToldFetcher:
    """Stands in for the network: answers by address, and notes who was asked."""

    answers: dict[str, bytes | Callable[[], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    posted: list[bytes] = field(default_factory=list)

    def fetch(self, exchange: Exchange) -> bytes:
        self.asked.append(exchange.url)
        if exchange.body is not None:
            self.posted.append(exchange.body)
        found = self.answers.get(exchange.url)
        if found is None:
            raise Unavailable("fetch.unreachable", "信息源 {url} 无法访问（{reason}）。", url=exchange.url, reason="-")
        return found() if callable(found) else found


@dataclass
class Node:
    """A node, the federation it is in, and another region's authority."""

    desk: Desk
    clock: HandClock
    fetcher: ToldFetcher
    federation: Federation
    other: DemonstrationAuthority

    @property
    def publications(self) -> Publications:
        return self.desk.publications

    def accept(self, made: TrustList, **options: Any) -> TrustList:
        return self.desk.trust_lists.accept(made.data, SYSTEM, source="file", **options)

    def next(self, before: TrustList, **changes: Any) -> TrustList:
        following = {"issued_at": before.issued_at + timedelta(minutes=1), "next_update": self.clock() + 30 * DAY}
        return self.federation.next(before, **{**following, **changes})

    def status_list(self, state: str = "CURRENT", *, age: int = 0, **changes: Any) -> bytes:
        at = self.clock().replace(microsecond=0) - timedelta(seconds=age)
        signer = changes.pop("signer", self.other.publisher)
        given = {"region": OTHER, "issued_at": at, "next_update": at + DAY, "sign": signer.sign, **changes}
        address = given.pop("address", PLACE)
        return build_status_list(address, [state] * 4, signer_chain=[signer.certificate.der], **given)


@pytest.fixture
def node(settings: DeskSettings) -> Iterator[Node]:
    clock, fetcher = HandClock(), ToldFetcher()
    desk = open_desk(settings, clock)
    desk.__dict__["publications"] = Publications(desk.sessions, desk.peers, fetcher, clock)
    start = clock()
    other = make_demonstration_authority("乙省", OTHER, start, [])
    entry = replace(region(OTHER, "乙省", other), upper=desk.region.code)
    made = Federation(regions=(OwnEntry(desk).entry(SYSTEM), entry))
    yield Node(desk, clock, fetcher, made, other)
    desk.close()


@pytest.fixture
def first(node: Node) -> TrustList:
    start = node.clock().replace(microsecond=0) - timedelta(hours=3)
    return node.federation.first(issued_at=start, next_update=start + 30 * DAY)


@pytest.fixture
def joined(node: Node, first: TrustList) -> Node:
    node.accept(first, pin=first.digest)
    bundle = node.other.trust_store().to_bundle(
        node.other.publisher.sign, [node.other.publisher.certificate.der], node.clock(), node.clock() + 20 * DAY
    )
    node.fetcher.answers[BUNDLE] = bundle
    node.publications.refresh(force=True)
    return node


# ---------------------------------------------------------------- the list


def test_a_node_stands_alone_until_it_joins(node: Node, first: TrustList) -> None:
    peers = node.desk.peers
    assert peers.believed() is None and peers.list() == () and peers.state() is None
    assert peers.trust_store_with_peers() is node.desk.trust()
    for given, code in [({}, "trust_list.no_pin"), ({"pin": "00" * 32}, "trust_list.pin")]:
        with pytest.raises(LicenceTrustError) as refused:
            node.accept(first, **given)
        assert refused.value.code == code
    with pytest.raises(LicenceTrustError) as alone:
        peers.region(OTHER)
    assert alone.value.code == "trust_list.none"
    node.accept(first, pin=first.digest)
    state = peers.state()
    assert state is not None and (state.number, state.fresh, state.regions) == (1, True, 2)
    assert [one.code for one in peers.list()] == [OTHER, node.desk.region.code]


def test_forks_and_rollbacks_are_refused_and_kept_as_evidence(node: Node, first: TrustList) -> None:
    node.accept(first, pin=first.digest)
    second = node.next(first)
    node.accept(second)
    fork = node.next(first, name=first.name, regions=first.regions[:1])
    for _twice in range(2):
        for made, code in [(fork, "trust_list.fork"), (first, "trust_list.older")]:
            with pytest.raises(LicenceTrustError) as refused:
                node.accept(made)
            assert refused.value.code == code
    found = node.desk.trust_lists.refusals()
    assert [(one.number, one.code) for one in found] == [(1, "trust_list.older"), (2, "trust_list.fork")]
    assert node.desk.trust_lists.refused_list(fork.digest) == fork.data
    assert node.desk.trust_lists.newest() == second.data and node.desk.trust_lists.by_number(1) == first.data
    with pytest.raises(LicenceTrustError):
        node.desk.trust_lists.by_number(3)


@pytest.mark.parametrize("table", [BelievedList, RefusedList])
def test_lists_are_never_changed(node: Node, first: TrustList, table: Any) -> None:
    node.accept(first, pin=first.digest)
    with pytest.raises(LicenceTrustError):
        node.accept(node.next(first, name="另一联盟"))
    for statement in (update(table).values(digest="0" * 64), delete(table)):
        with pytest.raises((LicenceTrustError, DBAPIError)), node.desk.sessions.begin() as session:
            session.execute(statement)


def test_fetched_one_number_at_a_time(node: Node, first: TrustList) -> None:
    hub = "https://hub.example.test/api/v1/trust-list"
    made = [first]
    for _ in range(4):
        made.append(node.next(made[-1]))
    node.fetcher.answers |= {hub: made[-1].data} | {f"{hub}/{one.number}": one.data for one in made}
    node.accept(first, pin=first.digest)
    assert node.desk.trust_lists.fetch(hub, node.fetcher, SYSTEM).number == 5
    assert node.fetcher.asked == [hub, f"{hub}/2", f"{hub}/3", f"{hub}/4"]
    assert node.desk.trust_lists.fetch(hub, node.fetcher, SYSTEM).number == 5
    node.fetcher.answers[hub] = made[2].data
    with pytest.raises(LicenceTrustError) as refused:
        node.desk.trust_lists.fetch(hub, node.fetcher, SYSTEM)
    assert refused.value.code == "trust_list.older"


def test_an_expired_list_lets_no_stranger_in(joined: Node) -> None:
    peers, now = joined.desk.peers, joined.clock()
    assert peers.request_key(f"{OTHER}:request", now)[0].code == OTHER
    with pytest.raises(LicenceTrustError) as unknown:
        peers.request_key(f"{OTHER}:other", now)
    joined.clock.forward(days=31)
    with pytest.raises(LicenceTrustError) as expired:
        peers.request_key(f"{OTHER}:request", joined.clock())
    assert (unknown.value.code, expired.value.code) == ("peer.key_unknown", "trust_list.expired")
    state = peers.state()
    assert state is not None and not state.fresh


def test_readiness_tells_the_list_s_age(joined: Node) -> None:
    from api.readiness import parts

    def told() -> tuple[bool, str, int]:
        one = next(part for part in parts(joined.desk) if part.name == "trust_list")
        return one.ready, one.message(str), len(one.warnings)

    ready, message, warnings = told()
    assert ready and "第 1 号信任列表" in message and "已 3 小时" in message and warnings == 0
    joined.clock.forward(days=25)
    assert told()[::2] == (True, 1)
    joined.clock.forward(days=6)
    ready, message, _ = told()
    assert not ready and "到期" in message


# ---------------------------------------------------------------- what peers publish


def listed(node: Node) -> Any:
    store = peer_store(node.desk.peers.trust_store_with_peers(), OTHER)
    assert store is not None
    return node.publications.status_list(store, PLACE)


def test_a_status_list_is_asked_for_and_remembered(joined: Node) -> None:
    joined.fetcher.answers[PLACE] = joined.status_list("LOST")
    said = listed(joined)
    assert said.current and said.published.status_at(0) == "LOST"
    joined.fetcher.asked.clear()
    assert listed(joined).current and joined.fetcher.asked == []
    joined.clock.forward(seconds=11)
    joined.fetcher.answers[PLACE] = joined.status_list("CURRENT")
    assert listed(joined).published.status_at(0) == "CURRENT" and joined.fetcher.asked == [PLACE]


def test_a_silent_region_is_known_as_of(joined: Node) -> None:
    assert listed(joined).reason == "fetch.unreachable"
    joined.clock.forward(seconds=11)
    joined.fetcher.answers[PLACE] = joined.status_list()
    assert listed(joined).current
    del joined.fetcher.answers[PLACE]
    joined.clock.forward(seconds=40)
    assert listed(joined).current  # less than a minute old: nothing may have been missed
    joined.clock.forward(seconds=30)
    said = listed(joined)
    assert not said.current and said.published is not None and said.reason == "fetch.unreachable"
    again = Publications(joined.desk.sessions, joined.desk.peers, joined.fetcher, joined.clock)
    store = peer_store(joined.desk.peers.trust_store_with_peers(), OTHER)
    assert store is not None
    kept = again.status_list(store, PLACE)  # another process knows it too
    assert not kept.current and kept.published is not None
    [row] = [one for one in again.all() if one.kind == "status_list"]
    assert row.failure == "fetch.unreachable" and row.failing_since is not None and row.issued is not None


LISTS: dict[str, tuple[Callable[[Node], bytes], str]] = {
    "made an hour ago, and given again": (lambda n: n.status_list(age=3600), "peer.list_old"),
    "of the day after tomorrow": (lambda n: n.status_list(age=-172800), "peer.list_future"),
    "of another address": (lambda n: n.status_list(address=f"{PLACE}x"), "peer.not_theirs"),
    "of another region": (lambda n: n.status_list(region="330000"), "peer.not_theirs"),
    "signed by our own publisher": (
        lambda n: n.status_list(signer=n.desk.region.keyring.signer("publisher")), "certificate.unknown_issuer"),
    "signed by the region's seal maker": (lambda n: n.status_list(signer=n.other.seal_maker), "certificate"),
    "signed by a keeper": (lambda n: n.status_list(signer=n.federation.keepers[0]), "certificate.untrusted_root"),
    "no list": (lambda n: b"{}", "published.malformed"),
    "nothing": (lambda n: b"", "json.syntax"),
    "a trust bundle": (lambda n: n.fetcher.fetch(Exchange(BUNDLE)), "published.malformed"),
}  # fmt: skip


@pytest.mark.parametrize("case", LISTS)
def test_a_list_that_is_not_to_be_believed(joined: Node, case: str) -> None:
    make, code = LISTS[case]
    joined.fetcher.answers[PLACE] = joined.status_list("LOST")
    assert listed(joined).current
    joined.clock.forward(seconds=11)
    joined.fetcher.answers[PLACE] = make(joined)
    joined.clock.forward(seconds=60)
    said = listed(joined)
    assert not said.current and said.published.status_at(0) == "LOST"
    assert said.reason.startswith(code) or code == "peer.list_old"


def test_an_older_list_takes_nothing_back(joined: Node) -> None:
    old = joined.status_list("CURRENT", age=5)
    joined.fetcher.answers[PLACE] = joined.status_list("REVOKED")
    assert listed(joined).published.status_at(0) == "REVOKED"
    joined.clock.forward(seconds=11)
    joined.fetcher.answers[PLACE] = old
    said = listed(joined)
    assert said.published.status_at(0) == "REVOKED" and said.reason == "peer.list_older"


def test_lists_of_revoked_certificates_come_with_the_bundle(joined: Node) -> None:
    store = joined.desk.peers.trust_store_with_peers()
    assert len(store.crls) == 2 * len(joined.desk.trust().crls)
    assert store is joined.desk.peers.trust_store_with_peers()
    forged = joined.desk.region.bundle(joined.clock())
    joined.fetcher.answers[BUNDLE] = forged
    rows = {one.kind: one for one in joined.publications.refresh(force=True)}
    assert rows["trust_bundle"].failure == "bundle.untrusted"
    assert len(joined.desk.peers.trust_store_with_peers().crls) == len(store.crls)


def test_standing_of_a_peer_s_seals(joined: Node) -> None:
    address = f"https://{OTHER}.example.test/api/v1/seal-status"
    second = joined.next(load_trust_list(joined.desk.trust_lists.newest()))
    entry = second.region(OTHER)
    assert entry is not None
    regions = tuple(
        replace(one, endpoints={**one.endpoints, "seal_status": address}) if one.code == OTHER else one
        for one in second.regions
    )
    joined.accept(joined.federation.sign(replace(second, regions=regions)))
    at, publisher = joined.clock(), joined.other.publisher
    joined.fetcher.answers[address] = build_seal_status_list(
        {}, region=OTHER, issued_at=at, next_update=at + DAY, sign=publisher.sign,
        signer_chain=[publisher.certificate.der],
    )  # fmt: skip
    joined.publications.refresh(force=True)
    store = peer_store(joined.desk.peers.trust_store_with_peers(), OTHER)
    assert store is not None and [one.region for one in store.seal_lists] == [OTHER]


# ---------------------------------------------------------------- drafting


def test_keys_overlap_while_they_are_changed(joined: Node, first: TrustList) -> None:
    until = joined.clock().replace(microsecond=0) + 30 * DAY
    successor = make_demonstration_authority("乙省", OTHER, joined.clock(), [])
    after = replace(region(OTHER, "乙省", successor), upper=joined.desk.region.code)
    draft = drafting.with_region(drafting.next_list(first, joined.clock(), 30 * DAY), after, until)
    entry = draft.region(OTHER)
    assert entry is not None and len(entry.anchors) == 8
    assert {one.valid_to for one in entry.anchors} == {None, until}
    assert entry.request_keys[0].id == f"{OTHER}:request" and len(entry.request_keys) == 2
    joined.accept(joined.federation.sign(draft))
    store = peer_store(joined.desk.peers.trust_store_with_peers(), OTHER)
    assert store is not None
    for publisher in (joined.other.publisher, successor.publisher):
        made = open_signed(
            sign_document({"format": "x"}, publisher.sign, [publisher.certificate.der]), "x", limit=1 << 20
        )
        with_lists = store.changed(crls=(*store.crls, *successor.trust_store().crls))
        check_published(made, with_lists, joined.clock(), known_at=joined.clock())


def test_drafts(first: TrustList, node: Node) -> None:
    draft = drafting.next_list(first, node.clock(), 30 * DAY)
    assert (draft.number, draft.previous, draft.signatures) == (2, first.digest, ())
    gone = drafting.leaving(draft, OTHER, node.clock()).region(OTHER)
    assert gone is not None and gone.left_at is not None
    given = drafting.entitle(draft, OTHER, [Entitlement(OTHER, frozenset({"X"}))]).region(OTHER)
    assert given is not None and given.entitlement(OTHER, "Y", node.clock()) is None
    for change in (lambda: drafting.leaving(draft, "650000", node.clock()), lambda: drafting.entitle(draft, "1", [])):
        with pytest.raises(LicenceTrustError):
            change()
    with pytest.raises(LicenceTrustError) as refused:
        drafting.with_keepers(draft, [], [one.id for one in first.keepers], None)
    assert refused.value.code == "trust_list.threshold_range"


def test_an_application_is_the_region_s_own(node: Node) -> None:
    own = OwnEntry(node.desk)
    entry = own.entry(SYSTEM, upper=OTHER)
    data = own.application(entry, node.clock())
    assert read_application(data) == entry
    for bad in (data.replace(OTHER.encode(), b"650000"), data[:-3], b"{}"):
        with pytest.raises(LicenceTrustError) as refused:
            read_application(bad)
        assert refused.value.code == "region_entry.malformed"


# ---------------------------------------------------------------- upward (R018)


def licence_row(number: int = 1, **changes: str) -> dict[str, object]:
    row: dict[str, object] = {
        "base": f"b{number}", "licence_id": f"b{number}.001", "version": "1", "type_code": "T", "licence_number": "N",
        "holder_name": "演示人", "holder_code": "H", "holder_code_type": "001", "issuer_name": "局", "issuer_code": "C",
        "state": "CURRENT", "since": "2026-01-01T00:00:00Z", "ends": "", "file_digest": "ab" * 32,
        "status_list": PLACE, "status_index": "3",
    }  # fmt: skip
    return row | changes


def batch(node: Node, head: Head, rows: list[dict[str, object]], **changes: Any) -> bytes:
    signer = changes.pop("signer", node.other.publisher)
    made = node.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    payload: dict[str, object] = {
        "format": "licence-trust/upward/1", "region": OTHER, "number": str(head.number + 1), "previous": head.digest,
        "event": str(head.event + len(rows)), "made": made, "licences": rows,
    }  # fmt: skip
    return sign_document(payload | changes, signer.sign, [signer.certificate.der])


def test_batches_follow_each_other(joined: Node) -> None:
    upward = Upward(joined.desk)
    one = batch(joined, Head(OTHER), [licence_row(1), licence_row(2)])
    head = upward.receive(one)
    assert (head.number, head.event) == (1, 2) and upward.receive(one) == head
    two = batch(joined, head, [licence_row(2, state="REVOKED")])
    assert upward.receive(two).number == 2
    found = {row.base: (row.state, row.batch) for row in upward.find(region=OTHER)}
    assert found == {"b1": ("CURRENT", 1), "b2": ("REVOKED", 2)}
    assert [row.licence_id for row in upward.find(licence_id="b1.001")] == ["b1.001"]
    assert upward.find(holder_code="nobody") == []
    with pytest.raises(LicenceTrustError):
        upward.find()
    with pytest.raises((LicenceTrustError, DBAPIError)), joined.desk.sessions.begin() as session:
        session.execute(delete(UpwardBatch))


BATCHES: dict[str, tuple[Callable[[Node, Head], bytes], str]] = {
    "a batch left out": (lambda n, h: batch(n, replace(h, number=5), [licence_row()]), "upward.gap"),
    "another history": (lambda n, h: batch(n, replace(h, digest="ab" * 32), [licence_row()]), "upward.gap"),
    "the same number, other content": (
        lambda n, h: batch(n, Head(OTHER), [licence_row(state="REVOKED")]), "upward.gap"),
    "back in the feed": (lambda n, h: batch(n, replace(h, event=-5), [licence_row()], event="0"), "upward.gap"),
    "signed by the upper region": (
        lambda n, h: batch(n, h, [], signer=n.desk.region.keyring.signer("publisher")), "upward.untrusted"),
    "signed by the region's seal maker": (
        lambda n, h: batch(n, h, [], signer=n.other.seal_maker), "upward.untrusted"),
    "in the name of a region that is not below": (
        lambda n, h: batch(n, Head(n.desk.region.code), [], region=n.desk.region.code), "upward.not_below"),
    "in the name of nobody": (lambda n, h: batch(n, h, [], region="650000"), "peer.unlisted"),
    "kept back for two days": (lambda n, h: batch(n, h, [], made="2020-01-01T00:00:00Z"), "upward.stale"),
    "from the future": (lambda n, h: batch(n, h, [], made="2090-01-01T00:00:00Z"), "upward.stale"),
    "a state nobody knows": (lambda n, h: batch(n, h, [licence_row(state="FINE")]), "upward.malformed"),
    "a name too long": (lambda n, h: batch(n, h, [licence_row(holder_name="演" * 401)]), "upward.malformed"),
    "a number with a sign": (lambda n, h: batch(n, h, [], number="-1"), "upward.malformed"),
    "a licence without holder": (
        lambda n, h: batch(n, h, [{k: v for k, v in licence_row().items() if k != "holder_name"}]),
        "upward.malformed"),
    "another kind of document": (lambda n, h: n.status_list(), "upward.malformed"),
    "no document": (lambda n, h: b"[]", "upward.malformed"),
}  # fmt: skip


@pytest.mark.parametrize("case", BATCHES)
def test_a_batch_that_is_refused(joined: Node, case: str) -> None:
    make, code = BATCHES[case]
    upward = Upward(joined.desk)
    head = upward.receive(batch(joined, Head(OTHER), [licence_row()]))
    with pytest.raises(LicenceTrustError) as refused:
        upward.receive(make(joined, head))
    assert refused.value.code == code
    assert upward.head(OTHER) == head and [row.state for row in upward.find(region=OTHER)] == ["CURRENT"]


def test_sending_goes_on_where_it_stopped(joined: Node) -> None:
    desk, first = joined.desk, load_trust_list(joined.desk.trust_lists.newest())
    upward = Upward(desk)
    assert upward.send() == 0  # nobody is above us
    address = f"https://{OTHER}.example.test/api/v1/upward"
    regions = tuple(
        replace(one, upper=OTHER) if one.code == desk.region.code else replace(one, upper="") for one in first.regions
    )
    joined.accept(joined.next(first, regions=regions))
    with pytest.raises(LicenceTrustError):
        upward.send()
    mine = f"{address}/{desk.region.code}"
    joined.fetcher.answers |= {mine: b'{"number": 0, "digest": "", "event": 0}', address: b"{}"}
    record = next(iter(desk.catalogue.get("business-licence").example_records(1, 5)))
    issued = desk.issuer.issue("business-licence", record, officer=SYSTEM, record_id="1")
    assert upward.send() == 1 and upward.send() == 0
    [sent] = joined.fetcher.posted
    payload = open_signed(sent, "licence-trust/upward/1", limit=1 << 20).payload
    assert payload["number"] == "1" and payload["licences"][0]["licence_id"] == issued.licence_id  # type: ignore[index, call-overload]
    officer = Official(SYSTEM, Role.OFFICER)
    desk.life.take(issued.licence_id, "suspend", officer, reason="调查")
    assert upward.send() == 1
    second = open_signed(joined.fetcher.posted[1], "licence-trust/upward/1", limit=1 << 20)
    assert second.payload["licences"][0]["state"] == "SUSPENDED"  # type: ignore[index, call-overload]
    assert second.payload["previous"] == sm3(open_signed(sent, "licence-trust/upward/1", limit=1 << 20).payload_octets).hex()


# ---------------------------------------------------------------- the drill


def test_a_drill_says_what_would_break(joined: Node) -> None:
    desk, api = joined.desk, f"https://{OTHER}.example.test/api/v1/region"
    record = next(iter(desk.catalogue.get("business-licence").example_records(1, 5)))
    desk.issuer.issue("business-licence", record, officer=SYSTEM, record_id="1")
    drill, begins = RolloverDrill(desk, joined.fetcher), joined.clock() + 7 * DAY

    def broken(ends: datetime) -> list[tuple[str, str]]:
        found = drill.run(begins, ends)
        assert (found.documents, found.nodes) == (1, 1)
        return [(one.what, one.subject) for one in found.breakages]

    number = desk.peers.believed()
    assert number is not None
    heard = f'{{"number": 1, "fresh": true, "digest": "{number.digest}"}}'.encode()
    assert broken(begins + 14 * DAY) == [("node", OTHER)]  # silent
    joined.fetcher.answers[api] = heard
    assert broken(begins + 14 * DAY) == []
    assert broken(begins - DAY) == [("list", "演示联盟")]
    for said in (b'{"number": 0, "fresh": true}', b'{"number": 1, "fresh": true, "digest": "x"}', b"[]", b"!",
                 heard.replace(b"true", b"false")):  # fmt: skip
        joined.fetcher.answers[api] = said
        assert broken(begins + 14 * DAY) == [("node", OTHER)]
    begins = joined.clock() + 40 * DAY
    joined.fetcher.answers[api] = heard
    assert ("list", "演示联盟") in broken(begins + 14 * DAY)  # the list runs out before


def test_a_drill_finds_what_rests_on_a_claimed_time(joined: Node) -> None:
    desk = joined.desk
    record = next(iter(desk.catalogue.get("business-licence").example_records(1, 5)))
    unstamped = replace(desk.issuer, sealer=replace(desk.issuer.sealer, timestamper=None))
    made = unstamped.issue("business-licence", record, officer=SYSTEM, record_id="1")
    begins = joined.clock() + 7 * DAY
    found = RolloverDrill(desk, joined.fetcher).run(begins, begins + 14 * DAY)
    assert ("document", made.licence_id) in [(one.what, one.subject) for one in found.breakages]
