"""The life of a seal in real Chromium: each person at their own desk, with and without scripts, at a desk and on a phone."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from seal.impression import round_seal
from seal.lifecycle import STEPS, State
from tests.journeys.conftest import Live
from tests.journeys.test_pages import CHROMIUM, DESK, FLAGS, Tab

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (LICENCE_TRUST_TEST_CHROMIUM names one)"
)
PHONE = 390
SEAL = "/seals/99000000000001"
"""The seal of the department for market supervision, which has sealed a demonstration licence."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield one
        one.close()


@pytest.fixture
def basis(tmp_path: Path) -> Path:
    path = tmp_path / "批复.pdf"
    path.write_bytes(b"%PDF-1.4 approval")
    return path


class Desk(Tab):
    """A tab of somebody who is signed in."""

    def __init__(self, browser: Any, live: Live, account: str, **options: Any) -> None:
        super().__init__(browser, live, **options)
        self.sign_in(account)

    def see(self, path: str) -> Any:
        """The page, checked at both widths."""
        self.page.goto(path)
        self.check_both()
        return self.page

    def check_both(self) -> None:
        for width in (PHONE, DESK):
            self.page.set_viewport_size({"width": width, "height": 900})
            self.width = width
            self.check()

    def step(self, seal: str, name: str, **values: str | Path) -> None:
        """Take a step by its form; ``True`` boxes are ticked by their id."""
        page = self.see(f"{seal}/steps/{name}")
        for field, value in values.items():
            if isinstance(value, Path):
                page.set_input_files(f"#{field}", str(value))
            elif value == "on":
                page.check(f"#{field.replace('_', '-')}")
            elif page.locator(f"select#{field}").count():
                page.select_option(f"#{field}", value)
            else:
                page.fill(f"#{field}", value)
        page.click("main form button[type=submit]:not([name=act])")
        page.wait_for_load_state()


@pytest.fixture(scope="module")
def opened_desks(browser: Any, live: Live) -> Iterator[dict[str, Desk]]:
    with ExitStack() as stack:
        names = ("education", "approver", "keeper", "auditor")
        yield {name: stack.enter_context(Desk(browser, live, name)) for name in names}


@pytest.fixture
def desks(opened_desks: dict[str, Desk]) -> dict[str, Desk]:
    """People who stay signed in from test to test; complaints are each test's own."""
    for one in opened_desks.values():
        one.complaints.clear()
    return opened_desks


def apply_for(desk: Desk, name: str, basis: Path) -> str:
    """Apply for a contract seal; answers the address of its page."""
    page = desk.see("/seals/apply")
    page.fill("#name", name)
    page.select_option("#kind", "contract")
    page.set_input_files("#basis", str(basis))
    page.fill("#reason", "采购合同改为电子签订。")
    page.click("main button[type=submit]")
    page.wait_for_url("**/seals/*?done=apply")
    return str(page.url.removeprefix(desk.live.url).partition("?")[0])


def key_of(live: Live, department: str) -> str:
    [name] = [n for n in live.services.desk.region.keyring.names() if n.startswith("signer-") and department in n]
    return name


def state_of(live: Live, seal: str) -> State:
    return live.services.desk.seal_register.view(seal.rpartition("/")[2]).state


def in_use(desks: dict[str, Desk], live: Live, name: str, basis: Path) -> str:
    """A seal from application to use."""
    seal = apply_for(desks["education"], name, basis)
    desks["approver"].step(seal, "approve", reason="同意刻制。")
    desks["keeper"].step(seal, "make", key=key_of(live, "MB0D00029"))
    desks["keeper"].step(seal, "issue", reason="当面发放。")
    desks["education"].step(seal, "activate")
    assert state_of(live, seal) is State.ACTIVE
    return seal


def test_the_whole_life(desks: dict[str, Desk], live: Live, basis: Path, tmp_path: Path) -> None:
    officer, approver, keeper = desks["education"], desks["approver"], desks["keeper"]
    seal = in_use(desks, live, "演示省教育厅合同专用章", basis)
    keeper.step(seal, "grant", limit="5")
    keeper.step(seal, "end_grant")
    keeper.step(seal, "freeze", reason="保管人休假。")
    approver.step(seal, "unfreeze", reason="休假结束。")

    officer.step(seal, "request", change_face="on", basis=basis, reason="机构更名。")
    approver.step(seal, "approve_request")
    picture = tmp_path / "face.png"
    picture.write_bytes(round_seal("演示省教育厅", "9900000000009", centre_text="合同专用章").picture)
    page = keeper.see(f"{seal}/steps/change_face")
    page.check("#face-upload")
    page.set_input_files("#picture", str(picture))
    page.select_option("#size", "42x42")
    page.click("button[name=act]")
    assert page.locator("svg[aria-label=新印模预览]").get_attribute("width") == "42mm"
    keeper.check_both()
    page.click("main form button[type=submit]:not([name=act])")
    page.wait_for_url("**done=change_face")

    officer.step(seal, "request", change_certificate="on", basis=basis, reason="证书到期。")
    approver.step(seal, "approve_request")
    keeper.step(seal, "change_certificate", key=key_of(live, "MB0D00029"))
    officer.step(seal, "report_lost", reason="介质遗失。", since="2026-01-01T08:00")
    approver.step(seal, "confiscate", basis=basis, reason="收回处置。")
    keeper.step(seal, "destroy_confiscated", reason="按规定销毁。")

    assert state_of(live, seal) is State.DESTROYED
    page = keeper.see(seal)
    told = page.locator(".timeline .what b").all_inner_texts()
    assert told[0] == "销毁收缴的印章"
    assert told[-1] == "申请"
    assert len(told) == 18
    assert page.locator(".versions li").count() == 3
    assert page.locator(".seal-sheet svg.true-size").bounding_box()["width"] == pytest.approx(42 / 25.4 * 96, abs=0.1)
    with page.expect_download() as waited:
        page.locator(".timeline a").first.click()
    assert Path(waited.value.path()).read_bytes() == basis.read_bytes()
    assert waited.value.suggested_filename == "批复.pdf"


