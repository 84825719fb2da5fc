"""Long-term material: evidence is added once, document time stamps cover everything before them."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader

from keys.authority import TSA
from keys.timestamping import TimeStampAuthority
from seal.pdf.archive import (
    Evidence,
    add_evidence,
    certificates_of,
    document_stamps,
    last_stamp_ends,
    stamp_document,
)
from seal.pdf.sealable import open_pdf_for_sealing
from seal.sealing import PDFChoices, Placement, Sealer, SealingMaterial
from tests.seal.conftest import NOW, Office
from tests.seal.pdf.conftest import TYPES, drawn, opened
from tests.seal.pdf.foreign import plain
from tests.seal.pdf.test_sealable import coverage, lawful_changes
from trust.timestamp import check_timestamp

PLACE = [Placement(1, 20, 100)]


@pytest.fixture(scope="module")
def stamping(office: Office) -> TimeStampAuthority:
    return TimeStampAuthority(office.person("TEST TSA", TSA), clock=lambda: NOW)


@pytest.fixture(scope="module")
def sealed(material: SealingMaterial, stamping: TimeStampAuthority) -> bytes:
    return Sealer(stamping, lambda: NOW).seal(drawn(TYPES["business-licence"]), material, PLACE).data


def evidence(office: Office) -> Evidence:
    [crl] = office.store().crls
    return Evidence((office.root.der,), (crl.der,))


def store_of(data: bytes) -> dict[str, list[bytes]]:
    with opened(data) as pdf:
        return {str(key): [one.read_bytes() for one in value] for key, value in pdf.Root.DSS.items() if str(key) != "/Type"}


def test_evidence_is_added_once(office: Office, sealed: bytes) -> None:
    given = evidence(office)
    longer = add_evidence(sealed, given)
    assert longer.startswith(sealed)
    assert store_of(longer) == {"/Certs": list(given.certificates), "/CRLs": list(given.crls)}
    assert add_evidence(longer, given) == longer
    more = add_evidence(longer, Evidence((office.signer.certificate.der, office.root.der)))
    assert store_of(more)["/Certs"] == [office.root.der, office.signer.certificate.der]
    with opened(more) as pdf:
        assert "/VRI" not in pdf.Root.DSS
        assert pdf.check_pdf_syntax() == []


@pytest.mark.parametrize("modern", [False, True])
def test_a_stamp_covers_everything(
    office: Office, material: SealingMaterial, stamping: TimeStampAuthority, modern: bool
) -> None:
    once = Sealer(stamping, lambda: NOW).seal(open_pdf_for_sealing(plain(modern=modern)), material, PLACE).data
    lasting = stamp_document(add_evidence(once, evidence(office)), stamping)
    assert coverage(lasting) == ["ENTIRE_REVISION", "ENTIRE_FILE"]
    with opened(lasting) as pdf:
        assert pdf.check_pdf_syntax() == []
        value = pdf.Root.AcroForm.Fields[1].V
        assert str(value.SubFilter) == "/ETSI.RFC3161"
        _, first, second, rest = map(int, value.ByteRange)
    [token] = document_stamps(lasting)
    covered = lasting[:first] + lasting[second : second + rest]
    assert check_timestamp(token.der, covered, office.store(), known_at=NOW).time == NOW


def test_what_is_added_is_lawful_under_the_seal(office: Office, sealed: bytes, stamping: TimeStampAuthority) -> None:
    lasting = stamp_document(add_evidence(sealed, evidence(office)), stamping)
    renewed = stamp_document(lasting, stamping)
    assert lawful_changes(renewed)[0] == "LTA_UPDATES"
    reader = PdfFileReader(io.BytesIO(renewed), strict=True)
    assert len(reader.embedded_timestamp_signatures) == 2


def test_every_certificate_is_found(office: Office, sealed: bytes, material: SealingMaterial, stamping: TimeStampAuthority) -> None:
    expected = {office.signer.certificate.digest, office.maker.certificate.digest, stamping.signer.certificate.digest}
    assert {one.digest for one in certificates_of(sealed)} == expected
    other = Sealer(stamping, lambda: NOW).seal(open_pdf_for_sealing(plain()), material, PLACE, PDFChoices(form="GM.sm2seal"))
    assert {one.digest for one in certificates_of(other.data)} == expected


def test_the_end_of_the_last_stamp_is_known(office: Office, sealed: bytes, stamping: TimeStampAuthority) -> None:
    assert last_stamp_ends(sealed) is None
    once = stamp_document(sealed, stamping)
    assert last_stamp_ends(once) == stamping.signer.certificate.not_after
    later = TimeStampAuthority(office.person("TEST TSA 2", TSA, days=1460), clock=lambda: NOW + timedelta(days=600))
    assert last_stamp_ends(stamp_document(once, later)) == later.signer.certificate.not_after
