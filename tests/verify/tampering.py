"""篡改: what can be done to a sealed file, by name. ``tests/vectors/cases.json`` says which is done to what.

Steps change entries (``flip``, ``replace``, ``add`` …), the container (``zip``), or nothing the file holds at all.
An entry's name, text or position in a case is data; what it means stands here.
"""

from __future__ import annotations

import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from seal.message import MESSAGE_ENTRY
from seal.ses import parse_signature
from trust.canonical import canonical_json
from trust.certificates import load_certificate

Entries = dict[str, bytes]


# ---------------------------------------------------------------- entries


def flip(entries: Entries, entry: str, at: float = 0.5, bit: int = 0) -> Entries:
    """One bit changed, ``at`` a fraction of the entry's length."""
    data = bytearray(entries[entry])
    data[int(len(data) * at)] ^= 1 << bit
    return {**entries, entry: bytes(data)}


def replace(entries: Entries, entry: str, old: str, new: str, count: int = 1) -> Entries:
    """Text ``old`` becomes ``new``; it must be there."""
    data = entries[entry]
    assert old.encode() in data, f"{old!r} is not in {entry}"
    return {**entries, entry: data.replace(old.encode(), new.encode(), count)}


def put(entries: Entries, entry: str, text: str, encoding: str = "utf-8") -> Entries:
    """An entry with this text, new or in place of the old one."""
    return {**entries, entry: text.encode(encoding)}


def append(entries: Entries, entry: str, text: str) -> Entries:
    """Text behind an entry's end."""
    return {**entries, entry: entries[entry] + text.encode()}


def remove(entries: Entries, entry: str) -> Entries:
    return {name: data for name, data in entries.items() if name != entry}


def rename(entries: Entries, entry: str, to: str) -> Entries:
    return {to if name == entry else name: data for name, data in entries.items()}


def copy(entries: Entries, entry: str, to: str) -> Entries:
    return {**entries, to: entries[entry]}


def swap(entries: Entries, entry: str, other: str) -> Entries:
    """Two entries exchange their contents."""
    return {**entries, entry: entries[other], other: entries[entry]}


def recode(entries: Entries, entry: str, encoding: str, declare: bool = True) -> Entries:
    """The same XML text in another encoding."""
    text = entries[entry].decode()
    if declare:
        text = text.replace('encoding="UTF-8"', f'encoding="{encoding}"')
    return {**entries, entry: text.encode(encoding)}


def nest(entries: Entries, entry: str, depth: int, before: str) -> Entries:
    """Deeply nested elements put ``before`` a text."""
    return replace(entries, entry, before, "<a>" * depth + "</a>" * depth + before)


def message(entries: Entries, path: list[str | int], value: Any) -> Entries:
    """One value of the data message changed, the message canonical again."""
    content = json.loads(entries[MESSAGE_ENTRY])
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return {**entries, MESSAGE_ENTRY: canonical_json(content)}


def regex(entries: Entries, entry: str, pattern: str, to: str) -> Entries:
    """The first match of ``pattern`` becomes ``to``; it must match."""
    text, count = re.subn(pattern, to, entries[entry].decode(), count=1, flags=re.DOTALL)
    assert count, f"{pattern!r} does not match in {entry}"
    return {**entries, entry: text.encode()}


def splice(entries: Entries, entry: str, part: str) -> Entries:
    """One bit of a part of the seal signature in ``entry``."""
    data = entries[entry]
    signature = parse_signature(data)
    wanted = {
        "data hash": signature.data_hash,
        "signature": signature.signature[-20:],
        "time": f"{signature.time:%Y%m%d%H%M%SZ}".encode(),
        "certificate": load_certificate(signature.signer_certificate).signature[-20:],
        "seal": signature.seal.picture[-20:],
        "time stamp": (signature.timestamp or b"")[-20:],
    }[part]
    found = data.find(wanted) if part == "time" else data.rfind(wanted)
    at = found + len(wanted) - 2
    return {**entries, entry: data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]}


def bare(entries: Entries, entry: str) -> Entries:
    """Only the SM2 value of the seal signature in ``entry`` is left."""
    return {**entries, entry: parse_signature(entries[entry]).signature}


ENTRY_STEPS: Mapping[str, Callable[..., Entries]] = {
    f.__name__: f
    for f in (flip, replace, put, append, remove, rename, copy, swap, recode, nest, message, regex, splice, bare)
}


def apply(entries: Entries, steps: list[dict[str, Any]]) -> Entries:
    """Every entry step in turn."""
    for step in steps:
        arguments = {key: value for key, value in step.items() if key != "do"}
        entries = ENTRY_STEPS[step["do"]](entries, **arguments)
    return entries


# ---------------------------------------------------------------- container


