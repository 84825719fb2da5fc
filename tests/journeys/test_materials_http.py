"""Materials over HTTP: every cell of role × level × action, the way from C to B to A, and hostile callers."""

from __future__ import annotations

import base64
import itertools
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.material_office import official_of
from licence_store.holding.accounts import Identity
from licence_store.holding.holder import CITIZEN_NUMBER, Holder, HolderSession
from licence_store.holding.terms import Terms
from licence_store.materials.checking import Checked
from licence_store.materials.steps import matrix
from licence_store.uploads.checking import Checked as UploadChecked
from licence_store.uploads.signatures import Examined
from licence_store.uploads.stored import StoredUpload
from tests.journeys.conftest import TEACHER, Live
from tests.licence_store.materials.world import REASON, SAME, citizen, picture
from trust.algorithms import sm3
from trust.anchors import load_bundle
from trust.journal import Actor
from verify.provenance import check_provenance

CHECK = {
    "compared": [{"aspect": a, "upload": u, "original": o} for a, u, o in SAME], "original_seen": True, "reason": REASON,
}  # fmt: skip


class World:
    """Everybody behind their own credentials, and materials through the doors of the service."""

    def __init__(self, live: Live) -> None:
        self.live, self.services, self.numbers = live, live.services, itertools.count(1000)
        record = next(live.services.catalogue.get(TEACHER).example_records(1, 777))
        issued = live.services.issue(TEACHER, record, Actor("education", "education"), None)
        view = live.services.register.find(issued.licence_id).summary
        self.licence_id, self.number = issued.licence_id, view.licence_number
        self.holder = Holder(view.holder_code, CITIZEN_NUMBER, view.holder_name)
        self.other = Holder(citizen("99010119880305001"), CITIZEN_NUMBER, "赵行远")
        owner, other = self.sign_in(self.holder), self.sign_in(self.other)
        self.session: HolderSession = self.services.spaces.find(owner, "http")
        self.who = {
            "owner": owner,
            "delegate": self.delegate("周代办", "99010119770202002", "view", "use", "upload"),
            "limited": self.delegate("吴经办", "99010119770303003", "report_loss"),
            "other": other,
            "officer": self.token("education", "materials"),
            "elsewhere": self.token("health", "materials"),
            "auditor": self.token("auditor", "materials"),
            "seal_keeper": self.token("keeper", "seals"),
            "seal_approver": self.token("approver", "seals"),
            "admin": self.token("admin", "read"),
        }
        self.client = live.client()

    def token(self, account: str, scope: str) -> str:
        accounts, actor = self.services.accounts, self.services.actor("admin")
        return accounts.create_token(accounts.get(account), (scope,), ("*",), ("*",), label="t", actor=actor)[1]

    def sign_in(self, holder: Holder) -> str:
        proved = self.services.clock()
        return self.services.spaces.open(Identity("https://id.example", holder.code, holder, 3, proved), channel="http")

    def delegate(self, name: str, digits: str, *rights: str) -> str:
        person = Holder(citizen(digits), CITIZEN_NUMBER, name)
        now = self.services.clock()
        terms = Terms(frozenset(rights), now, now + timedelta(days=9))
        given = self.services.desk.delegations.grant(self.session, person, terms)
        token = self.sign_in(person)
        self.services.spaces.act_for(token, given.id)
        return token

    def item(self, column: str) -> str:
        """A fresh one, put there by the library; the doors are tried on it."""
        desk, owner = self.services.desk, self.session
        if column == "A":
            return self.licence_id
        kind = {
            "C": "licence_scan",
            "B": "licence_scan",
            "D": "self_made",
            "R": "third_party_report",
            "W": "window_scan",
        }
        actor = Actor("education", "education")
        upload = self.put(kind[column])
        official = official_of(self.services.accounts.get("education"), actor)
        if column == "W":
            checked = Checked(SAME, original_seen=True, reason=REASON)
            return desk.materials.scan(
                official, owner.holder.code, upload, checked, title="毕业证书", type_code=TEACHER
            ).id
        given = {"type_code": TEACHER} if kind[column] == "licence_scan" else {"department": "education"}
        made = desk.materials.add(owner, upload, kind=kind[column], title="证书", **given)
        if column == "B":
            desk.materials.check(made.id, official, compared=SAME, original_seen=True, reason=REASON)
        return made.id

    def upload(self, kind: str) -> str:
        return self.put(kind).id

    def put(self, kind: str) -> StoredUpload:
        """As ``Uploads.accept`` keeps it; its checks, in a process of their own, have tests of their own."""
        data = picture(next(self.numbers))
        checked = UploadChecked("image/png", data, 1, 900, 1200, 150)
        return self.services.desk.uploads._keep(
            "x.png", self.holder.code, kind, sm3(data).hex(), checked, Examined(), self.session.actor(), False
        )

    def ask(self, role: str, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.who[role]}", "Idempotency-Key": uuid.uuid4().hex}
        return self.client.request(method, f"/api/v1{path}", json=body, headers=headers)


