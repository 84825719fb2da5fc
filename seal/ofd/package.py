"""OFD 包: the ZIP container and its XML (GB/T 33190-2016, clause 7; APPNOTE 6.3 of ZIP).

Reading looks at the package twice, as the central directory tells it and as the local headers do,
because some readers use the one and some stream the other: whatever they could disagree about is an
``Anomaly``. What cannot be read at all, or only at the risk of the machine, raises ``Malformed``.
Nothing is ever written to disk and no name out of the archive is ever used as a path.

    package = open_package(data)
    package.entries["OFD.xml"], package.anomalies
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct
from typing import Any

from lxml import etree

from trust.algorithms import sm3
from trust.errors import Malformed
from trust.i18n import N_

STORED = 0
DEFLATED = 8

OFD_NAMESPACE = "http://www.ofdspec.org/2016"
OFD_NAMESPACES = (OFD_NAMESPACE, "http://www.ofdspec.org")
"""The namespace of the standard, and the older one some producers still write."""

_LOCAL = Struct("<4s5H3L2H")
_CENTRAL = Struct("<4s6H3L5H2L")
_END = Struct("<4s4H2LH")
_END64 = Struct("<4sQ2H2L4Q")
_LOCATOR64 = Struct("<4sLQL")
_LOCAL_SIGNATURE = b"PK\x03\x04"
_CENTRAL_SIGNATURE = b"PK\x01\x02"
_END_SIGNATURE = b"PK\x05\x06"
_DESCRIPTOR_SIGNATURE = b"PK\x07\x08"
_LOCATOR64_SIGNATURE = b"PK\x06\x07"
_END64_SIGNATURE = b"PK\x06\x06"
_FULL16 = 0xFFFF
_FULL32 = 0xFFFFFFFF
_LARGEST_EXTRA = 64
_MOST_EXTRAS = 8
"""Times, owners and sizes need no more; what is larger is something smuggled."""
_FLAG_ENCRYPTED = 0x2041
"""Traditional encryption, strong encryption, masked headers."""
_FLAG_PATCH = 0x20
_FLAG_DESCRIPTOR = 0x08
_FLAG_UTF8 = 0x800
_DOS_DATE = 0x21
"""1980-01-01: the same document gives the same bytes."""
_OUR_FORM = (0x0314, 20, 0, 0, _DOS_DATE, 0, 0, 0o100644 << 16)
"""Made by, needed, flags, time, date, disk, internal and external attributes as ``write_package`` writes them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """限额: how much of a stranger's file we are willing to look at. Sizes are bytes."""

    max_file_size: int = 64 << 20
    max_entries: int = 2000
    max_name_length: int = 512
    max_entry_size: int = 32 << 20
    max_total_size: int = 128 << 20
    max_ratio: int = 250
    """Inflated : packed, judged from ``ratio_floor`` inflated bytes on."""
    ratio_floor: int = 1 << 20
    max_xml_size: int = 8 << 20
    max_xml_depth: int = 64
    max_xml_marks: int = 2_000_000
    """``<`` and ``=`` of all XML of a document together: what its trees cost in time and memory."""
    max_signatures: int = 64
    max_references: int = 4000
    max_stamps: int = 1000


@dataclass(frozen=True, slots=True)
class Anomaly:
    """异常: something in the container about which two honest readers could disagree."""

    code: str
    """``package.…``; all of them stand in ``ANOMALIES``."""
    detail: str
    """The entry's name or the place, shortened and made printable."""

    @property
    def template(self) -> str:
        """The Chinese message with one ``{detail}`` place."""
        return ANOMALIES[self.code]


