"""Jobs on a clock that moves by hand, with kinds of work for tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.jobs import kinds
from tests.licence_store.jobs import handlers


@dataclass
class HandClock:
    """A clock that stands still until it is moved."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.moment

    def move(self, **given: float) -> None:
        self.moment += timedelta(**given)


@pytest.fixture
def kinds_for_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test handlers beside the product's kinds."""
    monkeypatch.setattr(kinds, "KINDS", MappingProxyType({**kinds.KINDS, **handlers.KINDS}))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def still_desk(settings: DeskSettings, clock: HandClock, kinds_for_tests: None) -> Iterator[Desk]:
    """A desk on the hand clock, on each engine."""
    desk = open_desk(settings, clock)
    yield desk
    desk.close()
