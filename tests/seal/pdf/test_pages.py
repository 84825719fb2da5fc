"""A drawn licence: PDF/A-3b, its words readable and in order, its data inside."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pikepdf
import pytest

from licence_store.definitions import LicenceTypeDefinition
from licence_store.face import PreparedFace, draw_pdf
from seal.message import disclosure_entry
from seal.pdf.structures import DIGESTS_FILE, MESSAGE_FILE
from tests.seal.pdf.conftest import TYPES, URL, demand_sound, drawn, message_of, opened
from trust.errors import Malformed


def test_it_is_archivable(definition: LicenceTypeDefinition) -> None:
    demand_sound(drawn(definition).to_bytes())


def test_it_carries_the_message_and_its_digests(definition: LicenceTypeDefinition) -> None:
    document = drawn(definition)
    with opened(document.to_bytes()) as pdf:
        held = {name: pdf.attachments[name].get_file().read_bytes() for name in pdf.attachments}
    assert document.message is not None
    assert held[MESSAGE_FILE] == document.message.to_bytes()
    assert held[DIGESTS_FILE] == disclosure_entry(document.message)


def _spoken(pdf: pikepdf.Pdf) -> list[tuple[str, list[int]]]:
    """What the structure tree has, in order: kind and marked content."""
    root = pdf.Root.StructTreeRoot.K
    return [(str(kid.S), [int(mark) for mark in kid.K]) for kid in root.K]


def test_every_mark_is_in_the_tree_once(definition: LicenceTypeDefinition) -> None:
    with opened(drawn(definition).to_bytes()) as pdf:
        marks = [mark for _, some in _spoken(pdf) for mark in some]
        parents = list(pdf.Root.StructTreeRoot.ParentTree.Nums[1])
        used = [
            int(operands[1].MCID)
            for operands, operator in pikepdf.parse_content_stream(pdf.pages[0])
            if str(operator) == "BDC"
        ]
        assert sorted(marks) == sorted(used) == list(range(len(parents)))
        assert str(pdf.Root.Lang) == "zh-CN"
        figures = [kid for kid in pdf.Root.StructTreeRoot.K.K if str(kid.S) == "/Figure"]
        assert [URL in str(figure.Alt) for figure in figures] == [True]


def test_words_can_be_copied(definition: LicenceTypeDefinition, tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("poppler-utils is not installed")
    document = drawn(definition, seed=3)
    file = tmp_path / "licence.pdf"
    file.write_bytes(document.to_bytes())
    text = subprocess.run(["pdftotext", "-raw", file, "-"], capture_output=True, check=True).stdout.decode()
    assert document.message is not None
    bare = "".join(text.split())
    for value in document.message.face:
        assert "".join(value.text.split()) in bare
    assert definition.name in bare


def test_equal_messages_give_equal_files() -> None:
    definition = TYPES["business-licence"]
    message, prepared = message_of(definition), PreparedFace.of(definition, demonstration=True)
    assert draw_pdf(prepared, message, URL).to_bytes() == draw_pdf(prepared, message, URL).to_bytes()


def test_a_character_without_a_glyph_is_named() -> None:
    with pytest.raises(Malformed) as caught:
        drawn(TYPES["teacher-certificate"], name="\U0002a700某")
    assert caught.value.code == "face.missing_glyph"
