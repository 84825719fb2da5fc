"""The verdict page says what the report says, and nothing green hides a doubt."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from api.pages.verdict import data_address, verdict_view
from verify.report import CertificateInfo, Finding, Indication, Report, SealInfo, Severity, SignatureReport, worst

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
METADATA = {
    "type_name": "营业执照",
    "licence_number": "1",
    "licence_id": "2",
    "issuer_name": "局",
    "issued_on": "2026-11-22",
}


def finding(code: str, indication: Indication = Indication.FAILED, sub: str = "HASH_FAILURE") -> Finding:
    return Finding(code, Severity.ERROR, "发现 {x}", {"x": 1}, indication, sub)


def report(
    *findings: Finding, seal: bool = True, proved: bool = True, signed: bool = True, licence: bool = True
) -> Report:
    indication, sub = worst(list(findings))
    info = SealInfo("9", "专用章", NOW, NOW, "制章人", b"x", "png") if seal else None
    certificate = CertificateInfo("CN=局,O=x", "局", "CN=机构,O=x", "01", NOW, NOW, ("digital_signature",), "00", b"x")
    signature = SignatureReport(
        "1", "seal", "SES-V4", "局", findings, indication, sub, info, NOW, proved, ("OFD.xml",), certificate
    )
    facts = {"format": "OFD", "digest": "00"}
    return Report.of(facts, (signature,) if signed else (), (), NOW, (), METADATA if licence else {})


def tones(one: Report) -> list[str]:
    return [aspect.tone for aspect in verdict_view(one, "x.ofd", str).aspects]


def test_all_green_only_when_all_was_asked() -> None:
    assert tones(report()) == ["pass"] * 7
    assert set(tones(report(signed=False))) == {"none"}
    assert tones(report(proved=False))[3] == "unsure"
    assert tones(report(licence=False))[5:] == ["none", "none"]
    assert tones(report(seal=False))[1] == "none"


@pytest.mark.parametrize(
    ("code", "place"),
    [("package.gap", 0), ("format.xml", 0), ("integrity.digest_mismatch", 0), ("coverage.uncovered", 0), ("seal.expired", 1),
     ("signature.value", 2), ("timestamp.bad_signature", 3), ("time.in_future", 3), ("certificate.expired", 4),
     ("revocation.revoked", 4), ("message.face_differs", 5), ("licence.expired", 6)],
)  # fmt: skip
def test_each_area_shows_its_own_failure(code: str, place: int) -> None:
    found = tones(report(finding(code)))
    assert found[place] == "fail"
    view = verdict_view(report(finding(code)), "x.ofd", str)
    assert (view.tone, view.title, view.sentence) == ("fail", "核验未通过", "发现 1")
    assert [one.code for one in view.findings] == [code]
    assert view.findings[0].advice


def test_what_a_broken_signature_lists_is_not_called_unchanged() -> None:
    assert tones(report(finding("signature.value")))[0] == "unsure"


def test_the_worst_of_an_area_decides() -> None:
    doubt = finding("revocation.stale", Indication.INDETERMINATE, "TRY_LATER")
    assert tones(report(doubt))[4] == "unsure"
    assert tones(report(doubt, finding("revocation.revoked")))[4] == "fail"
    note = Finding("coverage.unnamed", Severity.INFO, "说明", {})
    assert tones(report(note))[0] == "pass"


def test_a_missing_signature_is_said_plainly() -> None:
    view = verdict_view(report(signed=False), "x.ofd", str)
    assert view.tone == "unsure"
    assert "没有任何电子签章" in view.sentence
    assert view.advice


def test_pictures_that_could_carry_a_script_are_not_shown() -> None:
    assert data_address(b"x", "svg") == ""
    assert data_address(b"x", "ofd") == ""
    assert data_address(b"", "png") == ""
    assert data_address(b"x" * 2_000_000, "png") == ""
    assert data_address(b"x", "PNG").startswith("data:image/png;base64,")
