"""问题: the parameters of each operation, read strictly; what is not asked for is refused, not passed over."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from licence_store.sharing.answers import Found
from trust.errors import Malformed

PARAMETERS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "catalogue": (frozenset(), frozenset({"region"})),
    "fields": (frozenset({"type"}), frozenset({"region"})),
    "licence": (frozenset(), frozenset({"licence_id", "licence_number", "type", "region"})),
    "holder": (frozenset({"holder_code", "type"}), frozenset({"region"})),
    "qr": (frozenset({"qr"}), frozenset()),
    "batch": (
        frozenset({"type"}),
        frozenset({"changed_since", "states", "issued_from", "issued_to", "cursor", "limit", "region"}),
    ),
    "check": (frozenset({"fields"}), frozenset({"licence_id", "type", "holder_code", "region"})),
    "verify": (frozenset({"document"}), frozenset({"at", "stated"})),
    "compare": (frozenset({"document"}), frozenset({"fields", "qr"})),
    "download": (frozenset({"licence_id"}), frozenset({"form", "copy"})),
    "copy": (frozenset({"copy_id"}), frozenset({"at", "stated"})),
    "accept": (frozenset({"copy_id", "stated", "key"}), frozenset({"digest", "original_seen", "reason"})),
}
"""Operation → names that must be given, and that may. ``document`` is base64; ``fields`` an object of strings; ``copy``
``{"recipient", "until", "uses", "mask"}`` asks for a purpose-limited copy instead of the original; ``stated``
``{"purpose", "recipient", "service_item", "case_number"}`` is what a copy to be verified is wanted for; ``region``
names the region asked, where no identifier does; ``key`` marks an acceptance that is sent again as the same one."""

LARGEST_DOCUMENT: Final = 20 << 20


class Question:
    """Parameters by name; each reader raises ``Malformed("sharing.parameter")`` naming what is wrong. ``about`` is what
    the question turned out to be about, for the record of a refusal.
    """

    def __init__(self, operation: str, parameters: Mapping[str, Any]) -> None:
        """Raises ``Malformed("sharing.parameter_missing", "sharing.parameter_unknown")``."""
        needed, allowed = PARAMETERS[operation]
        if unknown := sorted(set(parameters) - needed - allowed):
            raise Malformed("sharing.parameter_unknown", "操作“{operation}”没有参数“{field}”。",
                            operation=operation, field=str(unknown[0])[:40])  # fmt: skip
        self.about: Found | None = None
        self._given = {name: value for name, value in parameters.items() if value is not None}
        for name in sorted(needed - set(self._given)):
            raise Malformed("sharing.parameter_missing", "操作“{operation}”缺少参数“{field}”。",
                            operation=operation, field=name)  # fmt: skip

    @classmethod
    def within(cls, name: str, value: object, allowed: Collection[str]) -> Question:
        """The parameters inside a parameter."""
        if not isinstance(value, dict) or not set(value) <= set(allowed):
            raise _wrong(name)
        inner = cls.__new__(cls)
        inner.about, inner._given = None, {key: one for key, one in value.items() if one is not None}
        return inner

    def value(self, name: str) -> object:
        """As it was given."""
        return self._given.get(name)

    def has(self, name: str) -> bool:
        return name in self._given

    def text(self, name: str, limit: int = 200, default: str = "") -> str:
        """One line of text."""
        value = self._given.get(name, default)
        if not isinstance(value, str) or len(value) > limit or not value.isprintable():
            raise _wrong(name)
        return value.strip()

    def texts(self, name: str) -> dict[str, str]:
        """An object of texts."""
        value = self._given.get(name, {})
        if not isinstance(value, dict) or len(value) > 64:
            raise _wrong(name)
        if not all(isinstance(key, str) and isinstance(one, str) for key, one in value.items()):
            raise _wrong(name)
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """A list of words."""
        value = self._given.get(name, [])
        if not isinstance(value, list) or len(value) > 64 or not all(isinstance(one, str) for one in value):
            raise _wrong(name)
        return tuple(dict.fromkeys(value))

    def number(self, name: str, default: int, most: int) -> int:
        """From 1 to ``most``."""
        value = self._given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise _wrong(name)
        return value

    def moment(self, name: str) -> datetime | None:
        """RFC 3339 with a zone."""
        value = self._given.get(name)
        if value is None:
            return None
        try:
            found = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
            if found is None or found.tzinfo is None:
                raise _wrong(name)
            return found.astimezone(UTC)
        except (ValueError, OverflowError):
            raise _wrong(name) from None

    def document(self, name: str) -> bytes:
        """A file, base64."""
        value = self._given.get(name)
        try:
            data = b64decode(value, validate=True) if isinstance(value, str) else b""
        except (NotBase64, ValueError):
            data = b""
        if not 0 < len(data) <= LARGEST_DOCUMENT:
            raise _wrong(name)
        return data


def _wrong(name: str) -> Malformed:
    return Malformed("sharing.parameter", "参数“{field}”的内容或类型不正确。", field=name)
