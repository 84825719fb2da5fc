"""A seal's whole life by the command line, and every refusal with the rule's code."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli import run
from seal.impression import round_seal

Captured = pytest.CaptureFixture[str]
Call = Callable[..., tuple[int, list[dict[str, Any]]]]
EDUCATION = "99000000000002"


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
def basis(tmp_path: Path) -> Path:
    path = tmp_path / "批复.txt"
    path.write_text("同意", "utf-8")
    return path


def applied(call: Call, basis: Path, name: str, **options: str) -> str:
    more = [part for key, value in options.items() for part in (f"--{key}", value)]
    status, [answer] = call("seal", "apply", "--name", name, "--department", "education", "--kind", "contract",
                            "--basis", basis, "--json", *more)  # fmt: skip
    assert status == 0
    assert answer["state"] == "APPLIED"
    return str(answer["seal_id"])


def steps(call: Call, seal_id: str, *names: str) -> None:
    for name in names:
        status, [answer] = call("seal", name, seal_id, "--reason", "按规定", "--json")
        assert status == 0, answer
        assert answer["event"]["step"].startswith(name.replace("-", "_"))


def state_of(call: Call, seal_id: str, *options: str) -> str:
    status, [answer] = call("seal", "status", seal_id, "--json", *options)
    assert status == 0
    return str(answer["state"])


def test_a_seal_from_application_to_destruction(call: Call, basis: Path, tmp_path: Path) -> None:
    seal_id = applied(call, basis, "演示省教育厅合同专用章", purpose="签订合同")
    steps(call, seal_id, "approve", "make")
    assert state_of(call, seal_id) == "INACTIVE"
    steps(call, seal_id, "issue", "activate")
    assert state_of(call, seal_id) == "VALID"
    status, [grant] = call("seal", "grant", seal_id, "--type", "teacher-certificate", "--daily-limit", 2)
    assert status == 0
    steps(call, seal_id, "freeze")
    assert state_of(call, seal_id) == "FROZEN"
    steps(call, seal_id, "unfreeze")

    # another face: a new object of the same seal
    picture = tmp_path / "face.png"
    picture.write_bytes(round_seal("演示省教育厅", seal_id, centre_text="合同专用章", size_mm=40).picture)
    assert call("seal", "request", seal_id, "--change", "face", "--basis", basis)[0] == 0
    steps(call, seal_id, "approve")
    status, [changed] = call("seal", "change-face", seal_id, "--picture", picture, "--size", "40x40", "--json")
    assert (status, changed["object"], changed["state"]) == (0, 2, "ACTIVE")

    # another certificate, from our own authority
    request, certificate = tmp_path / "new.csr", tmp_path / "new.pem"
    subject = ["--subject", "C=CN", "--subject", "CN=演示省教育厅"]
    assert call("keys", "request", "education-2", *subject, "--out", request)[0] == 0
    assert call("trust", "certify", request, "--out", certificate)[0] == 0
    assert call("keys", "import", "education-2", certificate)[0] == 0
    assert call("seal", "request", seal_id, "--change", "certificate", "--basis", basis)[0] == 0
    steps(call, seal_id, "approve")
    status, [changed] = call("seal", "change-certificate", seal_id, "--key", "education-2", "--json")
    assert (status, changed["object"], changed["key"]) == (0, 3, "education-2")

    status, [shown] = call("seal", "show", seal_id, "--json", "--picture", tmp_path / "shown.png")
    assert [one["number"] for one in shown["objects"]] == [1, 2, 3]
    assert (tmp_path / "shown.png").read_bytes().startswith(b"\x89PNG")
    assert state_of(call, seal_id, "--digest", shown["objects"][0]["digest"]) == "SUPERSEDED"

    assert call("seal", "end-grant", seal_id, grant["grant"])[0] == 0
    assert call("seal", "report-lost", seal_id, "--reason", "介质遗失", "--since", "2026-11-01T00:00:00+08:00")[0] == 0
    assert state_of(call, seal_id) == "LOST"
    assert call("seal", "request", seal_id, "--change", "destruction", "--basis", basis)[0] == 0
    steps(call, seal_id, "approve", "destroy")
    assert state_of(call, seal_id) == "DESTROYED"
    assert state_of(call, seal_id, "--at", "2026-11-02T00:00:00+08:00") in ("LOST", "INACTIVE")


def test_a_confiscated_seal_is_destroyed(call: Call, basis: Path) -> None:
    seal_id = applied(call, basis, "演示省教育厅收缴章")
    steps(call, seal_id, "approve", "make")
    status, [refused] = call("seal", "confiscate", seal_id, "--reason", "撤销机构", "--json")
    assert (status, refused["error"]["code"]) == (1, "seal.basis_missing")
    assert call("seal", "confiscate", seal_id, "--reason", "撤销机构", "--basis", basis)[0] == 0
    steps(call, seal_id, "destroy")
    assert state_of(call, seal_id) == "DESTROYED"


def test_a_seal_made_elsewhere_is_imported(call: Call, basis: Path, place: Path, tmp_path: Path) -> None:
    """Made by another register of the same region's maker, with its own code."""
    from datetime import UTC, datetime

    from api.settings import load_settings
    from api.wiring import build
    from seal.making import SealApplication, make_seal

    with build(load_settings({}, dir=place)) as services:
        keyring = services.desk.region.keyring
        [key] = [n for n in keyring.names() if n.startswith("signer-11990000MB0D0003")]
        certificate, start = keyring.certificate(key), datetime.now(UTC).replace(microsecond=0)
        application = SealApplication("88000000000077", "演示省生态环境厅外制章", (certificate,), start, certificate.not_after)  # fmt: skip
        made = make_seal(application, keyring.signer("seal-maker"), round_seal("演示省生态环境厅", "1"), moment=start)
    (tmp_path / "made.esl").write_bytes(made)
    status, [answer] = call(
        "seal", "apply", "--name", "演示省生态环境厅外制章", "--department", "environment", "--id", "88000000000077",
        "--basis", basis, "--json",
    )  # fmt: skip
    assert (status, answer["seal_id"]) == (0, "88000000000077")
    steps(call, "88000000000077", "approve")
    assert call("seal", "import", "88000000000077", "--object", basis, "--json")[0] == 3
    status, [answer] = call("seal", "import", "88000000000077", "--object", tmp_path / "made.esl", "--json")
    assert (status, answer["state"], answer["key"]) == (0, "MADE", key)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["approve", EDUCATION, "--as", "education"], "seal.role"),
        (["freeze", EDUCATION, "--as", "auditor", "--reason", "r"], "seal.role"),
        (["freeze", EDUCATION], "seal.reason_missing"),
        (["unfreeze", EDUCATION, "--reason", "r"], "seal.step"),
        (["report-lost", EDUCATION, "--as", "market", "--reason", "r"], "seal.other_department"),
        (["request", EDUCATION, "--change", "face", "--as", "education"], "seal.basis_missing"),
        (["destroy", EDUCATION, "--reason", "r"], "seal.step"),
        (["uses", EDUCATION, "--as", "keeper"], "seal.role"),
        (["grant", EDUCATION, "--as", "admin"], "seal.role"),
        (["reseal", EDUCATION, "--as", "keeper", "--reason", "r"], "seal.role"),
        (["reseal", EDUCATION], "seal.reason_missing"),
    ],
)
def test_a_refused_step_exits_1_with_the_rules_code(
    place: Path, capsys: Captured, arguments: list[str], code: str
) -> None:
    assert run(["seal", *arguments, "--dir", str(place)]) == 1
    assert f" {code}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["seal", "show", "99999999999999"],
        ["seal", "status", "99999999999999"],
        ["seal", "status", EDUCATION, "--at", "yesterday"],
        ["seal", "approve"],
        ["seal", "approve", EDUCATION, "--as", "nobody"],
        ["seal", "apply", "--name", "x"],
        ["seal", "apply", "--name", "x", "--department", "education", "--basis", "/no/such/file"],
        ["seal", "make", EDUCATION, "--size", "big"],
        ["seal", "list", "--state", "SPLENDID"],
        ["seal", "frobnicate"],
        ["keys", "import", "none", "/no/such/file"],
        ["keys", "request", "bad name", "--subject", "CN=x", "--out", "/tmp/x"],
        ["keys", "request", "fine", "--subject", "rubbish", "--out", "/tmp/x"],
        ["trust", "remove", "1234", "--reason", "r"],
        ["trust", "import", "/no/such/file", "--crl"],
        ["trust", "import", "/etc/hostname"],
        ["trust", "revoke", "xyz"],
        ["trust", "crl", "none"],
    ],
)
def test_a_wrong_call_is_one_line_and_status_3(place: Path, capsys: Captured, arguments: list[str]) -> None:
    assert run([*arguments, "--dir", str(place)]) == 3
    output = capsys.readouterr()
    assert output.out == ""
    assert "internal.fault" not in output.err
    assert len(output.err.strip().splitlines()) == 1


