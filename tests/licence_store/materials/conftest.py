"""A bench on each engine."""

from __future__ import annotations

import pytest

from licence_store.desk import Desk
from tests.licence_store.materials.world import Bench


@pytest.fixture
def bench(desk: Desk) -> Bench:
    return Bench(desk)
