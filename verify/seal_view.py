"""签章信息查看: what anyone may see of a seal and its certificates (R073). Shown is not believed.

    view_seal(parse_seal(der)).to_json()

Whether a seal may be believed is said by ``verify.verifier``.
"""

from __future__ import annotations

from seal.kinds import kind_of, purpose_of
from seal.ses import SESeal
from trust.certificates import Certificate, load_certificate
from trust.errors import Malformed
from verify.report import CertificateInfo, SealInfo


def view_certificate(certificate: Certificate) -> CertificateInfo:
    """证书信息: basics, validity, authority, purpose."""
    usages = (certificate.key_usage or frozenset(), certificate.extended_key_usage or ())
    return CertificateInfo(
        certificate.subject,
        certificate.common_name,
        certificate.issuer,
        f"{certificate.serial:x}",
        certificate.not_before,
        certificate.not_after,
        tuple(usage for some in usages for usage in sorted(some)),
        certificate.digest.hex(),
        certificate.der,
    )


def view_seal(seal: SESeal) -> SealInfo:
    """印章信息: name, validity, maker, kind, purpose, picture, who may use it."""
    maker = _readable(seal.maker_certificate)
    listed = [_readable(der) for der in seal.certificates]
    names = [certificate.common_name if certificate else "?" for certificate in listed]
    return SealInfo(
        seal.seal_id,
        seal.name,
        seal.valid_from,
        seal.valid_to,
        maker.common_name if maker else "",
        seal.picture,
        seal.picture_type,
        structure=seal.structure,
        kind=kind_of(seal),
        purpose=purpose_of(seal),
        type=seal.type,
        vendor=seal.vendor_id,
        created=seal.created,
        width_mm=seal.width,
        height_mm=seal.height,
        maker_certificate=view_certificate(maker) if maker else None,
        listed=(*names, *(value.hex() for _kind, value in seal.certificate_digests)),
    )


def _readable(der: bytes) -> Certificate | None:
    try:
        return load_certificate(der)
    except Malformed:
        return None