def test_nobody_approves_or_makes_what_is_theirs(call: Call, basis: Path, place: Path) -> None:
    """Even where one person holds two accounts' names on the console, the request remembers who asked."""
    seal_id = applied(call, basis, "演示省教育厅自批章")
    status, [refused] = call("seal", "withdraw", seal_id, "--as", "education", "--json")
    assert (status, refused["error"]["code"]) == (1, "seal.not_own_request")
    steps(call, seal_id, "withdraw")
    assert call("seal", "approve", seal_id, "--json")[1][0]["error"]["code"] in ("seal.step", "seal.no_request")


def test_the_ledger_names_what_was_sealed_and_resealing_leaves_nothing_behind(
    call: Call, place: Path, tmp_path: Path, capsys: Captured
) -> None:
    assert run(["types", "example", "pollutant-permit", "--count", "3", "--seed", "9", "--dir", str(place)]) == 0
    records = tmp_path / "records.jsonl"
    records.write_text(capsys.readouterr().out, "utf-8")
    status, issued = call("issue", "--type", "pollutant-permit", "--input", records, "--out", tmp_path / "out")
    assert status == 0
    seal_id = "99000000000003"
    status, uses = call("seal", "uses", seal_id, "--from", "2026-01-01T00:00:00Z", "--json")
    assert status == 0
    assert {one["licence_id"] for one in issued} <= {one["subject"] for one in uses}
    status, concerned = call("seal", "reseal", seal_id, "--dry-run")
    assert {one["licence_id"] for one in issued} <= {one["licence_id"] for one in concerned}
    status, done = call("seal", "reseal", seal_id, "--reason", "密钥疑似泄露")
    assert status == 0
    assert {one["version"] for one in done} == {2}
    assert call("verify", issued[0]["files"]["ofd"], "--json")[1][0]["sub_indication"] == "LICENCE_SUPERSEDED"


