"""Every line of ``tests/vectors/copies.json`` gets the verdict it states, for the reason it states."""

from __future__ import annotations

from typing import Any

import pytest

from seal.copies import MASKED, watermark_lines
from seal.ofd.package import open_package
from tests.verify import copy_world
from tests.verify.cases import codes
from tests.verify.copy_world import PURPOSE, build, load, message_of, terms_of, verify


@pytest.mark.parametrize("case", load(), ids=[case["name"] for case in load()])
def test_case(case: dict[str, Any]) -> None:
    report = verify(case)
    expected = case["expect"]
    assert (str(report.indication), report.sub_indication) == (expected["indication"], expected["sub_indication"]), (
        codes(report)
    )
    if expected["code"] is not None:
        assert expected["code"] in codes(report)


def test_there_are_enough_and_each_is_told_apart() -> None:
    names = [case["name"] for case in load()]
    assert len(names) >= 100
    assert len(set(names)) == len(names)
    attacks = [case for case in load() if {"before", "after", "seal", "by"} & case.keys()]
    assert len(attacks) >= 40
    assert len({case["expect"]["code"] for case in load()}) >= 25


@pytest.mark.parametrize("form", ["ofd", "pdf"])
def test_one_copy_under_two_purposes_and_two_dates(form: str) -> None:
    data = build({"form": form})
    asked = [
        ({"stated": {"purpose": PURPOSE}}, "TOTAL-PASSED"),
        ({"stated": {"purpose": "办理贷款"}}, "TOTAL-FAILED"),
        ({"stated": {"purpose": PURPOSE}, "moment": "+31d"}, "TOTAL-FAILED"),
        ({"stated": {}}, "INDETERMINATE"),
    ]
    assert [str(verify(question, data).indication) for question, _ in asked] == [want for _, want in asked]


@pytest.mark.parametrize(
    ("level", "words"),
    [
        ("A", "此件由演示省市场监督管理局提供，仅供办理政务服务事项时使用，有效期至"),
        ("B", "此件经与原件核对无误，仅供办理政务服务事项时使用，有效期至"),
        ("C", "此件由本用户按原件上传，请政务服务窗口人员受理时与原件核对"),
        ("D", "本用户对此材料的真实性负责"),
    ],
)
def test_the_words_are_those_of_the_source(level: str, words: str) -> None:
    assert watermark_lines(terms_of({"level": level})[0])[0].startswith(words)


@pytest.mark.parametrize("form", ["ofd", "pdf"])
def test_a_copy_holds_nothing_of_the_original(form: str) -> None:
    message = message_of()
    hidden = message.face_value("name").value if message.face_value("name") else message.metadata["holder_name"]
    field = next(one.name for one in message.face if one.value == hidden)
    data = build({"form": form, "request": {"masked": [field]}})
    parts = list(open_package(data).entries.values()) if form == "ofd" else _streams(data)
    whole = b"\0".join(parts)
    for secret in (hidden, message.nonce, message.disclosure_root, *(one.salt for one in message.face)):
        assert secret.encode() not in whole
    assert message.to_bytes() not in whole
    report = verify({"form": form}, data)
    assert str(report.indication) == "TOTAL-PASSED"
    assert {name: text for name, _, text in report.face}[field] == MASKED


def _streams(data: bytes) -> list[bytes]:
    import io

    import pikepdf

    with pikepdf.open(io.BytesIO(data)) as opened:
        return [
            data,
            *(one.read_bytes() for one in opened.objects if isinstance(one, pikepdf.Stream) and "/Width" not in one),
        ]


def test_the_report_tells_the_terms() -> None:
    told = verify({}).to_json()["document"]
    assert isinstance(told, dict)
    assert (told["copy"]["purpose"], told["copy"]["uses"], told["copy"]["level"]) == (PURPOSE, 2, "A")
    assert told["copy"]["original"]["sm3"] == copy_world.ORIGINAL


@pytest.mark.parametrize("form", ["ofd", "pdf"])
def test_every_single_octet_counts(form: str) -> None:
    data = build({"form": form, "level": "D"})
    fine = 0
    for step in range(40):
        changed = copy_world.flip(data, terms_of({})[0], at=(step + 0.5) / 41)
        fine += str(verify({}, changed).indication) == "TOTAL-PASSED"
    assert fine == 0
