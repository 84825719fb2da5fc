"""docvortex and ofdkit, two OFD readers that others wrote, read every word of the face and complain of nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import Issued
from tests.interop.programs import missing, sample

try:
    import docvortex
    import ofdkit
    from loguru import logger
except ImportError:
    docvortex = None


@pytest.fixture(autouse=True)
def _readers() -> None:
    if docvortex is None:
        missing("docvortex or ofdkit (pip install -e .[interop])")


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What docvortex logs at warning or above."""
    said: list[str] = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    yield said
    logger.remove(sink)


def bare(text: str) -> str:
    """Letters and digits only: readers differ in spaces, line breaks and Markdown's escapes."""
    return re.sub(r"[\s\\|*_#>-]+", "", text)


def strings(value: object) -> Iterator[str]:
    """Every string in a nest of lists and objects, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings(inner)


def read_by_docvortex(path: Path) -> str:
    """All text docvortex finds, tables and paragraphs alike."""
    result = docvortex.parse(str(path))
    assert not [d for d in result.diagnostics or () if "error" in str(d).lower()]
    return "".join(strings(result.to_dict()))


def face_values(issued: Issued) -> list[tuple[str, str]]:
    """``(field, text drawn for it)``, through the tags that bind each field to its page objects."""
    reading = issued.reading
    objects = {
        (text.get("ID")): "".join(code.text or "" for code in text.iter("{*}TextCode"))
        for page in reading.pages for text in reading.xml(page).iter("{*}TextObject")
    }
    tags = reading.xml("Doc_0/Tags/Tag_Licence.xml")
    found = []
    for element in tags.iter():
        references = [c for c in element if isinstance(c.tag, str) and c.tag.endswith("ObjectRef")]
        if references:
            text = "".join(objects[(r.text or "").strip()] for r in references)
            found.append((element.get("Name") or str(element.tag), text))
    return found


def test_the_harness_reads_files_of_others(tmp_path: Path) -> None:
    path = tmp_path / "sample.ofd"
    path.write_bytes(sample("allprotected.ofd"))
    assert "OFD" in read_by_docvortex(path)
    assert "OFD" in ofdkit.extract_text(str(path))


def test_every_face_field_is_tagged_and_drawn(issued: Issued) -> None:
    drawn = face_values(issued)
    assert drawn
    shown = bare("".join(text for _, text in drawn))
    for field in issued.message["face"]:
        if field["format"] == "text" and field["value"]:
            assert bare(field["value"]) in shown, field["title"]


def test_docvortex_reads_all_text(issued: Issued, complaints: list[str]) -> None:
    shown = bare(read_by_docvortex(issued.path))
    for run in issued.reading.drawn():
        assert bare(run.text) in shown, f"docvortex does not find {run.text!r}"
    assert complaints == []


def test_ofdkit_reads_all_text(issued: Issued) -> None:
    shown = bare(ofdkit.extract_text(str(issued.path)))
    for run in issued.reading.drawn():
        assert bare(run.text) in shown, f"ofdkit does not find {run.text!r}"


def test_both_know_the_document(issued: Issued) -> None:
    with ofdkit.open(str(issued.path)) as document:
        assert len(document.pages) == 1
    assert docvortex.parse(str(issued.path)).middle_json
