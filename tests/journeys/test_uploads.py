"""Uploads by every door: portal, page without scripts, console; nobody's but one's own; bags over HTTP and console."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.cli import run
from licence_store.archive_bag import verify_bag
from licence_store.holding.accounts import Identity
from licence_store.holding.holder import Holder
from seal.lifecycle import Official, Role
from seal.records import NewSeal
from tests.journeys.conftest import TEACHER, Live, make_token
from tests.journeys.holders import hidden, sign_in
from tests.licence_store.test_resealing import APPROVER, BASIS, KEEPER, renew_key
from tests.licence_store.uploads import makers as m
from trust.identifiers import citizen_check_char
from trust.journal import Actor

PERSON, STRANGER, THIRD = (f"9901011990010100{n}" + citizen_check_char(f"9901011990010100{n}") for n in (1, 2, 3))
PAGE = {"Accept": "text/html"}


class Doors:
    """Clients of the running server, closed when the test ends."""

    def __init__(self, live: Live, stack: ExitStack) -> None:
        self.live, self._stack = live, stack

    def client(self, **headers: str) -> httpx.Client:
        return self._stack.enter_context(self.live.client(**headers))

    def browser(self, code: str) -> httpx.Client:
        """Signed in to the space as this person."""
        browser = self.client()
        sign_in(browser, code, name="测试人")
        return browser

    def portal(self, code: str, level: int = 1) -> httpx.Client:
        """A portal's client that acts for this holder."""
        spaces, clock = self.live.services.spaces, self.live.services.clock
        token = spaces.open(
            Identity("https://idp.test", code, Holder(code, "111", "测试人"), level, clock()), channel="http"
        )
        return self.client(Authorization=f"Bearer {token}")


@pytest.fixture
def doors(live: Live) -> Iterator[Doors]:
    with ExitStack() as stack:
        yield Doors(live, stack)


def send(
    client: httpx.Client, data: bytes, kind: str = "self_made", name: str = "a.pdf", key: str = ""
) -> httpx.Response:
    return client.post(
        "/api/v1/space/uploads", files={"file": (name, data, "application/octet-stream")}, data={"kind": kind},
        headers={"Idempotency-Key": key or uuid.uuid4().hex},
    )  # fmt: skip


def test_a_portal_hands_in_looks_and_drops(doors: Doors) -> None:
    mine, other = doors.portal(PERSON), doors.portal(STRANGER)
    content = m.text_pdf()
    key = uuid.uuid4().hex
    made = send(mine, content, key=key)
    assert made.status_code == 201, made.text
    upload = made.json()
    again = send(mine, content, key=key)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (upload, "true")
    assert send(mine, content + b"\n", key=key).status_code == 422
    place = f"/api/v1/space/uploads/{upload['id']}"
    assert mine.get(place).json() == upload
    listed = mine.get("/api/v1/space/uploads").json()
    assert [one["id"] for one in listed["items"]] == [upload["id"]]
    assert listed["meter"]["used"] == len(content)
    fetched = mine.get(f"{place}/content")
    assert (fetched.content, fetched.headers["content-type"]) == (content, "application/octet-stream")
    assert mine.get(f"{place}/pages/1.png?width=200").content.startswith(b"\x89PNG")
    assert mine.get(f"{place}/pages/2.png").json()["code"] == "upload.page"
    for path in (place, f"{place}/content", f"{place}/pages/1.png"):
        refused = other.get(path)
        assert (refused.status_code, refused.json()["code"]) == (404, "upload.unknown"), path
        assert doors.client().get(path).status_code == 401
    assert other.delete(place).status_code == 404
    assert other.get("/api/v1/space/uploads").json()["items"] == []
    assert mine.delete(place).status_code == 204
    assert mine.get(place).status_code == 404


@pytest.mark.parametrize(
    ("data", "kind", "status", "code"),
    [
        (b"MZ" + bytes(100), "self_made", 403, "upload.executable"),
        (b"", "self_made", 422, "upload.empty"),
        (m.blurred(), "licence_scan", 422, "upload.blurred"),
        (m.jpeg() + m.zip_of("a"), "licence_scan", 403, "upload.polyglot"),
        (m.jpeg(), "window_scan", 404, "upload.kind_unknown"),
        (m.jpeg(), "passport", 404, "upload.kind_unknown"),
        (m.jpeg(), "", 404, "upload.kind_unknown"),
        (bytes(21 << 20), "self_made", 422, "upload.too_large"),
        (bytes(51 << 20), "self_made", 413, "request.too_large"),
    ],
)
def test_what_is_refused_says_why(doors: Doors, data: bytes, kind: str, status: int, code: str) -> None:
    refused = send(doors.portal(PERSON), data, kind)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.json()["remedy"]


