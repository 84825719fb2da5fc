"""The window desk and a holder's own materials in real Chromium, with and without scripts, at a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from licence_store.holding.accounts import Identity
from licence_store.holding.holder import CITIZEN_NUMBER, Holder, HolderSession
from licence_store.materials.views import MaterialView
from tests.journeys.conftest import TEACHER, Live
from tests.journeys.test_pages import CHROMIUM, DESK, FLAGS, Tab
from tests.licence_store.materials.world import citizen, picture
from trust.journal import Actor

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (LICENCE_TRUST_TEST_CHROMIUM names one)"
)
PHONE = 390


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield one
        one.close()


class Person:
    """A holder with a teacher's certificate, signed in to the space."""

    def __init__(self, live: Live) -> None:
        self.services = live.services
        record = next(self.services.catalogue.get(TEACHER).example_records(1, 4242))
        issued = self.services.issue(TEACHER, record, Actor("education", "education"), None)
        view = self.services.register.find(issued.licence_id).summary
        self.licence_id, self.number = view.licence_id, view.licence_number
        self.holder = Holder(view.holder_code, CITIZEN_NUMBER, view.holder_name)
        proved = self.services.clock()
        self.token = self.services.spaces.open(Identity("https://id.example", "w", self.holder, 3, proved))
        self.session: HolderSession = self.services.spaces.find(self.token)

    def add(self, seed: int, kind: str = "licence_scan", **given: str) -> MaterialView:
        desk = self.services.desk
        upload = desk.uploads.accept(
            "x.png", picture(seed), owner=self.holder.code, kind=kind, actor=self.session.actor()
        )
        return desk.materials.add(self.session, upload, kind=kind, **{"title": f"证书 {seed}", **given})


@pytest.fixture(scope="module")
def person(live: Live) -> Person:
    return Person(live)


class Visitor(Tab):
    """A tab looked at in both widths."""

    def see(self, path: str = "") -> Any:
        if path:
            self.page.goto(path)
        self.page.wait_for_load_state("networkidle")
        for width in (PHONE, DESK):
            self.page.set_viewport_size({"width": width, "height": 900})
            self.width = width
            self.check()
        return self.page


@pytest.fixture
def officer(browser: Any, live: Live) -> Iterator[Visitor]:
    with Visitor(browser, live) as tab:
        tab.sign_in("education")
        yield tab


@pytest.fixture
def own(browser: Any, live: Live, person: Person) -> Iterator[Visitor]:
    with Visitor(browser, live) as tab:
        tab.page.context.add_cookies([{"name": "lt_space", "value": person.token, "url": live.url}])
        yield tab


def level(page: Any) -> str:
    return str(page.inner_text(".page-head .grade")).strip()[-1]


def test_compared_and_accepted_to_b(officer: Visitor, person: Person) -> None:
    item = person.add(1, type_code=TEACHER, stated_number="20119900000000077")
    page = officer.see("/window")
    page.click(f"a[href='/window/materials/{item.id}']")
    officer.see()
    assert level(page) == "C"
    assert page.locator(".side-by-side .scan-box img").count() == 1
    page.click("label[for=zoom-2]")
    wide = page.evaluate("document.querySelector('.side-by-side .scan-box img').offsetWidth")
    assert wide > page.evaluate("document.querySelector('.side-by-side .scan-box').clientWidth") * 1.8
    page.fill("[name=upload-1]", "林望舒")
    page.fill("[name=original-1]", "林望书")
    page.check("#original_seen")
    page.click("button[value=check]")
    assert "不一致" in page.inner_text("[role=alert]")
    assert page.input_value("[name=original-1]") == "林望书"
    officer.see()
    page.fill("[name=original-1]", "林望舒")
    page.fill("[name=original-0]", "20119900000000077")
    page.click("button[value=check]")
    page.wait_for_url("**?done=check")
    officer.see()
    assert level(page) == "B"
    assert "部门已签名" in page.inner_text(".steps-done")
    assert page.locator("button[value=check]").count() == 0


def test_refused_without_scripts(browser: Any, live: Live, person: Person, own: Visitor) -> None:
    item = person.add(2, kind="third_party_report", department="education")
    with Visitor(browser, live, java_script_enabled=False) as tab:
        tab.sign_in("education")
        page = tab.page
        page.goto(f"/window/materials/{item.id}")
        page.check("#r-illegible")
        page.fill("#words", "第二页看不清")
        page.click("button[value=refuse]")
        assert "扫描件不清晰" in page.inner_text(".inset.broken")
    page = own.see(f"/space/materials/{item.id}")
    assert "请重新扫描或拍照" in page.inner_text(".inset.broken")
    assert "第二页看不清" in page.inner_text(".inset.broken")


