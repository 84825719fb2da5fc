"""批量 across regions: page by page, changes alone, a doubtful line that spoils no other, a region that falls silent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from licence_store.crossing.judging import MOST
from tests.crossing.test_chaos import OFFICIAL, sharing, silent
from tests.crossing.world import TYPE, A, B, World, make_regions, world
from trust.errors import LicenceTrustError
from trust.fetching import Exchange
from trust.signed import sign_document, write_moment


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_regions(tmp_path_factory.mktemp("crossing"))
    with world(made, tmp_path_factory.mktemp("world") / "work") as found:
        for seed in range(41, 46):
            found.licences[str(seed)] = found.a.issue(seed)
        yield found
        found.line.fault = None


def ids(result: Any, member: str = "licences") -> list[str]:
    return [one["licence_id"] for one in result.get(member, ())]


def ask(found: World, **asked: Any) -> Any:
    return found.ask("batch", **asked)


def pages(found: World, **asked: Any) -> list[str]:
    """All there are, two at a time."""
    told: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(9):
        answer = ask(found, region=A, type=TYPE, limit=2, **asked, **cursor)
        told += ids(answer.result)
        assert answer.result["region"]["as_of"] and answer.source == f"region:{A}"
        if not answer.result["next"]:
            break
        cursor = {"cursor": answer.result["next"]}
    return told


def test_every_licence_once_and_written_down_on_both_sides(both: World) -> None:
    issued = {one[0] for one in both.licences.values()}
    told = pages(both)
    assert len(told) == len(set(told)) and set(told) == issued
    here, there = (one.desk.sharing.log.page(limit=1)[0][0] for one in (both.b, both.a))
    assert here.purpose == there.purpose and (there.operation, there.client_id) == ("batch", f"region:{B}")
    for licence_id, record, _ in both.licences.values():  # every holder is told, by name of the region
        noted = both.a.desk.ledger.page(record["credit_code"], limit=9).entries
        assert ("乙省", "list") in {(one.who, one.act) for one in noted}, licence_id


def test_changes_alone(both: World) -> None:
    both.forward(seconds=2)
    since = both.a.clock()
    assert pages(both, changed_since=write_moment(since)) == []
    assert ask(both, region=A, type=TYPE, changed_since=write_moment(since)).outcome == "NOT_FOUND"
    licence_id, _, _ = both.licences["41"]
    both.a.desk.life.take(licence_id, "report_lost", OFFICIAL, reason="遗失")
    assert pages(both, changed_since=write_moment(since)) == [licence_id]
    assert pages(both, states=["LOST"]) == [licence_id]
    both.a.desk.life.take(licence_id, "found", OFFICIAL, reason="找到")
    assert pages(both, states=["LOST"]) == []


def test_a_doubtful_line_spoils_no_other(both: World) -> None:
    """Its region says it is in force; the region's own list, just now, that it is suspended."""
    licence_id, _, _ = both.licences["42"]
    both.a.desk.life.take(licence_id, "suspend", OFFICIAL, reason="责令停业", basis="条例第九条")
    both.forward(seconds=30)
    both.line.fault = answered(both, lambda lines: [one.update(state="CURRENT") for one in lines])
    answer = ask(both, region=A, type=TYPE)
    assert (answer.outcome, answer.result["region"]["reason"]) == ("INDETERMINATE", "crossing.contradicted")
    assert ids(answer.result, "doubtful") == [licence_id] and licence_id not in ids(answer.result)
    assert len(ids(answer.result)) == len(both.licences) - 1
    (doubt,) = answer.result["doubtful"]
    assert (doubt["reason"], doubt["known"]["state"]) == ("crossing.contradicted", "SUSPENDED")
    both.line.fault = None
    both.a.desk.life.take(licence_id, "resume", OFFICIAL, reason="整改完成")
    both.forward(seconds=30)


