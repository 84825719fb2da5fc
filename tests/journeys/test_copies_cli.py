"""Copies by the command line: the same file passes for one purpose and day, and is refused for others by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.cli import run
from tests.journeys.conftest import TEACHER

Captured = pytest.CaptureFixture[str]
Call = Callable[..., tuple[int, list[dict[str, Any]]]]
RECIPIENT, PURPOSE = "演示省住房公积金中心", "提取住房公积金"
NEXT_MONTH = (date.today() + timedelta(days=30)).isoformat()
LATER = f"{(date.today() + timedelta(days=40)).isoformat()}T08:00:00+08:00"
MINE = ("--purpose", PURPOSE, "--recipient", RECIPIENT)


@pytest.fixture
def call(place: Path, capsys: Captured) -> Call:
    """``(exit status, JSON lines)`` of one command in the module's region."""

    def do(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
        capsys.readouterr()
        status = run([*map(str, arguments), "--dir", str(place)])
        lines = capsys.readouterr().out.splitlines()
        return status, [json.loads(line) for line in lines if line.startswith("{")]

    return do


@pytest.fixture
def licence(call: Call, tmp_path: Path) -> str:
    _, [record] = call("types", "example", TEACHER, "--seed", abs(hash(str(tmp_path))) % 100_000)
    source = tmp_path / "record.json"
    source.write_text(json.dumps(record, ensure_ascii=False), "utf-8")
    status, [line] = call("issue", "--type", TEACHER, "--input", source, "--out", tmp_path / "out")
    assert status == 0, line
    return str(line["licence_id"])


@pytest.fixture
def make(call: Call, licence: str, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def do(*more: object) -> dict[str, Any]:
        out = tmp_path / "copy"
        wanted = ("--to", RECIPIENT, "--purpose", PURPOSE, "--until", NEXT_MONTH, "--out", out)
        status, [answer] = call("copy", "make", licence, *wanted, "--json", *more)
        assert status == 0, answer
        return answer

    return do


def refused(answer: tuple[int, list[dict[str, Any]]]) -> str:
    status, [line] = answer
    assert status == 1
    return str(line["error"]["code"])


@pytest.mark.parametrize("form", ["ofd", "pdf"])
def test_one_copy_two_purposes_two_days(call: Call, make: Callable[..., dict[str, Any]], form: str) -> None:
    file = make("--count", 2, "--format", form)["file"]
    for more, status, sub in (
        (MINE, 0, None),
        ((), 2, "COPY_PURPOSE_NOT_STATED"),
        (("--purpose", "申请贷款", "--recipient", RECIPIENT), 1, "COPY_PURPOSE_DIFFERS"),
        (("--purpose", PURPOSE, "--recipient", "某银行"), 1, "COPY_RECIPIENT_DIFFERS"),
        ((*MINE, "--at", LATER), 1, "COPY_EXPIRED"),
    ):
        answered, [report] = call("verify", file, "--json", *more)
        assert (answered, report["sub_indication"]) == (status, sub), more


def test_uses_are_counted_by_acceptance(call: Call, make: Callable[..., dict[str, Any]]) -> None:
    made = make("--count", 1)
    accept = ("copy", "accept", made["file"], "--purpose", PURPOSE, "--case", "0042", "--json")
    assert refused(call("copy", "accept", made["copy_id"], "--purpose", "申请贷款", "--to", RECIPIENT, "--json")) == (
        "copy.purpose_differs"
    )
    status, [use] = call(*accept, "--to", RECIPIENT, "--key", "k1")
    assert (status, use["number"], use["left"], use["digest"]) == (0, 1, 0, made["digest"])
    status, [again] = call(*accept, "--to", RECIPIENT, "--key", "k1")
    assert (status, again["number"], again["replayed"]) == (0, 1, True)
    assert refused(call(*accept, "--to", RECIPIENT)) == "copy.used_up"
    answered, [report] = call("verify", made["file"], "--json", *MINE)
    assert (answered, report["sub_indication"]) == (1, "COPY_USED_UP")
    status, [shown] = call("copy", "show", made["copy_id"], "--json")
    assert (status, shown["state"], shown["used"], len(shown["refusals"])) == (0, "USED_UP", 1, 2)


def test_taken_back_it_is_refused(call: Call, make: Callable[..., dict[str, Any]], place: Path) -> None:
    made = make("--mask", "ethnic_group")
    assert made["masked"] == ["ethnic_group"]
    status, [link] = call("copy", "link", made["copy_id"], "--minutes", 5, "--json")
    assert status == 0
    assert "/d/" in link["url"]
    status, [refusal] = call(
        "copy", "refuse", made["copy_id"], "--purpose", PURPOSE, "--to", RECIPIENT, "--reason", "字迹不清", "--json"
    )
    assert (status, refusal["code"]) == (0, "copy.clerk")
    status, [gone] = call("copy", "revoke", made["copy_id"], "--reason", "不再需要", "--json")
    assert (status, gone["state"]) == (0, "REVOKED")
    assert refused(call("copy", "revoke", made["copy_id"], "--json")) == "copy.revoked_already"
    assert refused(call("copy", "link", made["copy_id"], "--json")) == "copy.revoked"
    answered, [report] = call("verify", made["file"], "--json", *MINE)
    assert (answered, report["sub_indication"]) == (1, "COPY_REVOKED")
    status, [shown] = call("copy", "show", made["copy_id"], "--json")
    assert [one["state"] for one in shown["links"]] == ["withdrawn"]


def test_a_holder_s_copies_are_listed(
    call: Call, make: Callable[..., dict[str, Any]], licence: str, place: Path
) -> None:
    ids = {make()["copy_id"], make("--count", 3)["copy_id"]}
    status, [history] = call("licence", "show", licence, "--json")
    status, lines = call("copy", "list", "--holder", history["holder_code"], "--json")
    assert (status, {one["copy_id"] for one in lines}) == (0, ids)
    assert {one["original"]["id"] for one in lines} == {licence}


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["make", "nonsense", "--to", "x", "--purpose", "y", "--until", NEXT_MONTH, "--out", "/nowhere/x"], 3),
        (["make", "m-nothing", "--to", "x", "--purpose", "y", "--until", NEXT_MONTH, "--out", "/nowhere/x"], 3),
        (["make", "x", "--to", "x", "--purpose", "y", "--until", "2026-02-30", "--out", "/nowhere/x"], 3),
        (["make", "x", "--to", "x", "--purpose", "y", "--until", "tomorrow", "--out", "/nowhere/x"], 3),
        (["make", "x", "--to", "x", "--purpose", "y", "--until", "9999-12-31", "--out", "/nowhere/x"], 3),
        (["make", "x", "--to", "x", "--purpose", "y", "--until", NEXT_MONTH, "--count", "-1", "--out", "x"], 3),
        (["show", "c-000000000000000000000000"], 3),
        (["revoke", "\ud800"], 3),
        (["list", "--holder", ""], 3),
        (["link", "c-000000000000000000000000", "--minutes", "0"], 3),
        (["accept", "/nowhere", "--purpose", "x"], 3),
        (["accept", "c-000000000000000000000000", "--purpose", "x", "--to", "y"], 3),
        (["accept", __file__, "--purpose", "x", "--to", "y"], 1),
        (["accept", __file__, "--purpose", "", "--to", "y"], 3),
        (["refuse", "c-000000000000000000000000", "--purpose", "x", "--to", "y", "--reason", ""], 3),
    ],
)
def test_wrong_calls_are_told_in_a_line(place: Path, capsys: Captured, arguments: list[str], status: int) -> None:
    assert run(["copy", *arguments, "--dir", str(place)]) == status
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "internal.fault" not in told
