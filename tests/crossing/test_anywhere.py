"""Nobody knows whose it is: asked wherever such licences are issued, by the signed catalogues; with the hub away too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.authority import DAY
from tests.crossing.test_chaos import silent
from tests.crossing.world import OWNER, TYPE, URLS, A, B, World, make_regions, world
from trust.errors import LicenceTrustError
from trust.fetching import Exchange
from trust.journal import SYSTEM
from trust.signed import sign_document, write_moment

HUB = "https://hub.example.test"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_regions(tmp_path_factory.mktemp("crossing"))
    with world(made, tmp_path_factory.mktemp("world") / "work") as found:
        for seed in (61, 62):
            found.licences[str(seed)] = found.a.issue(seed)
        yield found


@pytest.fixture
def meeting(both: World) -> Iterator[World]:
    """B anew, with no catalogue of A at hand; the hub hands on what A signed."""
    from sqlalchemy import delete

    from licence_store.regions.models import PeerEvidence

    with both.b.desk.sessions.begin() as session:
        session.execute(delete(PeerEvidence).where(PeerEvidence.kind == "catalogue"))
    both.b.services.desk.__dict__.pop("sharing", None)
    both.connect()
    both.line.asked.clear()
    both.line.fault = through_hub
    with_hub(both, HUB)
    yield both
    both.line.fault = None


def with_hub(found: World, hub: str) -> None:
    """B's settings name this hub."""
    object.__setattr__(found.b.desk, "settings", replace(found.b.desk.settings, hub_url=hub))


def through_hub(exchange: Exchange, go: Callable[[Exchange], bytes]) -> bytes:
    """A hub that has A's catalogue as A signed it."""
    if exchange.url == f"{HUB}/api/v1/union-catalogue/{A}":
        return go(replace(exchange, url=f"{URLS[A]}/api/v1/catalogue/report"))
    return go(exchange)


def asked(found: World, **parameters: str) -> Any:
    return found.ask("holder" if "holder_code" in parameters else "licence", type=TYPE, **parameters)


def outcomes(answer: Any) -> dict[str, tuple[str, str]]:
    return {one["code"]: (one["outcome"], one["reason"]) for one in answer.result["regions"]}


def test_found_where_it_was_issued(meeting: World) -> None:
    licence_id, record, _ = meeting.licences["61"]
    number = meeting.a.desk.register.find(licence_id).summary.licence_number
    for parameters in ({"holder_code": record["credit_code"]}, {"licence_number": number}):
        here = asked(meeting, **parameters)
        assert (here.outcome, here.source) == ("NOT_FOUND", "register")
        assert here.result["elsewhere"] == [{"code": A, "name": "演示省"}]  # not here, and where it may be
        answer = asked(meeting, **parameters, region="*")
        assert (answer.outcome, answer.source) == ("FOUND", "regions")
        assert outcomes(answer) == {B: ("NOT_FOUND", ""), A: ("FOUND", "")}
        (told,) = answer.result["licences"]
        assert (told["licence_id"], told["region"], told["state"]) == (licence_id, A, "CURRENT")
    assert [one for one in meeting.line.asked if "catalogue" in one] == [f"{HUB}/api/v1/union-catalogue/{A}"]  # once
    here, there = (one.desk.sharing.log.page(limit=1)[0][0] for one in (meeting.b, meeting.a))
    assert here.purpose == there.purpose and there.client_id == f"region:{B}"


def test_in_both_regions(meeting: World) -> None:
    _, record, _ = meeting.licences["62"]
    mine = dict(next(iter(meeting.b.desk.catalogue.get(TYPE).example_records(1, 62))))
    mine["credit_code"] = record["credit_code"]
    meeting.b.services.issue(TYPE, mine, SYSTEM, "r-mine")
    answer = asked(meeting, holder_code=record["credit_code"], region="*")
    assert [one["region"] for one in answer.result["licences"]] == [B, A]


