"""未签章文档: what drawing hands to sealing (GB/T 33190 package, complete but for its signature)."""

from __future__ import annotations

from dataclasses import dataclass

from seal.message import DataMessage
from seal.ofd.package import Entry


@dataclass(frozen=True, slots=True)
class PageBox:
    """页面: one page a seal may be put on."""

    id: int
    """The page's ID in Document.xml, to which StampAnnot/@PageRef points."""
    width: float
    """Millimetres."""
    height: float
    """Millimetres."""


@dataclass(frozen=True, slots=True)
class UnsignedOFD:
    """未签章的版式文档: every entry but the signature's own.

    ``OFD.xml`` already names ``/Doc_0/Signs/Signatures.xml``, so sealing adds entries and changes none.
    """

    entries: tuple[Entry, ...]
    pages: tuple[PageBox, ...]
    message: DataMessage | None
    """``None``: it is no licence."""
