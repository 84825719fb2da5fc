"""后台任务与通知 in real Chromium: a file is issued, its progress watched, what failed read, a notice sent again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from licence_store.jobs import running
from licence_store.jobs.runner import JobRunner
from licence_store.notices.delivery import ATTEMPTS
from licence_store.notices.models import Delivery
from licence_store.notices.outbox import Occasion
from tests.journeys.conftest import TEACHER, Live
from tests.journeys.test_pages import CHROMIUM, DESK, FLAGS, Tab
from trust.journal import Actor

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (LICENCE_TRUST_TEST_CHROMIUM names one)"
)
PHONE = 390
SHOTS = os.environ.get("LICENCE_TRUST_TEST_SHOTS", "")
EDUCATION = "education"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield one
        one.close()


@pytest.fixture
def desk_tab(browser: Any, live: Live) -> Iterator[Tab]:
    with Tab(browser, live, DESK) as tab:
        tab.sign_in(EDUCATION)
        yield tab


@pytest.fixture
def phone_tab(browser: Any, live: Live) -> Iterator[Tab]:
    with Tab(browser, live, PHONE) as tab:
        tab.sign_in(EDUCATION)
        yield tab


@pytest.fixture
def file(people: Callable[[int, int], list[dict[str, str]]], tmp_path: Path) -> Path:
    path = tmp_path / "教师.jsonl"
    lines = [json.dumps(one, ensure_ascii=False) for one in people(70, 21)]
    lines[3] = lines[3].replace('"name"', '"nahme"')
    lines[5] = "{nonsense"
    path.write_text("\n".join(lines), "utf-8")
    return path


def shot(tab: Tab, name: str) -> None:
    tab.check()
    if SHOTS:
        tab.page.screenshot(path=f"{SHOTS}/{name}-{tab.width}.png", full_page=True)


def test_a_file_is_issued_and_watched(live: Live, desk_tab: Tab, phone_tab: Tab, file: Path) -> None:
    page = desk_tab.page
    page.goto("/jobs")
    page.click("main a[href='/jobs/new']")
    shot(desk_tab, "job-new")
    page.select_option("#type", TEACHER)
    page.set_input_files("#file", file)
    page.click("main button[type=submit]")
    page.wait_for_url("**/jobs/0*")
    assert page.inner_text("h1") == "批量签发"
    shot(desk_tab, "job-waiting")
    with JobRunner(live.services.desk):
        page.wait_for_selector("text=完成", timeout=60_000)  # it came by itself
    assert "70/70，失败 2" in page.inner_text("main")
    assert "intake.json" in page.inner_text("main")
    page.reload()
    shot(desk_tab, "job-done")
    with page.expect_download() as download:
        page.click("text=下载全部结果")
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    assert len(lines) == 70
    assert json.loads(lines[5])["error"]["code"] == "intake.json"
    where = page.url
    phone_tab.page.goto(where)
    shot(phone_tab, "job-done")
    phone_tab.page.goto("/jobs/new")
    shot(phone_tab, "job-new")
    for tab in (desk_tab, phone_tab):
        tab.page.goto("/jobs")
        shot(tab, "jobs")


def test_refusals_on_the_form(desk_tab: Tab, tmp_path: Path) -> None:
    page = desk_tab.page
    page.goto("/jobs/new")
    empty = tmp_path / "leer.csv"
    empty.write_text("a,a\n1,2\n")
    page.set_input_files("#file", empty)
    page.click("main button[type=submit]")
    assert "没有提交成功" in page.inner_text(".error-summary")
    shot(desk_tab, "job-refused")


def test_called_off_and_done_again_without_scripts(browser: Any, live: Live) -> None:
    services = live.services
    record = json.dumps(next(iter(services.catalogue.get(TEACHER).example_records(1, 77))), ensure_ascii=False)
    officer = Actor(EDUCATION, services.accounts.get(EDUCATION).department_id, None, "page")
    job = services.jobs.ask_issue(TEACHER, ".jsonl", record.encode(), officer)
    with Tab(browser, live, PHONE, java_script_enabled=False) as tab:
        tab.sign_in(EDUCATION)
        tab.page.goto(f"/jobs/{job.id}")
        tab.page.click("text=取消任务")
        assert "已取消" in tab.page.inner_text("main")
        tab.page.click("text=从停下处重做")
        assert "等待" in tab.page.inner_text("main")
        running.run_due(services.desk)
        tab.page.click("text=刷新")
        assert "完成" in tab.page.inner_text("main")
    with Tab(browser, live, DESK) as tab:
        tab.sign_in("market")  # another department's officer
        assert tab.page.goto(f"/jobs/{job.id}").status == 404


def posted(live: Live, licence_id: str, holder: str) -> list[str]:
    """A notice to the department, given up, and one to nobody; their deliveries."""
    services = live.services
    facts = {
        "licence_id": licence_id, "number": "20269900000000001", "type": "教师资格证", "type_en": "Teacher certificate",
        "issuer": "演示省教育厅", "ends": "2027-03-01", "days": "30",
    }  # fmt: skip
    department = services.accounts.get(EDUCATION).department_id or ""
    services.desk.notices.contacts.add(
        "department", department, "smtp", "office@education.example.cn", actor=Actor("admin")
    )
    with services.desk.sessions.begin() as session:
        for kind, party in (("department", department), ("holder", holder)):
            one = Occasion("licence.expiring", licence_id, "expiring-30", kind, party, department, facts)
            services.desk.notices.post(session, [one])
    for _ in range(ATTEMPTS):
        running.run_due(services.desk)
        with services.desk.sessions.begin() as session:
            session.query(Delivery).filter(Delivery.state == "waiting").update({"due": datetime.now(UTC)})
            services.desk.jobs.enqueue(session, "notice-delivery", {}, actor=Actor("system"))
    return [one.id for one in services.desk.notices.list(department=department)]


def test_notices_and_contacts(
    live: Live, desk_tab: Tab, phone_tab: Tab, people: Callable[[int, int], list[dict[str, str]]]
) -> None:
    [record] = people(1, 173)
    officer = Actor(EDUCATION, live.services.accounts.get(EDUCATION).department_id)
    licence, holder = live.services.desk.issuer.issue(TEACHER, record, officer=officer), record["citizen_number"]
    ids = posted(live, licence.licence_id, holder)
    assert len(ids) == 2
    dead = next(one.id for one in live.services.desk.notices.list(state="dead"))
    page = desk_tab.page
    page.goto("/jobs")
    page.click("main a[href='/notices']")
    for tab in (desk_tab, phone_tab):
        tab.page.goto("/notices")
        shot(tab, "notices")
        tab.page.goto(f"/notices/{dead}")
        shot(tab, "notice")
    assert "notice.smtp_unset" in page.inner_text("main")
    page.click("text=重新投递")
    assert "待投递" in page.inner_text("main")
    page.goto("/notices/contacts")
    assert "office@education.example.cn" in page.inner_text("main")
    page.fill("#party", "990101199003070014")
    page.fill("#address", "x@example.cn")
    page.click("main >> button:text-is('登记')")
    assert "没有本部门颁发的证照" in page.inner_text(".error-summary")
    page.fill("#party", holder)
    page.select_option("#channel", "webhook")
    page.fill("#address", "nonsense")
    page.click("main >> button:text-is('登记')")
    assert "没有登记成功" in page.inner_text(".error-summary")
    assert page.input_value("#party") == holder
    shot(desk_tab, "contacts-refused")
    page.fill("#address", "https://example.cn/hook")
    page.click("main >> button:text-is('登记')")
    assert "whsec_" in page.inner_text("main")
    for tab in (desk_tab, phone_tab):
        tab.page.goto(f"/notices/contacts?holder={holder}")
        shot(tab, "contacts")
    page.click("main >> button:text-is('不再使用') >> nth=0")
    assert "https://example.cn/hook" not in page.inner_text("main")
    page.goto("/notices?lang=en")
    shot(desk_tab, "notices-en")


@pytest.mark.parametrize("path", ["/jobs/nothing", "/notices/nothing", "/jobs/%00", "/jobs?state=%27&before=%27"])
def test_silly_addresses(live: Live, desk_tab: Tab, path: str) -> None:
    answer = desk_tab.page.goto(path)
    assert answer is not None
    assert answer.status in (200, 404, 422)


def test_who_may_look(live: Live, browser: Any) -> None:
    with Tab(browser, live, DESK) as tab:
        assert "/sign-in" in (tab.page.goto("/jobs"), tab.page.url)[1]
        tab.sign_in("auditor")
        tab.page.goto("/jobs")
        assert tab.page.locator("main a[href='/jobs/new']").count() == 0
        assert tab.page.goto("/jobs/new").status == 403
        tab.page.goto("/notices/contacts")
        assert tab.page.locator("form.form").count() == 0
