"""Patterns of a type's document: what can take long is refused, what types need is not."""

from __future__ import annotations

import re

import pytest

from licence_store.tame import LONGEST, is_tame

TAME = (
    "",
    "^51",
    "公司$",
    r"^[1-9][0-9]{0,14}(\.[0-9]{1,2})?$",
    "^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$",
    "^(?:[0-9]{4}-){3}[0-9]{4}$",
    "^[A-Z]+[0-9]*$",
    "[0-9]+号",
    r"^1[3-9]\d{9}$|^0\d{2,3}-\d{7,8}$",
)
WILD = (
    "(",
    "a**",
    "(a+)+$",
    "^(a|aa)*$",
    "^a*b*c*$",
    "a*a*b",
    "^" + "a?" * 40 + "a" * 40 + "$",
    "^(a?){40}a{40}$",
    "^" + "(a|a)" * 40 + "$",
    "^" + "a{0,30}" * 10 + "$",
    "((){9999}){9999}",
    "(?:){4000000000}",
    "^(?=a*a*a*$)",
    "x" * 401,
    None,
    7,
)


@pytest.mark.parametrize("pattern", TAME)
def test_what_types_need_is_tame(pattern: str) -> None:
    assert is_tame(pattern)


@pytest.mark.parametrize("pattern", WILD)
def test_what_can_take_long_is_not(pattern: object) -> None:
    assert not is_tame(pattern)


@pytest.mark.parametrize("pattern", TAME)
def test_the_worst_value_is_through_soon(pattern: str) -> None:
    for text in ("1" * LONGEST, "a" * LONGEST, "A" * (LONGEST - 1) + "!"):
        re.search(pattern, text)
