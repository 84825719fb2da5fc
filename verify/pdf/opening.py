"""打开 PDF: which signatures does it carry, over which octets, and which licence data? Opened is not trusted.

    opened = open_pdf(data)
    opened.signatures, opened.stamps, opened.message, opened.faults

The octets are looked at before any library is: a PDF is read from its end, may be many files one behind the other,
and readers disagree about what stands around them. The objects are read by pyHanko, strictly; whatever it objects
to makes the file no PDF of ours to judge.
"""

from __future__ import annotations

import logging
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from time import monotonic
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import DecodeLimits, DocumentDecodeBudget
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import HistoricalResolver, PdfFileReader

from seal import cms, ses
from seal.copies import COPY_FILE, CopyTerms, parse_terms
from seal.message import DataMessage, parse_message
from seal.pdf.structures import (
    CADES,
    DIGESTS_FILE,
    DISCLOSURE_KEY,
    DOCUMENT_TIMESTAMP,
    MESSAGE_FILE,
    SEAL_KEY,
)
from trust.algorithms import sm3
from trust.errors import CheckFailed, Malformed
from trust.i18n import N_
from verify.pdf import hexadecimal
from verify.report import Indication

hexadecimal.install()
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)  # what it says of a stranger's file is no business of our log

MAX_SIZE: Final = 64 << 20
MAX_REVISIONS: Final = 64
MAX_SIGNATURES: Final = 64
MAX_OBJECTS: Final = 50_000
MAX_COMPARED: Final = 300_000
"""Objects times revisions: what comparing every revision with the one before may cost."""
TIME: Final = 20.0
"""Seconds one file may take."""
MAX_FILES: Final = 64
MAX_FILE: Final = 16 << 20
_BUDGET: Final = DecodeLimits(document_budget=DocumentDecodeBudget(base_allowance=64 << 20, max_ratio=4))

CMS_SUBFILTERS: Final = (CADES, "adbe.pkcs7.detached")

_HEADER = re.compile(rb"%PDF-(1\.[0-7]|2\.0)[\r\n \t]")
_END = re.compile(rb"startxref[ \r\n\t]+(\d{1,12})[ \r\n\t]+%%EOF[ \t]*(?:\r\n|\r|\n)?\Z")
_HEX = re.compile(rb"[0-9A-Fa-f]*")

BROKEN = (PdfError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError,
          AssertionError, NotImplementedError, UnicodeError, MemoryError, OSError, zlib.error)  # fmt: skip
"""What reading a hostile file may end in; each of them means: no readable PDF."""


@dataclass(slots=True)
class PDFSignature:
    """打开的签名: one signature field that is signed."""

    id: str
    """Full name of the field."""
    sub_filter: str
    byte_range: tuple[int, ...]
    contents: bytes
    """What stands in ``Contents``, without the zeros behind it."""
    revision: int
    """The revision (from 0) that brought it."""
    end: int = 0
    """Octets from the beginning of the file up to which it covers."""
    whole_revision: bool = False
    """It covers everything from the beginning to the end of its revision, its own value excepted."""
    page: str = ""
    """Number of the page it is shown on, from 1; ``""``: on none."""
    visible: bool = False
    """One of its widgets covers an area."""
    claimed: str = ""
    """M: the time the signature dictionary states."""
    seal: ses.SESeal | None = None
    """印章, where the signature dictionary carries one, or an SES signature does."""
    disclosure: bytes | None = None
    certifies: int | None = None
    """P of a certification (DocMDP): what may follow; ``None``: it certifies nothing."""
    locks: Any = None
    """FieldMDP of the signature, as pyHanko reads it."""
    cms: cms.SignedData | None = None
    ses: ses.SESSignature | None = None
    faults: list[CheckFailed] = field(default_factory=list)
    reference: Any = field(default=None, repr=False)
    """The field's object, for libraries."""

    @property
    def structure(self) -> str:
        """``PAdES``, ``PKCS7``, ``SES-V4`` …, ``RFC3161`` or ``unknown``."""
        if self.ses is not None:
            return self.ses.structure
        return {CADES: "PAdES", "adbe.pkcs7.detached": "PKCS7", DOCUMENT_TIMESTAMP: "RFC3161"}.get(
            self.sub_filter, "unknown"
        )

    @property
    def kind(self) -> str:
        """``seal`` or ``signature``, as reports have it."""
        return "seal" if self.seal is not None else "signature"

    def signed_octets(self, data: bytes) -> bytes:
        """What it was made over. Needs a sound ``byte_range``."""
        first, length, second, rest = self.byte_range
        return data[first : first + length] + data[second : second + rest]


