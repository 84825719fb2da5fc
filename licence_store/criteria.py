"""查询条件: what a licence may be searched by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from licence_store.lifecycle import LicenceState
from licence_store.search_index import after_day
from trust.errors import Malformed

STATES: Final = tuple(str(state) for state in LicenceState if state is not LicenceState.NONE)


@dataclass(frozen=True, slots=True)
class Criteria:
    """查询条件; all that are given must hold."""

    text: str = ""
    """A licence id, a number, a holder's code, or words of a holder's name: what one types into one field."""
    number: str = ""
    holder_code: str = ""
    name: str = ""
    """Words of the holder's name, each any part of it."""
    type_code: str = ""
    department: str = ""
    issued_from: str = ""
    """First of the days of first issue, ``YYYY-MM-DD``."""
    issued_to: str = ""
    ends_from: str = ""
    """First of the days on which the period of validity may end."""
    ends_to: str = ""
    states: tuple[str, ...] = ()
    """Words of ``licence_store.lifecycle.LicenceState``, as of the moment asked about."""
    changed_since: datetime | None = None
    """Something happened to it that was recorded at this moment or later."""
    departments: tuple[str, ...] | None = None
    """What the caller may see; ``None``: all."""
    types: tuple[str, ...] | None = None

    def check(self) -> None:
        """Raises ``Malformed("search.date", "search.state")`` for a day or a state that is none."""
        for state in self.states:
            if state not in STATES:
                known = "、".join(STATES)
                raise Malformed(
                    "search.state", "没有证照状态“{state}”。", remedy="可用：{known}", state=state[:40], known=known
                )
        for day in (self.issued_from, self.issued_to, self.ends_from, self.ends_to):
            if day and not _is_day(day):
                raise Malformed(
                    "search.date", "日期“{day}”无效。", remedy="请按 YYYY-MM-DD 填写，例如 2026-01-31。", day=day[:40]
                )


def _is_day(day: str) -> bool:
    try:
        return len(day) == len("2026-01-31") and after_day(day) > 0
    except (ValueError, OverflowError):
        return False
