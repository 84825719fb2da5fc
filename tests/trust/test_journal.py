"""The chain of evidence notices a changed, missing, added or exchanged entry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.errors import Malformed
from trust.journal import GENESIS, SYSTEM, Actor, Entry, chain_digest, first_break

MOMENT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def chain(count: int) -> list[tuple[bytes, bytes]]:
    links, previous = [], GENESIS
    for number in range(count):
        entry = Entry(
            MOMENT + timedelta(seconds=number),
            Actor("li", "市场监督管理局", "10.0.0.1", "page"),
            "licence.issue",
            str(number),
        )
        previous = entry.digest(previous)
        links.append((entry.to_bytes(), previous))
    return links


@given(st.integers(2, 12), st.data())
def test_every_disturbance_is_noticed_at_its_place(count: int, data: st.DataObject) -> None:
    links = chain(count)
    assert first_break(links) is None
    place = data.draw(st.integers(0, count - 1))
    changed = [*links]
    changed[place] = (links[place][0].replace(b"licence.issue", b"licence.steal"), links[place][1])
    assert first_break(changed) == place
    assert first_break(links[:place] + links[place + 1 :]) == (place if place < count - 1 else None)
    assert first_break([*links[:place], links[-1], *links[place:]]) == (place if place < count - 1 else count)


def test_a_later_part_is_checked_from_its_forerunner() -> None:
    links = chain(5)
    assert first_break(links[2:], links[1][1]) is None
    assert first_break(links[2:], links[0][1]) == 0


def test_an_entry_is_canonical_and_in_utc() -> None:
    entry = Entry(MOMENT.astimezone(), SYSTEM, "a", "b", details={"z": "1", "a": "2"})
    assert b'"details":{"a":"2","z":"1"}' in entry.to_bytes()
    assert b'"moment":"2026-11-22T08:00:00.000000+00:00"' in entry.to_bytes()


def test_an_entry_without_zone_or_with_other_than_text_is_malformed() -> None:
    with pytest.raises(Malformed):
        Entry(MOMENT.replace(tzinfo=None), SYSTEM, "a", "b").to_bytes()
    with pytest.raises(Malformed):
        Entry(MOMENT, SYSTEM, "a", "b", details={"n": 1}).to_bytes()  # type: ignore[dict-item]
    with pytest.raises(Malformed):
        chain_digest(b"short", b"")
