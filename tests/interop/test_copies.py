"""ofd.js shows copies: the watermark on face and pictures, the band, a copy seal that it finds valid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import ImageChops
from playwright.sync_api import Page

from seal.copies import band_lines, watermark_lines
from tests.interop.test_ofdjs import bare, browser, draw, page, picture, script
from tests.verify.copy_world import build, terms_of

__all__ = ["browser", "page", "script"]


@pytest.mark.parametrize("case", [{"level": "A"}, {"level": "B"}, {"level": "C", "dark": True}, {"level": "D"}])
def test_ofdjs_shows_the_watermark(case: dict[str, Any], page: Page, script: Path) -> None:
    drawn = draw(page, script, build(case))
    terms, _ = terms_of(case)
    text = bare("".join(drawn["text"]))
    assert text.count(bare("".join(watermark_lines(terms))[:12])) >= 2
    for _, line in band_lines(terms):
        assert bare(line) in text
    assert [seal["info"]["VerifyRet"] for seal in drawn["seals"]] == [True]
    assert all(fine for _, _, fine in drawn["digests"])
    with_marks = picture(page)
    page.evaluate(
        "() => document.querySelectorAll('text').forEach(t => {"
        " if ((t.getAttribute('transform') || '').includes('0.91355')) t.style.visibility = 'hidden'; })"
    )
    changed = ImageChops.difference(with_marks, picture(page)).convert("L").histogram()
    assert sum(changed[24:]) > 0.004 * with_marks.width * with_marks.height  # seen, and not only there
