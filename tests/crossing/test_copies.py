"""A copy made in A, brought to B: A says what became of it, A counts its uses, once; silent, nobody passes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from licence_store.copying.uses import Acceptance
from licence_store.journal import entries
from licence_store.sharing.purposes import Purpose
from tests.crossing.test_chaos import OFFICIAL, silent
from tests.crossing.window import CLERK, FOR, Window
from tests.crossing.world import PURPOSE, A, B, Fault, World, make_regions, world
from trust.errors import LicenceTrustError
from trust.fetching import Exchange
from trust.signed import sign_document

ON_PAPER = "https://a.example.test/c/{}"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    made = make_regions(tmp_path_factory.mktemp("crossing"))
    with world(made, tmp_path_factory.mktemp("world") / "work") as found:
        licence_id, _, _ = found.a.issue(51)
        found.b.desk.publications.refresh(force=True)
        yield Window.of(found, licence_id)


@pytest.fixture
def window(both: Window) -> Iterator[Window]:
    """As if B had just started."""
    both.world.line.fault = None
    both.world.connect()
    both.world.b.desk.__dict__.pop("copies_elsewhere", None)
    yield both
    both.world.line.fault = None


def on_copies(act: Callable[[Exchange], bytes]) -> Fault:
    """Questions about copies fail; lists are there."""
    return lambda exchange, go: act(exchange) if "/sharing/" in exchange.url else go(exchange)


@pytest.mark.parametrize("form", ["ofd", "pdf"])
def test_accepted_in_the_region_that_made_it_and_no_more_often_than_granted(window: Window, form: str) -> None:
    made = window.make(form, uses=2)
    assert window.told(made.data) == ("TOTAL-PASSED", None)
    first = window.accept(made.data, key="k-1")
    assert (first.number, first.uses, first.recipient, first.replayed) == (1, 2, window.recipient, False)
    again = window.accept(made.data, key="k-1")
    assert (again.number, again.replayed, window.used(made)) == (1, True, 1)
    assert window.accept(made.id).number == 2  # by its number: B knows by now whose it is
    assert (window.accept(made.data), window.accept(made.id)) == ("copy.not_passed", "copy.used_up")
    assert window.used(made) == 2
    assert window.told(made.data) == ("TOTAL-FAILED", "COPY_USED_UP")

    history = window.world.a.desk.copies.history(made.id)
    assert {one.recipient for one in history.uses} == {window.recipient}
    assert {one.actor for one in history.uses} == {"sharing:region:120000"}
    noted = window.world.a.desk.ledger.page(window.who.holder.code, limit=50).entries
    assert {("use", window.recipient), ("verify", "乙省")} <= {(one.act, one.who) for one in noted}
    with window.world.b.desk.sessions.read() as session:
        actions = [(one.action, one.result) for one in entries(session, subject=made.id)]
    assert actions == [("copy.accept_elsewhere", "TRUE")] * 3 + [("copy.accept_elsewhere", "copy.used_up")]


def test_taken_back_there_is_refused_here(window: Window) -> None:
    made = window.make()
    before = window.world.b.clock()
    assert window.told(made.data) == ("TOTAL-PASSED", None)
    window.world.forward(minutes=5)
    window.world.a.desk.copier.revoke(window.who, made.id, "不再需要")
    assert window.told(made.data) == ("TOTAL-FAILED", "COPY_REVOKED")
    assert (window.accept(made.data), window.accept(made.id)) == ("copy.not_passed", "copy.revoked")
    window.world.line.fault = on_copies(silent)
    assert window.told(made.data) == ("TOTAL-FAILED", "COPY_REVOKED")  # what is over stays so, whoever is silent
    window.world.line.fault = None
    assert window.told(made.data, before - window.world.b.clock() + timedelta(minutes=2)) == ("TOTAL-PASSED", None)
    assert window.used(made) == 0


def test_by_its_code_on_paper(window: Window) -> None:
    made, stated = window.make(service_item="开办企业"), Acceptance(FOR, "办件-2", service_item="开办企业")
    copier = window.world.b.desk.copier
    with pytest.raises(LicenceTrustError) as unknown:
        copier.look_at(made.id, CLERK, stated)  # a number alone names no region
    assert unknown.value.code == "copy.unknown"
    view, against = copier.look_at(made.id, CLERK, stated, ON_PAPER.format(made.id))
    assert (view.region, view.recipient, view.left, against) == ("演示省", window.recipient, 2, None)
    assert [one["name"] for one in view.terms["face"]]
    view, against = copier.look_at(made.id, CLERK, replace(stated, purpose="贷款"), ON_PAPER.format(made.id))
    assert against is not None and against.code == "copy.purpose_differs" and not view.terms["face"]
    assert window.accept(made.id, service_item="开办企业").number == 1
    for nowhere in ("https://evil.test/c/{}", "https://a.example.test@evil.test/c/{}", "//", "http://[::1"):
        assert not window.world.b.desk.copies_elsewhere.region_at(nowhere.format(made.id))


def test_refused_by_the_clerk_and_told_to_the_holder(window: Window) -> None:
    made = window.make()
    refusal = window.world.b.desk.copier.refuse(made.data, CLERK, Acceptance(FOR, "办件-3"), "照片不清")
    assert (refusal.code, refusal.reason) == ("copy.clerk", "照片不清")
    (kept,) = window.world.a.desk.copies.history(made.id).refusals
    assert (kept.reason, kept.recipient, window.used(made)) == ("照片不清", window.recipient, 0)


def test_what_the_terms_say_there_decides(window: Window) -> None:
    made = window.make(uses=9)
    window.told(made.data)
    rows: list[tuple[dict[str, Any], str]] = [
        ({"purpose": "申请贷款"}, "copy.purpose_differs"),
        ({"digest": "0" * 64}, "copy.file_differs"),
    ]
    for stated, code in rows:
        assert window.accept(made.id, **stated) == code, stated
    assert window.accept(made.id, key="k").number == 1
    assert window.accept(made.id, key="k", case_number="办件-9") == "copy.key_reused"
    window.world.a.desk.life.take(window.licence_id, "suspend", OFFICIAL, reason="停业", basis="条例第九条")
    assert window.accept(made.id) == "copy.original_ended"
    window.world.forward(seconds=30)
    assert window.told(made.data) == ("INDETERMINATE", "LICENCE_SUSPENDED")  # B asks for A's list too
    window.world.a.desk.life.take(window.licence_id, "resume", OFFICIAL, reason="整改完成")
    window.world.forward(seconds=30)
    assert (window.accept(made.id).number, window.used(made)) == (2, 2)


def test_a_copy_its_region_never_made(window: Window) -> None:
    """Sealed with A's copy seal on another machine: A itself knows nothing of it."""
    made = window.make()
    window.world.line.fault = said(window.world, lambda payload: payload.update(outcome="NOT_FOUND"))
    assert window.told(made.data) == ("INDETERMINATE", "COPY_STATUS_UNKNOWN")
    assert window.accept(made.data) == "copy.not_passed"


