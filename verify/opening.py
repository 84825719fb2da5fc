"""打开: which format is it, which signatures does it carry, which licence data? Opened is not trusted.

    opened = open_document(data)
    opened.signatures, opened.message, opened.faults

Nothing is believed here and nothing is decided: what cannot be read becomes a ``CheckFailed`` among the
``faults`` of the document or of the signature it belongs to, so that the rest can still be judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from seal import cms, ses
from seal.copies import COPY_ENTRY, CopyTerms, parse_terms
from seal.message import MESSAGE_ENTRY, DataMessage, parse_message
from seal.ofd.package import (
    Limits,
    OFDPackage,
    child,
    children,
    directory_of,
    local_name,
    open_package,
    parse_xml,
    resolve,
    text_of,
)
from seal.ofd.signatures import ListedSignature, SignatureXML, parse_signature, parse_signatures
from trust.algorithms import sm3
from trust.errors import CheckFailed, Malformed
from trust.i18n import N_
from verify.contents import ROOT, Contents, read_contents
from verify.report import Indication

SEAL, SIGN = "seal", "signature"


@dataclass(slots=True)
class OpenedSignature:
    """打开的签名: one signature as the file states it."""

    id: str
    kind: str
    """``seal`` (电子签章) or ``signature`` (数字签名), as Signatures.xml says."""
    name: str
    """Entry name of Signature.xml; ``""`` where it cannot be told."""
    raw: bytes = b""
    """The bytes of Signature.xml: what is signed."""
    xml: SignatureXML | None = None
    value: bytes | None = None
    """Content of SignedValue.dat."""
    value_name: str = ""
    seal_name: str = ""
    """Entry name of Seal.esl, ``""`` where none is named."""
    references: tuple[tuple[str, bytes], ...] = ()
    """``(entry name, digest)``."""
    ses: ses.SESSignature | None = None
    cms: cms.SignedData | None = None
    bare: bool = False
    """The value is a bare SM2 signature: no certificate inside."""
    faults: list[CheckFailed] = field(default_factory=list)

    @property
    def structure(self) -> str:
        """``SES-V1``, ``SES-V4``, ``SES-V5``, ``GBT-35275``, ``SM2`` or ``unknown``."""
        if self.ses is not None:
            return self.ses.structure
        return "GBT-35275" if self.cms is not None else "SM2" if self.bare else "unknown"

    @property
    def own_names(self) -> tuple[str, ...]:
        """The two entries no signature can name in itself: its Signature.xml and its value."""
        return tuple(name for name in (self.name, self.value_name) if name)


HARMLESS = frozenset({"package.name_encoding"})
"""Anomalies of the container that leave only one reading; told, but not held against the file."""


class Entries:
    """包内文件: the bytes of each entry, digested and parsed once per document."""

    def __init__(self, entries: dict[str, bytes], limits: Limits) -> None:
        self.limits = limits
        self._entries = entries
        self._digests: dict[str, bytes] = {}
        self._roots: dict[str, Any] = {}
        self._weighed: set[str] = set()
        self._marks = 0

    def get(self, name: str) -> bytes | None:
        return self._entries.get(name)

    def digest(self, name: str) -> bytes:
        """SM3 of entry ``name``, which exists."""
        known = self._digests.get(name)
        if known is None:
            data = self._entries[name]
            known = _remembered_digest(data) if len(data) <= _REMEMBERED_SIZE else sm3(data)
            self._digests[name] = known
        return known

    def weigh(self, data: bytes) -> None:
        """限额: count ``data``, about to be parsed, to the document's XML. Raises ``Malformed("package.limit")``."""
        self._marks += _remembered_marks(data) if len(data) <= _REMEMBERED_SIZE else _marks(data)
        if self._marks > self.limits.max_xml_marks:
            template = N_("文件超出限额：XML 内容过多，最多允许 {limit} 个标记。")
            raise Malformed("package.limit", template, limit=self.limits.max_xml_marks)

    def weigh_entry(self, name: str) -> None:
        """As ``weigh``, once for each entry."""
        if name not in self._weighed:
            self.weigh(self._entries[name])
            self._weighed.add(name)

    def xml(self, name: str) -> Any:
        """The root element of entry ``name``, ``None`` if there is no such entry. Raises ``Malformed``."""
        if name not in self._roots:
            data = self._entries.get(name)
            if data is not None:
                self.weigh_entry(name)
            self._roots[name] = None if data is None else parse_xml(data, self.limits)
        return self._roots[name]


