"""The case a licence comes from: by every door of issuing, sealed with it, and back again."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from api.cli import run
from licence_store.cases import Casework
from tests.journeys.conftest import TEACHER, Live, make_token

People = Callable[[int, int], list[dict[str, str]]]
CASE = {"number": "990000-2026-88", "service_item": "教师资格认定", "result_document": "", "valid_until": "2027-06-30"}


def sealed_case(live: Live, licence_id: str) -> dict[str, str] | None:
    case = live.services.register.find(licence_id).message.case
    return case.to_json() if case else None


EXPECTED = {"case_number": CASE["number"], "service_item": CASE["service_item"], "result_document": "",
            "result_valid_until": CASE["valid_until"]}  # fmt: skip


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv"])
def test_case_columns_of_a_file(
    live: Live, people: People, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    [record] = people(1, 100 + len(suffix))
    file = tmp_path / f"records{suffix}"
    if suffix == ".csv":
        row = record | {f"case.{name}": value for name, value in CASE.items()} | {"paper.number": "A1"}
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, list(row))
            writer.writeheader()
            writer.writerow(row)
    else:
        file.write_text(json.dumps({**record, "case": CASE}, ensure_ascii=False), "utf-8")
    command = ["issue", "--type", TEACHER, "--input", str(file), "--out", str(tmp_path / "out"), "--dir", str(live.place)]
    assert run(command) == 0
    issued = json.loads(capsys.readouterr().out)
    assert sealed_case(live, issued["licence_id"]) == EXPECTED
    assert run(["verify", issued["files"]["ofd"], "--dir", str(live.place)]) == 0
    assert issued["licence_id"] in Casework(live.services.desk.sessions).of_case(CASE["number"])


def test_a_wrong_case_is_an_error_of_its_row(
    live: Live, people: People, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [record] = people(1, 120)
    file = tmp_path / "records.jsonl"
    file.write_text(json.dumps({**record, "case": {"nummer": "7"}}) + "\n", "utf-8")
    assert run(["issue", "--type", TEACHER, "--input", str(file), "--out", str(tmp_path), "--dir", str(live.place)]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "record.reserved"


def test_the_case_over_http(live: Live, people: People) -> None:
    [record, other] = people(2, 130)
    with live.client(Authorization=f"Bearer {make_token(live)}") as client:
        body = {"type": TEACHER, "record": record, "case": CASE, "paper": {"number": "B2"}}
        answer = client.post("/api/v1/licences", json=body, headers={"Idempotency-Key": "case-1"})
        assert answer.status_code == 201, answer.text
        licence_id = answer.json()["licence_id"]
        read = client.get(f"/api/v1/licences/{licence_id}", params={"purpose": "test"}).json()
        assert read["case"] == CASE
        plain = client.post("/api/v1/licences", json={"type": TEACHER, "record": other}, headers={"Idempotency-Key": "c2"})
        path = f"/api/v1/licences/{plain.json()['licence_id']}"
        assert client.get(path, params={"purpose": "test"}).json()["case"] is None
        wrong = {"type": TEACHER, "record": other, "case": {"number": "7", "valid_until": "soon"}}
        refused = client.post("/api/v1/licences", json=wrong, headers={"Idempotency-Key": "c3"})
        assert (refused.status_code, refused.json()["code"]) == (422, "record.extras")


def test_the_case_on_the_issue_form(live: Live, people: People) -> None:
    [record] = people(1, 140)
    with live.client() as client:
        client.follow_redirects = True
        csrf = sign_in(client, live, "education")
        given = {**record, **{f"case.{name}": value for name, value in CASE.items()}, "csrf": csrf}
        checked = client.post(f"/issue/{TEACHER}/check", data=given)
        assert CASE["number"] in checked.text
        wrong = client.post(f"/issue/{TEACHER}/check", data=given | {"case.number": ""})
        assert wrong.status_code == 422
        assert "<details class=\"case\" open>" in wrong.text
        issued = client.post(f"/issue/{TEACHER}", data=given)
        licence_id = re.search(r"/licences/([^?]+)", str(issued.url))
        assert licence_id
        assert sealed_case(live, licence_id[1]) == EXPECTED


def sign_in(client: httpx.Client, live: Live, account: str) -> str:
    """A session's form token."""
    page = client.get("/sign-in")
    token = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert token
    client.post("/sign-in", data={"csrf": token[1], "name": account, "password": live.passwords[account]})
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/issue").text)
    assert found
    return found[1]
