"""用户空间: home, loss, presenting, ledger and disputes, through pages, portals and the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from api.cli import run
from api.holder_deps import SPACE_COOKIE
from tests.journeys.apart import Household, household, identity, signed_in
from tests.journeys.conftest import Live, make_token
from tests.journeys.test_apart import signed_in_staff

Csrf = tuple[httpx.Client, str]


@pytest.fixture(scope="module")
def mine(live: Live) -> Household:
    return household(live.services, "teacher-certificate", 11)


@pytest.fixture
def browser(live: Live, mine: Household) -> Iterator[Csrf]:
    token = signed_in(live.services, mine.holder)
    with live.client() as client:
        client.cookies.set(SPACE_COOKIE, token)
        yield client, live.services.spaces.find(token).csrf


@pytest.fixture
def portal(live: Live, mine: Household) -> Iterator[httpx.Client]:
    with live.client(Authorization=f"Bearer {signed_in(live.services, mine.holder, 'http')}") as client:
        yield client


def post(browser: Csrf, path: str, **data: str) -> httpx.Response:
    client, csrf = browser
    return client.post(path, data={"csrf": csrf, **data})


def page(browser: Csrf, path: str) -> str:
    answer = browser[0].get(path)
    assert answer.status_code == 200, answer.text[:300]
    return answer.text


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["code"])


# Home


def test_home_gathers_everything(browser: Csrf, mine: Household) -> None:
    text = page(browser, "/space")
    for part in (mine.licence_id, mine.ids["material"], "C-QWXZ11", "亮证"):
        assert part in text
    assert mine.licence_id in page(browser, "/space?group=issuer&q=教师")
    assert "没有符合条件的证照" in page(browser, "/space?q=没有这样的证照")
    assert "My licences" in page(browser, "/space?lang=en")
    english = page(browser, "/space?lang=en&group=type&q=teacher")
    assert mine.licence_id in english, "found by the name that readers of English are shown"
    assert "Teacher qualification certificate" in english
    assert "教师资格证书" not in english
    browser[0].cookies.delete("lang")
    for query in ("group=%00", "state=zzz", "q=" + "x" * 90, "group=year&state=other"):
        assert browser[0].get(f"/space?{query}").status_code == 200


def test_pictures_of_a_face_are_kept_by_no_browser(browser: Csrf, mine: Household) -> None:
    for name in ("face.png", "small.jpg", "licence.ofd"):
        answer = browser[0].get(f"/space/licences/{mine.licence_id}/{name}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


def test_one_licence(browser: Csrf, mine: Household) -> None:
    base = f"/space/licences/{mine.licence_id}"
    assert mine.holder.code in page(browser, base)  # one's own number is not masked for oneself
    for name, kind in (("face.png", "image/png"), ("small.jpg", "image/jpeg"), ("licence.ofd", "application/ofd")):
        answer = browser[0].get(f"{base}/{name}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert browser[0].get(f"{base}/licence.pdf").status_code == 404
    assert browser[0].get(f"{base}/licence.exe").status_code == 404
    assert browser[0].get("/space/licences/nonsense").status_code in (404, 422)


def test_strangers_sign_in_first(live: Live, mine: Household) -> None:
    with live.client(Accept="text/html") as client:
        for path in ("/space", f"/space/licences/{mine.licence_id}", "/space/ledger", "/space/present"):
            answer = client.get(path)
            assert answer.status_code == 303 and answer.headers["location"].startswith("/space/sign-in?next=")


# Loss


def test_loss_needs_a_recent_proof_and_counts_at_once(live: Live) -> None:
    whose = household(live.services, "nurse-certificate", 12)
    base = f"/space/licences/{whose.licence_id}"
    low = identity(live.services, whose.holder)
    token = live.services.spaces.open(type(low)(low.issuer, low.subject, low.person, 1, low.proved))
    with live.client(Accept="text/html") as client:
        client.cookies.set(SPACE_COOKIE, token)
        assert "/space/step-up" in client.get(f"{base}/loss").headers["location"]
        csrf = live.services.spaces.find(token).csrf
        client.post(f"{base}/loss", data={"csrf": csrf, "reason": "手机遗失"})
        assert live.services.register.find(whose.licence_id).state == "CURRENT"
    token = signed_in(live.services, whose.holder)
    with live.client() as client:
        client.cookies.set(SPACE_COOKIE, token)
        browser = client, live.services.spaces.find(token).csrf
        assert post(browser, f"{base}/loss", reason=" ").status_code in (403, 422)
        assert client.post(f"{base}/loss", data={"csrf": "x", "reason": "手机遗失"}).status_code == 403
        assert post(browser, f"{base}/loss", reason="手机遗失").headers["location"] == f"{base}?done=lost"
        assert "挂失" in page(browser, base)
        assert post(browser, f"{base}/loss", reason="again").status_code in (403, 409)
        assert client.get(f"{base}/present").status_code == 403
    assert live.services.register.find(whose.licence_id).state == "LOST"
    acts = [one.act for one in live.services.desk.ledger.page(whose.holder.code).entries]
    assert acts.count("report_lost") == 1


# Presenting


def offered(browser: Csrf, mine: Household, **data: str) -> tuple[str, str]:
    """Token and digits on the page of a new code."""
    answer = post(browser, f"/space/licences/{mine.licence_id}/present", field="name", minutes="2", **data)
    assert answer.status_code == 200, answer.text[:300]
    digits = re.search(r'typed-code">([\d ]+)<', answer.text)
    id_ = re.search(r"/space/presentations/(p-[0-9a-f]+)/end", answer.text)
    assert digits and id_ and "<svg" in answer.text
    return id_[1], digits[1]


def test_shown_to_an_officer_by_the_digits(live: Live, browser: Csrf, mine: Household) -> None:
    shown, digits = offered(browser, mine, purpose="办理入学")
    state = browser[0].get(f"/space/presentations/{shown}").json()
    assert state["state"] == "open"
    with closing(signed_in_staff(live, "market")) as staff:
        scan = staff.get("/window/scan")
        assert "camera=(self)" in scan.headers["permissions-policy"]
        csrf = scan.text.split('name="csrf" value="')[1].split('"')[0]
        answer = staff.post("/window/scan", data={"csrf": csrf, "code": digits})
        where = answer.headers["location"]
        assert where == f"/present/shown/{shown}"
        seen = staff.get(where)
        assert seen.status_code == 200 and "办理入学" in seen.text and "核验通过" in seen.text
        assert mine.holder.name in seen.text and mine.holder.code not in seen.text  # the number is masked
        assert staff.get(f"{where}/face.png").headers["content-type"] == "image/png"
        again = staff.post("/window/scan", data={"csrf": csrf, "code": digits})
        assert again.status_code == 409 and "已经被查验过" in again.text
        for silly in ("", "0" * 9, "https://elsewhere.example/present/x", "\x00", "长" * 300):
            assert staff.post("/window/scan", data={"csrf": csrf, "code": silly}).status_code in (404, 422)
    with live.client() as other:
        assert other.get(where).status_code == 409  # another browser, even with the address
        assert other.get(f"{where}/face.png").status_code == 409
    assert browser[0].get(f"/space/presentations/{shown}").json() == {
        "state": "opened", "word": "已查验", "who": "演示省市场监督管理局",
    }  # fmt: skip


def test_an_address_alone_opens_nothing(live: Live, portal: httpx.Client, mine: Household) -> None:
    """A preview of the link must not burn it; then the first who opens has it."""
    body = {"licence_id": mine.licence_id, "fields": ["name"]}
    made = portal.post("/api/v1/space/presentations", json=body, headers={"Idempotency-Key": "p-1"})
    assert made.status_code == 201
    told = portal.post("/api/v1/space/presentations", json=body, headers={"Idempotency-Key": "p-1"}).json()
    assert (told["id"], told["address"], told["code"]) == (made.json()["id"], None, None)
    path = "/present/" + made.json()["address"].rsplit("/", 1)[1]
    with live.client() as phone, live.client() as late:
        for _ in range(3):
            assert "打开查验" in phone.get(path).text and mine.holder.name not in phone.get(path).text
        csrf = phone.get(path).text.split('name="csrf" value="')[1].split('"')[0]
        where = phone.post(path, data={"csrf": csrf}).headers["location"]
        assert mine.holder.name in phone.get(where).text
        assert "已经被查验过" in late.get(path).text
        csrf = late.get("/verify").text.split('name="csrf" value="')[1].split('"')[0]
        assert late.post(path, data={"csrf": csrf}).status_code == 409
        assert phone.get("/present/nonsense").status_code == 404


def test_for_one_department_only(live: Live, portal: httpx.Client, mine: Household) -> None:
    body = {"licence_id": mine.licence_id, "fields": ["name"], "verifier": "education"}
    made = portal.post("/api/v1/space/presentations", json=body, headers={"Idempotency-Key": "p-2"}).json()
    grants = {name: make_token(live, ("check",), departments=("*",)) for name in ("any",)}
    with live.client(Authorization=f"Bearer {grants['any']}") as system:
        answer = system.post(
            "/api/v1/presentations/openings", json={"code": made["address"]}, headers={"Idempotency-Key": "o-1"}
        )
        assert (answer.status_code, code_of(answer)) == (403, "present.other_verifier")
    with closing(signed_in_staff(live, "education")) as staff:
        path = "/present/" + made["address"].rsplit("/", 1)[1]
        csrf = staff.get(path).text.split('name="csrf" value="')[1].split('"')[0]
        assert staff.post(path, data={"csrf": csrf}).status_code == 303
    ended = portal.delete(f"/api/v1/space/presentations/{made['id']}").json()
    assert ended["state"] == "ended" and ended["opened_by"] == "演示省教育厅"


def test_a_system_opens_one(live: Live, portal: httpx.Client, mine: Household) -> None:
    body = {"licence_id": mine.licence_id, "fields": ["name"], "purpose": "核对"}
    made = portal.post("/api/v1/space/presentations", json=body, headers={"Idempotency-Key": "p-3"}).json()
    asked = {"code": made["code"]}
    with live.client(Authorization=f"Bearer {make_token(live, ('check',), types=('11990000MB0D00053J001',))}") as other:
        answer = other.post("/api/v1/presentations/openings", json=asked, headers={"Idempotency-Key": "o-1"})
        assert code_of(answer) == "token.scope"
    with live.client(Authorization=f"Bearer {make_token(live, ('check',))}") as system:
        keyed = {"Idempotency-Key": "o-2"}
        answer = system.post("/api/v1/presentations/openings", json=asked, headers=keyed)
        assert answer.status_code == 201, answer.text
        shown = {one["name"]: one["value"] for one in answer.json()["fields"]}
        assert shown["name"] == mine.holder.name and shown["citizen_number"] is None
        assert answer.json()["indication"] == "TOTAL-PASSED"
        replay = system.post("/api/v1/presentations/openings", json=asked, headers=keyed)
        assert replay.status_code == 201 and replay.json()["fields"] is None
        again = system.post("/api/v1/presentations/openings", json=asked, headers={"Idempotency-Key": "o-3"})
        assert code_of(again) == "present.taken"
    with live.client(Authorization=f"Bearer {make_token(live, ('read',))}") as system:
        answer = system.post("/api/v1/presentations/openings", json=asked, headers={"Idempotency-Key": "o-4"})
        assert code_of(answer) == "token.scope"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"fields": ["no_such"]}, 422),
        ({"seconds": 5}, 422),
        ({"seconds": 99999}, 422),
        ({"verifier": "no-such"}, 404),
        ({"purpose": "a\nb"}, 422),
        ({"licence_id": "nonsense"}, 422),
        ({"surprise": 1}, 422),
    ],
)
def test_silly_presentations(portal: httpx.Client, mine: Household, body: dict[str, object], status: int) -> None:
    keyed = {
        "Idempotency-Key": f"silly-{sorted(body)}-{list(body.values())!r}"[:100].encode("ascii", "replace").decode()
    }
    asked = {"licence_id": mine.licence_id, **body}
    assert portal.post("/api/v1/space/presentations", json=asked, headers=keyed).status_code == status


# The ledger


@pytest.mark.parametrize("name", ["face.png", "licence.ofd", "verdict", "steps/suspend", "versions/1/licence.ofd"])
def test_another_department_is_refused_and_the_holder_reads_it(live: Live, mine: Household, name: str) -> None:
    before = live.services.desk.ledger.head(mine.holder.code).count
    with closing(signed_in_staff(live, "health")) as staff:
        assert staff.get(f"/licences/{mine.licence_id}/{name}").status_code == 404
    [entry] = live.services.desk.ledger.page(mine.holder.code, limit=1).entries
    assert (entry.seq, entry.act, entry.department) == (before + 1, "refuse", "health")


@pytest.mark.parametrize("seq", ["0", "-1", str(1 << 63), "9" * 40])
def test_numbers_that_no_entry_has(browser: Csrf, portal: httpx.Client, seq: str) -> None:
    assert browser[0].get(f"/space/ledger/{seq}/dispute").status_code == 404
    assert post(browser, f"/space/ledger/{seq}/dispute", words="x").status_code == 404
    asked = {"words": "x", "entry": int(seq)}
    answer = portal.post("/api/v1/space/disputes", json=asked, headers={"Idempotency-Key": f"seq{seq}"})
    assert answer.status_code in (404, 422)


def test_ledger_page_filters_and_exports(browser: Csrf, mine: Household) -> None:
    assert "记录完整" in page(browser, "/space/ledger?check=1")  # long ledgers are checked when asked
    assert "核对QWXZ11" in page(browser, f"/space/ledger?subject={mine.licence_id}&act=view&by=others")
    assert "没有符合条件的记录" in page(browser, "/space/ledger?act=copy&by=others")
    assert "核对QWXZ11" not in page(browser, "/space/ledger?until=2020-01-01")
    assert browser[0].get("/space/ledger?since=nonsense").status_code == 422
    for query in ("before=0", "before=-1", "before=x", "before=" + "9" * 30):
        assert browser[0].get(f"/space/ledger?{query}").status_code == 422
    exported = browser[0].get("/space/ledger/export")
    assert exported.headers["content-type"].startswith("application/jsonl")
    assert json.loads(exported.content.splitlines()[-1])["payload"]["holder"] == mine.holder.code


def test_export_is_verified_offline_and_tampering_told(
    live: Live, mine: Household, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the trust bundle alone; a file kept earlier still fits, and one cut short does not."""
    where, code = ["--dir", str(live.place)], mine.holder.code
    early, whole, bundle = tmp_path / "early.jsonl", tmp_path / "whole.jsonl", tmp_path / "bundle.json"
    assert run(["ledger", "export", "--holder", code, "--out", str(early), *where]) == 0
    assert run(["space", "show", mine.licence_id, "--holder", code, *where]) == 0
    assert run(["ledger", "export", "--holder", code, "--out", str(whole), *where]) == 0
    assert run(["trust", "export", "--out", str(bundle), *where]) == 0
    alone = ["--trust", str(bundle), "--dir", str(tmp_path / "nowhere")]
    assert run(["ledger", "verify", str(whole), "--head", str(early), *alone]) == 0
    assert run(["ledger", "check", "--holder", code, "--head", str(early), *where]) == 0
    lines = whole.read_bytes().splitlines(keepends=True)
    cut = tmp_path / "cut.jsonl"
    for changed, status in (
        (lines[:-2] + lines[-1:], 1),
        ([lines[1], lines[0], *lines[2:]], 1),
        ([*lines[:-1], lines[-1].replace(b'"count":"', b'"count":"9')], 1),
        (lines[:-1], 3),
        ([b"nonsense\n"], 3),
    ):
        cut.write_bytes(b"".join(changed))
        capsys.readouterr()
        assert run(["ledger", "verify", str(cut), *alone]) == status, changed[-1][:80]
    assert run(["ledger", "verify", str(tmp_path / "absent"), *alone]) == 3
    assert run(["ledger", "show", "--holder", "nonsense", *where]) == 3