ANOMALIES: dict[str, str] = {
    "package.absolute_name": N_("包内文件名不是相对路径：{detail}"),
    "package.comment": N_("包带有注释，其中可藏匿数据：{detail}"),
    "package.crc_mismatch": N_("文件内容与包内登记的 CRC 不符：{detail}"),
    "package.deflate_trailing": N_("压缩数据之后藏有多余数据：{detail}"),
    "package.descriptor_mismatch": N_("数据描述符与目录不一致：{detail}"),
    "package.directory_data": N_("目录项带有数据：{detail}"),
    "package.directory_mismatch": N_("包的目录与结尾记录不一致：{detail}"),
    "package.duplicate_name": N_("同名文件出现多次：{detail}"),
    "package.entry_comment": N_("文件带有注释，其中可藏匿数据：{detail}"),
    "package.extra_malformed": N_("文件的扩展字段损坏：{detail}"),
    "package.gap": N_("包内存在目录未登记的数据：{detail}"),
    "package.header_mixed": N_("文件头的写法与包内其他文件不同，可能被单独改动：{detail}"),
    "package.local_mismatch": N_("文件头与目录不一致，不同软件会读出不同内容：{detail}"),
    "package.name_collision": N_("文件名仅大小写、字符形式或层级不同，容易混淆：{detail}"),
    "package.name_control": N_("文件名含控制字符：{detail}"),
    "package.name_encoding": N_("文件名未标明 UTF-8 编码：{detail}"),
    "package.parent_name": N_("文件名含“..”等越界成分：{detail}"),
    "package.prefixed_data": N_("包的开头有多余数据：{detail}"),
    "package.size_mismatch": N_("文件解压后的大小与登记不符：{detail}"),
    "package.special_file": N_("包内含符号链接等特殊文件：{detail}"),
    "package.stored_descriptor": N_("未压缩文件使用了数据描述符，流式软件无法读取：{detail}"),
    "package.trailing_data": N_("包的结尾之后有多余数据：{detail}"),
    "package.unicode_path": N_("文件另有一个不同的名字：{detail}"),
}
"""Every anomaly code with its message."""


# ---------------------------------------------------------------- writing


@dataclass(frozen=True, slots=True)
class Entry:
    """包内文件: one file of a package, packed and digested once, written many times."""

    name: str
    """Without a leading ``/``."""
    data: bytes
    packed: bytes
    method: int
    """0 stored or 8 deflate."""
    crc: int
    digest: bytes
    """SM3 of ``data``, 32 bytes."""

    @classmethod
    def of(cls, name: str, data: bytes, *, level: int = 6) -> Entry:
        """Pack and digest ``data``; ``level`` 0 stores it, 1-9 deflate it where that helps."""
        packed, method = data, STORED
        if level:
            deflater = zlib.compressobj(level, zlib.DEFLATED, -15)
            deflated = deflater.compress(data) + deflater.flush()
            if len(deflated) < len(data):
                packed, method = deflated, DEFLATED
        return cls(name, data, packed, method, zlib.crc32(data), sm3(data))


def write_package(entries: Sequence[Entry]) -> bytes:
    """打包: the OFD file of ``entries``, ``OFD.xml`` first, the rest as given.

    No data descriptors, no extra fields, a fixed date: streaming readers and directory readers see
    the same, and the same entries give the same bytes. Raises ``Malformed("package.duplicate_name")``.
    """
    ordered = sorted(entries, key=_not_root)
    if len({entry.name for entry in ordered}) != len(ordered):
        raise Malformed("package.duplicate_name", "同一个包里不能有两个同名文件。")
    parts: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for entry in ordered:
        name, flags = _encoded_name(entry.name)
        size, packed_size = len(entry.data), len(entry.packed)
        parts += (
            _LOCAL.pack(
                _LOCAL_SIGNATURE, 20, flags, entry.method, 0, _DOS_DATE, entry.crc, packed_size, size, len(name), 0
            ),
            name,
            entry.packed,
        )
        directory += (
            _CENTRAL.pack(
                _CENTRAL_SIGNATURE, 0x0314, 20, flags, entry.method, 0, _DOS_DATE, entry.crc, packed_size, size,
                len(name), 0, 0, 0, 0, 0o100644 << 16, offset,
            ),
            name,
        )  # fmt: skip
        offset += 30 + len(name) + packed_size
    central = b"".join(directory)
    end = _END.pack(_END_SIGNATURE, 0, 0, len(ordered), len(ordered), len(central), offset, 0)
    return b"".join((*parts, central, end))


