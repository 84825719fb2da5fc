"""交付: what every connector gives, row by row, and how it says where to go on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from licence_store.collection.texts import to_text
from trust.errors import LicenceTrustError, Malformed


@dataclass(frozen=True, slots=True)
class Delivered:
    """一行: columns as the source has them, or why the row could not be read."""

    number: int
    """From 1, in the order of the delivery."""
    content: Mapping[str, object] | LicenceTrustError
    position: str
    """Whoever is given this goes on with the next row."""


class Delivery(Protocol):
    """A delivery that is open for reading."""

    @property
    def identity(self) -> Mapping[str, str]:
        """Which delivery it is: a run that was interrupted goes on only with the same."""

    @property
    def complete(self) -> bool:
        """Does it hold all the source has, so that what is missing is gone there?"""

    @property
    def total(self) -> int | None:
        """How many rows, where that is known."""

    @property
    def watermark(self) -> str:
        """Where the next delivery begins, once this one is done; in the connector's own words."""

    def rows(self, position: str) -> Iterator[Delivered]:
        """The rows after ``position`` (empty: from the beginning), in flat memory.

        Raises ``Malformed`` or ``Unavailable`` where the delivery cannot be read (on).
        """


def place(value: Any) -> str:
    """A position as text."""
    return to_text(value)


def read_place(position: str, default: Any) -> Any:
    """The position again; raises ``Malformed("delivery.position")``."""
    if not position:
        return default
    try:
        return json.loads(position)
    except ValueError as error:
        raise Malformed("delivery.position", "归集批次的续传位置无法识别。") from error


def within(value: Any, path: str) -> Any:
    """The part of a JSON document that ``a.b.c`` names; ``None`` where there is none."""
    for name in filter(None, path.split(".")):
        value = value.get(name) if isinstance(value, dict) else None
    return value