@dataclass
class Item:
    """One entry as a hostile writer writes it: each header may say something else."""

    name: bytes
    data: bytes
    method: int = 8
    flags: int = 0
    packed: bytes | None = None
    local_name: bytes | None = None
    local: dict[str, int] = field(default_factory=dict)
    central: dict[str, int] = field(default_factory=dict)
    local_extra: bytes = b""
    central_extra: bytes = b""
    comment: bytes = b""
    listed: bool = True
    attributes: int = 0o100644 << 16
    after: bytes = b""
    offset: int | None = None

    def body(self) -> bytes:
        if self.packed is not None:
            return self.packed
        if self.method != 8:
            return self.data
        deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
        return deflater.compress(self.data) + deflater.flush()


@dataclass
class Archive:
    """A ZIP in the making."""

    items: list[Item]
    before: bytes = b""
    behind: bytes = b""
    comment: bytes = b""
    gap: bytes = b""
    """Between the entries and the central directory."""
    end: dict[str, int] = field(default_factory=dict)
    zip64: bytes = b""
    shift: bool = False
    """Offsets count from the start of the file, ``before`` included."""

    def item(self, name: str) -> Item:
        return next(item for item in self.items if item.name == name.encode())

    def write(self) -> bytes:
        out, directory = bytearray(), bytearray()
        count = 0
        for item in self.items:
            body, offset = item.body(), len(out)
            facts = {"crc": zlib.crc32(item.data), "packed": len(body), "size": len(item.data), "method": item.method,
                     "flags": item.flags}  # fmt: skip
            out += _local(item, facts | item.local) + body + item.after
            if item.listed:
                count += 1
                start = item.offset if item.offset is not None else offset + (len(self.before) if self.shift else 0)
                directory += _central(item, facts | item.central, start)
        out += self.gap
        facts = {"count": count, "size": len(directory), "offset": len(out) + (len(self.before) if self.shift else 0)}
        facts |= self.end
        tail = struct.pack(
            "<4s4H2LH", b"PK\x05\x06", 0, 0, facts["count"], facts["count"], facts["size"], facts["offset"],
            len(self.comment),
        )  # fmt: skip
        return self.before + bytes(out + directory) + self.zip64 + tail + self.comment + self.behind


def _local(item: Item, facts: Mapping[str, int]) -> bytes:
    name = item.name if item.local_name is None else item.local_name
    return (
        struct.pack(
            "<4s5H3L2H", b"PK\x03\x04", 20, facts["flags"], facts["method"], 0,
            facts.get("date", 0x21), facts["crc"], facts["packed"], facts["size"], len(name), len(item.local_extra),
        )
        + name
        + item.local_extra
    )  # fmt: skip


def _central(item: Item, facts: Mapping[str, int], offset: int) -> bytes:
    return (
        struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 0x0314, 20, facts["flags"], facts["method"], 0, 0x21, facts["crc"],
            facts["packed"], facts["size"], len(item.name), len(item.central_extra), len(item.comment), 0, 0,
            item.attributes, offset,
        )
        + item.name
        + item.central_extra
        + item.comment
    )  # fmt: skip


def archive(entries: Entries) -> Archive:
    return Archive([Item(name.encode(), data) for name, data in entries.items()])


PAGE = "Doc_0/Pages/Page_0/Content.xml"
EVIL = b"<evil/>"


def _insert(a: Archive, after: str, item: Item) -> None:
    a.items.insert(a.items.index(a.item(after)) + 1, item)


def two_entries(a: Archive) -> None:
    """The page twice in the directory, the second one another."""
    _insert(a, PAGE, Item(PAGE.encode(), EVIL))


def two_entries_first(a: Archive) -> None:
    """The page twice in the directory, the first one another."""
    a.items.insert(a.items.index(a.item(PAGE)), Item(PAGE.encode(), EVIL))


def unlisted_entry(a: Archive) -> None:
    """A second page that only streaming readers see."""
    _insert(a, PAGE, Item(PAGE.encode(), EVIL, listed=False))


def local_name(a: Archive) -> None:
    """The page's local header has another name."""
    a.item(PAGE).local_name = b"Doc_0/Pages/Page_1/Content.xml"


def local_method(a: Archive) -> None:
    """The page's local header says stored, the directory says deflated."""
    a.item(PAGE).local["method"] = 0


def local_size(a: Archive) -> None:
    """The page's local header states another size."""
    a.item(PAGE).local["size"] = 1


def local_crc(a: Archive) -> None:
    a.item(PAGE).local["crc"] = 1


def local_date(a: Archive) -> None:
    """One local header has another date."""
    a.item(PAGE).local["date"] = 0x5A21


def permissions(a: Archive) -> None:
    """One entry is executable."""
    a.item(PAGE).attributes = 0o100755 << 16


def crc(a: Archive) -> None:
    """Both headers state a wrong CRC."""
    a.item(PAGE).local["crc"] = a.item(PAGE).central["crc"] = 1