def _not_root(entry: Entry) -> bool:
    return entry.name != "OFD.xml"


@lru_cache(maxsize=4096)
def _encoded_name(name: str) -> tuple[bytes, int]:
    """The name's bytes and the general purpose flags that go with it."""
    encoded = name.encode()
    return encoded, 0 if len(encoded) == len(name) else _FLAG_UTF8


# ---------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class OFDPackage:
    """打开的包: names and bytes, opened and not yet trusted."""

    entries: dict[str, bytes]
    """Name (no leading ``/`` unless the archive has one) to content, in directory order; the first of a
    duplicated name."""
    anomalies: tuple[Anomaly, ...]
    directories: tuple[str, ...] = ()

    def get(self, name: str) -> bytes | None:
        """The entry's content, or None."""
        return self.entries.get(name)


@dataclass(slots=True)
class _Record:
    """One line of the central directory."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed_size: int
    size: int
    offset: int
    start: int = 0
    """Where the packed data begins."""
    end: int = 0
    """Behind the data and its descriptor."""
    ours: bool = False
    """Both headers are filled in as ``write_package`` does it."""


@dataclass(slots=True)
class _Findings:
    anomalies: list[Anomaly] = field(default_factory=list)

    def add(self, code: str, detail: str) -> None:
        shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in detail[:160])
        self.anomalies.append(Anomaly(code, shown))


def open_package(data: bytes, limits: Limits | None = None) -> OFDPackage:
    """打开: every entry of the package ``data``, inflated within ``limits``.

    Raises ``Malformed`` (``package.not_zip``, ``package.damaged``, ``package.encrypted``,
    ``package.method``, ``package.overlap``, ``package.limit``, ``package.ratio``, ``package.name``).
    """
    limits = limits or Limits()
    _within(N_("文件超出限额：文件大小为 {value}，最多允许 {limit}。"), len(data), limits.max_file_size)
    found = _Findings()
    directory, size, count, end = _find_directory(data, found)
    _within(N_("文件超出限额：包内文件数为 {value}，最多允许 {limit}。"), count, limits.max_entries)
    shift = _directory_shift(data, directory, size, count, end, found)
    records = _read_directory(data, directory + shift, size, count, limits, found)
    for record in records:
        record.offset += shift
        _read_local(data, record, directory + shift, found)
    _check_layout(records, directory + shift, found)
    _check_names(records, found)
    _check_form(records, found)
    return _inflate_all(data, records, limits, found)


def _within(template: str, value: int, limit: int) -> None:
    if value > limit:
        raise Malformed("package.limit", template, value=value, limit=limit)


def _damaged(template: str, **params: str) -> Malformed:
    return Malformed("package.damaged", template, remedy="", **params)


def _find_directory(data: bytes, found: _Findings) -> tuple[int, int, int, int]:
    """``(offset, size, count, end)`` of the central directory; ``end`` is where its end records begin."""
    position = data.rfind(_END_SIGNATURE, max(0, len(data) - 22 - _FULL16))
    while position >= 0 and position + 22 > len(data):
        position = data.rfind(_END_SIGNATURE, 0, position)
    if position < 0:
        raise Malformed("package.not_zip", "这不是 OFD 文件：找不到 ZIP 包的结尾记录。")
    _, disk, first_disk, here, count, size, offset, comment = _END.unpack_from(data, position)
    behind = len(data) - position - 22
    if comment and comment <= behind:
        found.add("package.comment", f"{comment} B")
    if comment < behind:
        found.add("package.trailing_data", f"{behind - comment} B")
    elif comment > behind:
        found.add("package.directory_mismatch", "comment length")
    if disk or first_disk or here != count:
        raise _damaged(N_("文件已损坏，无法作为 OFD 包读取：分卷的包。"))
    large = _find_directory64(data, position, found)
    if large is None:
        return offset, size, count, position
    count64, size64, offset64, end64 = large
    pairs = ((count, count64, _FULL16), (size, size64, _FULL32), (offset, offset64, _FULL32))
    if any(narrow not in (wide, full) for narrow, wide, full in pairs):
        found.add("package.directory_mismatch", "zip64")
    return offset64, size64, count64, end64


def _find_directory64(data: bytes, end: int, found: _Findings) -> tuple[int, int, int, int] | None:
    """The same from the zip64 records right before the end record, or None where there are none."""
    if end < 20 or data[end - 20 : end - 16] != _LOCATOR64_SIGNATURE:
        return None
    _, disk, position, disks = _LOCATOR64.unpack_from(data, end - 20)
    if disk or disks > 1 or position + 56 > end - 20 or data[position : position + 4] != _END64_SIGNATURE:
        raise _damaged(N_("文件已损坏，无法作为 OFD 包读取：zip64 结尾记录。"))
    _, length, _, _, disk, first_disk, here, count, size, offset = _END64.unpack_from(data, position)
    if disk or first_disk or here != count or position + 12 + length != end - 20:
        raise _damaged(N_("文件已损坏，无法作为 OFD 包读取：zip64 结尾记录。"))
    if length != _END64.size - 12:
        found.add("package.gap", f"zip64 {length} B")
    return count, size, offset, position


def _directory_shift(data: bytes, offset: int, size: int, count: int, end: int, found: _Findings) -> int:
    """How far all offsets are off because something stands before the package (0 where they are right)."""
    if offset + size > end:
        raise _damaged(N_("文件已损坏，无法作为 OFD 包读取：目录越界。"))
    signature = _CENTRAL_SIGNATURE if count else b""
    if data[offset : offset + len(signature)] == signature:
        if offset + size != end:
            found.add("package.gap", f"{end - offset - size} B @ {offset + size}")
        return 0
    shift = end - size - offset
    if data[offset + shift : offset + shift + 4] != signature:
        raise _damaged(N_("文件已损坏，无法作为 OFD 包读取：目录位置不对。"))
    return shift


def _read_directory(data: bytes, offset: int, size: int, count: int, limits: Limits, found: _Findings) -> list[_Record]:
    end = offset + size
    records: list[_Record] = []
    for _ in range(count):
        if offset + 46 > end or data[offset : offset + 4] != _CENTRAL_SIGNATURE:
            raise _damaged(N_("文件已损坏，无法作为 OFD 包读取：目录不完整。"))
        record, offset = _read_central(data, offset, end, limits, found)
        records.append(record)
    if offset != end:
        found.add("package.directory_mismatch", f"{end - offset} B")
    return records


def _read_central(data: bytes, offset: int, end: int, limits: Limits, found: _Findings) -> tuple[_Record, int]:
    (
        _, made_by, needed, flags, method, time, date, crc, packed_size, size, name_length, extra_length,
        comment_length, disk, internal, attributes, local,
    ) = _CENTRAL.unpack_from(data, offset)  # fmt: skip
    behind = offset + 46 + name_length + extra_length + comment_length
    if behind > end or disk not in (0, _FULL16):
        raise _damaged(N_("文件已损坏，无法作为 OFD 包读取：目录不完整。"))
    raw_name = data[offset + 46 : offset + 46 + name_length]
    name = _decode_name(raw_name, flags, limits, found)
    if extra_length:
        extra = data[offset + 46 + name_length : behind - comment_length]
        size, packed_size, local = _read_extra(extra, raw_name, name, (size, packed_size, local), found)
    if comment_length:
        found.add("package.entry_comment", name)
    if flags & (_FLAG_ENCRYPTED | _FLAG_PATCH):
        raise Malformed("package.encrypted", "包内文件“{name}”已加密，无法核验。", name=name[:160])
    if method not in (STORED, DEFLATED):
        raise Malformed(
            "package.method", "包内文件“{name}”的压缩方式 {method} 不受支持。", name=name[:160], method=method
        )
    kind = attributes >> 28
    if made_by >> 8 in (3, 19) and kind not in (0, 0o10, 0o04):
        found.add("package.special_file", name)
    form = (made_by, needed, flags & ~_FLAG_UTF8, time, date, disk, internal, attributes)
    return _Record(name, raw_name, flags, method, crc, packed_size, size, local, ours=form == _OUR_FORM), behind


def _decode_name(raw: bytes, flags: int, limits: Limits, found: _Findings) -> str:
    _within(N_("文件超出限额：文件名长度为 {value}，最多允许 {limit}。"), len(raw), limits.max_name_length)
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise Malformed("package.name", "包内有文件名不是 UTF-8 编码，无法可靠识别。") from None
    if not name:
        raise Malformed("package.name", "包内有文件没有名字。")
    if not flags & _FLAG_UTF8 and not name.isascii():
        found.add("package.name_encoding", name)
    return name


def _read_extra(extra: bytes, raw_name: bytes, name: str, values: tuple[int, ...], found: _Findings) -> tuple[int, ...]:
    """Zip64 sizes filled in for the ``values`` that are full (size, packed size[, offset]); names compared.

    Of two fields of one kind some readers take the first and some the last, so there may be one; and none has
    room for an entry of its own.
    """
    position, kinds, odd = 0, set[int](), False
    while position + 4 <= len(extra):
        kind = int.from_bytes(extra[position : position + 2], "little")
        length = int.from_bytes(extra[position + 2 : position + 4], "little")
        content = extra[position + 4 : position + 4 + length]
        position += 4 + length
        if len(content) != length:
            break
        odd |= kind in kinds or (length > _LARGEST_EXTRA and kind != 0x7075)
        kinds.add(kind)
        if kind == 0x0001:
            values = _read_zip64(content, name, values, found)
        elif kind == 0x9901:
            raise Malformed("package.encrypted", "包内文件“{name}”已加密，无法核验。", name=name[:160])
        elif kind == 0x7075 and not (content[:1] == b"\x01" and content[5:] == raw_name):
            found.add("package.unicode_path", f"{name} / {content[5:].decode(errors='replace')}")
        elif kind == 0x6375:
            found.add("package.entry_comment", name)
    if odd or len(kinds) > _MOST_EXTRAS or position != len(extra):
        found.add("package.extra_malformed", name)
    return values


def _read_zip64(content: bytes, name: str, values: tuple[int, ...], found: _Findings) -> tuple[int, ...]:
    answer: list[int] = []
    position, wanted = 0, 8 * values.count(_FULL32)
    for value in values:
        if value == _FULL32 and position + 8 <= len(content):
            value = int.from_bytes(content[position : position + 8], "little")
            position += 8
        answer.append(value)
    if _FULL32 in answer or len(content) not in (wanted, wanted + 4):
        found.add("package.extra_malformed", name)
    return tuple(answer)


def _read_local(data: bytes, record: _Record, directory: int, found: _Findings) -> None:
    """Compare the local header with the directory's word and find where the data lies."""
    offset = record.offset
    if offset + 30 > directory or data[offset : offset + 4] != _LOCAL_SIGNATURE:
        raise _damaged(N_("文件已损坏，无法作为 OFD 包读取：文件头位置不对。"))
    _, needed, flags, method, time, date, crc, packed_size, size, name_length, extra_length = _LOCAL.unpack_from(
        data, offset
    )
    record.ours &= (needed, flags, time, date) == (20, record.flags, 0, _DOS_DATE)
    record.start = offset + 30 + name_length + extra_length
    record.end = record.start + record.packed_size
    if record.end > directory:
        raise _damaged(N_("文件已损坏，无法作为 OFD 包读取：文件数据越界。"))
    raw_name = data[offset + 30 : offset + 30 + name_length]
    if raw_name != record.raw_name:
        found.add("package.local_mismatch", f"{record.name} / {raw_name.decode(errors='replace')}")
    wide = False
    if extra_length:
        extra = data[record.start - extra_length : record.start]
        wide = _FULL32 in (size, packed_size) or extra[:2] == b"\x01\x00"
        size, packed_size = _read_extra(extra, raw_name, record.name, (size, packed_size), found)
    stated = (crc, packed_size, size)
    real = (record.crc, record.packed_size, record.size)
    streamed = bool(flags & _FLAG_DESCRIPTOR)
    harmless = 6 | (_FLAG_UTF8 if record.name.isascii() else 0)  # compression level; encoding of an ASCII name
    if method != record.method or (flags ^ record.flags) & ~harmless or (stated != real and not streamed):
        found.add("package.local_mismatch", record.name)
    if streamed:
        if stated != real and any(value not in (0, _FULL32) for value in stated):
            found.add("package.local_mismatch", record.name)
        _read_descriptor(data, record, directory, wide, found)


