"""Chaos as data: every fault × every operation → what B must answer. No wrong "valid", no silent "unknown"."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from api.app import create_app
from licence_store.copying.copier import MadeCopy
from licence_store.crossing.models import KnownElsewhere
from licence_store.regions.models import PeerEvidence
from seal.lifecycle import Official, Role
from tests.crossing.window import Window
from tests.crossing.world import OWNER, TYPE, URLS, A, World, b64, make_regions, node, world
from tests.federation import authority_of
from trust.canonical import canonical_json
from trust.errors import LicenceTrustError, Refused, Unavailable
from trust.fetching import Exchange
from trust.journal import SYSTEM, Actor
from trust.trust_list import Entitlement

OFFICIAL = Official(Actor("zhang", OWNER, None, "page"), Role.OFFICER)
GOOD = ("FOUND", "TRUE", "SAME", "TOTAL-PASSED")
"""What a clerk would rely on."""
Operation = Callable[[tuple[str, dict[str, str], bytes]], dict[str, Any]]
OPERATIONS: Mapping[str, tuple[str, Operation, str]] = {
    # how it is asked: (operation, parameters, what a region says of a licence in force)
    "by identifier": ("licence", lambda it: {"licence_id": it[0]}, "FOUND"),
    "by QR": ("qr", lambda it: {"qr": f"{URLS[A]}/v/{it[0]}"}, "FOUND"),
    "by number": ("licence", lambda it: {"region": A, "type": TYPE, "licence_number": it[1]["number"]}, "FOUND"),
    "by holder": ("holder", lambda it: {"region": A, "type": TYPE, "holder_code": it[1]["credit_code"]}, "FOUND"),
    "true or false": ("check", lambda it: {"licence_id": it[0], "fields": {"name": it[1]["name"]}}, "TRUE"),
    "true or false of a holder": (
        "check", lambda it: {"region": A, "type": TYPE, "holder_code": it[1]["credit_code"],
                             "fields": {"name": it[1]["name"]}}, "TRUE",
    ),
    "batch": ("batch", lambda it: {"region": A, "type": TYPE}, "FOUND"),
    "changed since": ("batch", lambda it: {"region": A, "type": TYPE, "changed_since": "2026-01-01T00:00:00Z",
                                           "states": ["CURRENT", "LOST"], "limit": 9}, "FOUND"),
    "catalogue": ("catalogue", lambda it: {"region": A}, "FOUND"),
    "fields": ("fields", lambda it: {"region": A, "type": TYPE}, "FOUND"),
    "compare": ("compare", lambda it: {"document": b64(it[2])}, "SAME"),
    "download": ("download", lambda it: {"licence_id": it[0]}, "FOUND"),
    "verify": ("verify", lambda it: {"document": b64(it[2])}, "TOTAL-PASSED"),
}  # fmt: skip
OF_NO_LICENCE = ("catalogue", "fields")
"""What a region may always tell, and no doubt about a licence touches."""
NOT_NAMED = ("by number", "by holder", "true or false of a holder", "batch", "changed since")
"""Which licence it comes to, the region says."""


@dataclass(frozen=True)
class Row:
    """What a fault does. ``reason``: why nobody is believed (empty: it is answered as ever); ``verify``: what B itself
    makes of the file meanwhile; ``outcome``: what the other operations come to.
    """

    fault: Callable[[World, ExitStack], None]
    outcome: str = "UNREACHABLE"
    reason: str = ""
    verify: str = "INDETERMINATE"
    untouched: tuple[str, ...] = ()
    """Operations in whose answer the fault changes nothing."""


def sharing(exchange: Exchange) -> bool:
    return exchange.url.startswith(f"{URLS[A]}/api/v1/sharing/")


def statuses(exchange: Exchange) -> bool:
    return "/status-lists/" in exchange.url


def silent(exchange: Exchange) -> bytes:
    raise Unavailable("fetch.timeout", "信息源 {url} 未在限定时间内应答。", url=exchange.url)


def broken(exchange: Exchange) -> bytes:
    raise Unavailable("fetch.status", "信息源 {url} 返回状态 {status}。", url=exchange.url, status=500)


def on(which: Callable[[Exchange], bool], act: Callable[[Exchange], bytes]) -> Callable[[World, ExitStack], None]:
    """Those exchanges fail."""

    def fault(found: World, stack: ExitStack) -> None:
        found.line.fault = lambda exchange, go: act(exchange) if which(exchange) else go(exchange)

    return fault


def changed(change: Callable[[bytes], bytes]) -> Callable[[World, ExitStack], None]:
    """Answers are changed on the way."""

    def fault(found: World, stack: ExitStack) -> None:
        found.line.fault = lambda exchange, go: change(go(exchange)) if sharing(exchange) else go(exchange)

    return fault


def tampered(data: bytes) -> bytes:
    whole = json.loads(data)
    whole["payload"]["as_of"] = "2026-01-01T00:00:00Z"
    return canonical_json(whole)


def signed_by_another(data: bytes) -> bytes:
    from trust.signed import sign_document

    forger = authority_of(A, "假省").publisher
    return sign_document(json.loads(data)["payload"], forger.sign, [forger.certificate.der])


def said_otherwise(change: Callable[[World, dict[str, Any]], None]) -> Callable[[World, ExitStack], None]:
    """A's own publisher signs something else to the very question that was put."""

    def fault(found: World, stack: ExitStack) -> None:
        from trust.signed import sign_document

        publisher = found.a.desk.region.keyring.signer("publisher")

        def answer(exchange: Exchange, go: Callable[[Exchange], bytes]) -> bytes:
            data = go(exchange)
            if not sharing(exchange) or exchange.url.endswith("/verify"):
                return data
            payload = json.loads(data).get("payload")
            if payload is None:
                return data  # refused
            for one in payload["result"].get("licences", [payload["result"]]):
                change(found, one)
            return sign_document(payload, publisher.sign, [publisher.certificate.der])

        found.line.fault = answer

    return fault


