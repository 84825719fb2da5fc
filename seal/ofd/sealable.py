"""可加盖的文档: what sealing must know of an OFD file that exists already (GB/T 33190-2016, clauses 7 and 18).

    document = open_for_sealing(data)
    sealer.seal(document, material, [Placement(document.pages[0].id, 130, 200)])

Such a file bears seals already (first the approver, then the issuer), or none: a form that an applicant
submits. What it holds is kept byte for byte; only its list of signatures grows. A file that could not be
sealed honestly is refused: ambiguous containers, seals already broken, seals that forbid further ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seal.message import MESSAGE_ENTRY, DataMessage, parse_message
from seal.ofd.package import (
    Entry,
    Limits,
    OFDPackage,
    child,
    children,
    directory_of,
    locate,
    open_package,
    parse_xml,
    text_of,
)
from seal.ofd.signatures import ListedSignature, SignatureXML, parse_signature, parse_signatures
from seal.ofd.unsigned import PageBox
from trust.algorithms import SM3
from trust.errors import Malformed, Refused

_ROOT = "OFD.xml"
_HARMLESS = frozenset({"package.name_encoding"})
_AFTER = re.compile(rb"</(?:([\w.-]+):)?(?:DocRoot|Versions)\s*>")
_NUMBER = re.compile(r"[0-9]{1,9}$")
_FOLDER = re.compile(r"Sign_([0-9]{1,6})/")


@dataclass(frozen=True, slots=True)
class SealableOFD:
    """可加盖的文档: every entry but the list of signatures, and where the next signature goes."""

    entries: tuple[Entry, ...]
    """As they are in the file, ``Signatures.xml`` left out."""
    pages: tuple[PageBox, ...]
    message: DataMessage | None
    """The data message of a licence; ``None`` for any other document."""
    signatures: tuple[ListedSignature, ...]
    """Those it bears, in order."""
    list_entry: str
    """Entry name of ``Signatures.xml``."""
    folder: str
    """Folder of the next signature: ``Doc_0/Signs/Sign_1``."""
    last_id: int
    """The highest number in use among the ids of signatures and stamps."""


def open_for_sealing(data: bytes, limits: Limits | None = None) -> SealableOFD:
    """打开待盖章的文件: ``data`` is a whole OFD file, with seals or without.

    Raises ``Malformed`` (``package.*``, ``format.*``, ``sealing.ambiguous``: readers would see different things in
    it) and ``Refused``: ``sealing.several_documents``, ``sealing.broken`` (a signature on it does not hold),
    ``sealing.closed`` (a signature covers the list of signatures, so that one more would break it).
    """
    limits = limits or Limits()
    package = open_package(data, limits)
    odd = [anomaly for anomaly in package.anomalies if anomaly.code not in _HARMLESS]
    if odd:
        raise Malformed("sealing.ambiguous", "文件的包结构有歧义，不能盖章：{detail}", detail=odd[0].detail)
    root = parse_xml(package.entries.get(_ROOT, b""), limits)
    body = _body(root)
    document = locate(package.entries, "", text_of(child(body, "DocRoot")))
    named = text_of(child(body, "Signatures"))
    list_entry = locate(package.entries, "", named) if named else f"{directory_of(document)}/Signs/Signatures.xml"
    listed = _listed(package, list_entry, limits)
    entries = {name: Entry.of(name, content) for name, content in package.entries.items() if name != list_entry}
    if not named:
        entries[_ROOT] = Entry.of(_ROOT, _announced(package.entries[_ROOT], list_entry))
    described = [_described(package, list_entry, item, limits) for item in listed]
    _check_standing(entries, list_entry, described)
    return SealableOFD(
        tuple(entries.values()),
        tuple(_pages(package, document, limits)),
        _message(package),
        listed,
        list_entry,
        _next_folder(list_entry, package.entries),
        _last_id(listed, described),
    )


def _body(root: Any) -> Any:
    bodies = children(root, "DocBody")
    if len(bodies) > 1:
        raise Refused("sealing.several_documents", "文件含有多个文档体，不能盖章。")
    if not bodies or child(bodies[0], "DocRoot") is None:
        raise Malformed("format.not_ofd", "文件不是 OFD 版式文件：OFD.xml 中没有文档。")
    return bodies[0]


def _listed(package: OFDPackage, list_entry: str, limits: Limits) -> tuple[ListedSignature, ...]:
    data = package.entries.get(list_entry)
    return parse_signatures(data, limits).signatures if data is not None else ()


def _announced(data: bytes, list_entry: str) -> bytes:
    """OFD.xml with its list of signatures named, all else left byte for byte."""
    places = list(_AFTER.finditer(data))
    if not places:
        raise Malformed("format.not_ofd", "文件不是 OFD 版式文件：OFD.xml 中没有文档。")
    prefix = f"{places[-1][1].decode()}:" if places[-1][1] else ""
    element = f"<{prefix}Signatures>/{list_entry}</{prefix}Signatures>".encode()
    return data[: places[-1].end()] + element + data[places[-1].end() :]


# ---------------------------------------------------------------- the seals it bears


@dataclass(frozen=True, slots=True)
class _Described:
    xml: SignatureXML
    references: tuple[tuple[str, bytes], ...]
    """``(entry name, digest)``."""


def _described(package: OFDPackage, list_entry: str, item: ListedSignature, limits: Limits) -> _Described:
    name = locate(package.entries, directory_of(list_entry), item.base_loc)
    xml = parse_signature(package.entries.get(name, b""), limits)
    folder = directory_of(name)
    return _Described(xml, tuple((locate(package.entries, folder, r.file_ref), r.digest) for r in xml.references))


def _check_standing(entries: Mapping[str, Entry], list_entry: str, described: Iterable[_Described]) -> None:
    """Does every signature on it hold, and go on holding when one more is listed?"""
    for signature in described:
        if any(name == list_entry for name, _ in signature.references):
            raise Refused("sealing.closed", "文件已有的签章保护了签名列表，再加盖会使其失效，不能盖章。")
        for name, digest in signature.references if signature.xml.digest_algorithm == SM3 else ():
            if name not in entries or entries[name].digest != digest:
                raise Refused("sealing.broken", "文件在先前签章之后被改动（{name}），不能再盖章。", name=name[:160])


def _last_id(listed: Iterable[ListedSignature], described: Iterable[_Described]) -> int:
    ids = [item.id for item in listed] + [stamp.id for one in described for stamp in one.xml.stamps]
    return max((int(match[0]) for match in map(_NUMBER.search, ids) if match), default=0)


def _next_folder(list_entry: str, names: Iterable[str]) -> str:
    home = directory_of(list_entry)
    below = (name[len(home) + 1 :] for name in names if name.startswith(f"{home}/"))
    used = [int(match[1]) for match in map(_FOLDER.match, below) if match]
    return f"{home}/Sign_{max(used, default=-1) + 1}"


# ---------------------------------------------------------------- pages and message


def _pages(package: OFDPackage, document: str, limits: Limits) -> Iterator[PageBox]:
    """Every page with its size: its own, else the document's (7.5, 7.7)."""
    root = parse_xml(package.entries.get(document, b""), limits)
    common = child(root, "CommonData")
    usual = _box(child(common, "PageArea")) if common is not None else None
    pages = child(root, "Pages")
    for page in children(pages, "Page") if pages is not None else ():
        name = locate(package.entries, directory_of(document), page.get("BaseLoc", ""))
        size = _box(child(parse_xml(package.entries.get(name, b""), limits), "Area")) or usual
        if size is None or not page.get("ID", "").isdecimal():
            raise Malformed("format.page", "页面“{name}”没有标识或尺寸，不能盖章。", name=name[:160])
        yield PageBox(int(page.get("ID")), *size)


def _box(area: Any | None) -> tuple[float, float] | None:
    """Width and height of PhysicalBox."""
    parts = text_of(child(area, "PhysicalBox")).split() if area is not None else []
    try:
        width, height = (float(part) for part in parts[2:])
    except ValueError:
        return None
    return (width, height) if 0 < width < 1e5 and 0 < height < 1e5 else None


def _message(package: OFDPackage) -> DataMessage | None:
    data = package.entries.get(MESSAGE_ENTRY)
    return parse_message(data) if data is not None else None