def _marks(data: bytes) -> int:
    return data.count(b"<") + data.count(b"=")


_REMEMBERED_SIZE = 192 << 10
_remembered_digest = lru_cache(maxsize=128)(sm3)
_remembered_marks = lru_cache(maxsize=128)(_marks)
"""By the bytes themselves: what licences of one type share is digested and counted once."""


@dataclass(slots=True)
class OpenedDocument:
    """打开的文档: names and bytes, nothing believed."""

    digest: str
    """SM3 of the whole file, hex."""
    package: OFDPackage
    files: Entries
    contents: Contents
    signatures_name: str | None = None
    """Entry name of Signatures.xml, as OFD.xml names it; ``None``: it names none."""
    signatures: list[OpenedSignature] = field(default_factory=list)
    custom_datas: list[tuple[str, str]] = field(default_factory=list)
    message: DataMessage | None = None
    copy: CopyTerms | None = None
    """Terms of a copy (用证副本)."""
    faults: list[CheckFailed] = field(default_factory=list)

    @property
    def entries(self) -> dict[str, bytes]:
        return self.package.entries


def open_document(data: bytes, limits: Limits) -> OpenedDocument:
    """Open the bytes of an OFD file.

    Raises ``Malformed`` (``format.not_ofd``, ``package.*``) where nothing can be said about its inside.
    """
    package = open_package(_expect_package(data), limits)
    files = Entries(package.entries, limits)
    contents = read_contents(files)
    faults = [_fault(a.code, a.template, detail=a.detail) for a in package.anomalies if a.code not in HARMLESS]
    opened = OpenedDocument(sm3(data).hex(), package, files, contents, faults=[*faults, *contents.faults])
    _read_root(opened, limits)
    _read_message(opened)
    _read_copy(opened)
    return opened


_KINDS = (
    (b"%PDF", "PDF"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"\xd0\xcf\x11\xe0", "Office (OLE)"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"<", "XML / HTML"),
    (b"{", "JSON"),
    (b"\x30\x82", "ASN.1 DER"),
)


def _expect_package(data: bytes) -> bytes:
    if not data:
        raise Malformed("format.not_ofd", "文件是空的；应为 OFD 或 PDF 版式文件。")
    head = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:8]
    for start, kind in _KINDS:
        if head.startswith(start):
            raise Malformed("format.not_ofd", "应为 OFD 或 PDF 版式文件，收到的是{kind}。", kind=kind)
    if data.rfind(b"PK\x05\x06", max(0, len(data) - (1 << 17))) < 0:
        raise Malformed("format.not_ofd", "应为 OFD 或 PDF 版式文件，收到的不是（{size} 字节，开头为 {head}）。",
                        size=len(data), head=data[:8].hex(" "))  # fmt: skip
    return data


def _fault(code: str, template: str, **params: object) -> CheckFailed:
    return CheckFailed(Indication.FAILED, "FORMAT_FAILURE", code, template, **params)


def _read_root(opened: OpenedDocument, limits: Limits) -> None:
    """OFD.xml again, for the document's own facts: signatures and CustomDatas of its one body."""
    try:
        root = opened.files.xml(ROOT)
    except Malformed:
        return  # the walk has said so already
    body = child(root, "DocBody") if root is not None else None
    if body is None or local_name(root) != "OFD":
        opened.faults.append(_fault("format.not_ofd", N_("OFD.xml 中没有文档体（DocBody），不是 OFD 版式文件。")))
        return
    datas = child(child(body, "DocInfo"), "CustomDatas") if child(body, "DocInfo") is not None else None
    for item in children(datas, "CustomData") if datas is not None else ():
        opened.custom_datas.append((item.get("Name") or "", "".join(item.itertext())))
    location = text_of(child(body, "Signatures"))
    if location:
        _read_signatures(opened, location, limits)


def _read_signatures(opened: OpenedDocument, location: str, limits: Limits) -> None:
    try:
        name = opened.signatures_name = resolve("", location)
        data = opened.entries.get(name)
        if data is None:
            return
        opened.files.weigh(data)
        listed = parse_signatures(data, limits)
        opened.faults.extend(_list_oddities(parse_xml(data, limits)))
    except Malformed as error:
        template = N_("签名列表“{name}”无法读取：{detail}")
        opened.faults.append(_fault(error.code, template, name=location[:160], detail=error))
        return
    opened.signatures = [_open_signature(opened, item, limits) for item in listed.signatures]