def test_ledger_of_a_portal(portal: httpx.Client, mine: Household) -> None:
    first = portal.get("/api/v1/space/ledger", params={"limit": 2}).json()
    assert len(first["items"]) == 2 and first["next"]
    rest = portal.get("/api/v1/space/ledger", params={"before": first["next"], "limit": 200}).json()
    assert [one["seq"] for one in rest["items"]] == list(range(first["next"] - 1, 0, -1))
    assert portal.get("/api/v1/space/ledger/check").json()["intact"]
    only = portal.get("/api/v1/space/ledger", params={"subject": mine.licence_id, "act": "present"}).json()["items"]
    assert only and {one["act"] for one in only} == {"present"}


# Disputes


def test_disputed_answered_and_told(live: Live, browser: Csrf, mine: Household) -> None:
    base = f"/space/licences/{mine.licence_id}/dispute"
    assert "哪一项有误" in page(browser, base)
    assert post(browser, base, words=" ").status_code == 422
    assert post(browser, base, words="x", field="no_such").status_code == 422
    made = post(browser, base, words="任教学科有误。\n应为数学。", field="subject")
    where = made.headers["location"].partition("?")[0]
    assert "办理中" in page(browser, where) and where in page(browser, "/space/disputes")
    assert post(browser, base, words="again", field="subject").status_code == 409
    with closing(signed_in_staff(live, "education")) as staff:
        number = where.rsplit("/", 1)[1]
        assert "任教学科有误" in staff.get("/disputes").text
        text = staff.get(f"/disputes/{number}").text
        assert mine.holder.code not in text and mine.holder.name not in text
        csrf = text.split('name="csrf" value="')[1].split('"')[0]
        for act, words, status in (("note", "已受理", 303), ("surprise", "x", 422), ("upheld", "", 422)):
            answer = staff.post(f"/disputes/{number}", data={"csrf": csrf, "act": act, "words": words})
            assert answer.status_code == status
        assert (
            staff.post(
                f"/disputes/{number}", data={"csrf": csrf, "act": "upheld", "words": "属实，将更正。"}
            ).status_code
            == 303
        )
        assert staff.get("/disputes?show=late").status_code == 200
    with closing(signed_in_staff(live, "market")) as other:
        assert other.get(f"/disputes/{number}").status_code == 404
    with closing(signed_in_staff(live, "auditor")) as auditor:
        assert "答复" in auditor.get(f"/disputes/{number}").text
    assert "异议成立" in page(browser, where) and "属实，将更正。" in page(browser, where)
    assert "您的异议已答复" in page(browser, "/space")