def test_the_original_takes_its_place(officer: Visitor, own: Visitor, person: Person) -> None:
    item = person.add(3, type_code=TEACHER, stated_number=person.number)
    page = officer.see(f"/window/materials/{item.id}")
    assert person.number in page.inner_text(".better-copy")
    assert page.locator(".side-by-side .scan-box img").count() == 2
    mine = own.see(f"/space/materials/{item.id}")
    mine.click("button[value=take]")
    mine.wait_for_url("**?done=take")
    own.see()
    assert "已由原件取代" in mine.inner_text(".better-copy")


def test_at_the_counter_and_a_windows_own_scan(
    browser: Any, live: Live, own: Visitor, person: Person, tmp_path: Any
) -> None:
    item = person.add(4, type_code=TEACHER)
    path = tmp_path / "毕业证.png"
    path.write_bytes(picture(99))
    with Visitor(browser, live) as tab:
        tab.sign_in("health")
        page = tab.see("/window")
        assert tab.page.goto(f"/window/materials/{item.id}").status == 404
        page.goto("/window")
        page.fill("#holder_code", person.holder.code)
        page.fill("#purpose", "办理体检")
        page.click("form[action='/window/lookup'] button")
        row = page.locator(".material-list li", has_text="证书 4")
        row.locator("[name=case_number]").fill("J-1")
        row.locator("button").click()
        page.wait_for_url("**?done=link")
        assert "J-1" in page.inner_text("main")
        tab.see("/window/materials/new")
        page.set_input_files("#file", path)
        page.fill("#holder_code", person.holder.code)
        page.fill("#title", "毕业证书")
        page.fill("[name=upload-0]", "毕业证书")
        page.fill("[name=original-0]", "毕业证书")
        page.click("main button[type=submit]")
        assert "没有见到原件" in page.inner_text("[role=alert]")
        assert page.input_value("#title") == "毕业证书"
        page.set_input_files("#file", path)
        page.check("#original_seen")
        page.click("main button[type=submit]")
        page.wait_for_url("**?done=scan")
        assert level(page) == "B"
    page = own.see("/space/materials")
    page.click("a:has-text('毕业证书') >> nth=0")
    own.see()
    assert page.locator("button[value=delete]").count() == 0
    assert "不能改动" in page.inner_text("main")


def test_replaced_and_deleted_by_its_holder(own: Visitor, person: Person, tmp_path: Any) -> None:
    item = person.add(6, kind="self_made")
    path = tmp_path / "新.png"
    path.write_bytes(picture(60))
    page = own.see(f"/space/materials/{item.id}")
    page.click("details:has(button[value=replace]) summary")
    page.set_input_files("#file", path)
    page.click("button[value=replace]")
    page.wait_for_url("**?done=replace")
    page.click("details.discard summary")
    page.click("button[value=delete]")
    page.wait_for_url("**/space/materials")
    own.see("/space/materials?state=deleted")


PLACES = [
    ("keeper", "/window", 403),
    ("auditor", "/window", 403),
    ("admin", "/window/materials/new", 403),
    ("education", "/window?show=x", 422),
    ("education", "/window?kind=x", 422),
    ("education", "/window/materials/m-none", 404),
    ("education", "/window/materials/m-%00", 404),
    ("education", "/window/materials/m-none/page-1.png", 404),
    ("education", "/window/materials/m-none/original.png", 404),
    ("education", "/window?cursor=x", 422),
]


def test_who_has_no_business_there(live: Live, person: Person) -> None:
    item = person.add(7, type_code="nurse-certificate")
    html = {"accept": "text/html"}
    for account in {one[0] for one in PLACES}:
        with live.client(**html) as client:
            client.get("/sign-in")
            csrf = client.cookies.get("lt_form")
            given = {"csrf": csrf, "name": account, "password": live.passwords[account]}
            client.post("/sign-in", data=given)
            for name, path, status in PLACES:
                if name == account:
                    answer = client.get(path)
                    assert (answer.status_code, "Traceback" in answer.text) == (status, False), path
            assert client.get(f"/window/materials/{item.id}").status_code in (403, 404, 200)
            assert client.get("/space/materials").status_code == 303
    other = Holder(citizen("99010119880305001"), CITIZEN_NUMBER, "赵行远")
    token = live.services.spaces.open(Identity("https://id.example", "o", other, 3, live.services.clock()))
    with live.client(**html) as client:
        client.cookies.set("lt_space", token)
        for path in ("", "/page-1.png", "/small.png", "/file", "/provenance.json"):
            assert client.get(f"/space/materials/{item.id}{path}").status_code == 404
        assert client.get(f"/window/materials/{item.id}").status_code == 303
        csrf = live.services.spaces.find(token).csrf
        for act in ("delete", "take", "look", "decline", "replace"):
            answer = client.post(f"/space/materials/{item.id}", files={"csrf": (None, csrf), "act": (None, act)})
            assert answer.status_code == 404
    assert live.services.desk.materials.find(item.id).state == "active"
