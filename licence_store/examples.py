"""示例数据: synthetic records of people and companies that do not exist, from a type's ``example`` part.

Each record depends on its index and the seed alone, so any of them can be made without the others.
Numbers are permutations of the index: distinct for every index up to their ``count`` (above 10⁷),
with right check digits, in an area no real person or body belongs to (GB/T 2260 gives no 99).

    "example": {"words": {"brand": ["星河", …]},
                "fields": {"credit_code": {"make": "credit_code", "prefix": "91", "area": "990000"},
                           "name": {"make": "template", "text": "演示省{brand}有限公司"}}}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from random import Random
from typing import Any

from trust.identifiers import ALPHABET_31, citizen_check_char, credit_code_check_char, organisation_check_char

_PLACE = re.compile(r"\{(\w+)(?::(\d+)-(\d+))?\}")
_ORGANISATIONS = 31**6
_STEP = 15_485_863
"""A prime that divides none of the counts below: index → index·_STEP runs through all of them."""


def make_record(spec: Mapping[str, Any], index: int, seed: int) -> dict[str, str]:
    """The ``index``-th record of ``seed``: a value for every field that ``spec["fields"]`` tells how to make."""
    random = Random(f"{seed}/{index}")
    made: dict[str, str] = {}
    for name, rule in spec["fields"].items():
        made[name] = _MAKERS[rule["make"]](rule, made, _Place(spec.get("words", {}), random, index, seed))
    return made


class _Place:
    """What a maker may draw on: word lists, a generator of its own, and its index."""

    __slots__ = ("index", "random", "seed", "words")

    def __init__(self, words: Mapping[str, list[str]], random: Random, index: int, seed: int) -> None:
        self.words, self.random, self.index, self.seed = words, random, index, seed

    def scattered(self, count: int) -> int:
        """A number below ``count``, another for every index."""
        return (self.index * _STEP + self.seed * 7919) % count


def _credit_code(rule: Mapping[str, Any], made: Mapping[str, str], place: _Place) -> str:
    number, body = place.scattered(_ORGANISATIONS), ""
    for _ in range(6):
        number, digit = divmod(number, 31)
        body += ALPHABET_31[digit]
    organisation = "MA" + body
    first17 = f"{rule['prefix']}{rule['area']}{organisation}{organisation_check_char(organisation)}"
    return first17 + credit_code_check_char(first17)


def _citizen_number(rule: Mapping[str, Any], made: Mapping[str, str], place: _Place) -> str:
    first, last = date.fromisoformat(rule["from"]), date.fromisoformat(rule["to"])
    days = (last - first).days + 1
    order, day = divmod(place.scattered(days * 999), days)
    first17 = f"{rule['area']}{first + timedelta(day):%Y%m%d}{order + 1:03d}"
    return first17 + citizen_check_char(first17)


def _birth_date(rule: Mapping[str, Any], made: Mapping[str, str], place: _Place) -> str:
    number = made[rule["of"]]
    return f"{number[6:10]}-{number[10:12]}-{number[12:14]}"


def _birth_month(rule: Mapping[str, Any], made: Mapping[str, str], place: _Place) -> str:
    return _birth_date(rule, made, place)[:7]


def _gender(rule: Mapping[str, Any], made: Mapping[str, str], place: _Place) -> str:
    return "男" if int(made[rule["of"]][16]) % 2 else "女"


def _choice(rule: Mapping[str, Any], made: Mapping[str, str], place: _Place) -> str:
    return place.random.choice(_list(rule["from"], place))


def _several(rule: Mapping[str, Any], made: Mapping[str, str], place: _Place) -> str:
    words = _list(rule["from"], place)
    count = place.random.randint(rule["least"], min(rule["most"], len(words)))
    separator: str = rule["separator"]
    return separator.join(place.random.sample(words, count)) + str(rule.get("end", ""))


def _template(rule: Mapping[str, Any], made: Mapping[str, str], place: _Place) -> str:
    def fill(match: re.Match[str]) -> str:
        word, least, most = match.groups()
        if least:
            return str(place.random.randint(int(least), int(most)))
        return made[word] if word in made else place.random.choice(_list(word, place))

    return _PLACE.sub(fill, rule["text"])


def _date(rule: Mapping[str, Any], made: Mapping[str, str], place: _Place) -> str:
    first, last = date.fromisoformat(rule["from"]), date.fromisoformat(rule["to"])
    return (first + timedelta(place.random.randint(0, (last - first).days))).isoformat()


def _date_range(rule: Mapping[str, Any], made: Mapping[str, str], place: _Place) -> str:
    """From a date field or range, for one of ``years``; 0 years is long-term."""
    start = made[rule["of"]] if "of" in rule else _date(rule, made, place)
    years = place.random.choice(rule["years"])
    if not years:
        return f"{start}/"
    day = date.fromisoformat(start) - timedelta(1)
    day = day if (day.month, day.day) != (2, 29) else day - timedelta(1)
    return f"{start}/{day.replace(year=day.year + years).isoformat()}"


def _list(source: str | list[str], place: _Place) -> list[str]:
    return place.words[source] if isinstance(source, str) else source


_MAKERS: dict[str, Callable[[Mapping[str, Any], Mapping[str, str], _Place], str]] = {
    "credit_code": _credit_code,
    "citizen_number": _citizen_number,
    "birth_date": _birth_date,
    "birth_month": _birth_month,
    "gender": _gender,
    "choice": _choice,
    "several": _several,
    "template": _template,
    "date": _date,
    "date_range": _date_range,
}