def of_another_licence(found: World, one: dict[str, Any]) -> None:
    """Of the same region, in force, with its own place; a holder's are whatever the region says."""
    one["licence_id"] = found.licences["other"][0]
    one.pop("status_list", None)


def of_another_holder(_found: World, one: dict[str, Any]) -> None:
    """Where somebody's licences were asked for, somebody else's."""
    if isinstance(one.get("holder"), dict):
        one["holder"] = {**one["holder"], "code": "91110000100000000A"}


def without_state(found: World, one: dict[str, Any]) -> None:
    """Nothing of how it stands, or in a word nobody knows; no place in a list either."""
    one.pop("status_list", None)
    for name in ("state", "current"):
        if name in one:
            one[name] = "VALID"


def slow_twice(found: World, stack: ExitStack) -> None:
    """Silent for two attempts, there at the third; a download is asked for once only."""
    count = {"left": 2}

    def fault(exchange: Exchange, go: Callable[[Exchange], bytes]) -> bytes:
        if sharing(exchange) and not exchange.url.endswith("/download") and count["left"]:
            count["left"] -= 1
            return silent(exchange)
        return go(exchange)

    found.line.fault = fault


def another_question(found: World, stack: ExitStack) -> None:
    """A real answer of A, to something else."""
    other = found.licences["other"][0]
    kept: list[bytes] = []

    def record(exchange: Exchange, go: Callable[[Exchange], bytes]) -> bytes:
        kept.append(go(exchange))
        return kept[-1]

    found.line.fault = record
    found.ask("licence", licence_id=other)
    found.line.fault = lambda exchange, go: kept[0] if sharing(exchange) else go(exchange)


def repeated(found: World, stack: ExitStack) -> None:
    """Whatever A said is said again two minutes later by somebody in between, to the same questions; lists too."""
    kept: dict[tuple[str, bytes | None], bytes] = {}

    def record(exchange: Exchange, go: Callable[[Exchange], bytes]) -> bytes:
        return kept.setdefault((exchange.url, exchange.body), go(exchange))

    found.line.fault = record
    for name in OPERATIONS:
        told(found, name)
    found.also()
    ahead(found, stack, minutes=2)


def ahead(found: World, stack: ExitStack, **length: float) -> None:
    found.forward(**length)
    stack.callback(found.forward, **{name: -value for name, value in length.items()})


def expired_list(found: World, stack: ExitStack) -> None:
    ahead(found, stack, days=40)


def wrong_clock(**length: float) -> Callable[[World, ExitStack], None]:
    def fault(found: World, stack: ExitStack) -> None:
        found.a.clock.ahead += timedelta(**length)
        stack.callback(setattr, found.a.clock, "ahead", found.a.clock.ahead - timedelta(**length))

    return fault


def with_list(**changes: Any) -> Callable[[World, ExitStack], None]:
    """B believes a next list in which A's entry is changed."""

    def fault(found: World, stack: ExitStack) -> None:
        before, place = found.b, found.place / "B-next"
        shutil.copytree(found.place / "B", place)
        stack.callback(setattr, found, "b", before)
        stack.callback(shutil.rmtree, place)
        found.b = stack.enter_context(node(place, before.desk.region.code))
        entries = tuple(replace(one, **changes) if one.code == A else one for one in found.list.regions)
        following = found.federation.next(found.list, regions=entries)
        found.b.desk.trust_lists.accept(following.data, SYSTEM, source="file")
        found.connect()

    return fault


