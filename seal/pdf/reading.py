"""读取 PDF: opening a file without mending it, and its signature fields (ISO 32000-1, 7.5 and 12.8).

Nothing is believed. For sealing and for checking alike; no keys, no drawing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pikepdf

from seal.pdf.structures import SEAL_KEY
from trust.errors import Malformed, Refused

MAX_SIZE = 128 << 20
_MAX_FIELDS = 4096
_MAX_DEPTH = 32
_START = re.compile(rb"startxref\s+(\d{1,12})\s*%%EOF\s*\Z")
_FACTS = ("/FT", "/V")


@dataclass(frozen=True, slots=True)
class SignatureField:
    """签名域."""

    name: str
    number: int
    """Its object, 0 where it has none of its own."""
    field: Any
    """pikepdf dictionary."""
    value: Any | None
    """The signature dictionary; ``None``: the field waits."""

    @property
    def sub_filter(self) -> str:
        """``ETSI.CAdES.detached`` …, ``""`` where it says none."""
        found = self.value.get("/SubFilter") if self.value is not None else None
        return str(found)[1:] if isinstance(found, pikepdf.Name) else ""

    @property
    def certification(self) -> int | None:
        """P of a certifying signature (DocMDP, 12.8.2.2), by default 2; ``None``: it does not certify."""
        references = self.value.get("/Reference") if self.value is not None else None
        if not isinstance(references, pikepdf.Array):
            return None
        for one in references:
            if isinstance(one, pikepdf.Dictionary) and one.get("/TransformMethod") == pikepdf.Name.DocMDP:
                parameters = one.get("/TransformParams")
                level = parameters.get("/P", 2) if isinstance(parameters, pikepdf.Dictionary) else 2
                return int(level) if isinstance(level, int) else 1
        return None

    @property
    def lock(self) -> int | None:
        """P of the field's lock (12.7.4.5): what signing it has forbidden; ``None``: it says nothing."""
        locked = self.field.get("/Lock")
        level = locked.get("/P") if isinstance(locked, pikepdf.Dictionary) else None
        return int(level) if isinstance(level, int) else None


def open_pdf(data: bytes) -> pikepdf.Pdf:
    """Open ``data`` as it stands. Close it when done: its objects die with it.

    Raises ``Malformed("format.not_pdf", "format.pdf_broken")`` and ``Refused("format.encrypted")``.
    """
    if not data.startswith(b"%PDF-") or len(data) > MAX_SIZE:
        raise Malformed("format.not_pdf", "文件不是 PDF，或过大。")
    try:
        pdf = pikepdf.open(BytesIO(data), attempt_recovery=False, suppress_warnings=True, inherit_page_attributes=False)
    except pikepdf.PasswordError:
        raise Refused("format.encrypted", "PDF 已加密，不能盖章或核验。") from None
    except (pikepdf.PdfError, ValueError, OverflowError, RuntimeError) as error:
        raise Malformed("format.pdf_broken", "PDF 的结构损坏，无法打开。") from error
    if pdf.is_encrypted:
        pdf.close()
        raise Refused("format.encrypted", "PDF 已加密，不能盖章或核验。")
    return pdf


def last_cross_reference(data: bytes) -> int:
    """Where the newest cross-references begin. Raises ``Malformed("format.pdf_broken")``."""
    found = _START.search(data[-2048:])
    place = int(found[1]) if found else 0
    if not 0 < place < len(data):
        raise Malformed("format.pdf_broken", "PDF 的结构损坏，无法打开。")
    return place


def signature_fields(pdf: pikepdf.Pdf) -> tuple[SignatureField, ...]:
    """Every signature field, in the order of the form. Raises ``Malformed("format.pdf_form")``."""
    try:
        return tuple(_fields(pdf))
    except (pikepdf.PdfError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise Malformed("format.pdf_form", "PDF 的表单域无法读取。") from error


def seal_objects(data: bytes) -> tuple[bytes, ...]:
    """DER of the seal object each signature carries, in order; nothing is believed."""
    with open_pdf(data) as pdf:
        values = [field.value for field in signature_fields(pdf) if field.value is not None]
        held = [value.get(f"/{SEAL_KEY}") for value in values]
        return tuple(bytes(one) for one in held if isinstance(one, pikepdf.String))


def field_names(pdf: pikepdf.Pdf) -> frozenset[str]:
    """The names of all fields of the form, of whatever kind, at the top."""
    return frozenset(str(node.get("/T", "")) for node in _top(pdf))


def _top(pdf: pikepdf.Pdf) -> list[Any]:
    form = pdf.Root.get("/AcroForm")
    fields = form.get("/Fields") if isinstance(form, pikepdf.Dictionary) else None
    return (
        [node for node in fields if isinstance(node, pikepdf.Dictionary)] if isinstance(fields, pikepdf.Array) else []
    )


def _fields(pdf: pikepdf.Pdf) -> Iterator[SignatureField]:
    waiting: list[tuple[Any, str, dict[str, Any], int]] = [(node, "", {}, 0) for node in reversed(_top(pdf))]
    seen: set[tuple[int, int]] = set()
    while waiting:
        node, above, inherited, depth = waiting.pop()
        if (node.is_indirect and node.objgen in seen) or depth > _MAX_DEPTH or len(seen) > _MAX_FIELDS:
            raise ValueError("fields in a circle, or too many")
        if node.is_indirect:
            seen.add(node.objgen)
        own = str(node["/T"]) if "/T" in node else ""
        title = f"{above}.{own}" if above and own else above or own
        facts = {**inherited, **{key: node[key] for key in _FACTS if key in node}}
        kids = [kid for kid in node.get("/Kids", []) if isinstance(kid, pikepdf.Dictionary)]
        further = [kid for kid in kids if "/T" in kid]
        if facts.get("/FT") == pikepdf.Name.Sig and not further:
            value = facts.get("/V")
            number = node.objgen[0] if node.is_indirect else 0
            yield SignatureField(title, number, node, value if isinstance(value, pikepdf.Dictionary) else None)
        waiting += [(kid, title, facts, depth + 1) for kid in reversed(further)]