def test_disputes_of_portals_and_systems(live: Live, portal: httpx.Client, mine: Household) -> None:
    seq = portal.get("/api/v1/space/ledger", params={"others": True, "limit": 200}).json()["items"][0]["seq"]
    keyed = {"Idempotency-Key": "d-1"}
    made = portal.post("/api/v1/space/disputes", json={"entry": seq, "words": "不是我"}, headers=keyed).json()
    assert made["state"] == "open" and made["entry"] == seq and made["steps"][0]["act"] == "open"
    wrong = (({"words": "x"}, 422), ({"words": "x", "entry": 999999}, 404), ({"entry": seq}, 422))
    for number, (body, status) in enumerate(wrong):
        answer = portal.post("/api/v1/space/disputes", json=body, headers={"Idempotency-Key": f"wrong-{number}"})
        assert answer.status_code == status
    with live.client(Authorization=f"Bearer {make_token(live, ('life',))}") as system:
        assert made["id"] in {one["id"] for one in system.get("/api/v1/disputes").json()["items"]}
        answered = system.post(
            f"/api/v1/disputes/{made['id']}/answers", json={"outcome": "rejected", "words": "当面出示。"},
            headers={"Idempotency-Key": "a-1"},
        )  # fmt: skip
        assert answered.status_code == 201 and answered.json()["state"] == "rejected"
    assert portal.get(f"/api/v1/space/disputes/{made['id']}").json()["answer"] == "当面出示。"
    assert portal.delete(f"/api/v1/space/disputes/{made['id']}").status_code == 409


