"""印章种类: which seals there are, their shapes and the sizes the rules give them.

Sizes after 国发〔1999〕25号 (official seals 42 to 60 mm by rank, of offices, enterprises and special purposes at
most 45 mm; special seals must differ from the official one in name and look) and, for the invoice seal, the tax
administration's notice 2011 No. 7 (an ellipse of 40 × 30 mm). What kind a seal is and what it is for we state in
two extensions of the seal that no reader need understand; GB/T 38540 leaves ``property.type`` to business.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from trust.der import read_tlv, tlv
from trust.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seal.ses import SESeal

KIND_OID = "2.25.313687549773444592365136691756738530755.1"
"""Seal extension, never critical: the kind, UTF8String of ``KINDS``."""
PURPOSE_OID = "2.25.313687549773444592365136691756738530755.2"
"""Seal extension, never critical: what the seal is for in its maker's words, UTF8String."""

UNIT_SEAL = 1
"""单位印章: the value GM/T 0031-2014 gives ``property.type``."""
PERSONAL_SEAL = 2
"""个人印章."""


@dataclass(frozen=True, slots=True)
class SealKind:
    """印章种类."""

    code: str
    title: str
    title_en: str
    shape: str
    """``round``, ``ellipse``, ``square`` or ``rectangle``."""
    sizes: tuple[tuple[int, int], ...]
    """Width and height in millimetres, the usual one first."""
    centre_text: str = ""
    """What stands below the star, unless the application says otherwise."""
    type: int = UNIT_SEAL
    """``property.type``."""

    def check_size(self, width_mm: float, height_mm: float) -> None:
        """Raises ``Malformed("impression.size")`` for a size the rules do not give this kind."""
        if (width_mm, height_mm) not in self.sizes:
            raise Malformed(
                "impression.size",
                "{kind}的尺寸应为 {expected} 毫米之一，实为 {width}×{height} 毫米。",
                kind=self.title,
                expected="、".join(f"{w}×{h}" for w, h in self.sizes),
                width=f"{width_mm:g}",
                height=f"{height_mm:g}",
            )


def _round(*diameters: int) -> tuple[tuple[int, int], ...]:
    return tuple((d, d) for d in diameters)


KINDS: Mapping[str, SealKind] = MappingProxyType(
    {
        kind.code: kind
        for kind in (
            SealKind("official", "公章", "official seal", "round", _round(42, 45, 50, 60, 40, 38)),
            SealKind("department", "内设机构章", "departmental seal", "round", _round(42, 40, 38, 45)),
            SealKind("contract", "合同专用章", "contract seal", "round", _round(40, 38, 42, 45), "合同专用章"),
            SealKind("finance", "财务专用章", "finance seal", "round", _round(38, 40, 42, 45), "财务专用章"),
            SealKind("special", "业务专用章", "special-purpose seal", "round", _round(40, 38, 42, 45), "业务专用章"),
            SealKind("invoice", "发票专用章", "invoice seal", "ellipse", ((40, 30),), "发票专用章"),
            SealKind("ellipse", "椭圆专用章", "oval special-purpose seal", "ellipse", ((45, 30), (40, 30)), "专用章"),
            SealKind("bar", "条形章", "bar stamp", "rectangle", ((45, 16), (60, 20), (50, 15))),
            SealKind("copy", "证照副本专用章", "copy seal", "ellipse", ((45, 30), (40, 30)), "证照副本专用章"),
            SealKind("name", "名章", "name seal", "square", _round(20, 18, 16, 22, 25), type=PERSONAL_SEAL),
        )
    }
)
"""Every kind by its code, in the order in which people should be offered them."""


def find_kind(code: str) -> SealKind:
    """The kind called ``code``. Raises ``Malformed("seal.kind")``."""
    kind = KINDS.get(code)
    if kind is None:
        raise Malformed("seal.kind", "没有印章种类“{kind}”；可选：{known}。", kind=code[:40], known="、".join(KINDS))
    return kind


def stated_text(text: str) -> bytes:
    """The octets of one of our extensions: a UTF8String."""
    return tlv(0x0C, text.encode())


def kind_of(seal: SESeal) -> str:
    """The kind the seal states, ``""`` where it states none or one we do not know."""
    stated = _stated(seal, KIND_OID)
    return stated if stated in KINDS else ""


def purpose_of(seal: SESeal) -> str:
    """What the seal says it is for, ``""`` where it does not."""
    return _stated(seal, PURPOSE_OID)


def _stated(seal: SESeal, oid: str) -> str:
    for extension in seal.extensions:
        if extension.oid == oid:
            try:
                tag, body, end = read_tlv(extension.value)
                text = body.decode() if tag == 0x0C and end == len(extension.value) else ""
            except ValueError:
                return ""
            return text[:256] if text.isprintable() else ""
    return ""
