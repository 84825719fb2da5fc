"""Which case a licence came from, and licences that were there before they came to us."""

from __future__ import annotations

import pytest

from licence_store.cases import Casework, case_rows, take_apart
from licence_store.desk import Desk
from licence_store.extras import IssueExtras
from licence_store.numbering import read_number
from tests.licence_store.conftest import OFFICER
from trust.errors import Conflict, LicenceTrustError, Malformed

TEACHER = "teacher-certificate"
CASE = {"number": "990000-2026-0007", "service_item": "教师资格认定", "valid_until": "2027-06-30"}


def people(desk: Desk, count: int) -> list[dict[str, object]]:
    return [dict(one) for one in desk.catalogue.get(TEACHER).example_records(count, seed=8)]


def test_a_case_is_sealed_and_looked_up(desk: Desk) -> None:
    [first, second] = people(desk, 2)
    issued = desk.issuer.issue(TEACHER, {**first, "case": CASE, "paper": {"number": "NO.0001"}}, officer=OFFICER)
    dotted = {f"case.{name}": value for name, value in CASE.items()}
    other = desk.issuer.issue(TEACHER, {**second, **dotted, "case.result_document": ""}, officer=OFFICER)
    assert Casework(desk.sessions).of_case(CASE["number"]) == tuple(sorted((issued.licence_id, other.licence_id)))
    assert Casework(desk.sessions).of_case("another") == ()
    sealed = desk.register.find(issued.licence_id).message.case
    assert sealed == desk.register.find(other.licence_id).message.case
    assert [text for _, text in case_rows(sealed)] == list(CASE.values())
    assert case_rows(None) == []
    # the case is no part of what makes two records the same
    again = desk.issuer.issue(TEACHER, first, officer=OFFICER)
    assert (again.licence_id, again.created) == (issued.licence_id, False)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"case": "7"}, "case"),
        ({"case": {"number": 7}}, "case.number"),
        ({"case": {"service_item": "x"}}, "case.number"),
        ({"case": {"number": "7", "holder": "x"}}, "case.holder"),
        ({"case.": "7"}, "case."),
        ({"paper": {"printed": "2026-11-22T08:00:00+08:00"}}, "paper.number"),
        ({"paper": {"number": "1", "printed": "2026-11-22T08:00:00"}}, "paper.printed"),
        ({"paper": {"number": "1", "printed": "soon"}}, "paper.printed"),
        ({"paper": {"form": "1"}}, "paper.form"),
        ({"paper.number": ["1"]}, "paper.number"),
    ],
)
def test_what_is_not_a_case_is_named(given: dict[str, object], field: str) -> None:
    with pytest.raises(Malformed) as caught:
        take_apart({"name": "x", **given})
    assert (caught.value.code, caught.value.params["field"]) == ("record.reserved", field)


def test_a_paper_copy_says_when_it_was_printed() -> None:
    _, extras = take_apart({"paper.number": "MZ-7", "paper.printed": "2026-11-22T08:00:00+08:00"})
    assert extras.paper
    assert extras.paper.printed
    assert (extras.paper.number, extras.paper.printed.isoformat()) == ("MZ-7", "2026-11-22T08:00:00+08:00")


def test_empty_members_are_no_case() -> None:
    record, extras = take_apart({"name": "x", "case": {}, "case.number": " ", "paper": None})
    assert record == {"name": "x"}
    assert (extras.case, extras.paper) == (None, None)


@pytest.mark.parametrize("value", ["x" * 201, "a\nb", "2027-02-30"])
def test_a_case_that_cannot_be_sealed_is_refused(desk: Desk, value: str) -> None:
    [record] = people(desk, 1)
    with pytest.raises(LicenceTrustError) as caught:
        desk.issuer.issue(TEACHER, {**record, "case": {"number": "7", "valid_until": value}}, officer=OFFICER)
    assert caught.value.code == "record.extras"


def test_a_licence_that_was_there_before_keeps_number_and_day(desk: Desk) -> None:
    first, second, third = people(desk, 3)
    fresh = desk.issuer.issue(TEACHER, first, officer=OFFICER).licence_number
    ahead = str(int(fresh) + 5)
    old = IssueExtras(number=ahead, issued_on=f"{fresh[:4]}-01-05")
    kept = desk.issuer.issue(TEACHER, second, officer=OFFICER, extras=old)
    view = desk.register.find(kept.licence_id)
    assert (kept.licence_number, view.summary.issued_on) == (ahead, old.issued_on)
    assert int(desk.issuer.issue(TEACHER, third, officer=OFFICER).licence_number) == int(ahead) + 1
    with pytest.raises(Conflict) as caught:
        desk.issuer.issue(TEACHER, third, officer=OFFICER, record_id="again", extras=old)
    assert caught.value.code == "licence.number_in_use"
    with pytest.raises(Malformed) as late:
        desk.issuer.issue(TEACHER, third, officer=OFFICER, record_id="x", extras=IssueExtras(issued_on="2999-01-01"))
    assert late.value.code == "record.issued_later"


@pytest.mark.parametrize(
    ("pattern", "number", "read"),
    [
        ("{year}{issuer6}{seq:07d}", "20269900000000012", ("990000", 2026, 12)),
        ("A-{seq:04d}", "A-0300", ("", 0, 300)),
        ("A-{seq:04d}", "B-0300", None),
        ("{year}{issuer6}{seq:07d}", "旧字第7号", None),
        ("{year}{year}{seq:07d}", "202620260000001", None),
        ("", "7", None),
    ],
)
def test_numbers_are_read_by_their_pattern(pattern: str, number: str, read: object) -> None:
    assert read_number(pattern, number) == read
