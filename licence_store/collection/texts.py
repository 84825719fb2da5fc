"""JSON as these tables keep it: sorted, short, and such that any database takes it."""

from __future__ import annotations

import json
from typing import Any


def to_text(value: Any) -> str:
    """``value`` as JSON; halves of characters, which no database takes, are written as escapes."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    return text
