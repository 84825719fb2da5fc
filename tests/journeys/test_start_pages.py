"""What somebody is offered who signs in: the menus lead nowhere one may not go, the start page tells what waits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.pages.navigation import GROUPS
from licence_store.collection.entry import open_entry
from licence_store.collection.scans import check_scan
from licence_store.jobs.models import Job
from seal.lifecycle import Official, Role
from tests.journeys.conftest import Live
from tests.journeys.test_pages import CHROMIUM, DESK, FLAGS, PHONE, Tab
from trust.journal import Actor

playwright = pytest.importorskip("playwright.sync_api", reason="the pages are tested in a browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (LICENCE_TRUST_TEST_CHROMIUM names one)"
)
SCANS = Path(__file__).parents[2] / "examples/collection/1-scan-entry/scans"
ACCOUNTS = {"education": "officer", "admin": "admin", "auditor": "auditor", "keeper": "seal_keeper",
            "approver": "seal_approver"}  # fmt: skip
OFFICER = Actor("education", "education", None, "page")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield one
        one.close()


@contextmanager
def signed_in(live: Live, account: str) -> Iterator[httpx.Client]:
    with live.client(Accept="text/html") as client:
        token = re.search(r'name="csrf" value="([^"]+)"', client.get("/sign-in").text)
        assert token
        given = {"csrf": token[1], "name": account, "password": live.passwords[account], "next": "/"}
        assert client.post("/sign-in", data=given).headers["location"] == "/"
        yield client


@pytest.mark.parametrize("account", ACCOUNTS)
def test_no_entry_answers_403_and_what_is_left_out_does(live: Live, account: str) -> None:
    with signed_in(live, account) as client:
        offered = re.findall(r'href="(/[^"]*)"', client.get("/").text.split("</nav>")[0].split("<nav")[1])
        for entry in (one for group in GROUPS for one in group.entries):
            status = client.get(entry.href).status_code
            if entry.href == "/jobs" and entry.href not in offered:
                continue  # who has to do with seals alone seldom has a job, and finds it by its address
            assert (entry.href in offered, status) in ((True, 200), (False, 403)), entry.href


def waits(client: httpx.Client) -> dict[str, tuple[str, str]]:
    """Kind → number and list, as the start page says."""
    page = client.get("/")
    assert page.status_code == 200
    found = re.findall(r'<a href="([^"]+)" data-kind="([^"]+)".*?<b>([^<]+)</b>', page.text, re.DOTALL)
    for href, _, _ in found:
        assert client.get(href.replace("&amp;", "&")).status_code == 200
    return {kind: (count, href) for href, kind, count in found}


def test_what_waits_for_each(live: Live) -> None:
    desk = live.services.desk
    for account in ACCOUNTS:
        with signed_in(live, account) as client:
            assert waits(client) == {}
            assert "眼下没有等您办理的事项" in client.get("/").text
    scans = [check_scan(one.read_bytes(), one.name) for one in sorted(SCANS.iterdir())]
    open_entry(desk).receive("scan", "teacher-certificate", scans, OFFICER)
    life, officer = desk.catalogue_life, Official(OFFICER, Role.OFFICER)
    draft = life.open_draft(officer, live.services.catalogue.get("teacher-certificate").source)
    life.open_draft(officer, live.services.catalogue.get("teacher-certificate").source)
    life.take(officer, draft.id, "submit")
    with desk.sessions.begin() as session:
        failed = desk.jobs.enqueue(session, "expiry-sweep", {}, actor=OFFICER)
        session.get_one(Job, failed).state = "failed"
    told = {
        "education": {
            "jobs.failed": ("1", "/jobs?state=failed"),
            "entry.open": (str(len(scans)), "/entry?state=open"),
            "drafts.begun": ("1", "/types/drafts"),
        },
        "market": {},
        "admin": {"jobs.failed": ("1", "/jobs?state=failed"), "drafts.review": ("1", "/types/drafts")},
        "auditor": {"jobs.failed": ("1", "/jobs?state=failed")},
        "keeper": {},
        "approver": {},
    }
    for account, expected in told.items():
        with signed_in(live, account) as client:
            assert waits(client) == expected, account


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_menus(browser: Any, live: Live, width: int, scripts: bool) -> None:
    with Tab(browser, live, width, java_script_enabled=scripts) as tab:
        tab.sign_in("education")
        page = tab.page
        page.goto("/licences")
        menus = page.locator(".site-nav summary")
        assert page.locator(".site-nav summary[aria-current=true]").inner_text() == "证照库"
        menus.nth(0).click()
        assert page.is_visible(".site-nav >> text=纸质证照采集")
        menus.filter(has_text="证照库").click()
        assert not page.is_visible(".site-nav >> text=纸质证照采集"), "one is open at a time"
        if scripts:
            tab.check()
            page.keyboard.press("Escape")
            assert page.locator(".site-nav details[open]").count() == 0
            assert page.evaluate("document.activeElement.textContent") == "证照库"
            page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/holdings")
        assert page.locator(".site-nav a[aria-current=page]").get_attribute("href") == "/holdings"


@pytest.mark.parametrize(
    ("width", "height", "lang"),
    [(DESK, 90, "zh-CN"), (DESK, 130, "en"), (PHONE, 160, "zh-CN"), (PHONE, 160, "en")],  # two lines of English words
)
def test_the_head_stays_small(browser: Any, live: Live, width: int, height: int, lang: str) -> None:
    for account in ("education", "admin"):
        with Tab(browser, live, width, locale=lang) as tab:
            tab.sign_in(account)
            tab.page.goto("/")
            assert tab.page.evaluate("document.querySelector('.site-head').offsetHeight") < height
            tab.check()