def _read_descriptor(data: bytes, record: _Record, directory: int, wide: bool, found: _Findings) -> None:
    """数据描述符: with or without signature, 32- or 64-bit sizes; it must repeat the directory's numbers."""
    widths = (8, 4) if wide else (4, 8)
    if record.method == STORED and record.size:
        found.add("package.stored_descriptor", record.name)
    for lead in (_DESCRIPTOR_SIGNATURE, b""):
        for width in widths:
            numbers = ((record.crc, 4), (record.packed_size, width), (record.size, width))
            expected = lead + b"".join((n & (1 << 8 * w) - 1).to_bytes(w, "little") for n, w in numbers)
            if record.end + len(expected) <= directory and data.startswith(expected, record.end):
                record.end += len(expected)
                return
    found.add("package.descriptor_mismatch", record.name)


def _check_layout(records: list[_Record], directory: int, found: _Findings) -> None:
    """Every byte before the directory belongs to exactly one entry."""
    position = 0
    for record in sorted(records, key=lambda r: r.offset):
        if record.offset < position:
            raise Malformed("package.overlap", "包内文件“{name}”与另一文件重叠。", name=record.name[:160])
        if record.offset > position:
            code = "package.gap" if position else "package.prefixed_data"
            found.add(code, f"{record.offset - position} B @ {position}")
        position = record.end
    if position < directory:
        found.add("package.gap", f"{directory - position} B @ {position}")