def size_lie(a: Archive) -> None:
    """Both headers state one byte less than there is."""
    item = a.item(PAGE)
    item.local["size"] = item.central["size"] = len(item.data) - 1


def prepended(a: Archive) -> None:
    """A PDF header before the package, offsets corrected."""
    a.before, a.shift = b"%FDF-1.7 polyglot\n", True


def prepended_uncorrected(a: Archive) -> None:
    a.before = b"MZ polyglot\n"


def appended(a: Archive) -> None:
    a.behind = b"<html>polyglot</html>"


def appended_package(a: Archive) -> None:
    """A whole second package behind the first."""
    a.behind = Archive([Item(b"OFD.xml", EVIL)]).write()


def comment(a: Archive) -> None:
    a.comment = b"smuggled"


def entry_comment(a: Archive) -> None:
    a.item(PAGE).comment = b"smuggled"


def gap(a: Archive) -> None:
    """Bytes between the last entry and the directory."""
    a.gap = b"smuggled"


def gap_between(a: Archive) -> None:
    a.item(PAGE).after = b"smuggled"


def zip64_lie(a: Archive) -> None:
    """zip64 end records that state another directory."""
    position = len(Archive(a.items).write()) - 22
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 60, 0)
    a.zip64 = record + struct.pack("<4sLQL", b"PK\x06\x07", 0, position, 1)


