"""Languages: chosen from tags, Chinese where nothing fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from trust import i18n
from trust.errors import Malformed


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        (None, "zh-CN"), ("", "zh-CN"), ("fr", "zh-CN"), ("en", "en"), ("EN-us", "en"), ("zh-TW,en", "zh-CN"),
        ("fr;q=1, en-GB;q=0.8", "en"), ("english", "zh-CN"), (";;,,", "zh-CN"),
    ],
)  # fmt: skip
def test_the_language_chosen(wanted: str | None, language: str) -> None:
    assert i18n.choose_language(wanted) == language


def test_chinese_is_the_source() -> None:
    assert i18n.translator("zh-CN")("任何文字") == "任何文字"
    assert i18n.N_("任何文字") == "任何文字"


def test_english_comes_from_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "en" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "标识 {name}"\nmsgstr "identifier {name}"\n\n#, fuzzy\nmsgid "旧"\nmsgstr "old"\n\nmsgid "空"\nmsgstr ""\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(i18n, "LOCALE", tmp_path)
    i18n.translator.cache_clear()
    i18n.catalogue.cache_clear()
    try:
        english = i18n.translator("en")
        assert Malformed("x.y", "标识 {name}", name="A").localised(english)[0] == "identifier A"
        assert english("旧") == "旧"
        assert english("空") == "空"
        assert english("没有") == "没有"
    finally:
        i18n.translator.cache_clear()
        i18n.catalogue.cache_clear()


def test_without_a_catalogue_english_is_chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "LOCALE", tmp_path)
    i18n.catalogue.cache_clear()
    assert i18n.catalogue("en") == {}
    i18n.catalogue.cache_clear()