@dataclass(slots=True)
class SecurityStore:
    """长期验证材料 (DSS, EN 319 142-1, 5.4.2), as it stands in a revision."""

    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsp: tuple[bytes, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.certificates or self.crls or self.ocsp)


@dataclass(slots=True)
class OpenedPDF:
    """打开的 PDF: octets and objects, nothing believed."""

    data: bytes
    digest: str
    """SM3 of the whole file, hex."""
    reader: PdfFileReader
    signatures: list[PDFSignature] = field(default_factory=list)
    stamps: list[PDFSignature] = field(default_factory=list)
    """Document time stamps, oldest first."""
    files: dict[str, list[bytes]] = field(default_factory=dict)
    """Embedded files by name, every one under a name."""
    message: DataMessage | None = None
    digests: bytes | None = None
    copy: CopyTerms | None = None
    """Terms of a copy (用证副本)."""
    faults: list[CheckFailed] = field(default_factory=list)
    deadline: float = field(default_factory=lambda: monotonic() + TIME)

    def check_time(self) -> None:
        """限时: raises ``Malformed("format.pdf_time")`` once the file has taken too long."""
        if monotonic() > self.deadline:
            raise Malformed("format.pdf_time", "PDF 文件过于复杂，未能在 {seconds} 秒内核验完毕。", seconds=int(TIME))

    @property
    def revisions(self) -> int:
        return int(self.reader.xrefs.total_revisions)

    def store_at(self, revision: int) -> SecurityStore:
        """The DSS as of ``revision``. Raises ``Malformed``."""
        try:
            return _security_store(self.reader.get_historical_resolver(revision))
        except BROKEN as error:
            raise malformed(error) from error


def look(node: Any, key: str, default: Any = None) -> Any:
    """The value under ``key`` of a dictionary, references followed; pyHanko's own ``get`` does not follow them."""
    try:
        value = node[key]
    except KeyError:
        return default
    return default if isinstance(value, generic.NullObject) else value


def items(value: Any) -> Iterator[Any]:
    """The values of an array, references followed; nothing of what is no array."""
    for index in range(len(value) if isinstance(value, generic.ArrayObject) else 0):
        yield value[index]


def open_pdf(data: bytes) -> OpenedPDF:
    """Open the octets of a PDF file.

    Raises ``Malformed("format.pdf_*")`` where nothing can be said about its inside.
    """
    _check_octets(data)
    try:
        reader = PdfFileReader(BytesIO(data), strict=True, decode_limits=_BUDGET)
        if reader.encrypted:
            raise Malformed("format.pdf_encrypted", "PDF 文件已加密，无法核验；请提供未加密的原件。")
        opened = OpenedPDF(data, sm3(data).hex(), reader)
        _check_extent(opened)
        _read_signatures(opened)
        _read_files(opened)
    except Malformed:
        raise
    except BROKEN as error:
        raise malformed(error) from error
    _read_message(opened)
    _read_copy(opened)
    return opened


def malformed(error: Exception) -> Malformed:
    detail = " ".join(str(error).split())[:160] or type(error).__name__
    return Malformed("format.pdf_malformed", "PDF 文件无法解析：{detail}", detail=detail)


def _fault(code: str, template: str, **params: object) -> CheckFailed:
    return CheckFailed(Indication.FAILED, "FORMAT_FAILURE", code, template, **params)