# The command line


def test_commands(live: Live, mine: Household, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, where = mine.holder.code, ["--dir", str(live.place)]

    def told(*words: str, status: int = 0) -> list[dict[str, object]]:
        capsys.readouterr()
        assert run([*words, *where]) == status, capsys.readouterr().err
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert mine.licence_id in {one["licence_id"] for one in told("space", "list", "--holder", code)}
    assert told("space", "cases", "--holder", code)[0]["case_number"] == "C-QWXZ11"
    [made] = told("present", "make", mine.licence_id, "--holder", code, "--show", "name", "--seconds", "60")
    [seen] = told("present", "open", str(made["code"]))
    assert seen["indication"] == "TOTAL-PASSED"
    told("present", "open", str(made["address"]), status=1)
    told("present", "open", "nonsense", status=3)
    assert told("present", "list", "--holder", code)[0]["state"] == "opened"
    assert told("present", "end", str(made["id"]), "--holder", code)[0]["state"] == "ended"
    [dispute] = told("dispute", "open", "--holder", code, "--licence", mine.licence_id, "--words", "有误")
    assert dispute["id"] in {one["id"] for one in told("dispute", "list")}
    assert told("dispute", "withdraw", str(dispute["id"]), "--holder", code)[0]["state"] == "withdrawn"
    told("dispute", "answer", str(dispute["id"]), "--outcome", "upheld", "--words", "x", status=1)
    told("dispute", "open", "--holder", code, "--words", "x", status=3)
    assert told("dispute", "mine", "--holder", code)[0]["id"] == dispute["id"]
    other = household(live.services, "nurse-certificate", 13)
    told("space", "show", other.licence_id, "--holder", code, status=3)
    told("space", "report-lost", other.licence_id, "--holder", code, "--reason", "x", status=3)
    [lost] = told("space", "report-lost", other.licence_id, "--holder", other.holder.code, "--reason", "遗失")
    assert lost["state"] == "LOST"
    told("space", "report-lost", other.licence_id, "--holder", other.holder.code, "--reason", "遗失", status=1)