def test_keys_are_rotated_backed_up_and_destroyed(call: Call, place: Path, tmp_path: Path) -> None:
    """Seals wait for their certificate to be changed; the journal's old anchors still hold."""
    assert call("journal", "check")[1][0]["intact"] is True
    before = {one["name"]: one["serial"] for one in call("keys", "list", "--json")[1]}
    for name in ("publisher", "tsa"):
        status, [rotated] = call("keys", "rotate", name, "--reason", "年度更换")
        assert status == 0
        assert rotated["serial"] != before[name]
    assert call("journal", "check")[1][0]["intact"] is True
    assert call("verify", place / "demo" / "teacher-certificate.ofd")[0] == 0
    assert call("keys", "rotate", "root", "--reason", "x")[0] == 1
    assert call("keys", "rotate", "tsa", "--as", "keeper")[0] == 1

    def masters() -> list[tuple[str, str]]:
        found = call("keys", "list", "--json")[1]
        return [(one["name"], one["state"]) for one in found if one["name"].startswith("uploads.")]

    assert masters() == [], "made at first use"
    names = [call("keys", "renew-master", "--reason", "年度更换")[1][0]["name"] for _ in range(2)]
    assert masters() == [(names[0], "opens"), (names[1], "current")]
    assert call("keys", "renew-master", "--as", "keeper")[0] == 1
    assert call("worker", "--once")[0] == 0
    destroy = ("keys", "destroy-master", names[0], "--reason", "年度更换")
    assert call(*destroy)[0] == 1, "what is under way may need it yet"
    os.utime(place / "keys" / f"{names[1]}.master.json", (0, 0))
    assert call(*destroy, "--as", "keeper")[0] == 1
    assert call(*destroy) == (0, [{"name": names[0], "destroyed": True}])
    assert masters() == [(names[1], "current")]
    for wrong in (names[0], names[1]):
        assert call("keys", "destroy-master", wrong, "--reason", "x")[0] == 1
    for silly in ("uploads", "uploads.x", "uploads.٣", "tsa.1", "uploads." + "9" * 40, ""):
        assert call("keys", "destroy-master", silly, "--reason", "x")[0] == 3

    status, [made] = call("keys", "backup", "--out", tmp_path / "b.json", "--name", "tsa")
    assert status == 0
    assert b"PRIVATE" not in (tmp_path / "b.json").read_bytes()
    assert made["passphrase"]
    assert call("keys", "destroy", "tsa", "--serial", before["tsa"])[0] == 1, "needs a reason"
    assert call("keys", "destroy", "tsa", "--serial", before["tsa"], "--reason", "已更换")[0] == 0
    assert call("keys", "destroy", "tsa", "--serial", before["tsa"], "--reason", "已更换")[0] == 1
    listed = [(one["name"], one["state"]) for one in call("keys", "list", "--json")[1]]
    assert {("tsa", "current"), ("tsa", "destroyed"), ("publisher", "retired")} <= set(listed)