HOLDERS = ("owner", "delegate", "limited", "other")


@pytest.fixture(scope="module")
def world(live: Live) -> Iterator[World]:
    one = World(live)
    yield one
    one.client.close()


def request_of(world: World, action: str, role: str, item: str, kind: str) -> tuple[str, str, Any]:
    """The request by which a role would do it."""
    base = f"/{'space' if role in HOLDERS else 'window'}/materials/{item}"
    match action:
        case "view":
            return "GET", base, None
        case "content" | "history":
            return "GET", f"{base}/{action}", None
        case "use":
            return "GET", f"{base}/usability", None
        case "delete":
            return "DELETE", base, None
        case "replace":
            upload = (
                world.upload(kind)
                if role in ("owner", "delegate") and kind in ("licence_scan", "self_made", "third_party_report")
                else "u-0"
            )
            return "POST", f"/space/materials/{item}/replacement", {"upload": upload}
        case "check":
            return "POST", f"/window/materials/{item}/checks", CHECK
        case "refuse":
            return "POST", f"/window/materials/{item}/refusals", {"reason": "illegible"}
        case "better":
            return "POST", f"{base}/better", {"act": "look"}
        case "take_better":
            return "POST", f"{base}/better", {"act": "take"}
    return "POST", f"/cases/C-{uuid.uuid4().hex[:8]}/materials", {"subject": item}


KINDS = {"A": "issued_licence", "B": "licence_scan", "W": "window_scan", "C": "licence_scan", "D": "self_made",
         "R": "third_party_report"}  # fmt: skip


def test_every_cell_over_http(world: World) -> None:
    """The answer is what the matrix says; who has no door at all for an act is turned away before it."""
    table, wrong, tried = matrix(), [], 0
    items = {one.code: world.item(one.code) for one in table.levels}
    for action, level, role in itertools.product(table.actions, items, world.who):
        said = table.verdict(action, level, role)
        method, path, body = request_of(world, action, role, items[level], KINDS[level])
        answer = world.ask(role, method, path, body)
        tried += 1
        code = answer.json().get("code", "") if answer.status_code >= 400 else ""
        other_door = role in HOLDERS and not path.startswith("/space")
        no_door = (role not in HOLDERS and path.startswith("/space")) or other_door
        if no_door:
            fine = answer.status_code == 401
        elif role in ("seal_keeper", "seal_approver", "admin"):
            fine = (answer.status_code, code) == (403, "token.scope")
        elif not said:
            fine = answer.status_code < 300 or code == "material.no_offer"
        elif said == "material.unknown":
            fine = (answer.status_code, code) == (404, said)
        else:
            fine = (answer.status_code, code) == (403, said)
        if not fine:
            wrong.append((action, level, role, said, answer.status_code, code))
        now = world.services.desk.materials.find(items[level])
        if now.column != level or now.state != "active":
            if said or no_door:
                wrong.append((action, level, role, "changed", now.column, now.state))
            items[level] = world.item(level)
    assert wrong == []
    assert tried == 660