def _check_form(records: list[_Record], found: _Findings) -> None:
    """A package written by us, or anew by somebody else: but not one entry's header changed by itself."""
    other = [record.name for record in records if not record.ours]
    if other and len(other) < len(records):
        found.add("package.header_mixed", other[0])


def _check_names(records: list[_Record], found: _Findings) -> None:
    """Names that leave the package, or that another system could take for each other."""
    seen: set[str] = set()
    folded: dict[str, str] = {}
    for record in records:
        name = record.name
        _check_name(name, found)
        if name in seen:
            found.add("package.duplicate_name", name)
            continue
        seen.add(name)
        key = _folded(name)
        if key in folded:
            found.add("package.name_collision", f"{folded[key]} / {name}")
        folded[key] = name
    files = {key for key, name in folded.items() if not name.endswith("/")}
    for key, name in folded.items():
        head = key.rpartition("/")[0]
        while head:
            if head in files:
                found.add("package.name_collision", f"{folded[head]} / {name}")
            head = head.rpartition("/")[0]


def _folded(name: str) -> str:
    """A key equal for names that differ by case, normal form or a trailing slash, dot or blank."""
    plain = name.rstrip("/. ")
    if plain.isascii():
        return plain.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold())


def _check_name(name: str, found: _Findings) -> None:
    if name.startswith("/") or "\\" in name or name[1:2] == ":":
        found.add("package.absolute_name", name)
    parts = name.rstrip("/").split("/")
    if ".." in parts or "." in parts or "" in parts[1:]:
        found.add("package.parent_name", name)
    if not name.isprintable():
        found.add("package.name_control", name)


