"""A small authority, a seal and an unsigned document, all in memory."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from struct import pack
from typing import Any

import pytest

from keys.authority import SEAL_MAKER, SIGNER, CertificateAuthority, Profile, self_signed_root
from keys.software import SoftwareSigner, generate_key
from seal.making import SealApplication, make_seal
from seal.message import (
    DIGESTS_ENTRY,
    MESSAGE_ENTRY,
    METADATA_KEYS,
    DataMessage,
    FaceValue,
    RequiredSeal,
    disclosure_entry,
)
from seal.ofd.package import Entry
from seal.ofd.unsigned import PageBox, UnsignedOFD
from seal.sealing import SealingMaterial
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.certificates import Certificate
from trust.revocation import load_crl

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"


def sample(name: str) -> bytes:
    """A file made by others; skips the test, saying so, where the samples are not at hand."""
    path = SAMPLES / name
    if not path.is_file():
        pytest.skip(f"sample file {name} is not at hand")
    return path.read_bytes()


def tiny_png() -> bytes:
    """A valid 1×1 PNG."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))

    header = pack(">2I5B", 1, 1, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@dataclass(frozen=True)
class Drawn:
    """An impression of the shape seal.making asks for."""

    picture: bytes = field(default_factory=tiny_png)
    width_mm: float = 42.0
    height_mm: float = 42.0


class Office:
    """Root CA, seal maker and one department."""

    def __init__(self) -> None:
        root_key = generate_key()
        start, end = NOW - timedelta(days=365), NOW + timedelta(days=3650)
        self.root = self_signed_root({"country_name": "CN", "common_name": "TEST root"}, root_key, start, end)
        self.authority = CertificateAuthority(SoftwareSigner(self.root, root_key))
        self.maker = self.person("TEST maker", SEAL_MAKER)
        self.signer = self.person("TEST department", SIGNER)

    def person(self, name: str, profile: Profile = SIGNER, days: int = 730) -> SoftwareSigner:
        key = generate_key()
        certificate = self.authority.issue(
            {"country_name": "CN", "common_name": name},
            key.public_key,
            profile,
            NOW - timedelta(days=30),
            NOW + timedelta(days=days),
        )
        return SoftwareSigner(certificate, key)

    def store(self, *revoked: tuple[Certificate, datetime]) -> TrustStore:
        entries = [(certificate.serial, time, "key_compromise") for certificate, time in revoked]
        crl = self.authority.crl(entries, NOW - timedelta(hours=1), NOW + timedelta(days=30), 1)
        anchor = TrustAnchor(self.root, frozenset(Purpose))
        return TrustStore(anchors=(anchor,), crls=(load_crl(crl),))

    def application(self, **changes: Any) -> SealApplication:
        values: dict[str, Any] = {
            "seal_id": "99000000000001",
            "name": "演示省教育厅电子印章",
            "signers": (self.signer.certificate,),
            "valid_from": NOW - timedelta(days=10),
            "valid_to": NOW + timedelta(days=700),
        }
        return SealApplication(**(values | changes))

    def seal(self, **changes: Any) -> bytes:
        return make_seal(self.application(**changes), self.maker, Drawn(), moment=NOW - timedelta(days=10))


@pytest.fixture(scope="session")
def office() -> Office:
    return Office()


@pytest.fixture(scope="session")
def material(office: Office) -> SealingMaterial:
    return SealingMaterial(office.seal(), office.signer)


def make_message(**metadata: str) -> DataMessage:
    values = dict.fromkeys(METADATA_KEYS, "x") | {"demonstration": "true", "valid_to": ""} | metadata
    face = [FaceValue("name", "姓名", "张三"), FaceValue("born", "出生日期", "1990-01-31", "date")]
    return DataMessage.create(
        values,
        face,
        [RequiredSeal("99000000000001", "演示省教育厅电子印章")],
        status_list="http://localhost:8000/api/v1/status-lists/1",
        status_index=77,
    )


def make_document(message: DataMessage | None = None) -> UnsignedOFD:
    """Entries of the right names; their XML is of no concern to sealing."""
    message = message or make_message()
    entries = (
        Entry.of("OFD.xml", b"<OFD/>"),
        Entry.of("Doc_0/Document.xml", b"<Document/>"),
        Entry.of("Doc_0/Pages/Page_0/Content.xml", b"<Page/>"),
        Entry.of(MESSAGE_ENTRY, message.to_bytes()),
        Entry.of(DIGESTS_ENTRY, disclosure_entry(message)),
    )
    return UnsignedOFD(entries, (PageBox(1, 210, 297),), message)
