"""共享服务: one door for every question, ``Sharing.ask``; none depends on any particular type (R113).

    data = desk.sharing.ask(Call(caller, "licence", {"licence_id": "…"}, purpose, request, actor))

1. may the caller ask this (scope), 2. is it shared with them (tier, application), 3. look: own register, providers,
4. sign, 5. write down: use ledger, call log, journal. The parameters of each operation stand in ``PARAMETERS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trust.errors import Malformed

if TYPE_CHECKING:
    from licence_store.desk import Desk
    from licence_store.sharing.calls import Call

PARAMETERS: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "catalogue": (frozenset(), frozenset()),
    "fields": (frozenset({"type"}), frozenset()),
    "licence": (frozenset({"licence_id"}), frozenset()),
    "holder": (frozenset({"holder_code", "type"}), frozenset()),
    "qr": (frozenset({"qr"}), frozenset()),
    "batch": (
        frozenset({"type"}),
        frozenset({"changed_since", "states", "issued_from", "issued_to", "cursor", "limit"}),
    ),
    "check": (frozenset({"fields"}), frozenset({"licence_id", "type", "holder_code"})),
    "verify": (frozenset({"document"}), frozenset({"at"})),
    "compare": (frozenset({"document"}), frozenset({"fields", "qr"})),
    "download": (frozenset({"licence_id", "form"}), frozenset({"copy"})),
}
"""Operation → names that must be given, and that may. ``document`` is base64; ``fields`` an object of strings; ``copy``
``{"recipient", "until", "uses"}`` asks for a purpose-limited copy instead of the original."""


class Sharing:
    """共享服务 of one region, over its ``Desk``."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def ask(self, call: Call) -> bytes:
        """The signed answer (``trust.sharing_answer``).

        Raises ``Malformed("sharing.parameters", …)``, ``Refused("sharing.scope_*", "sharing.access_*")``; a refusal is
        written down too.
        """
        raise Malformed("sharing.operation", "没有共享操作“{operation}”。", operation=call.operation[:40])
