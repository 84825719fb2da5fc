"""Several seals on one document, cross-page seals, digital signatures: sealed by the product, judged by the product."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from licence_store.face import PreparedFace
from seal import ses
from seal.kinds import kind_of, purpose_of
from seal.making import SealApplication, make_seal
from seal.message import RequiredSeal
from seal.ofd.package import open_package
from seal.ofd.sealable import open_for_sealing
from seal.ofd.signatures import parse_signature, parse_signatures
from seal.ofd.unsigned import PageBox
from seal.sealing import Placement, Sealer, SealingMaterial, SigningMaterial, cross_page_placements
from tests.verify import cases, forms, world
from tests.verify.world import MADE, NOW, SEAL_ID, SIGNED, SealRecipe
from trust.errors import Malformed, Refused
from verify.report import Report
from verify.seal_view import view_seal
from verify.verifier import Verifier

APPROVER = "99000000000002"
YEAR = timedelta(days=300)


def sealer(at=SIGNED, stamped: bool = True) -> Sealer:
    return Sealer(world.authority().timestamper(at) if stamped else None, lambda: at)


def issuer() -> SealingMaterial:
    return SealingMaterial(world.make(SealRecipe()), world.authority().department)


def approver() -> SealingMaterial:
    seal = world.make(SealRecipe(seal_id=APPROVER, name="演示省教育厅电子印章", listed="other"))
    return SealingMaterial(seal, world.person("other"))


def place(x: float = 150, y: float = 100) -> Placement:
    return Placement(PreparedFace.of(world.definition(), True).placement(42, 42)[0], x, y)


def judge(data: bytes) -> Report:
    return Verifier(world.authority().store(), lambda: NOW).verify(data)


def form() -> bytes:
    """What an applicant submits: two pages, no seal, no list of signatures announced, packed by others."""
    entries = forms.document()
    entries["OFD.xml"] = entries["OFD.xml"].replace(
        f"<ofd:Signatures>/{world.SIGNATURES}</ofd:Signatures>".encode(), b""
    )
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as package:
        for name, data in entries.items():
            package.writestr(name, data)
    return out.getvalue()


def two_sealed() -> bytes:
    """Approver first, then the issuer, on a licence that requires both."""
    message = world.make_message([RequiredSeal(APPROVER, "审批"), RequiredSeal(SEAL_ID, "颁证")])
    first = sealer(SIGNED - timedelta(minutes=10)).seal(world.draw(message), approver(), [place(30, 100)])
    return sealer().seal(open_for_sealing(first.data), issuer(), [place()]).data


def test_approver_then_issuer() -> None:
    data = two_sealed()
    report = judge(data)
    assert str(report.indication) == "TOTAL-PASSED", cases.codes(report)
    assert [s.seal.id for s in report.signatures if s.seal] == [APPROVER, SEAL_ID]
    assert "coverage.earlier_signature" not in cases.codes(report)
    entries = open_package(data).entries
    later = parse_signature(entries["Doc_0/Signs/Sign_1/Signature.xml"])
    covered = {reference.file_ref[1:] for reference in later.references}
    assert covered == set(entries) - {
        world.SIGNATURES,
        "Doc_0/Signs/Sign_1/Signature.xml",
        "Doc_0/Signs/Sign_1/SignedValue.dat",
    }
    listed = parse_signatures(entries[world.SIGNATURES])
    assert [s.id for s in listed.signatures] == ["s001", "s003"]
    assert listed.max_sign_id == "s004"


def test_the_first_seal_alone_is_not_enough() -> None:
    message = world.make_message([RequiredSeal(APPROVER, "审批"), RequiredSeal(SEAL_ID, "颁证")])
    report = judge(sealer().seal(world.draw(message), approver(), [place()]).data)
    assert "licence.required_seal_missing" in cases.codes(report)
    assert str(report.indication) == "TOTAL-FAILED"


@pytest.mark.parametrize("number", [0, 1])
def test_a_seal_taken_away_is_noticed(number: int) -> None:
    entries = dict(open_package(two_sealed()).entries)
    gone = f"Doc_0/Signs/Sign_{number}"
    entries = {name: data for name, data in entries.items() if not name.startswith(f"{gone}/")}
    listed = [s for s in parse_signatures(entries[world.SIGNATURES]).signatures if gone not in s.base_loc]
    from seal.ofd.signatures import build_signatures_xml

    entries[world.SIGNATURES] = build_signatures_xml(listed, "s002")
    report = judge(world.pack(entries))
    assert str(report.indication) == "TOTAL-FAILED"
    expected = "integrity.entry_missing" if number == 0 else "licence.required_seal_missing"
    assert expected in cases.codes(report)


def test_a_later_seal_that_leaves_the_earlier_out_is_told() -> None:
    recipes = [world.SignatureRecipe(), world.SignatureRecipe(drop=("Doc_0/Signs/Sign_0/Signature.xml",))]
    report = judge(world.pack(world.seal_again(world.plain_entries(), recipes)))
    assert "coverage.earlier_signature" in cases.codes(report)


def test_any_number_of_seals() -> None:
    data = form()
    for number in range(4):
        data = (
            sealer(SIGNED + timedelta(minutes=number))
            .seal(open_for_sealing(data), issuer(), [Placement(1, 20, 20)])
            .data
        )
    report = judge(data)
    assert str(report.indication) == "TOTAL-PASSED", cases.codes(report)
    assert len(report.signatures) == 4


# ---------------------------------------------------------------- what others made


def test_an_applicants_form_is_sealed() -> None:
    before = open_package(form()).entries
    sealed = sealer().seal(open_for_sealing(form()), approver(), [Placement(2, 100, 200)])
    after = open_package(sealed.data).entries
    assert {n: d for n, d in after.items() if n in before and n != "OFD.xml"} == {
        n: d for n, d in before.items() if n != "OFD.xml"
    }
    report = judge(sealed.data)
    assert str(report.indication) == "TOTAL-PASSED", cases.codes(report)
    assert report.signatures[0].pages == ("2",)


def test_sealing_again_needs_a_document_that_stands() -> None:
    broken = dict(open_package(two_sealed()).entries)
    broken["Doc_0/Document.xml"] += b" "
    with pytest.raises(Refused) as caught:
        open_for_sealing(world.pack(broken))
    assert caught.value.code == "sealing.broken"


def test_a_seal_that_covers_the_list_forbids_another() -> None:
    entries = dict(open_package(two_sealed()).entries)
    name = "Doc_0/Signs/Sign_1/Signature.xml"
    entries[name] = entries[name].replace(
        b"</ofd:References>", b'<ofd:Reference FileRef="/Doc_0/Signs/Signatures.xml"><ofd:CheckValue>'
        b"AAAA</ofd:CheckValue></ofd:Reference></ofd:References>",
    )  # fmt: skip
    with pytest.raises(Refused) as caught:
        open_for_sealing(world.pack(entries))
    assert caught.value.code == "sealing.closed"


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        (lambda e: {"x": b""}, Malformed, "format.xml"),
        (lambda e: e | {"OFD.xml": b"<OFD/>"}, Malformed, "format.not_ofd"),
        (lambda e: e | {"Doc_0/Document.xml": b"<a/>" * 2}, Malformed, "format.xml"),
        (lambda e: e | {"doc_0/document.xml": b""}, Malformed, "sealing.ambiguous"),
        (
            lambda e: e | {"OFD.xml": e["OFD.xml"].replace(b"</ofd:OFD>", b"<ofd:DocBody/></ofd:OFD>")},
            Refused,
            "sealing.several_documents",
        ),
        (
            lambda e: e | {"Doc_0/Document.xml": e["Doc_0/Document.xml"].replace(b"0 0 210 297", b"0 0 x 297")},
            Malformed,
            "format.page",
        ),
    ],
)
def test_what_cannot_be_sealed_honestly_is_refused(change, kind: type[Exception], code: str) -> None:
    with pytest.raises(kind) as caught:
        open_for_sealing(world.pack(change(forms.document())))
    assert getattr(caught.value, "code", "") == code


def test_rubbish_is_refused() -> None:
    with pytest.raises(Malformed):
        open_for_sealing(b"%PDF-1.7")


def test_a_seal_of_2014_is_not_used_any_more() -> None:
    material = SealingMaterial(forms.make_seal("V1", forms.Recipe()), world.authority().department)
    with pytest.raises(Refused) as caught:
        sealer().seal(open_for_sealing(form()), material, [Placement(1, 20, 20)])
    assert caught.value.code == "sealing.seal_version"


# ---------------------------------------------------------------- 骑缝章


def pages(count: int) -> list[PageBox]:
    return [PageBox(number + 1, 210, 297) for number in range(count)]


def test_a_cross_page_seal_comes_together_from_the_pages() -> None:
    seal = issuer().seal
    for count in (2, 3, 5, 21, 22, 60):
        placed = cross_page_placements(pages(count), seal, 120)
        assert [p.page_id for p in placed] == list(range(1, count + 1))
        total = sum(p.clip[2] for p in placed if p.clip)
        assert total == pytest.approx(42 * -(-count // 21))
        for p in placed:
            assert p.clip is not None
            assert p.clip[2] >= 2 - 1e-9, "too narrow to be seen"
            assert p.x + p.clip[0] + p.clip[2] == pytest.approx(210), "not at the edge"


def test_a_cross_page_seal_passes_and_shows_on_every_page() -> None:
    document = open_for_sealing(form())
    material = issuer()
    sealed = sealer().seal(document, material, cross_page_placements(document.pages, material.seal, 128.5))
    report = judge(sealed.data)
    assert str(report.indication) == "TOTAL-PASSED", cases.codes(report)
    assert report.signatures[0].pages == ("1", "2")
    stamps = parse_signature(open_package(sealed.data).entries["Doc_0/Signs/Sign_0/Signature.xml"]).stamps
    assert [(s.boundary, s.clip) for s in stamps] == [
        ((189.0, 128.5, 42.0, 42.0), (0.0, 0.0, 21.0, 42.0)),
        ((168.0, 128.5, 42.0, 42.0), (21.0, 0.0, 21.0, 42.0)),
    ]


def test_one_page_has_no_seam() -> None:
    with pytest.raises(Malformed) as caught:
        cross_page_placements(pages(1), issuer().seal, 120)
    assert caught.value.code == "sealing.cross_page"


@pytest.mark.parametrize("clip", [(0, 0, 43, 42), (-1, 0, 10, 10), (0, 0, 0, 42), (40, 0, 10, 42)])
def test_a_part_lies_within_the_picture(clip: tuple[float, float, float, float]) -> None:
    with pytest.raises(Malformed):
        sealer().seal(open_for_sealing(form()), issuer(), [Placement(1, 20, 20, clip)])


# ---------------------------------------------------------------- 数字签名


def test_a_digital_signature_on_a_form() -> None:
    office = world.authority()
    chain = (office.issuing_ca.certificate,)
    sealed = sealer().seal(open_for_sealing(form()), SigningMaterial(office.department, chain))
    report = judge(sealed.data)
    assert str(report.indication) == "TOTAL-PASSED", cases.codes(report)
    (only,) = report.signatures
    assert (only.kind, only.structure, only.time, only.time_proved) == ("signature", "GBT-35275", SIGNED, True)
    assert only.pages == ()
    assert only.time_authority


def test_a_digital_signature_in_place_of_the_seal() -> None:
    """R044: the issuer's digital signature serves where the licence names no seal; nobody else's does."""
    document = world.draw(world.make_message([]))
    report = judge(sealer().seal(document, SigningMaterial(world.authority().department)).data)
    assert str(report.indication) == "TOTAL-PASSED", cases.codes(report)
    report = judge(sealer().seal(document, SigningMaterial(world.person("other"))).data)
    assert (str(report.indication), report.sub_indication) == ("INDETERMINATE", "SIG_CONSTRAINTS_FAILURE")
    assert "licence.issuer_not_signer" in cases.codes(report)
    report = judge(sealer().seal(world.unsigned(), SigningMaterial(world.authority().department)).data)
    assert "licence.required_seal_missing" in cases.codes(report)


def test_a_seal_over_a_digital_signature_and_one_over_a_seal() -> None:
    signed = sealer().seal(world.unsigned(), SigningMaterial(world.person("other")))
    both = sealer().seal(open_for_sealing(signed.data), issuer(), [place()])
    report = judge(both.data)
    assert str(report.indication) == "TOTAL-PASSED", cases.codes(report)
    thrice = sealer().seal(open_for_sealing(both.data), SigningMaterial(world.person("namesake")))
    assert [s.kind for s in judge(thrice.data).signatures] == ["signature", "seal", "signature"]
    assert str(judge(thrice.data).indication) == "TOTAL-PASSED"


@pytest.mark.parametrize(("who", "code"), [("expired", "signer.not_valid"), ("encipherer", "signer.usage")])
def test_who_may_not_sign(who: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        sealer(NOW - timedelta(hours=1)).seal(open_for_sealing(form()), SigningMaterial(world.person(who)))
    assert caught.value.code == code


# ---------------------------------------------------------------- V5, kinds


def application(**changes: object) -> SealApplication:
    listed = world.authority().department.certificate
    values: dict[str, object] = {"kind": "special", "purpose": "电子证照专用", "version": ses.V5}
    return SealApplication(SEAL_ID, world.SEAL_NAME, (listed,), MADE, NOW + YEAR, **(values | changes))  # type: ignore[arg-type]


def test_a_licence_sealed_in_the_form_of_2025() -> None:
    stamper = world.authority().timestamper(MADE)
    made = make_seal(application(), world.authority().seal_maker, world.Drawn(), moment=MADE, timestamper=stamper)
    material = SealingMaterial(made, world.authority().department)
    assert material.seal.structure == "SES-V5"
    assert material.seal.timestamp
    report = judge(sealer().seal(world.unsigned(), material, [place()]).data)
    assert str(report.indication) == "TOTAL-PASSED", cases.codes(report)
    assert report.signatures[0].structure == "SES-V5"
    assert "signature.experimental" in cases.codes(report)


def test_seal_information_tells_kind_purpose_and_maker() -> None:
    made = make_seal(application(version=ses.V4), world.authority().seal_maker, world.Drawn(), moment=MADE)
    seal = ses.parse_seal(made)
    assert (kind_of(seal), purpose_of(seal)) == ("special", "电子证照专用")
    told = view_seal(seal).to_json()
    assert told["maker"]["usage"] == ["digital_signature", "non_repudiation"]  # type: ignore[index]
    assert told["signers"] == ["演示省市场监督管理局"]
    assert told["size_mm"] == [42, 42]
    report = judge(sealer().seal(world.unsigned(), SealingMaterial(made, world.authority().department), [place()]).data)
    details = report.signatures[0].details()
    assert details["seal"] == told
    assert details["certificate"]["subject"]  # type: ignore[index]
    assert details["time"]["authority"]  # type: ignore[index]
    assert "Doc_0/Document.xml" in details["protects"]  # type: ignore[operator]
    assert report.signatures[0].to_json()["seal"] == {"id": SEAL_ID, "name": world.SEAL_NAME}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "imperial"}, "seal.kind"),
        ({"purpose": "x" * 129}, "seal.application"),
        ({"version": 1}, "seal.application"),
    ],
)
def test_what_cannot_stand_in_a_seal(changes: dict[str, object], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        make_seal(application(**changes), world.authority().seal_maker, world.Drawn(), moment=MADE)
    assert caught.value.code == code


def test_material_is_kept_for_the_first_folder_only() -> None:
    """The packed Seal.esl is shared between documents; a second signature gets it under its own name."""
    material = issuer()
    first = sealer().seal(open_for_sealing(form()), material, [Placement(1, 20, 20)])
    again = sealer().seal(open_for_sealing(first.data), replace(material), [Placement(1, 90, 20)])
    names = open_package(again.data).entries
    assert names["Doc_0/Signs/Sign_0/Seal.esl"] == names["Doc_0/Signs/Sign_1/Seal.esl"] == material.seal_der
