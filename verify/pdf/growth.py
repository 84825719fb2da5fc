"""增长: what stands in the revisions behind a signature, looked at for what a viewer shows (ISO 32000-1, 7.5.6, 12.5).

The difference analysis (``verify.pdf.changes``) asks which objects may change. It believes that a signature field
whose rectangle it cannot measure is invisible, that an invisible one shows nothing whatever its kind, and that what no
cross-reference names is not there. Viewers differ in all three; a file that plays on that is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from pyhanko.pdf_utils import generic

from verify.pdf.opening import OpenedPDF, PDFSignature, items, look

_PLAIN: Final = frozenset({
    "/Type", "/Subtype", "/FT", "/T", "/TU", "/V", "/P", "/F", "/Ff", "/Rect", "/StructParent", "/Lock",
})  # fmt: skip
"""Entries of a field that shows nothing."""
_STATED: Final = frozenset({"/Version", "/Extensions"})
"""Entries of the catalogue that may change, and hold nothing but words."""
_OBJECT: Final = re.compile(rb"(?<![0-9])[0-9]{1,10}[\0\t\n\f\r ]+[0-9]{1,5}[\0\t\n\f\r ]+obj(?![A-Za-z])")
_BLANK: Final = b"\0\t\n\f\r "


def is_plain(opened: OpenedPDF, signature: PDFSignature, *, licence: bool) -> bool:
    """Do the later revisions add nothing that a viewer could show, but seals and signatures in their fields?

    Of a licence new fields must be invisible; of other documents they may be seen, as what they are.
    """
    old, reader = opened.reader.get_historical_resolver(signature.revision), opened.reader
    if (old.root_ref.idnum, old.root_ref.generation) != (reader.root_ref.idnum, reader.root_ref.generation):
        return False
    if any(_refers(reader.root.raw_get(key)) for key in _STATED & reader.root.keys()):
        return False
    known = {_key(one) for one in _fields(old.root)}
    fresh = [one for one in _fields(reader.root) if _key(one) not in known]
    if not all(_shows_nothing_else(one.get_object(), licence=licence) for one in fresh):
        return False
    return not _has_unlisted(opened, signature)


def _fields(root: Any) -> list[Any]:
    """The references in the form's list of fields, as they stand."""
    form = look(root, "/AcroForm")
    listed = look(form, "/Fields") if isinstance(form, generic.DictionaryObject) else None
    return [listed.raw_get(n) for n in range(len(listed))] if isinstance(listed, generic.ArrayObject) else []


def _key(reference: Any) -> tuple[int, int] | None:
    return (reference.idnum, reference.generation) if isinstance(reference, generic.IndirectObject) else None


def _shows_nothing_else(field: Any, *, licence: bool) -> bool:
    """Is a new field an invisible widget or, where that is allowed, a visible one of a plain kind and place?"""
    if licence and not set(field) <= _PLAIN:
        return False
    widgets = [one for one in items(look(field, "/Kids")) if isinstance(one, generic.DictionaryObject)] or [field]
    for widget in widgets:
        corners = list(items(look(widget, "/Rect")))
        if look(widget, "/Subtype", "/Widget") != "/Widget" or not _is_rectangle(corners):
            return False
        empty = corners[0] == corners[2] and corners[1] == corners[3]
        if (licence and not empty) or (empty and "/AP" in widget):
            return False
    return True


def _is_rectangle(corners: list[Any]) -> bool:
    return len(corners) == 4 and all(isinstance(one, int | Decimal) for one in corners)


def _refers(value: Any, depth: int = 0) -> bool:
    """Is there a reference in it (or too much of it)?"""
    if isinstance(value, generic.DictionaryObject):
        raw = [value.raw_get(key) for key in value]
    elif isinstance(value, generic.ArrayObject):
        raw = [value.raw_get(index) for index in range(len(value))]
    else:
        return isinstance(value, generic.IndirectObject)
    return depth > 8 or any(_refers(one, depth + 1) for one in raw)


def _has_unlisted(opened: OpenedPDF, signature: PDFSignature) -> bool:
    """Is there an object behind the signature that no cross-reference names, for programs that mend files?"""
    named = set(_places(opened, signature.revision + 1))
    return any(found.start() not in named for found in _OBJECT.finditer(opened.data, signature.end))


def _places(opened: OpenedPDF, first: int) -> Iterator[int]:
    """Where objects of the revisions from ``first`` on begin."""
    xrefs = opened.reader.xrefs
    for revision in range(first, opened.revisions):
        places = [xrefs.get_historical_ref(ref, revision) for ref in xrefs.explicit_refs_in_revision(revision)]
        for place in (*places, xrefs.get_xref_container_info(revision).start_location):
            if isinstance(place, int):
                while opened.data[place : place + 1] and opened.data[place] in _BLANK:
                    place += 1
                yield place