def left(found: World, stack: ExitStack) -> None:
    with_list(left_at=found.b.clock().replace(microsecond=0) - timedelta(minutes=1))(found, stack)


def rolled_request_key(found: World, stack: ExitStack) -> None:
    """B's own key is another than the list says."""
    other = authority_of(A, "假省").publisher
    asker = found.b.desk.guide.asker
    found.b.desk.guide.asker = replace(asker, signer=lambda: other)


def forked_list(found: World, stack: ExitStack) -> None:
    """Somebody shows B another list of the same number; it keeps the one it believes."""
    fork = found.federation.sign(replace(found.list, regions=found.list.regions[:1]))
    with pytest.raises(LicenceTrustError):
        found.b.desk.trust_lists.accept(fork.data, SYSTEM, source="file")


def older_status_list(found: World, stack: ExitStack) -> None:
    """A list of two minutes ago is repeated; the region itself answers."""
    kept: dict[str, bytes] = {}

    def record(exchange: Exchange, go: Callable[[Exchange], bytes]) -> bytes:
        return kept.setdefault(exchange.url, go(exchange)) if statuses(exchange) else go(exchange)

    found.line.fault = record
    found.ask("verify", document=b64(found.licences["asked"][2]))
    ahead(found, stack, minutes=2)


def says_valid_against_its_list(found: World, stack: ExitStack) -> None:
    """Sharing is answered by a copy of A from before the revocation; its lists are of now."""
    in_force = found.licences["asked"] is found.licences["in force"]
    if in_force:
        found.licences["asked"] = found.licences["revoked later"]
    shutil.copytree(found.place / "A", found.place / "A-before")
    stack.callback(shutil.rmtree, found.place / "A-before")
    before = stack.enter_context(node(found.place / "A-before", A))
    before.clock.ahead = found.a.clock.ahead
    app = create_app(before.services)
    now_app = found.line.nodes[URLS[A]]
    if in_force:
        licence_id = found.licences["asked"][0]
        found.a.desk.life.take(licence_id, "revoke", OFFICIAL, reason="处罚", basis="条例第九条")
    ahead(found, stack, seconds=30)
    before.clock.ahead = found.a.clock.ahead

    def fault(exchange: Exchange, go: Callable[[Exchange], bytes]) -> bytes:
        found.line.nodes[URLS[A]] = app if sharing(exchange) else now_app
        try:
            return go(exchange)
        finally:
            found.line.nodes[URLS[A]] = now_app

    found.line.fault = fault


def closed(found: World, stack: ExitStack) -> None:
    access = found.a.desk.sharing.access
    access.set_tier(TYPE, OWNER, "closed", "不互认", SYSTEM)
    stack.callback(access.set_tier, TYPE, OWNER, "open", "互认", SYSTEM)


def open_breaker(found: World, stack: ExitStack) -> None:
    on(sharing, silent)(found, stack)
    for _ in range(3):
        found.ask("catalogue", region=A)


def nothing(found: World, stack: ExitStack) -> None:
    found.line.fault = None


