"""A seal on a document somebody brings, by the command line and over HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from api.cli import run
from tests.journeys.conftest import Live
from tests.journeys.test_http import problem
from tests.journeys.test_seals_cli import (
    Call,
    call,  # noqa: F401 - a fixture
)
from tests.verify.test_several_seals import form
from trust.algorithms import sm3

EDUCATION, MARKET = "99000000000002", "99000000000001"
OFD = {"Content-Type": "application/ofd"}


@pytest.fixture
def brought(tmp_path: Path) -> Path:
    path = tmp_path / "申请表.ofd"
    path.write_bytes(form())
    return path


# By the command line


def test_two_seals_and_a_cross_page_one(call: Call, brought: Path, tmp_path: Path) -> None:  # noqa: F811
    first, second = tmp_path / "first.ofd", tmp_path / "second.ofd"
    status, [answer] = call(
        "seal", "put", brought, "--seal", EDUCATION, "--out", first, "--page", 1, "--x", 20, "--y", 30,
        "--page", 2, "--x", 100, "--y", 200, "--as", "education", "--reason", "随申请提交", "--json",
    )  # fmt: skip
    assert status == 0
    assert answer["document"] == sm3(first.read_bytes()).hex()
    assert call("verify", first)[0] == 0
    status, _ = call(
        "seal", "put", first, "--seal", MARKET, "--out", second, "--cross-page", "--y", 60, "--as", "market"
    )
    assert status == 0
    status, [report] = call("verify", second, "--json")
    assert (status, [one["seal"]["id"] for one in report["signatures"]]) == (0, [EDUCATION, MARKET])
    status, uses = call("seal", "uses", EDUCATION, "--query", answer["document"], "--json")
    assert [one["subject"] for one in uses] == [f"sm3:{sm3(form()).hex()}"]


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        (["--as", "market"], 1, "seal.no_grant"),
        (["--as", "keeper"], 1, "seal.role"),
        (["--page", "3", "--x", "1", "--y", "1"], 3, "stamping.page"),
        (["--page", "1", "--x", "1"], 3, "stamping.places"),
        (["--page", "1", "--x", "200", "--y", "1"], 3, "sealing.placement"),
    ],
)
def test_refused(
    place: Path, brought: Path, capsys: pytest.CaptureFixture[str], more: list[str], status: int, code: str
) -> None:
    out = brought.with_name("out.ofd")
    wanted = ["seal", "put", str(brought), "--seal", EDUCATION, "--out", str(out), *more, "--dir", str(place)]
    assert run(wanted) == status
    assert f" {code}: " in capsys.readouterr().err
    assert not out.exists()


def test_no_ofd_and_licences_are_refused(call: Call, place: Path, tmp_path: Path) -> None:  # noqa: F811
    paper = tmp_path / "paper.pdf"
    paper.write_bytes(b"%PDF-1.7")
    out = tmp_path / "out.ofd"
    assert call("seal", "put", paper, "--seal", EDUCATION, "--out", out)[0] == 3
    licence = place / "demo" / "teacher-certificate.ofd"
    status, [answer] = call("seal", "put", licence, "--seal", EDUCATION, "--out", out, "--json")
    assert (status, answer["error"]["code"]) == (1, "stamping.licence")
    assert not out.exists()


# Over HTTP

Send = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def tokens(live: Live) -> dict[str, str]:
    accounts, actor = live.services.accounts, live.services.actor("admin")
    return {
        name: accounts.create_token(accounts.get(name), ("seals",), ("*",), ("*",), label="d", actor=actor)[1]
        for name in ("education", "market", "keeper")
    }


@pytest.fixture
def send(live: Live, tokens: dict[str, str]) -> Iterator[Send]:
    with live.client() as client:

        def do(account: str, seal_id: str, content: bytes | None, key: str = "", **more: object) -> httpx.Response:
            headers = {"Authorization": f"Bearer {tokens[account]}", "Idempotency-Key": key or uuid.uuid4().hex}
            given: dict[str, object] = {"content": content, **more}
            headers |= OFD if "files" not in more else {}
            return client.post(f"/api/v1/seals/{seal_id}/documents", headers=headers, **given)  # type: ignore[arg-type]

        yield do


def test_two_seals_over_http(live: Live, send: Send) -> None:
    first = send("education", EDUCATION, form(), params={"page": 1, "x": 20.5, "y": 30, "reason": "随申请提交"})
    assert first.status_code == 200, first.text
    assert first.headers["content-type"] == "application/ofd"
    files = {"file": ("first.ofd", first.content, "application/ofd")}
    second = send("market", MARKET, None, files=files, params={"cross_page": True})
    assert second.status_code == 200, second.text
    report = live.services.verifier().verify(second.content)
    assert str(report.indication) == "TOTAL-PASSED"
    assert [one.seal.id for one in report.signatures if one.seal] == [EDUCATION, MARKET]
    [use] = live.services.desk.seal_register.uses(EDUCATION, text=sm3(first.content).hex())
    assert use.officer == "education"


def test_the_same_key_seals_once(live: Live, send: Send) -> None:
    first = send("education", EDUCATION, form(), "seal-once")
    count = len(live.services.desk.seal_register.uses(EDUCATION))
    again = send("education", EDUCATION, form(), "seal-once")
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert len(live.services.desk.seal_register.uses(EDUCATION)) == count
    problem(send("education", EDUCATION, form(), "seal-once", params={"reason": "x"}), 422, "idempotency.mismatch")


def test_refusals_over_http(live: Live, send: Send) -> None:
    problem(send("market", EDUCATION, form()), 403, "seal.no_grant")
    problem(send("keeper", EDUCATION, form()), 403, "seal.role")
    problem(send("education", "99999999999999", form()), 404, "seal.unknown")
    problem(send("education", EDUCATION, b"no package"), 422, "package.")
    problem(send("education", EDUCATION, b""), 422, "upload.empty")
    problem(send("education", EDUCATION, form(), params={"page": 3, "x": 1, "y": 1}), 422, "stamping.page")
    problem(send("education", EDUCATION, form(), params={"page": 1}), 422, "stamping.places")
    problem(send("education", EDUCATION, form(), params={"page": "one"}), 422, "request.invalid")
    assert run(["seal", "freeze", EDUCATION, "--reason", "盘点", "--dir", str(live.place)]) == 0
    problem(send("education", EDUCATION, form()), 403, "seal.not_active")
    assert run(["seal", "unfreeze", EDUCATION, "--reason", "盘点完毕", "--dir", str(live.place)]) == 0
