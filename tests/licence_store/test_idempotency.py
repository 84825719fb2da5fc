"""The same key, the same answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from licence_store.idempotency import Idempotency, Replay
from seal.database import Sessions
from tests.licence_store.conftest import ToldClock
from trust.errors import Conflict, Malformed, Refused

BODY, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def idempotency(sessions: Sessions, clock: ToldClock) -> Idempotency:
    return Idempotency(sessions, clock)


def test_answer_is_given_again(idempotency: Idempotency, clock: ToldClock) -> None:
    assert idempotency.begin("k", "zhang", BODY) is None
    with pytest.raises(Conflict):
        idempotency.begin("k", "zhang", BODY)
    idempotency.finish("k", "zhang", 201, "application/json", b"{}")
    assert idempotency.begin("k", "zhang", BODY) == Replay(201, "application/json", b"{}")
    with pytest.raises(Refused) as caught:
        idempotency.begin("k", "zhang", OTHER)
    assert caught.value.code == "idempotency.mismatch"
    assert idempotency.begin("k", "li", OTHER) is None
    clock.forward(days=2)
    assert idempotency.begin("k", "zhang", OTHER) is None


def test_given_back_or_cut_short(idempotency: Idempotency, clock: ToldClock) -> None:
    assert idempotency.begin("k", "zhang", BODY) is None
    idempotency.abandon("k", "zhang")
    assert idempotency.begin("k", "zhang", OTHER) is None
    clock.forward(minutes=2)
    assert idempotency.begin("k", "zhang", OTHER) is None
    with pytest.raises(Conflict):
        idempotency.begin("k", "zhang", OTHER)


def test_finished_answers_are_not_given_up(idempotency: Idempotency) -> None:
    idempotency.begin("k", "zhang", BODY)
    idempotency.finish("k", "zhang", 201, "application/json", b"{}")
    idempotency.abandon("k", "zhang")
    assert idempotency.begin("k", "zhang", BODY) is not None


@pytest.mark.parametrize("key", ["", " ", "键", "x" * 129, "a\nb"])
def test_bad_keys(idempotency: Idempotency, key: str) -> None:
    with pytest.raises(Malformed):
        idempotency.begin(key, "zhang", BODY)


def test_one_of_many_acts(idempotency: Idempotency) -> None:
    def begin(_: int) -> bool:
        try:
            return idempotency.begin("k", "zhang", BODY) is None
        except Conflict:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begin, range(8))) == 1
