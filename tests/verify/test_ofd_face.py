"""The face of an OFD file as it is drawn: every row of ``tests/vectors/ofd_face.json`` is found out, or let pass.

A row replaces texts in an entry (``page``, ``template``, ``annotation``, ``document``, ``resources``, ``tag``) before an
issuer seals it; ``expect`` is the finding, or empty where everything is in order.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seal.ofd.package import Limits
from tests.seal.conftest import sample
from tests.verify import cases
from verify.ofd.drawing import read_drawings
from verify.opening import open_document
from verify.report import Indication

ROWS = json.loads((Path(__file__).parents[1] / "vectors" / "ofd_face.json").read_text("utf-8"))
ENTRIES = {
    "page": "Doc_0/Pages/Page_0/Content.xml",
    "template": "Doc_0/Tpls/Tpl_0/Content.xml",
    "annotation": "Doc_0/Annots/Page_0/Annotation.xml",
    "document": "Doc_0/Document.xml",
    "resources": "Doc_0/PublicRes.xml",
    "tag": "Doc_0/Tags/Tag_Licence.xml",
}


def case_of(row: dict[str, Any]) -> dict[str, Any]:
    steps = [
        {"do": "replace", "entry": ENTRIES[key], "old": old, "new": new}
        for key, changes in row.items()
        if key in ENTRIES
        for old, new in changes
    ]
    return {"before": steps, "seals": [{}]}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_what_is_drawn_is_what_is_said(row: dict[str, Any]) -> None:
    report = cases.verify(case_of(row))
    found, expected = set(cases.codes(report)), row["expect"]
    wrong = {code for code in found if code.startswith(("message.face", "format.page"))}
    assert (expected in wrong) if expected else not wrong, found
    assert (report.indication is Indication.PASSED) == (not expected), found


@pytest.mark.parametrize("name", ["helloworld.ofd", "V4RideRight.ofd", "testPathClip.ofd"])
def test_texts_of_files_made_by_others_are_seen(name: str) -> None:
    """Read without complaint; what is written dark on white counts as seen."""
    drawings = read_drawings(open_document(sample(name), Limits()))
    assert drawings
    assert all(drawing.can_be_seen(number, run) for drawing in drawings for number, run in drawing.own_runs)
