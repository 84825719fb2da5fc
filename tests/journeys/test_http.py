"""The HTTP contract: issue, fetch, verify; problems for everything else; nothing is ever a 500."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest

from tests.journeys.conftest import TEACHER, Live, make_token

People = Callable[[int, int], list[dict[str, str]]]


def issue(client: httpx.Client, token: str, record: dict[str, str], key: str = "", **body: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key or uuid.uuid4().hex}
    return client.post("/api/v1/licences", json={"type": TEACHER, "record": record, **body}, headers=headers)


def problem(response: httpx.Response, status: int, code: str) -> dict[str, object]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = response.json()
    assert body["status"] == status
    assert str(body["code"]).startswith(code), body
    assert {"type", "title", "detail", "remedy", "trace_id"} <= set(body)
    assert body["trace_id"] == response.headers["x-trace-id"]
    return body


# The straight path


def test_issue_fetch_verify(live: Live, token: str, people: People) -> None:
    [record] = people(1, 501)
    with live.client() as client:
        issued = issue(client, token, record)
        assert issued.status_code == 201, issued.text
        answer = issued.json()
        assert answer["created"] is True
        address = f"/api/v1/licences/{quote(answer['licence_id'])}"
        reader = {"Authorization": f"Bearer {token}", "Licence-Purpose": quote("核对教师资格")}
        facts = client.get(address, headers=reader).json()
        assert facts["state"] == "CURRENT"
        assert facts["holder_name"] == record["name"]
        file = client.get(address, headers={**reader, "Accept": "application/ofd"})
        assert file.headers["content-type"] == "application/ofd"
        picture = client.get(address, headers={**reader, "Accept": "image/png"})
        assert picture.content.startswith(b"\x89PNG")
        for sent in (
            {"content": file.content, "headers": {"Content-Type": "application/ofd"}},
            {"files": {"file": file.content}},
        ):
            verdict = client.post("/api/v1/verifications", **sent).json()  # type: ignore[arg-type]
            assert verdict["indication"] == "TOTAL-PASSED"
            assert verdict["document"]["licence_id"] == answer["licence_id"]
        later = client.post("/api/v1/verifications?at=2000-01-01T00:00:00Z", files={"file": file.content}).json()
        assert later["indication"] != "TOTAL-PASSED"


def test_the_same_key_gives_the_same_answer(live: Live, token: str, people: People) -> None:
    first, second = people(2, 502)
    with live.client() as client:
        key = uuid.uuid4().hex
        one = issue(client, token, first, key)
        again = issue(client, token, first, key)
        assert again.status_code == 201
        assert again.content == one.content
        assert again.headers["idempotency-replayed"] == "true"
        problem(issue(client, token, second, key), 422, "idempotency.mismatch")
        bad = issue(client, token, {"name": "x"}, "retry")
        problem(bad, 422, "record.missing_field")
        assert issue(client, token, second, "retry").status_code == 201, "a refused act gives its key back"


def test_in_progress_is_a_conflict(live: Live, people: People, token: str) -> None:
    [record] = people(1, 503)
    grant = live.services.accounts.token(token)
    body = json.dumps({"type": TEACHER, "record": record}).encode()
    from trust.algorithms import sm3

    live.services.idempotency.begin("busy", f"token:{grant.id}", sm3(body).hex())
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "busy", "Content-Type": "application/json"}
    with live.client() as client:
        problem(client.post("/api/v1/licences", content=body, headers=headers), 409, "idempotency.in_progress")


def test_the_same_record_id_never_issues_twice(live: Live, token: str, people: People) -> None:
    first, second = people(2, 504)
    with live.client() as client:
        one = issue(client, token, first, record_id="case-1").json()
        two = issue(client, token, second, record_id="case-1").json()
        assert two["licence_id"] == one["licence_id"]
        assert two["created"] is False


def test_pages_of_a_list(live: Live, token: str, people: People) -> None:
    with live.client(Authorization=f"Bearer {token}") as client:
        for record in people(5, 505):
            assert issue(client, token, record).status_code == 201
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = client.get("/api/v1/licences", params={"purpose": "对账", "limit": 2, "cursor": cursor}).json()
            seen += [one["licence_id"] for one in page["items"]]
            cursor = page["next"]
        assert len(seen) == len(set(seen)) >= 5
        found = client.get("/api/v1/licences", params={"purpose": "对账", "q": people(1, 505)[0]["name"]}).json()
        assert found["items"]


def test_every_reading_is_in_the_journal_with_its_purpose(live: Live, token: str, people: People) -> None:
    with live.client() as client:
        answer = issue(client, token, people(1, 506)[0]).json()
        address = f"/api/v1/licences/{quote(answer['licence_id'])}"
        client.get(address, params={"purpose": "案件 42"}, headers={"Authorization": f"Bearer {token}"})
    entries, _ = live.services.journal_page(live.services.actor("auditor"), None, 5)
    [read] = [e for e in entries if e.action == "licence.read"]
    assert read.subject == answer["licence_id"]
    assert read.reason == "案件 42"
    assert read.actor == "system/tests"
    assert read.address == "127.0.0.1"
    assert live.services.check_journal().intact


def test_the_bundle_and_the_status_list_verify_elsewhere(live: Live, place: object) -> None:
    from trust.anchors import load_bundle
    from trust.status_list import load_status_list

    with live.client() as client:
        bundle = client.get("/api/v1/trust-bundle")
        assert load_bundle(bundle.content).anchors
        assert client.get("/api/v1/trust-bundle", headers={"If-None-Match": bundle.headers["etag"]}).status_code == 304
        [name, *_] = live.services.desk.status_lists.lists()
        published = client.get(f"/api/v1/status-lists/{name}")
        assert load_status_list(published.content).list_id
        problem(client.get("/api/v1/status-lists/none"), 404, "status_list.unknown")


# Permissions


def test_a_token_reaches_no_further_than_it_was_granted(live: Live, token: str, people: People) -> None:
    [record] = people(1, 507)
    other = make_token(live, ("issue", "read", "search"), departments=("market",))
    reader = make_token(live, ("read",))
    typed = make_token(live, ("issue", "search"), types=("11990000MB0D000105001",))
    with live.client() as client:
        problem(issue(client, other, record), 403, "token.scope")
        problem(issue(client, reader, record), 403, "token.scope")
        problem(issue(client, typed, record), 403, "token.scope")
        licence = quote(issue(client, token, record).json()["licence_id"])
        address = f"/api/v1/licences/{licence}?purpose=x"
        problem(client.get(address, headers={"Authorization": f"Bearer {other}"}), 403, "token.scope")
        listed = client.get("/api/v1/licences?purpose=x", headers={"Authorization": f"Bearer {other}"}).json()["items"]
        assert all(one["type_code"] == "11990000MB0D000105001" for one in listed)
        problem(
            client.get("/api/v1/licences?purpose=x", headers={"Authorization": f"Bearer {reader}"}), 403, "token.scope"
        )


def test_a_revoked_token_is_nobody(live: Live) -> None:
    secret = make_token(live)
    live.services.accounts.revoke_token(live.services.accounts.token(secret).id, actor=live.services.actor("admin"))
    with live.client(Authorization=f"Bearer {secret}") as client:
        answer = client.get("/api/v1/licences?purpose=x")
        problem(answer, 401, "token.invalid")
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_by_password_is_no_wider_than_the_account(live: Live) -> None:
    asked = {"label": "school", "scopes": ["issue"], "types": [TEACHER]}
    login = ("education", live.passwords["education"])
    with live.client() as client:
        made = client.post("/api/v1/tokens", json=asked, auth=login, headers={"Idempotency-Key": "t1"})
        assert made.status_code == 201, made.text
        assert made.json()["departments"] == ["education"]
        secret = made.json()["token"]
        assert live.services.accounts.token(secret).types == {"11990000MB0D000292001"}
        again = client.post("/api/v1/tokens", json=asked, auth=login, headers={"Idempotency-Key": "t1"})
        assert again.json() == {**made.json(), "token": None}, "the secret is told once"
        for wide in ({"scopes": ["journal"]}, {"departments": ["market"]}, {"departments": ["*"]}):
            body = {**asked, **wide}
            answer = client.post("/api/v1/tokens", json=body, auth=login, headers={"Idempotency-Key": "t2"})
            problem(answer, 403, "token.too_wide")
        bad = {"Idempotency-Key": "t3"}
        problem(client.post("/api/v1/tokens", json=asked, headers=bad), 401, "account.sign_in")
        problem(client.post("/api/v1/tokens", json=asked, auth=("education", "x"), headers=bad), 401, "account.sign_in")
        problem(
            client.post("/api/v1/tokens", json={**asked, "days": 0}, auth=login, headers=bad), 422, "request.invalid"
        )


def test_the_journal_over_http(live: Live, token: str) -> None:
    plain = make_token(live, ("read",))
    with live.client() as client:
        page = client.get("/api/v1/journal?purpose=audit&limit=3", headers={"Authorization": f"Bearer {token}"}).json()
        assert len(page["items"]) == 3
        older = f"/api/v1/journal?purpose=audit&limit=3&cursor={page['next']}"
        following = client.get(older, headers={"Authorization": f"Bearer {token}"}).json()
        assert following["items"][0]["seq"] == page["items"][-1]["seq"] - 1
        answer = client.get("/api/v1/journal?purpose=x", headers={"Authorization": f"Bearer {plain}"})
        problem(answer, 403, "token.scope")


# Wrong requests

KEY = {"Idempotency-Key": "wrong"}
JSON = {"Content-Type": "application/json", **KEY}
WRONG: list[tuple[str, str, dict[str, object], int, str]] = [
    ("GET", "/api/v1/nothing", {}, 404, "path.unknown"),
    ("GET", "/api/v2/licences", {}, 404, "path.unknown"),
    ("PUT", "/api/v1/licences", {}, 405, "method.not_allowed"),
    ("DELETE", "/livez", {}, 405, "method.not_allowed"),
    ("GET", "/api/v1/types/%00", {}, 404, "type.unknown"),
    ("GET", "/api/v1/types/" + "x" * 3000, {}, 404, "type.unknown"),
    ("GET", "/api/v1/licences/zzz?purpose=x", {}, 422, "identifier."),
    ("GET", "/api/v1/licences/" + quote("1.2.156.3005.2.11990000MB0D000292001.11990000MB0D000292.X.001.1") + "?purpose=x", {},
     422, "identifier."),
    ("GET", "/api/v1/licences", {}, 422, "purpose.missing"),
    ("GET", "/api/v1/licences?purpose=" + "x" * 300, {}, 400, "purpose.malformed"),
    ("GET", "/api/v1/licences?purpose=x&cursor=zzz", {}, 422, "cursor.malformed"),
    ("GET", "/api/v1/licences?purpose=x&cursor=WyJhIiwiYiJd", {}, 422, "cursor.malformed"),
    ("GET", "/api/v1/licences?purpose=x&limit=0", {}, 422, "request.invalid"),
    ("GET", "/api/v1/licences?purpose=x&limit=many", {}, 422, "request.invalid"),
    ("GET", "/api/v1/licences?purpose=x&type=zzz", {}, 404, "type.unknown"),
    ("POST", "/api/v1/licences", {"content": b"{}", "headers": JSON}, 422, "request.invalid"),
    ("POST", "/api/v1/licences", {"content": b"{", "headers": JSON}, 400, "request.json"),
    ("POST", "/api/v1/licences", {"content": b"\xff\xfe", "headers": JSON}, 400, "request."),
    ("POST", "/api/v1/licences", {"json": [1], "headers": KEY}, 422, "request.invalid"),
    ("POST", "/api/v1/licences", {"json": {"type": "x", "record": "y"}, "headers": KEY}, 422, "request.invalid"),
    ("POST", "/api/v1/licences", {"json": {"type": TEACHER, "record": {}, "more": 1}, "headers": KEY}, 422, "request.invalid"),
    ("POST", "/api/v1/licences", {"json": {"type": TEACHER, "record": {}}}, 422, "idempotency.missing"),
    ("POST", "/api/v1/licences", {"json": {"type": TEACHER, "record": {}}, "headers": {"Idempotency-Key": "a b"}}, 422,
     "idempotency.key"),
    ("POST", "/api/v1/licences", {"json": {"type": TEACHER, "record": {"name": 1}}, "headers": {"Idempotency-Key": "w1"}}, 422,
     "record."),
    ("POST", "/api/v1/licences", {"json": {"type": TEACHER, "record": {"who": "x"}}, "headers": {"Idempotency-Key": "w2"}}, 422,
     "record.unknown_field"),
    ("POST", "/api/v1/licences", {"json": {"type": "zzz", "record": {}}, "headers": {"Idempotency-Key": "w3"}}, 404, "type.unknown"),
    ("POST", "/api/v1/licences", {"content": b"x" * 2_000_000, "headers": JSON}, 413, "request.too_large"),
    ("POST", "/api/v1/verifications", {}, 415, "request.media_type"),
    ("POST", "/api/v1/verifications", {"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "request.media_type"),
    ("POST", "/api/v1/verifications", {"content": b"", "headers": {"Content-Type": "application/ofd"}}, 422, "upload.empty"),
    ("POST", "/api/v1/verifications", {"files": {"other": b"x"}}, 422, "upload.missing"),
    ("POST", "/api/v1/verifications", {"data": {"file": "x"}, "files": {"other": b"x"}}, 422, "upload.missing"),
    ("POST", "/api/v1/verifications", {"content": b"junk", "headers": {"Content-Type": "multipart/form-data"}}, 400, "request."),
    ("POST", "/api/v1/verifications", {"content": b"junk", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400,
     "request."),
    ("POST", "/api/v1/verifications?at=soon", {"files": {"file": b"x"}}, 422, "moment.malformed"),
    ("POST", "/api/v1/verifications", {"content": b"x" * (21 << 20), "headers": {"Content-Type": "application/ofd"}}, 413,
     "request.too_large"),
    ("POST", "/verify", {"files": {"file": b"x"}}, 403, "session.csrf"),
    ("POST", "/verify", {"content": b"x"}, 415, "request.media_type"),
    ("POST", "/sign-in", {"data": {"name": "admin", "password": "x"}}, 403, "session.csrf"),
    ("POST", "/sign-out", {"data": {"x": "y"}}, 403, "session.csrf"),
    ("GET", "/issue", {}, 401, "session.needed"),
    ("GET", "/licences", {}, 401, "session.needed"),
    ("GET", "/journal", {}, 401, "session.needed"),
    ("POST", "/issue/teacher-certificate", {"data": {"x": "y"}}, 403, "session.csrf"),
    ("GET", "/static/nothing.css", {}, 404, "path.unknown"),
    ("GET", "/static/..%2f..%2fsettings.py", {}, 404, "path.unknown"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "code"), WRONG, ids=lambda v: v[:60] if isinstance(v, str) else ""
)
def test_a_wrong_request_is_a_problem(
    live: Live, token: str, method: str, path: str, sent: dict[str, object], status: int, code: str
) -> None:
    headers = {**({"Authorization": f"Bearer {token}"} if "/api/" in path else {}), **dict(sent.get("headers", {}))}  # type: ignore[call-overload]
    with live.client() as client:
        answer = client.request(method, path, **{**sent, "headers": headers})  # type: ignore[arg-type]
        problem(answer, status, code)


def test_no_accept_that_fits(live: Live, token: str, people: People) -> None:
    with live.client(Authorization=f"Bearer {token}") as client:
        licence = quote(issue(client, token, people(1, 508)[0]).json()["licence_id"])
        answer = client.get(f"/api/v1/licences/{licence}?purpose=x", headers={"Accept": "text/csv"})
        problem(answer, 406, "accept.unsupported")


def test_a_body_without_length_is_cut_at_the_limit(live: Live) -> None:
    def endless() -> object:
        for _ in range(400):
            yield b"x" * 100_000

    with live.client() as client:
        try:
            answer = client.post(
                "/api/v1/verifications", content=endless(), headers={"Content-Type": "application/ofd"}
            )  # type: ignore[arg-type]
        except httpx.WriteError:
            return  # the server hung up on us, as it may
        problem(answer, 413, "request.too_large")


def test_a_defect_is_a_500_problem_that_tells_only_its_trace(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("deliberate")

    monkeypatch.setattr("licence_store.catalogue.Catalogue.list", broken)
    with live.client() as client:
        body = problem(client.get("/api/v1/types"), 500, "internal.fault")
        assert "deliberate" not in json.dumps(body)
        assert str(body["trace_id"]) in str(body["detail"])


# Manners


def test_nothing_a_stranger_sends_becomes_markup(live: Live) -> None:
    hostile = '<img src=x onerror="alert(1)">'
    with live.client(Accept="text/html") as client:
        token = client.get("/verify").text.partition('name="csrf" value="')[2].partition('"')[0]
        shown = client.post("/verify", data={"csrf": token}, files={"file": (hostile + ".ofd", b"x")})
        assert shown.status_code == 200
        assert "onerror" in shown.text
        assert "<img src=x" not in shown.text
        for path in (f"/sign-in?next={quote('/' + hostile)}", f"/nope/{quote(hostile)}", f"/v/{quote(hostile)}"):
            assert "<img src=x" not in client.get(path).text


def test_a_name_that_no_encoding_carries_is_a_problem(live: Live, token: str) -> None:
    headers = {
        "Authorization": f"Bearer {token}",
        "Idempotency-Key": uuid.uuid4().hex,
        "Content-Type": "application/json",
    }
    with live.client(**headers) as client:
        for body in (f'{{"type": "{TEACHER}", "record": {{"\\ud800": "x"}}}}', r'{"\ud800": 1}'):
            problem(client.post("/api/v1/licences", content=body), 422, "re")


def test_an_address_of_two_slashes_leads_nowhere_else(live: Live) -> None:
    with live.client(Accept="text/html") as client:
        page = client.get(f"{live.url}//elsewhere.test/page")
    assert page.status_code == 404
    assert 'href="//' not in page.text


def test_a_form_with_too_many_parts_is_refused(live: Live) -> None:
    with live.client() as client:
        many = {f"field{number}": "x" for number in range(500)}
        problem(client.post("/api/v1/verifications", data=many, files={"file": b"x"}), 400, "request.")
        problem(client.post("/sign-in", data=many), 400, "request.")


def test_language_and_trace(live: Live) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    with live.client(Traceparent=f"00-{trace}-b7ad6b7169203331-01") as client:
        english = client.get("/api/v1/types/zzz", headers={"Accept-Language": "fr, en-GB;q=0.8, zh;q=0.5"}).json()
        assert english["trace_id"] == trace
        assert english["title"] == "Not found"
        assert client.get("/api/v1/types/zzz").json()["title"] == "未找到"
        assert client.get("/api/v1/types/zzz", headers={"Accept-Language": "en;q=0, zh"}).json()["title"] == "未找到"


def test_security_headers_on_every_answer(live: Live) -> None:
    with live.client() as client:
        for path in ("/", "/verify", "/livez", "/nope", "/static/app.css", "/api/v1/types"):
            headers = client.get(path).headers
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert "server" not in headers
            assert "strict-transport-security" not in headers, "plain http here"


def test_health(live: Live) -> None:
    with live.client() as client:
        assert client.get("/livez").json() == {"status": "ok"}
        ready = client.get("/readyz")
        assert ready.status_code == 200, ready.text
        assert {one["part"] for one in ready.json()["checks"]} == {
            "database",
            "trust",
            "revocation",
            "clock",
            "files",
            "keys",
            "certificates",
            "sources",
            "jobs",
            "trust_list",
        }
        assert client.get("/version").json()["demonstration"] is True
        metrics = client.get("/metrics").text
        assert 'licence_trust_http_requests_total{method="GET",route="/livez",status="200"}' in metrics
        assert 'licence_trust_ready{part="keys"} 1.0' in metrics
        assert client.head("/livez").status_code == 200


def test_not_ready_says_why(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = live.place / "files.away"
    (live.place / "files").rename(hidden)
    try:
        with live.client() as client:
            answer = client.get("/readyz", headers={"Accept-Language": "en"})
            assert answer.status_code == 503
            [bad] = [one for one in answer.json()["checks"] if not one["ready"]]
            assert bad["part"] == "files"
            assert bad["detail"]
    finally:
        hidden.rename(live.place / "files")


def test_openapi(live: Live) -> None:
    with live.client() as client:
        document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/licences" in document["paths"]
    posted = document["paths"]["/api/v1/licences"]["post"]
    assert "application/problem+json" in posted["responses"]["422"]["content"]
    assert "HTTPValidationError" not in json.dumps(document)
    parameters = {one["name"] for one in posted.get("parameters", ())}
    assert "Idempotency-Key" in parameters
    listed = {one["name"] for one in document["paths"]["/api/v1/licences"]["get"]["parameters"]}
    assert {"purpose", "cursor", "limit"} <= listed
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["summary"]
    _all_references_lead_somewhere(document)


def _all_references_lead_somewhere(document: dict[str, object]) -> None:
    def walk(node: object) -> None:
        if isinstance(node, dict):
            target = node.get("$ref")
            if isinstance(target, str):
                found: object = document
                for part in target.removeprefix("#/").split("/"):
                    assert isinstance(found, dict)
                    found = found[part]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)


def test_strangers_are_slowed_down(made_demo: object, tmp_path: object) -> None:
    import shutil
    from pathlib import Path

    from tests.journeys.conftest import serving

    place = Path(shutil.copytree(str(made_demo), Path(str(tmp_path)) / "r"))
    with serving(place, public_rate=5, sign_in_attempts=3) as live, live.client() as client:
        answers = [client.post("/api/v1/verifications", files={"file": b"x"}) for _ in range(8)]
        assert [one.status_code for one in answers[:5]] == [200] * 5
        late = problem(answers[-1], 429, "request.rate")
        assert int(answers[-1].headers["retry-after"]) > 0
        assert late["remedy"]
        token = client.get("/sign-in").text.partition('name="csrf" value="')[2].partition('"')[0]
        entered = {"csrf": token, "name": "admin", "password": "wrong"}
        tries = [client.post("/sign-in", data=entered).status_code for _ in range(5)]
        assert tries == [401, 401, 401, 429, 429]
        right = {**entered, "password": live.passwords["admin"]}
        assert client.post("/sign-in", data=right).status_code == 429, "guessing is stopped, also the lucky guess"
