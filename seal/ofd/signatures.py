"""签名描述文件: Signatures.xml and Signature.xml (GB/T 33190-2016, clause 18; GM/T 0099-2020).

Read with either OFD namespace and in any order of elements, since makers differ; written in the order of the
schema. What two readers could understand differently, such as a second ``References``, is refused.
"""

from __future__ import annotations

import binascii
import math
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr

from seal.ofd.package import OFD_NAMESPACE, Limits, child, children, local_name, parse_xml, text_of
from trust.algorithms import SM2_WITH_SM3, SM3
from trust.errors import Malformed
from trust.i18n import N_

SIGNATURES_ENTRY = "Doc_0/Signs/Signatures.xml"
PROVIDER_NAME = "LICENCE-TRUST"
PROVIDER_COMPANY = "licence-trust"
PROVIDER_VERSION = "1.0"

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_XMLNS = f'xmlns:ofd="{OFD_NAMESPACE}"'

Box = tuple[float, float, float, float]
"""x, y, width, height in millimetres."""


class Reference(NamedTuple):
    """受保护文件: one file and its digest."""

    file_ref: str
    """As stated: normally absolute, ``/Doc_0/Document.xml``."""
    digest: bytes


@dataclass(frozen=True, slots=True)
class StampAnnot:
    """签名的外观: where on which page the seal picture stands; several for a cross-page seal (骑缝章)."""

    id: str
    page_ref: str
    """The page's ID in Document.xml."""
    boundary: Box
    clip: Box | None = None
    """The part of the picture shown, relative to ``boundary``."""


@dataclass(frozen=True, slots=True)
class ListedSignature:
    """签名节点 of Signatures.xml."""

    id: str
    type: str
    """``Seal`` or ``Sign``."""
    base_loc: str
    """Location of Signature.xml, as stated."""
    relative: str = ""
    """ID of the signature this one builds on (GM/T 0099)."""


@dataclass(frozen=True, slots=True)
class SignatureList:
    """签名列表: Signatures.xml."""

    max_sign_id: str
    signatures: tuple[ListedSignature, ...]


@dataclass(frozen=True, slots=True)
class SignatureXML:
    """签名描述: Signature.xml, as stated and not yet believed."""

    provider: str
    method: str
    """SignatureMethod: an OID, or what the maker wrote."""
    datetime: str
    """SignatureDateTime: informal, the spellings differ; the time that counts is inside the signature."""
    check_method: str
    """CheckMethod as stated, ``""`` where absent (the schema's default is MD5)."""
    references: tuple[Reference, ...]
    stamps: tuple[StampAnnot, ...]
    seal_loc: str
    """Location of Seal.esl, ``""`` where there is none."""
    signed_value_loc: str
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def digest_algorithm(self) -> str:
        """OID of the digest: the word ``SM3`` and its OID are one; anything else as stated."""
        return SM3 if self.check_method.upper() in ("SM3", SM3) else self.check_method


# ---------------------------------------------------------------- reading


def parse_signatures(xml: bytes, limits: Limits | None = None) -> SignatureList:
    """打开签名列表. Raises ``Malformed`` (``format.signatures_xml``, and what ``parse_xml`` raises)."""
    limits = limits or Limits()
    root = parse_xml(xml, limits)
    if local_name(root) != "Signatures":
        raise _bad_list(N_("签名列表文件（Signatures.xml）无效：根元素不是 Signatures。"))
    items = children(root, "Signature")
    if len(items) > limits.max_signatures:
        raise _bad_list(N_("签名列表文件（Signatures.xml）无效：签名多于 {limit} 个。"), limit=limits.max_signatures)
    listed = tuple(_read_listed(item) for item in items)
    ids = [item.id for item in listed if item.id]
    if len(set(ids)) != len(ids):
        raise _bad_list(N_("签名列表文件（Signatures.xml）无效：签名标识重复。"))
    return SignatureList(text_of(child(root, "MaxSignId")), listed)