def test_silly_requests_get_problems(doors: Doors) -> None:
    mine = doors.portal(PERSON)
    head = {"Idempotency-Key": uuid.uuid4().hex}
    place = "/api/v1/space/uploads"
    tries: list[tuple[Any, int]] = [
        (mine.post(place, content=b"x", headers=head), 415),
        (mine.post(place, content=b"x", headers={**head, "Content-Type": "multipart/form-data"}), 400),
        (mine.post(place, content=b"--b", headers={**head, "Content-Type": "multipart/form-data; boundary=b"}), 422),
        (mine.post(place, data={"kind": "self_made"}, files={"other": b"x"}, headers=head), 422),
        (mine.post(place, files={"file": b"x"}), 422),
        (mine.get(f"{place}/u-x"), 404),
        (mine.get(f"{place}/{'x' * 50}"), 422),
        (mine.get(f"{place}/%00"), 404),
        (mine.get(f"{place}?limit=x"), 422),
    ]
    for answer, status in tries:
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        assert answer.status_code in (status, 400), (answer.request.url, answer.text)


def test_an_upload_that_is_a_material_is_deleted_as_such(doors: Doors) -> None:
    mine = doors.portal(PERSON)
    upload = send(mine, m.ofd()).json()
    made = mine.post(
        "/api/v1/space/materials", json={"upload": upload["id"], "kind": "self_made", "title": "说明"},
        headers={"Idempotency-Key": uuid.uuid4().hex},
    )  # fmt: skip
    assert made.status_code == 201, made.text
    refused = mine.delete(f"/api/v1/space/uploads/{upload['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "upload.in_use")


def own_seal(live: Live, holder: str) -> str:
    """A name seal of the holder's own, applied for, made and received."""
    register = live.services.desk.seal_register
    who = Official(Actor("holder:a"), Role.HOLDER, holder)
    wanted = NewSeal(
        "测试人名章", "education", kind="name", holder_kind="applicant", holder_name="测试人", holder_code=holder
    )
    seal_id = register.apply(who, wanted, BASIS)
    register.approve(APPROVER, seal_id)
    register.make(KEEPER, seal_id, key_name=renew_key(live.services.desk))
    register.issue(KEEPER, seal_id)
    register.activate(who, seal_id)
    return seal_id


def test_an_applicant_seals_what_they_hand_in(doors: Doors) -> None:
    """申请人电子印章 (R072): the holder's own seal, and nobody else's."""
    seal_id = own_seal(doors.live, PERSON)
    weak, mine, other = doors.portal(PERSON), doors.portal(PERSON, 2), doors.portal(STRANGER, 2)
    upload = send(mine, m.ofd(), name="申请表.ofd").json()
    place = f"/api/v1/space/uploads/{upload['id']}/seal"

    def ask(client: httpx.Client, seal: str = seal_id, address: str = place) -> httpx.Response:
        return client.post(address, json={"seal": seal}, headers={"Idempotency-Key": uuid.uuid4().hex})

    assert ask(weak).json()["code"] == "holder.step_up"
    assert ask(other).json()["code"] == "upload.unknown"
    assert ask(mine, "99000000000001").json()["code"] == "seal.other_holder"
    theirs = send(other, m.ofd(), name="申请表.ofd").json()
    refused = ask(other, address=f"/api/v1/space/uploads/{theirs['id']}/seal")
    assert refused.json()["code"] == "seal.other_holder"
    sealed = ask(mine)
    assert sealed.status_code == 201, sealed.text
    made = sealed.json()
    assert (made["indication"], made["signatures"][0]["seal"], made["name"]) == (
        "TOTAL-PASSED",
        "测试人名章",
        "申请表.ofd",
    )
    assert mine.get(f"/api/v1/space/uploads/{upload['id']}").status_code == 404
    content = mine.get(f"/api/v1/space/uploads/{made['id']}/content").content
    assert doors.live.services.desk.verifier().verify(content).indication == "TOTAL-PASSED"


# ---------------------------------------------------------------- the page


def form_of(browser: httpx.Client) -> dict[str, str]:
    page = browser.get("/space/materials/new", headers=PAGE)
    assert page.status_code == 200, page.text
    fields = hidden(page.text)
    return {"csrf": fields["csrf"], "kind": "licence_scan", "title": "教师资格证书", "upload": ""}


def test_the_page_works_without_scripts(doors: Doors) -> None:
    browser = doors.browser(PERSON)
    form = form_of(browser)
    refused = browser.post("/space/materials/new", data=form, files={"file": ("a.jpg", m.blurred())}, headers=PAGE)
    assert refused.status_code == 422
    assert "upload.blurred" in refused.text
    assert 'class="check fail"' in refused.text
    assert "教师资格证书" in refused.text, "what was typed is not lost"
    nothing = browser.post("/space/materials/new", data=form, headers=PAGE)
    assert "upload.missing" in nothing.text
    taken = browser.post("/space/materials/new", data=form, files={"file": ("a.jpg", m.jpeg())}, headers=PAGE)
    assert taken.status_code == 303, taken.text
    assert re.fullmatch(r"/space/materials/m-[0-9a-f]+\?added=1", taken.headers["location"])


def test_a_file_that_was_taken_is_not_asked_for_again(doors: Doors) -> None:
    """The title was missing: the page keeps the upload, and the next try only names it."""
    browser = doors.browser(PERSON)
    form = {**form_of(browser), "title": ""}
    page = browser.post("/space/materials/new", data=form, files={"file": ("b.jpg", m.jpeg())}, headers=PAGE)
    assert page.status_code == 422
    kept = hidden(page.text)["upload"]
    assert kept.startswith("u-")
    form |= {"title": "证书", "upload": kept}
    assert browser.post("/space/materials/new", data=form, headers=PAGE).status_code == 303
    stranger = doors.browser(STRANGER)
    theirs = {**form_of(stranger), "upload": kept}
    assert "upload.unknown" in stranger.post("/space/materials/new", data=theirs, headers=PAGE).text


def test_the_checks_as_the_script_of_the_page_gets_them(doors: Doors) -> None:
    browser = doors.browser(PERSON)
    form = form_of(browser)
    place = "/space/materials/new/check"
    good = browser.post(place, data=form, files={"file": ("c.jpg", m.jpeg())})
    assert good.status_code == 201, good.text
    assert {one["state"] for one in good.json()["steps"]} == {"pass", "none"}
    assert good.json()["upload"].startswith("u-")
    assert good.json()["meter"]["text"]
    first = good.json()["upload"]
    shown = browser.get(f"/space/materials/new/{first}.png")
    assert (shown.status_code, shown.headers["cache-control"]) == (200, "private, no-store")
    assert shown.content.startswith(b"\x89PNG")
    stranger = doors.browser(STRANGER)
    assert stranger.get(f"/space/materials/new/{first}.png").status_code == 404
    mine = {**form_of(stranger), "upload": first}
    assert stranger.post(place, data=mine, files={"file": ("c.jpg", m.jpeg())}).status_code == 201
    assert browser.get(f"/space/materials/new/{first}.png").status_code == 200, "nobody else's goes"
    other = browser.post(place, data={**form, "upload": first}, files={"file": ("e.jpg", m.jpeg())})
    assert other.status_code == 201
    assert other.json()["meter"]["count"] == good.json()["meter"]["count"], "the one before is not kept beside it"
    assert browser.get(f"/space/materials/new/{first}.png").status_code == 404
    bad = browser.post(place, data=form, files={"file": ("c.exe", b"MZ" + bytes(50))})
    assert (bad.status_code, bad.json()["code"]) == (403, "upload.executable")
    assert [one["state"] for one in bad.json()["steps"]] == ["fail", "none", "none", "none", "none"]
    assert bad.json()["steps"][0]["remark"]
    forged = browser.post(place, data={**form, "csrf": "x"}, files={"file": ("c.jpg", m.jpeg())})
    assert forged.json()["code"] == "session.csrf"
    assert doors.client().post(place, data=form, files={"file": ("c.jpg", m.jpeg())}).status_code == 401


def test_nothing_of_an_upload_touches_the_disk_in_clear(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starlette would roll large parts over into a temporary file."""
    import tempfile

    rolled: list[int] = []
    original = tempfile.SpooledTemporaryFile.rollover
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", lambda file: (rolled.append(1), original(file))[1])
    browser = doors.browser(PERSON)
    large = m.png(1200, 1600, compress_level=0)
    assert len(large) > 4 << 20
    form = form_of(browser)
    assert browser.post("/space/materials/new/check", data=form, files={"file": ("d.png", large)}).status_code == 201
    assert send(doors.portal(PERSON), large, "licence_scan").status_code == 201
    anybody, system = doors.client(), doors.client(Authorization=f"Bearer {make_token(doors.live)}")
    assert anybody.post("/api/v1/verifications", files={"file": large}).json()["indication"] == "TOTAL-FAILED"
    form = {"csrf": hidden(anybody.get("/verify", headers=PAGE).text)["csrf"]}
    assert anybody.post("/verify", data=form, files={"file": ("d.png", large)}, headers=PAGE).status_code == 200
    for path in ("/api/v1/jobs/issue?type=teacher-certificate", "/api/v1/entry/sheets"):
        answer = system.post(path, files={"file": ("d.png", large)}, headers={"Idempotency-Key": uuid.uuid4().hex})
        assert answer.status_code != 500, answer.text
    assert rolled == []


def test_every_form_is_parsed_in_memory() -> None:
    """``Request.form`` lays large parts into temporary files; so do the parameters ``File`` and ``Form``."""
    api = Path(__file__).parents[2] / "api"
    spooled = re.compile(r"request\.form\(|from fastapi import .*\b(?:File|Form)\b")
    found = {path.relative_to(api).as_posix() for path in api.rglob("*.py") if spooled.search(path.read_text("utf-8"))}
    assert found == {"form_parsing.py", "simulator/page.py"}, "the simulator's forms have no files"


# ---------------------------------------------------------------- the console


def cli(capsys: pytest.CaptureFixture[str], place: Path, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert run([*arguments, "--dir", str(place)]) == status
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_the_console(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan, holder = tmp_path / "scan.jpg", ("--holder", THIRD)
    scan.write_bytes(m.jpeg())
    made = cli(capsys, place, "upload", "add", str(scan), *holder, "--kind", "licence_scan")[0]
    assert [one["id"] for one in cli(capsys, place, "upload", "list", *holder)] == [made["id"]]
    assert cli(capsys, place, "upload", "meter", *holder)[0]["count"] == 1
    out = tmp_path / "out.jpg"
    cli(capsys, place, "upload", "get", made["id"], *holder, "--out", str(out))
    assert len(out.read_bytes()) == made["size"]
    cli(capsys, place, "upload", "get", made["id"], "--holder", PERSON, "--out", str(out), status=3)
    cli(capsys, place, "upload", "drop", made["id"], *holder)
    assert cli(capsys, place, "upload", "list", *holder) == []
    scan.write_bytes(m.blurred())
    told = cli(capsys, place, "upload", "add", str(scan), *holder, "--kind", "licence_scan", "--json", status=1)
    assert told[0]["error"]["code"] == "upload.blurred"
    for wrong in (["add", str(scan), *holder, "--kind", "x"], ["add", "nowhere", *holder, "--kind", "self_made"],
                  ["add", str(scan), "--holder", "x\0", "--kind", "self_made"], ["add", str(scan)], ["drop", "u-x", *holder]):  # fmt: skip
        cli(capsys, place, "upload", *wrong, status=3)


def test_bags_by_console_and_http(doors: Doors, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place, number = doors.live.place, "990000-2026-bag"
    record = cli(capsys, place, "types", "example", TEACHER, "--count", "1", "--seed", "77")[0]
    (tmp_path / "r.json").write_text(json.dumps({**record, "case": {"number": number}}), encoding="utf-8")
    cli(capsys, place, "issue", "--type", TEACHER, "--input", str(tmp_path / "r.json"), "--out", str(tmp_path))
    bag = tmp_path / "bag.zip"
    made = cli(capsys, place, "bag", "make", "--case", number, "--out", str(bag), "--reason", "办结")[0]
    assert made["size"] == bag.stat().st_size
    assert not list(tmp_path.glob(".*.part"))
    assert cli(capsys, place, "bag", "check", str(bag))[0]["sound"] is True
    alone = subprocess.run([sys.executable, "-I", verify_bag.__file__, str(bag)], capture_output=True, check=False)
    assert alone.returncode == 0
    bag.write_bytes(bag.read_bytes()[:-30])
    assert cli(capsys, place, "bag", "check", str(bag), status=1)[0]["sound"] is False
    cli(capsys, place, "bag", "check", str(tmp_path / "none.zip"), status=3)
    cli(capsys, place, "bag", "make", "--case", "none", "--out", str(tmp_path / "n.zip"), status=3)
    assert not (tmp_path / "n.zip").exists()

    scopes = ("--scope", "materials", "--scope", "read", "--as", "education")
    token = cli(capsys, place, "tokens", "create", "--label", "archive", *scopes)[0]
    system = doors.client(Authorization=f"Bearer {token['token']}")
    address = f"/api/v1/cases/{number}/bag"
    assert system.get(address).json()["code"] == "purpose.missing"
    answer = system.get(address, params={"purpose": "归档"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    (tmp_path / "http.zip").write_bytes(answer.content)
    assert verify_bag.verify(str(tmp_path / "http.zip"))
    assert system.get("/api/v1/cases/none/bag", params={"purpose": "归档"}).status_code == 404
    assert doors.client().get(address).status_code == 401