def test_turned_down_and_taken_back(desks: dict[str, Desk], live: Live, basis: Path) -> None:
    first = apply_for(desks["education"], "演示省教育厅财务专用章", basis)
    assert desks["approver"].see("/seals?state=APPLIED").locator("main").inner_text().count("批准") > 0
    desks["approver"].step(first, "reject", reason="已有同类印章。")
    second = apply_for(desks["education"], "演示省教育厅档案专用章", basis)
    desks["education"].step(second, "withdraw")
    assert (state_of(live, first), state_of(live, second)) == (State.REJECTED, State.WITHDRAWN)


def test_what_a_form_lacks_is_said(desks: dict[str, Desk], live: Live, basis: Path, tmp_path: Path) -> None:
    officer = desks["education"]
    page = officer.see("/seals/apply")
    page.fill("#name", "演示省教育厅<script>alert(1)</script>章")
    page.evaluate("document.querySelector('#basis').required = false")
    page.click("main button[type=submit]")
    assert "依据文件" in page.locator(".error-summary").inner_text()
    assert page.input_value("#name") == "演示省教育厅<script>alert(1)</script>章"

    seal = apply_for(officer, "演示省教育厅<i>收费</i>专用章", basis)
    assert officer.page.locator("h1").inner_text() == "演示省教育厅<i>收费</i>专用章"
    desks["approver"].step(seal, "approve")
    wrong = tmp_path / "face.png"
    wrong.write_bytes(b"not a picture")
    page = desks["keeper"].see(f"{seal}/steps/make")
    page.check("#face-upload")
    page.set_input_files("#picture", str(wrong))
    page.click("button[name=act]")
    assert "PNG" in page.locator(".error-summary").inner_text()
    desks["keeper"].check_both()


def test_steps_of_others_are_refused_with_the_rule(desks: dict[str, Desk], live: Live) -> None:
    for account, step, words in (
        ("keeper", "unfreeze", "印章审批人"),
        ("approver", "freeze", None),
        ("auditor", "report_lost", "三员分立"),
        ("keeper", "issue", "已制作"),
    ):
        page = desks[account].see(f"{SEAL}/steps/{step}")
        if words is None:
            assert page.locator("h1").inner_text() == "冻结印章"
        else:
            assert words in page.locator("[role=alert]").inner_text()
            assert "由谁办理" in page.locator("main").inner_text()
    page = desks["approver"].page
    page.goto(f"{SEAL}/steps/freeze")
    csrf = page.input_value("[name=csrf]")
    answer = page.request.post(
        f"{live.url}{SEAL}/steps/issue", multipart={"csrf": csrf, "reason": "x"}, headers={"accept": "text/html"}
    )
    assert answer.status == 403
    assert "seal.role" in answer.text()
    assert page.request.post(f"{live.url}{SEAL}/steps/freeze", multipart={"reason": "x"}).status == 403  # no token
    assert state_of(live, SEAL) is State.ACTIVE


def test_only_what_the_role_may_do_is_offered(desks: dict[str, Desk], live: Live) -> None:
    offered = {
        name: set(desk.see(SEAL).locator(".offers a").all_inner_texts())
        for name, desk in desks.items()
        if name != "education"
    }
    assert offered == {
        "approver": {"冻结印章", "收缴", "收回用章授权"},
        "keeper": {"冻结印章", "挂失印章", "授权用章", "收回用章授权"},
        "auditor": set(),
    }
    page = desks["education"].page
    assert page.goto(SEAL).status == 404  # a seal of another unit
    assert SEAL not in desks["education"].see("/seals").content()


