"""Materials on the command line: a scan from C to B, a refusal, provenance checked with a bundle and no region."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli import run
from tests.licence_store.materials.world import citizen, picture

HOLDER = citizen("99010119940117002")
SAME = ("--compared", "编号", "2026１", "20261", "--original-seen", "--reason", "与原件核对无误")
Told = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.fixture
def told(region_folder: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """Run a command in the region: exit status, JSON lines, what was said."""

    def do(*arguments: str) -> tuple[int, list[dict[str, Any]], str]:
        capsys.readouterr()
        status = run([*arguments, "--dir", str(region_folder)])
        out, said = capsys.readouterr()
        return status, [json.loads(line) for line in out.splitlines() if line.startswith("{")], said

    return do


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "扫描.png"
    path.write_bytes(picture(5))
    return path


def add(told: Told, scan: Path, *more: str, kind: str = "licence_scan") -> str:
    status, [made], _ = told(
        "material", "add", str(scan), "--holder", HOLDER, "--kind", kind, "--title", "教师资格证书", "--json", *more
    )
    assert status == 0
    return str(made["id"])


def test_from_c_to_b_and_proved_without_the_region(told: Told, scan: Path, tmp_path: Path, region_folder: Path) -> None:
    item = add(told, scan, "--type", "teacher-certificate", "--number", "20261", "--case", "K-9")
    assert [one["id"] for one in told("material", "waiting")[1]] == [item]
    assert told("material", "show", item, "--json")[1][0]["level"] == "C"
    status, _, said = told(
        "material", "check", item, "--compared", "姓名", "甲", "乙", "--original-seen", "--reason", "x"
    )
    assert (status, "material.differs" in said) == (1, True)
    assert told("material", "check", item, *SAME)[0] == 0
    [shown] = told("material", "show", item, "--holder", HOLDER, "--json")[1]
    assert (shown["level"], shown["usable"], shown["case_number"]) == ("B", "directly", "K-9")
    assert [one["step"] for one in told("material", "history", item)[1]] == ["add", "link", "check"]
    graph, bundle = tmp_path / "graph.json", tmp_path / "bundle.json"
    assert told("material", "provenance", item, "--out", str(graph))[0] == 0
    assert told("trust", "export", "--out", str(bundle))[0] == 0
    shutil.rmtree(region_folder)
    status, [report], _ = told("material", "check-provenance", str(graph), "--trust", str(bundle))
    assert (status, report["level"], report["holds"]) == (0, "B", True)
    assert report["checked"]["department"] == "演示省教育厅"
    graph.write_bytes(graph.read_bytes().replace("核对无误".encode(), "核对有误".encode()))
    status, [report], _ = told("material", "check-provenance", str(graph), "--trust", str(bundle))
    assert (status, report["holds"]) == (1, False)


def test_a_window_refuses_scans_and_receives(told: Told, scan: Path) -> None:
    item = add(told, scan, "--department", "health", kind="third_party_report")
    status, [refused], _ = told("material", "refuse", item, "--reason", "incomplete", "--words", "缺第2页", "--json")
    assert (status, refused["state"], refused["refusal"]["code"]) == (0, "refused", "incomplete")
    status, [fresh], _ = told("material", "replace", item, str(scan), "--holder", HOLDER, "--json")
    assert (status, fresh["level"], fresh["state"]) == (0, "D", "active")
    status, _, said = told("material", "scan", str(scan), "--holder", HOLDER, "--title", "毕业证", *SAME)
    assert (status, "material.department" in said) == (1, True)  # the console belongs to no department
    assert told("material", "link", "K-1", fresh["id"])[0] == 0
    assert told("material", "link", "K-1", "--title", "身份证复印件", "--holder", HOLDER)[0] == 0
    assert [one["received"] for one in told("material", "case", "K-1")[1]] == ["attachment", "paper"]
    assert told("material", "delete", fresh["id"], "--holder", HOLDER)[0] == 0
    states = {one["id"]: one["state"] for one in told("material", "list", "--holder", HOLDER, "--state", "deleted")[1]}
    assert states == {fresh["id"]: "deleted"}


SILLY = [
    (("material", "show", "m-none"), 3, "material.unknown"),
    (("material", "show", "m-\udcff"), 3, ""),
    (("material", "check", "m-none", *SAME), 3, "material.unknown"),
    (("material", "refuse", "m-none", "--reason", "x"), 3, "material.unknown"),
    (("material", "better", "m-none", "--take"), 3, "material.unknown"),
    (("material", "list", "--holder", ""), 3, "holder.code"),
    (("material", "add", "/no/such", "--holder", HOLDER, "--kind", "self_made", "--title", "x"), 3, "file.unreadable"),
    (("material", "check-provenance", "/no/such"), 3, "file.unreadable"),
    (("material", "link", " ", "--title", "x"), 3, "material.case"),
    (("material", "waiting", "--show", "all", "--kind", "x"), 3, "material.kind"),
    (("material", "nonsense"), 3, "cli.usage"),
]


@pytest.mark.parametrize(("arguments", "status", "code"), SILLY, ids=[" ".join(one[0][:2]) for one in SILLY])
def test_silly_calls_are_answered(told: Told, arguments: tuple[str, ...], status: int, code: str) -> None:
    found, _, said = told(*arguments)
    assert (found, code in said) == (status, True)
    assert "internal.fault" not in said
    assert "Traceback" not in said
