"""元数据的改动: a program that adds a signature notes when it did so; what the file says of itself it may not change.

pyHanko's own rules let title, author and everything else be exchanged after sealing. These let pass only what every
honest program touches: dates of modification, the program's name, the identifier of the instance.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import HistoricalResolver
from pyhanko.sign.diff_analysis import DocInfoRule, MetadataUpdateRule
from pyhanko.sign.diff_analysis.rules_api import ReferenceUpdate

from seal.ofd.package import parse_xml
from trust.errors import Malformed
from verify.pdf.opening import look

_INFO: Final = frozenset({"/ModDate", "/Producer"})
_XMP: Final = frozenset({
    "{http://ns.adobe.com/xap/1.0/}ModifyDate", "{http://ns.adobe.com/xap/1.0/}MetadataDate",
    "{http://ns.adobe.com/pdf/1.3/}Producer", "{http://ns.adobe.com/xap/1.0/mm/}InstanceID",
})  # fmt: skip
_PACKET = re.compile(rb"<\?xpacket[^>]*\?>")


class OnlyDatesInInfo(DocInfoRule):
    """Info (ISO 32000-1, 14.3.3) may be written anew with other dates of modification."""

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterable[ReferenceUpdate]:
        if _facts(old) == _facts(new):
            yield from super().apply(old, new)


class OnlyDatesInXMP(MetadataUpdateRule):
    """The XMP packet (14.3.2) likewise."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterable[ReferenceUpdate]:
        before, after = _statements(old), _statements(new)
        if before is not None and before == after:
            yield from super().apply(old, new)


def _facts(resolver: HistoricalResolver) -> dict[str, str]:
    info = look(resolver.trailer_view, "/Info")
    if not isinstance(info, generic.DictionaryObject):
        return {}
    return {str(key): str(info[key]) for key in info if key not in _INFO}


def _statements(resolver: HistoricalResolver) -> Counter[tuple[str, str]] | None:
    """What the packet says, as ``(name, text)``; ``None`` where it cannot be read."""
    root = resolver.root
    if "/Metadata" not in root:
        return Counter()
    place = root.raw_get("/Metadata")
    if not isinstance(place, generic.IndirectObject):
        return None
    # by the reader itself: the view of an earlier revision cannot hold the library's own class of metadata
    stream = resolver.reader.get_object(place.reference, revision=resolver.revision)
    if not isinstance(stream, generic.StreamObject):
        return None
    try:
        packet = parse_xml(_PACKET.sub(b"", stream.data).strip())
    except Malformed:
        return None
    return Counter(_said(packet))


def _said(root: Any) -> Iterable[tuple[str, str]]:
    """Names with their namespaces: a title in another one is no title."""
    for element in root.iter():
        name, text = str(element.tag), (element.text or "").strip()
        if name in _XMP:
            continue
        if text:
            yield name if _plain(name) != "li" else _owner(element), text
        for key, value in element.attrib.items():
            if key not in _XMP and _plain(key) not in ("about", "lang", "parseType", "xmptk"):
                yield key, value


def _owner(element: Any) -> str:
    """The property a list item belongs to."""
    above = element.getparent().getparent() if element.getparent() is not None else None
    return str(above.tag) if above is not None else "li"


def _plain(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition("}")[2]
