"""The clerk's page in B: one look-up ends in one explained answer, and what can be asked from there."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import uvicorn

from api.app import create_app
from api.cli import run
from tests.crossing.test_chaos import OFFICIAL, silent
from tests.crossing.window import FOR, Window
from tests.crossing.world import OWNER, PURPOSE, TYPE, A, World, make_regions, world
from tests.journeys.test_sharing_pages import csrf
from trust.journal import SYSTEM


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_regions(tmp_path_factory.mktemp("crossing"))
    with world(made, tmp_path_factory.mktemp("world") / "work") as found:
        found.licences["one"] = found.a.issue(31)
        yield found


@pytest.fixture(scope="module")
def clerk(both: World) -> Iterator[httpx.Client]:
    """An officer of B, signed in at B's own pages."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app = create_app(both.b.services)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", lifespan="off", server_header=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with httpx.Client(base_url=base, timeout=60, trust_env=False) as client:
        sign_in(client, both)
        yield client
    server.should_exit = True
    thread.join(10)


def sign_in(client: httpx.Client, found: World) -> None:
    found.b.services.accounts.create(
        "li", "a long password", display_name="李", role="officer", department=OWNER, actor=SYSTEM
    )
    form = {"csrf": csrf(client.get("/sign-in").text), "name": "li", "password": "a long password", "next": "/"}
    assert client.post("/sign-in", data=form).status_code == 303


def asked(client: httpx.Client, path: str = "/sharing/look-up", **given: str) -> httpx.Response:
    token = csrf(client.get("/sharing/look-up").text)
    return client.post(path, data={"csrf": token, **PURPOSE, **given})


def title(answer: httpx.Response) -> str:
    found = re.search(r'<h1 id="verdict">([^<]*)</h1>', answer.text)
    return found[1] if found else answer.text


def test_one_explained_answer_and_what_follows(both: World, clerk: httpx.Client) -> None:
    licence_id, record, file = both.licences["one"]
    assert f'<option value="{A}">演示省（{A}）</option>' in clerk.get("/sharing/look-up").text
    answer = asked(clerk, what=licence_id)
    assert title(answer) == "可以采信", answer.text
    for words in ("颁证地区说的", "演示省（990000）", "第 1 号信任列表授权它为行政区划 990000 签发此类证照：A 级"):
        assert words in answer.text
    assert title(asked(clerk, type=TYPE, holder=record["credit_code"], region=A)) == "可以采信"

    assert title(asked(clerk, type=TYPE, holder=record["credit_code"], region="*")) == "可以采信"
    nobody = asked(clerk, type=TYPE, holder="91990000MA49QUAQ2W", region="*")
    assert title(nobody) == "查无此证" and "问过的地区" in nobody.text and "演示省（990000）" in nobody.text
    assert "演示省也签发此类证照" in asked(clerk, type=TYPE, holder="91990000MA49QUAQ2W").text

    checked = asked(clerk, "/sharing/look-up/check", what=licence_id, **{"field.name": record["name"]})
    assert title(checked) == "相符"
    assert title(asked(clerk, "/sharing/look-up/check", what=licence_id, **{"field.name": "别家"})) == "不符"

    whole = asked(clerk, "/sharing/look-up/download", what=licence_id, kind="original", form="ofd")
    assert whole.content == file and whole.headers["content-type"] == "application/ofd"
    until = (both.b.clock() + timedelta(days=3)).date().isoformat()
    copy = asked(clerk, "/sharing/look-up/download", what=licence_id, kind="copy", form="pdf", until=until)
    assert copy.content.startswith(b"%PDF-") and copy.content != file, copy.text
    for silly in (
        {"kind": "x"},
        {"kind": "copy", "form": "pdf", "until": "gestern"},
        {"kind": "original", "form": "x"},
    ):
        assert asked(clerk, "/sharing/look-up/download", what=licence_id, **silly).status_code == 422
    assert asked(clerk, "/sharing/look-up/check", what="x").status_code == 422
    assert asked(clerk, type=TYPE, holder="x", region="000000").status_code == 404

    compared = clerk.post(
        "/sharing/look-up",
        data={"csrf": csrf(clerk.get("/sharing/look-up").text), **PURPOSE},
        files={"file": ("l.ofd", file, "application/ofd")},
    )
    assert title(compared) == "一致"


def test_lost_there_and_silent_here(both: World, clerk: httpx.Client) -> None:
    licence_id, _, _ = both.a.issue(32)
    assert title(asked(clerk, what=licence_id)) == "可以采信"
    both.line.fault = lambda exchange, go: silent(exchange)
    try:
        unknown = asked(clerk, what=licence_id)
        assert title(unknown) == "颁证地区现在问不到"
        assert "当时的状态为“有效”，此后不详" in unknown.text
        english = clerk.post(
            "/sharing/look-up",
            data={"csrf": csrf(clerk.get("/sharing/look-up").text), **PURPOSE, "what": licence_id},
            headers={"Accept-Language": "en"},
        )
        assert "known" in english.text
    finally:
        both.line.fault = None
        both.b.desk.guide.asker.breaker.succeeded(A)
    both.a.desk.life.take(licence_id, "report_lost", OFFICIAL, reason="遗失")
    lost = asked(clerk, what=licence_id)
    assert title(lost) == "不能采信"
    refused = asked(clerk, "/sharing/look-up/download", what=licence_id, kind="original", form="ofd")
    assert "licence.not_referencable" in refused.text


