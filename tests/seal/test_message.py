"""数据电文: one form only, every value kept, fields that can be shown alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from hashlib import new
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from seal.message import (
    DIGESTS_ENTRY,
    FORMATS,
    METADATA_KEYS,
    DataMessage,
    FaceValue,
    RequiredSeal,
    custom_datas,
    derived_nonce,
    disclosure_entry,
    disclosure_root,
    field_digest,
    parse_disclosure_entry,
    parse_message,
    render_value,
)
from tests.seal.conftest import make_message
from trust.errors import Malformed


def sm3(data: bytes) -> bytes:
    """Not the product's own: hashlib's."""
    return new("sm3", data).digest()


def test_round_trip() -> None:
    message = make_message(holder_name="张三", valid_to="2031-11-21")
    data = message.to_bytes()
    assert parse_message(data) == message
    assert rfc8785.dumps(json.loads(data)) == data
    assert message.licence_id == "x" and message.demonstration
    born = message.face_value("born")
    assert born is not None and born.text == "1990年01月31日"
    assert message.face_value("gone") is None


def test_messages_never_repeat() -> None:
    first, second = make_message(), make_message()
    assert first.nonce != second.nonce and first.disclosure_root != second.disclosure_root
    assert {f.salt for f in first.face}.isdisjoint(f.salt for f in second.face)
    assert all(len(f.salt) == 32 for f in first.face)


def test_text_is_brought_to_normal_form() -> None:
    values = dict.fromkeys(METADATA_KEYS, "x") | {"demonstration": "false", "holder_name": "e\u0301"}
    message = DataMessage.create(values, [FaceValue("name", "e\u0301", "e\u0301")])
    assert message.metadata["holder_name"] == message.face[0].value == message.face[0].title == "\xe9"
    assert parse_message(message.to_bytes()) == message and not message.demonstration


# ---------------------------------------------------------------- strictness


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    content = json.loads(make_message().to_bytes())
    change(content)
    return rfc8785.dumps(content)


BAD: list[tuple[str, str, Callable[[], bytes]]] = [
    ("no json", "message.not_json", lambda: b"{"),
    ("bytes", "message.not_json", lambda: b"\xff\xfe"),
    ("deep", "message.not_json", lambda: b"[" * 100_000),
    ("list", "message.field", lambda: b"[]"),
    ("other schema", "message.schema", lambda: changed(lambda c: c.update(schema="licence-trust/data-message/3"))),
    ("blank", "message.not_canonical", lambda: make_message().to_bytes() + b"\n"),
    ("spelling", "message.not_canonical", lambda: make_message().to_bytes().replace(b"name", b"\\u006eame", 1)),
    ("order", "message.not_canonical", lambda: reversed_keys()),
    ("twice", "message.not_canonical", lambda: make_message().to_bytes().replace(b'{"disc', b'{"nonce":"1","disc', 1)),
    ("normal form", "message.not_canonical", lambda: changed(lambda c: c["metadata"].update(holder_name="e\u0301"))),
    ("number", "message.field", lambda: changed(lambda c: c["metadata"].update(version=1))),
    ("null", "message.field", lambda: changed(lambda c: c["metadata"].update(holder_name=None))),
    ("key missing", "message.field", lambda: changed(lambda c: c["metadata"].pop("region"))),
    ("key extra", "message.field", lambda: changed(lambda c: c["metadata"].update(more="x"))),
    ("part extra", "message.field", lambda: changed(lambda c: c.update(more="x"))),
    ("part missing", "message.field", lambda: changed(lambda c: c.pop("status"))),
    ("nonce short", "message.field", lambda: changed(lambda c: c.update(nonce="00"))),
    ("nonce list", "message.field", lambda: changed(lambda c: c.update(nonce=["0" * 32]))),
    ("face text", "message.field", lambda: changed(lambda c: c.update(face="x"))),
    ("face twice", "message.field", lambda: changed(lambda c: c["face"].append(c["face"][0]))),
    ("face name", "message.field", lambda: changed(lambda c: c["face"][0].update(name="Na me"))),
    ("face format", "message.field", lambda: changed(lambda c: c["face"][0].update(format="rtf"))),
    ("face salt", "message.field", lambda: changed(lambda c: c["face"][0].update(salt="xyz"))),
    ("face extra", "message.field", lambda: changed(lambda c: c["face"][0].update(more="x"))),
    ("control", "message.field", lambda: changed(lambda c: c["face"][0].update(value="a\u0000b"))),
    ("too long", "message.field", lambda: changed(lambda c: c["face"][0].update(value="x" * 20000))),
    ("seal without id", "message.field", lambda: changed(lambda c: c["seals"][0].update(id=""))),
    ("index", "message.field", lambda: changed(lambda c: c["status"].update(index="-1"))),
    ("root", "message.field", lambda: changed(lambda c: c["disclosure"].update(root="00"))),
    ("algorithm", "message.field", lambda: changed(lambda c: c["disclosure"].update(algorithm="md5"))),
    ("demonstration", "message.field", lambda: changed(lambda c: c["metadata"].update(demonstration="yes"))),
    ("huge", "message.size", lambda: b" " * (1 << 20)),
]


def reversed_keys() -> bytes:
    content = json.loads(make_message().to_bytes())
    return json.dumps(dict(reversed(content.items())), ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize(("code", "make"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_one_form_only(code: str, make: Callable[[], bytes]) -> None:
    with pytest.raises(Malformed) as raised:
        parse_message(make())
    assert raised.value.code == code


def test_what_would_not_be_read_is_not_written() -> None:
    values = dict.fromkeys(METADATA_KEYS, "x") | {"demonstration": "true"}
    for metadata, face in (
        ({"licence_id": "x"}, []),
        (values, [FaceValue("Bad Name", "t", "v")]),
        (values, [FaceValue("a", "t", "v"), FaceValue("a", "t", "w")]),
        (values, [FaceValue("a", "t", "v\x07")]),
    ):
        with pytest.raises(Malformed) as raised:
            DataMessage.create(metadata, face)
        assert raised.value.code == "message.field"


@given(st.data())
def test_mutations_never_surprise(data: st.DataObject) -> None:
    original = make_message()
    mutated = bytearray(original.to_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Malformed):
        assert parse_message(bytes(mutated)).to_bytes() == mutated
    with suppress(Malformed):
        parse_disclosure_entry(bytes(mutated))


# ---------------------------------------------------------------- selective disclosure


def test_digests_are_what_the_documentation_says() -> None:
    message = make_message()
    for field in message.face:
        plain = json.dumps([field.salt, field.name, field.value], ensure_ascii=False, separators=(",", ":"))
        assert message.digests[field.name] == sm3(plain.encode()) == field_digest(field.salt, field.name, field.value)
    first, second = sorted(message.digests.values())
    root = sm3(b"\x01" + sm3(b"\x00" + first) + sm3(b"\x00" + second))
    assert message.disclosure_root == root.hex()


def test_tree_of_three_and_five() -> None:
    a, b, c, d, e = leaves = [bytes([i]) * 32 for i in range(1, 6)]

    def leaf(value: bytes) -> bytes:
        return sm3(b"\x00" + value)

    def node(left: bytes, right: bytes) -> bytes:
        return sm3(b"\x01" + left + right)

    ab, cd = node(leaf(a), leaf(b)), node(leaf(c), leaf(d))
    assert disclosure_root([]) == sm3(b"")
    assert disclosure_root([a]) == leaf(a)
    assert disclosure_root([c, b, a]) == node(ab, leaf(c))
    assert disclosure_root(reversed(leaves)) == node(node(ab, cd), leaf(e))


def test_the_disclosure_entry_gives_nothing_away() -> None:
    message = make_message()
    data = disclosure_entry(message)
    assert parse_disclosure_entry(data) == message.digests
    assert disclosure_root(parse_disclosure_entry(data).values()).hex() == message.disclosure_root
    for secret in (message.nonce, *(f.salt for f in message.face), "张三", derived_nonce(message, "OFD.xml")):
        assert secret.encode() not in data
    assert json.loads(data)["nonce"] == derived_nonce(message, DIGESTS_ENTRY) != message.nonce


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b'{"algorithm":"x","digests":{},"nonce":""}', b'{"algorithm":"x","digests":[],"nonce":""}'],
)
def test_bad_disclosure_entries(data: bytes) -> None:
    with pytest.raises(Malformed) as raised:
        parse_disclosure_entry(data)
    assert raised.value.code == "message.digests"


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("value", "format", "shown"),
    [
        ("任意 text", "text", "任意 text"),
        ("一\n二", "multiline", "一\n二"),
        ("2026-11-22", "date", "2026年11月22日"),
        ("2026-01-02/2031-01-01", "date_range", "自2026年01月02日至2031年01月01日"),
        ("2026-01-02/", "date_range", "自2026年01月02日至长期"),
        ("", "long_term", "长期"),
        ("2031-01-01", "long_term", "2031年01月01日"),
        ("2026-11", "year_month", "2026年11月"),
        ("-12.50", "number", "-12.50"),
        ("", "date", ""),
        ("0", "amount", "零元整"),
        ("0.05", "amount", "伍分"),
        ("0.30", "amount", "叁角整"),
        ("1200.50", "amount", "壹仟贰佰元伍角整"),
        ("1200.05", "amount", "壹仟贰佰元零伍分"),
        ("1050", "amount", "壹仟零伍拾元整"),
        ("10001", "amount", "壹万零壹元整"),
        ("1000000", "amount", "壹佰万元整"),
        ("120034.56", "amount", "壹拾贰万零叁拾肆元伍角陆分"),
        ("500000000", "amount", "伍亿元整"),
        ("1000000000000", "amount", "壹万亿元整"),
    ],
)
def test_rendering(value: str, format: str, shown: str) -> None:
    assert render_value(value, format) == shown


@pytest.mark.parametrize(
    ("value", "format", "code"),
    [
        ("x", "rtf", "message.format"),
        ("2026-13-01", "date", "message.value"),
        ("20261122", "date", "message.value"),
        ("2026-W01-1", "date", "message.value"),
        ("/2026-11-22", "date_range", "message.value"),
        ("2026-1", "year_month", "message.value"),
        ("1e3", "number", "message.value"),
        ("01", "number", "message.value"),
        ("１", "number", "message.value"),
        ("-1", "amount", "message.value"),
        ("1.234", "amount", "message.value"),
    ],
)
def test_values_that_do_not_fit(value: str, format: str, code: str) -> None:
    with pytest.raises(Malformed) as raised:
        render_value(value, format)
    assert raised.value.code == code


@given(st.text(max_size=30), st.sampled_from(sorted(FORMATS)))
def test_rendering_never_surprises(value: str, format: str) -> None:
    with suppress(Malformed):
        render_value(value, format)


def test_custom_datas_repeat_the_message() -> None:
    message = make_message(licence_number="9901", holder_name="张三")
    pairs = dict(custom_datas(message))
    assert len(pairs) == len(custom_datas(message)) == len(METADATA_KEYS) + len(message.face) + 1
    assert (pairs["ZZBH"], pairs["CZZT"], pairs["KZ_born"]) == ("9901", "张三", "1990-01-31")
    assert pairs["nonce"] == derived_nonce(message, "OFD.xml")


def test_required_seals_are_named() -> None:
    assert make_message().seals == (RequiredSeal("99000000000001", "演示省教育厅电子印章"),)
