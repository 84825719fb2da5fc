"""定时: once per period over all machines, whatever the clocks and the pauses between them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.jobs import kinds, running, schedule
from tests.licence_store.jobs.conftest import HandClock

DAILY = "job-housekeeping"


@pytest.fixture(autouse=True)
def only_housekeeping(still_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "KINDS", {DAILY: kinds.KINDS[DAILY]})


def test_once_a_day_however_often_one_looks(still_desk: Desk, clock: HandClock) -> None:
    clock.moment = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)  # midnight in Beijing
    assert len(schedule.tick(still_desk, clock())) == 1
    for _ in range(23):
        clock.move(hours=1)
        assert schedule.tick(still_desk, clock()) == []
    clock.move(hours=1)
    assert len(schedule.tick(still_desk, clock())) == 1
    assert running.run_due(still_desk) == 2


def test_missed_periods_are_made_up_for_once(still_desk: Desk, clock: HandClock) -> None:
    assert len(schedule.tick(still_desk, clock())) == 1
    clock.move(days=30)
    assert len(schedule.tick(still_desk, clock())) == 1
    assert schedule.tick(still_desk, clock()) == []


def test_a_clock_that_went_back_begins_nothing_again(still_desk: Desk, clock: HandClock) -> None:
    assert len(schedule.tick(still_desk, clock())) == 1
    assert schedule.tick(still_desk, clock() - timedelta(days=3)) == []
    assert schedule.tick(still_desk, clock()) == []


def test_many_machines_begin_it_once(still_desk: Desk, settings: DeskSettings, clock: HandClock) -> None:
    desks = [open_desk(settings, clock) for _ in range(6)]
    begun: list[str] = []
    barrier = threading.Barrier(len(desks))

    def look(desk: Desk) -> None:
        barrier.wait()
        for _ in range(5):
            begun.extend(schedule.tick(desk, clock()))

    threads = [threading.Thread(target=look, args=(one,)) for one in desks]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    for desk in desks:
        desk.close()
    assert len(begun) == 1
    assert len(still_desk.jobs.list()) == 1
