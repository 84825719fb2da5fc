"""A clock that can be moved, where it may."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.settings import load_settings
from api.simulated_clock import MOST, SimulatedClock
from api.wiring import build
from licence_store.desk import now
from licence_store.region import Region
from trust.errors import Refused


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 0), ("90", 90), ("-90.5", -90.5), ("x", 0), ("nan", 0), ("inf", 0), (str(MOST + 1), 0), ("9" * 5000, 0)],
)
def test_offsets(tmp_path: Path, text: str, seconds: float) -> None:
    file = tmp_path / "clock"
    file.write_text(text, "ascii")
    assert SimulatedClock(file).offset() == seconds


def test_it_is_moved_without_a_restart(tmp_path: Path) -> None:
    clock = SimulatedClock(tmp_path / "clock")
    assert abs(clock() - datetime.now(UTC)) < timedelta(seconds=5)
    clock.move(3600)
    assert timedelta(minutes=59) < clock() - datetime.now(UTC) < timedelta(minutes=61)


def test_in_demonstrations_only(tmp_path: Path) -> None:
    Region.create(tmp_path / "r", "110000", "甲省", clock=now)
    file = tmp_path / "clock"
    SimulatedClock(file).move(-600)
    with build(load_settings({}, dir=tmp_path / "r", simulated_clock=str(file))) as services:
        assert services.clock() < datetime.now(UTC) - timedelta(minutes=9)
        assert services.journal.clock() < datetime.now(UTC) - timedelta(minutes=9)
    earnest = Path(shutil.copytree(tmp_path / "r", tmp_path / "earnest"))
    facts = (earnest / "region.json").read_text("utf-8")
    (earnest / "region.json").write_text(facts.replace('"demonstration": "true"', '"demonstration": "false"'), "utf-8")
    with pytest.raises(Refused, match="模拟时钟") as refused:
        build(load_settings({}, dir=earnest, simulated_clock=str(file), passphrase="x"))
    assert refused.value.code == "clock.simulated"
