"""用户空间的页面 in a real browser, at both widths: they fit, are labelled and can be read; a code is scanned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.holder_deps import SPACE_COOKIE
from tests.journeys.apart import Household, household, signed_in
from tests.journeys.conftest import Live
from tests.journeys.test_pages import CHROMIUM, DESK, FLAGS, PHONE, Tab

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


@pytest.fixture(scope="module")
def mine(live: Live) -> Household:
    return household(live.services, "teacher-certificate", 21)


def enter(tab: Tab, live: Live, mine: Household) -> None:
    tab.context.add_cookies([{"name": SPACE_COOKIE, "value": signed_in(live.services, mine.holder), "url": live.url}])


@pytest.mark.parametrize(("width", "lang"), [(PHONE, "zh-CN"), (DESK, "en")])
def test_every_page_of_mine(browser: Any, live: Live, mine: Household, width: int, lang: str) -> None:
    base = f"/space/licences/{mine.licence_id}"
    with Tab(browser, live, width, locale=lang) as tab:
        enter(tab, live, mine)
        for path in (
            "/space", "/space?group=issuer", base, f"{base}/print", f"{base}/loss", f"{base}/present", f"{base}/dispute",
            "/space/present", "/space/ledger", "/space/ledger?act=view", "/space/disputes",
            f"/space/disputes/{mine.ids['dispute_id']}", f"/space/ledger/{mine.ids['seq']}/dispute",
            f"/present/{mine.ids['waiting_token']}",
        ):  # fmt: skip
            assert tab.page.goto(path).status == 200, path
            tab.check()


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_code_is_scanned_from_a_photo(browser: Any, live: Live, mine: Household, width: int, tmp_path: Path) -> None:
    """The officer's browser reads the code; the holder's page says who opened it."""
    photo = tmp_path / "photo.png"
    with Tab(browser, live, PHONE) as phone, Tab(browser, live, width) as window:
        enter(phone, live, mine)
        phone.page.goto(f"/space/licences/{mine.licence_id}/present")
        phone.page.click("main button[type=submit]")
        phone.check()
        phone.page.locator(".qr").screenshot(path=photo)
        window.sign_in("market")
        window.page.goto("/window/scan")
        window.check()
        window.page.set_input_files("[data-photo]", photo)
        window.page.wait_for_url("**/present/shown/*")
        window.check()
        assert window.page.locator(".face img").evaluate("one => one.naturalWidth") > 300
        phone.page.wait_for_selector(".code-card.over")
        assert "市场监督管理局" in phone.page.inner_text("[data-said]")
        window.page.goto("/disputes")
        window.check()
