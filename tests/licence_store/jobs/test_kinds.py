"""任务种类: every kind can be done, and periods follow one another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_store.jobs.kinds import KINDS, period_at, period_length
from licence_store.jobs.running import _handler
from trust.errors import Malformed


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_has_its_handler_and_period(kind: Any) -> None:
    assert callable(_handler(kind.name))
    if kind.every:
        assert period_length(kind.every) >= timedelta(minutes=1)


@given(
    st.sampled_from(["1m", "15m", "1h", "7h", "1d", "30d"]),
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
)
def test_periods_follow_one_another_without_a_gap(every: str, moment: datetime) -> None:
    began, length = period_at(every, moment), period_length(every)
    assert began <= moment < began + length
    assert period_at(every, began) == began
    assert period_at(every, began - timedelta(microseconds=1)) == began - length


@pytest.mark.parametrize("every", ["", "h", "0h", "-1h", "1w", "1.5h", "١h", "1 h", "100001d", "9" * 40 + "h"])
def test_no_period(every: str) -> None:
    with pytest.raises(Malformed, match="周期"):
        period_length(every)
