"""Two officers, two clicks, one paper over two ways, at the same moment: one thing happens, the others are told what did."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from licence_store.desk import DeskSettings
from licence_store.transferring.leaving import leave
from licence_store.transferring.records import COMPLETED, CONSENTED, DECLINED, RELEASED
from tests.licence_store.transferring.two_regions import TwoRegions, two_regions
from trust.errors import LicenceTrustError
from trust.journal import SYSTEM


@pytest.fixture(params=["out", "in"])
def two(
    request: pytest.FixtureRequest, settings: DeskSettings, made_other: Path, tmp_path: Path
) -> Iterator[TwoRegions]:
    other = DeskSettings(Path(shutil.copytree(made_other, tmp_path / "other")), durable=False)
    pair = (settings, other) if request.param == "out" else (other, settings)
    with two_regions(*pair) as made:
        yield made


def at_once(*acts: Callable[[], object]) -> Counter[str]:
    """What each answered, or was refused with; anything else that is raised fails the test."""
    barrier, told, broken = threading.Barrier(len(acts)), Counter[str](), list[BaseException]()

    def run(act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            told[str(act())] += 1
        except LicenceTrustError as error:
            told[error.code] += 1
        except BaseException as error:
            broken.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in acts]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not broken, broken
    return told


def test_at_once(two: TwoRegions) -> None:
    ours, theirs = two.officer(two.origin), two.officer(two.target)
    out, taken = two.origin.transfers, two.target.transfers

    # the consent comes over three ways at once
    two.wire.deaf.add("https://origin.example.test")
    old, data = two.issue(61)
    one = taken.consent(data, None, theirs, reason="迁入").id
    paper = taken.paper(one, "consent")
    two.wire.deaf.clear()
    assert at_once(*[lambda: out.receive(paper, SYSTEM).state] * 3) == {CONSENTED: 3}

    # two officers release it; there is one event, one paper
    assert at_once(*[lambda: out.release(one, ours, reason="迁出").state] * 2) <= Counter({RELEASED: 2})
    assert [event.kind for event in two.origin.register.events(old.licence_id)] == ["issue", "transfer_out"]

    # and two issue its successor
    two.clock.forward(seconds=61)
    assert at_once(*[lambda: taken.issue(one, theirs).successor] * 2) == {taken.get(one).successor: 2}
    assert out.get(one).state == COMPLETED


@pytest.mark.parametrize("two", ["out"], indirect=True)
def test_one_releases_while_another_ends_it_otherwise(two: TwoRegions) -> None:
    for seed, act in enumerate((_decline, _leave), 62):
        old, data = two.issue(seed)
        one = two.target.transfers.consent(data, None, two.officer(two.target), reason="迁入").id
        released = _released(two, one), act(two, one, old.licence_id)
        told, state = at_once(*released), two.origin.transfers.get(one).state
        assert told[state] == 1 and state in (RELEASED, DECLINED), told
        ends = [event.kind for event in two.origin.register.events(old.licence_id)]
        assert ends == (["issue", "transfer_out"] if state == RELEASED else ["issue"])
        assert two.target.transfers.get(one).state == state


def _released(two: TwoRegions, one: str) -> Callable[[], object]:
    return lambda: two.origin.transfers.release(one, two.officer(two.origin), reason="迁出").state


def _decline(two: TwoRegions, one: str, _old: str) -> Callable[[], object]:
    return lambda: two.origin.transfers.decline(one, two.officer(two.origin), reason="x").state


def _leave(two: TwoRegions, _one: str, old: str) -> Callable[[], object]:
    return lambda: leave(two.origin, old, two.officer(two.origin), to="650000", reason="x").kind