def _check_octets(data: bytes) -> None:
    """The head and the end of the file, and its size."""
    if len(data) > MAX_SIZE:
        template = N_("PDF 文件超出限额：{size} 字节，最多 {limit} 字节。")
        raise Malformed("format.pdf_limit", template, size=len(data), limit=MAX_SIZE)
    if not _HEADER.match(data):
        raise Malformed("format.pdf_malformed", "PDF 文件无法解析：{detail}", detail="%PDF-1.x")
    if not _END.search(data, max(0, len(data) - 64)):
        raise Malformed("format.pdf_trailing", "PDF 文件末尾（%%EOF 之后）不完整或附有其他内容，不予认可。")


def _check_extent(opened: OpenedPDF) -> None:
    """Not more revisions and objects than a document has, and one way of finding them."""
    xrefs = opened.reader.xrefs
    if xrefs.hybrid_xrefs_present:
        template = N_("PDF 文件同时含有两种交叉引用（hybrid xref），不同软件可能显示不同内容。")
        opened.faults.append(_fault("format.pdf_hybrid", template))
    count = sum(len(xrefs.explicit_refs_in_revision(n)) for n in range(min(opened.revisions, MAX_REVISIONS + 1)))
    if opened.revisions > MAX_REVISIONS or count > MAX_OBJECTS or count * opened.revisions > MAX_COMPARED:
        template = N_("PDF 文件超出限额：{revisions} 个修订、{objects} 个对象。")
        raise Malformed("format.pdf_limit", template, revisions=opened.revisions, objects=count)


# ---------------------------------------------------------------- signatures


def _read_signatures(opened: OpenedPDF) -> None:
    form = look(opened.reader.root, "/AcroForm")
    fields = look(form, "/Fields") if isinstance(form, generic.DictionaryObject) else None
    if not isinstance(fields, generic.ArrayObject):
        return
    pages = _widget_pages(opened.reader)
    signed = list(islice(_signed_fields(fields), MAX_SIGNATURES + 1))
    if len(signed) > MAX_SIGNATURES:
        raise Malformed("format.pdf_limit", "PDF 文件超出限额：签名多于 {limit} 个。", limit=MAX_SIGNATURES)
    found = [_open_signature(opened, name, node, reference, pages) for name, node, reference in signed]
    found.sort(key=lambda one: (one.revision, one.end))
    opened.stamps = [one for one in found if one.sub_filter == DOCUMENT_TIMESTAMP]
    opened.signatures = [one for one in found if one.sub_filter != DOCUMENT_TIMESTAMP]
    for one in found:
        opened.faults += one.faults if one in opened.stamps else []


def _signed_fields(fields: Any) -> Iterator[tuple[str, Any, Any]]:
    """``(full name, field, its reference)`` of every signature field with a value."""
    pending = [("", fields.raw_get(index), None, 0) for index in range(len(fields) - 1, -1, -1)]
    steps = 0
    while pending:
        parent, reference, kind, depth = pending.pop()
        steps += 1
        if steps > 4096 or depth > 16:
            raise ValueError("form fields")
        node = reference.get_object() if isinstance(reference, generic.IndirectObject) else reference
        if not isinstance(node, generic.DictionaryObject):
            continue
        part = str(look(node, "/T", ""))
        name = f"{parent}.{part}" if parent and part else parent or part
        kind = look(node, "/FT", kind)
        if kind == "/Sig" and isinstance(look(node, "/V"), generic.DictionaryObject):
            yield name, node, reference
        kids = look(node, "/Kids")
        if isinstance(kids, generic.ArrayObject):
            pending += [(name, kids.raw_get(n), kind, depth + 1) for n in range(len(kids) - 1, -1, -1)]


def _widget_pages(reader: PdfFileReader) -> dict[tuple[int, int], str]:
    """Annotation reference → number of the page that lists it."""
    answer: dict[tuple[int, int], str] = {}
    for number, page in enumerate(pages_of(reader), 1):
        annotations = look(page, "/Annots")
        if isinstance(annotations, generic.ArrayObject):
            for index in range(len(annotations)):
                one = annotations.raw_get(index)
                if isinstance(one, generic.IndirectObject):
                    answer.setdefault((one.idnum, one.generation), str(number))
    return answer