def zip64_size(a: Archive) -> None:
    """A zip64 field that gives the page another size in the local header."""
    item = a.item(PAGE)
    item.local_extra = struct.pack("<2H2Q", 1, 16, 7, 7)
    item.local |= {"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF}


def zip64_twice(a: Archive) -> None:
    """Two zip64 fields in the directory: some readers follow the last, to a page hidden in another entry's header."""
    item, host = a.item(PAGE), a.items[1]
    other = Item(item.name, item.data + b"<!-- -->")
    where = {i.name: n for n, i in enumerate(a.items)}[item.name]
    hidden = other.body()
    facts = {"crc": zlib.crc32(other.data), "packed": len(hidden), "size": len(other.data), "method": 8, "flags": 0}
    record = _local(other, facts) + hidden
    host.local_extra = struct.pack("<2H", 0x9999, len(record)) + record
    starts = [30 + len(i.name) + len(i.local_extra) + len(i.body()) for i in a.items]
    fields = [len(item.data), len(item.body()), sum(starts[:where])]
    false = [len(other.data), len(hidden), starts[0] + 30 + len(host.name) + 4]
    item.central_extra = b"".join(struct.pack("<2H3Q", 1, 24, *three) for three in (fields, false))
    item.central |= {"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF}
    item.offset = 0xFFFFFFFF


def zip64_left_over(a: Archive) -> None:
    """A zip64 field with more values than the header leaves to it."""
    a.item(PAGE).central_extra = struct.pack("<2H3Q", 1, 24, 7, 7, 7)


def large_extra(a: Archive) -> None:
    """Something hidden in an extra field."""
    a.item(PAGE).local_extra = struct.pack("<2H", 0x9999, 4000) + bytes(4000)


def overlap(a: Archive) -> None:
    """Two names for the same bytes of the archive."""
    first = a.items[0]
    a.items.append(Item(first.name, first.data, listed=True, offset=0))
    a.items[-1].packed = b""
    a.items[-1].central |= {"packed": len(first.body()), "size": len(first.data)}


def bomb(a: Archive) -> None:
    """64 MiB of zeros in 64 KiB."""
    a.items.append(Item(b"Doc_0/Res/bomb.bin", b"\x00" * (31 << 20)))


def huge_claim(a: Archive) -> None:
    """An entry said to be 4 GB."""
    item = a.item(PAGE)
    item.local["size"] = item.central["size"] = 0xFFFFFFFE


def deflate_garbage(a: Archive) -> None:
    item = a.item(PAGE)
    item.packed = b"\xff" * len(item.body())


def deflate_trailing(a: Archive) -> None:
    """Bytes behind the end of the deflate stream, inside the entry."""
    item = a.item(PAGE)
    item.packed = item.body() + b"smuggled"


def deflate_truncated(a: Archive) -> None:
    item = a.item(PAGE)
    item.packed = item.body()[:-9]


def parent_name(a: Archive) -> None:
    a.items.append(Item(b"../../etc/cron.d/evil", EVIL))


def dot_name(a: Archive) -> None:
    a.items.append(Item(b"Doc_0/./Document.xml", EVIL))


def absolute_name(a: Archive) -> None:
    a.items.append(Item(b"/Doc_0/Document.xml", EVIL))


def backslash_name(a: Archive) -> None:
    a.items.append(Item(b"Doc_0\\Document.xml", EVIL))


def drive_name(a: Archive) -> None:
    a.items.append(Item(b"C:/Document.xml", EVIL))


def case_name(a: Archive) -> None:
    a.items.append(Item(b"DOC_0/DOCUMENT.XML", EVIL))


def trailing_dot_name(a: Archive) -> None:
    a.items.append(Item(b"Doc_0/Document.xml.", EVIL))


def fullwidth_name(a: Archive) -> None:
    a.items.append(Item("Ｄoc_0/Document.xml".encode(), EVIL, flags=0x800))


def normal_form_names(a: Archive) -> None:
    """The same name composed and decomposed."""
    a.items.append(Item("Doc_0/Res/\u00e9.png".encode(), EVIL, flags=0x800))
    a.items.append(Item("Doc_0/Res/e\u0301.png".encode(), EVIL, flags=0x800))


def nul_name(a: Archive) -> None:
    a.items.append(Item(b"Doc_0/Document.xml\x00.png", EVIL))


def latin_name(a: Archive) -> None:
    """A name that is no UTF-8."""
    a.items.append(Item(b"Doc_0/Res/\xe9.png", EVIL))


def empty_name(a: Archive) -> None:
    a.items.append(Item(b"", EVIL))


def unicode_path(a: Archive) -> None:
    """An extra field gives the page another name, which some readers prefer."""
    item = a.item(PAGE)
    other = b"Doc_0/Pages/Page_9/Content.xml"
    content = b"\x01" + zlib.crc32(item.name).to_bytes(4, "little") + other
    item.central_extra = item.local_extra = struct.pack("<2H", 0x7075, len(content)) + content


def broken_extra(a: Archive) -> None:
    item = a.item(PAGE)
    item.central_extra = item.local_extra = b"\x01\x00\xff\xff\x00"


def symlink(a: Archive) -> None:
    a.items.append(Item(b"Doc_0/Res/link", b"/etc/passwd", attributes=0o120777 << 16))


def folder_with_data(a: Archive) -> None:
    a.items.append(Item(b"Doc_0/Res/", b"smuggled", method=0))


def stray_folder(a: Archive) -> None:
    a.items.append(Item(b"Doc_7/hidden/", b"", method=0))


def file_as_folder(a: Archive) -> None:
    """A file below a file."""
    a.items.append(Item(b"OFD.xml/evil.xml", EVIL))


def encrypted(a: Archive) -> None:
    item = a.item(PAGE)
    item.flags = 1


def lzma(a: Archive) -> None:
    item = a.item(PAGE)
    item.packed, item.method = item.body(), 14


def descriptor(a: Archive) -> None:
    """A data descriptor that repeats other numbers."""
    item = a.item(PAGE)
    item.flags = 8
    item.after = b"PK\x07\x08" + struct.pack("<3L", 1, 2, 3)


def stored_descriptor(a: Archive) -> None:
    """A stored entry with a descriptor: a streaming reader cannot know where it ends."""
    item = a.item(PAGE)
    item.method, item.flags = 0, 8
    item.local |= {"crc": 0, "size": 0, "packed": 0}
    item.after = b"PK\x07\x08" + struct.pack("<3L", zlib.crc32(item.data), len(item.data), len(item.data))


def fewer_listed(a: Archive) -> None:
    """The end record counts one entry less than the directory has."""
    a.end["count"] = len(a.items) - 1


def directory_size(a: Archive) -> None:
    a.end["size"] = 46


def many_entries(a: Archive) -> None:
    a.items += [Item(f"Doc_0/Res/{n}".encode(), b"", method=0) for n in range(2001)]


def truncated(data: bytes) -> bytes:
    return data[:-30]


def packed_anew(data: bytes) -> bytes:
    """The same entries in a container written by Python's zipfile."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return out.getvalue()


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


ZIP_TRICKS: Mapping[str, Callable[[Archive], None]] = {
    f.__name__: f
    for f in (
        two_entries, two_entries_first, unlisted_entry, local_name, local_method, local_size, local_crc, local_date, permissions, crc, size_lie,
        prepended, prepended_uncorrected, appended, appended_package, comment, entry_comment, gap, gap_between, zip64_lie,
        zip64_size, zip64_twice, zip64_left_over, large_extra, overlap, bomb, huge_claim, deflate_garbage, deflate_trailing, deflate_truncated, parent_name, dot_name,
        absolute_name, backslash_name, drive_name, case_name, trailing_dot_name, fullwidth_name, normal_form_names,
        nul_name, latin_name, empty_name, unicode_path, broken_extra, symlink, folder_with_data, stray_folder,
        file_as_folder, encrypted, lzma, descriptor, stored_descriptor, fewer_listed, directory_size, many_entries,
    )
}  # fmt: skip

BYTE_TRICKS: Mapping[str, Callable[[bytes], bytes]] = {f.__name__: f for f in (truncated, half, packed_anew)}
