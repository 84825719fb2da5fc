"""The watermark: laid out on every page there is, legible on light and dark ground in grey at 150 dpi, hiding nothing."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops

from seal.painting import Canvas
from seal.watermark import Mark, halved, lay_marks, paint_marks
from trust.errors import Malformed

LINES = (
    "此件由演示省市场监督管理局提供，仅供办理政务服务事项时使用，有效期至2026年12月31日",
    "仅供演示省住房公积金管理中心用于“办理住房公积金提取”，事项：住房公积金提取，办件：990000-2026-000123",
    "副本c-272ca6b44b65efe24188061e，限用2次",
)
AREA = (150.0, 130.0)
LONGEST = ("此件由" + "某" * 200 + "提供，仅供办理政务服务事项时使用，有效期至2026年12月31日", "字" * 220, "字" * 220)


@pytest.mark.parametrize("size", [(420, 297), (297, 210), (210, 261), (297, 174), (150, 60), (150, 100)])
@pytest.mark.parametrize("lines", [LINES, LONGEST, ("短", "短", "短")])
def test_rows_are_the_lines_and_stay_on_the_page(size: tuple[float, float], lines: tuple[str, ...]) -> None:
    if lines is LONGEST and min(size) < 100:
        with pytest.raises(Malformed, match="过小"):
            lay_marks(lines, *size)
        return
    marks = lay_marks(lines, *size)
    for dark in (True, False):
        shown = "".join(mark.text for mark in marks if (sum(mark.colour) < 380) is dark)
        count, rest = divmod(len(shown), len("".join(lines)))
        assert rest == 0
        assert shown == "".join(lines) * count
    for mark in marks:
        assert all(-1 <= x <= size[0] + 1 and -1 <= y <= size[1] + 1 for x, y in mark.corners)


def painted(ground: int, marks: tuple[Mark, ...]) -> tuple[Image.Image, Image.Image]:
    """A grey page of this shade at 150 dpi, without and with the marks."""
    canvas = Canvas(*AREA, 150)
    canvas.image = Image.new("RGB", canvas.image.size, (ground, ground, ground))
    before = canvas.image.convert("L")
    paint_marks(canvas, marks)
    return before, canvas.image.convert("L")


def contrast(one: int, other: int) -> float:
    """Contrast ratio of two greys (WCAG 2.2)."""
    light = [((value / 255 + 0.055) / 1.055) ** 2.4 if value > 10 else value / 255 / 12.92 for value in (one, other)]
    return (max(light) + 0.05) / (min(light) + 0.05)


@pytest.mark.parametrize("ground", [0, 24, 64, 200, 230, 255])
def test_words_stand_out_on_any_ground_when_printed_in_grey(ground: int) -> None:
    marks = lay_marks(LINES, *AREA)
    before, after = painted(ground, marks)
    histogram = ImageChops.difference(before, after).histogram()
    strokes = sum(histogram[40:])
    assert strokes > 0.012 * before.width * before.height  # whole strokes, not a few dots
    most = max(value for value, count in enumerate(after.histogram()) if count > 400)
    least = min(value for value, count in enumerate(after.histogram()) if count > 400)
    assert max(contrast(ground, most), contrast(ground, least)) >= 2


@pytest.mark.parametrize("ink", [0, 60])
def test_what_lies_beneath_stays_readable(ink: int) -> None:
    """A dark letter under the watermark stays darker than the watermark on white beside it."""
    marks = lay_marks(LINES, *AREA)
    _, paper = painted(255, marks)
    _, letter = painted(ink, marks)
    darkest_paper = min(value for value, count in enumerate(paper.histogram()) if count > 400)
    changed = sum(letter.histogram()[darkest_paper + 1 :]) / (letter.width * letter.height)
    assert changed < 0.06


def test_drawn_twice_is_about_drawn_once() -> None:
    marks = lay_marks(LINES, *AREA)
    _, once = painted(255, marks)
    canvas = Canvas(*AREA, 150)
    paint_marks(canvas, halved(marks))
    paint_marks(canvas, halved(marks))
    mean = sum(n * c for n, c in enumerate(ImageChops.difference(once, canvas.image.convert("L")).histogram()))
    assert mean / (once.width * once.height) < 3