def _inflate_all(data: bytes, records: list[_Record], limits: Limits, found: _Findings) -> OFDPackage:
    _check_sizes(records, limits)
    entries: dict[str, bytes] = {}
    directories: list[str] = []
    for record in records:
        content = _inflate(data, record, found)
        if record.name.endswith("/"):
            directories.append(record.name)
            if content:
                found.add("package.directory_data", record.name)
        else:
            entries.setdefault(record.name, content)
    return OFDPackage(entries, tuple(found.anomalies), tuple(directories))


def _check_sizes(records: Iterable[_Record], limits: Limits) -> None:
    """The stated sizes are within bounds; inflating never goes beyond what was stated."""
    total = 0
    for record in records:
        _within(N_("文件超出限额：单个文件大小为 {value}，最多允许 {limit}。"), record.size, limits.max_entry_size)
        total += record.size
        if record.size > max(limits.ratio_floor, record.packed_size * limits.max_ratio):
            raise Malformed("package.ratio", "包内文件“{name}”的压缩比过高，疑为解压炸弹。", name=record.name[:160])
    _within(N_("文件超出限额：解压后总大小为 {value}，最多允许 {limit}。"), total, limits.max_total_size)


def _inflate(data: bytes, record: _Record, found: _Findings) -> bytes:
    """The content, at most one byte longer than stated."""
    packed = data[record.start : record.start + record.packed_size]
    unpack = _unpack_remembered if max(record.packed_size, record.size) <= _REMEMBERED_SIZE else _unpack
    try:
        content, crc, whole, behind = unpack(packed, record.method, record.size)
    except zlib.error:
        raise _damaged(N_("文件已损坏：包内文件“{name}”解压失败。"), name=record.name[:160]) from None
    if behind:
        found.add("package.deflate_trailing", record.name)
    if not whole and len(content) < record.size:
        raise _damaged(N_("文件已损坏：包内文件“{name}”的压缩数据不完整。"), name=record.name[:160])
    if not whole or len(content) != record.size:
        found.add("package.size_mismatch", record.name)
    if crc != record.crc:
        found.add("package.crc_mismatch", record.name)
    return content