def _bad_list(template: str, **params: object) -> Malformed:
    return Malformed("format.signatures_xml", template, remedy="", **params)


def _read_listed(item: Any) -> ListedSignature:
    location = item.get("BaseLoc", "").strip()
    if not location:
        raise _bad_list(N_("签名列表文件（Signatures.xml）无效：缺少 BaseLoc。"))
    return ListedSignature(
        item.get("ID", "").strip(), item.get("Type", "Seal").strip(), location, item.get("Relative", "").strip()
    )


def parse_signature(xml: bytes, limits: Limits | None = None) -> SignatureXML:
    """打开签名描述. Raises ``Malformed`` (``format.signature_xml``, and what ``parse_xml`` raises).

    No References at all is read as an empty tuple: judging that is the verifier's task.
    """
    limits = limits or Limits()
    root = parse_xml(xml, limits)
    if local_name(root) != "Signature":
        raise _bad(N_("签名描述文件（Signature.xml）无效：根元素不是 Signature。"))
    info = _only(root, "SignedInfo")
    if info is None:
        raise _bad(N_("签名描述文件（Signature.xml）无效：缺少 SignedInfo。"))
    provider, references = _only(info, "Provider"), _only(info, "References")
    seal = _only(info, "Seal")
    return SignatureXML(
        provider="" if provider is None else provider.get("ProviderName", ""),
        method=text_of(_only(info, "SignatureMethod")),
        datetime=text_of(_only(info, "SignatureDateTime")),
        check_method="" if references is None else references.get("CheckMethod", "").strip(),
        references=_read_references(references, limits),
        stamps=_read_stamps(info, limits),
        seal_loc="" if seal is None else text_of(_only(seal, "BaseLoc")),
        signed_value_loc=text_of(_only(root, "SignedValue")),
        parameters=_read_parameters(_only(info, "Parameters")),
    )


def _bad(template: str, **params: object) -> Malformed:
    return Malformed("format.signature_xml", template, remedy="", **params)


def _only(element: Any, name: str) -> Any | None:
    """The child called ``name``, or None; two of them are refused."""
    found = children(element, name)
    if len(found) > 1:
        raise _bad(N_("签名描述文件（Signature.xml）无效：{name} 出现 {count} 次。"), name=name, count=len(found))
    return found[0] if found else None


def _read_references(element: Any | None, limits: Limits) -> tuple[Reference, ...]:
    items = [] if element is None else children(element, "Reference")
    if len(items) > limits.max_references:
        raise _bad(N_("签名描述文件（Signature.xml）无效：受保护文件多于 {limit} 个。"), limit=limits.max_references)
    return tuple(_read_reference(item) for item in items)


def _read_reference(item: Any) -> Reference:
    location = item.get("FileRef", "").strip()
    value = "".join(text_of(_only(item, "CheckValue")).split())
    try:
        digest = binascii.a2b_base64(value, strict_mode=True)
    except (binascii.Error, ValueError):
        raise _bad(
            N_("签名描述文件（Signature.xml）无效：{location} 的 CheckValue 不是 Base64。"), location=location[:160]
        ) from None
    if not location or not digest:
        raise _bad(N_("签名描述文件（Signature.xml）无效：Reference 缺少 FileRef 或 CheckValue。"))
    return Reference(location, digest)


def _read_stamps(info: Any, limits: Limits) -> tuple[StampAnnot, ...]:
    items = children(info, "StampAnnot")
    if len(items) > limits.max_stamps:
        raise _bad(N_("签名描述文件（Signature.xml）无效：签章外观多于 {limit} 个。"), limit=limits.max_stamps)
    return tuple(_read_stamp(item) for item in items)