def said(found: World, change: Callable[[dict[str, Any]], object]) -> Fault:
    """A itself signs something else to the very question that was put."""
    publisher = found.a.desk.region.keyring.signer("publisher")

    def fault(exchange: Exchange, go: Callable[[Exchange], bytes]) -> bytes:
        data = go(exchange)
        if "/sharing/" not in exchange.url:
            return data
        payload = json.loads(data)["payload"]
        change(payload)
        return sign_document(payload, publisher.sign, [publisher.certificate.der])

    return fault


ODD: dict[str, dict[str, str]] = {
    "about another copy": {"copy_id": "c-0123456789abcdef"},
    "in an unknown word": {"state": "FINE", "number": "x"},
}


@pytest.mark.parametrize("odd", ODD)
def test_what_a_region_says_of_a_copy_is_read_strictly(window: Window, odd: str) -> None:
    made = window.make(uses=1)
    assert window.told(made.data) == ("TOTAL-PASSED", None)
    window.world.line.fault = said(window.world, lambda payload: payload["result"].update(ODD[odd]))
    assert window.told(made.data) == ("INDETERMINATE", "COPY_STATUS_UNKNOWN")
    assert window.accept(made.id, key="again") == "copy.region_answer"
    window.world.line.fault = None
    assert window.accept(made.id, key="again").number == 1  # the same use, counted once
    assert (window.used(made), window.accept(made.id, key="more")) == (1, "copy.used_up")


ODD_ON_PAPER: list[dict[str, object]] = [
    {"state": "FINE"}, {"state": ["ACTIVE"]}, {"title": ["x"]}, {"purpose": {"a": "b"}}, {"level": []}, {"digest": {}},
    {"until": "2030-01-01T00:00:00"}, {"until": "0001-01-01T00:00:00+14:00"}, {"made": ""}, {"terms": {"face": "x"}},
    {"copy_id": ["x"]},
]  # fmt: skip


def _with(odd: dict[str, object], payload: dict[str, Any]) -> None:
    payload["result"].update(odd)


