"""JSON as these tables keep it: sorted, short, and such that any database takes it."""

from __future__ import annotations

import json
import re
from typing import Any

_HALVES = re.compile("[\ud800-\udfff]")


def whole(text: str) -> str:
    """``text`` as it can be shown: halves of characters, which no encoding can carry, are replaced."""
    return _HALVES.sub("\N{REPLACEMENT CHARACTER}", text)


def to_text(value: Any) -> str:
    """``value`` as JSON; halves of characters, which no database takes, are written as escapes."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    return text
