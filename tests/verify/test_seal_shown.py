"""印章外观: a seal that is shown otherwise than it was made is found out, in OFD and in PDF."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pikepdf
import pytest

from seal.ofd.package import Limits, open_package
from tests.verify import cases, world
from tests.verify.pdf import making
from verify import seal_shown
from verify.opening import open_document
from verify.pdf import seal_shown as pdf_seal_shown
from verify.pdf.opening import open_pdf
from verify.verifier import Verifier

SIGNATURE = "Doc_0/Signs/Sign_0/Signature.xml"
STAMP = 'PageRef="1" Boundary="100 100 42 42"'


def ofd(stamp: str) -> bytes:
    entries = world.seal_again({e.name: e.data for e in world.unsigned().entries}, [cases.signature_recipe({})])
    assert STAMP.encode() in entries[SIGNATURE]
    return world.pack({**entries, SIGNATURE: entries[SIGNATURE].replace(STAMP.encode(), stamp.encode())})


@pytest.mark.parametrize(
    ("stamp", "good"),
    [
        (STAMP, True),
        (STAMP + ' Clip="21 0 21 42"', True),
        (STAMP.replace("42 42", "42.4 41.7"), True),
        (STAMP.replace("42 42", "420 297"), False),
        (STAMP.replace("42 42", "0.1 0.1"), False),
        (STAMP.replace("42 42", "42 60"), False),
        (STAMP.replace("100 100", "400 100"), False),
        (STAMP.replace("100 100", "-41 100"), False),
        (STAMP + ' Clip="0 0 0 42"', False),
        (STAMP + ' Clip="50 0 21 42"', False),
        (STAMP.replace('PageRef="1"', 'PageRef="7"'), False),
    ],
)
def test_size_and_place_in_ofd(stamp: str, good: bool) -> None:
    data = ofd(stamp)
    assert seal_shown.wrongly_shown(open_document(data, Limits())) == ([] if good else [world.SEAL_NAME])
    found = cases.codes(Verifier(world.authority().store(), lambda: world.NOW).verify(data))
    assert ("seal.appearance_differs" in found) != good


def widget(pdf: pikepdf.Pdf) -> Any:
    return next(one for one in pdf.pages[0].Annots if one.get("/FT") == "/Sig")


def other_colours(form: Any, field: Any) -> None:
    image = form.Resources.XObject.Im
    image.write(bytes(255 - one for one in image.read_bytes()))


def transparent(form: Any, field: Any) -> None:
    mask = form.Resources.XObject.Im.SMask
    mask.write(bytes(len(mask.read_bytes())))


def without_mask(form: Any, field: Any) -> None:
    del form.Resources.XObject.Im.SMask


def inverted(form: Any, field: Any) -> None:
    form.Resources.XObject.Im.Decode = pikepdf.Array([1, 0, 1, 0, 1, 0])


def more_drawn(form: Any, field: Any) -> None:
    form.write(form.read_bytes() + b" 1 g 0 0 9 9 re f")


def nothing_drawn(form: Any, field: Any) -> None:
    form.write(b"q Q")


def enlarged(form: Any, field: Any) -> None:
    left, bottom, right, top = (float(one) for one in field.Rect)
    field.Rect = pikepdf.Array([left - 200, bottom - 200, right + 200, top])


def enlarged_within(form: Any, field: Any) -> None:
    form.write(b"q 900 0 0 900 0 0 cm /Im Do Q")


def mirrored(form: Any, field: Any) -> None:
    form.Matrix = pikepdf.Array([-1, 0, 0, 1, 0, 0])


def cut_to_nothing(form: Any, field: Any) -> None:
    form.BBox = pikepdf.Array([0, 0, 0, 0])


def packed_anew(form: Any, field: Any) -> None:
    image = form.Resources.XObject.Im
    image.write(image.read_bytes())


@pytest.mark.parametrize(
    ("change", "good"),
    [
        (None, True), (packed_anew, True), (other_colours, False), (transparent, False), (without_mask, False),
        (inverted, False), (more_drawn, False), (nothing_drawn, False), (enlarged, False), (enlarged_within, False),
        (mirrored, False), (cut_to_nothing, False),
    ],
)  # fmt: skip
def test_picture_in_pdf(change: Callable[[Any, Any], None] | None, good: bool) -> None:
    data = making.sealed()
    if change is not None:
        with pikepdf.open(BytesIO(data)) as pdf:
            field = widget(pdf)
            change(field.AP.N, field)
            out = BytesIO()
            pdf.save(out, compress_streams=True)
        data = out.getvalue()
    assert pdf_seal_shown.wrongly_shown(open_pdf(data)) == ([] if good else [world.SEAL_NAME])
    found = cases.codes(Verifier(world.authority().store(), lambda: world.NOW).verify(data))
    assert ("seal.appearance_differs" in found) != good


def test_our_own_seal_is_shown_as_made() -> None:
    opened = open_document(world.sealed(), Limits())
    assert open_package(world.sealed()).entries[SIGNATURE]
    assert seal_shown.wrongly_shown(opened) == []
