"""The other region of every transfer: founded once, copied for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.licence_store.transferring.two_regions import other_region


@pytest.fixture(scope="session")
def made_other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return other_region(tmp_path_factory.mktemp("other") / "region")
