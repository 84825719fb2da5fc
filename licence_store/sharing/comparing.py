"""比对: is a file what the register has, field by field? The register's values are never told, only whether they agree.

A file of ours is compared by the data message it carries; a picture by its QR code, and the fields somebody has read
from it. A picture without a code we can read says nothing: INDETERMINATE.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from licence_store.collection import confined
from licence_store.sharing.answers import Outcome
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Malformed, NotFound
from trust.identifiers import parse_licence_id

if TYPE_CHECKING:
    from licence_store.comparing import Comparer
    from licence_store.register import Register
    from licence_store.views import LicenceView
    from seal.message import DataMessage

_READER: Final = Path(confined.__file__).with_name("code_reader.py")
_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*")
_METADATA: Final = (
    "licence_number", "holder_name", "holder_code", "issuer_name", "issuer_code", "issued_on", "valid_from", "valid_to",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Brought:
    """What a file says of itself."""

    kind: str
    """``file`` or ``picture``."""
    licence_id: str = ""
    """Empty: it names none."""
    message: DataMessage | None = field(default=None, repr=False)


def look(data: bytes, qr: str = "") -> Brought:
    """What the file names, by its data message or its QR code (``qr``: its text as the caller read it)."""
    if data.startswith(_PICTURES):
        return Brought("picture", next(filter(None, map(licence_in, [qr] if qr else codes_in(data))), ""))
    message = message_in(data)
    return Brought("file", message.licence_id if message else "", message)


def message_in(data: bytes) -> DataMessage | None:
    """The data message in an OFD or PDF; not trusted."""
    try:
        if data[:5] == b"%PDF-":
            from verify.pdf.opening import open_pdf

            return open_pdf(data).message
        from seal.ofd.package import Limits
        from verify.opening import open_document

        return open_document(data, Limits()).message
    except LicenceTrustError:
        return None


def codes_in(picture: bytes) -> list[str]:
    """Texts of the QR codes in a picture, read in a process of its own; none where it cannot be read."""
    try:
        found = json.loads(confined.run_python(_READER, [], picture))
    except (confined.ConfinedFailure, ValueError):
        return []
    return [one for one in found if isinstance(one, str) and len(one) <= 2000]


def licence_in(code: str) -> str:
    """The licence id a QR code names: the code itself, or an address that ends in it; empty: none."""
    text = code.strip().partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2]
    try:
        return parse_licence_id(text).text
    except Malformed:
        return ""


def compare(
    brought: Brought, view: LicenceView, data: bytes, fields: Mapping[str, str], comparer: Comparer, register: Register
) -> tuple[Outcome, dict[str, object]]:
    """``(outcome, result)`` against the licence the register has."""
    verdicts: dict[str, str] = {}
    identical = sm3(data).hex() in register.forms(view.licence_id).values()
    if brought.message is not None:
        verdicts = _message_verdicts(brought.message, view.message)
    held = comparer.licence(view, fields).holds if fields else {}
    given = {name: "SAME" if holds else "DIFFERENT" for name, holds in held.items()}
    result: dict[str, object] = {
        "by": "data_message" if brought.message is not None else "qr",
        "identical": "true" if identical else "false",
        "state": view.state,
        "newest": "true" if view.asked_id == view.licence_id else "false",
        "fields": verdicts,
        "given": given,
    }
    said = [*verdicts.values(), *given.values()]
    if not said:
        return Outcome.INDETERMINATE, result
    return (Outcome.SAME if set(said) == {"SAME"} else Outcome.DIFFERENT), result


def _message_verdicts(file: DataMessage, ours: DataMessage) -> dict[str, str]:
    theirs = {**{name: file.metadata[name] for name in _METADATA}, **{one.name: one.value for one in file.face}}
    mine = {**{name: ours.metadata[name] for name in _METADATA}, **{one.name: one.value for one in ours.face}}
    return {name: _verdict(theirs.get(name), mine.get(name)) for name in dict.fromkeys([*mine, *theirs])}


def _verdict(theirs: str | None, mine: str | None) -> str:
    if theirs is None:
        return "ONLY_IN_REGISTER"
    if mine is None:
        return "ONLY_IN_FILE"
    return "SAME" if theirs == mine else "DIFFERENT"


def registered(register: Register, licence_id: str) -> LicenceView | None:
    """The licence, if it is ours."""
    try:
        return register.find(licence_id)
    except (NotFound, Malformed):
        return None
