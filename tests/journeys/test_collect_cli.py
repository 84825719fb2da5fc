"""Collection by the command line: declared, run, killed, mended by hand and by file, run again, reported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from api.cli import run
from licence_store.definitions import shipped_definitions

Captured = pytest.CaptureFixture[str]
Call = Callable[..., tuple[int, list[dict[str, Any]]]]
[BUSINESS] = [one for one in shipped_definitions() if one.slug == "business-licence"]


@pytest.fixture
def call(place: Path, capsys: Captured) -> Call:
    """``(exit status, JSON lines)`` of one command in the module's region."""

    def do(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
        capsys.readouterr()
        status = run([*map(str, arguments), "--dir", str(place)])
        lines = capsys.readouterr().out.splitlines()
        return status, [json.loads(line) for line in lines if line.startswith("{")]

    return do


def declaration(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "title": f"来源{name}", "type": "business-licence", "department": "market",
            "key": ["credit_code"], **more}  # fmt: skip


def declared(call: Call, folder: Path, name: str, **more: Any) -> None:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(declaration(name, **more)), encoding="utf-8")
    status, [answer] = call("collect", "add", path)
    assert (status, answer["id"], answer["connector"]) == (0, name, more.get("connector", {}).get("kind", "upload"))


def delivery(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def rows(count: int, seed: int) -> list[dict[str, str]]:
    return list(BUSINESS.example_records(count, seed))


def test_a_source_from_the_declaration_to_the_report(call: Call, tmp_path: Path) -> None:
    declared(call, tmp_path, "first")
    given = rows(6, 41)
    given[1]["company_type"] = "?"
    given[2] |= {"registered_capital": "many", "credit_code": given[2]["credit_code"][:-1] + "?"}
    given[4]["name"] = "=HYPERLINK(1)"
    given[4]["address"] = ""
    path = delivery(tmp_path / "in.jsonl", given)
    status, [view] = call("collect", "run", "first", "--file", path, "--json")
    assert (status, view["state"], view["counts"]["issued"], view["counts"]["held"]) == (1, "done", 3, 3)
    status, held = call("collect", "quarantine", "list", "--source", "first", "--json")
    assert (status, sorted(one["row"] for one in held)) == (0, [2, 3, 5])
    assert all(finding["message"] for one in held for finding in one["findings"])
    by_row = {one["row"]: one for one in held}

    status, [one] = call("collect", "quarantine", "mend", by_row[2]["id"], "--set", "company_type=普通合伙企业",
                         "--revision", by_row[2]["revision"], "--json")  # fmt: skip
    assert (status, one["state"], one["record"]["company_type"]) == (0, "mended", "普通合伙企业")
    status, [refused] = call("collect", "quarantine", "mend", by_row[2]["id"], "--set", "company_type=股份有限公司（上市）",
                             "--revision", by_row[2]["revision"], "--json")  # fmt: skip
    assert (status, refused["error"]["code"]) == (1, "quarantine.moved")
    status, [done] = call("collect", "quarantine", "discard", by_row[3]["id"], "--reason", "重复录入", "--json")
    assert (status, done) == (0, {"discarded": 1})

    book = tmp_path / "held.xlsx"
    assert call("collect", "quarantine", "export", "--source", "first", "--out", book)[0] == 0
    sheet = load_workbook(book)
    cells = {cell.value: cell for line in sheet.worksheets[0].iter_rows() for cell in line if cell.value}
    assert cells["=HYPERLINK(1)"].data_type == "s"
    mend_in_book(book, {by_row[5]["id"]: {"name": "演示省改好有限公司", "address": "改好路1号"}})
    status, [told] = call("collect", "quarantine", "import", book, "--json")
    assert (status, told) == (0, {"mended": 2, "failed": 0})
    status, [again] = call("collect", "rerun", "first", "--json")
    assert (status, again["counts"]["issued"], again["counts"]["held"]) == (0, 2, 0)
    status, [same] = call("collect", "run", "first", "--file", path, "--json")
    assert (status, same["counts"]["unchanged"], same["counts"]["held"]) == (0, 6, 0)

    report = tmp_path / "quality.xlsx"
    status, [quality] = call("collect", "quality", "--source", "first", "--xlsx", report, "--json")
    assert (status, quality["quarantine"]) == (0, {"open": 0, "mended": 0, "released": 2, "discarded": 1})
    assert load_workbook(report).sheetnames == ["来源质量", "规则统计", "归集批次"]
    status, [shown] = call("collect", "show", "first", "--json")
    assert (status, len(shown["runs"]), shown["items"]["issued"]) == (0, 3, 5)
    assert call("collect", "status", shown["runs"][0]["run"], "--json")[1][0]["number"] == 3
    assert call("collect", "close", "first", "--reason", "并入省级库")[0] == 0
    status, [refused] = call("collect", "run", "first", "--file", path, "--json")
    assert (status, refused["error"]["code"]) == (1, "source.closed")


def mend_in_book(path: Path, changes: dict[str, dict[str, str]]) -> None:
    book = load_workbook(path)
    sheet = book.worksheets[0]
    head = [cell.value for cell in sheet[1]]
    for line in sheet.iter_rows(min_row=2):
        for name, value in changes.get(str(line[0].value), {}).items():
            line[head.index(name)].value = value
    book.save(path)


def test_a_folder_and_a_check_before_sealing(call: Call, place: Path, tmp_path: Path) -> None:
    from licence_store.collection.connectors.files import digest_of

    folder = place / "collect" / "monthly"
    folder.mkdir(parents=True)
    delivery(folder / "a.jsonl", rows(4, 43))
    manifest = {"delivery": "2026-11", "files": [{"name": "a.jsonl", "sm3": digest_of(folder / "a.jsonl")}]}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    declared(call, tmp_path, "monthly", connector={"kind": "folder", "path": "monthly"}, schedule="every 1d")
    status, [checked] = call("collect", "run", "monthly", "--check", "--json")
    assert (status, checked["kind"], checked["counts"]["issued"]) == (0, "check", 0)
    status, [sealed] = call("collect", "run", "monthly", "--json")
    assert (status, sealed["counts"]["issued"]) == (0, 4)
    (folder / "a.jsonl").write_text("{}\n", encoding="utf-8")
    status, [wrong] = call("collect", "run", "monthly", "--json")
    assert (status, wrong["state"], wrong["error"]["code"]) == (1, "failed", "delivery.digest")
    status, [asked] = call("collect", "run", "monthly", "--background")
    assert (status, list(asked)) == (0, ["job_id"])


@pytest.mark.parametrize(("kills", "count"), [(1, 70), pytest.param(6, 600, marks=pytest.mark.long)])
def test_kill_9_and_gone_on_with(call: Call, place: Path, tmp_path: Path, kills: int, count: int) -> None:
    """Processes that are killed again and again lose nothing and double nothing."""
    declared(call, tmp_path, f"killed-{kills}")
    wanted = rows(count, 47 + kills)
    path = delivery(tmp_path / "many.jsonl", wanted)
    command = [sys.executable, "-c", "from api.cli import main; main()", "collect", "run", f"killed-{kills}", "--file", str(path),
               "--dir", str(place)]  # fmt: skip
    for _ in range(kills):
        process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = len(issued(place, wanted))
        ends = time.monotonic() + 20
        while process.poll() is None and len(issued(place, wanted)) == before and time.monotonic() < ends:
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    status, [view] = call("collect", "run", f"killed-{kills}", "--file", path, "--json")
    assert (view["state"], view["counts"]["seen"], view["counts"]["held"]) == ("done", count, 0)
    assert status == 0
    numbers = issued(place, wanted)
    assert len(numbers) == len(set(numbers)) == count


def issued(place: Path, wanted: list[dict[str, str]]) -> list[str]:
    """Numbers of the licences that these records have become."""
    from sqlalchemy import select

    from licence_store.desk import DeskSettings, open_desk
    from licence_store.models import Licence

    desk = open_desk(DeskSettings(place))
    try:
        with desk.sessions.read() as session:
            return list(session.execute(select(Licence.number).where(Licence.number.in_([row["credit_code"] for row in wanted]))).scalars())
    finally:
        desk.close()


WRONG: list[tuple[list[str], int]] = [
    (["collect", "add", "nowhere.json"], 3),
    (["collect", "show", "nobody"], 3),
    (["collect", "run", "nobody"], 3),
    (["collect", "run", "x" * 500], 3),
    (["collect", "run", "\x00"], 3),
    (["collect", "rerun", "nobody"], 3),
    (["collect", "status", "nobody"], 3),
    (["collect", "status", "0" * 32], 3),
    (["collect", "quality", "--source", "nobody"], 3),
    (["collect", "quarantine", "show", "nobody"], 3),
    (["collect", "quarantine", "show", "\udcff"], 3),
    (["collect", "quarantine", "mend", "nobody", "--set", "x"], 3),
    (["collect", "quarantine", "mend", "nobody", "--set", "x=y"], 3),
    (["collect", "quarantine", "discard", "nobody", "--reason", "x"], 3),
    (["collect", "quarantine", "discard", "nobody", "--reason", ""], 3),
    (["collect", "quarantine", "import", "nowhere.xlsx"], 3),
    (["collect", "quarantine", "export", "--source", "nobody", "--out", "x.xlsx"], 3),
    (["collect", "frobnicate"], 3),
]


@pytest.mark.parametrize(("arguments", "expected"), WRONG)
def test_wrong_calls_are_one_readable_line(call: Call, capsys: Captured, arguments: list[str], expected: int) -> None:
    status, _ = call(*arguments)
    assert status == expected
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"id": 1}', b"[" * 10_000])
def test_declarations_that_say_nothing_sound(call: Call, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    assert call("collect", "add", tmp_path / "x.json")[0] == 3
