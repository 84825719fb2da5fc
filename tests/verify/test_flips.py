"""One changed byte anywhere in a sealed file: never passed, never an exception.

Deflate has more than one encoding of the same bytes, so a changed bit of a compressed stream can, once in some
thousands, leave every entry as it was. Such a file is the same document; all others must not pass.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seal.ofd.package import open_package
from tests.verify import world
from trust.errors import Malformed
from verify.report import Indication
from verify.verifier import Verifier

DATA = world.sealed(True)
ENTRIES = open_package(DATA).entries
VERIFIER = Verifier(world.authority().store(), lambda: world.NOW)


def is_same_document(data: bytes) -> bool:
    try:
        return open_package(data).entries == ENTRIES
    except Malformed:
        return False


def check(data: bytes, where: int) -> None:
    report = VERIFIER.verify(data)
    if report.indication is Indication.PASSED:
        assert is_same_document(data), where
        assert open_package(data).anomalies == (), where


def flipped(where: int, mask: int) -> bytes:
    data = bytearray(DATA)
    data[where] ^= mask
    return bytes(data)


def test_untouched_passes() -> None:
    assert VERIFIER.verify(DATA).indication is Indication.PASSED


def test_bytes_all_over_the_file() -> None:
    chosen = random.Random(20261122)
    for where in range(0, len(DATA), len(DATA) // 400):
        check(flipped(where, chosen.randrange(1, 256)), where)


def test_every_byte_of_the_headers() -> None:
    """The directory, the end record and the uncovered files: nothing there goes unseen."""
    start = DATA.rfind(b"Doc_0/Signs/Signatures.xml", 0, DATA.find(b"PK\x01\x02")) - 30
    for where in range(start, len(DATA), 7):
        check(flipped(where, 1 << where % 8), where)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_any_byte(where: int, mask: int) -> None:
    check(flipped(where, mask), where)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), DATA[:300], DATA[-300:]]))
def test_rubbish_never_raises(rubbish: bytes, around: bytes) -> None:
    for data in (rubbish, around + rubbish, rubbish + around):
        assert VERIFIER.verify(data).indication is Indication.FAILED


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(ENTRIES)), st.binary(max_size=200))
def test_rubbish_in_an_entry_never_passes(name: str, rubbish: bytes) -> None:
    report = VERIFIER.verify(world.pack({**ENTRIES, name: rubbish}))
    assert report.indication is Indication.FAILED


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_an_entry_cut_short_never_passes(name: str) -> None:
    report = VERIFIER.verify(world.pack({**ENTRIES, name: ENTRIES[name][:-1]}))
    assert report.indication is Indication.FAILED
