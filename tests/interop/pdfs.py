"""One signature of a PDF as octets and DER, found without our readers: by pikepdf alone."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pikepdf


@dataclass(frozen=True)
class Signed:
    """What one signature covers, and its value."""

    covered: bytes
    value: bytes
    seal: bytes
    sub_filter: str


def signatures(data: bytes) -> list[Signed]:
    """Every signature of the form, in order."""
    found = []
    with pikepdf.open(io.BytesIO(data)) as pdf:
        for field in pdf.Root.AcroForm.Fields:
            value = field.get("/V")
            if value is None:
                continue
            _, first, second, rest = map(int, value.ByteRange)
            contents = bytes(value.Contents)
            size = 4 + int.from_bytes(contents[2:4], "big")  # 30 82 …: every value here is longer than 255 octets
            seal = value.get("/LT_Seal")
            found.append(
                Signed(
                    data[:first] + data[second : second + rest], contents[:size],
                    bytes(seal) if seal is not None else b"", str(value.SubFilter)[1:],
                )
            )  # fmt: skip
    return found
