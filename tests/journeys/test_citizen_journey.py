"""One citizen's paper becomes a licence that is trusted, in real Chromium: a scan is uploaded (C), a clerk compares it and
accepts it (B), the register comes to hold the issuer's original (A), a copy for one purpose is made and accepted, refused
for another, and the bag of the case is verified by a script that has no service to ask.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from api.cli import run
from api.pictures import preview
from tests.journeys.conftest import TEACHER, Live
from tests.journeys.test_pages import CHROMIUM, FLAGS, Tab
from tests.journeys.test_seal_pages import Desk

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (LICENCE_TRUST_TEST_CHROMIUM names one)"
)

CASE = "990000-2026-0815"
PURPOSE = "公办学校教师招聘资格审查"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as one:
        yield one


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield one
        one.close()


@pytest.fixture(scope="module")
def record(live: Live) -> dict[str, str]:
    """A teacher the register knows nothing of yet."""
    return list(live.services.catalogue.get(TEACHER).example_records(40, seed=815))[-1]


@pytest.fixture(scope="module")
def scan(live: Live, record: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The paper certificate, scanned: its face as it would be, without the code that only ours have."""
    desk = live.services.desk
    definition = desk.catalogue.get(TEACHER)
    drawn = Image.open(io.BytesIO(preview(desk, definition, record, live.services.actor("education"))))
    code, scale = definition.style.qr, drawn.width / definition.style.width
    x, y, side = code.x * scale, code.y * scale, code.size * scale
    drawn.paste("white", (int(x), int(y), int(x + side) + 1, int(y + side) + 1))
    path = tmp_path_factory.mktemp("scan") / "教师资格证书.png"
    drawn.save(path)
    return path


class Citizen(Tab):
    """A tab of somebody signed in to the space."""

    def __init__(self, browser: Any, live: Live, record: dict[str, str]) -> None:
        super().__init__(browser, live)
        self.page.goto("/space/sign-in")
        self.page.click("main a.button")
        self.page.wait_for_url("**/test-idp/authorize?*")
        self.page.check("#loa2")
        self.page.click("summary")
        self.page.fill("#other_code", record["citizen_number"])
        self.page.fill("#name", record["name"])
        self.page.click("main details button")
        self.page.wait_for_url("**/space")

    def both(self) -> None:
        for width in (390, 1280):
            self.page.set_viewport_size({"width": width, "height": 900})
            self.width = width
            self.check()