def test_the_ledger_is_searched_and_exported(desks: dict[str, Desk], live: Live) -> None:
    auditor = desks["auditor"]
    page = auditor.see(f"{SEAL}/ledger")
    assert page.locator("tbody tr").count() == 1
    subject = page.locator("tbody a.code").get_attribute("title")
    with page.expect_download() as waited:
        page.click("text=导出 CSV")
    table = list(csv.reader(io.StringIO(Path(waited.value.path()).read_text("utf-8-sig"))))
    assert table[0][2] == "证照标识"
    assert table[1][2] == subject
    assert len(table) == 2
    page.fill("#q", "nobody")
    page.click("main form button")
    assert page.locator(".empty").is_visible()
    page.goto(f"{SEAL}/ledger?since=2020-01-01T00:00&until=2020-02-01T00:00")
    assert page.locator(".empty").is_visible()
    assert auditor.see(f"{SEAL}/ledger?since=yesterday").locator(".error-summary").is_visible()
    assert "审计员" in desks["keeper"].see(f"{SEAL}/ledger").locator("[role=alert]").inner_text()


def test_anybody_may_ask_how_a_seal_stood(browser: Any, live: Live) -> None:
    with Tab(browser, live, PHONE, java_script_enabled=False) as tab:
        tab.page.goto(SEAL.replace("/seals/", "/s/"))
        assert "有效" in tab.page.locator("h1").inner_text()
        tab.page.fill("#at", "2020-01-01T00:00")
        tab.page.click("main form button")
        assert "未启用" in tab.page.locator("h1").inner_text()
    for width in (PHONE, DESK):
        with Tab(browser, live, width) as tab:
            for path in (
                "/s/99000000000001",
                "/s/99000000000001?at=2020-01-01T00:00",
                "/s/nothing",
                "/s/99000000000001?at=x",
            ):
                tab.page.goto(path)
                tab.check()


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_the_rules_of_use_are_printed(browser: Any, live: Live, lang: str) -> None:
    for width in (PHONE, DESK):
        with Tab(browser, live, width, locale=lang) as tab:
            tab.page.goto("/seals/rules")
            tab.check()
            text = tab.page.locator("article.rules").inner_text()
    assert "同等的法律效力" in text
    assert all(step.title in text for step in STEPS.values())
    assert "电子印章管理办法" in text


def test_an_altered_document_shows_the_seal_as_invalid(browser: Any, live: Live, tmp_path: Path) -> None:
    good, bad = live.place / "demo" / "business-licence.ofd", tmp_path / "altered.ofd"
    with zipfile.ZipFile(good) as one, zipfile.ZipFile(bad, "w") as other:
        for name in one.namelist():
            other.writestr(name, one.read(name) + (b" " if name.endswith("Content.xml") else b""))
    with Tab(browser, live) as tab:
        for path, label in ((good, "印章图样"), (bad, "无效印章")):
            tab.page.goto("/verify")
            tab.page.set_input_files("#file", str(path))
            tab.page.wait_for_selector(".verdict")
            tab.check()
            shown = tab.page.locator(".seal-box svg.true-size")
            assert (shown.get_attribute("aria-label") or "").startswith(label)
            told = tab.page.locator("main").inner_text()
            for wanted in ("签章人的证书", "制章机构的证书", "证书用途", "保护的内容", "时间由谁证明", "印章有效期"):
                assert wanted in told


def test_certificates_and_trust_are_for_administrators(browser: Any, live: Live) -> None:
    with Desk(browser, live, "admin") as desk:
        page = desk.see("/trust")
        assert page.locator("table").nth(0).locator("tbody tr").count() == 4
        assert "seal-maker" in page.locator("main").inner_text()
    with Desk(browser, live, "keeper") as desk:
        assert desk.page.goto("/trust").status == 403


def test_after_a_compromise_licences_are_sealed_anew(browser: Any, live: Live) -> None:
    with Desk(browser, live, "education") as desk:
        page = desk.see("/seals/99000000000002/impact")
        [old] = page.locator(".ids a").all_inner_texts()
        page.fill("#reason", "密钥疑似泄露。")
        page.click("main form[method=post] button[type=submit]")
        desk.check_both()
        assert "重新盖章 1 份" in page.locator("[role=status]").inner_text()
        assert page.locator(".ids a").count() == 0
        page.goto(f"/licences/{quote(old)}")
        assert ".002." in page.content()
    with Desk(browser, live, "keeper") as desk:
        assert "由经办人办理" in desk.see("/seals/99000000000001/impact").locator("main").inner_text()


@pytest.mark.parametrize("path", ["/seals", "/seals/apply", f"{SEAL}/steps/freeze", f"{SEAL}/ledger", f"{SEAL}/impact"])
def test_strangers_sign_in_first(live: Live, path: str) -> None:
    with live.client(accept="text/html") as client:
        answer = client.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=")


def test_everybody_begins_at_their_own_desk(browser: Any, live: Live) -> None:
    for account in ("keeper", "approver", "auditor", "education"):
        with Tab(browser, live) as tab:
            tab.page.goto("/sign-in")
            tab.page.fill("#name", account)
            tab.page.fill("#password", live.passwords[account])
            tab.page.click("main button[type=submit]")
            tab.page.wait_for_selector("h1:has-text('工作台')")
            tab.check()
