"""The breaker, and what is remembered of other regions' licences; the latter on both engines."""

from __future__ import annotations

from datetime import timedelta

import pytest

from licence_store.crossing.breaker import PAUSE, Breaker
from licence_store.crossing.judging import speaks_against
from licence_store.crossing.known_as_of import Heard, Known, Place
from licence_store.desk import Desk, now
from tests.authority import MOMENT
from trust.errors import Unavailable
from trust.identifiers import LicenceId, parse_licence_id


def test_breaker_opens_and_lets_one_try() -> None:
    time = [0.0]
    breaker = Breaker(lambda: time[0])
    for _ in range(3):
        breaker.demand("x")
        breaker.failed("x")
    assert breaker.state("x") == "open" and breaker.state("y") == "closed"
    with pytest.raises(Unavailable):
        breaker.demand("x")
    time[0] = PAUSE + 1
    assert breaker.state("x") == "half-open"
    breaker.demand("x")
    with pytest.raises(Unavailable):
        breaker.demand("x")  # one at a time
    breaker.failed("x")
    with pytest.raises(Unavailable):
        breaker.demand("x")
    time[0] *= 3
    breaker.demand("x")
    breaker.succeeded("x")
    assert breaker.state("x") == "closed"


LATER, EARLIER = MOMENT + timedelta(seconds=1), MOMENT - timedelta(seconds=1)
AGAINST = [
    # what the list says, of when, of just now?, what the answer said, does it speak against it
    ("CURRENT", LATER, True, "CURRENT", False), ("LOST", LATER, False, "CURRENT", True),
    ("LOST", EARLIER, True, "CURRENT", True), ("LOST", EARLIER, False, "CURRENT", False),
    ("REVOKED", EARLIER, False, "CURRENT", True), ("REVOKED", EARLIER, False, "", True),
    ("LOST", LATER, True, "LOST", False), ("REVOKED", LATER, True, "LOST", False),
    ("", LATER, True, "CURRENT", False), ("UNUSED", LATER, True, "CURRENT", True),
]  # fmt: skip


@pytest.mark.parametrize(("state", "as_of", "current", "answered", "against"), AGAINST)
def test_a_list_speaks_against_an_answer(
    state: str, as_of: object, current: bool, answered: str, against: bool
) -> None:
    listed = Known(state, as_of, "status_list", current)  # type: ignore[arg-type]
    assert speaks_against(listed, answered, MOMENT) is against


def test_what_is_remembered(desk: Desk) -> None:
    known, at = desk.guide.known, now().replace(microsecond=0)
    licence, other = (LicenceId("11990000MB0D000105001", "11120000MB0D000105", one).text for one in ("ABC", "ABD"))
    place = Place("https://x/1", "7")
    assert known.last("120000", licence).state == ""
    known.remember(
        "120000", [Heard(licence, place, "CURRENT", at), Heard(other, Place("https://x/1", "8"), "LOST", at)]
    )
    assert known.last("120000", licence).to_json()["by"] == "answer" and known.last("120000", other).state == "LOST"
    known.remember("120000", [Heard(licence, Place(), "LOST", at - timedelta(hours=1))])  # older: nothing
    assert known.last("120000", licence).state == "CURRENT"
    assert known.places("120000", [licence, other, "x"])[parse_licence_id(licence).base] == place
    known.remember("120000", [Heard(licence, place, "REVOKED", at + timedelta(hours=1))])
    assert known.last("120000", licence).is_final and known.last("120000", other).state == "LOST"
    soon = at + timedelta(hours=1, seconds=30)
    known.remember("120000", [Heard(licence, place, "REVOKED", soon)])  # the same a moment later: as it was
    assert known.last("120000", licence).as_of == at + timedelta(hours=1)
    assert known.last("310000", licence).state == "" and known.last("120000", "x").state == ""
    assert not known.places("310000", [licence]) and not known.places("120000", ["x"])
    known.remember("120000", [Heard("x", Place(), "LOST", at)])
