"""The pages in real Chromium: what a clerk and a citizen see, at a desk and on a phone, with and without scripts."""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from licence_store.criteria import Criteria
from tests.journeys.conftest import Live

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = os.environ.get("LICENCE_TRUST_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (LICENCE_TRUST_TEST_CHROMIUM names one)"
)

DESK, PHONE = 1280, 360
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--renderer-process-limit=1",
    "--in-process-gpu",
]
"""The last two: one process draws for every tab, which saves a third of the processor's time."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield one
        one.close()


class Tab:
    """A page of the browser, with everything it complained about."""

    def __init__(self, browser: Any, live: Live, width: int = DESK, **options: Any) -> None:
        options = {"locale": "zh-CN", "viewport": {"width": width, "height": 900}, **options}
        self.context = browser.new_context(base_url=live.url, **options)
        self.page = self.context.new_page()
        self.width = width
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda one: one.type in ("error", "warning") and self.complaints.append(one.text))
        self.live = live

    def __enter__(self) -> Tab:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def sign_in(self, account: str) -> None:
        """As the form does it, but not drawn: ``test_signing_in_and_out`` looks at the form."""
        with self.live.client() as client:
            [token, *_] = re.findall(r'name="csrf" value="([^"]+)"', client.get("/sign-in").text)
            given = {"csrf": token, "name": account, "password": self.live.passwords[account]}
            assert client.post("/sign-in", data=given).status_code == 303
            cookies = [{"name": name, "value": value, "url": self.live.url} for name, value in client.cookies.items()]
        self.context.add_cookies(cookies)

    def check(self) -> None:
        """What holds for every page: it fits, it is labelled, its text can be read."""
        assert not [one for one in self.complaints if "the server responded with a status of 4" not in one]
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self.width
        assert self.page.evaluate(AUDIT) == []


AUDIT = r"""() => {
  const wrong = [];
  const shown = e => e.checkVisibility() && getComputedStyle(e).opacity !== '0';
  for (const name of ['header', 'main', 'footer', 'nav'])
    if (!document.querySelector(name)) wrong.push('no ' + name);
  if (document.querySelectorAll('h1').length !== 1) wrong.push('h1: ' + document.querySelectorAll('h1').length);
  if (!document.documentElement.lang) wrong.push('no lang');
  let level = 0;
  for (const h of document.querySelectorAll('h1, h2, h3')) {
    const n = Number(h.tagName[1]);
    if (n > level + 1 && level) wrong.push('heading jumps: ' + h.textContent);
    level = n;
  }
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  if (new Set(ids).size !== ids.length) wrong.push('duplicate id');
  for (const e of document.querySelectorAll('input:not([type=hidden]), select, textarea'))
    if (!e.labels.length && !(e.getAttribute('aria-label') || '').trim()) wrong.push('no label: ' + e.name);
  for (const e of document.querySelectorAll('img')) if (!e.hasAttribute('alt')) wrong.push('no alt: ' + e.src);
  for (const e of document.querySelectorAll('[aria-describedby], [aria-labelledby]'))
    for (const id of ((e.getAttribute('aria-describedby') || '') + ' ' + (e.getAttribute('aria-labelledby') || '')).trim().split(/\s+/))
      if (!document.getElementById(id)) wrong.push('points nowhere: ' + id);
  for (const e of document.querySelectorAll('a[href^="#"]'))
    if (!document.getElementById(e.getAttribute('href').slice(1))) wrong.push('link nowhere: ' + e.getAttribute('href'));
  for (const e of document.querySelectorAll('[style], [onclick]')) wrong.push('inline: ' + e.tagName);
  for (const e of document.querySelectorAll('a, button, input:not([type=hidden]), select, summary')) {
    const box = e.getBoundingClientRect();
    if (!shown(e) || e.className === 'skip' || e.closest('p, td, th, li > a')) continue;
    if (box.height < 24 || box.width < 24) wrong.push('small target: ' + e.textContent + ' ' + box.width + 'x' + box.height);
  }
  const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
  const light = c => { const [r, g, b] = c.slice(0, 3).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walker.nextNode(); n; n = walker.nextNode()) {
    const e = n.parentElement;
    if (!n.textContent.trim() || !shown(e) || e.closest('.visually-hidden, .skip, script, option')) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) wrong.push('contrast ' + ratio.toFixed(2) + ': ' + n.textContent.trim().slice(0, 30));
  }
  return wrong;
}"""


@pytest.fixture(scope="module")
def tampered(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "tampered.ofd"
    with zipfile.ZipFile(live.place / "demo" / "business-licence.ofd") as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            content = good.read(name)
            bad.writestr(name, content + b" " if name.endswith("Content.xml") else content)
    return path


@pytest.fixture(scope="module")
def licence_id(live: Live) -> str:
    return live.services.desk.search.page(Criteria(), limit=1).items[0].licence_id


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_every_public_page(browser: Any, live: Live, licence_id: str, width: int, lang: str) -> None:
    with Tab(browser, live, width, locale=lang) as tab:
        for path in ("/", "/verify", "/developers", "/sign-in", f"/v/{quote(licence_id)}", "/v/zzz", "/nothing-here"):
            tab.page.goto(path)
            assert tab.page.evaluate("document.documentElement.lang") == lang
            tab.check()


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_every_staff_page(browser: Any, live: Live, licence_id: str, width: int, lang: str) -> None:
    with Tab(browser, live, width, locale=lang) as tab:
        tab.sign_in("admin")
        licence = f"/licences/{quote(licence_id)}"
        types = [f"/issue/{one.slug}" for one in live.services.catalogue.list()]
        for path in ("/licences", "/licences?q=nobody", licence, f"{licence}/verdict", "/issue", *types, "/journal",
                     "/journal?check=1", "/licences/zzz"):  # fmt: skip
            tab.page.goto(path)
            tab.check()
        tab.page.goto(licence)
        assert tab.page.evaluate("[...document.images].every(one => one.naturalWidth > 0)")


def test_a_file_dropped_is_verified(browser: Any, live: Live, tampered: Path) -> None:
    with Tab(browser, live) as tab:
        tab.page.goto("/")
        tab.page.set_input_files("#file", live.place / "demo" / "business-licence.ofd")
        tab.page.wait_for_selector(".verdict.tone-pass")
        assert tab.page.inner_text("h1") == "核验通过"
        text = tab.page.inner_text("main")
        for words in ("可信时间戳证明", "演示省市场监督管理局", "可以采信", "证照现行有效"):
            assert words in text
        assert tab.page.evaluate("[...document.images].every(one => one.naturalWidth > 0)")
        assert tab.page.locator(".seal-box svg image").count() == 1
        assert tab.page.locator("figure.face img").count() == 1
        tab.check()
        tab.page.goto("/verify")
        tab.page.set_input_files("#file", tampered)
        tab.page.wait_for_selector(".verdict.tone-fail")
        text = tab.page.inner_text("main")
        assert "integrity.digest_mismatch" in text
        assert "请勿采信" in text
        assert tab.page.locator("figure.face img").count() == 0, "no picture is drawn for a document that failed"
        tab.check()


def test_a_verdict_fits_a_phone_and_prints(browser: Any, live: Live, tampered: Path, tmp_path: Path) -> None:
    with Tab(browser, live, PHONE) as tab:
        tab.page.goto("/verify")
        tab.page.set_input_files("#file", tampered)
        tab.page.wait_for_selector(".verdict")
        tab.check()
        tab.page.emulate_media(media="print")
        assert not tab.page.is_visible(".site-nav")
        assert tab.page.is_visible(".verdict h1")
        assert tab.page.pdf(path=tmp_path / "verdict.pdf")


def test_everything_works_without_scripts(browser: Any, live: Live) -> None:
    with Tab(browser, live, java_script_enabled=False) as tab:
        tab.page.goto("/verify")
        tab.page.set_input_files("#file", live.place / "demo" / "teacher-certificate.ofd")
        tab.page.click("main form button[type=submit]")
        assert "核验通过" in tab.page.inner_text("h1")
        assert not tab.page.is_visible("[data-print]"), "a button that could do nothing"
        tab.page.goto("/sign-in?next=/licences")
        tab.page.fill("#name", "education")
        tab.page.fill("#password", live.passwords["education"])
        tab.page.click("main form button[type=submit]")
        tab.page.wait_for_url("**/licences")
        assert tab.page.is_visible("table")


def test_issue_from_the_form(browser: Any, live: Live) -> None:
    with Tab(browser, live) as tab:
        tab.sign_in("education")
        page = tab.page
        page.goto("/issue")
        assert page.locator(".tile").count() == 1, "an officer sees the department's types only"
        page.goto("/issue/teacher-certificate?example=1")
        name = page.input_value("#f-name")
        number = page.input_value("#f-citizen_number")
        page.fill("#f-citizen_number", number[:-1] + ("0" if number[-1] != "0" else "1"))
        page.fill("#f-subject", "")
        page.click("main form button[type=submit]")
        assert page.evaluate("document.activeElement.className").startswith("error-summary")
        tab.check()
        assert page.locator(".field.bad").count() == 2, "both errors are shown at once"
        assert page.input_value("#f-name") == name, "what was entered is kept"
        page.click(".error-summary a")
        assert page.evaluate("document.activeElement.id") == "f-citizen_number"
        page.fill("#f-citizen_number", number)
        page.fill("#f-subject", "语文")
        page.click("main form button[type=submit]")
        page.wait_for_selector("figure.face img")
        tab.check()
        page.click("form[action$='/edit'] button")
        assert page.input_value("#f-subject") == "语文", "going back keeps what was entered"
        page.click("main form button[type=submit]")
        page.click("form[data-once] button")
        page.wait_for_url("**/licences/*")
        assert name in page.inner_text("main")
        tab.check()
        with page.expect_download() as download:
            page.click("text=下载 OFD")
        assert download.value.suggested_filename.endswith(".ofd")
        content = Path(download.value.path()).read_bytes()
        assert live.services.verifier().verify(content).indication == "TOTAL-PASSED"


def test_a_form_sent_twice_issues_once(live: Live) -> None:
    import re

    before = len(live.services.desk.search.page(Criteria(), limit=1000).items)
    with live.client(Accept="text/html") as client:
        token = re.search(r'name="csrf" value="([^"]+)"', client.get("/sign-in").text)
        assert token
        entered = {"csrf": token[1], "name": "education", "password": live.passwords["education"], "next": "/issue"}
        assert client.post("/sign-in", data=entered).status_code == 303
        record = next(live.services.catalogue.get("teacher-certificate").example_records(1, seed=909))
        csrf = re.search(r'name="csrf" value="([^"]+)"', client.get("/issue").text)
        assert csrf
        sent = {"csrf": csrf[1], **record}
        places = [client.post("/issue/teacher-certificate", data=sent).headers["location"] for _ in range(2)]
        assert places[0].split("?") == [places[1].split("?")[0], "fresh=1"]
        assert "此前已经签发" in client.get(places[1]).text
    assert len(live.services.desk.search.page(Criteria(), limit=1000).items) == before + 1


def test_what_a_department_may_not_see(live: Live, browser: Any) -> None:
    [business] = live.services.desk.search.page(Criteria(type_code="11990000MB0D000105001"), limit=1).items
    with Tab(browser, live) as tab:
        tab.sign_in("education")
        assert tab.page.goto(f"/licences/{quote(business.licence_id)}").status == 404
        assert business.holder_name not in tab.page.inner_text("main")
        assert tab.page.is_visible("text=退出"), "an error does not sign anybody out"
        assert tab.page.goto("/journal").status == 403
        assert tab.page.goto(f"/v/{quote(business.licence_id)}").status == 200, (
            "a QR code tells staff what it tells all"
        )
        assert tab.page.goto("/issue/business-licence?example=1").status == 200
        tab.page.click("main form button[type=submit]")
        assert "grant.missing" in tab.page.inner_text("main") or "权限" in tab.page.inner_text("main")
        tab.check()
    with Tab(browser, live) as tab:
        tab.sign_in("auditor")
        assert tab.page.goto("/issue").status == 403
        assert tab.page.goto("/journal?check=1").status == 200
        assert "完好" in tab.page.inner_text("main")


def test_the_public_page_hides_names(live: Live, browser: Any, licence_id: str) -> None:
    view = live.services.register.find(licence_id)
    with Tab(browser, live, PHONE) as tab:
        tab.page.goto(f"/v/{quote(licence_id)}")
        text = tab.page.inner_text("main")
        assert "登记状态：有效" in text
        assert view.summary.holder_name not in text
        assert view.summary.holder_code not in text
        assert view.summary.licence_number not in text


def test_signing_in_and_out(live: Live, browser: Any) -> None:
    with Tab(browser, live) as tab:
        page = tab.page
        page.goto("/licences?q=a")
        assert "/sign-in" in page.url
        page.fill("#name", "admin")
        page.fill("#password", "not the password")
        page.click("main button[type=submit]")
        assert page.input_value("#name") == "admin"
        assert page.is_visible(".error-summary")
        tab.check()
        page.fill("#password", live.passwords["admin"])
        page.click("main button[type=submit]")
        page.wait_for_url("**/licences?q=a")
        [cookie] = [one for one in tab.context.cookies() if one["name"] == "lt_session"]
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Lax"
        page.click("header form button")
        assert page.goto("/licences").url.split("?")[0].endswith("/sign-in")
        for target in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
            page.goto(f"/sign-in?next={quote(target, safe='')}")
            assert page.get_attribute("input[name=next]", "value") == "/"


def test_the_keyboard_reaches_everything(live: Live, browser: Any) -> None:
    with Tab(browser, live) as tab:
        tab.page.goto("/verify")
        tab.page.keyboard.press("Tab")
        assert tab.page.evaluate("document.activeElement.className") == "skip"
        assert tab.page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
        seen = set()
        for _ in range(30):
            tab.page.keyboard.press("Tab")
            seen.add(tab.page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
            focused = "getComputedStyle(document.activeElement.closest('.drop') || document.activeElement).outlineStyle"
            if tab.page.evaluate("document.activeElement !== document.body"):
                assert tab.page.evaluate(focused) != "none"
        assert {"file", "核验", "English"} <= seen


def test_the_language_stays_chosen(live: Live, browser: Any) -> None:
    with Tab(browser, live) as tab:
        tab.page.goto("/verify")
        tab.page.click("text=English")
        assert tab.page.inner_text("h1") == "Verify a licence"
        tab.page.goto("/")
        assert tab.page.evaluate("document.documentElement.lang") == "en"
        tab.page.click("text=中文")
        assert tab.page.evaluate("document.documentElement.lang") == "zh-CN"
        tab.page.set_input_files("#file", live.place / "demo" / "business-licence.ofd")
        tab.page.wait_for_selector(".verdict")
        tab.page.click("text=English")
        assert tab.page.inner_text("h1") == "Verify a licence", "a posted page leads back to where it starts"
