"""Fonts that load anywhere, and text that breaks where Chinese typesetting lets it."""

from __future__ import annotations

import io
import os

import pytest
from fontTools.ttLib import TTFont
from fontTools.ttLib.sfnt import calcChecksum
from hypothesis import given, settings
from hypothesis import strategies as st

from seal.typesetting import NONCE_TABLE, load_font, set_text, spread
from trust.errors import Malformed

SERIF = load_font("serif")
SCOPE = (
    "软件开发；信息技术咨询服务；食品销售（仅销售预包装食品）；International Freight Forwarding；“互联网+”服务；"
    "道路货物运输（不含危险货物）。（依法须经批准的项目，经相关部门批准后方可开展经营活动）"
)
NOT_FIRST = set("、，。；：？！）”》」』】…%")
NOT_LAST = set("（“《「『【")


@pytest.mark.parametrize("name", ["serif", "serif-bold", "sans"])
def test_a_subset_is_a_whole_font_that_keeps_its_characters(name: str) -> None:
    text = "演示省ABC0123，。𠮷" if load_font(name).covers("𠮷") else "演示省ABC0123，。"
    data = load_font(name).subset(set(text))
    font = TTFont(io.BytesIO(data), checkChecksums=2)
    assert set(map(ord, text)) <= set(font.getBestCmap())
    assert {"OS/2", "cmap", "glyf", "head", "hhea", "hmtx", "loca", "maxp", "name", "post"} <= set(font.keys())
    assert len(data) < 20_000
    assert load_font(name).subset(set(text)) == data


def test_a_nonce_changes_the_font_and_nothing_it_draws() -> None:
    nonce = os.urandom(16)
    plain, marked = SERIF.subset("证照"), SERIF.subset("证照", nonce)
    font = TTFont(io.BytesIO(marked), checkChecksums=2)
    assert font.reader[NONCE_TABLE.decode()] == nonce
    assert calcChecksum(marked) == 0xB1B0AFBA, "head.checkSumAdjustment no longer fits the file"
    before = TTFont(io.BytesIO(plain))
    assert all(font.reader[tag] == before.reader[tag] for tag in before.reader.tables if tag != "head")


def test_advances_are_the_font_s_own() -> None:
    font = TTFont(SERIF.path)
    cmap, widths = font.getBestCmap(), font["hmtx"]
    for char in "证Ai1。(":
        assert SERIF.advance(char) == widths[cmap[ord(char)]][0] / font["head"].unitsPerEm


@pytest.mark.parametrize("char", ["𠮷", "\u0e01", "😀"])
def test_a_missing_glyph_names_the_character(char: str) -> None:
    for act in (SERIF.subset, SERIF.advance, SERIF.outline):
        with pytest.raises(Malformed) as caught:
            act(char)
        assert caught.value.code == "face.missing_glyph"
        assert f"U+{ord(char):04X}" in caught.value.message
        assert char in caught.value.message


def _set(text: str, **how: object):
    return set_text(text, SERIF, **{"width": 60, "height": 60, "size": 5, "min_size": 2, "field": "经营范围", **how})


def test_lines_obey_the_rules_and_lose_nothing() -> None:
    block = _set(SCOPE, align="justify")
    assert len(block.lines) > 3
    assert "".join(line.text for line in block.lines) == SCOPE
    for line in block.lines[1:]:
        assert line.text[0] not in NOT_FIRST
    for line in block.lines[:-1]:
        assert line.text[-1] not in NOT_LAST
    assert any("International" in line.text for line in block.lines), "a Latin word was cut"
    for line in block.lines:
        ink = line.text.rstrip()
        assert line.x + sum(line.deltas[: len(ink) - 1]) + SERIF.advance(ink[-1]) * block.size <= 60 + 1e-3


def test_long_text_shrinks_until_it_fits_and_no_further() -> None:
    sizes = [_set("经" * count, height=12).size for count in (5, 30, 60, 90)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 5
    with pytest.raises(Malformed) as caught:
        _set("经" * 2000, height=12)
    assert caught.value.code == "face.text_too_long"
    assert caught.value.params == {"field": "经营范围", "length": 2000}


def test_no_character_is_left_alone_on_the_last_line_if_a_little_less_size_helps() -> None:
    text = "演示省白鹭市高新区听松路七"
    block = _set(text, size=5)
    assert len(text) * 5 > 60
    assert len(block.lines) == 1
    assert 4.4 < block.size < 5


@pytest.mark.parametrize(("align", "left"), [("left", 0.0), ("center", 22.5), ("right", 45.0)])
def test_alignment(align: str, left: float) -> None:
    assert _set("甲乙丙", align=align).lines[0].x == pytest.approx(left)


def test_a_word_longer_than_a_line_is_cut() -> None:
    block = _set("A" * 80, size=4)
    assert "".join(line.text for line in block.lines) == "A" * 80
    assert len(block.lines) > 1


def test_spread_fills_the_width() -> None:
    line = spread("名称", SERIF, 6, 31)
    assert line.x + sum(line.deltas) + 6 == pytest.approx(31)


def test_empty_text_has_no_lines() -> None:
    assert _set("").lines == ()


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="证照经营，。（）“”；ABCdef 0123-、%", max_size=160), st.floats(20, 120))
def test_any_text_is_kept_whole_and_inside(text: str, width: float) -> None:
    block = _set(text, width=width, height=80)
    assert "".join(line.text for line in block.lines) == text
    for line in block.lines:
        ink = line.text.rstrip()
        assert (
            line.x + sum(line.deltas[: max(0, len(ink) - 1)]) + (SERIF.advance(ink[-1]) * block.size if ink else 0)
            <= width + 0.01
        )
        assert line.baseline <= 40
