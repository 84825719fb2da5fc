"""Regions to work in: made once, copied for each test, on each engine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from licence_store.desk import Desk, DeskSettings, now, open_desk
from licence_store.region import Region
from tests.databases import postgresql_database


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


@pytest.fixture(scope="session")
def made_postgresql_region(
    postgresql_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, str]]:
    """A region with its register on PostgreSQL, made once; copy folder and database, do not use them."""
    directory = tmp_path_factory.mktemp("made") / "region"
    with postgresql_database(postgresql_server) as url:
        Region.create(directory, clock=now, database_url=url)
        yield directory, url


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DeskSettings]:
    """A region of one's own, its register on each engine in turn."""
    if request.param == "sqlite":
        yield DeskSettings(request.getfixturevalue("region_folder"), durable=False)
        return
    folder, template = request.getfixturevalue("made_postgresql_region")
    with postgresql_database(request.getfixturevalue("postgresql_server"), template) as url:
        yield DeskSettings(Path(shutil.copytree(folder, tmp_path / "region")), url, durable=False)


@pytest.fixture
def desk(settings: DeskSettings) -> Iterator[Desk]:
    desk = open_desk(settings)
    yield desk
    desk.close()
