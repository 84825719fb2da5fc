"""Printing on pre-printed forms: nothing but the values, at their places, and every form accounted for."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image as Pictures

from licence_store.cases import Casework
from licence_store.desk import Desk
from licence_store.paper import PaperDesk
from licence_store.register import LicenceView
from tests.licence_store.conftest import OFFICER
from trust.errors import LicenceTrustError


@pytest.fixture
def paper(desk: Desk) -> PaperDesk:
    return PaperDesk(desk.sessions, desk.catalogue, desk.register, lambda i: f"https://t.test/v/{i}", desk.clock)


def issued(desk: Desk, slug: str = "teacher-certificate", seed: int = 5) -> LicenceView:
    record = next(desk.catalogue.get(slug).example_records(1, seed=seed))
    return desk.register.find(desk.issuer.issue(slug, record, officer=OFFICER).licence_id)


@pytest.mark.parametrize("slug", ["teacher-certificate", "business-licence"])
def test_only_the_values_and_all_in_their_boxes(desk: Desk, paper: PaperDesk, slug: str) -> None:
    view = issued(desk, slug)
    style = desk.catalogue.get(slug).style
    with Pictures.open(BytesIO(paper.page(view))) as page:
        dpi = page.info["dpi"][0]
        scale = dpi / 25.4
        assert abs(page.width / scale - style.width) < 0.2
        assert abs(page.height / scale - style.height) < 0.2
        ink = page.point(lambda value: 255 if value < 128 else 0)
        for box in style.boxes:
            inside = (box.x * scale - 3, box.y * scale - 3, (box.x + box.w) * scale + 3, (box.y + box.h) * scale + 3)
            has_value = view.message.face_value(box.field) is not None
            assert bool(ink.crop(tuple(map(round, inside))).getbbox()) == has_value, box.field
            ink.paste(0, tuple(map(round, inside)))
        assert ink.getbbox() is None
    with_code = Pictures.open(BytesIO(paper.page(view, qr=True)))
    place = style.qr
    assert with_code.crop(tuple(round(v * scale) for v in (place.x, place.y, place.x + 3, place.y + 3))).getextrema()[0] == 0


def code_of(act: object, *args: object) -> str:
    with pytest.raises(LicenceTrustError) as caught:
        act(*args)  # type: ignore[operator]
    return caught.value.code


def test_a_form_is_used_once(desk: Desk, paper: PaperDesk) -> None:
    view, other = issued(desk), issued(desk, seed=6)
    paper.print_on(view, " NO.001 ", OFFICER)
    assert code_of(paper.print_on, other, "NO.001", OFFICER) == "paper.form_used"
    assert code_of(paper.print_on, view, "NO.001", OFFICER) == "paper.form_used"
    assert code_of(paper.spoil, other, "NO.001", "卡纸", OFFICER) == "paper.unknown"
    assert code_of(paper.spoil, view, "NO.001", " ", OFFICER) == "paper.reason"
    paper.spoil(view, "NO.001", "卡纸", OFFICER)
    assert code_of(paper.spoil, view, "NO.001", "再次", OFFICER) == "paper.form_used"
    assert code_of(paper.print_on, view, "NO.001", OFFICER) == "paper.form_used"
    paper.print_on(view, "NO.002", OFFICER)
    uses = paper.uses(view.licence_id)
    assert [(one.form_number, one.use) for one in uses] == [
        ("NO.001", "printed"), ("NO.001", "spoilt"), ("NO.002", "printed"),
    ]  # fmt: skip
    assert uses[1].reason == "卡纸"
    assert Casework(desk.sessions).papers(other.licence_id) == ()
    for number in ("", " ", "x" * 61, "a\nb"):
        assert code_of(paper.print_on, view, number, OFFICER) == "paper.number"
