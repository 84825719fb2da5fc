"""A new type in real Chromium: designed, reviewed by another, published, granted, its first licence issued."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image

from tests.journeys.conftest import Live
from tests.journeys.test_pages import CHROMIUM, FLAGS
from tests.journeys.test_seal_pages import Desk

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (LICENCE_TRUST_TEST_CHROMIUM names one)"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield one
        one.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as one:
        yield one


def press(page: Any, text: str) -> None:
    page.click(f'main button:has-text("{text}")')
    page.wait_for_load_state()


def test_a_new_type_is_designed_reviewed_published_granted_and_issued(
    browser: Any, live: Live, stack: ExitStack
) -> None:
    health = stack.enter_context(Desk(browser, live, "health"))
    page = health.see("/types/new")
    press(page, "从空白开始")
    draft = page.url.partition("?")[0]
    health.check_both()

    # The picture follows what is typed, before anything is saved
    before = page.get_attribute("#face-picture", "src")
    page.fill("#name_zh", "食品从业人员健康证明")
    page.wait_for_selector("#face-picture[data-drawn]")
    assert page.get_attribute("#face-picture", "src") != before
    page.fill("#name_en", "Health certificate of food workers")
    page.fill("#slug", "food-health")

    # A field more, given a name, moved up
    press(page, "增加字段")
    page.fill("[id='3.title']", "从业单位")
    page.fill("[id='3.name']", "employer")
    page.check("[id='3.required']")
    page.click("button[value='up:3']")
    page.wait_for_load_state()
    assert page.input_value("[id='2.name']") == "employer"

    # What is wrong is said, shown at its field, and nothing is lost
    page.fill("[id='2.max']", "many")
    press(page, "提交审核")
    assert page.locator(".error-summary").is_visible() and page.input_value("[id='2.max']") == "many"
    assert page.locator("#row-2.bad[open]").count() == 1
    health.check_both()
    page.fill("[id='2.max']", "80")
    press(page, "提交审核")
    assert page.url == f"{draft}/review?done=submit"
    assert page.locator("button:has-text('审核发布')").count() == 0

    # Another person reviews and publishes; nobody may issue yet
    admin = stack.enter_context(Desk(browser, live, "admin"))
    other = admin.see("/types/drafts")
    other.click("main table a:has-text('审核发布')")
    other.wait_for_load_state()
    admin.check_both()
    press(other, "审核发布")
    assert "/types/food-health" in other.url
    admin.check_both()
    assert page.goto("/issue/food-health").status in (200, 403)
    other.select_option("#department", "health")
    press(other, "授权颁证")

    # Its first licence
    issue = health.see("/issue/food-health?example=true")
    issue.click("main form button[type=submit]:not([formaction])")
    issue.wait_for_load_state()
    issue.click("main form button[type=submit]:not([formaction])")
    issue.wait_for_url("**/licences/**")
    view = live.services.register.find(unquote(urlsplit(issue.url).path.rpartition("/")[2]))
    report = live.services.desk.verifier().verify(live.services.register.file(view))
    assert str(report.indication) == "TOTAL-PASSED"
    assert view.message.face_value("employer") is not None


def test_without_scripts_the_button_draws_and_nothing_is_lost(
    browser: Any, live: Live, stack: ExitStack, tmp_path: Path
) -> None:
    desk = stack.enter_context(Desk(browser, live, "civil", java_script_enabled=False))
    page = desk.page
    page.goto("/types/new")
    page.select_option("#from", "social-organisation")
    press(page, "以它为底")
    draft = page.url
    first = page.get_attribute("#face-picture", "src")
    page.fill("#notices", "60、15")
    page.click("#row-1 summary")
    page.fill("[id='1.x']", "130")
    press(page, "保存并更新图样")
    assert page.input_value("#notices") == "60、15" and page.input_value("[id='1.x']") == "130"
    assert page.get_attribute("#face-picture", "src") != first
    # Two windows: the one that saves later is told, and keeps what was typed
    second = stack.enter_context(Desk(browser, live, "civil", java_script_enabled=False)).page
    second.goto(draft)
    second.fill("#name_en", "Societies")
    page.fill("#name_en", "Associations")
    press(page, "保存并更新图样")
    press(second, "保存并更新图样")
    assert "type.draft_changed" not in second.content() and second.locator(".error-summary").is_visible()
    assert second.input_value("#name_en") == "Societies"
    # A base image, checked
    silly, scan = tmp_path / "silly.png", tmp_path / "scan.jpg"
    silly.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    Image.new("RGB", (1400, 990), "#f2e8d5").save(scan, "JPEG")
    page.set_input_files("#file", str(silly))
    press(page, "保存并更新图样")
    assert page.locator(".error-summary").is_visible()
    page.set_input_files("#file", str(scan))
    page.check("#auto")
    press(page, "保存并更新图样")
    answer = page.request.get(f"{draft}/picture")
    with Image.open(io.BytesIO(answer.body())) as picture:
        red, green, blue = picture.convert("RGB").getpixel((8, 8))
    assert abs(red - 0xF2) + abs(green - 0xE8) + abs(blue - 0xD5) < 9
    with page.expect_download() as download:
        page.click("a:has-text('导出类型文件')")
    exported = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert exported["notices"] == {"days_before": [60, 15]} and exported["style"]["pictures"]


def test_the_catalogue_for_strangers_and_its_keepers(browser: Any, live: Live, stack: ExitStack) -> None:
    admin = stack.enter_context(Desk(browser, live, "admin"))
    admin.see("/types")
    admin.see("/types?kind=permit&holder=legal_person")
    page = admin.see("/types/pollutant-permit")
    page.fill("#reason", "由新证取代")
    press(page, "停用类型")
    assert page.locator("h1 + p .badge").inner_text() == "已停用"
    page.fill("#reason", "仍需使用")
    press(page, "恢复启用")
    with live.client() as client:
        assert client.get("/types").status_code == 200
        assert client.get("/types/pollutant-permit").status_code == 200
        assert client.get("/types/pollutant-permit/sample.png").headers["content-type"] == "image/png"
        assert client.get("/types/nothing", headers={"Accept": "text/html"}).status_code == 404
        assert client.get("/types/drafts", follow_redirects=False).status_code in (303, 401)