def test_from_c_to_b_to_the_original(world: World) -> None:
    """The journey: uploaded at C, refused use, compared to B, proved offline, replaced by the register's original."""
    upload = world.upload("licence_scan")
    body = {"upload": upload, "kind": "licence_scan", "title": "教师资格证书", "type": TEACHER, "number": world.number}
    made = world.ask("owner", "POST", "/space/materials", body)
    assert (made.status_code, made.json()["level"], made.json()["better"]) == (201, "C", world.licence_id)
    item = made.json()["id"]
    assert made.json()["holder"] == world.holder.code
    assert world.ask("owner", "POST", "/space/materials", body).status_code == 409  # one upload, one material
    assert (
        world.ask("officer", "GET", f"/window/materials/{item}/usability").json()["code"] == "material.original_check"
    )
    listed = world.ask("officer", "GET", "/window/materials?type=teacher-certificate&limit=200").json()["items"]
    assert item in [one["id"] for one in listed]
    assert {one["holder"] for one in listed} == {world.holder.masked_code}
    checked = world.ask("officer", "POST", f"/window/materials/{item}/checks", CHECK).json()
    assert (checked["level"], checked["usable"], checked["checked"]["department"]) == ("B", "directly", "演示省教育厅")
    assert (
        world.ask("officer", "POST", f"/window/materials/{item}/checks", CHECK).json()["code"]
        == "material.not_promotable"
    )
    exported = world.ask("owner", "GET", f"/space/materials/{item}/provenance").content
    bundle = load_bundle(world.client.get("/api/v1/trust-bundle").content)
    report = check_provenance(exported, bundle, world.services.clock())
    assert (report.level, report.problems) == ("B", ())
    taken = world.ask("owner", "POST", f"/space/materials/{item}/better", {"act": "take"})
    assert taken.json()["better"]["licence_id"] == world.licence_id
    gone = world.ask("owner", "GET", f"/space/materials/{item}").json()
    assert (gone["state"], gone["usable"], gone["level"]) == ("replaced", "no", "B")
    steps = [one["step"] for one in world.ask("owner", "GET", f"/space/materials/{item}/history").json()["items"]]
    assert steps == ["add", "offer", "check", "supersede"]


def test_a_window_scans_refuses_receives(world: World) -> None:
    data = base64.b64encode(picture(next(world.numbers))).decode()
    scan = {**CHECK, "holder_code": world.holder.code, "title": "毕业证书", "data": data, "name": "s.png"}
    made = world.ask("officer", "POST", "/window/materials/scans", scan).json()
    assert (made["level"], made["origin"]) == ("B", "window")
    unseen = {**scan, "original_seen": False, "data": base64.b64encode(picture(next(world.numbers))).decode()}
    held = world.services.desk.uploads.of_owner(world.holder.code)
    assert world.ask("officer", "POST", "/window/materials/scans", unseen).json()["code"] == "material.original_unseen"
    assert len(world.services.desk.uploads.of_owner(world.holder.code)) == len(held)
    item = world.item("C")
    refused = world.ask(
        "officer", "POST", f"/window/materials/{item}/refusals", {"reason": "illegible", "words": "左下角缺"}
    )
    assert refused.json()["refusal"]["code"] == "illegible"
    english = world.client.get(
        f"/api/v1/space/materials/{item}",
        headers={"Authorization": f"Bearer {world.who['owner']}", "Accept-Language": "en"},
    ).json()
    assert english["refusal"]["next"].startswith("Scan or photograph it again")
    lookup = f"/holders/{world.holder.code}/materials"
    assert world.ask("elsewhere", "GET", lookup).json()["code"] == "purpose.missing"
    assert made["id"] in [one["id"] for one in world.ask("elsewhere", "GET", f"{lookup}?purpose=x").json()["items"]]
    assert world.ask("elsewhere", "GET", f"/window/materials/{made['id']}").status_code == 404
    receive = {"subject": made["id"], "holder_code": world.holder.code, "service_item": "入学"}
    line = world.ask("elsewhere", "POST", "/cases/K-1/materials", receive).json()
    assert (line["received"], line["department"]) == ("attachment", "health")
    assert world.ask("elsewhere", "GET", f"/window/materials/{made['id']}").json()["case_number"] == "K-1"
    assert world.ask("elsewhere", "GET", "/cases/K-1/materials").json()["items"] == [line]
    assert world.ask("owner", "GET", "/space/cases/K-1/materials").json()["items"] == [line]
    assert world.ask("other", "GET", "/space/cases/K-1/materials").json()["items"] == []


