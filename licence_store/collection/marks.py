"""重复标记: digests under which two rows meet when they repeat each other, and only then.

A row *leaves* marks and *asks* for marks; it repeats an earlier one exactly when it asks for a mark that the other
has left. For names one edit apart no name is kept: of ``星河科技`` stand there the whole and the whole without its
1st, 2nd, … character with the place named. Somebody asks for the same where a character differs, for the whole with
any place named where one is missing, and for his own whole without one where he has one too many. Nothing else
meets, so that no second look at a name is needed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from licence_store.collection.rules import Rule
from trust.algorithms import sm3

SIZE = 16
_LONGEST = 80
"""Characters of a folded name that count."""
_DROPPED = frozenset({"Zs", "Cf", "Cc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Pc", "Sk", "Lm"})


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one row under one rule."""

    rule: Rule
    asks: tuple[bytes, ...]
    leaves: tuple[bytes, ...]
    says: Mapping[str, str]
    """Field → digest of what it says, for ``contradiction``."""


def marks_of(rule: Rule, type_code: str, values: Mapping[str, str]) -> Marks | None:
    """The marks of a row, or ``None`` where a field the rule needs is empty."""
    if rule.when is not None and not rule.when.holds(values):
        return None
    if rule.kind == "duplicate":
        return _duplicate(rule, type_code, values)
    if rule.kind == "near_duplicate":
        return _near(rule, type_code, values)
    if rule.kind == "contradiction":
        return _statement(rule, type_code, values)
    return None


def _duplicate(rule: Rule, type_code: str, values: Mapping[str, str]) -> Marks | None:
    parts = _all(rule.fields, values)
    if parts is None:
        return None
    one = (_mark(type_code, "same", ",".join(rule.fields), *parts),)
    return Marks(rule, one, one, {})


def _statement(rule: Rule, type_code: str, values: Mapping[str, str]) -> Marks | None:
    parts = _all(rule.params["key"], values)
    if parts is None:
        return None
    one = (_mark(type_code, "says", ",".join(rule.params["key"]), *parts),)
    said = {name: _mark(name, fold(values.get(name, "")))[:8].hex() for name in rule.params["compared"]}
    return Marks(rule, one, one, said)


def _near(rule: Rule, type_code: str, values: Mapping[str, str]) -> Marks | None:
    field, *_ = rule.fields
    same = _all(rule.params["same"], values)
    name = bare_name(values.get(field, ""), rule.params["ignore"])
    if same is None or not name:
        return None
    scope = (type_code, "near", ",".join(rule.fields), *same)
    whole = _mark(*scope, "", name)
    if not rule.params["distance"]:
        return Marks(rule, (whole,), (whole,), {})
    without = [name[:place] + name[place + 1 :] for place in range(len(name))]
    gaps = [_mark(*scope, str(place), rest) for place, rest in enumerate(without)]
    longer = [_mark(*scope, str(place), name) for place in range(len(name) + 1)]
    shorter = [_mark(*scope, "", rest) for rest in without if rest]
    return Marks(rule, _distinct([whole, *gaps, *longer, *shorter]), _distinct([whole, *gaps]), {})


def fold(text: str) -> str:
    """``text`` without what makes no difference: width, case, spaces, brackets, dots and dashes."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in plain if unicodedata.category(c) not in _DROPPED)


@lru_cache(maxsize=256)
def _folded(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(filter(None, map(fold, words)), key=len, reverse=True))


def bare_name(text: str, ignore: tuple[str, ...] = ()) -> str:
    """The name as it is compared: folded, without the words of the rule at its beginning and its end."""
    name = fold(text)
    words = _folded(ignore)
    for strip, found in ((str.removesuffix, str.endswith), (str.removeprefix, str.startswith)):
        for word in words:
            if found(name, word) and len(name) > len(word):
                name = strip(name, word)
                break
    return name[:_LONGEST]


def _all(fields: Iterable[str], values: Mapping[str, str]) -> list[str] | None:
    parts = [fold(values.get(name, "")) for name in fields]
    return parts if all(parts) else None


def _mark(*parts: str) -> bytes:
    return sm3("\x1f".join(parts).encode("utf-8", "surrogatepass"))[:SIZE]


def _distinct(marks: list[bytes]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(marks))
