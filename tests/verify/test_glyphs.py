"""Glyphs of embedded fonts: every row of ``tests/vectors/glyphs.json`` is found out, told, or let pass.

``font`` is a trick of ``font_tricks`` done to the font of the values (``entry``: another) before an issuer seals;
``resources``, ``page``, ``objects`` are texts replaced; ``unicode`` lets a PDF read one character back as another, ``map``
draws one for another.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seal.pdf.document import UnsignedPDF
from seal.pdf.objects import reference, stream
from tests.verify import cases, font_tricks, world
from tests.verify.pdf import making
from verify.report import Report
from verify.verifier import Verifier

ROWS = json.loads((Path(__file__).parents[1] / "vectors" / "glyphs.json").read_text("utf-8"))
CODES = ("message.face_glyphs", "message.font_unknown")
FONT, CHILD, PROGRAM, MAPPING = 40, 41, 43, 44
_BODY = re.compile(rb"stream\n(.*)\nendstream", re.DOTALL)


def _replaced(data: bytes, pairs: list[list[str]]) -> bytes:
    for old, new in pairs:
        assert old.encode() in data, old
        data = data.replace(old.encode(), new.encode(), 1)
    return data


def ofd(row: dict[str, Any]) -> bytes:
    entries = {one.name: one.data for one in world.unsigned().entries}
    if "font" in row:
        name = f"Doc_0/Res/{row.get('entry', 'value-serif')}.ttf"
        trick, *more = row["font"]
        tricked = font_tricks.TRICKS[trick]
        entries[name] = tricked(entries[name], font_tricks.glyphs_of(entries[name]), **(more[0] if more else {}))
    for key, name in (("resources", "Doc_0/PublicRes.xml"), ("page", "Doc_0/Pages/Page_0/Content.xml")):
        entries[name] = _replaced(entries[name], row.get(key, []))
    return world.pack(world.seal_again(entries, [cases.signature_recipe({})], world.unsigned().message))


def _content(body: bytes) -> bytes:
    found = _BODY.search(body)
    assert found is not None
    return zlib.decompress(found[1]) if b"/FlateDecode" in body else found[1]


def pdf(row: dict[str, Any]) -> bytes:
    document = making.drawn()
    objects = dict(document.objects)
    said = _content(objects[MAPPING])
    codes = {text: int(code, 16) for code, text in re.findall(r"<(\w{4})> <(\w+)>", said.decode())}

    def glyph(char: str) -> int:
        return codes[char.encode("utf-16-be").hex()]

    if "font" in row:
        trick, *more = row["font"]
        program = font_tricks.TRICKS[trick](_content(objects[PROGRAM]), glyph, **(more[0] if more else {}))
        objects[PROGRAM] = stream({"Length1": b"%d" % len(program)}, program, level=0)
    if "unicode" in row:
        one, other = (char.encode("utf-16-be").hex() for char in row["unicode"])
        said = re.sub(rf"<({codes[one]:04x})> <{one}>".encode(), rf"<\1> <{other}>".encode(), said)
        objects[MAPPING] = stream({}, said, level=2)
    if "map" in row:
        table = list(range(max(codes.values()) + 1))
        if all(row["map"]):
            one, other = map(glyph, row["map"])
            table[one], table[other] = other, one
        objects[CHILD] = (
            objects[CHILD]
            .replace(b"/Identity\n", b"")
            .replace(b"/CIDToGIDMap /Identity", b"/CIDToGIDMap " + reference(document.next_number))
        )
        objects[document.next_number] = stream({}, b"".join(one.to_bytes(2, "big") for one in table), level=2)
        document = replace(document, next_number=document.next_number + 1)
    for number, pairs in row.get("objects", {}).items():
        objects[int(number)] = _replaced(objects[int(number)], pairs)
    return _sealed(replace(document, objects=objects))


def _sealed(document: UnsignedPDF) -> bytes:
    return making.seal_again(document, cases.signature_recipe({}))


def judged(row: dict[str, Any]) -> Report:
    data = pdf(row) if row.get("form") == "pdf" else ofd(row)
    return Verifier(world.authority().store(), lambda: world.NOW).verify(data)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_what_is_shown_is_what_is_read(row: dict[str, Any]) -> None:
    report = judged(row)
    codes = cases.codes(report)
    assert [code for code in CODES if code in codes] == ([row["expect"]] if row["expect"] else []), codes
    failed = row["expect"] == CODES[0]
    assert (str(report.indication) == "TOTAL-FAILED") == (failed or "unicode" in row), codes
