"""OFD 包: what is written reads back everywhere; what two readers could read differently is said."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seal.ofd.package import (
    ANOMALIES,
    Entry,
    Limits,
    child,
    children,
    local_name,
    locate,
    open_package,
    parse_xml,
    resolve,
    text_of,
    write_package,
)
from tests.seal.conftest import sample
from trust.errors import Malformed

FILES = {"OFD.xml": b"<OFD/>", "Doc_0/Document.xml": b"<Document/>" * 50, "Doc_0/Res/a.bin": bytes(range(256))}


def ours(files: dict[str, bytes] | None = None) -> bytes:
    return write_package([Entry.of(name, data) for name, data in (files or FILES).items()])


def theirs(
    change: Callable[[zipfile.ZipFile], None] = lambda archive: None, method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
        change(archive)
    return buffer.getvalue()


class Unseekable(io.RawIOBase):
    """A pipe: zipfile then writes data descriptors."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)


def streamed(method: int) -> bytes:
    pipe = Unseekable()
    with zipfile.ZipFile(pipe, "w", method) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    return bytes(pipe.data)


def patched(data: bytes, offset: int, new: bytes) -> bytes:
    return data[:offset] + new + data[offset + len(new) :]


def central(data: bytes, number: int = 0) -> int:
    """Offset of a line of the central directory."""
    offset = struct.unpack_from("<L", data, data.rindex(b"PK\x05\x06") + 16)[0]
    for _ in range(number):
        name, extra, comment = struct.unpack_from("<3H", data, offset + 28)
        offset += 46 + name + extra + comment
    return int(offset)


def local(data: bytes, number: int = 0) -> int:
    return int(struct.unpack_from("<L", data, central(data, number) + 42)[0])


def codes(data: bytes, limits: Limits | None = None) -> set[str]:
    return {anomaly.code for anomaly in open_package(data, limits).anomalies}


