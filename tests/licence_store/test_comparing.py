"""True or false: by the type's schema, only by a licence that others may rely on, and nothing else leaves the register."""

from __future__ import annotations

import pytest

from licence_store.desk import Desk
from licence_store.reserving import IssuedLicence
from seal.lifecycle import Official, Role
from tests.licence_store.conftest import OFFICER
from trust.errors import Malformed, NotFound
from trust.journal import Actor

TEACHER = "teacher-certificate"
USER = Official(Actor("zhang", "education", None, "page"), Role.OFFICER)


@pytest.fixture
def record(desk: Desk) -> dict[str, str]:
    return next(desk.catalogue.get(TEACHER).example_records(1, 5))


@pytest.fixture
def issued(desk: Desk, record: dict[str, str]) -> IssuedLicence:
    return desk.issuer.issue(TEACHER, record, officer=OFFICER)


def test_each_field_by_itself(desk: Desk, issued: IssuedLicence, record: dict[str, str]) -> None:
    view = desk.register.find(issued.licence_id)
    asked = {
        "holder_name": f" {record['name'][:1]} {record['name'][1:]}", "name": record["name"] + "x",
        "holder_code": record["citizen_number"].lower(), "issued_on": view.summary.issued_on, "valid_to": "2000-01-01",
        "licence_number": issued.licence_number, "citizen_number": record["citizen_number"],
    }  # fmt: skip
    for answer in (
        desk.comparer.licence(view, asked), desk.comparer.holder(TEACHER, record["citizen_number"], asked),
    ):  # fmt: skip
        assert answer.current
        assert answer.holds == {
            "holder_name": True, "name": False, "holder_code": True, "issued_on": True, "valid_to": False,
            "licence_number": True, "citizen_number": True,
        }  # fmt: skip
        assert not answer.all_hold


def test_a_date_as_kept_or_as_the_face_shows_it(desk: Desk, issued: IssuedLicence) -> None:
    view = desk.register.find(issued.licence_id)
    for one in view.message.face:
        for value in (one.value, one.text):
            assert desk.comparer.licence(view, {one.name: value}).all_hold, one.name


def test_nothing_holds_by_a_licence_that_none_may_rely_on(desk: Desk, issued: IssuedLicence, record: dict[str, str]) -> None:
    desk.life.take(issued.licence_id, "suspend", USER, reason="核查")
    view = desk.register.find(issued.licence_id)
    asked = {"holder_name": record["name"]}
    for answer in (
        desk.comparer.licence(view, asked), desk.comparer.holder(TEACHER, record["citizen_number"], asked),
    ):  # fmt: skip
        assert (answer.current, answer.holds, answer.all_hold) == (False, {"holder_name": False}, False)
    desk.life.take(issued.licence_id, "resume", USER, reason="核查完毕")
    assert desk.comparer.licence(desk.register.find(issued.licence_id), asked).all_hold


def test_a_holder_without_a_licence(desk: Desk) -> None:
    for code in ("", "110101199003070011"):
        answer = desk.comparer.holder(TEACHER, code, {"holder_name": "无此人"})
        assert (answer.licence_id, answer.current, answer.holds) == ("", False, {"holder_name": False})


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, "check.empty"),
        ({f"f{n}": "" for n in range(65)}, "check.empty"),
        ({"shoe_size": "42"}, "check.field"),
        ({"version": "001"}, "check.field"),
        ({"name": "x" * 5000}, "check.value"),
    ],
)
def test_what_is_not_in_the_schema_is_an_error(desk: Desk, values: dict[str, str], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        desk.comparer.holder(TEACHER, "1", values)
    assert caught.value.code == code


def test_an_unknown_type(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.comparer.holder("none", "1", {"holder_name": "x"})