def test_nowhere_is_everybodys_word(meeting: World) -> None:
    nobody = {"holder_code": "91990000MA49QUAQ2W", "region": "*"}
    assert asked(meeting, **nobody).outcome == "NOT_FOUND"
    meeting.line.fault = lambda exchange, go: (
        silent(exchange) if "/sharing/" in exchange.url else through_hub(exchange, go)
    )
    answer = asked(meeting, **nobody)
    assert answer.outcome == "UNREACHABLE" and outcomes(answer)[A] == ("UNREACHABLE", "fetch.timeout")
    meeting.line.fault = through_hub
    meeting.b.desk.guide.asker.breaker.succeeded(A)
    access = meeting.a.desk.sharing.access
    access.set_tier(TYPE, OWNER, "closed", "不互认", SYSTEM)
    answer = asked(meeting, **nobody)
    assert answer.outcome == "INDETERMINATE" and outcomes(answer)[A] == ("refused", "crossing.refused")
    access.set_tier(TYPE, OWNER, "open", "互认", SYSTEM)


ROADS: dict[str, tuple[str, Callable[[str], bool], list[str]]] = {
    # the hub B knows, what is away, where a catalogue was asked for
    "the hub is away": (HUB, lambda url: url.startswith(HUB),
                        [f"{HUB}/api/v1/union-catalogue/{A}", f"{URLS[A]}/api/v1/catalogue/report"]),
    "there is no hub": ("", lambda url: False, [f"{URLS[A]}/api/v1/catalogue/report"]),
    "nobody gives a catalogue": (HUB, lambda url: "catalogue" in url,
                                 [f"{HUB}/api/v1/union-catalogue/{A}", f"{URLS[A]}/api/v1/catalogue/report"]),
}  # fmt: skip


@pytest.mark.parametrize("road", ROADS)
def test_without_the_hub_it_is_found_all_the_same(meeting: World, road: str) -> None:
    hub, away, wanted = ROADS[road]
    with_hub(meeting, hub)
    meeting.line.fault = lambda exchange, go: silent(exchange) if away(exchange.url) else through_hub(exchange, go)
    answer = asked(meeting, holder_code=meeting.licences["61"][1]["credit_code"], region="*")
    assert answer.outcome == "FOUND"
    assert [one for one in meeting.line.asked if "catalogue" in one] == wanted


def test_a_hub_cannot_leave_a_region_out(meeting: World) -> None:
    """What it hands on must be signed by the region itself; else the region is asked."""
    meeting.line.fault = lambda exchange, go: b"{}" if exchange.url.startswith(HUB) else go(exchange)
    answer = asked(meeting, holder_code=meeting.licences["61"][1]["credit_code"], region="*")
    assert answer.outcome == "FOUND" and outcomes(answer)[A] == ("FOUND", "")


def test_a_catalogue_of_tomorrow_leaves_nothing_out(meeting: World) -> None:
    """Signed by the region itself while its clock was wrong: it would hide for long what is issued there since."""
    publisher = meeting.a.desk.region.keyring.signer("publisher")

    def tomorrow(exchange: Exchange, go: Callable[[Exchange], bytes]) -> bytes:
        data = through_hub(exchange, go)
        if "catalogue" not in exchange.url:
            return data
        made = {"generated": write_moment(meeting.a.clock() + 9 * DAY), "types": []}
        return sign_document({**json.loads(data)["payload"], **made}, publisher.sign, [publisher.certificate.der])

    meeting.line.fault = tomorrow
    answer = asked(meeting, holder_code=meeting.licences["61"][1]["credit_code"], region="*")
    assert answer.outcome == "FOUND" and outcomes(answer)[A] == ("FOUND", "")


def test_only_by_number_or_holder(meeting: World) -> None:
    for operation, parameters in (
        ("licence", {"licence_id": meeting.licences["61"][0]}),
        ("batch", {"type": TYPE}),
        ("catalogue", {}),
        ("check", {"type": TYPE, "holder_code": "x", "fields": {"name": "x"}}),
    ):
        with pytest.raises(LicenceTrustError) as refused:
            meeting.ask(operation, **parameters, region="*")
        assert refused.value.code == "sharing.parameter", operation
    unknown = meeting.ask("holder", type="no-such-type", holder_code="x", region="*")
    assert unknown.outcome == "INDETERMINATE" and outcomes(unknown)[B] == ("refused", "type.unknown")