FAULTS: Mapping[str, Row] = {
    "none": Row(nothing, "", "", "TOTAL-PASSED"),
    "silent peer": Row(on(lambda one: True, silent), "UNREACHABLE", "fetch.timeout"),
    "slow peer": Row(slow_twice, "", "", "TOTAL-PASSED"),
    "errors within": Row(on(sharing, broken), "UNREACHABLE", "fetch.status", "TOTAL-PASSED"),
    "split: sharing away, lists there": Row(on(sharing, silent), "UNREACHABLE", "fetch.timeout", "TOTAL-PASSED"),
    "late status list": Row(on(statuses, silent), "", ""),
    "older status list": Row(older_status_list, "", ""),
    "tampered answer": Row(changed(tampered), "UNREACHABLE", "crossing.not_believed", "TOTAL-PASSED"),
    "wrong signature": Row(changed(signed_by_another), "UNREACHABLE", "crossing.not_believed", "TOTAL-PASSED"),
    "no answer at all": Row(changed(lambda data: b"<html>"), "UNREACHABLE", "crossing.status", "TOTAL-PASSED"),
    "empty answer": Row(changed(lambda data: b""), "UNREACHABLE", "crossing.status", "TOTAL-PASSED"),
    "nested without end": Row(changed(lambda data: b"[" * 99_999), "UNREACHABLE", "crossing.status", "TOTAL-PASSED"),
    "answer to another question": Row(another_question, "UNREACHABLE", "crossing.not_believed", "TOTAL-PASSED"),
    "everything repeated two minutes later": Row(repeated, "UNREACHABLE", "crossing.answer_old"),
    "expired list": Row(expired_list, "UNREACHABLE", "crossing.list_expired", ""),
    "forked list": Row(forked_list, "", "", "TOTAL-PASSED"),
    "region left": Row(left, "UNREACHABLE", "crossing.left", ""),
    "rolled key at the peer": Row(with_list(anchors=()), "UNREACHABLE", "crossing.not_believed"),
    "rolled key of ours": Row(rolled_request_key, "UNREACHABLE", "crossing.key_unlisted", "TOTAL-PASSED"),
    "no address on the list": Row(with_list(endpoints={}), "UNREACHABLE", "crossing.no_endpoint", "TOTAL-PASSED"),
    "not entitled": Row(with_list(entitlements=(Entitlement(A, frozenset({"X"})),)), "INDETERMINATE",
                        "entitlement.missing"),
    "clock behind": Row(wrong_clock(minutes=-10), "UNREACHABLE", "crossing.not_admitted"),
    "clock ahead": Row(wrong_clock(minutes=10), "UNREACHABLE", "crossing.not_admitted"),
    "breaker open": Row(open_breaker, "UNREACHABLE", "crossing.open", "TOTAL-PASSED"),
    "hub down": Row(on(lambda one: not one.url.startswith(URLS[A]), silent), "", "", "TOTAL-PASSED"),
    "says valid, its list says revoked": Row(says_valid_against_its_list, "INDETERMINATE", "crossing.contradicted",
                                             "TOTAL-FAILED"),
    "signed, of another licence": Row(said_otherwise(of_another_licence), "INDETERMINATE", "crossing.other_licence",
                                      "TOTAL-PASSED", NOT_NAMED),
    "signed, of another holder": Row(said_otherwise(of_another_holder), "INDETERMINATE", "crossing.other_licence",
                                     "TOTAL-PASSED", tuple(one for one in OPERATIONS if one != "by holder")),
    "signed, state in an unknown word": Row(said_otherwise(without_state), "INDETERMINATE", "crossing.no_state",
                                            "TOTAL-PASSED", ("download",)),
    "not shared": Row(closed, "refused", "crossing.refused", "TOTAL-PASSED"),
}  # fmt: skip


TELLING = ("silent peer", "tampered answer", "everything repeated two minutes later", "breaker open")
"""Of the faults after which nobody is believed, those that are asked twice in every run; the others in the long one."""
SHORT = [
    one if row.outcome != "UNREACHABLE" or one in TELLING else pytest.param(one, marks=pytest.mark.long)
    for one, row in FAULTS.items()
]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_regions(tmp_path_factory.mktemp("crossing"))
    with world(made, tmp_path_factory.mktemp("world") / "work") as found:
        for seed, name in enumerate(("in force", "other", "revoked later", "lost"), 21):
            found.licences[name] = found.a.issue(seed)
            found.licences[name][1]["number"] = found.a.desk.register.find(
                found.licences[name][0]
            ).summary.licence_number
        found.a.desk.life.take(found.licences["lost"][0], "report_lost", OFFICIAL, reason="遗失")
        found.b.desk.publications.refresh(force=True)
        yield found


def without_lists(found: World) -> None:
    """B as if just started, with no status list of A."""
    with found.b.desk.sessions.begin() as session:
        session.execute(delete(PeerEvidence).where(PeerEvidence.kind == "status_list"))
    found.connect()


@pytest.fixture
def meeting(both: World) -> Iterator[World]:
    """As if B had just started, and had asked about the licence once before."""
    both.line.fault = None
    both.licences["asked"] = both.licences["in force"]
    with both.b.desk.sessions.begin() as session:
        session.execute(delete(KnownElsewhere))
    without_lists(both)
    yield both
    both.line.fault = None


