"""From B to the region that issued it: guided, answered, written down on both sides and in the holder's ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crossing.world import TYPE, A, B, World, b64, make_regions, world


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_regions(tmp_path_factory.mktemp("crossing"))


@pytest.fixture(scope="module")
def both(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(made, tmp_path_factory.mktemp("world") / "work") as found:
        yield found


def test_the_issuing_region_answers_and_both_write_it_down(both: World) -> None:
    licence_id, record, file = both.a.issue(5)
    answer = both.ask("licence", licence_id=licence_id)
    assert (answer.outcome, answer.region, answer.source) == ("FOUND", B, f"region:{A}")
    said: Any = answer.result["region"]
    assert (said["code"], said["name"], said["reason"], said["list"]) == (A, "演示省", "", "1")
    assert said["entitlement"]["entitled"] == "true" and said["status_list"]["state"] == "CURRENT"
    for operation, parameters, outcome in (
        ("qr", {"qr": f"https://a.example.test/v/{licence_id}"}, "FOUND"),
        ("check", {"licence_id": licence_id, "fields": {"name": record["name"]}}, "TRUE"),
        ("check", {"licence_id": licence_id, "fields": {"name": "别的公司"}}, "FALSE"),
        ("compare", {"document": b64(file)}, "SAME"),
        ("verify", {"document": b64(file)}, "TOTAL-PASSED"),
        ("download", {"licence_id": licence_id}, "FOUND"),
        ("catalogue", {"region": A}, "FOUND"),
        ("fields", {"region": A, "type": TYPE}, "FOUND"),
        ("holder", {"region": A, "type": TYPE, "holder_code": record["credit_code"]}, "FOUND"),
    ):
        told = both.ask(operation, **parameters)
        assert (told.outcome, told.source) == (outcome, f"region:{A}"), (operation, told.result)
    here = both.b.desk.sharing.log.page(limit=1)[0][0]
    there = both.a.desk.sharing.log.page(limit=1)[0][0]
    assert (here.operation, here.client_id) == ("holder", "clerk:li@market")
    assert (there.operation, there.client_id, there.region) == ("holder", f"region:{B}", B)
    assert there.purpose == here.purpose
    ledger = both.a.desk.ledger.page(record["credit_code"], limit=50).entries
    assert {one.who for one in ledger} >= {"乙省"}
