"""PDFs of others: plain ones through pikepdf, signed ones through stock pyHanko."""

from __future__ import annotations

import io
from datetime import timedelta
from functools import cache

import pikepdf
from asn1crypto import x509 as asn1_x509
from asn1crypto.keys import PrivateKeyInfo
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko_certvalidator.registry import SimpleCertificateStore

from tests.seal.conftest import NOW

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def plain(pages: int = 1, *, rotate: int = 0, modern: bool = False, size: tuple[int, int] = (595, 842)) -> bytes:
    """A PDF with words on it; ``modern`` has object streams and cross-reference streams."""
    pdf = pikepdf.Pdf.new()
    font = pdf.make_indirect(
        pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    )
    for number in range(1, pages + 1):
        page = pdf.add_blank_page(page_size=size)
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
        page.Contents = pdf.make_stream(b"BT /F 24 Tf 72 700 Td (Application %d, signature here) Tj ET" % number)
        if rotate:
            page.Rotate = rotate
    out = io.BytesIO()
    mode = pikepdf.ObjectStreamMode.generate if modern else pikepdf.ObjectStreamMode.disable
    pdf.save(out, object_stream_mode=mode)
    return out.getvalue()


@cache
def classical(kind: str = "p256") -> tuple[x509.Certificate, Key]:
    """A self-signed certificate and its key."""
    key: Key = ec.generate_private_key(ec.SECP256R1()) if kind == "p256" else rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"TEST viewers {kind}")])
    usage = x509.KeyUsage(*([True, True] + [False] * 7))
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=900)).add_extension(usage, critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    return certificate, key


def certified_by_stock(data: bytes, level: int | None) -> bytes:
    """``data`` signed by stock pyHanko with P-256, certifying at P=``level`` where one is given."""
    certificate, key = classical()
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = signers.SimpleSigner(
        asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER)),
        PrivateKeyInfo.load(der), SimpleCertificateStore(),
    )
    meta = signers.PdfSignatureMetadata(
        field_name="Stock", certify=level is not None, md_algorithm="sha256",
        docmdp_permissions=fields.MDPPerm(level or 2), subfilter=fields.SigSeedSubFilter.PADES,
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    return signers.sign_pdf(writer, meta, signer).getvalue()