def test_more_than_was_asked_for_is_not_gone_through(both: World) -> None:
    both.line.fault = answered(both, lambda lines: lines.extend([dict(lines[0]) for _ in range(MOST + 1)]))
    answer = ask(both, region=A, type=TYPE)
    assert (answer.outcome, answer.result["licences"]) == ("INDETERMINATE", [])
    assert answer.result["region"]["reason"] == "crossing.too_many"
    both.line.fault = None


def test_of_another_type(both: World) -> None:
    code, other = (both.b.desk.catalogue.get(one).code for one in (TYPE, "teacher-certificate"))

    def change(lines: list[dict[str, Any]]) -> None:
        lines[0]["licence_id"] = lines[0]["licence_id"].replace(code, other)

    both.line.fault = answered(both, change)
    answer = ask(both, region=A, type=TYPE)
    assert answer.outcome == "INDETERMINATE" and len(ids(answer.result, "doubtful")) == 1
    both.line.fault = None


NO_LINES: dict[str, Any] = {
    "words": ["CURRENT"],
    "lists": [["licence_id", "x"]],
    "no list": "x",
    "nothing": None,
    "a state that is none": [{"state": ["CURRENT"]}, {"state": {"CURRENT": "CURRENT"}}],
}


@pytest.mark.parametrize("odd", NO_LINES)
def test_lines_that_are_none(both: World, odd: str) -> None:
    """What cannot be judged is handed on to nobody, in none of the ways to ask."""
    licence_id, record, _ = both.licences["43"]
    lines = NO_LINES[odd]
    if odd == "a state that is none":
        lines = [{"licence_id": licence_id, "holder": {"code": record["credit_code"]}, **one} for one in lines]
    both.line.fault = said(both, lambda payload: payload["result"].update(licences=lines or ""))
    holder = {"type": TYPE, "holder_code": record["credit_code"]}
    for answer in (ask(both, region=A, type=TYPE), both.ask("holder", region=A, **holder)):
        assert (answer.outcome, answer.result["licences"]) == ("INDETERMINATE", [])
    everywhere = both.ask("holder", region="*", **holder)
    assert (everywhere.outcome, everywhere.result["licences"]) == ("INDETERMINATE", [])
    both.line.fault = None


def test_a_question_that_cannot_be_written_is_nobodys_silence(both: World) -> None:
    with pytest.raises(LicenceTrustError) as refused:
        both.ask("licence", region=A, type=TYPE, licence_number="\ud800")
    assert (refused.value.code, both.b.desk.guide.asker.breaker.state(A)) == ("json.surrogate", "closed")


def test_it_falls_silent_on_the_way(both: World) -> None:
    first = ask(both, region=A, type=TYPE, limit=2)
    both.line.fault = lambda exchange, go: silent(exchange)
    following = {"region": A, "type": TYPE, "limit": 2, "cursor": first.result["next"]}
    away = ask(both, **following)
    assert (away.outcome, away.result["region"]["reason"]) == ("UNREACHABLE", "fetch.timeout")
    known: Any = both.ask("licence", licence_id=ids(first.result)[0])  # what the page before said is known
    assert known.outcome == "UNREACHABLE" and known.result["known"]["state"] == "CURRENT"
    both.line.fault = None
    both.b.desk.guide.asker.breaker.succeeded(A)
    rest = ids(ask(both, **following).result)
    assert len(rest) == 2 and not set(rest) & set(ids(first.result))


def answered(found: World, change: Any) -> Any:
    """A itself signs other lines to the very question that was put."""
    return said(found, lambda payload: change(payload["result"]["licences"]))


def said(found: World, change: Any) -> Any:
    """A itself signs something else to it."""
    publisher = found.a.desk.region.keyring.signer("publisher")

    def fault(exchange: Exchange, go: Any) -> bytes:
        data: bytes = go(exchange)
        if not sharing(exchange):
            return data
        payload = json.loads(data)["payload"]
        change(payload)
        return sign_document(payload, publisher.sign, [publisher.certificate.der])

    return fault
