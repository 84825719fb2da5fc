"""别处的签名: PDFs signed by stock pyHanko with RSA or ECDSA, under an authority of elsewhere."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from asn1crypto import x509 as asn1_x509
from asn1crypto.keys import PrivateKeyInfo
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from tests.seal.pdf import foreign
from tests.verify.world import NOW
from trust.anchors import Purpose, TrustAnchor
from trust.certificates import load_certificate
from trust.revocation import CertificateList, load_crl

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Person:
    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def asn1(self) -> asn1_x509.Certificate:
        return asn1_x509.Certificate.load(self.der)

    @property
    def private(self) -> PrivateKeyInfo:
        return PrivateKeyInfo.load(self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


@lru_cache(maxsize=8)
def _key(kind: str, _who: str) -> Key:
    return ec.generate_private_key(ec.SECP256R1()) if kind == "p256" else rsa.generate_private_key(65537, 2048)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@lru_cache(maxsize=32)
def person(who: str = "signer", kind: str = "rsa", begin: int = -30, end: int = 300) -> Person:
    """``root``, ``stranger-root``, ``signer``, ``stranger``, ``tsa``; ``begin`` and ``end`` in days from the tests' now."""
    key = _key(kind, who)
    issuer = None if who.endswith("root") else person("stranger-root" if who == "stranger" else "root")
    name = _name(f"TEST elsewhere {who}")
    bits = [False] * 9
    for place in (5, 6) if issuer is None else (0, 1):
        bits[place] = True
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key()).serial_number(abs(hash((who, kind, begin, end))) % (1 << 60) + 1)
        .not_valid_before(NOW + begin * DAY).not_valid_after(NOW + (3000 if issuer is None else end) * DAY)
        .add_extension(x509.BasicConstraints(issuer is None, None), critical=True)
        .add_extension(x509.KeyUsage(*bits), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )  # fmt: skip
    if issuer is not None:
        above = issuer.key.public_key()
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above), critical=False)
    if who == "tsa":
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    signing = issuer.key if issuer else key
    return Person(builder.sign(signing, hashes.SHA256()), key)


def signed(
    *, who: str = "signer", kind: str = "rsa", begin: int = -30, end: int = 300, stamped: bool = False,
    stamp: int = 0, certify: int = 0, pss: bool = False, form: str = "PADES", page: bytes | None = None,
) -> bytes:  # fmt: skip
    """A plain PDF signed by stock pyHanko; ``stamp`` is the time of the stamp in hours from now."""
    one = person(who, kind, begin, end)
    store = SimpleCertificateStore()
    store.register(person("root").asn1)
    signer = signers.SimpleSigner(one.asn1, one.private, store, prefer_pss=pss)
    tsa = person("tsa")
    stamper = DummyTimeStamper(tsa.asn1, tsa.private, store, fixed_dt=NOW + timedelta(hours=stamp)) if stamped else None
    meta = signers.PdfSignatureMetadata(
        field_name="Signature1", md_algorithm="sha256", subfilter=fields.SigSeedSubFilter[form],
        certify=bool(certify), docmdp_permissions=fields.MDPPerm(certify or 2),
    )  # fmt: skip
    writer = IncrementalPdfFileWriter(io.BytesIO(page or foreign.plain()))
    return signers.sign_pdf(writer, meta, signer, timestamper=stamper).getvalue()


def anchors(*purposes: str) -> tuple[TrustAnchor, ...]:
    """The root of elsewhere, believed for ``purposes``."""
    return (TrustAnchor(load_certificate(person("root").der), frozenset(map(Purpose, purposes))),)


def crl(*revoked: tuple[Person, datetime], issued: int = -1, until: int = 5) -> CertificateList:
    """The root's list; ``issued`` and ``until`` in days from now."""
    root = person("root")
    builder = (
        x509.CertificateRevocationListBuilder().issuer_name(root.certificate.subject)
        .last_update(NOW + issued * DAY).next_update(NOW + until * DAY)
        .add_extension(x509.CRLNumber(1), critical=False)
    )  # fmt: skip
    for one, at in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number).revocation_date(at).build()
        builder = builder.add_revoked_certificate(entry)
    return load_crl(builder.sign(root.key, hashes.SHA256()).public_bytes(Encoding.DER))
