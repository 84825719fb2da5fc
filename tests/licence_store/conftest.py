"""An officer, and a clock that is told the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.licence_store.stock import stock  # noqa: F401  a fixture
from trust.journal import Actor

OFFICER = Actor("zhang", None, "192.0.2.7", "page")


class ToldClock:
    """Answers the moment it was last told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **length: float) -> None:
        self.now += timedelta(**length)


@pytest.fixture
def clock() -> ToldClock:
    return ToldClock()
