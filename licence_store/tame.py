"""可控的正则: may a pattern from a type's document be matched against anything, without ever taking long?

Whoever drafts a type writes patterns; everything collected or issued is matched against them, on threads that serve
others too. Matching tries one way after another, so what is counted is in how many ways a pattern can be tried.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Iterable
from typing import Any, Final

LONGEST: Final = 4000
"""Characters of a value, as a field may have them."""
MOST_WAYS: Final = 20_000_000
_MAX_PATTERN: Final = 400
_parser: Final[Any] = importlib.import_module("re._parser")
_ONE: Final = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN", "AT", "GROUPREF"})
_REPEATS: Final = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
_TOO_MANY: Final = MOST_WAYS + 1


def is_tame(pattern: Any) -> bool:
    """Is ``pattern`` a sound expression that can be tried in no more than ``MOST_WAYS`` ways?"""
    if not isinstance(pattern, str) or len(pattern) > _MAX_PATTERN:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
            parsed = list(_parser.parse(pattern))
    except (re.error, Warning, OverflowError, RecursionError, ValueError):
        return False
    anchored = bool(parsed) and str(parsed[0][0]) == "AT" and str(parsed[0][1]).startswith("AT_BEGINNING")
    return _times(_ways(parsed), 1 if anchored or not pattern else LONGEST) <= MOST_WAYS


def _ways(parts: Iterable[Any]) -> int:
    """In how many ways a sequence can be tried, at most ``_TOO_MANY``."""
    ways = 1
    for kind, value in parts:
        ways = _times(ways, _ways_of(str(kind), value))
    return ways


def _ways_of(kind: str, value: Any) -> int:
    if kind in _ONE:
        return 1
    if kind in _REPEATS:
        return _repeated(*value)
    if kind == "SUBPATTERN":
        return _ways(value[-1])
    if kind == "BRANCH":
        return min(_TOO_MANY, sum(_ways(branch) for branch in value[1]))
    if kind in ("ASSERT", "ASSERT_NOT"):
        return _ways(value[1])
    if kind == "ATOMIC_GROUP":
        return _ways(value)
    return _TOO_MANY


def _repeated(least: int, most: int, parts: Any) -> int:
    """Of something that comes ``least`` to ``most`` times."""
    each, items = _ways(parts), list(parts)
    single = len(items) == 1 and str(items[0][0]) in _ONE
    times = min(int(most), LONGEST)
    if each > 1 and times > 64:
        return _TOO_MANY
    begun = 1 if single else max(1, int(least))  # a group is gone through that often even where it matches nothing
    return _times(_times(max(1, times - int(least) + 1), begun), min(_TOO_MANY, each**times))


def _times(one: int, other: int) -> int:
    return min(_TOO_MANY, one * other)