def pages_of(reader: PdfFileReader) -> Iterator[Any]:
    """Page dictionaries in their order."""
    pending, steps = [reader.root["/Pages"]], 0
    while pending:
        node = pending.pop()
        steps += 1
        if steps > 20_000:
            raise ValueError("page tree")
        kids = look(node, "/Kids")
        if isinstance(kids, generic.ArrayObject):
            pending += [kids[index] for index in range(len(kids) - 1, -1, -1)]
        else:
            yield node


def _open_signature(
    opened: OpenedPDF, name: str, node: Any, reference: Any, pages: dict[tuple[int, int], str]
) -> PDFSignature:
    """One signed field with all it holds; what cannot be read becomes a fault of its own."""
    value, raw = node["/V"], node.raw_get("/V")
    holder = raw if isinstance(raw, generic.IndirectObject) else reference
    revision = _revision(opened.reader, holder)
    contents = value.raw_get("/Contents") if "/Contents" in value else None
    octets = bytes(contents) if isinstance(contents, generic.ByteStringObject) else _octets(contents)
    numbers = tuple(int(n) for n in islice(items(look(value, "/ByteRange")), 64))
    signature = PDFSignature(name or "-", str(look(value, "/SubFilter", ""))[1:], numbers, octets, revision)
    signature.reference = reference
    if isinstance(reference, generic.IndirectObject):
        signature.page = pages.get((reference.idnum, reference.generation), "")
    signature.visible = any(has_area(one) for one in (node, *_kids(node)))
    signature.claimed = str(look(value, "/M", ""))[:40]
    _measure(opened, signature)
    _unpad(signature)
    _read_permissions(signature, value)
    _read_seal(signature, value)
    _read_value(signature)
    return signature


def _kids(node: Any) -> list[Any]:
    return [kid for kid in items(look(node, "/Kids")) if isinstance(kid, generic.DictionaryObject)]


def has_area(node: Any) -> bool:
    """Does the ``Rect`` of an annotation cover an area?"""
    corners = look(node, "/Rect")
    if not isinstance(corners, generic.ArrayObject) or len(corners) != 4:
        return False
    left, bottom, right, top = (float(corner) for corner in items(corners))
    return left != right and bottom != top


def _octets(value: Any) -> bytes:
    """The octets of a string object, however it was written."""
    return bytes(value.original_bytes) if isinstance(value, generic.TextStringObject) else b""


def _revision(reader: PdfFileReader, reference: Any) -> int:
    if isinstance(reference, generic.IndirectObject):
        return int(reader.xrefs.get_last_change(reference.reference))
    return int(reader.xrefs.total_revisions) - 1


def _measure(opened: OpenedPDF, signature: PDFSignature) -> None:
    """覆盖范围: everything from the first octet on, the value alone left out, up to the end of a revision?"""
    data, numbers = opened.data, signature.byte_range
    template = N_("签名“{field}”的覆盖范围（ByteRange）不正确。")
    if len(numbers) != 4 or numbers[0] != 0 or min(numbers) < 0 or numbers[2] + numbers[3] > len(data):
        signature.faults.append(_fault("pdf.byte_range", template, field=signature.id))
        return
    start, stop, signature.end = numbers[1], numbers[2], numbers[2] + numbers[3]
    gap = data[start:stop]
    hexed = gap[1:-1]
    whole = gap[:1] == b"<" and gap[-1:] == b">" and len(hexed) % 2 == 0 and _HEX.fullmatch(hexed) is not None
    if not whole or bytes.fromhex(hexed.decode()) != signature.contents:
        signature.faults.append(_fault("pdf.byte_range", template, field=signature.id))
        signature.end = 0
        return
    signature.whole_revision = _ends_revision(opened, signature)


