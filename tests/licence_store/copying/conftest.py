"""A licence, its holder, and copies of it; a clock that is told the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from licence_store.copying.copier import Copier, MadeCopy
from licence_store.copying.grants import end_of_day
from licence_store.copying.uses import Acceptance
from licence_store.desk import Desk, DeskSettings, now, open_desk
from licence_store.holding.counter import at_counter
from licence_store.holding.holder import HolderSession
from licence_store.standing import day_of
from seal.copies import CopyRequest
from tests.licence_store.test_forms import OFFICER, issue
from trust.journal import Actor

PURPOSE, CASE = "办理教师资格认定变更", "2026-教-0042"
CONSOLE = Actor("console", None, None, "cli")


class ToldClock:
    """The machine's time, moved."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return now() + self.ahead

    def forward(self, **length: float) -> None:
        self.ahead += timedelta(**length)


@dataclass
class Counter:
    """A desk, a licence of somebody, and how they act on it."""

    desk: Desk
    clock: ToldClock
    licence_id: str
    who: HolderSession
    clerk: Actor
    """Of the department the copies are for."""
    recipient: str

    @property
    def copier(self) -> Copier:
        return self.desk.copier

    def request(self, **changes: Any) -> CopyRequest:
        until = end_of_day(day_of(self.clock()) + timedelta(days=7))
        return replace(CopyRequest(self.recipient, PURPOSE, until), **changes)

    def make(self, form: str = "ofd", **changes: Any) -> MadeCopy:
        return self.copier.make(self.who, self.licence_id, self.request(**changes), form)

    def stated(self, **changes: Any) -> Acceptance:
        return replace(Acceptance(PURPOSE, CASE), **changes)

    def fresh(self) -> HolderSession:
        """The holder, having proved who they are just now."""
        return at_counter(self.desk.sessions, self.desk.journal, self.who.holder.code, CONSOLE, self.clock())


@pytest.fixture
def counter(settings: DeskSettings) -> Iterator[Counter]:
    """On each engine in turn."""
    clock = ToldClock()
    desk = open_desk(settings, clock)
    issued = issue(desk, "ofd")
    code = desk.register.find(issued.licence_id).summary.holder_code
    who = at_counter(desk.sessions, desk.journal, code, CONSOLE, clock())
    names = {one.id: one.name for one in desk.catalogue.departments()}
    assert OFFICER.department is not None
    yield Counter(desk, clock, issued.licence_id, who, OFFICER, names[OFFICER.department])
    desk.close()


@pytest.fixture
def make(counter: Counter) -> Callable[..., MadeCopy]:
    return counter.make
