"""Whatever somebody asks, with whatever right: an answer that can be read, or a refusal; never a defect."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.sharing.calls import OPERATIONS, Call, Caller
from licence_store.sharing.purposes import Purpose
from licence_store.sharing.questions import PARAMETERS
from tests.sharing_systems import CONSOLE, ITEM
from trust.errors import LicenceTrustError
from trust.sharing_answer import OUTCOMES, read_answer

PURPOSE = Purpose("sys-x", ITEM, "m", "1", "b")
ANYTHING = frozenset({"*"})
TYPE = "teacher-certificate"


@pytest.fixture(scope="module")
def asked(made_region: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, str]]:
    """A desk that shares everything, and a licence in it."""
    import shutil

    folder = Path(shutil.copytree(made_region, tmp_path_factory.mktemp("asked") / "region"))
    desk = open_desk(DeskSettings(folder, durable=False))
    for one in desk.sharing.access.tiers():
        desk.sharing.access.set_tier(one.type_code, one.department, "open", "r", CONSOLE)
    record = next(iter(desk.catalogue.get(TYPE).example_records(1, 5)))
    yield desk, desk.issuer.issue(TYPE, record, officer=CONSOLE).licence_id
    desk.close()


_TEXT = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["", TYPE, "1.2.156.3005.2.x", "2999-01-01T00:00:00Z", "2026-11-22", "CURRENT", "ofd", "0", "\x00", "\ud800", "9" * 20]),
    st.binary(max_size=60).map(lambda data: b64encode(data).decode()),
)  # fmt: skip
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), _TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXT, inner, max_size=3)),
    max_leaves=6,
)
_NAMES = sorted({name for needed, allowed in PARAMETERS.values() for name in (*needed, *allowed)} | {"x", ""})


@settings(max_examples=250)
@given(
    st.sampled_from([*OPERATIONS, "nothing", ""]),
    st.dictionaries(st.sampled_from(_NAMES), _JSON, max_size=5),
    st.booleans(),
)
def test_no_question_is_a_defect(
    asked: tuple[Desk, str], operation: str, parameters: dict[str, Any], named: bool
) -> None:
    desk, licence_id = asked
    needed = {
        "type": TYPE,
        "licence_id": licence_id,
        "holder_code": "x",
        "qr": licence_id,
        "fields": {"holder_name": "x"},
    }
    if named and operation in PARAMETERS:
        must, may = PARAMETERS[operation]
        parameters = {name: value for name, value in parameters.items() if name in must | may}
        parameters = {**{name: needed.get(name, "AAAA") for name in must}, **parameters}
    caller = Caller("sys-x", "某系统", "system", "990000", ANYTHING, ANYTHING, ANYTHING)
    call, told, refused = Call(caller, operation, parameters, PURPOSE, "0" * 64, CONSOLE), "", None
    try:
        told = read_answer(desk.sharing.ask(call)).outcome
    except LicenceTrustError as error:
        refused = error
    assert told in OUTCOMES if refused is None else "." in refused.code and refused.localised(str)[0]


@settings(max_examples=150)
@given(_JSON)
def test_no_purpose_is_a_defect(value: Any) -> None:
    code, read = "", None
    try:
        read = Purpose.read(value)
    except LicenceTrustError as error:
        code = error.code
    assert code.startswith("sharing.purpose_") if read is None else Purpose.read(read.to_json()) == read
