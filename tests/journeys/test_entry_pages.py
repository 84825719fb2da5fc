"""Scan entry, printing on forms and proofs in real Chromium: with and without scripts, at a desk and on a phone."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from api.cli import run
from tests.journeys.conftest import TEACHER, Live
from tests.journeys.test_pages import DESK, PHONE, Tab, browser, licence_id, pytestmark  # noqa: F401

EXAMPLES = Path(__file__).parents[2] / "examples/collection"


def receive(live: Live, path: Path) -> str:
    """Address of a fresh sheet."""
    from api import entry_office

    received = entry_office.receive(
        live.services, "scan", TEACHER, [(path.name, path.read_bytes())], live.services.actor("education")
    )
    return f"/entry/{received.sheets[0].id}"


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_every_page_of_collection(browser: Any, live: Live, licence_id: str, width: int, lang: str) -> None:  # noqa: F811
    sheets = [receive(live, live.place / "demo/teacher-certificate.ofd"), receive(live, _scan())]
    found = live.services.desk.register.find(live.services.issue(*_teacher(live)).licence_id).licence_id
    with Tab(browser, live, width, locale=lang) as tab:
        tab.sign_in("education")
        for path in ("/entry", "/entry?state=open", "/entry/new", *sheets, f"/licences/{found}/overprint", "/proofs"):
            tab.page.goto(path)
            tab.check()


def _scan() -> Path:
    return next(iter(sorted((EXAMPLES / "1-scan-entry/scans").iterdir())))


def _teacher(live: Live) -> tuple[str, dict[str, str], Any, str]:
    record = next(live.services.catalogue.get(TEACHER).example_records(1, seed=909))
    return TEACHER, record, live.services.actor("education"), "entry-pages"


@pytest.mark.parametrize("scripts", [True, False])
def test_a_scan_is_entered_beside_its_picture(browser: Any, live: Live, scripts: bool) -> None:  # noqa: F811
    record = next(live.services.catalogue.get(TEACHER).example_records(1, seed=910 + scripts))
    address = receive(live, _scan())
    with Tab(browser, live, java_script_enabled=scripts) as tab:
        tab.sign_in("education")
        page = tab.page
        page.goto(address)
        image = page.locator(".scan-box img")
        narrow = image.bounding_box()["width"]
        page.click("label[for=zoom-3]")
        assert image.bounding_box()["width"] == pytest.approx(3 * narrow, rel=0.02)
        page.focus("#turn-0")
        page.keyboard.press("ArrowRight")  # the keyboard turns it too
        page.wait_for_timeout(50)
        assert page.is_checked("#turn-90")
        for name, value in record.items():
            field = page.locator(f"#f-{name}")
            field.select_option(value) if field.evaluate("e => e.tagName") == "SELECT" else field.fill(value)
        page.fill("#licence_number", f"2011990000000{91 + scripts}00")
        page.fill("#issued_on", "2011-06-30")
        page.check("#confirmed_by_issuer")
        page.click("button[value=complete]")
        page.wait_for_url("**/entry**done=**")
        page.goto(address)
        page.click("main a.code")
        assert record["name"] in page.inner_text("main")
        assert "证照录入" in page.inner_text("main")


def test_what_a_program_read_must_be_confirmed(browser: Any, live: Live) -> None:  # noqa: F811
    address = receive(live, live.place / "demo/teacher-certificate.ofd")
    with Tab(browser, live, PHONE) as tab:
        tab.sign_in("education")
        page = tab.page
        page.goto(address)
        ticks = page.locator("input[name=confirmed]")
        assert ticks.count() == page.locator(".entry-field.unverified").count() > 3
        page.fill("#licence_number", "20119900000077700")
        page.fill("#issued_on", "2011-06-30")
        page.click("button[value=complete]")
        assert "尚未经人核实" in page.inner_text(".error-summary")
        tab.check()
        for number in range(ticks.count()):
            ticks.nth(number).check()
        page.click("button[value=complete]")
        page.wait_for_url("**/entry**done=**")


def test_the_sheet_prints_at_the_licences_size(browser: Any, live: Live) -> None:  # noqa: F811
    pypdfium2 = pytest.importorskip("pypdfium2")
    found = live.services.issue(*_teacher(live)).licence_id
    with Tab(browser, live) as tab:
        tab.sign_in("education")
        page = tab.page
        page.goto(f"/licences/{found}/overprint")
        page.fill("#form", "PDF-1")
        page.click("form:has(#form) button[type=submit]")
        page.wait_for_url("**/overprint/sheet**")
        document = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True))
        assert len(document) == 1
        assert [round(points / 72 * 25.4) for points in document[0].get_size()] == [297, 210]


def test_a_proof_is_given_on_a_page(browser: Any, live: Live, tmp_path: Path) -> None:  # noqa: F811
    database = tmp_path / "penalties.sqlite3"
    with sqlite3.connect(database) as made:
        made.executescript((EXAMPLES / "proof/penalties.sql").read_text("utf-8"))
    made.close()
    (live.place / "connections.json").write_text(f'{{"penalties": {{"url": "sqlite:///{database}"}}}}')
    at = ["--dir", str(live.place)]
    assert run(["types", "import", str(EXAMPLES / "proof/type.json"), "--department", "civil", *at]) == 0
    assert run(["proof", "import", str(EXAMPLES / "proof/proof.json"), *at]) == 0
    with Tab(browser, live, PHONE) as tab:
        tab.sign_in("civil")
        page = tab.page
        page.goto("/proofs")
        page.click("a.tile")
        page.fill("[name='p.credit_code']", "51990000MAY9RPG04C")
        page.fill("[name=purpose]", "投标")
        page.click("form.card button[type=submit]")
        assert "有行政处罚记录" in page.inner_text(".error-summary")
        tab.check()
        page.fill("[name='p.credit_code']", "51990000MA00000072")
        page.click("form.card button[type=submit]")
        page.wait_for_url("**/licences/**")
        assert "无行政处罚记录证明" in page.inner_text("h1")
        page.goto("/proofs")
        tab.check()
