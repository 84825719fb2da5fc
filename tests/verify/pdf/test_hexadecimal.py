"""Strings in hex mean what pyHanko says they mean, and do not take its time."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfStreamError

from verify.pdf import hexadecimal


@given(st.text("0123456789abcdefABCDEF \n\t\r\f\0", max_size=60), st.sampled_from([b"", b">", b"/Next", b"<41>"]))
def test_the_same_string_and_the_same_place(digits: str, rest: bytes) -> None:
    data = b"x<" + digits.encode() + b">" + rest
    ours, theirs = BytesIO(data), BytesIO(data)
    ours.seek(1)
    theirs.seek(1)
    read, expected = hexadecimal.read_hex_string(ours), hexadecimal._octet_by_octet(theirs)
    assert (type(read), read.original_bytes, ours.tell()) == (type(expected), expected.original_bytes, theirs.tell())


@pytest.mark.parametrize("data", [b"<41", b"<4g>", b"<41%x\n>", b"<", b""])
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(PdfStreamError):
        hexadecimal.read_hex_string(BytesIO(data))


def test_it_is_what_the_reader_uses() -> None:
    import verify.pdf.opening  # noqa: F401

    assert generic.read_hex_string_from_stream is hexadecimal.read_hex_string
