"""One licence of each type as PDF, and what is needed to seal it."""

from __future__ import annotations

import io

import pikepdf
import pytest
from pikepdf import pdfa

from licence_store.definitions import LicenceTypeDefinition, shipped_definitions
from licence_store.face import PreparedFace, draw_pdf
from seal.message import METADATA_KEYS, DataMessage, RequiredSeal
from seal.pdf.document import UnsignedPDF

URL = "http://localhost:8000/v/1.2.156.3005.2.11990000MB0D000105001.11990000MB0D000105.000000001.001.A"
TYPES = {definition.slug: definition for definition in shipped_definitions()}
SEAL = RequiredSeal("99000000000001", "演示省教育厅电子印章")


def message_of(definition: LicenceTypeDefinition, seed: int = 0, **changes: str) -> DataMessage:
    record = next(definition.example_records(1, seed)) | changes
    computed = {"licence_number": "20269900000000042", "issuer_name": "演示省政务服务局", "issued_on": "2026-11-22"}
    metadata = dict.fromkeys(METADATA_KEYS, "x") | {
        "demonstration": "true", "issued_on": "2026-11-22", "type_name": definition.name, "valid_to": "",
    }
    return DataMessage.create(metadata, definition.face_values(record, computed), [SEAL])


def drawn(definition: LicenceTypeDefinition, *, demonstration: bool = True, seed: int = 0, **changes: str) -> UnsignedPDF:
    return draw_pdf(PreparedFace.of(definition, demonstration), message_of(definition, seed, **changes), URL)


def opened(data: bytes) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(data))


def demand_sound(data: bytes) -> None:
    """qpdf finds nothing, and the PDF/A-3b validator approves."""
    with opened(data) as pdf:
        assert pdf.check_pdf_syntax() == []
    report = pdfa.validate_written(io.BytesIO(data), "3b")
    assert report.passed, [str(finding) for finding in report.findings]


@pytest.fixture(params=sorted(TYPES))
def definition(request: pytest.FixtureRequest) -> LicenceTypeDefinition:
    return TYPES[request.param]
