"""制章: making an electronic seal (GB/T 38540-2020, clause 6.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from keys.signer import Signer, Timestamper
from seal import ses
from seal.checking import check_maker_signature, check_seal_form
from seal.kinds import KIND_OID, PURPOSE_OID, UNIT_SEAL, find_kind, stated_text
from seal.kinds import PERSONAL_SEAL as PERSONAL_SEAL  # noqa: PLC0414 - given on
from trust.algorithms import sm3
from trust.certificates import Certificate
from trust.errors import Malformed, Refused
from trust.i18n import N_

DIGEST_KIND = "SM3"
"""CertDigestObj.type as we write it."""


class Picture(Protocol):
    """印模: what ``seal.impression`` draws."""

    @property
    def picture(self) -> bytes:
        """PNG."""

    @property
    def width_mm(self) -> float: ...

    @property
    def height_mm(self) -> float: ...


@dataclass(frozen=True, slots=True)
class SealApplication:
    """制章申请: what an approved application for a seal states."""

    seal_id: str
    """esID: the seal's code, ASCII."""
    name: str
    """印章名称, normally the unit's full name and what the seal is for."""
    signers: tuple[Certificate, ...]
    """Who may use it; a renewed certificate needs a new seal."""
    valid_from: datetime
    valid_to: datetime
    type: int = UNIT_SEAL
    list_digests: bool = False
    """List digests of the certificates (certListType 2) instead of the certificates."""
    extensions: tuple[ses.Extension, ...] = ()
    kind: str = ""
    """A code of ``seal.kinds.KINDS``, stated in the seal; ``""``: not stated."""
    purpose: str = ""
    """What the seal is for, in words; ``""``: not stated."""
    version: int = ses.V4
    """``ses.V5``: GM/T 0031-2025, an experiment."""


def make_seal(
    application: SealApplication,
    maker: Signer,
    impression: Picture,
    *,
    moment: datetime,
    timestamper: Timestamper | None = None,
) -> bytes:
    """制章: the DER of a seal made at ``moment`` (aware) and signed by ``maker``.

    With ``timestamper`` a V5 seal carries a time stamp over the maker's signature value; V4 has no place for one.
    Raises ``Malformed`` (``seal.application``, ``seal.kind``: what cannot stand in a seal) and
    ``Refused("seal.maker_not_valid")`` outside the maker certificate's validity.
    """
    _check_application(application)
    certificate = maker.certificate
    if not certificate.not_before <= moment <= certificate.not_after:
        raise Refused("seal.maker_not_valid", "制章人证书“{subject}”不在有效期内。", subject=certificate.common_name)
    info = _build_info(application, impression, moment)
    signature = maker.sign(info)
    stamped = timestamper.stamp(signature) if timestamper is not None and application.version == ses.V5 else None
    made = ses.build_seal(info, certificate.der, signature, stamped)
    seal = ses.parse_seal(made)
    check_seal_form(seal)
    check_maker_signature(seal)
    return made


def _build_info(application: SealApplication, impression: Picture, moment: datetime) -> bytes:
    ders = tuple(signer.der for signer in application.signers)
    return ses.build_seal_info(
        seal_id=application.seal_id,
        name=application.name,
        type=application.type,
        certificates=() if application.list_digests else ders,
        certificate_digests=tuple((DIGEST_KIND, sm3(der)) for der in ders) if application.list_digests else (),
        created=moment,
        valid_from=application.valid_from,
        valid_to=application.valid_to,
        picture=impression.picture,
        width=round(impression.width_mm),
        height=round(impression.height_mm),
        extensions=(*_stated(application), *application.extensions),
        version=application.version,
    )


def _stated(application: SealApplication) -> list[ses.Extension]:
    pairs = ((KIND_OID, application.kind), (PURPOSE_OID, application.purpose))
    return [ses.Extension(oid, False, stated_text(text)) for oid, text in pairs if text]


def _check_application(application: SealApplication) -> None:
    identifier = application.seal_id
    if not (identifier.isascii() and identifier.isprintable() and 0 < len(identifier) <= 64):
        raise _wrong(N_("制章申请有误：印章编码应为 1 至 64 个可见 ASCII 字符。"))
    if not 0 < len(application.name) <= 128 or not application.name.isprintable():
        raise _wrong(N_("制章申请有误：印章名称应为 1 至 128 个字符。"))
    if not application.signers:
        raise _wrong(N_("制章申请有误：至少应登记一名签章人。"))
    if application.kind:
        find_kind(application.kind)
    if len(application.purpose) > 128 or not application.purpose.isprintable():
        raise _wrong(N_("制章申请有误：印章用途应为 1 至 128 个字符。"))
    if application.version not in (ses.V4, ses.V5):
        raise _wrong(N_("制章申请有误：只能制作 GB/T 38540（4）或 GM/T 0031-2025（5）格式的印章。"))
    if application.valid_from >= application.valid_to:
        raise _wrong(N_("制章申请有误：有效期的起始应早于截止。"))


def _wrong(template: str) -> Malformed:
    return Malformed("seal.application", template)
