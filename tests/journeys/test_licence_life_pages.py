"""The life of licences in real Chromium: looked at as a time line, acted on by forms, at a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from api.pages.licence_views import CONSEQUENCES, NOT_HERE
from licence_store.extras import IssueExtras
from licence_store.lifecycle import STEPS
from seal.lifecycle import Official, Role
from tests.journeys.conftest import Live
from tests.journeys.inspected import ORGANISATION, inspected_at_once
from tests.journeys.test_pages import CHROMIUM, DESK, FLAGS, Tab
from tests.journeys.test_seal_pages import PHONE, Desk
from trust.journal import Actor

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (LICENCE_TRUST_TEST_CHROMIUM names one)"
)
OFFICER = Actor("civil", "civil", None, "page")
Issue = Callable[..., str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield one
        one.close()


@pytest.fixture(scope="module")
def issue(live: Live) -> Issue:
    """Issue the example with this seed; answers the address of its page."""
    live.services.catalogue.import_definition(inspected_at_once("INSPECTION_OVERDUE"), live.services.actor("admin"))

    def do(seed: int, issued_on: str = "") -> str:
        [record] = live.services.catalogue.get(ORGANISATION).example_records(1, seed)
        extras = IssueExtras(issued_on=issued_on)
        made = live.services.issuer.issue(ORGANISATION, record, officer=OFFICER, extras=extras)
        return f"/licences/{quote(made.licence_id)}"

    return do


@pytest.fixture(scope="module")
def officer(browser: Any, live: Live) -> Iterator[Desk]:
    with Desk(browser, live, "civil") as desk:
        yield desk


def state_of(live: Live, licence: str) -> str:
    return live.services.register.find(licence.rpartition("/")[2]).state


def course(page: Any) -> list[str]:
    """Titles of the time line, newest first."""
    return list(page.locator(".course-of-licence > li > .what b").all_inner_texts())


def offered(page: Any) -> set[str]:
    return set(page.locator(".offers a").all_inner_texts())


def take(desk: Desk, licence: str, step: str, **values: str) -> None:
    desk.step(licence, step, **values)
    assert desk.page.locator("[role=status]").is_visible(), desk.page.locator("main").inner_text()


def test_the_whole_life(officer: Desk, live: Live, issue: Issue, tmp_path: Path) -> None:
    one = issue(201)
    page = officer.see(one)
    assert offered(page) == {
        "办理年检", "变更", "暂扣证照", "办理挂失", "吊销证照", "撤销证照", "注销证照", "转出至其他地区"
    }  # fmt: skip
    take(officer, one, "suspend", reason="涉嫌违规，立案调查。", basis="〔2026〕12 号")
    page = officer.see(one)
    assert "解除暂扣" in offered(page)
    assert "暂扣证照" not in offered(page)
    take(officer, one, "resume", reason="调查终结。")

    page = officer.see(f"{one}/revise")
    assert page.input_value("#f-name")
    page.fill("#f-address", "演示省演示市新址路 9 号")
    page.fill("#reason", "住所变更。")
    page.click("main form button[type=submit]")
    officer.check_both()
    [row] = page.locator("table.compare tbody tr").all_inner_texts()
    assert "演示省演示市新址路 9 号" in row
    assert page.locator("figure.face img").count() == 2
    page.click("form[data-once] button")
    page.wait_for_url("**done=revise")
    second = page.url.partition("?")[0].removeprefix(live.url)

    take(officer, second, "report_lost", reason="正本遗失。")
    take(officer, second, "reissue", reason="按申请补发。")
    third = officer.page.url.partition("?")[0].removeprefix(live.url)

    report = tmp_path / "年检报告.pdf"
    report.write_bytes(b"%PDF-1.4 report")
    page = officer.see(f"{third}/inspect")
    page.fill("#remarks", "材料齐全。")
    page.set_input_files("#evidence", str(report))
    page.click("button[value=passed]")
    page.wait_for_url("**done=inspect")
    officer.check_both()
    told = course(page)
    assert told[0].endswith("年度年检：合格")
    assert told[1:] == ["补发", "办理挂失", "变更", "解除暂扣", "暂扣证照", "签发"]
    pictures = page.locator(".version-card img")
    assert pictures.count() == 3
    page.evaluate("document.querySelectorAll('img').forEach(one => { one.loading = 'eager'; })")
    page.wait_for_load_state("networkidle")
    assert page.evaluate(
        "[...document.querySelectorAll('.version-card img')].every(one => one.complete && one.naturalWidth > 300)"
    )
    assert page.locator(".proof.is-pass").count() == 3
    assert page.locator(".proof.is-fail").count() == 0
    assert "逐版承接" in page.locator(".proof").first.inner_text()
    assert "演示省演示市新址路 9 号" in page.locator(".changes ins").inner_text()
    with page.expect_download() as waited:
        page.locator(".course-of-licence a", has_text="年检报告.pdf").click()
    assert Path(waited.value.path()).read_bytes() == report.read_bytes()
    with page.expect_download() as waited:
        page.locator(".version-card a[download]").last.click()
    assert Path(waited.value.path()).read_bytes().startswith(b"PK")

    take(officer, third, "cancel", reason="完成清算，申请注销。")
    page = officer.see(third)
    assert offered(page) == set()
    assert state_of(live, third) == "CANCELLED"


def test_looking_back(officer: Desk, live: Live, issue: Issue) -> None:
    one = issue(202)
    licence_id = one.rpartition("/")[2]
    issued = live.services.register.events(licence_id)[0]
    life = live.services.desk.life
    life.take(licence_id, "suspend", Official(OFFICER, Role.OFFICER), reason="补登", effective=issued.effective)
    page = officer.see(one)
    assert "登记于" not in page.locator(".course-of-licence").inner_text()  # within the same minute
    page.fill("#at", "2999-01-01T00:00")
    page.check("#as-known")
    page.click("#look-back ~ form button")
    page.wait_for_load_state()
    officer.check_both()
    assert "当时所知" in page.locator(".asof").inner_text()
    assert page.locator(".offers").count() == 0
    assert page.is_checked("#as-known")
    page = officer.see(f"{one}?at=nonsense")
    assert page.locator(".error-summary").is_visible()
    assert page.goto(f"{one}?at=2001-01-01T00:00").status == 404  # it was not there yet


def test_what_a_form_lacks_is_said(officer: Desk, live: Live, issue: Issue) -> None:
    one = issue(203)
    page = officer.see(f"{one}/steps/revoke")
    page.evaluate("document.querySelector('#reason').required = false")
    page.click("main form button[type=submit]")
    assert "须说明理由" in page.locator(".error-summary").inner_text()
    page.fill("#reason", "<script>alert(1)</script>")
    page.fill("#effective", "2001-01-01T00:00")
    page.click("main form button[type=submit]")
    officer.check_both()
    assert "生效时间" in page.locator(".error-summary").inner_text()
    assert page.input_value("#reason") == "<script>alert(1)</script>"
    page.fill("#effective", "")
    page.click("main form button[type=submit]")
    page.wait_for_url("**done=revoke")
    assert "<script>alert(1)</script>" in page.locator(".why").first.inner_text()
    officer.check_both()

    two = issue(204)
    page = officer.see(f"{two}/revise")
    page.fill("#f-credit_code", "51990000MA49QUAQ21")
    page.fill("#reason", "x")
    page.click("main form button[type=submit]")
    assert "持证者" in page.locator(".error-summary").inner_text()
    officer.check_both()
    page.fill("#f-credit_code", "nonsense")
    page.click("main form button[type=submit]")
    assert page.locator("#f-credit_code[aria-invalid]").count() == 1
    page = officer.see(f"{two}/renew")
    assert "延续期" in page.locator("[role=alert]").inner_text()
    assert state_of(live, two) == "CURRENT"


def test_inspections_one_after_the_other_by_keyboard(officer: Desk, live: Live, issue: Issue) -> None:
    waiting = [issue(seed, f"{live.services.clock().year}-01-02") for seed in range(210, 213)]
    page = officer.see(f"/inspections?type={ORGANISATION}")
    due = int(page.locator(".chips a[aria-current] b").inner_text())
    assert due >= len(waiting)
    with page.expect_navigation():
        page.click("text=逐份办理")
    officer.check_both()
    page.keyboard.press("Enter")  # the first result has the focus
    page.wait_for_url("**&last=*")
    assert "合格" in page.locator("[role=status]").inner_text()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "failed"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "不合格" in page.locator("[role=status]").inner_text()
    page.focus("#remarks")
    page.keyboard.type("说明")
    page.click("summary")
    page.focus("#period")
    before = page.url
    page.keyboard.press("Enter")  # in a field it decides nothing
    assert page.url == before
    while "/next" in page.url:
        with page.expect_navigation():
            page.click("text=跳过")
    assert "跳过" in page.locator("[role=status]").inner_text()
    page = officer.see(f"/inspections?type={ORGANISATION}&show=done")
    assert page.locator("tbody tr").count() >= 2
    assert int(page.locator(".chips b").first.inner_text()) == due - 2


def test_overdue_is_listed_and_made_up_for(officer: Desk, live: Live, issue: Issue) -> None:
    one = issue(220)
    page = officer.see(f"{one}/inspect")
    page.click("button[value=failed]")
    page.wait_for_url("**done=inspect")
    assert page.locator(".badge").first.inner_text() == "年检逾期"
    page = officer.see("/inspections?show=overdue")
    assert one in page.content()
    page.goto(f"{one}/inspect")
    page.click("button[value=passed]")
    page.wait_for_url("**done=inspect")
    assert state_of(live, one) == "CURRENT"
    results = page.locator("section[aria-labelledby=inspections] .badge").all_inner_texts()
    assert results == ["合格", "不合格"]


def test_renewed_and_linked_both_ways(browser: Any, live: Live) -> None:
    today = live.services.clock().date()
    [record] = live.services.catalogue.get("nurse-certificate").example_records(1, 9)
    first = {**record, "valid_until": (today + timedelta(days=60)).isoformat()}
    made = live.services.issuer.issue("nurse-certificate", first, officer=Actor("health", "health", None, "page"))
    with Desk(browser, live, "health") as desk:
        page = desk.see(f"/licences/{quote(made.licence_id)}")
        assert "延续（换证）" in offered(page)
        page = desk.see(f"/licences/{quote(made.licence_id)}/renew")
        page.fill("#f-valid_until", (today + timedelta(days=1800)).isoformat())
        page.fill("#reason", "期满延续。")
        page.click("main form button[type=submit]")
        desk.check_both()
        page.click("form[data-once] button")
        page.wait_for_url("**done=renew")
        desk.check_both()
        assert page.locator(".proof.is-pass").count() >= 2
        page.click(f"a[href='/licences/{quote(made.licence_id)}']")
        page.wait_for_load_state()
        assert page.locator(".badge").first.inner_text() == "已被新版本取代"
        assert page.locator(".links a", has_text="1.2.156").count() == 1


def test_a_holder_s_licences_at_any_moment(officer: Desk, live: Live, issue: Issue) -> None:
    one = issue(240)
    view = live.services.register.find(one.rpartition("/")[2])
    page = officer.see(one)
    page.click("text=持证者名下的证照")
    page.wait_for_url("**/holdings?code=*")
    officer.check_both()
    assert page.locator("tbody tr").count() == 1
    page.fill("#at", "2001-01-01T00:00")
    page.check("#as-known")
    with page.expect_navigation():
        page.click("main form button[type=submit]")
    officer.check_both()
    assert page.locator(".empty").is_visible()
    for query in ("code=%00&at=x", f"code={view.summary.holder_code}&at=9999-01-01T00:00", "at=nonsense"):
        assert page.goto(f"/holdings?{query}").status in (200, 422)


# account → what it may do with a licence of the civil affairs department: read, see the list of inspections, act
MATRIX = {
    "civil": (200, 200, 200),
    "market": (404, 200, 404),
    "auditor": (200, 200, 403),
    "admin": (200, 200, 403),
    "keeper": (403, 403, 403),
    "approver": (403, 403, 403),
}
READS = ("", "/versions/1/face.png", "/verdict", "/face.png")
FORMS = ("/steps/suspend", "/revise", "/inspect")


@pytest.mark.parametrize("account", MATRIX)
def test_who_may_do_what(browser: Any, live: Live, issue: Issue, account: str) -> None:
    one = issue(230)
    reading, listing, acting = MATRIX[account]
    with Desk(browser, live, account) as desk:
        request = desk.page.request
        assert [request.get(f"{one}{path}").status for path in READS] == [reading] * len(READS)
        assert request.get("/inspections").status == listing
        assert request.get("/holdings?code=x").status == listing
        html = {"accept": "text/html"}
        assert [request.get(f"{one}{path}", headers=html).status for path in FORMS] == [acting] * len(FORMS)
        if acting != 200:
            desk.page.goto("/licences")
            csrf = desk.page.locator("[name=csrf]").first.get_attribute("value")
            for path in (*FORMS, "/revise/check", "/steps/reissue"):
                form = {"csrf": csrf or "", "reason": "x", "result": "passed"}
                assert request.post(f"{one}{path}", multipart=form, headers=html).status in (acting, 403, 404)
        if reading == 200:
            desk.page.goto(one)
            assert (desk.page.locator("#acts").count() == 1) == (account == "civil")
    assert state_of(live, one) == "CURRENT"


@pytest.mark.parametrize("path", ["", "/steps/suspend", "/revise", "/inspect", "/versions/1/licence.ofd"])
def test_strangers_sign_in_first(live: Live, issue: Issue, path: str) -> None:
    with live.client(accept="text/html") as client:
        answer = client.get(f"{issue(230)}{path}")
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=")


def test_old_files_are_not_for_others(browser: Any, live: Live, issue: Issue) -> None:
    one = issue(231)
    who = Official(OFFICER, Role.OFFICER)
    live.services.desk.reviser.revise(one.rpartition("/")[2], {"address": "新址"}, who, reason="x")
    with Desk(browser, live, "auditor") as desk:
        request = desk.page.request
        assert request.get(f"{one}/versions/1/face.png").status == 200
        assert request.get(f"{one}/versions/1/licence.ofd").status == 403
        assert request.get(f"{one}/versions/2/licence.ofd").status == 200
        assert request.get(f"{one}/versions/9/face.png").status == 404
        assert request.get(f"{one}/evidence/{'0' * 64}").status == 404


def test_without_a_form_token_nothing_happens(officer: Desk, live: Live, issue: Issue) -> None:
    one = issue(232)
    for path in ("/steps/suspend", "/revise", "/inspect"):
        assert officer.page.request.post(f"{one}{path}", multipart={"reason": "x", "result": "passed"}).status == 403
    assert state_of(live, one) == "CURRENT"


HOSTILE = (
    "/licences/x",
    "/licences/%00",
    "/licences/1.2.156.3005.2.x/revise",
    "ONE/steps/conjure",
    "ONE/steps/issue",
    "ONE/versions/0/face.png",
    "ONE/versions/-1/face.png",
    "ONE/versions/99999999999999999999/face.png",
    "ONE/evidence/%2e%2e",
    "ONE?at=9999-12-31T23:59&look=known",
    "ONE?at=0001-01-01T00:00",
    "/inspections?type=nothing&show=nothing&year=99999",
    "/inspections?type=%00&after=%00",
    "/inspections/next?after=zzz",
)


@pytest.mark.parametrize("path", HOSTILE)
def test_nothing_silly_breaks_it(officer: Desk, issue: Issue, path: str) -> None:
    answer = officer.page.goto(path.replace("ONE", issue(232)))
    assert answer.status < 500
    assert officer.page.locator("h1").is_visible()


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_public_is_told_in_words(browser: Any, live: Live, issue: Issue, width: int, lang: str) -> None:
    one = issue(233)
    licence_id = one.rpartition("/")[2]
    who = Official(OFFICER, Role.OFFICER)
    made = live.services.desk.reviser.revise(licence_id, {"address": "新址"}, who, reason="x")
    with Tab(browser, live, width, locale=lang) as tab:
        for path, said in (
            (licence_id, ("旧版本", "old version")),
            (made.licence_id, ("现在仍然有效", "in force now")),
        ):
            tab.page.goto(f"/v/{path}")
            tab.check()
            assert said[lang == "en"] in tab.page.locator(".verdict").inner_text()


def test_every_step_has_its_words() -> None:
    assert set(CONSEQUENCES) | NOT_HERE == set(STEPS)
