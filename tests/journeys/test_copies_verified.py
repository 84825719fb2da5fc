"""Copies at the verify page, at the verifier's interface and offline: the purpose decides, silly input is told so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from api.cli import run
from licence_store.copying.drawing import draw_copy
from seal.sealing import Sealer
from tests.journeys.conftest import Live
from tests.verify import copy_world

PURPOSE = copy_world.PURPOSE
Post = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def copy(live: Live) -> bytes:
    """A copy of level D by this region's own seal, of which the register knows nothing."""
    desk = live.services.desk
    material, moment = desk.copy_seal(), desk.clock().replace(microsecond=0)
    terms, source = copy_world.terms_of({"level": "D"})
    by = material.signer.certificate.common_name
    terms = replace(terms, made=moment, until=moment + timedelta(days=3), by=by)
    drawn = draw_copy(terms, source, "ofd")
    return Sealer(desk.timestamper, desk.clock).seal(drawn.document, material, drawn.placements(material.seal)).data


@pytest.fixture
def ask(live: Live, copy: bytes) -> Post:
    """``ask(purpose=…)`` at the page, as a browser does."""

    def do(**said: str) -> httpx.Response:
        with live.client() as client:
            token = client.get("/verify").text.partition('name="csrf" value="')[2].partition('"')[0]
            return client.post("/verify", data={"csrf": token, **said}, files={"file": ("copy.ofd", copy)})

    return do


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({}, "INDETERMINATE / COPY_PURPOSE_NOT_STATED"),
        ({"purpose": PURPOSE}, "TOTAL-PASSED"),
        ({"purpose": PURPOSE, "recipient": copy_world.RECIPIENT}, "TOTAL-PASSED"),
        ({"purpose": PURPOSE, "recipient": "某银行"}, "TOTAL-FAILED / COPY_RECIPIENT_DIFFERS"),
        ({"purpose": "办理贷款"}, "TOTAL-FAILED / COPY_PURPOSE_DIFFERS"),
        ({"purpose": "\u0000\u202e" * 400}, "TOTAL-FAILED / COPY_PURPOSE_DIFFERS"),
        ({"purpose": PURPOSE, "at": "2099-01-01T08:00"}, "TOTAL-FAILED"),
    ],
)
def test_the_page_asks_what_for(ask: Post, said: dict[str, str], word: str) -> None:
    answer = ask(**said)
    assert answer.status_code == 200
    assert word in answer.text
    assert PURPOSE in answer.text  # what it is for is shown whatever was asked


@pytest.mark.parametrize("at", ["yesterday", "2026-11-22T08:00:00Z", "0001-01-01T00:00", "\u0000"])
def test_a_silly_time_is_told_so_and_nothing_is_lost(ask: Post, at: str) -> None:
    answer = ask(purpose="要办的事", at=at)
    assert answer.status_code == 422
    assert 'value="要办的事"' in answer.text


def test_the_interface_asks_too(live: Live, copy: bytes) -> None:
    with live.client() as client:
        for query, word in (
            ({}, "INDETERMINATE"),
            ({"purpose": PURPOSE}, "TOTAL-PASSED"),
            ({"purpose": PURPOSE, "service_item": "别的事项"}, "TOTAL-FAILED"),
            ({"purpose": PURPOSE, "case_number": copy_world.CASE}, "TOTAL-PASSED"),
        ):
            headers = {"Content-Type": "application/ofd"}
            answer = client.post("/api/v1/verifications", content=copy, params=query, headers=headers)
            assert answer.status_code == 200, answer.text
            assert answer.json()["indication"] == word
            assert answer.json()["document"]["copy"]["purpose"] == PURPOSE
        long = client.post("/api/v1/verifications", content=copy, params={"purpose": "x" * 999}, headers=headers)
        assert long.status_code == 422


def test_offline_with_a_bundle_the_purpose_counts_and_the_status_is_a_warning(
    live: Live, copy: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, file = tmp_path / "trust.json", tmp_path / "copy.ofd"
    file.write_bytes(copy)
    assert run(["trust", "export", "--out", str(bundle), "--dir", str(live.place)]) == 0
    alone = ["--trust", str(bundle), "--dir", str(tmp_path / "no-region"), "--json"]
    capsys.readouterr()
    assert run(["verify", str(file), "--purpose", PURPOSE, *alone]) == 0
    codes = [one["code"] for one in json.loads(capsys.readouterr().out)["findings"]]
    assert "COPY_STATUS_NOT_CHECKED" in codes
    assert run(["verify", str(file), "--purpose", "办理贷款", *alone]) == 1
    assert run(["verify", str(file), *alone]) == 2
