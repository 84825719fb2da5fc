"""Our QR encoder against the qrcode library, module by module."""

from __future__ import annotations

import pytest
import qrcode
from qrcode.constants import ERROR_CORRECT_M
from qrcode.util import MODE_8BIT_BYTE, QRData

from licence_store.qr import MASK, qr_rows
from trust.errors import Malformed


@pytest.mark.parametrize("length", [1, 14, 15, 40, 62, 84, 106, 122, 152, 180, 213, 260, 331, 400, 500, 600])
def test_every_module_is_what_the_library_draws(length: int) -> None:
    text = ("http://localhost:8000/v/1.2.156.3005.2." + "0123456789ABCDEF" * 40)[:length]
    oracle = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=MASK)
    oracle.add_data(QRData(text.encode(), mode=MODE_8BIT_BYTE))
    oracle.make(fit=True)
    assert [[bool(m) for m in row] for row in qr_rows(text)] == [[bool(m) for m in row] for row in oracle.modules]


def test_too_long_an_address_is_refused() -> None:
    with pytest.raises(Malformed) as caught:
        qr_rows("x" * 700)
    assert caught.value.code == "face.url_too_long"
