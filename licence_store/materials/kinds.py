"""材料种类 (T3): which level a kind of material is born with, whether its original must be checked, what it may become.

The table is data, ``kinds.json``; ``docs/credibility.md`` prints it and a test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from trust.errors import Malformed

LICENCE = "issued_licence"
"""The kind of a licence of the register itself; nothing is uploaded as one."""
WINDOW = "window_scan"
_SOURCE = Path(__file__).with_name("kinds.json")


@dataclass(frozen=True, slots=True)
class MaterialKind:
    """材料种类."""

    code: str
    title: str
    title_en: str
    level: str
    """可信等级 it is born with: ``A`` to ``D``."""
    original_check_required: bool
    """须核验原件 before it is used (T3)."""
    usable: str
    """``directly`` or ``after_check``, while nobody has checked it."""
    promotes_to: str
    """The level an officer's check gives it; empty: none."""
    who: str
    """Who may put it there: ``holder``, ``officer``, ``issuer``."""
    is_licence: bool
    """Is there a licence type it may be of?"""
    note: str
    note_en: str

    def titled(self, language: str) -> str:
        """The title in ``zh-CN`` or ``en``."""
        return self.title_en if language == "en" else self.title


@cache
def kinds() -> Mapping[str, MaterialKind]:
    """Every kind by its code, in the order of the table."""
    rows = json.loads(_SOURCE.read_text(encoding="utf-8"))
    return MappingProxyType({row["code"]: MaterialKind(**row) for row in rows})


def find_kind(code: str) -> MaterialKind:
    """Raises ``Malformed("material.kind")``."""
    found = kinds().get(code)
    if found is None:
        expected = "、".join(kinds())
        raise Malformed(
            "material.kind", "没有材料种类“{kind}”，应为 {expected} 之一。", kind=code[:40], expected=expected
        )
    return found