def refusal(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(Malformed) as raised:
        open_package(data, limits)
    return raised.value.code


# ---------------------------------------------------------------- sound packages


def test_written_packages_read_back() -> None:
    data = ours()
    package = open_package(data)
    assert package.entries == FILES and package.anomalies == ()
    assert next(iter(package.entries)) == "OFD.xml"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES


def test_the_same_entries_give_the_same_bytes_and_root_goes_first() -> None:
    entries = [Entry.of("b", b"2"), Entry.of("OFD.xml", b"1")]
    assert write_package(entries) == write_package(entries)
    assert list(open_package(write_package(entries)).entries) == ["OFD.xml", "b"]


def test_unicode_names() -> None:
    files = {"OFD.xml": b"", "Doc_0/附件/照面.json": b"{}"}
    data = ours(files)
    assert open_package(data).entries == files and codes(data) == set()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert set(archive.namelist()) == set(files)


def test_two_entries_of_one_name_are_not_written() -> None:
    with pytest.raises(Malformed) as raised:
        write_package([Entry.of("a", b"1"), Entry.of("a", b"2")])
    assert raised.value.code == "package.duplicate_name"


def test_packages_of_others_are_sound() -> None:
    def zip64(archive: zipfile.ZipFile) -> None:
        with archive.open("Doc_0/big", "w", force_zip64=True) as file:
            file.write(b"x" * 1000)

    for data in (theirs(), theirs(method=zipfile.ZIP_STORED), streamed(zipfile.ZIP_DEFLATED)):
        assert open_package(data).entries == FILES and codes(data) == set()
    data = theirs(zip64)
    assert open_package(data).entries["Doc_0/big"] == b"x" * 1000 and codes(data) == set()
    data = theirs(lambda archive: archive.mkdir("Doc_0/Signs"))
    assert open_package(data).directories == ("Doc_0/Signs/",) and codes(data) == set()


@pytest.mark.parametrize(
    "name",
    ["helloworld", "SESV4SignDoc", "V4RideRight", "allprotected", "h", "testPathClip", "DigitalSign"],
)
def test_samples_of_others_have_no_anomaly(name: str) -> None:
    data = sample(f"{name}.ofd")
    package = open_package(data)
    assert package.anomalies == ()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert package.entries == {n: archive.read(n) for n in archive.namelist() if not n.endswith("/")}


# ---------------------------------------------------------------- anomalies


def renamed(data: bytes, old: bytes, new: bytes, *, where: str = "both") -> bytes:
    """``old`` replaced by ``new`` of the same length in the local header, the directory, or both."""
    assert len(old) == len(new)
    split = central(data)
    head, tail = data[:split], data[split:]
    if where != "central":
        head = head.replace(old, new, 1)
    if where != "local":
        tail = tail.replace(old, new, 1)
    return head + tail


def with_extra(extra: bytes) -> bytes:
    """The first entry's directory line carries ``extra``."""
    data = ours()
    line = central(data)
    at = line + 46 + struct.unpack_from("<H", data, line + 28)[0]
    data = patched(data, line + 30, struct.pack("<H", len(extra)))
    data = data[:at] + extra + data[at:]
    end = data.rindex(b"PK\x05\x06")
    size = struct.unpack_from("<L", data, end + 12)[0]
    return patched(data, end + 12, struct.pack("<L", size + len(extra)))


def with_gap(filler: bytes) -> bytes:
    """``filler`` between the last entry and the directory."""
    data = ours()
    split = central(data)
    end = data.rindex(b"PK\x05\x06") + len(filler)
    return patched(data[:split] + filler + data[split:], end + 16, struct.pack("<L", split + len(filler)))


def unicode_path(name: bytes) -> bytes:
    body = b"\x01" + struct.pack("<L", zlib.crc32(b"OFD.xml")) + name
    return struct.pack("<2H", 0x7075, len(body)) + body


def trailing_deflate() -> bytes:
    """Data behind the end of a deflate stream, inside the entry."""
    entry = Entry.of("a", b"x" * 100)
    return write_package([Entry(entry.name, entry.data, entry.packed + b"hidden", 8, entry.crc, entry.digest)])


def misstated(size: int) -> bytes:
    """An entry whose stated size is not that of its content."""
    entry = Entry.of("a", b"x" * 100)
    return write_package([Entry("a", b"x" * size, entry.packed, 8, zlib.crc32(b"x" * size), entry.digest)])


def two_of(first: str, second: str) -> bytes:
    """Two entries, the second renamed to ``second`` after writing."""
    filler = b"z" * len(second.encode())
    return renamed(ours({"OFD.xml": b"1", first: b"2", filler.decode(): b"3"}), filler, second.encode())


def with_attributes(mode: int) -> bytes:
    data = ours()
    return patched(data, central(data) + 38, struct.pack("<L", mode << 16))


def descriptor_changed() -> bytes:
    data = streamed(zipfile.ZIP_DEFLATED)
    return patched(data, data.index(b"PK\x07\x08") + 4, b"\0\0\0\0")


def named(name: str) -> bytes:
    filler = b"z" * len(name.encode())
    return renamed(ours({"OFD.xml": b"", filler.decode(): b"x"}), filler, name.encode())


def commented(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("Doc_0/x")
    info.comment = b"hidden"
    archive.writestr(info, b"x")


def directory_with_data() -> bytes:
    return named("Doc_0/d/")


ANOMALOUS: list[tuple[str, str, Callable[[], bytes]]] = [
    ("junk before", "package.prefixed_data", lambda: b"MZ" * 10 + ours()),
    ("junk behind", "package.trailing_data", lambda: ours() + b"behind"),
    ("archive comment", "package.comment", lambda: theirs(lambda a: setattr(a, "comment", b"hidden"))),
    ("entry comment", "package.entry_comment", lambda: theirs(commented)),
    ("gap", "package.gap", lambda: with_gap(b"hidden data")),
    ("behind zip64 end", "package.gap", lambda: with_zip64_end(b"hidden")),
    ("zip64 disagrees", "package.directory_mismatch", lambda: with_zip64_end(count=2)),
    ("unlisted local entry", "package.gap", lambda: with_gap(ours({"Doc_0/evil.xml": b"x"})[: 30 + 14 + 1])),
    ("local name differs", "package.local_mismatch", lambda: renamed(ours(), b"a.bin", b"b.bin", where="local")),
    ("local crc differs", "package.local_mismatch", lambda: patched(ours(), local(ours()) + 14, b"\1\2\3\4")),
    ("local size differs", "package.local_mismatch", lambda: patched(ours(), local(ours()) + 22, b"\1\2\3\4")),
    ("local method differs", "package.local_mismatch", lambda: patched(ours(), local(ours()) + 8, b"\x08\0")),
    ("local flags differ", "package.local_mismatch", lambda: patched(ours(), local(ours()) + 6, b"\x08\0")),
    ("crc of both wrong", "package.crc_mismatch", lambda: misstated_crc()),
    ("size understated", "package.size_mismatch", lambda: misstated(99)),
    ("size overstated", "package.size_mismatch", lambda: misstated(101)),
    ("behind deflate end", "package.deflate_trailing", trailing_deflate),
    ("duplicate", "package.duplicate_name", lambda: two_of("Doc_0/a.xml", "Doc_0/a.xml")),
    ("case", "package.name_collision", lambda: two_of("Doc_0/a.xml", "Doc_0/A.XML")),
    ("normal form", "package.name_collision", lambda: two_of("Doc_0/é", "Doc_0/e\u0301")),
    ("full width", "package.name_collision", lambda: two_of("Doc_0/a", "Doc_0/ａ")),
    ("trailing dot", "package.name_collision", lambda: two_of("Doc_0/a", "Doc_0/a.")),
    ("file as folder", "package.name_collision", lambda: two_of("Doc_0/a", "Doc_0/a/b")),
    ("parent", "package.parent_name", lambda: named("../evil.xml")),
    ("inner parent", "package.parent_name", lambda: named("Doc_0/../OFD2.xml")),
    ("double slash", "package.parent_name", lambda: named("Doc_0//a.xml")),
    ("absolute", "package.absolute_name", lambda: named("/etc/passwd")),
    ("drive", "package.absolute_name", lambda: named("C:evil.xml")),
    ("backslash", "package.absolute_name", lambda: named("Doc_0\\evil.xml")),
    ("control", "package.name_control", lambda: named("Doc_0/a\0.xml")),
    ("bidi", "package.name_control", lambda: named("Doc_0/\u202elmx.a")),
    ("symlink", "package.special_file", lambda: with_attributes(0o120777)),
    ("one header touched", "package.header_mixed", lambda: with_attributes(0o100755)),
    ("device", "package.special_file", lambda: with_attributes(0o060777)),
    ("other unicode path", "package.unicode_path", lambda: with_extra(unicode_path(b"Doc_0/evil.xml"))),
    ("broken extra", "package.extra_malformed", lambda: with_extra(b"\x55\x54\xff\x00x")),
    ("descriptor", "package.descriptor_mismatch", descriptor_changed),
    ("stored with descriptor", "package.stored_descriptor", lambda: streamed(zipfile.ZIP_STORED)),
    ("directory with data", "package.directory_data", directory_with_data),
    ("name without flag", "package.name_encoding", lambda: without_flag()),
    ("count too small", "package.directory_mismatch", lambda: fewer_counted()),
]


def with_zip64_end(extra: bytes = b"", count: int | None = None) -> bytes:
    """Zip64 end records, as large archives have them; ``count`` differs from the plain record's where given."""
    data = ours()
    end = data.rindex(b"PK\x05\x06")
    entries, size, offset = struct.unpack_from("<H2L", data, end + 10)
    stated = entries if count is None else count
    numbers = (stated, stated, size, offset)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44 + len(extra), 45, 45, 0, 0, *numbers) + extra
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    return data[:end] + record + locator + data[end:]


def misstated_crc() -> bytes:
    entry = Entry.of("a", b"x" * 100)
    return write_package([Entry("a", entry.data, entry.packed, 8, 1, entry.digest)])


def without_flag() -> bytes:
    data = ours({"照面": b"x"})
    return patched(patched(data, 6, b"\0\0"), central(data) + 8, b"\0\0")


def fewer_counted() -> bytes:
    data = ours()
    return patched(data, data.rindex(b"PK\x05\x06") + 8, struct.pack("<2H", 2, 2))


@pytest.mark.parametrize(("code", "make"), [case[1:] for case in ANOMALOUS], ids=[case[0] for case in ANOMALOUS])
def test_anomalies(code: str, make: Callable[[], bytes]) -> None:
    package = open_package(make())
    assert code in {anomaly.code for anomaly in package.anomalies}
    assert all(anomaly.template == ANOMALIES[anomaly.code] for anomaly in package.anomalies)


def test_zip64_end_records_are_read() -> None:
    data = with_zip64_end()
    assert open_package(data).entries == FILES and codes(data) == set()


def test_every_anomaly_has_a_case() -> None:
    assert set(ANOMALIES) == {code for _, code, _ in ANOMALOUS}


def test_a_true_unicode_path_is_no_anomaly() -> None:
    assert codes(with_extra(unicode_path(b"OFD.xml"))) == set()


def test_the_first_of_a_duplicated_name_is_kept() -> None:
    assert open_package(two_of("Doc_0/a.xml", "Doc_0/a.xml")).entries["Doc_0/a.xml"] == b"2"


# ---------------------------------------------------------------- refusals


def overlapping() -> bytes:
    data = ours()
    return patched(data, central(data, 1) + 42, struct.pack("<L", local(data, 0)))


def bomb() -> bytes:
    return ours({"OFD.xml": b"", "bomb": bytes(2 << 20)})


REFUSED: list[tuple[str, str, Callable[[], bytes], Limits]] = [
    ("empty", "package.not_zip", lambda: b"", Limits()),
    ("text", "package.not_zip", lambda: b"hello" * 100, Limits()),
    ("cut", "package.not_zip", lambda: ours()[:-30], Limits()),
    ("overlap", "package.overlap", overlapping, Limits()),
    ("ratio", "package.ratio", bomb, Limits()),
    ("entries", "package.limit", ours, Limits(max_entries=2)),
    ("entry size", "package.limit", ours, Limits(max_entry_size=100)),
    ("total size", "package.limit", ours, Limits(max_total_size=700)),
    ("file size", "package.limit", ours, Limits(max_file_size=100)),
    ("name length", "package.limit", ours, Limits(max_name_length=10)),
    ("encrypted", "package.encrypted", lambda: patched(ours(), central(ours()) + 8, b"\1\0"), Limits()),
    ("bzip2", "package.method", lambda: theirs(method=zipfile.ZIP_BZIP2), Limits()),
    ("lzma", "package.method", lambda: theirs(method=zipfile.ZIP_LZMA), Limits()),
    ("aes extra", "package.encrypted", lambda: with_extra(b"\x01\x99\x00\x00"), Limits()),
    ("name not utf-8", "package.name", lambda: renamed(ours(), b"a.bin", b"\xff\xfe.b\x80"), Limits()),
    ("directory lost", "package.damaged", lambda: patched(ours(), central(ours()), b"XX"), Limits()),
    ("header lost", "package.damaged", lambda: patched(ours(), local(ours(), 1), b"XX"), Limits()),
    ("offset far off", "package.damaged", lambda: patched(ours(), central(ours(), 1) + 42, b"\0\0\0\x7f"), Limits()),
    (
        "deflate broken",
        "package.damaged",
        lambda: patched(ours(), local(ours(), 1) + 48, b"\xff\xff\xff\xff"),
        Limits(),
    ),
    ("split", "package.damaged", lambda: patched(ours(), ours().rindex(b"PK\5\6") + 4, b"\1\0"), Limits()),
]


@pytest.mark.parametrize(("code", "make", "limits"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refusals(code: str, make: Callable[[], bytes], limits: Limits) -> None:
    assert refusal(make(), limits) == code


@given(st.data())
def test_mutated_packages_never_surprise(data: st.DataObject) -> None:
    package = bytearray(ours())
    for _ in range(data.draw(st.integers(1, 6))):
        package[data.draw(st.integers(0, len(package) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(len(package) // 2, len(package)))
    with suppress(Malformed):
        opened = open_package(bytes(package[:cut]))
        # Dates, versions, attributes and names may differ in both places; content never does unseen.
        assert opened.anomalies or opened.entries == FILES or set(opened.entries) != set(FILES)


@given(st.binary(max_size=300))
def test_random_bytes_never_surprise(data: bytes) -> None:
    for attempt in (data, data + b"PK\x05\x06" + bytes(18), b"PK\x05\x06" + data):
        with suppress(Malformed):
            open_package(attempt)


# ---------------------------------------------------------------- paths and XML


@pytest.mark.parametrize(
    ("base", "loc", "name"),
    [
        ("", "Doc_0/Document.xml", "Doc_0/Document.xml"),
        ("Doc_0", "Pages/Page_0/Content.xml", "Doc_0/Pages/Page_0/Content.xml"),
        ("Doc_0", "/OFD.xml", "OFD.xml"),
        ("Doc_0/Signs/Sign_0", "../Signatures.xml", "Doc_0/Signs/Signatures.xml"),
        ("Doc_0", "./Res//a.png ", "Doc_0/Res/a.png"),
        ("", "a..b/c.", "a..b/c."),
    ],
)
def test_resolve(base: str, loc: str, name: str) -> None:
    assert resolve(base, loc) == name


@pytest.mark.parametrize("loc", ["", " ", "/", ".", "../x", "/../x", "Doc_0/../../x", "a\\b", "a\0b", "x" * 2000])
def test_resolve_refuses(loc: str) -> None:
    with pytest.raises(Malformed) as raised:
        resolve("", loc)
    assert raised.value.code == "package.path"


def test_locate_forgives_a_missing_slash() -> None:
    entries = {"Doc_0/Document.xml", "Doc_0/Signs/Sign_0/Seal.esl"}
    assert locate(entries, "Doc_0/Signs/Sign_0", "Doc_0/Document.xml") == "Doc_0/Document.xml"
    assert locate(entries, "Doc_0/Signs/Sign_0", "Seal.esl") == "Doc_0/Signs/Sign_0/Seal.esl"
    assert locate(entries, "Doc_0", "gone.xml") == "Doc_0/gone.xml"


NS = "http://www.ofdspec.org/2016"


def test_xml_in_either_namespace() -> None:
    for namespace in (NS, "http://www.ofdspec.org"):
        root = parse_xml(f'<o:A xmlns:o="{namespace}"><o:B>1<!-- x -->2</o:B><B/><x:B xmlns:x="urn:x"/></o:A>'.encode())
        assert local_name(root) == "A"
        assert text_of(child(root, "B")) == "12"
        assert len(children(root, "B")) == 2
        assert child(root, "C") is None and text_of(None) == ""


BAD_XML = [
    (b"", "format.xml"),
    (b"<a>", "format.xml"),
    (b"<a></b>", "format.xml"),
    (b"\xff\xfe<\x00a\x00/\x00>\x00", "format.xml_encoding"),
    ('<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"), "format.xml_encoding"),
    (b'<?xml version="1.0" encoding="GBK"?><a/>', "format.xml_encoding"),
    (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "format.xml_encoding"),
    (b"<!DOCTYPE a><a/>", "format.xml_doctype"),
    (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "format.xml_doctype"),
    (b'<?xml-stylesheet href="x"?><a/>', "format.xml_instruction"),
    (b"<a><b/><?php x ?></a>", "format.xml_instruction"),
    (b"<a/><?x y?>", "format.xml_instruction"),
    (b"<a>" * 65 + b"</a>" * 65, "package.limit"),
    (b"<a>\xff</a>", "format.xml"),
    (b"<a>&unknown;</a>", "format.xml"),
]


@pytest.mark.parametrize(("data", "code"), BAD_XML)
def test_xml_refused(data: bytes, code: str) -> None:
    with pytest.raises(Malformed) as raised:
        parse_xml(data)
    assert raised.value.code == code


def test_xml_limits_and_harmless_forms() -> None:
    parse_xml(b"<a>" * 64 + b"</a>" * 64)
    parse_xml(b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8" standalone="no" ?>\r\n<a>&lt;?</a>')
    parse_xml(b"<?xml version='1.0'?><a/>")
    with pytest.raises(Malformed):
        parse_xml(b"<a/>" + b" " * 100, Limits(max_xml_size=50))


@given(st.binary(max_size=200))
def test_random_xml_never_surprises(data: bytes) -> None:
    for attempt in (data, b"<a>" + data + b"</a>", b'<?xml version="1.0" encoding="' + data):
        with suppress(Malformed):
            parse_xml(attempt)
