"""游标: opaque, URL-safe places in a list; a cursor is what we gave out, nothing else is accepted."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime

from trust.errors import Malformed


def encode(place: list[str]) -> str:
    """The cursor for a place."""
    text = json.dumps(place, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, length: int) -> list[str]:
    """The place behind a cursor of ``length`` parts; raises ``Malformed("cursor.malformed")``."""
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, UnicodeError, RecursionError):
        place = None
    if not isinstance(place, list) or len(place) != length or not all(isinstance(part, str) for part in place):
        raise Malformed("cursor.malformed", "游标无效。", remedy="请使用上一页给出的游标，或从头开始。")
    return place


def decode_number(cursor: str) -> int:
    """The whole number behind a cursor."""
    [text] = decode(cursor, 1)
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Malformed("cursor.malformed", "游标无效。", remedy="请使用上一页给出的游标，或从头开始。")
    return int(text)


def of_place(place: tuple[datetime, str]) -> str:
    """The cursor after a licence in a search."""
    return encode([place[0].isoformat(), place[1]])


def place(cursor: str) -> tuple[datetime, str]:
    """The place behind a search's cursor."""
    moment, base = decode(cursor, 2)
    try:
        parsed = datetime.fromisoformat(moment)
        parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise Malformed("cursor.malformed", "游标无效。", remedy="请使用上一页给出的游标，或从头开始。")
    return parsed, base
