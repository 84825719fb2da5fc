"""The life of licences by the command line: every step, every refusal with the rule's code, every past moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli import run
from tests.journeys.inspected import ORGANISATION, inspected_at_once

Captured = pytest.CaptureFixture[str]
Call = Callable[..., tuple[int, list[dict[str, Any]]]]
Issue = Callable[..., str]
LONG_AGO = "2020-01-01T00:00:00+08:00"


@pytest.fixture
def call(place: Path, capsys: Captured) -> Call:
    """``(exit status, JSON lines)`` of one command in the module's region."""

    def do(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
        capsys.readouterr()
        status = run([*map(str, arguments), "--dir", str(place)])
        lines = capsys.readouterr().out.splitlines()
        return status, [json.loads(line) for line in lines if line.startswith("{")]

    return do


@pytest.fixture(scope="module", autouse=True)
def inspected(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    source = tmp_path_factory.mktemp("type") / "type.json"
    source.write_text(json.dumps(inspected_at_once(), ensure_ascii=False), "utf-8")
    assert run(["types", "import", str(source), "--dir", str(place)]) == 0


@pytest.fixture
def issue(call: Call, tmp_path: Path) -> Issue:
    """Issue the example with this seed; answers its id."""

    def do(seed: int, slug: str = ORGANISATION) -> str:
        status, [record] = call("types", "example", slug, "--seed", seed)
        assert status == 0
        source = tmp_path / f"{slug}-{seed}.json"
        source.write_text(json.dumps(record, ensure_ascii=False), "utf-8")
        status, [line] = call("issue", "--type", slug, "--input", source, "--out", tmp_path / "out")
        assert status == 0, line
        return str(line["licence_id"])

    return do


def stepped(call: Call, licence_id: str, name: str, *more: object) -> dict[str, Any]:
    status, [answer] = call("licence", name, licence_id, "--reason", "按规定办理", "--json", *more)
    assert status == 0, answer
    assert answer["event"]["step"] == name.replace("-", "_")
    assert answer["event"]["reason"] == "按规定办理"
    return answer


def shown(call: Call, licence_id: str, *more: object) -> dict[str, Any]:
    status, [answer] = call("licence", "show", licence_id, "--json", *more)
    assert status == 0
    return answer


def refused(call: Call, *arguments: object) -> str:
    status, [answer] = call("licence", *arguments, "--json")
    assert status == 1, answer
    return str(answer["error"]["code"])


def test_marks_come_and_go(call: Call, issue: Issue) -> None:
    one = issue(1)
    for step, state in (
        ("suspend", "SUSPENDED"),
        ("report-lost", "LOST"),
        ("found", "SUSPENDED"),
        ("resume", "CURRENT"),
    ):
        assert stepped(call, one, step)["state"] == state
    events = shown(call, one)["events"]
    assert [event["step"] for event in events] == ["issue", "suspend", "report_lost", "found", "resume"]
    assert shown(call, one, "--at", events[2]["effective"])["state"] == "LOST"
    assert stepped(call, one, "revoke", "--basis", "〔2026〕罚字 7 号")["event"]["basis"] == "〔2026〕罚字 7 号"
    assert refused(call, "resume", one, "--reason", "x") == "licence.step"


@pytest.mark.parametrize(
    ("step", "state", "more"),
    [("annul", "ANNULLED", ()), ("cancel", "CANCELLED", ()), ("transfer-out", "TRANSFERRED", ("--to", "650000"))],
)
def test_ends_are_for_good(call: Call, issue: Issue, place: Path, step: str, state: str, more: tuple[str, ...]) -> None:
    one = issue({"annul": 11, "cancel": 12, "transfer-out": 13}[step])
    assert stepped(call, one, step, *more)["state"] == state
    assert refused(call, "suspend", one, "--reason", "x") == "licence.step"


def test_a_revision_is_a_new_version_that_names_the_old(call: Call, issue: Issue, tmp_path: Path) -> None:
    one = issue(2)
    before = shown(call, one)
    source, out = tmp_path / "changes.json", tmp_path / "new.ofd"
    source.write_text(json.dumps({"address": "演示省演示市新址路 9 号"}, ensure_ascii=False), "utf-8")
    status, [made] = call("licence", "revise", one, "--input", source, "--reason", "住所变更", "--out", out, "--json")
    assert status == 0, made
    assert (made["version"], made["licence_number"], made["state"]) == (2, before["licence_number"], "CURRENT")
    assert made["event"]["step"] == "revise"
    assert out.read_bytes().startswith(b"PK")
    status, [proof] = call("licence", "lineage", one, "--json")
    assert (status, proof["unbroken"], proof["complete"]) == (0, True, True)
    assert proof["links"][1]["predecessor"] == {
        "licence_id": one, "file_digest": before["file_digest"], "kind": "revision"
    }  # fmt: skip
    status, [verdict] = call("verify", out, "--json")
    assert verdict["indication"] == "TOTAL-PASSED"
    assert [version["version"] for version in shown(call, made["licence_id"])["versions"]] == [1, 2]


def test_lost_and_issued_again(call: Call, issue: Issue, tmp_path: Path) -> None:
    one = issue(3)
    assert refused(call, "reissue", one, "--reason", "遗失") == "licence.step"
    stepped(call, one, "report-lost")
    made = stepped(call, one, "reissue")
    assert (made["version"], made["state"]) == (2, "CURRENT")
    _status, [old] = call("verify", tmp_path / "out" / next(p.name for p in (tmp_path / "out").iterdir()), "--json")
    assert (old["indication"], old["sub_indication"]) == ("TOTAL-FAILED", "LICENCE_SUPERSEDED")


def test_inspections_year_by_year(call: Call, issue: Issue, tmp_path: Path) -> None:
    one, report = issue(4), tmp_path / "年检报告.pdf"
    report.write_bytes(b"%PDF-1.4 report")
    status, [made] = call("licence", "inspect", one, "--result", "passed", "--remarks", "材料齐全",
                          "--evidence", report, "--json")  # fmt: skip
    assert status == 0, made
    found = made["event"]["inspection"]
    assert (found["result"], found["remarks"], found["evidence"]["name"]) == ("passed", "材料齐全", "年检报告.pdf")
    assert (
        refused(call, "inspect", one, "--result", "passed", "--period", found["period"]) == "licence.already_inspected"
    )
    assert refused(call, "inspect", one, "--result", "passed", "--period", "2019") == "licence.inspection_period"
    assert call("licence", "inspect", one, "--result", "splendid", "--json")[0] == 3
    assert [line["period"] for line in shown(call, one)["inspections"]] == [found["period"]]
    other = issue(5)
    status, [made] = call("licence", "inspect", other, "--result", "failed", "--json")
    assert (status, made["state"]) == (0, "SUSPENDED")
    assert refused(call, "inspect", issue(1, "business-licence"), "--result", "passed") == "licence.no_inspection"


def test_the_list_of_inspections(call: Call, issue: Issue) -> None:
    one, two = issue(21), issue(22)
    assert call("licence", "inspect", two, "--result", "passed")[0] == 0
    listed = {}
    for show in ("due", "overdue", "done"):
        status, lines = call("licence", "inspections", "--type", ORGANISATION, "--show", show, "--json")
        assert status == 0
        listed[show] = {line["licence_id"] for line in lines}
    assert one in listed["due"]
    assert two in listed["done"] - listed["due"]
    assert call("licence", "inspections", "--type", "nothing")[0] == 3


def test_renewed_only_when_the_rule_allows(call: Call, issue: Issue) -> None:
    assert refused(call, "renew", issue(6), "--reason", "到期换证").startswith("licence.renewal")
    assert refused(call, "renew", issue(2, "business-licence"), "--reason", "换证").startswith("licence.")


def test_as_it_was_and_as_was_known_then(call: Call, issue: Issue) -> None:
    one = issue(7)
    issued = shown(call, one)["events"][0]
    later = stepped(call, one, "suspend", "--effective", issued["effective"])["event"]
    assert later["effective"] == issued["effective"]
    assert later["recorded"] > issued["recorded"]
    assert shown(call, one, "--at", issued["effective"])["state"] == "SUSPENDED"
    assert shown(call, one, "--known-at", issued["recorded"])["state"] == "CURRENT"
    assert call("licence", "show", one, "--at", LONG_AGO, "--json")[0] == 3
    status, events = call("licence", "history", one, "--json", "--known-at", issued["recorded"])
    assert (status, [event["step"] for event in events]) == (0, ["issue"])
    code = shown(call, one)["holder_code"]
    status, held = call("licence", "holdings", code, "--json")
    assert (status, [(line["licence_id"], line["state"]) for line in held]) == (0, [(one, "SUSPENDED")])
    status, held = call("licence", "holdings", code, "--known-at", issued["recorded"], "--json")
    assert [line["state"] for line in held] == ["CURRENT"]
    assert call("licence", "holdings", code, "--at", LONG_AGO, "--json") == (0, [])


@pytest.mark.parametrize(
    ("account", "code", "status"),
    [
        ("education", "licence.unknown", 3),  # another department's licence is not there at all
        ("auditor", "licence.role", 1),
        ("admin", "licence.role", 1),
        ("keeper", "licence.reader", 1),
        ("approver", "licence.reader", 1),
    ],
)
def test_only_the_issuing_department_acts(
    call: Call, issue: Issue, capsys: Captured, account: str, code: str, status: int
) -> None:
    one = issue(1, "business-licence")
    found, _ = call("licence", "suspend", one, "--reason", "x", "--as", account)
    assert found == status
    run_again = run(["licence", "suspend", one, "--reason", "x", "--as", account, "--dir", "nowhere"])
    assert run_again == 3


@pytest.mark.parametrize(
    ("account", "reads"), [("market", 0), ("auditor", 0), ("admin", 0), ("education", 3), ("keeper", 1)]
)
def test_who_reads(call: Call, issue: Issue, account: str, reads: int) -> None:
    one = issue(1, "business-licence")
    for name in ("show", "history", "lineage"):
        assert call("licence", name, one, "--as", account, "--json")[0] == reads


HOSTILE: tuple[tuple[str, ...], ...] = (
    ("show", ""),
    ("show", "1.2.156.3005.2.x"),
    ("show", "\ud800"),
    ("show", "../../etc/passwd"),
    ("suspend", "1.2.156.3005.2.11990000MB0D000105001.11990000MB0D000105.QFTKIRSH00H4G09WN05X.001.P", "--reason", "x"),
    ("history", "ID", "--at", "yesterday"),
    ("history", "ID", "--known-at", "2026-01-01"),
    ("suspend", "ID", "--reason", "x", "--effective", LONG_AGO),
    ("suspend", "ID", "--reason", "x", "--effective", "2999-01-01T00:00:00Z"),
    ("suspend", "ID", "--reason", "长" * 501),
    ("suspend", "ID", "--reason", "控制\x07字符"),
    ("revise", "ID", "--input", "/nonexistent", "--reason", "x"),
    ("revise", "ID", "--input", "LIST", "--reason", "x"),
    ("revise", "ID", "--input", "UNKNOWN", "--reason", "x"),
    ("inspect", "ID", "--result", "passed", "--period", "MMXXVI"),
    ("inspect", "ID", "--result", "passed", "--evidence", "/nonexistent"),
    ("inspect", "ID"),
    ("suspend",),
    ("conjure", "ID"),
)


@pytest.mark.parametrize("arguments", HOSTILE, ids=lambda a: " ".join(a)[:40].encode("ascii", "replace").decode())
def test_nothing_silly_breaks_it(
    call: Call, issue: Issue, tmp_path: Path, capsys: Captured, arguments: tuple[str, ...]
) -> None:
    one = issue(8)
    files = {"LIST": [1, 2], "UNKNOWN": {"no_such_field": "x"}}
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content), "utf-8")
    given = [one if a == "ID" else tmp_path / a if a in files else a for a in arguments]
    status = run(["licence", *map(str, given), "--dir", "PLACE"])
    assert status == 3
    status, _ = call("licence", *given)
    said = capsys.readouterr().err
    assert status in (1, 3)
    assert "internal.fault" not in said


def test_people_read_it_too(call: Call, issue: Issue, place: Path, capsys: Captured) -> None:
    one = issue(9)
    for arguments, words in (
        (["show", one], "社会团体"),
        (["history", one], "签发"),
        (["suspend", one, "--reason", "核查"], "SUSPENDED"),
        (["lineage", one], one),
    ):
        capsys.readouterr()
        assert run(["licence", *arguments, "--dir", str(place)]) == 0
        assert words in capsys.readouterr().out
