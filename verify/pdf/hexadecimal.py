"""十六进制串: strings in hex read at once (ISO 32000-1, 7.3.4.3).

pyHanko reads them octet by octet: most of the time of checking a sealed file went into that, and a few megabytes of
digits took minutes. Read here is what the standard allows, digits and white space; the answer is pyHanko's.
"""

from __future__ import annotations

import binascii
import re
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfStreamError

_DIGITS: Final = re.compile(rb"<([0-9A-Fa-f\0\t\n\f\r ]*)>")
_BLANK: Final = b"\0\t\n\f\r "
_octet_by_octet = generic.read_hex_string_from_stream


def read_hex_string(stream: Any) -> Any:
    """The string object that begins at ``stream``'s place. Raises ``PdfStreamError``."""
    if not isinstance(stream, BytesIO):
        return _octet_by_octet(stream)
    with stream.getbuffer() as octets:
        found = _DIGITS.match(octets, stream.tell())
        digits, end = (bytes(found.group(1)), found.end()) if found is not None else (b"", 0)
        del found
    if not end:
        raise PdfStreamError("hex string")
    stream.seek(end)
    digits = digits.translate(None, _BLANK)
    return generic.pdf_string(binascii.unhexlify(digits + b"0" * (len(digits) % 2)))


def install() -> None:
    """Let pyHanko's reader use it: there is no other door for one kind of object."""
    generic.read_hex_string_from_stream = read_hex_string
