"""Scan entry by its doors: the command line, the pages without scripts, and what a browser shows."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.cli import run
from tests.journeys.conftest import TEACHER, Live, make_token, serving
from tests.journeys.test_case_links import sign_in
from tests.licence_store.collection.scanning import blank

CLERK = "education"


def answers(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(scope="module")
def people_here(live: Live) -> list[dict[str, str]]:
    return list(live.services.catalogue.get(TEACHER).example_records(8, seed=77))


def bundle(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def test_from_a_folder_to_licences_by_command(
    live: Live, people_here: list[dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    (folder / "1.png").write_bytes(blank())
    (folder / "note.txt").write_text("not a scan")
    (folder / ".hidden").write_text("x")
    (tmp_path / "more.zip").write_bytes(bundle(("a/2.jpg", blank("JPEG")), ("__MACOSX/2.jpg", b"x")))
    at = ["--dir", str(live.place)]
    receive = ["entry", "receive", str(folder), str(tmp_path / "more.zip"), "--type", TEACHER, "--case", "990000-1"]
    assert run([*receive, *at, "--as", CLERK]) == 1
    first, second, refused = answers(capsys)
    assert (first["scan"]["name"], second["scan"]["name"]) == ("1.png", "a/2.jpg")
    assert (refused["scan"], refused["error"]["code"]) == ("note.txt", "scan.format")
    given = tmp_path / "given.json"
    content: dict[str, Any] = {
        "values": people_here[0], "original": "archive", "original_number": "卷3", "confirmed_by_issuer": True,
        "number": "20119900000000201", "issued_on": "2011-06-30", "case": {"number": "990000-1"},
    }  # fmt: skip
    given.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    assert run(["entry", "complete", first["sheet"], "--input", str(given), *at, "--as", CLERK]) == 0
    [done] = answers(capsys)
    assert done["state"] == "issued"
    assert run(["entry", "complete", first["sheet"], "--input", str(given), *at, "--as", CLERK]) == 1
    assert run(["entry", "discard", second["sheet"], "--reason", "重复", *at, "--as", CLERK]) == 0
    capsys.readouterr()
    assert run(["entry", "list", "--state", "issued", "--json", *at, "--as", CLERK]) == 0
    assert first["sheet"] in [one["sheet"] for one in answers(capsys)]
    assert run(["entry", "show", first["sheet"], "--picture", str(tmp_path / "p.jpg"), *at, "--as", CLERK]) == 0
    assert (tmp_path / "p.jpg").read_bytes().startswith(b"\xff\xd8")
    paper = ["paper", "print", done["licence_id"], "--form", "NO.9", "--out", str(tmp_path / "form.png"), *at, "--as", CLERK]
    assert run(paper) == 0
    assert run(paper) == 1
    assert run(["paper", "spoil", done["licence_id"], "--form", "NO.9", "--reason", "卡纸", *at, "--as", CLERK]) == 0
    capsys.readouterr()
    assert run(["paper", "list", done["licence_id"], "--json", *at, "--as", CLERK]) == 0
    assert [one["use"] for one in answers(capsys)] == ["printed", "spoilt"]
    assert run(["licence", "show", done["licence_id"], "--json", *at, "--as", CLERK]) == 0
    [shown] = answers(capsys)
    assert (shown["source"], shown["credibility"], shown["case"]["number"]) == ("证照录入", "A", "990000-1")
    assert [(one["entered_by"], one["original"]) for one in shown["entry"]] == [(CLERK, "archive: 卷3")]
    assert [one["use"] for one in shown["paper"]] == ["printed", "spoilt"]
    with live.client(Accept="text/html") as client:
        sign_in(client, live, CLERK)
        page = client.get(f"/licences/{done['licence_id']}").text
    assert "本机关存档的纸质证照 卷3" in page
    assert f"/licences/{done['licence_id']}/overprint" in page


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("[1]", "entry.not_json"),
        ("{", "entry.not_json"),
        ('{"values": {"name": 7}}', "entry.filled"),
        ('{"values": [], "x": 1}', "entry.filled"),
        ('{"confirmed": "all"}', "entry.filled"),
        ('{"number": 7}', "entry.filled"),
        ('{"confirmed_by_issuer": "yes"}', "entry.filled"),
        ('{"case": {"nr": "7"}}', "record.reserved"),
    ],
)
def test_content_that_is_none(
    live: Live, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, code: str
) -> None:
    (tmp_path / "c.json").write_text(content)
    assert run(["entry", "complete", "0" * 32, "--input", str(tmp_path / "c.json"), "--dir", str(live.place)]) == 3
    assert code in capsys.readouterr().err


def test_silly_calls(live: Live, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--dir", str(live.place)]
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"PK\x03\x04 nothing")
    for call in (
        ["entry", "receive", str(tmp_path / "absent"), "--type", TEACHER],
        ["entry", "receive", str(bad), "--type", TEACHER],
        ["entry", "receive", str(bad), "--type", "no such type"],
        ["entry", "show", "x"],
        ["entry", "approve", "../../etc"],
        ["paper", "list", "no id"],
    ):
        assert run([*call, *at]) == 3, call
    assert "internal.fault" not in capsys.readouterr().err


def post_scans(client: httpx.Client, csrf: str, files: list[tuple[str, bytes]], **more: str) -> httpx.Response:
    parts = [("file", (name, data)) for name, data in files]
    return client.post("/entry", data={"csrf": csrf, "mode": "scan", "type": TEACHER, **more}, files=parts)


def test_the_pages_without_scripts(live: Live, people_here: list[dict[str, str]]) -> None:
    with live.client(Accept="text/html") as client:
        csrf = sign_in(client, live, CLERK)
        assert client.get("/entry").status_code == 200
        assert client.get("/entry/new").status_code == 200
        received = post_scans(client, csrf, [("one.png", blank()), ("two.zip", bundle(("2.jpg", blank("JPEG"))))])
        assert received.status_code == 303
        first = received.headers["location"]
        assert client.get(f"{first}/scan-1.jpg").headers["content-type"] == "image/jpeg"
        assert client.get(f"{first}/scan-2.jpg").status_code == 422
        page = client.get(first)
        assert "未核实" not in page.text.split("<form", 2)[-1].split("scan-tools")[0]
        given = {
            "csrf": csrf, "act": "complete", **people_here[2], "original": "archive", "confirmed_by_issuer": "yes",
            "licence_number": "20119900000000302", "issued_on": "2012-01-02",
        }  # fmt: skip
        wrong = client.post(first, data={**given, "citizen_number": "123"})
        assert wrong.status_code == 422
        assert "f-citizen_number-error" in wrong.text
        kept = client.post(first, data={**given, "act": "save"})
        assert kept.headers["location"].endswith("saved=1")
        done = client.post(first, data=given)
        assert done.status_code == 303
        onward = done.headers["location"]
        assert onward.startswith("/entry/")
        assert onward.partition("?")[0] != first
        assert "上一份已盖章" in client.get(onward).text
        assert client.post(first, data=given).status_code == 409
        assert client.post(first, data={"csrf": csrf, "act": "fly"}).status_code == 422
        gone = client.post(onward.partition("?")[0], data={"csrf": csrf, "act": "discard", "reason": "模糊"})
        assert gone.status_code == 303
        assert "模糊" in client.get(onward.partition("?")[0]).text
        some = post_scans(client, csrf, [("one.png", blank()), ("a.exe", b"MZ\x90")])
        assert some.status_code == 200
        assert "a.exe" in some.text
        assert post_scans(client, csrf, [("a.exe", b"MZ\x90")]).status_code == 422
        assert post_scans(client, csrf, []).status_code == 422
        assert post_scans(client, "wrong", [("one.png", blank())]).status_code == 403
        assert post_scans(client, csrf, [("one.png", blank())], mode="fax").status_code == 422
        assert post_scans(client, csrf, [("one.png", blank())], type="no type").status_code == 404


def test_another_department_sees_nothing(live: Live) -> None:
    with live.client(Accept="text/html") as client, live.client(Accept="text/html") as other:
        address = post_scans(client, sign_in(client, live, CLERK), [("x.png", blank())]).headers["location"]
        csrf = sign_in(other, live, "market")
        assert other.get(address).status_code == 404
        assert other.get(f"{address}/scan-1.jpg").status_code == 404
        assert other.post(address, data={"csrf": csrf, "act": "discard", "reason": "x"}).status_code == 404
        with live.client(Accept="text/html") as stranger:
            assert stranger.get(f"{address}/scan-1.jpg").status_code == 303


def test_a_second_person_where_the_type_asks(made_demo: Path, tmp_path: Path) -> None:
    import shutil

    place = Path(shutil.copytree(made_demo, tmp_path / "region"))
    with serving(place, public_rate=0) as live:
        services = live.services
        source = dict(services.catalogue.get(TEACHER).source)
        services.catalogue.import_definition({**source, "entry": {"second_check": True}}, services.actor("admin"))
        services.accounts.create("second", "another long password", display_name="复核员", role="officer",
                                 department="education", actor=services.actor("admin"))  # fmt: skip
        record = next(services.catalogue.get(TEACHER).example_records(1, seed=5))
        given = {**record, "act": "complete", "original": "archive", "licence_number": "2011", "issued_on": "2011-01-01"}
        with live.client(Accept="text/html") as one, live.client(Accept="text/html") as two:
            csrf = sign_in(one, live, CLERK)
            address = post_scans(one, csrf, [("x.png", blank())]).headers["location"]
            assert "提交复核" in one.get(address).text
            assert one.post(address, data={"csrf": csrf, **given}).status_code == 303
            assert "须由另一位经办人复核" in one.get(address).text
            assert one.post(address, data={"csrf": csrf, "act": "approve"}).status_code == 403
            token = re.search(r'name="csrf" value="([^"]+)"', two.get("/sign-in").text)
            assert token
            two.post("/sign-in", data={"csrf": token[1], "name": "second", "password": "another long password"})
            found = re.search(r'name="csrf" value="([^"]+)"', two.get("/entry").text)
            assert found
            assert record["name"] in two.get(address).text
            assert two.post(address, data={"csrf": found[1], "act": "approve"}).status_code == 303
            assert "已成证照" in two.get(address).text


def test_printing_on_a_form(live: Live, people_here: list[dict[str, str]]) -> None:
    issued = live.services.issue(TEACHER, people_here[5], live.services.actor(CLERK), "paper-1")
    address = f"/licences/{issued.licence_id}/overprint"
    with live.client(Accept="text/html") as client:
        csrf = sign_in(client, live, CLERK)
        assert client.get(address).status_code == 200
        assert client.get(f"{address}.png").content.startswith(b"\x89PNG")
        assert client.get(f"{address}/sheet", params={"form": "X1"}).status_code == 404
        wrong = client.post(address, data={"csrf": csrf, "act": "print", "form": "X1", "right": "far"})
        assert wrong.status_code == 422
        moved = {"csrf": csrf, "act": "print", "form": "X1", "right": "1.5", "down": "-0.5", "qr": "yes"}
        printed = client.post(address, data=moved)
        assert printed.status_code == 303
        sheet = client.get(printed.headers["location"])
        style = re.search(r'href="(/licences/[^"]+overprint\.css[^"]*)"', sheet.text)
        assert style
        css = client.get(style[1].replace("&amp;", "&"))
        assert css.headers["content-type"].startswith("text/css")
        assert "size: 297mm 210mm" in css.text
        assert "left: 1.5mm; top: -0.5mm" in css.text
        assert client.get(f"{address}.css", params={"right": "1}body{display:none"}).status_code == 422
        assert client.post(address, data=moved).status_code == 409
        assert client.post(address, data={"csrf": csrf, "act": "spoil", "form": "X1", "reason": "卡纸"}).status_code == 303
        assert "卡纸" in client.get(address).text
        with live.client(Accept="text/html") as other:
            sign_in(other, live, "market")
            assert other.get(address).status_code == 404


def test_scans_come_in_over_http(live: Live) -> None:
    def send(client: httpx.Client, key: str, files: list[tuple[str, bytes]], **words: str) -> httpx.Response:
        parts = [("file", one) for one in files]
        head = {"Idempotency-Key": key} if key else {}
        return client.post("/api/v1/entry/sheets", data={"type": TEACHER, **words}, files=parts, headers=head)

    with live.client(Authorization=f"Bearer {make_token(live)}") as client:
        files = [("a.png", blank()), ("more.zip", bundle(("b.jpg", blank("JPEG")), ("c.txt", b"x")))]
        words = {"mode": "material", "case.number": "990000-7"}
        got = send(client, "scan-1", files, **words)
        assert got.status_code == 201, got.text
        sheets = got.json()["sheets"]
        assert [(one["mode"], one["state"]) for one in sheets] == [("material", "open")] * 2
        assert [one["code"] for one in got.json()["refused"]] == ["scan.format"]
        assert send(client, "scan-1", files, **words).json() == got.json()
        assert send(client, "scan-1", files).status_code == 422
        one = client.get(f"/api/v1/entry/sheets/{sheets[0]['sheet']}", params={"purpose": "接续"})
        assert one.json() == sheets[0]
        page = client.get("/api/v1/entry/sheets", params={"purpose": "接续", "limit": 1, "state": "open"}).json()
        assert len(page["items"]) == 1
        more = {"purpose": "接续", "limit": 1, "state": "open", "cursor": page["next"]}
        assert client.get("/api/v1/entry/sheets", params=more).json()["items"][0]["sheet"] != page["items"][0]["sheet"]
        for key, some, given, status in (
            ("", files, {}, 422),
            ("scan-2", [("x.exe", b"MZ")], {}, 422),
            ("scan-3", [("a.png", blank())], {"mode": "fax"}, 422),
            ("scan-4", [("a.png", blank())], {"type": "none"}, 404),
            ("scan-5", [], {}, 415),
        ):
            assert send(client, key, some, **given).status_code == status, (key, given)
        assert client.get("/api/v1/entry/sheets/none", params={"purpose": "x"}).status_code == 404
        assert client.get("/api/v1/entry/sheets").status_code == 422
    narrow = make_token(live, scopes=("issue", "read"), departments=("market",))
    with live.client(Authorization=f"Bearer {narrow}") as client:
        assert send(client, "n1", [("a.png", blank())]).status_code == 403
        assert client.get("/api/v1/entry/sheets", params={"purpose": "x"}).status_code == 403
        assert client.get(f"/api/v1/entry/sheets/{sheets[0]['sheet']}", params={"purpose": "x"}).status_code == 403
        mine = {"purpose": "x", "department": "market"}
        assert client.get("/api/v1/entry/sheets", params=mine).json() == {"items": [], "next": None}
    with live.client() as client:
        assert send(client, "n2", [("a.png", blank())]).status_code == 401
