"""授权范围: what a delegation allows, for which licence types and service items, from when until when.

terms.within(parent)        # never wider or longer than that out of which it is given
terms.narrowed(parent)      # what is left of it under a parent that has shrunk; ``None``: nothing
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from licence_store.holding.holder import ALL, EVERYTHING, HOLDER_RIGHTS
from trust.errors import Malformed

LONGEST: Final = timedelta(days=3 * 366)
MOST: Final = 50
"""Types or items named in one delegation."""
ITEM_LENGTH: Final = 100


@dataclass(frozen=True, slots=True)
class Terms:
    """授权范围."""

    rights: frozenset[str]
    starts: datetime
    ends: datetime
    """From this moment on it counts no more."""
    types: frozenset[str] = EVERYTHING
    items: frozenset[str] = EVERYTHING

    def check(self, moment: datetime) -> None:
        """Raises ``Malformed("delegation.*")`` for what nobody could give."""
        if not self.rights or not self.rights <= set(HOLDER_RIGHTS):
            raise Malformed("delegation.rights", "请至少选择一项授权事项。")
        if not self.starts < self.ends or self.ends <= moment or self.ends - self.starts > LONGEST:
            raise Malformed(
                "delegation.period", "授权期限应晚于现在、止于起始之后，且不超过{years}年。", years=LONGEST.days // 366
            )
        for named in (self.types, self.items):
            well_formed = all(0 < len(one) <= ITEM_LENGTH and one.isprintable() for one in named)
            if not 0 < len(named) <= MOST or not well_formed:
                raise Malformed("delegation.scope", "请写明证照类型和服务事项；不限的写“*”。")

    def within(self, parent: Terms) -> bool:
        """Is it no wider and no longer than ``parent``?"""
        return self.narrowed(parent) == self

    def narrowed(self, parent: Terms) -> Terms | None:
        """What both allow."""
        found = Terms(
            self.rights & parent.rights,
            max(self.starts, parent.starts),
            min(self.ends, parent.ends),
            _both(self.types, parent.types),
            _both(self.items, parent.items),
        )
        return found if found.rights and found.types and found.items and found.starts < found.ends else None

    def counts(self, moment: datetime) -> bool:
        return self.starts <= moment < self.ends

    def to_json(self) -> dict[str, object]:
        return {
            "rights": listed(self.rights),
            "types": sorted(self.types),
            "items": sorted(self.items),
            "from": self.starts.isoformat(),
            "until": self.ends.isoformat(),
        }


def _both(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    if ALL in one:
        return other
    return one if ALL in other else one & other


def listed(rights: Iterable[str]) -> list[str]:
    """Rights in the order in which they are always named."""
    held = set(rights)
    return [one for one in HOLDER_RIGHTS if one in held]


def kept(names: Iterable[str]) -> str:
    """As a column has it; with ``*`` the rest goes without saying."""
    found = set(names)
    return json.dumps([ALL] if ALL in found else sorted(found), ensure_ascii=False)


def read(text: str) -> frozenset[str]:
    return frozenset(json.loads(text))


def plain(terms: Terms) -> Terms:
    """With ``*`` alone where everything is allowed."""
    return replace(
        terms,
        types=EVERYTHING if ALL in terms.types else terms.types,
        items=EVERYTHING if ALL in terms.items else terms.items,
    )