def test_a_copy_of_another_region_at_the_window(both: World, clerk: httpx.Client) -> None:
    window = Window.of(both, both.licences["one"][0])
    made, words = window.make(uses=2), {"purpose": FOR, "case_number": "办件-7", "service_item": "", "recipient": ""}

    def sent(path: str, files: dict[str, tuple[str, bytes]] | None = None, **given: str) -> httpx.Response:
        token = csrf(clerk.get("/window/copies").text)
        return clerk.post(f"/window/copies{path}", data={"csrf": token, **words, **given}, files=files)

    shown = sent("", {"file": ("c.ofd", made.data)})
    assert title(shown) == "核验通过", shown.text
    for words_of_it in ("制作地区", "演示省", "还可用 2 次", "登记采用"):
        assert words_of_it in shown.text
    digest = made.view.digest
    for _ in range(2):  # pressed twice
        done = sent(f"/{made.id}/accept", key="k-1", digest=digest)
        assert (title(done), window.used(made)) == ("已登记采用", 1)
    assert "第 1 次采用" in done.text and made.id in done.text
    paper = sent("", named=f"https://a.example.test/c/{made.id}")
    assert title(paper) == "登记相符，请与纸面逐项对照" and "还可用 1 次" in paper.text
    both.line.fault = lambda exchange, go: silent(exchange)
    try:
        away = sent(f"/{made.id}/accept", key="k-2", digest=digest)
        assert (away.status_code, title(away)) == (503, "没有采用") and "copy.region_silent" in away.text
        nothing = sent("", named=f"https://a.example.test/c/{made.id}")
        assert nothing.status_code == 503 and "现在问不到" in nothing.text
    finally:
        both.line.fault = None
        both.b.desk.guide.asker.breaker.succeeded(A)
    assert title(sent(f"/{made.id}/accept", key="k-2", digest=digest)) == "已登记采用"
    used_up = sent(f"/{made.id}/accept", key="k-3", digest=digest)
    assert (title(used_up), window.used(made)) == ("没有采用", 2) and "使用次数已经用完" in used_up.text
    assert "copy.unknown" in sent("/c-0123456789abcdef01/accept", key="k").text
    refused = sent(f"/{window.make().id}/refuse", reason="x")
    assert refused.status_code == 404  # never shown here: whose it is, nobody knows


def test_at_the_console(both: World, capsys: pytest.CaptureFixture[str]) -> None:
    """No network there: the region cannot be reached, and that is said."""
    line = ["share", "ask", "licence", "--parameters", f'{{"licence_id": "{both.licences["one"][0]}"}}']
    purpose = ["--service-item", "核验", "--material", "营业执照", "--case", "1", "--basis", "条例"]
    run([*line, *purpose, "--dir", str(both.place / "B")])
    said = capsys.readouterr()
    assert '"outcome": "UNREACHABLE"' in said.out and "fetch.unreachable" in said.out and "Traceback" not in said.err


@pytest.mark.skipif(not os.environ.get("LICENCE_TRUST_SHOTS"), reason="pictures for a person to look at")
def test_pictures(both: World, clerk: httpx.Client) -> None:
    from playwright.sync_api import sync_playwright

    folder = Path(os.environ["LICENCE_TRUST_SHOTS"])
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for width in (1280, 390):
            context = browser.new_context(viewport={"width": width, "height": 900})
            context.add_cookies([{"name": one.name, "value": one.value or "", "url": str(clerk.base_url)}
                                 for one in clerk.cookies.jar])  # fmt: skip
            tab = context.new_page()
            for name, fault in (("found", None), ("silent", lambda exchange, go: silent(exchange))):
                both.line.fault = fault
                tab.goto(f"{clerk.base_url}/sharing/look-up")
                tab.screenshot(path=str(folder / f"form-{width}.png"), full_page=True)
                tab.fill("#what", both.licences["one"][0])
                for key, value in PURPOSE.items():
                    tab.fill(f"#{key}", value)
                tab.click("form.card button[type=submit]")
                tab.screenshot(path=str(folder / f"{name}-{width}.png"), full_page=True)
            both.line.fault = None
            both.b.desk.guide.asker.breaker.succeeded(A)
            tab.goto(f"{clerk.base_url}/sharing/look-up")
            tab.select_option("#type", TYPE)
            tab.fill("#holder", both.licences["one"][1]["credit_code"])
            tab.select_option("#region", "*")
            for key, value in PURPOSE.items():
                tab.fill(f"#{key}", value)
            tab.click("form.card button[type=submit]")
            tab.screenshot(path=str(folder / f"anywhere-{width}.png"), full_page=True)
            made = Window.of(both, both.licences["one"][0]).make(uses=3)
            (folder / "c.ofd").write_bytes(made.data)
            tab.goto(f"{clerk.base_url}/window/copies")
            tab.set_input_files("#file", str(folder / "c.ofd"))
            tab.fill("#purpose", FOR)
            tab.click("form.card button[type=submit]")
            tab.screenshot(path=str(folder / f"window-{width}.png"), full_page=True)
            tab.click("section[aria-labelledby=accept] button")
            tab.screenshot(path=str(folder / f"accepted-{width}.png"), full_page=True)
        browser.close()