SILLY = [
    ("officer", "GET", "/window/materials?show=everything", None),
    ("officer", "GET", "/window/materials?kind=x", None),
    ("officer", "GET", "/window/materials?cursor=%00%ff", None),
    ("officer", "GET", "/window/materials?limit=100000", None),
    ("officer", "GET", "/window/materials/m-%00", None),
    ("officer", "GET", "/window/materials/..%2f..%2fetc", None),
    ("officer", "GET", "/window/materials/" + "m" * 400, None),
    ("officer", "GET", "/window/materials/m-1/pages/99999999999999999999.png", None),
    ("officer", "POST", "/window/materials/m-1/checks", {}),
    ("officer", "POST", "/window/materials/m-1/checks", {**CHECK, "compared": [{"aspect": 1}]}),
    ("officer", "POST", "/window/materials/m-1/checks", {**CHECK, "compared": [CHECK["compared"][0]] * 101}),  # type: ignore[index]
    ("officer", "POST", "/window/materials/m-1/checks", CHECK),
    ("officer", "POST", "/window/materials/m-1/refusals", {"reason": "nonsense", "level": "A"}),
    ("officer", "POST", "/window/materials/m-1/better", {"act": "promote"}),
    ("officer", "POST", "/window/materials/scans", {**CHECK, "holder_code": "x", "title": "t", "data": "!!"}),
    ("officer", "POST", "/cases/%20/materials", {"title": "x"}),
    ("officer", "POST", "/cases/x/materials", {"received": "fax"}),
    ("owner", "POST", "/space/materials", {"upload": "u-1", "kind": "licence_scan", "title": "x"}),
    ("owner", "POST", "/space/materials", {"upload": "u-1", "kind": "licence_scan", "title": "x", "level": "A"}),
    ("owner", "GET", "/space/materials?state=" + "x" * 100, None),
    ("owner", "GET", "/space/materials?cursor=AAAA", None),
    ("owner", "DELETE", "/space/materials/m-1", None),
]


@pytest.mark.parametrize(("role", "method", "path", "body"), SILLY, ids=[f"{one[1]} {one[2][:40]}" for one in SILLY])
def test_silly_requests_are_answered(world: World, role: str, method: str, path: str, body: Any) -> None:
    answer = world.ask(role, method, path, body)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"]


def test_strangers_read_the_rules_and_nothing_else(world: World) -> None:
    rules = world.client.get("/api/v1/credibility-rules", headers={"Accept-Language": "en"}).json()
    assert rules["kinds"][0]["code"] == "issued_licence"
    check = next(one for one in rules["actions"] if one["code"] == "check")
    assert check["cells"]["officer"] == {
        "A": "material.not_promotable", "B": "material.not_promotable", "W": "material.not_promotable", "C": None,
        "D": "material.not_promotable", "R": None,
    }  # fmt: skip
    for path in (
        "/window/materials",
        "/window/materials/m-1",
        "/space/materials",
        "/space/materials/m-1",
        "/cases/x/materials",
    ):
        assert world.client.get(f"/api/v1{path}").status_code == 401
