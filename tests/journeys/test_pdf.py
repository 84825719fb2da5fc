"""PDF through every door: console, HTTP, pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from api.cli import run
from tests.journeys.conftest import TEACHER, Live
from tests.journeys.test_http import issue, problem
from tests.seal.pdf.foreign import certified_by_stock, classical, plain
from trust.algorithms import sm3

People = Callable[[int, int], list[dict[str, str]]]
Captured = pytest.CaptureFixture[str]
EDUCATION = "99000000000002"


def lines(capsys: Captured, *arguments: object, status: int = 0) -> list[dict[str, object]]:
    assert run([str(one) for one in arguments]) == status
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_by_the_console(place: Path, tmp_path: Path, capsys: Captured) -> None:
    source, out = tmp_path / "one.jsonl", tmp_path / "out"
    [record] = lines(capsys, "types", "example", TEACHER, "--count", 1, "--seed", 808, "--dir", place)
    source.write_text(json.dumps(record), encoding="utf-8")
    common = ["--type", TEACHER, "--input", source, "--out", out, "--dir", place]
    [first] = lines(capsys, "issue", *common)
    assert list(first["files"]) == ["ofd"]  # type: ignore[call-overload]
    [both] = lines(capsys, "issue", *common, "--format", "both")
    assert both["licence_id"] == first["licence_id"]
    assert {Path(one).suffix for one in both["files"].values()} == {".ofd", ".pdf"}  # type: ignore[attr-defined]
    [again] = lines(capsys, "issue", *common, "--format", "pdf")
    pdf = Path(again["files"]["pdf"])  # type: ignore[index]
    [report] = lines(capsys, "verify", pdf, "--json", "--dir", place)
    assert report["indication"] == "TOTAL-PASSED"
    copy = tmp_path / "copy.pdf"
    [made] = lines(capsys, "convert", pdf, "--to", "pdf", "--out", copy, "--dir", place)
    assert made["licence_id"] == first["licence_id"]
    assert lines(capsys, "archive", "due", "--dir", place) == []
    [extended] = lines(capsys, "archive", "extend", first["licence_id"], "--dir", place)
    assert extended["level"] == "B-LTA"
    [failed] = lines(capsys, "archive", "extend", "1.2.3", "--dir", place, status=1)
    assert failed["error"]["code"] == "licence.form_absent"  # type: ignore[index]


def test_a_brought_pdf_by_the_console(place: Path, tmp_path: Path, capsys: Captured) -> None:
    brought, locked, out = tmp_path / "form.pdf", tmp_path / "locked.pdf", tmp_path / "sealed.pdf"
    brought.write_bytes(plain(2))
    locked.write_bytes(certified_by_stock(plain(), 1))
    wanted = ["seal", "put", "--seal", EDUCATION, "--out", out, "--as", "education", "--json", "--dir", place]
    lines(capsys, *wanted, brought, "--keyword", "signature here")
    [report] = lines(capsys, "verify", out, "--json", "--dir", place)
    assert report["signatures"][0]["seal"]["id"] == EDUCATION  # type: ignore[index]
    assert run([str(one) for one in (*wanted, locked)]) == 1
    assert "sealing.certified" in capsys.readouterr().err
    assert run([str(one) for one in (*wanted, brought, "--field", "x", "--page", 1, "--x", 1, "--y", 1)]) == 3


def test_a_second_signature_by_the_console(place: Path, tmp_path: Path, capsys: Captured) -> None:
    certificate, key = classical()
    p12, words, sealed, out = (tmp_path / name for name in ("key.p12", "words", "sealed.pdf", "both.pdf"))
    p12.write_bytes(serialize_key_and_certificates(b"v", key, certificate, None, BestAvailableEncryption(b"secret")))
    words.write_text("secret\n")
    brought = tmp_path / "form.pdf"
    brought.write_bytes(plain())
    lines(capsys, "seal", "put", "--seal", EDUCATION, "--out", sealed, "--as", "education", "--json", "--dir", place, brought)
    wanted = ["seal", "countersign", "--key", str(p12), "--passphrase-file", str(words), "--out", str(out)]
    assert run([*wanted, str(sealed)]) == 0
    assert out.read_bytes().startswith(sealed.read_bytes())
    assert run([*wanted, str(brought)]) == 1
    assert "sealing.not_sealed" in capsys.readouterr().err
    words.write_text("wrong")
    assert run([*wanted, str(sealed)]) == 1
    assert "keys.wrong_passphrase" in capsys.readouterr().err


def test_over_http(live: Live, token: str, people: People) -> None:
    [record] = people(1, 811)
    with live.client() as client:
        answer = issue(client, token, record, format="both").json()
        assert set(answer["files"]) == {"ofd", "pdf"}
        address = f"/api/v1/licences/{quote(answer['licence_id'])}"
        reader = {"Authorization": f"Bearer {token}", "Licence-Purpose": "check", "Accept": "application/pdf"}
        file = client.get(address, headers=reader)
        assert file.headers["content-type"] == "application/pdf"
        assert sm3(file.content).hex() == answer["files"]["pdf"]
        verdict = client.post(
            "/api/v1/verifications", content=file.content, headers={"Content-Type": "application/pdf"}
        ).json()
        assert verdict["indication"] == "TOTAL-PASSED"
        plain_one = issue(client, token, people(2, 812)[1]).json()
        absent = client.get(f"/api/v1/licences/{quote(plain_one['licence_id'])}", headers=reader)
        problem(absent, 404, "licence.form_absent")
        problem(issue(client, token, record, format="docx"), 422, "")


def test_on_the_pages(live: Live, token: str, people: People) -> None:
    with live.client() as client:
        answer = issue(client, token, people(3, 813)[2]).json()
        csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/sign-in").text)
        assert csrf
        entered = {"csrf": csrf[1], "name": "education", "password": live.passwords["education"], "next": "/licences"}
        assert client.post("/sign-in", data=entered).status_code == 303
        place = f"/licences/{quote(answer['licence_id'])}"
        shown = client.get(place).text
        assert "下载 OFD" in shown
        assert "补制 PDF" in shown
        assert client.get(f"{place}/licence.pdf").status_code == 404
        csrf = re.search(r'name="csrf" value="([^"]+)"', shown)
        assert csrf
        made = client.post(f"{place}/files", data={"csrf": csrf[1], "form": "pdf"})
        assert made.status_code == 303
        shown = client.get(place).text
        assert "下载 PDF" in shown
        assert "补制" not in shown
        assert client.get(f"{place}/licence.pdf").content.startswith(b"%PDF-1.7")
        assert client.get(f"{place}/licence.docx").status_code == 404
        assert client.post(f"{place}/files", data={"csrf": csrf[1], "form": "docx"}).status_code == 422
        assert client.get(f"{place}/face.png").content.startswith(b"\x89PNG")
