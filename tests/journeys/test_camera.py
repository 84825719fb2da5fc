"""扫码 by a camera: Chromium's own fake camera plays a film of a phone that shows one of our codes to the window's page."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFilter

from tests.journeys.apart import Household, household
from tests.journeys.conftest import Live
from tests.journeys.test_pages import CHROMIUM, DESK, FLAGS, PHONE, Tab
from tests.journeys.test_space_pages import enter

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (LICENCE_TRUST_TEST_CHROMIUM names one)"),
]
FRAME = (640, 480)
PLAYED = "one => new Promise(done => { one.ontimeupdate = () => { if (one.currentTime > 1) { done(true); } }; })"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Where the fake camera's film lies; it is read when the camera is opened."""
    return tmp_path / "film.mjpeg"


@pytest.fixture
def browser(film: Path) -> Iterator[Any]:
    camera = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *camera])
        yield one
        one.close()


@pytest.fixture(scope="module")
def mine(live: Live) -> Household:
    return household(live.services, "teacher-certificate", 23)


def shoot(film: Path, code: bytes | None) -> None:
    """Half a second of nothing, then a phone held into the picture: tilted, grey, not quite sharp; ``None``: only
    nothing.
    """
    frames = [Image.new("RGB", FRAME, (90, 86, 80))] * 15
    if code is not None:
        shown = Image.open(BytesIO(code)).convert("RGB").resize((300, 300))
        for step in range(45):
            frame = Image.new("RGB", FRAME, (90, 86, 80))
            held = shown.rotate(4 + step % 5, expand=True, fillcolor=(235, 235, 235))
            frame.paste(held, (110 + step % 7, 60 + step % 4))
            frames.append(frame.point([int(20 + 0.8 * value) for value in range(256)] * 3).filter(_SOFT))
    film.write_bytes(b"".join(map(_jpeg, frames)))


_SOFT = ImageFilter.GaussianBlur(0.8)


def _jpeg(frame: Image.Image) -> bytes:
    held = BytesIO()
    frame.save(held, "JPEG", quality=70)
    return held.getvalue()


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_code_is_read_by_the_camera(browser: Any, live: Live, mine: Household, width: int, film: Path) -> None:
    with Tab(browser, live, PHONE) as phone, Tab(browser, live, width) as window:
        enter(phone, live, mine)
        phone.page.goto(f"/space/licences/{mine.licence_id}/present")
        phone.page.click("main button[type=submit]")
        shoot(film, phone.page.locator(".qr").screenshot())
        window.sign_in("market")
        window.page.goto("/window/scan")
        window.page.click("[data-camera]")
        window.page.wait_for_selector("[data-scan] video:visible")
        window.check()
        window.page.wait_for_url("**/present/shown/*", timeout=20000)
        assert mine.holder.name in window.page.inner_text("main")
        phone.page.wait_for_selector(".code-card.over")


def test_a_camera_that_sees_no_code_goes_on_looking(browser: Any, live: Live, film: Path) -> None:
    shoot(film, None)
    with Tab(browser, live, PHONE) as window:
        window.sign_in("market")
        window.page.goto("/window/scan")
        window.page.click("[data-camera]")
        window.page.locator("[data-scan] video").evaluate(PLAYED)
        assert window.page.url.endswith("/window/scan")
        assert window.page.inner_text("[data-said]").strip()
        window.check()
        window.page.click("[data-camera]")  # now it closes
        window.page.locator("[data-scan] video").wait_for(state="hidden")
        assert window.page.locator("[data-scan] video").evaluate("one => one.srcObject") is None


def test_a_camera_that_is_not_allowed_is_said_to_be_none(live: Live) -> None:
    """Without the permission the page says so, and the digits are still there."""
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with Tab(one, live, PHONE) as window:
            window.sign_in("market")
            window.page.goto("/window/scan")
            window.page.click("[data-camera]")
            window.page.locator("[data-said]").filter(has_text="无法使用摄像头").wait_for()
            assert window.page.locator("input[name=code]").is_visible()
            window.check()
        one.close()
