"""退回理由 (code book): why an officer does not accept a material, and what the holder must do next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from trust.errors import Malformed

OTHER = "other"
"""Says nothing by itself: the officer must."""
_SOURCE = Path(__file__).with_name("reasons.json")


@dataclass(frozen=True, slots=True)
class RefusalReason:
    """退回理由."""

    code: str
    title: str
    title_en: str
    next: str
    """What the holder must do."""
    next_en: str
    recheck: bool
    """The same upload may still be accepted later; else another must take its place."""

    def told(self, language: str) -> tuple[str, str]:
        """``(title, what to do)`` in ``zh-CN`` or ``en``."""
        return (self.title_en, self.next_en) if language == "en" else (self.title, self.next)


@cache
def reasons() -> Mapping[str, RefusalReason]:
    """Every reason by its code, in the order of the book."""
    rows = json.loads(_SOURCE.read_text(encoding="utf-8"))
    return MappingProxyType({row["code"]: RefusalReason(**row) for row in rows})


def find_reason(code: str, words: str) -> RefusalReason:
    """Raises ``Malformed("material.reason", "material.reason_words")``."""
    found = reasons().get(code)
    if found is None:
        raise Malformed("material.reason", "退回理由应为 {expected} 之一。", expected="、".join(reasons()))
    if code == OTHER and not words.strip():
        raise Malformed("material.reason_words", "理由为“其他”时，请写明持证者应怎么办。")
    return found
