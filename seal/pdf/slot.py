"""签名位: the place in a PDF where a signature value goes, and the octets around it that it covers (12.8.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seal.pdf.cades import hasher
from seal.pdf.document import Additions, SealableDocument
from seal.pdf.objects import dictionary
from trust.errors import Unavailable

_RANGE = b"[0 %d %d %d]"
_RANGE_SIZE = 40
"""Octets kept for ``ByteRange``: files may be 10 GB."""


@dataclass(frozen=True, slots=True)
class Slot:
    """签名位 in a file that is complete but for the value."""

    data: bytes
    start: int
    """Of ``<``."""
    end: int
    """Behind ``>``."""

    @property
    def byte_range(self) -> tuple[int, int, int, int]:
        return 0, self.start, self.end, len(self.data) - self.end

    def digest(self, algorithm: str) -> bytes:
        """The digest of all octets but those of the value, by the algorithm's OID."""
        running, view = hasher(algorithm), memoryview(self.data)
        running.update(view[: self.start])
        running.update(view[self.end :])
        return running.finalize()

    def fill(self, value: bytes) -> bytes:
        """The file with ``value`` in its place, zeros behind it. Raises ``Unavailable("sealing.value_size")``."""
        room = (self.end - self.start - 2) // 2
        if len(value) > room:
            raise Unavailable(
                "sealing.value_size",
                "签名值有 {size} 字节，文件中只留了 {room} 字节。",
                remedy="请联系系统管理员；时间戳或证书比预留的大。",
                size=len(value),
                room=room,
            )
        written = value.hex().encode()
        place = self.start + 1
        return b"".join((self.data[:place], written, self.data[place + len(written) :]))


def open_slot(
    document: SealableDocument, added: Additions, number: int, entries: Mapping[str, bytes], size: int
) -> Slot:
    """Write ``document`` with ``added`` and, a signature dictionary ``number`` with ``size`` octets of room."""
    before = dictionary({"Type": entries["Type"], "Filter": entries["Filter"], "SubFilter": entries["SubFilter"]})[:-2]
    blank = b"/ByteRange" + b" " * _RANGE_SIZE + b"/Contents <"
    others = {key: value for key, value in entries.items() if key not in ("Type", "Filter", "SubFilter")}
    added.objects[number] = before + blank + b"0" * (2 * size) + b">" + dictionary(others)[2:]
    written = document.write(added)
    data = written.data
    at = written.offsets[number] + len(b"%d 0 obj\n" % number) + len(before)
    start = at + len(blank) - 1
    end = start + 2 * size + 2
    span = _RANGE % (start, end, len(data) - end)
    data[at + 10 : at + 10 + _RANGE_SIZE] = b" " + span.ljust(_RANGE_SIZE - 1)
    return Slot(bytes(data), start, end)
