"""Seal pictures: ink where it belongs, nothing where it does not, small enough to embed."""

from __future__ import annotations

import io
import math

import pytest
from PIL import Image

from seal.impression import SEAL_RED, Impression, rectangular_seal, round_seal
from trust.errors import Malformed

CODE = "9900000000017"
LONG = "演示省云汐市高新技术产业开发区生态环境和自然资源综合行政执法"


def ink(impression: Impression) -> Image.Image:
    return Image.open(io.BytesIO(impression.picture)).convert("RGBA").getchannel("A")


def share(alpha: Image.Image, radius: float, start: float, end: float) -> float:
    """How much of an arc (mm from the centre, degrees clockwise from the top) carries ink."""
    scale = alpha.width / 42
    hits = []
    for step in range(400):
        angle = math.radians(start + (end - start) * step / 399)
        x, y = 21 + radius * math.sin(angle), 21 - radius * math.cos(angle)
        hits.append(alpha.getpixel((int(x * scale), int(y * scale))) > 127)
    return sum(hits) / len(hits)


def test_a_round_seal_has_ring_star_name_and_code_on_a_clear_ground() -> None:
    impression = round_seal("演示省市场监督管理局", CODE)
    picture = Image.open(io.BytesIO(impression.picture))
    alpha = ink(impression)
    assert (impression.width_mm, impression.height_mm, impression.picture_type) == (42, 42, "png")
    assert picture.size[0] == picture.size[1] == round(42 * 320 / 25.4)
    assert share(alpha, 20.3, 0, 360) == 1.0, "the ring has a gap"
    assert share(alpha, 0.5, 0, 360) == 1.0, "no star in the middle"
    assert 0.05 < share(alpha, 16, -130, 130) < 0.6, "no name on the arc"
    assert share(alpha, 16, 150, 210) == 0.0, "the name runs into the code's place"
    assert 0.02 < share(alpha, 18.3, 150, 210) < 0.6, "no code below"
    assert share(alpha, 10, 100, 260) == 0.0, "ink on the clear ground"
    assert alpha.getpixel((0, 0)) == 0
    colours = picture.convert("RGBA").convert("RGB").getcolors(16)
    assert [colour for _, colour in colours] == [SEAL_RED]


@pytest.mark.parametrize("name", ["局", "演示省教育厅", "演示省市场监督管理局", LONG])
def test_names_of_any_length_stay_apart_and_small(name: str) -> None:
    impression = round_seal(name, CODE)
    assert len(impression.picture) <= 15_000
    alpha = ink(impression)
    gaps, inside = 0, False
    scale = alpha.width / 42
    for step in range(3600):
        angle = math.radians(-150 + step / 12)
        column = [
            alpha.getpixel((int((21 + r * math.sin(angle)) * scale), int((21 - r * math.cos(angle)) * scale)))
            for r in (13.6 + 0.15 * i for i in range(36))
        ]
        dark = max(column) > 127
        gaps += inside and not dark
        inside = dark
    assert gaps >= len(name) * 0.7, "characters run into each other"


def test_centre_text_stands_below_the_star() -> None:
    with_text, without = (ink(round_seal("演示省教育厅", CODE, centre_text=text)) for text in ("行政审批专用章", ""))
    box = tuple(int(v * with_text.width / 42) for v in (8, 27, 34, 34))
    assert with_text.crop(box).getbbox() is not None
    assert without.crop(box).getbbox() is None


@pytest.mark.parametrize("text", ["样本", "业务专用章", "演示省政务服务电子证照核验专用章"])
def test_a_rectangular_seal_fits_its_frame(text: str) -> None:
    impression = rectangular_seal(text)
    alpha = ink(impression)
    scale = alpha.width / impression.width_mm
    inner = alpha.crop(tuple(int(v * scale) for v in (1.1, 1.1, 43.9, 14.9)))
    left, top, right, bottom = (v / scale for v in inner.getbbox())
    assert left > 0.3
    assert top > 0.3
    assert right < 42.5
    assert bottom < 13.5
    assert len(impression.picture) <= 15_000


def test_drawing_is_deterministic() -> None:
    first = round_seal("演示省教育厅", CODE).picture
    round_seal.cache_clear()
    assert round_seal("演示省教育厅", CODE).picture == first


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda: round_seal(""), "impression.name"),
        (lambda: round_seal("局" * 41), "impression.name"),
        (lambda: round_seal("局", "1" * 21), "impression.name"),
        (lambda: rectangular_seal(""), "impression.name"),
        (lambda: round_seal("演示😀局"), "face.missing_glyph"),
    ],
)
def test_what_cannot_be_drawn_is_refused(act, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        act()
    assert caught.value.code == code
