"""Licences that go from one region to another, on both engines, in both directions."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from licence_store.desk import Desk, DeskSettings
from licence_store.transferring.transfers import COMPLETED, CONSENTED, RELEASED
from tests.licence_store.transferring.two_regions import TwoRegions, other_region, two_regions


@pytest.fixture(scope="session")
def made_other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return other_region(tmp_path_factory.mktemp("other") / "region")


@pytest.fixture(params=["out", "in"])
def two(
    request: pytest.FixtureRequest, settings: DeskSettings, made_other: Path, tmp_path: Path
) -> Iterator[TwoRegions]:
    """The region on either engine gives away, or takes over."""
    other = DeskSettings(Path(shutil.copytree(made_other, tmp_path / "other")), durable=False)
    pair = (settings, other) if request.param == "out" else (other, settings)
    with two_regions(*pair) as made:
        yield made


def consent(two: TwoRegions, seed: int = 1) -> tuple[str, str]:
    issued, data = two.issue(seed)
    view = two.target.transfers.consent(data, None, two.officer(two.target), reason="持证者申请迁入")
    return view.id, issued.licence_id


def state_of(desk: Desk, licence_id: str) -> str:
    return desk.register.find(licence_id).state


def test_a_licence_goes_to_another_region(two: TwoRegions) -> None:
    transfer, old = consent(two)
    asked = two.origin.transfers.get(transfer)
    assert (asked.state, asked.direction, asked.unsent) == (CONSENTED, "out", "")
    assert state_of(two.origin, old) == "CURRENT"

    out = two.origin.transfers.release(transfer, two.officer(two.origin), reason="迁往外地", basis="〔2026〕1号")
    assert (out.state, out.unsent) == (RELEASED, "") and state_of(two.origin, old) == "TRANSFERRED"
    two.clock.forward(seconds=40)

    done = two.target.transfers.issue(transfer, two.officer(two.target))
    assert done.state == COMPLETED and state_of(two.target, done.successor) == "CURRENT"
    told = two.origin.transfers.get(transfer)
    assert (told.state, told.successor) == (COMPLETED, done.successor)
    assert told.papers == ("consent", "release", "receipt") or set(told.papers) == {"consent", "release", "receipt"}

    # both histories show it, and the successor's message names the file it follows
    last = two.origin.register.events(old)[-1]
    assert last.kind == "transfer_out" and transfer in last.basis and two.target.region.code in last.basis
    first = two.target.register.events(done.successor)[0]
    assert transfer in first.reason
    lineage = two.target.register.find(done.successor).message.lineage
    assert lineage is not None and (lineage.kind, lineage.predecessor_id) == ("transfer", old)
    assert lineage.predecessor_digest == asked.file_digest


def told_digest(two: TwoRegions, licence_id: str) -> str:
    return two.target.register.find(licence_id).file_digest