def test_a_scan_becomes_an_original_and_a_copy_that_knows_its_purpose(
    browser: Any, live: Live, stack: ExitStack, record: dict[str, str], scan: Path, tmp_path: Path
) -> None:
    citizen = stack.enter_context(Citizen(browser, live, record))
    clerk = stack.enter_context(Desk(browser, live, "education"))

    # C: the citizen uploads a scan for a case
    page = citizen.page
    page.goto("/space/materials/new")
    citizen.both()
    page.check("#kind-licence_scan")
    page.set_input_files("#file", str(scan))
    page.wait_for_selector("#checks .pass")
    page.fill("#title", "教师资格证书（扫描）")
    page.click("main details summary")
    page.select_option("#type", TEACHER)
    page.fill("#case_number", CASE)
    citizen.both()
    page.click("main form .actions button")
    page.wait_for_url("**/space/materials/m-*")
    material = page.url.partition("?")[0].rpartition("/")[2]
    citizen.both()
    assert live.services.desk.materials.find(material).level == "C"

    # A copy of it made now does not pass: the window has not seen the original
    early = tmp_path / "early.pdf"
    assert run([*copy_of(live, material, record), "--format", "pdf", "--out", str(early)]) == 0
    assert verdict(live, early, PURPOSE) == (2, "ORIGINAL_CHECK_REQUIRED")

    # B: the clerk compares, field by field, and accepts
    desk = clerk.see("/window")
    desk.click("main td a:has-text('教师资格证书')")
    desk.wait_for_url(f"**/window/materials/{material}")
    clerk.check_both()
    for number, (title, text) in enumerate((("姓名", record["name"]), ("任教学科", record["subject"]))):
        named = desk.locator(f"input[name=aspect-{number}]")
        if named.get_attribute("type") != "hidden":
            named.fill(title)
        desk.fill(f"input[name=upload-{number}]", text)
        desk.fill(f"input[name=original-{number}]", text)
    desk.check("#original_seen")
    desk.click("button[value=check]")
    desk.wait_for_url("**done=check*")
    clerk.check_both()
    assert live.services.desk.materials.find(material).level == "B"

    # A: the department issues; the citizen is offered the original and takes it
    source = tmp_path / "record.json"
    source.write_text(json.dumps(record | {"case": {"number": CASE, "service_item": "教师资格认定"}}), "utf-8")
    issue = ["issue", "--dir", str(live.place), "--type", TEACHER, "--input", str(source)]
    assert run([*issue, "--out", str(tmp_path / "issued"), "--format", "both"]) == 0
    page.goto(f"/space/materials/{material}")
    if page.locator("button[value=look]").count():
        page.click("button[value=look]")
        page.wait_for_load_state()
    page.click("button[value=take]")
    page.wait_for_url("**done=take*")
    citizen.both()
    view = live.services.desk.materials.find(material)
    assert view.state == "replaced"
    page.click("main section.better-copy a")
    page.wait_for_url("**/space/licences/*")
    licence = page.url.rpartition("/")[2]
    citizen.both()

    # A copy for one purpose
    page.goto(f"/space/copies/new?item={licence}")
    citizen.both()
    page.fill("#recipient", "演示省市场监督管理局")
    page.fill("#purpose", PURPOSE)
    page.fill("#uses", "1")
    page.click("main details:has(#masked) summary")
    page.check("#mask-citizen_number")
    page.click("button[value=preview]")
    page.wait_for_selector("#preview img")
    citizen.both()
    page.click("button[value=make]")
    page.wait_for_url("**/space/copies/c-*")
    citizen.both()
    with page.expect_download() as download:
        page.click("main a[download]")
    copy = tmp_path / "copy.ofd"
    download.value.save_as(copy)
    assert record["citizen_number"] not in everything_in(copy)

    # The acceptance system: yes for this purpose, no for another, nothing without one, no later on
    assert verdict(live, copy, PURPOSE) == (0, None)
    assert verdict(live, copy, "办理银行贷款") == (1, "COPY_PURPOSE_DIFFERS")
    assert verdict(live, copy, "") == (2, "COPY_PURPOSE_NOT_STATED")
    assert verdict(live, copy, PURPOSE, "--at", "2099-01-01T00:00:00Z") == (1, "COPY_EXPIRED")

    # The window of the recipient accepts it once; then it is used up
    market = stack.enter_context(Desk(browser, live, "market"))
    for words, left in ((PURPOSE, True), (PURPOSE, False)):
        desk = market.see("/window/copies")
        desk.set_input_files("#file", str(copy))
        desk.fill("#purpose", words)
        desk.click("main form button[type=submit]")
        desk.wait_for_load_state()
        market.check_both()
        assert (desk.locator("form[action$='/accept']").count() == 1) is left
        if left:
            desk.click("form[action$='/accept'] button")
            desk.wait_for_load_state()
            market.check_both()
    assert verdict(live, copy, PURPOSE) == (1, "COPY_USED_UP")

    # The citizen sees who used it
    page.goto("/space/ledger")
    citizen.both()
    assert "演示省市场监督管理局" in page.inner_text("main")

    # The bag of the case, verified by the script that lies in it, alone
    bag = tmp_path / "bag.zip"
    assert run(["bag", "make", "--dir", str(live.place), "--case", CASE, "--out", str(bag)]) == 0
    script = tmp_path / "alone" / "verify_bag.py"
    script.parent.mkdir()
    with zipfile.ZipFile(bag) as archive:
        names = archive.namelist()
        script.write_bytes(archive.read(next(name for name in names if name.endswith("/verify_bag.py"))))
    assert any(f"/materials/{material}/" in name for name in names)
    assert any(name.endswith("/licence.ofd") for name in names)
    alone = [sys.executable, "-I", "-S", str(script), str(bag)]
    assert subprocess.run(alone, cwd=script.parent, capture_output=True, check=False).returncode == 0


def copy_of(live: Live, item: str, record: dict[str, str]) -> list[str]:
    return [
        "copy", "make", item, "--dir", str(live.place), "--holder", record["citizen_number"],
        "--to", "演示省市场监督管理局", "--purpose", PURPOSE, "--until", "2027-06-30",
    ]  # fmt: skip


def verdict(live: Live, file: Path, purpose: str, *more: str) -> tuple[int, str | None]:
    """What an acceptance system hears: the exit code's meaning and the sub-indication."""
    asked = {"purpose": purpose, "recipient": "演示省市场监督管理局"} if purpose else {}
    if "--at" in more:
        asked["at"] = more[-1]
    with live.client() as client, file.open("rb") as content:
        answer = client.post("/api/v1/verifications", params=asked, files={"file": (file.name, content)})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    number = ("TOTAL-PASSED", "TOTAL-FAILED", "INDETERMINATE").index(said["indication"])
    return number, said["sub_indication"]


def everything_in(file: Path) -> str:
    """All that can be read in a container, whatever entry it stands in."""
    with zipfile.ZipFile(file) as archive:
        return "".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())
