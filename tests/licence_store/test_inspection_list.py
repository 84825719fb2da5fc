"""年检工作表: what waits, what is overdue, what is done agrees with the states of the licences; both engines."""

from __future__ import annotations

from datetime import date

import pytest

from licence_store.desk import Desk
from licence_store.inspection_list import SHOWN, InspectionList
from tests.licence_store.test_inspection import SOCIETY, at, issue, told  # noqa: F401  told: a fixture
from tests.licence_store.test_life import WHO


@pytest.fixture
def desk(told: Desk) -> Desk:  # noqa: F811
    return told


def listed(desk: Desk, show: str, **more: object) -> list[str]:
    """Numbers of the lines, asked for two at a time."""
    work, definition = InspectionList(desk.sessions, desk.clock), desk.catalogue.get(SOCIETY)
    found: list[str] = []
    after = ""
    while some := work.page(definition, show, after=after, limit=2, **more):  # type: ignore[arg-type]
        found += [one.licence_number for one in some]
        after = some[-1].place
    assert len(found) == work.count(definition, show, **more)  # type: ignore[arg-type]
    return found


def test_waiting_overdue_done(desk: Desk) -> None:
    made = [issue(desk, number=n) for n in range(5)]
    numbers = {one.licence_number for one in made}
    year = desk.clock().year + 1
    assert {show: listed(desk, show) for show in SHOWN} == {"due": [], "overdue": [], "done": []}  # none falls in the year of issue

    at(desk, date(year, 1, 2))
    assert set(listed(desk, "due")) == numbers
    assert listed(desk, "overdue") == listed(desk, "done") == []
    desk.life.inspect(made[0].licence_id, WHO, result="passed")
    desk.life.inspect(made[1].licence_id, WHO, result="failed")
    desk.life.take(made[2].licence_id, "cancel", WHO, reason="清算完毕")
    desk.life.take(made[3].licence_id, "report_lost", WHO, reason="遗失")
    assert listed(desk, "due") == [made[4].licence_number]
    assert set(listed(desk, "done")) == {made[0].licence_number, made[1].licence_number}

    at(desk, date(year, 7, 1))
    assert listed(desk, "due") == []
    assert listed(desk, "overdue") == [made[4].licence_number]
    assert desk.register.find(made[4].licence_id).state == "INSPECTION_OVERDUE"
    desk.life.take(made[3].licence_id, "found", WHO, reason="找回")
    assert set(listed(desk, "overdue")) == {made[3].licence_number, made[4].licence_number}

    at(desk, date(year + 1, 1, 2))
    assert set(listed(desk, "due")) == {made[0].licence_number, made[1].licence_number}
    assert set(listed(desk, "done", year=year)) == {made[0].licence_number, made[1].licence_number}
    assert listed(desk, "done") == []


def test_it_is_bounded(desk: Desk) -> None:
    one = issue(desk)
    at(desk, date(desk.clock().year + 1, 1, 2))
    department = desk.register.find(one.licence_id).summary.department_id
    assert listed(desk, "due", departments=[department]) == [one.licence_number]
    assert listed(desk, "due", departments=["elsewhere"]) == []
    assert listed(desk, "due", departments=[]) == []
    work = InspectionList(desk.sessions, desk.clock)
    assert work.page(desk.catalogue.get("teacher-certificate"), "due") == ()
    assert work.page(desk.catalogue.get(SOCIETY), "due", after="\0") != ()
