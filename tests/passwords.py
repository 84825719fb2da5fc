"""Passwords of test accounts are hashed cheaply: hundreds of people sign in, and argon2 is made to be slow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

TIME_COST, MEMORY_COST, PARALLELISM = 1, 8, 1
"""The least that argon2 takes."""


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hashers made without saying what they cost, as the product's are, cost little in this process."""
    patch = pytest.MonkeyPatch()
    given = PasswordHasher.__init__.__defaults__
    assert given is not None
    patch.setattr(PasswordHasher.__init__, "__defaults__", (TIME_COST, MEMORY_COST, PARALLELISM, *given[3:]))
    yield
    patch.undo()
