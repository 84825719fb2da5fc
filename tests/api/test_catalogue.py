"""Every message speaks English too."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from trust.i18n import catalogue, translator

TOOL = Path(__file__).parents[2] / "tools" / "messages.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("messages", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_message_is_translated_and_none_is_left_over(tool: ModuleType) -> None:
    assert tool.wrong(tool.messages(), tool.translations()) == []


def test_no_translation_is_chinese(tool: ModuleType) -> None:
    allowed = ("演示省", "样本")
    for text, english in tool.translations().items():
        left = english
        for word in allowed:
            left = left.replace(word, "")
        assert not any("\u4e00" <= char <= "\u9fff" for char in left), text


def test_the_product_reads_the_catalogue() -> None:
    assert len(catalogue("en")) > 700
    assert translator("en")("核验通过") == "Verified"
    assert translator("zh-CN")("核验通过") == "核验通过"
