"""Impressions of every kind, the uploaded ones, and the invalid style."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from seal.engraving import draw_impression, ellipse_seal, name_seal
from seal.impression import SEAL_RED
from seal.invalid_style import invalid_style
from seal.kinds import KINDS, find_kind
from seal.uploads import MAX_STORED, check_upload
from trust.errors import Malformed

CODE = "9900000000017"


def opened(picture: bytes) -> Image.Image:
    return Image.open(BytesIO(picture)).convert("RGBA")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_in_every_size_the_rules_give(kind: str) -> None:
    name = "张三" if kind == "name" else "演示省市场监督管理局"
    for size in KINDS[kind].sizes[:2]:
        impression = draw_impression(kind, name, CODE, size=size)
        picture = opened(impression.picture)
        assert (impression.width_mm, impression.height_mm) == size
        assert picture.size == tuple(round(side * 320 / 25.4) for side in size)
        left, top, right, bottom = picture.getchannel("A").getbbox() or (0, 0, 0, 0)
        assert (left + top) < 8
        assert (picture.width - right + picture.height - bottom) < 8, "not at true size"
        assert len(impression.picture) <= 16_000


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda: draw_impression("imperial", "局"), "seal.kind"),
        (lambda: draw_impression("official", "演示省教育厅", size=(70, 70)), "impression.size"),
        (lambda: draw_impression("invoice", "演示公司", size=(30, 40)), "impression.size"),
        (lambda: draw_impression("name", "张" * 17), "impression.name"),
        (lambda: draw_impression("name", "  "), "impression.name"),
        (lambda: draw_impression("ellipse", "", CODE), "impression.name"),
        (lambda: draw_impression("name", "张\U0001f600"), "face.missing_glyph"),
    ],
)
def test_what_the_rules_do_not_give_is_refused(act, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        act()
    assert caught.value.code == code
    assert "{" not in caught.value.message


def test_special_seals_say_what_they_are_for() -> None:
    plain, special = (opened(draw_impression("finance", "演示公司", CODE, text=text).picture) for text in ("", None))
    box = tuple(int(v * plain.width / 38) for v in (8, 27, 30, 31))
    assert plain.getchannel("A").crop(box).getbbox() is None
    assert special.getchannel("A").crop(box).getbbox() is not None


def test_centre_text_stays_clear_of_the_name() -> None:
    """Between the last character of the name and the text below the star there is clear ground."""
    alpha = opened(draw_impression("contract", "演示市云汐科技有限公司", CODE).picture).getchannel("A")
    scale = alpha.width / 42
    foot = alpha.crop(tuple(int(v * scale) for v in (6.2, 30.8, 9.4, 33.4)))
    assert foot.getbbox() is None


@pytest.mark.parametrize(
    ("name", "cells"), [("张三", 4), ("诸葛孔", 4), ("欧阳明月", 4), ("司马相如之", 5), ("买买提·阿卜杜热合曼", 10)]
)
def test_a_name_fills_its_square(name: str, cells: int) -> None:
    alpha = opened(name_seal(name, size_mm=20).picture).getchannel("A")
    inner = alpha.crop(tuple(int(v * alpha.width / 20) for v in (1.4, 1.4, 18.6, 18.6)))
    left, top, right, bottom = inner.getbbox() or (0, 0, 0, 0)
    assert right - left > 0.85 * inner.width
    assert bottom - top > 0.85 * inner.height
    assert cells


def test_an_oval_has_a_closed_border_and_its_code() -> None:
    alpha = opened(ellipse_seal("演示公司", "91990000MA0000001X", "发票专用章").picture).getchannel("A")
    middle = alpha.height // 2
    row = [alpha.getpixel((x, middle)) > 127 for x in range(alpha.width)]
    assert row[4]
    assert row[-5]
    assert 0.05 < sum(row[60:-60]) / len(row[60:-60]) < 0.6


# ---------------------------------------------------------------- uploads


def png(picture: Image.Image, **options: object) -> bytes:
    out = BytesIO()
    picture.save(out, "PNG", **options)
    return out.getvalue()


def good() -> Image.Image:
    return opened(draw_impression("official", "演示省教育厅", CODE).picture)


def test_a_good_picture_is_taken_and_written_anew() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "smuggled")
    impression = check_upload(png(good(), pnginfo=info), 42, 42)
    assert b"smuggled" not in impression.picture
    assert len(impression.picture) <= MAX_STORED
    written = opened(impression.picture)
    assert written.size == good().size
    assert written.getpixel((0, 0))[3] == 0
    inked = [colour for count, colour in written.getcolors(1 << 20) if colour[3] > 200 and count > 500]
    assert all(abs(a - b) < 24 for colour in inked for a, b in zip(colour[:3], SEAL_RED, strict=True))


def _white() -> Image.Image:
    sheet = Image.new("RGBA", good().size, "white")
    sheet.alpha_composite(good())
    return sheet


def _wide_margin() -> Image.Image:
    sheet = Image.new("RGBA", good().size)
    sheet.alpha_composite(good().resize((400, 400)), (60, 60))
    return sheet


def _noise() -> Image.Image:
    import random

    source = random.Random(1)
    sheet = Image.frombytes("RGBA", (1600, 1600), source.randbytes(1600 * 1600 * 4))
    ring = Image.new("L", (1600, 1600))
    for x in range(0, 1600, 2):
        ring.paste(255, (x, 0, x + 1, 1600))
    sheet.putalpha(ring)
    return sheet


def _coloured(colour: str) -> Image.Image:
    sheet = Image.new("RGBA", good().size, colour)
    sheet.putalpha(good().getchannel("A"))
    return sheet


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (lambda: b"", "format"),
        (lambda: b"GIF89a" + b"\0" * 100, "format"),
        (lambda: png(good())[:400], "format"),
        (lambda: png(good()).replace(b"IDAT", b"IDXT", 1), "format"),
        (lambda: png(good()) + b"\0" * (2 << 20), "size"),
        (lambda: png(good())[:16] + b"\x00\x01\x00\x00\x00\x01\x00\x00" + png(good())[24:], "size"),
        (lambda: png(good().resize((529, 400))), "shape"),
        (lambda: png(good().resize((200, 200))), "resolution"),
        (lambda: png(good().resize((2600, 2600))), "resolution"),
        (lambda: png(_white()), "ground"),
        (lambda: png(_white().convert("RGB")), "ground"),
        (lambda: png(Image.new("RGBA", (529, 529))), "ground"),
        (lambda: png(_wide_margin()), "margin"),
        (lambda: png(_coloured("blue")), "colour"),
        (lambda: png(_coloured("black")), "colour"),
    ],
)
def test_unfit_pictures_are_refused_with_the_reason(data, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        check_upload(data(), 42, 42)
    assert caught.value.code == f"impression.upload_{code}"
    assert "{" not in caught.value.message


def test_what_cannot_be_kept_small_is_refused() -> None:
    with pytest.raises(Malformed) as caught:
        check_upload(png(_noise()), 42, 42, red=False)
    assert caught.value.code == "impression.upload_size"


def test_other_inks_where_they_are_allowed() -> None:
    assert check_upload(png(_coloured("blue")), 42, 42, red=False).width_mm == 42


# ---------------------------------------------------------------- 无效印章


@pytest.mark.parametrize("picture", ["png", "jpeg", "gif", "rubbish", "none"])
def test_the_invalid_style_takes_any_picture(picture: str) -> None:
    out = BytesIO()
    if picture in ("jpeg", "gif"):
        _white().convert("RGB").save(out, picture.upper())
    data = {"png": png(good()), "rubbish": b"\x89PNG rubbish", "none": b""}.get(picture, out.getvalue())
    shown = opened(invalid_style(data, 42, 42).picture)
    dots = shown.tobytes()
    red = [at for at in range(0, len(dots), 4) if dots[at + 3] > 200 and dots[at] > 180 and dots[at + 1] < 90]
    assert 0.02 < len(red) / (shown.width * shown.height) < 0.3, "no red words"


def test_the_invalid_style_takes_the_colour_out_of_the_seal() -> None:
    shown = opened(invalid_style(png(good()), 42, 42).picture)
    left, top = shown.getpixel((3, shown.height // 4)), shown.getpixel((shown.width // 2, 4))
    for pixel in (left, top):
        assert pixel[3] < 16 or max(pixel[:3]) - min(pixel[:3]) < 12


def test_a_bomb_is_not_unpacked() -> None:
    huge = Image.new("L", (5000, 5000))
    assert invalid_style(png(huge), 42, 42).width_mm == 42


def test_a_size_no_seal_has_is_refused() -> None:
    with pytest.raises(Malformed):
        invalid_style(b"", 2000, 2000)


def test_kinds_are_found_by_code() -> None:
    assert find_kind("name").type == 2
    assert [kind for kind in KINDS.values() if kind.type == 2] == [find_kind("name")]