def test_what_a_region_says_of_paper_is_read_strictly(window: Window) -> None:
    made, stated = window.make(), Acceptance(FOR, "办件-4")
    copier = window.world.b.desk.copier
    for odd in ODD_ON_PAPER:
        window.world.line.fault = said(window.world, partial(_with, odd))
        with pytest.raises(LicenceTrustError) as refused:
            copier.look_at(made.id, CLERK, stated, ON_PAPER.format(made.id))
        assert refused.value.code == "copy.region_answer", odd
    assert not window.world.b.desk.guide.known.copy(made.id)


def test_another_region_that_speaks_of_the_copy_is_not_believed(window: Window) -> None:
    """Whoever spoke first does not take the place of the one that made it; a number alone is not enough any more."""
    made, known = window.make(uses=1), window.world.b.desk.guide.known
    known.remember_copy(B, made.id, "ACTIVE", window.world.b.clock())
    assert window.told(made.data) == ("TOTAL-PASSED", None)
    assert window.accept(made.id) == "copy.two_regions"
    assert window.accept(made.data).number == 1
    assert known.copy(made.id)[A].state == "USED_UP" and known.copy(made.id)[B].state == "ACTIVE"


SILLY: list[tuple[str, dict[str, Any], str]] = [
    ("copy", {"at": "0001-01-01T00:00:00+14:00"}, "crossing.refused"),
    ("copy", {"at": "9999-12-31T23:59:59-14:00"}, "crossing.refused"),
    ("copy", {"stated": {"purpose": "x\x00"}}, "crossing.refused"),
    ("copy", {"stated": {"purpose": "\ud800"}}, "json.surrogate"),
    ("accept", {"stated": {"purpose": FOR}, "key": " "}, "crossing.refused"),
    ("accept", {"stated": {"purpose": FOR}, "key": "钥"}, "crossing.refused"),
]


def test_silly_questions_of_a_region(window: Window) -> None:
    made, asker = window.make(), window.world.b.desk.guide.asker
    (peer,) = (one for one in window.world.b.desk.peers.list() if one.code == A)
    for operation, parameters, code in SILLY:
        with pytest.raises(LicenceTrustError) as refused:
            asker.ask(peer, operation, {"copy_id": made.id, **parameters}, Purpose("licence-trust", *"一二三四五"))
        assert refused.value.code == code, parameters
    assert (window.used(made), asker.breaker.state(A)) == (0, "closed")


def test_never_heard_of_and_silent(window: Window) -> None:
    made = window.make()
    window.world.line.fault = on_copies(silent)
    assert window.told(made.data) == ("INDETERMINATE", "COPY_STATUS_UNKNOWN")
    assert window.accept(made.id) == "copy.unknown"


def test_an_answer_that_was_lost(window: Window) -> None:
    """A counted, its answer never came: B asks again by itself, and it is the same use."""
    made, lost = window.make(), [0]
    window.told(made.data)

    def fault(exchange: Exchange, go: Callable[[Exchange], bytes]) -> bytes:
        data = go(exchange)
        if exchange.url.endswith("/accept") and not lost[0]:
            lost[0] += 1
            return silent(exchange)
        return data

    window.world.line.fault = fault
    use = window.accept(made.id)
    assert (use.number, use.replayed, window.used(made), lost) == (1, True, 1, [1])


@pytest.mark.parametrize("end", ["used up", "taken back"])
def test_all_answers_were_lost_and_the_file_is_shown_again(window: Window, end: str) -> None:
    """The clerk sends the same page once more: it was counted, though the file does not pass any longer."""
    made = window.make(uses=1 if end == "used up" else 2)
    window.world.line.fault = lambda exchange, go: (
        go(exchange) and silent(exchange) if exchange.url.endswith("/accept") else go(exchange)
    )
    assert (window.accept(made.data, key="k"), window.used(made)) == ("copy.region_silent", 1)
    window.world.line.fault = None
    window.world.connect()
    if end == "taken back":
        window.world.a.desk.copier.revoke(window.who, made.id, "不再需要")
    use = window.accept(made.data, key="k")
    assert (use.number, use.replayed, window.used(made)) == (1, True, 1)
    assert window.accept(made.data, key="other") == ("copy.used_up" if end == "used up" else "copy.revoked")


def test_only_nodes_ask_and_only_about_their_own(window: Window) -> None:
    """A system or a clerk asks its own region; a region is asked about copies of its own."""
    made = window.make()
    for operation, parameters in (
        ("copy", {"copy_id": made.id}),
        ("accept", {"copy_id": made.id, "stated": {"purpose": FOR}, "key": "k"}),
    ):
        with pytest.raises(LicenceTrustError) as refused:
            window.world.a.services.sharing.look_up(CLERK, "李", operation, parameters, PURPOSE)
        assert refused.value.code == "sharing.scope_operation"
    assert window.used(made) == 0