def _ends_revision(opened: OpenedPDF, signature: PDFSignature) -> bool:
    """Is the end of what is signed the end of the revision that brought the signature?"""
    xrefs, tail = opened.reader.xrefs, _END.search(opened.data[max(0, signature.end - 64) : signature.end])
    if tail is None or int(tail.group(1)) != xrefs.get_startxref_for_revision(signature.revision):
        return False
    inside = all(
        xrefs.get_xref_container_info(number).end_location <= signature.end
        for number in range(signature.revision + 1)
    )
    last = signature.revision < opened.revisions - 1 or signature.end == len(opened.data)
    return inside and last and _holds_its_objects(opened, signature)


def _holds_its_objects(opened: OpenedPDF, signature: PDFSignature) -> bool:
    """Does every object that is signed begin among the octets signed? One that points behind them is yet to come."""
    xrefs = opened.reader.xrefs
    for number in range(signature.revision + 1):
        for reference in xrefs.explicit_refs_in_revision(number):
            place = xrefs.get_historical_ref(reference, number)
            if isinstance(place, int) and place >= signature.end:
                return False
    return True


def _unpad(signature: PDFSignature) -> None:
    """Cut off the zeros behind the value; anything else there is no padding."""
    octets, length = signature.contents, der_length(signature.contents)
    if length is None or length > len(octets) or octets[length:].strip(b"\0"):
        template = N_("签名“{field}”的签名值之后夹带了其他内容。")
        signature.faults.append(_fault("pdf.contents_padding", template, field=signature.id))
        return
    signature.contents = octets[:length]


def der_length(data: bytes) -> int | None:
    """Octets of the first DER element, ``None`` where there is none."""
    if len(data) < 2:
        return None
    first = data[1]
    if first < 0x80:
        return 2 + first
    size = first & 0x7F
    if not 1 <= size <= 4 or len(data) < 2 + size:
        return None
    return 2 + size + int.from_bytes(data[2 : 2 + size], "big")


def _read_permissions(signature: PDFSignature, value: Any) -> None:
    """What the signature says may still be changed (ISO 32000-1, 12.8.2)."""
    from pyhanko.sign.fields import FieldMDPSpec

    references = look(value, "/Reference")
    for one in items(references):
        method, params = look(one, "/TransformMethod"), look(one, "/TransformParams")
        if method == "/DocMDP":
            level = look(params, "/P", 2) if isinstance(params, generic.DictionaryObject) else 2
            signature.certifies = int(level) if isinstance(level, int) else 1
        elif method == "/FieldMDP" and isinstance(params, generic.DictionaryObject):
            signature.locks = FieldMDPSpec.from_pdf_object(params)


def _read_seal(signature: PDFSignature, value: Any) -> None:
    """印章 and disclosure root that the signature dictionary carries."""
    stated, root = look(value, f"/{SEAL_KEY}"), look(value, f"/{DISCLOSURE_KEY}")
    if root is not None:
        signature.disclosure = _string(root)
    if stated is None:
        return
    try:
        signature.seal = ses.parse_seal(_string(stated))
    except Malformed as error:
        template = N_("签名“{field}”所带的印章无法解析：{detail}")
        signature.faults.append(_fault(error.code, template, field=signature.id, detail=error))


def _string(value: Any) -> bytes:
    return bytes(value) if isinstance(value, generic.ByteStringObject) else _octets(value)


def _read_value(signature: PDFSignature) -> None:
    """签名值: told apart by what it is, not by the name the dictionary gives it."""
    if signature.sub_filter == DOCUMENT_TIMESTAMP or not signature.contents:
        if not signature.contents:
            template = N_("签名“{field}”没有签名值。")
            signature.faults.append(_fault("signature.value_missing", template, field=signature.id))
        return
    try:
        if signature.sub_filter in CMS_SUBFILTERS:
            signature.cms = cms.parse_signed_data(signature.contents)
        else:
            signature.ses = ses.parse_signature(signature.contents)
            signature.seal = signature.ses.seal
    except Malformed as error:
        template = N_("签名值无法解析：{detail}")
        signature.faults.append(_fault(error.code, template, detail=error))


