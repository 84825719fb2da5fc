"""Small parts of the pages of seals and trust, without a browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from starlette.datastructures import FormData

from api.pages import seal_forms, seal_views, trust_views
from api.pages.verdict import joined
from keys.demonstration import make_demonstration_authority
from seal.lifecycle import STEPS, State
from seal.records import SealSummary
from seal.rules import management_rules
from trust.errors import Malformed
from trust.i18n import translator

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def summary(kind: str = "name", holder_kind: str = "office", name: str = "欧阳望舒之印") -> SealSummary:
    return SealSummary(
        "99000000000009", name, kind, "", holder_kind, "欧阳望舒", "11010519491231002X", "market", "演示省市场监督管理局",
        State.APPLIED, 0, "", "", NOW,
    )  # fmt: skip


def test_people_behind_a_seal_are_masked_for_the_public() -> None:
    rows = dict(seal_views.public_rows(summary(), "zh-CN", str))
    assert "欧阳望舒" not in "".join(rows.values())
    assert rows["印章编码"] == "99000000000009"
    assert "11010519491231002X" not in "".join(text for _, text in seal_views.identity(summary(), "zh-CN", str))


def test_a_name_seal_is_drafted_in_its_own_size() -> None:
    face = seal_forms.draft(summary(), str)
    assert face is not None
    assert (face.width, face.height) == ("20mm", "20mm")
    assert face.address.startswith("data:image/png;base64,")


def test_the_rules_of_use_come_apart_without_rest() -> None:
    blocks = seal_views.blocks(management_rules("演示省"))
    assert blocks[0] == ("h1", "演示省电子印章管理办法")
    [table] = [one for kind, one in blocks if kind == "table"]
    assert {row[0] for row in table["rows"]} == {step.title for step in STEPS.values()}
    assert all(len(row) == len(table["head"]) for row in table["rows"])
    assert not any("|" in text or "#" in text for kind, one in blocks if kind == "p" for _, text in one)


def test_every_step_of_a_page_says_what_it_brings_about() -> None:
    assert set(seal_views.PAGE_STEPS) == set(seal_forms.CONSEQUENCES)
    english = translator("en")
    assert all(english(text) != text for text in seal_forms.CONSEQUENCES.values())
    assert len({seal_views.step_title(name, english) for name in STEPS}) == len(STEPS)


def test_words_in_a_row() -> None:
    assert joined(["甲", "乙"], str) == "甲、乙"
    assert joined(["a", "b"], translator("en")) == "a, b"


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "९", "many"])
def test_a_limit_is_a_whole_number(limit: str) -> None:
    values = dict.fromkeys(("account", "reason"), "") | {"limit": limit}
    filled = seal_forms.Filled(values, ("*",), None, b"", b"")
    with pytest.raises(Malformed, match="正整数"):
        filled.permission().check()


def test_a_form_without_files_or_with_odd_ones() -> None:
    assert seal_forms.text_of(FormData([("reason", "  因故 ")]), "reason") == "因故"
    assert seal_forms.text_of(FormData([("reason", "一\x00二\r\n三\ud83d")]), "reason") == "一二\n三"
    assert seal_forms.new_seal(FormData([("name", "x")]), "market").department == "market"


def test_what_ends_soon_is_told_once_and_first_comes_first() -> None:
    authority = make_demonstration_authority("演示省", "990000", NOW, [("演示省教育厅", "11990000MB0D000292")])
    store = authority.trust_store()
    keys = [(name, one.certificate) for name, one in authority.signers().items()]
    assert trust_views.endings(store, keys, NOW + timedelta(days=1), str) == []
    later = trust_views.endings(store, keys, NOW + timedelta(days=25), str)
    assert {one["kind"] for one in later} == {"证书废止列表"}
    gone = trust_views.endings(store, keys, NOW + timedelta(days=365 * 6), str)
    assert [one["ends"] for one in gone] == sorted(one["ends"] for one in gone)
    assert {one["word"] for one in gone} >= {"已到期"}
    names = [one["name"] for one in gone if one["kind"] == "证书"]
    assert len(names) == len(set(names))
    rows = trust_views.anchors(store, NOW + timedelta(days=365 * 20), str)
    assert {one["tone"] for one in rows} == {"none"}
    assert {one["tone"] for one in trust_views.lists(store, NOW + timedelta(days=90), str)} == {"fail"}
    assert {one["tone"] for one in trust_views.keys(keys, store, NOW + timedelta(days=365 * 20), str)} == {"fail"}