def _unpack(packed: bytes, method: int, size: int) -> tuple[bytes, int, bool, bool]:
    """``(content, CRC, whole, behind)``: at most ``size`` bytes, whether that was all, whether data follow its end."""
    if method == STORED:
        content = packed[:size]
        return content, zlib.crc32(content), len(packed) <= size, False
    inflater = zlib.decompressobj(-15)
    content = inflater.decompress(packed, size + 1)
    whole = inflater.eof and len(content) <= size
    content = content[:size]
    return content, zlib.crc32(content), whole, bool(inflater.unused_data)


_unpack_remembered = lru_cache(maxsize=128)(_unpack)
"""Licences of one type share most of their bytes; equal packed bytes are unpacked, and later digested, once."""
_REMEMBERED_SIZE = 192 << 10


# ---------------------------------------------------------------- paths and XML


def resolve(base_dir: str, loc: str) -> str:
    """包内路径 (GB/T 33190, ST_Loc): the entry name a reference means.

    A leading ``/`` starts at the package root, anything else at ``base_dir``, the folder of the file that
    holds the reference (``""`` for the root). Raises ``Malformed("package.path")`` on empty, overlong or
    escaping locations.
    """
    text = loc.strip()
    if not text or len(text) > 1024 or "\\" in text or not text.isprintable():
        raise Malformed("package.path", "文件内的路径无效：“{loc}”。", loc=text[:160])
    if "//" not in text and "./" not in text and text[-1] not in "./":
        return text[1:] if text[0] == "/" else f"{base_dir}/{text}" if base_dir else text
    parts: list[str] = [] if text[0] == "/" else [part for part in base_dir.split("/") if part]
    for part in text.split("/"):
        if part == "..":
            if not parts:
                raise Malformed("package.path", "文件内的路径越出包外：“{loc}”。", loc=text[:160])
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if not parts:
        raise Malformed("package.path", "文件内的路径无效：“{loc}”。", loc=text[:160])
    return "/".join(parts)


