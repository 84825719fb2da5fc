"""来历 in the data message: the second schema, and the first as it always was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785

from seal.message import SCHEMA, SCHEMA_2, DataMessage, FaceValue, parse_message
from seal.provenance import KINDS, CaseLink, Lineage
from tests.seal.conftest import make_message
from trust.errors import Malformed

LINEAGE = Lineage("revision", "before", "ab" * 32)
CASE = CaseLink("990000-2026-0007", "000123", "行政许可决定书", "2027-06-30")


def made(lineage: Lineage | None = None, case: CaseLink | None = None) -> DataMessage:
    plain = make_message()
    face = [FaceValue(f.name, f.title, f.value, f.format) for f in plain.face]
    return DataMessage.create(plain.metadata, face, plain.seals, lineage=lineage, case=case)


@pytest.mark.parametrize(("lineage", "case"), [(LINEAGE, None), (None, CASE), (LINEAGE, CASE)])
def test_round_trip(lineage: Lineage | None, case: CaseLink | None) -> None:
    message = made(lineage, case)
    data = message.to_bytes()
    assert parse_message(data) == message and rfc8785.dumps(json.loads(data)) == data
    assert json.loads(data)["schema"] == SCHEMA_2
    assert (parse_message(data).lineage, parse_message(data).case) == (lineage, case)


def test_a_message_with_neither_is_what_it_always_was() -> None:
    content = json.loads(made().to_bytes())
    assert content["schema"] == SCHEMA
    assert set(content) == {"schema", "nonce", "metadata", "face", "seals", "status", "disclosure"}


CHANGES: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("first schema with a case", lambda c: c.update(schema=SCHEMA)),
    ("second schema with nothing more", lambda c: [c.pop("case"), c.pop("lineage")]),
    ("kind", lambda c: c["lineage"].update(kind="copy")),
    ("digest", lambda c: c["lineage"].update(predecessor_digest="AB" * 32)),
    ("no predecessor", lambda c: c["lineage"].update(predecessor_id="")),
    ("null", lambda c: c.update(lineage=None)),
    ("list", lambda c: c.update(case=[])),
    ("member missing", lambda c: c["case"].pop("service_item")),
    ("member extra", lambda c: c["case"].update(more="x")),
    ("number", lambda c: c["case"].update(service_item=1)),
    ("no case number", lambda c: c["case"].update(case_number=" ")),
    ("no date", lambda c: c["case"].update(result_valid_until="2027-02-30")),
    ("other date", lambda c: c["case"].update(result_valid_until="20270630")),
    ("control", lambda c: c["case"].update(result_document="a\nb")),
    ("too long", lambda c: c["case"].update(result_document="x" * 201)),
]


@pytest.mark.parametrize("change", [c for _, c in CHANGES], ids=[n for n, _ in CHANGES])
def test_one_form_only(change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(made(LINEAGE, CASE).to_bytes())
    change(content)
    with pytest.raises(Malformed) as raised:
        parse_message(rfc8785.dumps(content))
    assert raised.value.code == "message.field"


def test_every_kind_of_lineage_can_be_written() -> None:
    for kind in KINDS:
        assert parse_message(made(Lineage(kind, "before", "00" * 32)).to_bytes()).lineage is not None
