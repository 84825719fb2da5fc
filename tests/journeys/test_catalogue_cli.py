"""The life of a type by the command line: draft, review, publication, grant, retirement, report upward."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli import run

Captured = pytest.CaptureFixture[str]
Call = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture
def call(place: Path, capsys: Captured) -> Call:
    """``(exit status, JSON lines)`` of one command in the module's region."""

    def do(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
        capsys.readouterr()
        status = run([*map(str, arguments), "--dir", str(place)])
        lines = capsys.readouterr().out.splitlines()
        return status, [json.loads(line) for line in lines if line.startswith("{")]

    return do


def exported(call: Call, folder: Path, slug: str, **changes: Any) -> Path:
    path = folder / f"{slug}.json"
    assert call("types", "export", slug, "--out", path)[0] == 0
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes, ensure_ascii=False), "utf-8")
    return path


def test_a_type_from_a_draft_to_its_retirement(call: Call, tmp_path: Path) -> None:
    path = exported(call, tmp_path, "nurse-certificate", name={"zh": "护士执业证书（新版）", "en": "Nurse"})
    status, [draft] = call("types", "draft", path, "--as", "health")
    assert (status, draft["state"], draft["problem"]) == (0, "DRAFT", None)
    status, [draft] = call("types", "draft", path, "--id", draft["draft"], "--as", "health")
    assert (status, draft["revision"], draft["hands"]) == (0, 2, ["health"])
    assert call("types", "draft", path, "--id", draft["draft"], "--as", "market")[0] == 3
    assert call("types", "submit", draft["draft"], "--as", "health")[1][0]["state"] == "REVIEW"
    assert [one["draft"] for one in call("types", "drafts", "--as", "admin")[1]] == [draft["draft"]]
    assert call("types", "drafts", "--as", "market")[1] == []
    refused = call("types", "publish", draft["draft"], "--as", "health", "--json")
    assert (refused[0], refused[1][0]["error"]["code"]) == (1, "type.role")
    status, [done] = call("types", "publish", draft["draft"], "--as", "admin")
    assert (status, done["state"]) == (0, "PUBLISHED")
    told = call("types", "changes")[1][-1]
    assert (told["event"], told["version"]) == ("publish", 2)

    first, second = tmp_path / "one.json", tmp_path / "two.json"
    for file, seed in ((first, "1"), (second, "2")):
        file.write_text(json.dumps(call("types", "example", "nurse-certificate", "--seed", seed)[1][0]), "utf-8")
    issue = ("issue", "--type", "nurse-certificate", "--out", tmp_path / "out", "--input")
    assert call(*issue, first)[0] == 0
    assert call("types", "retire", "nurse-certificate", "--as", "admin")[0] == 1
    assert call("types", "retire", "nurse-certificate", "--as", "admin", "--reason", "停用")[1][0]["state"] == "RETIRED"
    assert call(*issue, second)[0] in (1, 3)
    assert call("types", "restore", "nurse-certificate", "--reason", "恢复")[0] == 0
    assert call("types", "end-grant", "nurse-certificate", "--department", "health", "--reason", "调整")[0] == 0
    assert call(*issue, second)[0] in (1, 3)
    assert call("types", "grant", "nurse-certificate", "--department", "health")[0] == 0
    assert call(*issue, second)[0] == 0


def test_the_console_publishes_an_import_and_a_person_hands_it_in(call: Call, tmp_path: Path) -> None:
    path = exported(call, tmp_path, "teacher-certificate", notices={"days_before": [5]})
    status, [draft] = call("types", "import", path, "--draft")
    assert (status, draft["state"]) == (0, "DRAFT")
    status, [handed] = call("types", "import", path, "--as", "admin")
    assert (status, handed["state"]) == (0, "REVIEW")
    refused = call("types", "publish", handed["draft"], "--as", "admin", "--json")[1][0]
    assert refused["error"]["code"] == "type.same_hand"
    status, [at_once] = call("types", "import", path)
    assert (status, at_once["version"], at_once["departments"]) == (0, 2, ["education"])


def test_questions_to_the_catalogue(call: Call, tmp_path: Path, capsys: Captured) -> None:
    status, found = call("types", "materials", "DEMO-M-0001")
    assert (status, {one["slug"] for one in found}) == (0, {"business-licence", "social-organisation"})
    assert call("types", "materials", "nothing")[0] == 3
    status, [whole] = call("types", "show", "social-organisation", "--rules")
    assert whole["inspection"]["closes"] == "05-31" and whole["issuers"][0]["department"] == "civil"
    picture = tmp_path / "sample.png"
    assert call("types", "sample", "business-licence", "--out", picture)[0] == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert call("types", "draft")[0] == 3
    assert call("types", "submit", "nothing")[0] == 3
    assert call("types", "export", "business-licence", "--version", "99", "--out", tmp_path / "x")[0] == 3


def test_the_report_upward_is_signed(call: Call, place: Path, tmp_path: Path) -> None:
    report, bundle = tmp_path / "report.json", tmp_path / "bundle.json"
    assert call("types", "report", "--out", report)[0] == 0
    assert call("trust", "export", "--out", bundle)[0] == 0
    for trust in ((), ("--trust", bundle)):
        status, [read] = call("types", "check-report", report, *trust)
        assert (status, read["region"], len(read["types"])) == (0, "990000", 5)
    altered = tmp_path / "altered.json"
    altered.write_bytes(report.read_bytes().replace("营业执照".encode(), "营业热照".encode()))
    status, [read] = call("types", "check-report", altered)
    assert (status, read["error"]["code"]) == (1, "published.bad_signature")
    (tmp_path / "odd.json").write_text("{}")
    assert call("types", "check-report", tmp_path / "odd.json")[0] == 3


def test_openssl_agrees_about_the_report_s_signature(call: Call, tmp_path: Path) -> None:
    """As ``docs/licence-types.md`` shows it."""
    from base64 import b64decode

    from trust.canonical import canonical_json

    report = tmp_path / "report.json"
    call("types", "report", "--out", report)
    whole = json.loads(report.read_bytes())
    (tmp_path / "payload").write_bytes(canonical_json(whole["payload"]))
    (tmp_path / "signature").write_bytes(b64decode(whole["signature"]))
    (tmp_path / "publisher.der").write_bytes(b64decode(whole["certificates"][0]))
    key = ["openssl", "x509", "-inform", "DER", "-in", "publisher.der", "-pubkey", "-noout", "-out", "publisher.pem"]
    check = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "publisher.pem", "-rawin", "-digest", "sm3",
             "-in", "payload", "-sigfile", "signature", "-pkeyopt", "distid:1234567812345678"]  # fmt: skip
    subprocess.run(key, cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(check, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert "Verified Successfully" in done.stdout, done.stderr