def told(found: World, name: str) -> tuple[str, Mapping[str, Any]]:
    operation, parameters, _ = OPERATIONS[name]
    try:
        answer = found.ask(operation, **parameters(found.licences["asked"]))
    except Refused as error:
        return "refused", {"region": {"reason": error.code}}
    assert answer.operation == operation
    return answer.outcome, answer.result


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_with_each_operation(meeting: World, fault: str) -> None:
    row = FAULTS[fault]
    seen: dict[str, tuple[str, str]] = {}
    with ExitStack() as stack:
        row.fault(meeting, stack)
        for name, (_, _, good) in OPERATIONS.items():
            if fault != "breaker open":
                meeting.b.desk.guide.asker.breaker.succeeded(A)
            outcome, result = told(meeting, name)
            reason = result["region"]["reason"]
            seen[name] = (outcome, reason)
            if outcome == "UNREACHABLE":
                assert set(result["known"]) == {"state", "as_of", "by", "reason"}
            if outcome not in GOOD:
                assert "content" not in result and "face" not in result, name  # nothing leaves beside a doubt
            wanted = (row.verify if name == "verify" else row.outcome) or good
            about_no_licence = name in OF_NO_LICENCE and row.outcome in ("INDETERMINATE", "refused")
            if name in row.untouched or about_no_licence:
                assert outcome == good, (name, outcome)
                continue
            if name == "verify" and not row.verify:
                assert outcome in ("TOTAL-PASSED", "INDETERMINATE")
                continue
            assert outcome == wanted, (name, outcome, result["region"], row)
            if row.outcome in ("UNREACHABLE", "refused", "INDETERMINATE") and name != "verify":
                assert reason == row.reason, (name, reason)
    assert len(seen) == len(OPERATIONS)


@pytest.mark.parametrize("fault", SHORT)
def test_no_fault_makes_a_lost_licence_valid(meeting: World, fault: str) -> None:
    """What is not in force is never said to be, whatever goes wrong; and never passed over in silence."""
    row = FAULTS[fault]
    meeting.licences["asked"] = meeting.licences["lost"]
    lost = meeting.licences["lost"][0]
    with ExitStack() as stack:
        row.fault(meeting, stack)
        for name in OPERATIONS:
            outcome, result = told(meeting, name)
            if name in OF_NO_LICENCE:
                continue
            if name in ("by identifier", "by QR", "by number"):
                assert outcome != "FOUND" or result["state"] != "CURRENT"
            elif name in ("by holder", "batch", "changed since"):
                states = [one["state"] for one in result.get("licences", ()) if one["licence_id"] == lost]
                silent_on_it = name == "by holder" and outcome == "FOUND" and not states
                assert "CURRENT" not in states and (not silent_on_it or name in row.untouched), (name, states)
            elif name.startswith("true or false"):
                assert outcome != "TRUE" or result["current"] == "false"
            elif name == "compare":
                assert outcome != "SAME" or result["state"] != "CURRENT"
            else:
                assert outcome not in GOOD, (name, outcome)


@pytest.fixture(scope="module")
def window(both: World) -> Window:
    return Window.of(both, both.licences["in force"][0])


@pytest.fixture(scope="module")
def copies(window: Window) -> tuple[MadeCopy, MadeCopy]:
    """One that may be used, one that was taken back."""
    good, back = (window.make(uses=0, until=window.world.a.clock() + timedelta(days=60)) for _ in range(2))
    window.world.a.desk.copier.revoke(window.who, back.id, "不再需要")
    return good, back


@pytest.mark.parametrize("fault", SHORT)
def test_each_fault_with_a_copy(meeting: World, window: Window, copies: tuple[MadeCopy, MadeCopy], fault: str) -> None:
    """Verified, accepted and asked again under the same key: never passed on a doubt, never counted twice."""
    row, (good, back) = FAULTS[fault], copies
    meeting.licences["asked"] = meeting.licences["other"]
    assert window.told(good.data) == ("TOTAL-PASSED", None)
    before = window.used(good)
    without_lists(meeting)
    with ExitStack() as stack:
        meeting.also = lambda: (window.told(good.data), window.accept(good.id, key=fault))
        stack.callback(setattr, meeting, "also", lambda: None)
        row.fault(meeting, stack)
        away = row.outcome == "UNREACHABLE"
        if fault != "breaker open":
            meeting.b.desk.guide.asker.breaker.succeeded(A)
        verdict, _ = window.told(good.data)
        doubtful = away or row.verify == "INDETERMINATE" or row.reason == "crossing.no_state"
        assert (verdict != "TOTAL-PASSED") is doubtful, verdict
        assert window.told(back.data)[0] != "TOTAL-PASSED"
        use = window.accept(good.id, key=fault)
        assert (use == "copy.region_silent") if away else use.number == before + 1, use
    meeting.line.fault = None
    meeting.connect()
    assert window.accept(good.id, key=fault).number == before + 1
    assert window.used(good) == before + 1