def test_a_seal_whose_key_was_rotated_waits_for_its_new_certificate(
    call: Call, basis: Path, place: Path, tmp_path: Path, capsys: Captured
) -> None:
    seal_id = "99000000000001"
    key = call("seal", "show", seal_id, "--json")[1][0]["key"]
    assert call("keys", "rotate", key, "--reason", "年度更换")[0] == 0
    assert call("seal", "request", seal_id, "--change", "certificate", "--basis", basis)[0] == 0
    steps(call, seal_id, "approve", "change-certificate")
    assert run(["types", "example", "business-licence", "--seed", "41", "--dir", str(place)]) == 0
    record = tmp_path / "one.json"
    record.write_text(capsys.readouterr().out, "utf-8")
    status, [issued] = call("issue", "--type", "business-licence", "--input", record, "--out", tmp_path)
    assert status == 0, issued
    assert call("verify", issued["files"]["ofd"])[0] == 0
    assert call("verify", place / "demo" / "business-licence.ofd")[0] == 0, "what the old seal sealed stands"


def test_the_rules_are_printed(place: Path, capsys: Captured) -> None:
    assert run(["seal", "rules", "--dir", str(place)]) == 0
    assert capsys.readouterr().out.startswith("# 演示省电子印章管理办法")


def test_lists_for_people(place: Path, capsys: Captured) -> None:
    for arguments in (["seal", "list"], ["seal", "show", EDUCATION], ["keys", "list"], ["trust", "anchors"]):
        assert run([*arguments, "--dir", str(place)]) == 0
        assert "演示省" in capsys.readouterr().out