# ---------------------------------------------------------------- embedded files and the message


def _read_files(opened: OpenedPDF) -> None:
    """Every embedded file under the name tree and in the associated files, by its name."""
    seen: set[Any] = set()
    for number, spec in enumerate(_file_specs(opened.reader)):
        if number >= MAX_FILES:
            raise ValueError("embedded files")
        name = str(look(spec, "/UF") or look(spec, "/F", ""))
        streams = look(spec, "/EF")
        if not isinstance(streams, generic.DictionaryObject):
            continue
        raw = streams.raw_get("/UF") if "/UF" in streams else streams.raw_get("/F") if "/F" in streams else None
        key = (name, raw.idnum) if isinstance(raw, generic.IndirectObject) else None
        if key in seen and key is not None:
            continue
        seen.add(key)
        stream = raw.get_object() if isinstance(raw, generic.IndirectObject) else raw
        if isinstance(stream, generic.StreamObject):
            if len(stream.encoded_data) > MAX_FILE:
                raise ValueError("embedded file")
            opened.files.setdefault(name, []).append(stream.data)


def _file_specs(reader: PdfFileReader) -> Iterator[Any]:
    root = reader.root
    names = look(root, "/Names")
    tree = look(names, "/EmbeddedFiles") if isinstance(names, generic.DictionaryObject) else None
    pending, steps = ([tree] if isinstance(tree, generic.DictionaryObject) else []), 0
    while pending:
        node = pending.pop()
        steps += 1
        if steps > 256:
            raise ValueError("name tree")
        listed = look(node, "/Names")
        for index in range(1, len(listed), 2) if isinstance(listed, generic.ArrayObject) else ():
            if isinstance(listed[index], generic.DictionaryObject):
                yield listed[index]
        kids = look(node, "/Kids")
        pending += [kids[n] for n in range(len(kids))] if isinstance(kids, generic.ArrayObject) else []
    yield from (one for one in items(look(root, "/AF")) if isinstance(one, generic.DictionaryObject))


def _read_message(opened: OpenedPDF) -> None:
    """数据电文: exactly one file of its name, or none of ours."""
    found, digests = opened.files.get(MESSAGE_FILE, []), opened.files.get(DIGESTS_FILE, [])
    if len(found) > 1 or len(digests) > 1:
        opened.faults.append(_fault("pdf.message_twice", N_("PDF 中有多份证照数据电文，无法判断以哪份为准。")))
        return
    opened.digests = digests[0] if digests else None
    if not found:
        return
    try:
        opened.message = parse_message(found[0])
    except Malformed as error:
        opened.faults.append(_fault(error.code, N_("证照数据电文无法读取：{detail}"), detail=error))


def _read_copy(opened: OpenedPDF) -> None:
    """副本条款: exactly one file of its name, or none."""
    found = opened.files.get(COPY_FILE, [])
    if len(found) > 1:
        opened.faults.append(_fault("pdf.copy_twice", N_("PDF 中有多份副本条款，无法判断以哪份为准。")))
    elif found:
        try:
            opened.copy = parse_terms(found[0])
        except Malformed as error:
            opened.faults.append(_fault(error.code, N_("副本条款无法读取：{detail}"), detail=error))


# ---------------------------------------------------------------- 长期验证材料


def _security_store(resolver: HistoricalResolver) -> SecurityStore:
    store = look(resolver.root, "/DSS")
    if not isinstance(store, generic.DictionaryObject):
        return SecurityStore()

    def streams(key: str) -> tuple[bytes, ...]:
        listed = look(store, key)
        if not isinstance(listed, generic.ArrayObject):
            return ()
        if len(listed) > 512:
            raise ValueError("DSS")
        return tuple(one.data for one in items(listed) if isinstance(one, generic.StreamObject))

    return SecurityStore(streams("/Certs"), streams("/CRLs"), streams("/OCSPs"))
