"""Canonical JSON: the fast path agrees with the ``rfc8785`` library; nothing else is let in."""

from __future__ import annotations

import json
from unicodedata import normalize

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from trust.canonical import MAX_DEPTH, canonical_json, parse_canonical, parse_json
from trust.errors import Malformed

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    text, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=5), max_leaves=25
)


def nfc(value: object) -> object:
    if isinstance(value, str):
        return normalize("NFC", value)
    if isinstance(value, dict):
        return {normalize("NFC", key): nfc(item) for key, item in value.items()}
    return [nfc(item) for item in value]  # type: ignore[attr-defined]


def collides(value: object) -> bool:
    if isinstance(value, dict):
        return len({normalize("NFC", k) for k in value}) != len(value) or any(map(collides, value.values()))
    return isinstance(value, list) and any(map(collides, value))


@given(values)
def test_agrees_with_rfc8785(value: object) -> None:
    if collides(value):
        with pytest.raises(Malformed):
            canonical_json(value)
        return
    octets = canonical_json(value)
    assert octets == rfc8785.dumps(nfc(value))  # type: ignore[arg-type]
    assert parse_canonical(octets) == nfc(value)


def test_names_are_ordered_by_utf16_units() -> None:
    """RFC 8785, 3.2.3: the sample's order; U+1F600 (a surrogate pair) comes before U+FB33."""
    names = ["\u20ac", "\r", "\u05d3\u05bc", "1", "\U0001f600", "\u0080", "\u00f6"]
    assert list(json.loads(canonical_json(dict.fromkeys(names, "")))) == [
        "\r", "1", "\u0080", "\u00f6", "\u05d3\u05bc", "\u20ac", "\U0001f600",
    ]  # fmt: skip
    assert list(json.loads(canonical_json({"\uffee": "", "\U0001f600": ""}))) == ["\U0001f600", "\uffee"]


def test_text_is_brought_to_nfc() -> None:
    assert canonical_json({"e\u0301": "A\u030a"}) == '{"é":"Å"}'.encode()


def test_escapes_are_the_shortest() -> None:
    assert canonical_json('\x00\x1f\b\t\n\f\r"\\/\x7f') == b'"\\u0000\\u001f\\b\\t\\n\\f\\r\\"\\\\/\x7f"'


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1, "json.type"),
        (True, "json.type"),
        (None, "json.type"),
        (1.5, "json.type"),
        ({"a": [1]}, "json.type"),
        ({1: "a"}, "json.type"),
        ({"a": b""}, "json.type"),
        ("\ud800", "json.surrogate"),
        ({"\udc00": ""}, "json.surrogate"),
        ({"é": "", "e\u0301": ""}, "json.duplicate"),
    ],
)
def test_what_has_no_canonical_form(value: object, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        canonical_json(value)
    assert caught.value.code == code


def nested(depth: int) -> object:
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


def test_depth_is_bounded() -> None:
    assert parse_json(canonical_json(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    for depth in (MAX_DEPTH + 1, 5000):
        with pytest.raises(Malformed):
            canonical_json(nested(depth))
    with pytest.raises(Malformed):
        parse_json(b"[" * 100_000 + b"]" * 100_000)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xef\xbb\xbf{}", b"{'a':'b'}", b'{"a":"b","a":"c"}', b'{"a":1}', b'{"a":NaN}', b'{"a":-0.5}', b'{"a":null}', b'"\xff"',
        b'"\\ud800"', b'{"a":"b"}x', b'"\n"', b"true", b'{"a":"b",}',
    ],
)  # fmt: skip
def test_what_is_no_json_of_ours(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_canonical(data)


@pytest.mark.parametrize(
    "data", [b'{ "a":"b"}', b'{"b":"","a":""}', b'"\\u0041"', b'"e\xcc\x81"', b'"\\/"', b'{"a":"b"}\n']
)
def test_what_is_json_but_not_canonical(data: bytes) -> None:
    parse_json(data)
    with pytest.raises(Malformed, match="规范化"):
        parse_canonical(data)


def test_size_is_bounded() -> None:
    with pytest.raises(Malformed):
        parse_json(b'"' + b"x" * 100 + b'"', limit=50)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda t: json.dumps(t).encode()))
def test_any_octets_are_read_or_malformed(data: bytes) -> None:
    try:
        value = parse_canonical(data)
    except Malformed:
        return
    assert canonical_json(value) == data
