"""Seals of the register on PDFs somebody brings: by page, by keyword, in a field made for it."""

from __future__ import annotations

import pytest

from licence_store.desk import Desk
from licence_store.extras import IssueExtras
from licence_store.stamping import Marks, find_keyword
from seal.lifecycle import Official, Role
from seal.pdf.sealing import EmptyField
from seal.sealing import PDFChoices, Placement
from tests.licence_store.test_forms import OFFICER, SLUG
from tests.licence_store.test_resealing import SEAL, USER
from tests.licence_store.test_stamping import MARKET, code
from tests.seal.pdf.conftest import opened
from tests.seal.pdf.foreign import certified_by_stock, plain
from tests.verify.test_several_seals import form
from trust.errors import Malformed
from trust.journal import Actor
from verify.report import Indication


def places(data: bytes) -> list[tuple[int, list[float]]]:
    """Page and box (millimetres from the top left) of every signature widget."""
    with opened(data) as pdf:
        return [
            (number, [round(float(value) / 72 * 25.4, 1) for value in widget.Rect])
            for number, page in enumerate(pdf.pages, 1) for widget in page.get("/Annots", [])
        ]  # fmt: skip


@pytest.mark.parametrize("modern", [False, True])
def test_an_officer_seals_a_pdf_by_page(desk: Desk, modern: bool) -> None:
    brought = plain(2, modern=modern)
    sealed = desk.stamper.stamp(USER, SEAL, brought, Marks(((2, 100, 200),)), reason="随申请提交")
    assert sealed.data.startswith(brought)
    assert desk.verifier().verify(sealed.data).indication is Indication.PASSED
    [(page, box)] = places(sealed.data)
    assert page == 2
    assert box[0] == pytest.approx(100, abs=0.2)
    [use] = desk.seal_register.uses(SEAL)
    assert use.document == sealed.digest.hex()


def test_over_a_keyword(desk: Desk) -> None:
    brought = plain(3)
    page, x, y = find_keyword(brought, "signature here")
    assert page == 3
    sealed = desk.stamper.stamp(USER, SEAL, brought, Marks(keyword="signature here"))
    [(where, (left, bottom, right, top))] = places(sealed.data)
    assert where == 3
    assert left < x < right
    assert bottom < 297 - y < top
    with pytest.raises(Malformed) as caught:
        find_keyword(brought, "盖章处")
    assert caught.value.code == "stamping.keyword"


def test_two_seals_and_one_across_pages(desk: Desk) -> None:
    market = Official(Actor("wang", "market"), Role.OFFICER)
    first = desk.stamper.stamp(market, MARKET, plain(2), Marks(cross_page=True))
    second = desk.stamper.stamp(USER, SEAL, first.data, Marks(((1, 20, 20),)))
    report = desk.verifier().verify(second.data)
    assert report.indication is Indication.PASSED, report
    assert [one.seal.id for one in report.signatures if one.seal] == [MARKET, SEAL]
    assert code(desk, market, second.data, MARKET, Marks(cross_page=True)) == "sealing.one_place"


def test_in_a_field_made_for_it(desk: Desk) -> None:
    from seal.pdf.sealable import open_pdf_for_sealing

    desk.seals.look([SEAL])
    reserve = (EmptyField("Second", Placement(1, 100, 100), 42, 42),)
    first = desk.stamper.sealer.seal(
        open_pdf_for_sealing(plain()), desk.seals.material(SEAL), [Placement(1, 20, 20)],
        PDFChoices(reserve=reserve, certify=True),
    )  # fmt: skip
    market = Official(Actor("wang", "market"), Role.OFFICER)
    second = desk.stamper.stamp(market, MARKET, first.data, Marks(field="Second"))
    assert desk.verifier().verify(second.data).indication is Indication.PASSED
    assert len(places(second.data)) == 2
    assert code(desk, USER, plain(), marks=Marks(field="Second")) == "sealing.field"


def test_what_is_refused(desk: Desk) -> None:
    issued = desk.issuer.issue(
        SLUG, next(desk.catalogue.get(SLUG).example_records(1, 4900)), officer=OFFICER, extras=IssueExtras(forms="pdf")
    )
    licence = desk.files.get(issued.file_digest)
    assert code(desk, USER, licence) == "stamping.licence"
    assert code(desk, USER, certified_by_stock(plain(), 1)) == "sealing.certified"
    assert code(desk, USER, b"%PDF-1.7") == "format.pdf_broken"
    assert code(desk, USER, plain(), marks=Marks(((2, 1, 1),))) == "stamping.page"
    assert code(desk, USER, plain(), marks=Marks(((1, 200, 1),))) == "sealing.placement"
    assert code(desk, USER, form(), marks=Marks(keyword="x")) == "stamping.pdf_only"
    signed = desk.stamper.stamp(USER, SEAL, plain()).data
    assert code(desk, USER, signed.replace(b"Helvetica", b"Helvetics", 1)) == "stamping.failed"