def _read_stamp(item: Any) -> StampAnnot:
    boundary = _read_box(item.get("Boundary", ""))
    if boundary is None:
        raise _bad(N_("签名描述文件（Signature.xml）无效：StampAnnot 缺少 Boundary。"))
    return StampAnnot(
        item.get("ID", "").strip(), item.get("PageRef", "").strip(), boundary, _read_box(item.get("Clip", ""))
    )


def _read_box(text: str) -> Box | None:
    """ST_Box: four numbers; ``None`` for nothing."""
    if not text.strip():
        return None
    try:
        numbers = [float(part) for part in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise _bad(N_("签名描述文件（Signature.xml）无效：坐标无效：{text}。"), text=text[:64])
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _read_parameters(element: Any | None) -> tuple[tuple[str, str], ...]:
    items = [] if element is None else children(element, "Parameter")
    return tuple((item.get("Name", ""), text_of(item)) for item in items)


# ---------------------------------------------------------------- writing


@lru_cache(maxsize=4096)
def _reference_start(file_ref: str) -> str:
    return f"<ofd:Reference FileRef={quoteattr(file_ref)}><ofd:CheckValue>"


def build_signature_xml(
    references: Iterable[tuple[str, bytes]],
    stamps: Iterable[StampAnnot],
    *,
    signed_at: datetime,
    signed_value_loc: str,
    seal_loc: str = "",
) -> bytes:
    """签名描述 (Signature.xml) in schema order, digests SM3, signature SM2 with SM3.

    ``references`` are ``(absolute FileRef, SM3 digest)``, locations are absolute; ``signed_at`` is aware.
    """
    lines = "".join(
        [
            f"{_reference_start(file_ref)}{b64encode(digest).decode()}</ofd:CheckValue></ofd:Reference>"
            for file_ref, digest in references
        ]
    )
    seal = f"<ofd:Seal><ofd:BaseLoc>{_text(seal_loc)}</ofd:BaseLoc></ofd:Seal>" if seal_loc else ""
    return (
        f"{_HEAD}<ofd:Signature {_XMLNS}><ofd:SignedInfo>"
        f'<ofd:Provider ProviderName="{PROVIDER_NAME}" Version="{PROVIDER_VERSION}" Company="{PROVIDER_COMPANY}"/>'
        f"<ofd:SignatureMethod>{SM2_WITH_SM3}</ofd:SignatureMethod>"
        f"<ofd:SignatureDateTime>{signed_at.astimezone(UTC):%Y%m%d%H%M%SZ}</ofd:SignatureDateTime>"
        f'<ofd:References CheckMethod="{SM3}">{lines}</ofd:References>'
        f"{''.join(map(_stamp, stamps))}{seal}</ofd:SignedInfo>"
        f"<ofd:SignedValue>{_text(signed_value_loc)}</ofd:SignedValue></ofd:Signature>"
    ).encode()


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _stamp(stamp: StampAnnot) -> str:
    clip = f' Clip="{_box(stamp.clip)}"' if stamp.clip else ""
    return (
        f"<ofd:StampAnnot ID={quoteattr(stamp.id)} PageRef={quoteattr(stamp.page_ref)} "
        f'Boundary="{_box(stamp.boundary)}"{clip}/>'
    )


def _box(box: Box) -> str:
    return " ".join(f"{number:.3f}".rstrip("0").rstrip(".") for number in box)


def build_signatures_xml(signatures: Iterable[ListedSignature], max_sign_id: str) -> bytes:
    """签名列表 (Signatures.xml) in schema order."""
    lines = "".join(
        f"<ofd:Signature ID={quoteattr(s.id)} Type={quoteattr(s.type)} BaseLoc={quoteattr(s.base_loc)}"
        f"{f' Relative={quoteattr(s.relative)}' if s.relative else ''}/>"
        for s in signatures
    )
    root = f"<ofd:Signatures {_XMLNS}><ofd:MaxSignId>{_text(max_sign_id)}</ofd:MaxSignId>{lines}</ofd:Signatures>"
    return (_HEAD + root).encode()
