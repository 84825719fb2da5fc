"""The strict reader: DER and nothing else, and never another error than ours."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from trust.der_reader import BIT_STRING, BOOLEAN, GENERALIZED_TIME, OCTET_STRING, SEQUENCE, UTC_TIME, Cursor, read_time
from trust.errors import Malformed


@given(st.integers(-(2**300), 2**300))
def test_integers(value: int) -> None:
    assert Cursor(core.Integer(value).dump()).integer() == value


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=8), st.integers(0, 2), st.integers(0, 39))
def test_object_identifiers(rest: list[int], first: int, second: int) -> None:
    text = ".".join(map(str, (first, second, *rest)))
    assert Cursor(core.ObjectIdentifier(text).dump()).oid() == text


@given(st.binary(max_size=70000))
def test_octets_of_any_length(body: bytes) -> None:
    cursor = Cursor(core.OctetString(body).dump())
    assert cursor.body(OCTET_STRING) == body
    assert not cursor
    cursor.finish()


@pytest.mark.parametrize(
    "data",
    [
        "", "30", "3001", "308001", "30800000", "308101", "30810100", "3082000100", "30850000000001", "3f0100", "0400", "308400000000",
        "30ff", "3083010000",
    ],
)  # fmt: skip
def test_what_is_no_sequence(data: str) -> None:
    with pytest.raises(Malformed):
        Cursor(bytes.fromhex(data)).enter(SEQUENCE).rest()


@pytest.mark.parametrize("data", ["0200", "02020001", "0202ff80", "02020080ff"[:8] + "00"])
def test_integers_are_shortest(data: str) -> None:
    if data == "0202008000":
        assert Cursor(bytes.fromhex(data)).integer() == 128
        return
    with pytest.raises(Malformed):
        Cursor(bytes.fromhex(data)).integer()


@pytest.mark.parametrize("body", ["", "80", "8001", "2a80", "2a8001", "ff" * 70])
def test_no_object_identifier(body: str) -> None:
    octets = bytes.fromhex(body)
    with pytest.raises(Malformed):
        Cursor(bytes((6, len(octets))) + octets).oid()


def test_booleans_and_bits() -> None:
    assert Cursor(b"\x01\x01\xff").boolean() is True
    with pytest.raises(Malformed):
        Cursor(b"\x01\x01\x01").boolean()
    assert Cursor(b"\x03\x02\x00A").bit_string() == b"A"
    for bad in (b"\x03\x00", b"\x03\x02\x01A"):
        with pytest.raises(Malformed):
            Cursor(bad).bit_string()
    assert BIT_STRING != BOOLEAN


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        (UTC_TIME, "261122080000Z", datetime(2026, 11, 22, 8, tzinfo=UTC)),
        (UTC_TIME, "991122080000Z", datetime(1999, 11, 22, 8, tzinfo=UTC)),
        (GENERALIZED_TIME, "20501122080000Z", datetime(2050, 11, 22, 8, tzinfo=UTC)),
        (GENERALIZED_TIME, "20261122080000.5Z", datetime(2026, 11, 22, 8, 0, 0, 500000, UTC)),
        (GENERALIZED_TIME, "20261122080000.1234567Z", datetime(2026, 11, 22, 8, 0, 0, 123456, UTC)),
    ],
)
def test_times(tag: int, text: str, expected: datetime) -> None:
    assert read_time(tag, text.encode()) == expected


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        (UTC_TIME, "2611220800Z"), (UTC_TIME, "261122080000+0800"), (UTC_TIME, "261122080000.5Z"), (GENERALIZED_TIME, "20261122080000"),
        (GENERALIZED_TIME, "20261122080000.Z"), (GENERALIZED_TIME, "20261122080000.50Z"), (GENERALIZED_TIME, "20261322080000Z"),
        (GENERALIZED_TIME, "20261122080060Z"), (GENERALIZED_TIME, "20261122080000.5.5Z"), (GENERALIZED_TIME, "２0261122080000Z"),
        (GENERALIZED_TIME, ""), (GENERALIZED_TIME, "00001122080000Z"),
    ],
)  # fmt: skip
def test_what_is_no_time(tag: int, text: str) -> None:
    with pytest.raises(Malformed):
        read_time(tag, text.encode())


@given(st.binary(max_size=40))
def test_any_octets_are_read_or_malformed(data: bytes) -> None:
    cursor = Cursor(data)
    try:
        while cursor:
            inner = Cursor(cursor.element())
            for read in (inner.integer, inner.oid, inner.time, inner.algorithm, inner.bit_string, inner.boolean):
                _try(read)
    except Malformed:
        return


def _try(read: object) -> None:
    try:
        read()  # type: ignore[operator]
    except Malformed:
        return
