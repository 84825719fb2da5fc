"""归集 in real Chromium: a file is brought and watched, what was held back is mended or given up, quality is read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from licence_store.definitions import shipped_definitions
from licence_store.jobs.runner import JobRunner
from tests.journeys.conftest import Live
from tests.journeys.test_pages import CHROMIUM, DESK, FLAGS, Tab

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (LICENCE_TRUST_TEST_CHROMIUM names one)"
)
PHONE = 390
SHOTS = os.environ.get("LICENCE_TRUST_TEST_SHOTS", "")
[BUSINESS] = [one for one in shipped_definitions() if one.slug == "business-licence"]
DECLARATION = {"id": "pages", "title": "县级旧库", "type": "business-licence", "department": "market",
               "key": ["credit_code"], "connector": {"kind": "upload"}}  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield one
        one.close()


@pytest.fixture
def tab(browser: Any, live: Live) -> Iterator[Tab]:
    with Tab(browser, live, DESK, java_script_enabled=True) as one:
        one.sign_in("market")
        yield one


def shot(tab: Tab, name: str) -> None:
    tab.check()
    if SHOTS:
        tab.page.screenshot(path=f"{SHOTS}/collect-{name}-{tab.width}.png", full_page=True)


def test_a_source_from_its_declaration_to_its_quality(browser: Any, live: Live, tab: Tab, tmp_path: Path) -> None:
    page = tab.page
    page.goto("/collection")
    shot(tab, "empty")
    page.click("text=声明来源")
    page.fill("#declaration", "{")
    page.click("text=保存声明")
    assert "有效的 JSON" in page.inner_text(".error-summary")
    shot(tab, "declare-wrong")
    page.fill("#declaration", json.dumps(DECLARATION, ensure_ascii=False))
    page.click("text=保存声明")
    assert page.inner_text("h1") == "县级旧库"

    given = list(BUSINESS.example_records(5, 71))
    given[1] |= {"company_type": "?", "registered_capital": "many", "colour": "red"}
    given[3]["address"] = ""
    path = tmp_path / "旧库.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in given), encoding="utf-8")
    page.set_input_files("#file", path)
    page.click("text=开始归集")
    assert "后台任务" in page.inner_text("[role=status]")
    with JobRunner(live.services.desk):
        page.wait_for_selector("tbody .badge.tone-pass", timeout=30_000)
    shot(tab, "source")
    page.click("tbody a:has-text('第 1 批')")
    assert page.inner_text(".figures .is-unsure dd") == "2"
    shot(tab, "run")

    page.goto("/collection/quarantine?source=pages")
    shot(tab, "quarantine")
    page.click("tbody a:has-text('第 2 行')")
    assert page.locator(".field.bad").count() == 2
    assert page.locator("#f-company_type").get_attribute("aria-invalid") == "true"
    shot(tab, "row")
    page.select_option("#f-company_type", "普通合伙企业")
    page.click("text=保存并重新清洗")
    assert page.locator(".field.bad").count() == 1
    page.fill("#f-registered_capital", "5000000")
    page.click("text=保存并重新清洗")
    assert "已放行" in page.inner_text("h1")
    page.click("text=已成为证照")
    assert page.url.startswith(live.url + "/licences/")

    page.goto("/collection/quarantine?source=pages")
    page.click("tbody a:has-text('第 4 行')")
    page.click("summary:has-text('弃用这一行')")
    page.fill("#reason", "来源重复录入")
    page.click("details button.grave")
    assert "已弃用" in page.inner_text("h1")
    shot(tab, "discarded")
    page.goto("/collection/quality")
    shot(tab, "quality")
    with page.expect_download() as got:
        page.click("text=下载电子表格")
    assert load_workbook(BytesIO(Path(got.value.path()).read_bytes())).sheetnames[0] == "来源质量"

    with Tab(browser, live, PHONE) as phone:
        phone.sign_in("market")
        for name, place in (("sources", ""), ("source", "/sources/pages"), ("quarantine", "/quarantine?state=released"),
                            ("quality", "/quality"), ("declare", "/declare?source=pages")):  # fmt: skip
            phone.page.goto(f"/collection{place}")
            shot(phone, name)


def test_mended_by_file_without_scripts(browser: Any, live: Live, tmp_path: Path) -> None:
    desk, actor = live.services.desk, live.services.actor("market")
    desk.sources.declare({**DECLARATION, "id": "byfile", "title": "文件更正"}, actor, trusted=True)
    [row] = BUSINESS.example_records(1, 73)
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({**row, "company_type": "?"}), encoding="utf-8")
    assert desk.collector.run("byfile", actor, file=path, workers=1).counts["held"] == 1
    with Tab(browser, live, DESK, java_script_enabled=False) as tab:
        tab.page.goto("/sign-in?next=/licences")
        tab.page.fill("#name", "market")
        tab.page.fill("#password", live.passwords["market"])
        tab.page.click("main button[type=submit]")
        tab.page.goto("/collection/quarantine?source=byfile")
        with tab.page.expect_download() as got:
            tab.page.click("text=导出为电子表格")
        book = load_workbook(BytesIO(Path(got.value.path()).read_bytes()))
        sheet = book.worksheets[0]
        sheet.cell(2, [cell.value for cell in sheet[1]].index("company_type") + 1).value = "普通合伙企业"
        book.save(tmp_path / "mended.xlsx")
        tab.page.set_input_files("#file", tmp_path / "mended.xlsx")
        tab.page.click("button:has-text('导入')")
        assert "已更正 1 行" in tab.page.inner_text("[role=status]")
        tab.page.set_input_files("#file", tmp_path / "mended.xlsx")
        tab.page.click("button:has-text('导入')")
        assert "他人更改" in tab.page.inner_text("main")
    assert desk.collector.rerun("byfile", actor, workers=1).counts["issued"] == 1


@pytest.mark.parametrize(
    "path",
    ["/sources/nobody", "/runs/nobody", "/quarantine/nobody", "/quarantine?after=nobody", "/quarantine?state=x&rule=%00",
     "/quarantine/export?source=nobody", "/declare?source=nobody", "/quality?source=nobody", "/sources/%00"],
)  # fmt: skip
def test_silly_addresses_are_no_defect(live: Live, path: str) -> None:
    with live.client(accept="text/html") as client:
        signed_in(client, live, "market")
        assert client.get(f"/collection{path}").status_code < 500


def test_whose_pages_they_are(live: Live) -> None:
    with live.client(accept="text/html") as client:
        assert client.get("/collection").status_code == 303
        signed_in(client, live, "education")
        assert client.get("/collection").status_code == 200
        assert client.get("/collection/sources/byfile").status_code == 404
        signed_in(client, live, "keeper")
        assert client.get("/collection").status_code == 403
        signed_in(client, live, "auditor")
        assert client.get("/collection/quality").status_code == 200
        assert client.get("/collection/declare").status_code == 403


def signed_in(client: Any, live: Live, account: str) -> None:
    """A session by the account's password."""
    client.cookies.clear()
    token = client.get("/sign-in").text.split('name="csrf" value="')[1].split('"')[0]
    form = {"csrf": token, "name": account, "password": live.passwords[account], "next": "/"}
    assert client.post("/sign-in", data=form).status_code == 303