def locate(entries: Container[str], base_dir: str, loc: str) -> str:
    """The entry a location of a stranger's file means: as ``resolve`` says, but where no such entry exists and
    one does from the package root, that one (some makers leave the leading ``/`` out).
    """
    name = resolve(base_dir, loc)
    if name in entries or loc.strip().startswith("/"):
        return name
    from_root = resolve("", loc)
    return from_root if from_root in entries else name


def directory_of(name: str) -> str:
    """The folder of an entry, ``""`` at the root: the ``base_dir`` of ``resolve``."""
    return name.rpartition("/")[0]


@lru_cache(maxsize=8)
def _deeper_than(depth: int) -> Any:
    return etree.XPath(f"boolean({'/*' * (depth + 1)})")


_INSTRUCTIONS = etree.XPath("boolean(//processing-instruction())")


def parse_xml(data: bytes, limits: Limits | None = None) -> Any:
    """解析 XML: the root element (lxml), read without DTD, entities, network or processing instructions.

    UTF-8 only, depth and size bounded, comments dropped. Raises ``Malformed`` (``format.xml``,
    ``format.xml_doctype``, ``format.xml_encoding``, ``format.xml_instruction``, ``package.limit``).
    """
    limits = limits or Limits()
    _within(N_("文件超出限额：XML 大小为 {value}，最多允许 {limit}。"), len(data), limits.max_xml_size)
    start = _check_declaration(data)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise Malformed("format.xml_doctype", "XML 文件含有文档类型定义（DOCTYPE），不予读取。")
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True,
        dtd_validation=False, attribute_defaults=False, recover=False, encoding="utf-8",
    )  # fmt: skip
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Malformed("format.xml", "XML 文件无法解析：{detail}。", detail=str(error)[:200]) from None
    if data.find(b"<?", start) >= 0 and _INSTRUCTIONS(root):
        raise Malformed("format.xml_instruction", "XML 文件含有处理指令，不予读取。")
    if _deeper_than(limits.max_xml_depth)(root):
        raise Malformed("package.limit", "文件超出限额：XML 嵌套超过 {limit} 层。", limit=limits.max_xml_depth)
    return root


_DECLARATION = re.compile(
    rb"(?:\xef\xbb\xbf)?<\?xml\s+version\s*=\s*[\"'][0-9.]+[\"']"
    rb"(?:\s+encoding\s*=\s*[\"'](?:utf-?8|us-ascii)[\"'])?(?:\s+standalone\s*=\s*[\"'](?:yes|no)[\"'])?\s*\?>",
    re.IGNORECASE,
)


def _check_declaration(data: bytes) -> int:
    """UTF-8, said or unsaid: another encoding could hide a DOCTYPE from the look above. Where the rest begins."""
    declaration = _DECLARATION.match(data)
    if declaration:
        return declaration.end()
    if b"\x00" in data[:64] or data[:8].lstrip(b"\xef\xbb\xbf").startswith(
        (b"<?xml ", b"<?xml\t", b"<?xml\r", b"<?xml\n")
    ):
        raise Malformed("format.xml_encoding", "XML 文件的编码不是 UTF-8，不予读取。")
    return 0


def local_name(element: Any) -> str:
    """The element's name without namespace, ``""`` unless it is in an OFD namespace or in none."""
    tag = element.tag
    return _without_namespace(tag) if isinstance(tag, str) else ""


@lru_cache(maxsize=1024)
def _without_namespace(tag: str) -> str:
    if tag[0] != "{":
        return tag
    namespace, _, name = tag[1:].partition("}")
    return name if namespace in OFD_NAMESPACES else ""


def child(element: Any, name: str) -> Any | None:
    """The first child called ``name`` in either OFD namespace, or None."""
    return next((item for item in element if local_name(item) == name), None)


def children(element: Any, name: str) -> list[Any]:
    """All children called ``name`` in either OFD namespace."""
    return [item for item in element if local_name(item) == name]


def text_of(element: Any | None) -> str:
    """The element's whole text, stripped; ``""`` for None."""
    return "" if element is None else "".join(element.itertext()).strip()