_LIST_ATTRIBUTES = frozenset({"ID", "Type", "BaseLoc", "Relative"})


def _list_oddities(root: Any) -> Iterator[CheckFailed]:
    """签名列表夹带: no signature need cover Signatures.xml, so it may hold nothing but the list."""
    for element in root.iter():
        name, parent = local_name(element), element.getparent()
        allowed = name == "Signatures" if parent is None else parent is root and name in ("Signature", "MaxSignId")
        text = (element.text or "").strip() if name != "MaxSignId" else ""
        extra = set(element.attrib) - (_LIST_ATTRIBUTES if name == "Signature" else frozenset())
        if not allowed or text or extra or (element.tail or "").strip() or len(element.text or "") > 256:
            detail = str(element.tag)[:80]
            template = N_("签名列表（Signatures.xml）不受签名保护，却夹带了其他内容：{detail}")
            yield _fault("signature.list_smuggled", template, detail=detail)
            return


def _open_signature(opened: OpenedDocument, item: ListedSignature, limits: Limits) -> OpenedSignature:
    """One line of Signatures.xml, with all it names."""
    signature = OpenedSignature(item.id, SIGN if item.type == "Sign" else SEAL, "")
    if item.type not in ("Seal", "Sign"):
        template = N_("签名类型应为 Seal 或 Sign，实为“{kind}”。")
        signature.faults.append(_fault("signature.type_unknown", template, kind=item.type[:40]))
    try:
        _fill_signature(opened, signature, item.base_loc, limits)
        _read_value(signature)
    except Malformed as error:
        template = N_("签名描述文件“{name}”无法读取：{detail}")
        name = signature.name or item.base_loc[:160]
        signature.faults.append(_fault(error.code, template, name=name, detail=error))
    return signature


def _fill_signature(opened: OpenedDocument, signature: OpenedSignature, location: str, limits: Limits) -> None:
    """Signature.xml and what it names. Raises ``Malformed``."""
    assert opened.signatures_name is not None
    name = signature.name = resolve(directory_of(opened.signatures_name), location)
    raw = opened.entries.get(name)
    if raw is None:
        raise Malformed("signature.missing", "文件不存在。")
    signature.raw = raw
    opened.files.weigh(raw)
    signature.xml = xml = parse_signature(raw, limits)
    folder = directory_of(name)
    signature.references = tuple(
        (_reference(opened, folder, reference.file_ref), reference.digest) for reference in xml.references
    )
    signature.seal_name = resolve(folder, xml.seal_loc) if xml.seal_loc else ""
    signature.value_name = resolve(folder, xml.signed_value_loc)
    signature.value = opened.entries.get(signature.value_name)


def _reference(opened: OpenedDocument, folder: str, location: str) -> str:
    """The entry a FileRef means: absolute, or relative to Signature.xml, or (some makers) to the root."""
    name = resolve(folder, location)
    if name not in opened.entries and not location.startswith("/"):
        return resolve("", location)
    return name


def _read_value(signature: OpenedSignature) -> None:
    """签名值: told apart by what it is, not by what Signatures.xml (which nobody signs) calls it."""
    value = signature.value
    if value is None:
        template = N_("签名值文件“{name}”不存在。")
        signature.faults.append(_fault("signature.value_missing", template, name=signature.value_name))
        return
    signature.bare = cms.is_bare_signature(value)
    if signature.bare:
        return
    try:
        if signature.kind == SIGN:
            signature.cms = cms.parse_signed_data(value)
        else:
            signature.ses = ses.parse_signature(value)
    except Malformed as error:
        template = N_("签名值无法解析：{detail}")
        signature.faults.append(_fault(error.code, template, detail=error))


def _read_message(opened: OpenedDocument) -> None:
    data = opened.entries.get(MESSAGE_ENTRY)
    if data is None:
        return
    try:
        opened.message = parse_message(data)
    except Malformed as error:
        opened.faults.append(_fault(error.code, N_("证照数据电文无法读取：{detail}"), detail=error))


def _read_copy(opened: OpenedDocument) -> None:
    data = opened.entries.get(COPY_ENTRY)
    if data is None:
        return
    try:
        opened.copy = parse_terms(data)
    except Malformed as error:
        opened.faults.append(_fault(error.code, N_("副本条款无法读取：{detail}"), detail=error))
