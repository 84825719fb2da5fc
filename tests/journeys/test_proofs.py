"""Proof documents by every door: command, HTTP, page."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli import run
from tests.journeys.conftest import Live, make_token, serving
from tests.journeys.test_case_links import sign_in

EXAMPLE = Path(__file__).parents[2] / "examples/collection/proof"
GOOD, PENALISED = re.findall(r"'(51[0-9A-Z]{16})', '演示", (EXAMPLE / "penalties.sql").read_text("utf-8"))


@pytest.fixture(scope="module")
def civil(made_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A region whose civil affairs give the example's proof."""
    place = Path(shutil.copytree(made_demo, tmp_path_factory.mktemp("proofs") / "region"))
    database = place / "penalties.sqlite3"
    with sqlite3.connect(database) as made:
        made.executescript((EXAMPLE / "penalties.sql").read_text("utf-8"))
    made.close()
    (place / "connections.json").write_text(json.dumps({"penalties": {"url": f"sqlite:///{database}"}}))
    assert run(["types", "import", str(EXAMPLE / "type.json"), "--department", "civil", "--dir", str(place)]) == 0
    assert run(["proof", "import", str(EXAMPLE / "proof.json"), "--dir", str(place)]) == 0
    with serving(place, public_rate=0) as live:
        yield live


def test_by_command(civil: Live, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--dir", str(civil.place), "--as", "civil"]
    assert run(["proof", "types", "--json", "--dir", str(civil.place)]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"][0]["check"] == "credit_code"
    file = tmp_path / "proof.ofd"
    make = ["proof", "make", "no-penalty", "--param", f"credit_code={GOOD}", "--purpose", "投标", "--out", str(file), *at]
    assert run(make) == 0
    made = json.loads(capsys.readouterr().out)
    assert run(["verify", str(file), "--dir", str(civil.place)]) == 0
    again = tmp_path / "again.ofd"
    assert run(["proof", "show", made["id"], "--out", str(again), "--json", *at]) == 0
    assert again.read_bytes() == file.read_bytes()
    refused = ["proof", "make", "no-penalty", "--param", f"credit_code={PENALISED}", "--purpose", "投标", *at]
    assert run(refused) == 1
    assert "proof.not_met" in capsys.readouterr().err
    for wrong in (["--param", "credit_code"], ["--param", "x=1"], []):
        assert run(["proof", "make", "no-penalty", *wrong, "--purpose", "投标", *at]) == 3
    assert run(["proof", "show", "nothing", *at]) == 3
    (tmp_path / "bad.json").write_text("{")
    assert run(["proof", "import", str(tmp_path / "bad.json"), "--dir", str(civil.place)]) == 3
    assert run(["proof", "import", str(EXAMPLE / "proof.json"), *at]) == 3
    assert "internal.fault" not in capsys.readouterr().err


def test_over_http(civil: Live) -> None:
    with civil.client(Authorization=f"Bearer {make_token(civil)}") as client:
        assert [one["code"] for one in client.get("/api/v1/proof-types").json()] == ["no-penalty"]
        body = {"type": "no-penalty", "parameters": {"credit_code": GOOD}, "purpose": "投标"}
        made = client.post("/api/v1/proofs", json=body, headers={"Idempotency-Key": "p1"})
        assert made.status_code == 201, made.text
        assert client.post("/api/v1/proofs", json=body, headers={"Idempotency-Key": "p1"}).json() == made.json()
        address = f"/api/v1/proofs/{made.json()['id']}"
        read = client.get(address, params={"purpose": "归档"})
        assert read.json()["licence_number"] == made.json()["licence_number"]
        ofd = client.get(address, params={"purpose": "归档"}, headers={"Accept": "application/ofd"})
        assert ofd.content.startswith(b"PK")
        assert client.get(address).status_code == 422
        for body, status, code in (
            ({"type": "no-penalty", "parameters": {"credit_code": PENALISED}, "purpose": "投标"}, 403, "proof.not_met"),
            ({"type": "no-penalty", "parameters": {"credit_code": "1"}, "purpose": "投标"}, 422, "proof.parameter"),
            ({"type": "none", "parameters": {}, "purpose": "投标"}, 404, "proof.unknown"),
            ({"type": "no-penalty", "parameters": {"credit_code": 1}, "purpose": "投标"}, 422, "request.invalid"),
        ):
            answer = client.post("/api/v1/proofs", json=body, headers={"Idempotency-Key": code})
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert client.get("/api/v1/proofs/unknown", params={"purpose": "x"}).status_code == 404
    with civil.client() as stranger:
        assert stranger.post("/api/v1/proofs", json=body, headers={"Idempotency-Key": "s"}).status_code == 401
    narrow = make_token(civil, departments=("education",))
    with civil.client(Authorization=f"Bearer {narrow}") as client:
        body = {"type": "no-penalty", "parameters": {"credit_code": GOOD}, "purpose": "投标"}
        assert client.post("/api/v1/proofs", json=body, headers={"Idempotency-Key": "n"}).status_code == 403


def test_on_the_pages(civil: Live) -> None:
    with civil.client(Accept="text/html") as client:
        csrf = sign_in(client, civil, "civil")
        assert "无行政处罚记录证明" in client.get("/proofs").text
        form = client.get("/proofs/no-penalty").text
        request = re.search(r'name="request" value="([0-9a-f]+)"', form)
        assert request
        given = {"csrf": csrf, "request": request[1], "p.credit_code": GOOD, "purpose": "投标"}
        made = client.post("/proofs/no-penalty", data=given)
        assert made.status_code == 303
        assert client.post("/proofs/no-penalty", data=given).headers["location"] == made.headers["location"]
        assert client.get(made.headers["location"]).status_code == 200
        wrong = client.post("/proofs/no-penalty", data={**given, "request": "", "p.credit_code": "1"})
        assert wrong.status_code == 422
        assert "f-p.credit_code-error" in wrong.text
        refused = client.post("/proofs/no-penalty", data={**given, "request": "", "p.credit_code": PENALISED})
        assert refused.status_code == 403
        assert "有行政处罚记录" in refused.text
        assert client.post("/proofs/no-penalty", data={**given, "purpose": ""}).status_code == 422
        assert client.get("/proofs/none").status_code == 404
        assert "不符合出具条件" in client.get("/proofs").text
    with civil.client(Accept="text/html") as other:
        sign_in(other, civil, "education")
        assert other.get("/proofs/no-penalty").status_code == 404
