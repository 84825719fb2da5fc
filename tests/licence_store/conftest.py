"""A clock that is told the time, and regions to work in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from licence_store.desk import Desk, DeskSettings, now, open_desk
from licence_store.region import Region
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


@pytest.fixture(scope="session")
def made_region(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A region made once; copy it, do not use it."""
    directory = tmp_path_factory.mktemp("made") / "region"
    Region.create(directory, clock=now)
    return directory


@pytest.fixture
def region_folder(made_region: Path, tmp_path: Path) -> Path:
    """A region of one's own, with its SQLite register."""
    return Path(shutil.copytree(made_region, tmp_path / "region"))


@pytest.fixture
def settings(database_url: str, region_folder: Path, tmp_path: Path) -> DeskSettings:
    """A region of one's own whose register is on the engine under test."""
    if database_url.startswith("sqlite"):
        return DeskSettings(region_folder, durable=False)
    Region.create(tmp_path / "other", clock=now, database_url=database_url)
    return DeskSettings(tmp_path / "other", database_url, durable=False)


@pytest.fixture
def desk(settings: DeskSettings) -> Iterator[Desk]:
    desk = open_desk(settings)
    yield desk
    desk.close()
