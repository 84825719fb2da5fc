"""Sealed PDFs beside stock pyHanko with ECDSA P-256, in the same rounds on one core, in memory.

Both begin with the same drawn licence and show the same seal picture. ``pyhanko_p256`` is pyHanko as it comes: PAdES
B-B, SHA-256, certifying. ``seal_pdf`` is ours at B-B with SM2 over SM3, ``seal_pdf_stamped`` at B-T with our own time
stamp; ``layout_pdf`` is drawing alone, ``seal_pdf_time`` sealing alone, in milliseconds.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import Act, Figure, against, milliseconds, one_core, rates
from bench.workbench import BASE_URL, Workbench, make_workbench
from licence_store.face import draw_pdf
from seal.pdf.document import UnsignedPDF
from seal.sealing import Sealer

if TYPE_CHECKING:
    from bench.__main__ import Effort

NAMES = ("layout_pdf", "seal_pdf_time", "pyhanko_p256", "seal_pdf", "seal_pdf_stamped")


def run(effort: Effort, _folder: Path) -> Iterator[Figure]:
    with one_core():
        bench = make_workbench()
        drawn = [_draw(bench) for _ in range(8)]
        turn = itertools.cycle(drawn)
        bare, place = Sealer(None), [bench.placement]
        yield Figure("layout_pdf", milliseconds(lambda: _draw(bench), times=effort.times), "ms")
        seal: Act = lambda: bare.seal(next(turn), bench.material, place)
        yield Figure("seal_pdf_time", milliseconds(seal, times=effort.times), "ms")
        acts: dict[str, Act] = {
            "pyhanko_p256": _stock(bench, [document.to_bytes() for document in drawn]),
            "seal_pdf": seal,
            "seal_pdf_stamped": lambda: bench.sealer.seal(next(turn), bench.material, place),
        }
        measured = rates(acts, rounds=effort.rounds, seconds=effort.seconds, warm_up=effort.warm_up)
    yield against(measured, "pyhanko_p256", None, "documents/s")
    for name in ("seal_pdf", "seal_pdf_stamped"):
        yield against(measured, name, "pyhanko_p256", "documents/s")


def _draw(bench: Workbench) -> UnsignedPDF:
    message = next(bench.messages)
    return draw_pdf(bench.face, message, f"{BASE_URL}/v/{message.licence_id}")


def _stock(bench: Workbench, files: list[bytes]) -> Act:
    """One more file signed and certified by pyHanko with a P-256 key and the seal's picture."""
    from PIL import Image
    from pyhanko.pdf_utils.images import PdfImage
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers
    from pyhanko.stamp import StaticStampStyle

    signer, turn = _signer(), itertools.cycle(files)
    picture = Image.open(io.BytesIO(bench.impression.picture))
    box = bench.placement
    style = StaticStampStyle(background=PdfImage(picture), background_opacity=1, border_width=0)
    scale = 72 / 25.4
    height = bench.definition.style.height
    corner = (box.x * scale, (height - box.y - 42) * scale)
    area = tuple(map(int, (*corner, corner[0] + 42 * scale, corner[1] + 42 * scale)))
    meta = signers.PdfSignatureMetadata(
        field_name="Seal_1", certify=True, md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES,
        docmdp_permissions=fields.MDPPerm.FILL_FORMS,
    )  # fmt: skip
    stock = signers.PdfSigner(meta, signer, stamp_style=style, new_field_spec=fields.SigFieldSpec("Seal_1", box=area))
    return lambda: stock.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(next(turn))))


def _signer() -> object:
    """A self-signed P-256 certificate with its key, as pyHanko takes them."""
    from asn1crypto import x509 as asn1
    from asn1crypto.keys import PrivateKeyInfo
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import NameOID
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    secret = PrivateKeyInfo.load(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    return SimpleSigner(asn1.Certificate.load(certificate.public_bytes(Encoding.DER)), secret, SimpleCertificateStore())
