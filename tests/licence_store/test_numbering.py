"""Numbers: unique, also under many takers; indices a secret rearrangement."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from licence_store import numbering
from licence_store.numbering import GIVEN, LIST_SIZE, new_serial, permuted, take_numbers, take_slots
from licence_store.status_list import decoys
from seal.database import Sessions

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_serials() -> None:
    serials = {new_serial() for _ in range(1000)}
    assert len(serials) == 1000
    assert all(len(s) == 20 and set(s) <= set(numbering.SERIAL_ALPHABET) for s in serials)


def test_blocks_follow_one_another(sessions: Sessions) -> None:
    with sessions.begin() as session:
        assert take_numbers(session, "a", 3) == range(1, 4)
        assert take_numbers(session, "b", 1) == range(1, 2)
        assert take_numbers(session, "a", 2) == range(4, 6)


def test_many_takers_get_different_numbers(sessions: Sessions) -> None:
    def take(_: int) -> tuple[list[int], list[object]]:
        with sessions.begin() as session:
            return list(take_numbers(session, "s", 7)), list(take_slots(session, 7, NOW, ""))

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(24)))
    assert sorted(n for numbers, _ in taken for n in numbers) == list(range(1, 24 * 7 + 1))
    assert len({s for _, slots in taken for s in slots}) == 24 * 7


def test_rearrangement_meets_every_index_once() -> None:
    assert {permuted(b"k" * 32, n) for n in range(LIST_SIZE)} == set(range(LIST_SIZE))
    assert [permuted(b"k" * 32, n) for n in range(4)] != [permuted(b"l" * 32, n) for n in range(4)]


def test_next_list_when_one_is_full(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "GIVEN", 10)
    with sessions.begin() as session:
        slots = take_slots(session, 25, NOW, "")
    assert len({s.list_id for s in slots}) == 3
    assert len(set(slots)) == 25


def test_each_type_has_lists_of_its_own(sessions: Sessions) -> None:
    with sessions.begin() as session:
        lists = [take_slots(session, 1, NOW, kind)[0].list_id for kind in ("A", "B", "A", "")]
    assert lists[0] == lists[2] and len(set(lists)) == 3


def test_decoys_are_never_given_and_never_go_back() -> None:
    secret, years = b"s" * 32, [NOW + timedelta(days=365 * n) for n in range(12)]
    looks = [decoys(secret, NOW, moment) for moment in years]
    assert looks[0].count("CURRENT") == LIST_SIZE and looks[3] == decoys(secret, NOW, years[3])
    changed = [{place for place, state in enumerate(look) if state != "CURRENT"} for look in looks]
    given = {permuted(secret, n) for n in range(GIVEN)}
    for before, after in itertools.pairwise(range(len(looks))):
        assert changed[before] <= changed[after] and not changed[after] & given
        assert all(looks[before][place] == looks[after][place] for place in changed[before])
    assert len(changed[5]) > 500 and {"REVOKED", "LOST", "EXPIRED"} <= set(looks[5])
