"""Signing in to the space over HTTP: the straight way, and every crooked one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import KeySet

from api.testidp.people import sample_people
from tests.journeys.conftest import Live, serving
from tests.journeys.holders import People, act_for, hidden, portal, sign_in, step_up

PAGE = {"Accept": "text/html"}


@pytest.fixture
def client(live: Live) -> Iterator[httpx.Client]:
    with live.client() as one:
        yield one


def test_a_citizen_signs_in_and_out(client: httpx.Client, cast: People) -> None:
    page = client.get("/space/account", headers=PAGE)
    assert page.status_code == 303 and page.headers["location"] == "/space/sign-in?next=%2Fspace%2Faccount"
    assert "演示用身份提供方" in client.get(page.headers["location"], headers=PAGE).text
    back = sign_in(client, cast.citizen.person.code, target="/space/account")
    assert (back.status_code, back.headers["location"]) == (303, "/space/account")
    cookie = back.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "lt_space=" in cookie
    page = client.get("/space/account", headers=PAGE)
    assert cast.citizen.person.name in page.text and cast.citizen.person.masked_code in page.text
    assert cast.citizen.person.code not in page.text
    gone = client.post("/space/sign-out", data={"csrf": hidden(page.text)["csrf"]})
    assert gone.headers["location"] == "/space/signed-out"
    said = client.get("/space/signed-out", headers=PAGE).text
    assert "同时退出身份提供方" in said
    assert client.get("/space/account", headers=PAGE).status_code == 303


def test_a_representative_acts_for_the_company(client: httpx.Client, cast: People) -> None:
    company = cast.representative.company
    assert company is not None
    sign_in(client, company.code)
    choices = client.get("/space/switch", headers=PAGE).text
    assert company.name in choices and "法定代表人" in choices
    assert act_for(client, company.code).status_code == 303
    assert "正在代办" in client.get("/space/account", headers=PAGE).text
    assert act_for(client, "d-nobodys").status_code == 403
    page = client.get("/space/delegations/give", headers=PAGE)
    assert page.status_code == 303 and page.headers["location"].startswith("/space/step-up?level=2")
    asked = client.get(page.headers["location"], headers=PAGE).text
    assert "再确认一次身份" in asked and "认证等级不够" in asked
    assert step_up(client, company.code, target="/space/delegations/give").status_code == 303
    assert client.get("/space/delegations/give", headers=PAGE).status_code == 200
    assert "正在代办" in client.get("/space/account", headers=PAGE).text  # proving again does not change for whom


def test_a_strangers_answer_is_a_problem_or_a_way_to_sign_in(client: httpx.Client) -> None:
    for path in ("/space/account", "/space/delegations", "/space/switch", "/space/account/close"):
        assert client.get(path, headers=PAGE).headers["location"].startswith("/space/sign-in?next=")
        answer = client.get(path, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (401, "holder.sign_in_needed")
    assert client.post("/space/switch", data={"key": ""}, headers=PAGE).status_code == 401


# Crooked ways


def begin(client: httpx.Client, start: str = "/space/sign-in/start") -> dict[str, str]:
    """The request a browser takes to the provider."""
    out = client.get(start)
    assert out.status_code == 303, out.text
    return {name: values[0] for name, values in parse_qs(urlsplit(out.headers["location"]).query).items()}


def granted(client: httpx.Client, asked: dict[str, str], code: str, level: str = "loa1") -> dict[str, str]:
    """What the provider sends back with the browser."""
    page = client.get("/test-idp/authorize", params=asked)
    form = {**hidden(page.text), "other_code": code, "level": level}
    answer = client.post("/test-idp/authorize", data=form).headers["location"]
    return {name: values[0] for name, values in parse_qs(urlsplit(answer).query).items()}


Answer = dict[str, str]
CROOKED: dict[str, tuple[Callable[[Answer], Answer], str]] = {
    "no state": (lambda a: {**a, "state": ""}, "holder.attempt"),
    "another state": (lambda a: {**a, "state": a["state"][:-1] + "x"}, "holder.attempt"),
    "long state": (lambda a: {**a, "state": "x" * 5000}, "holder.attempt"),
    "no code": (lambda a: {**a, "code": ""}, "holder.code_refused"),
    "another code": (lambda a: {**a, "code": "x"}, "holder.code_refused"),
    "long code": (lambda a: {**a, "code": "x" * 5000}, "holder.code_refused"),
    "another issuer (mix-up)": (lambda a: {**a, "iss": "https://evil.example.cn"}, "holder.issuer"),
    "no issuer, though promised": (lambda a: {**a, "iss": ""}, "holder.issuer"),
    "cancelled": (lambda a: {"state": a["state"], "error": "access_denied"}, "holder.denied"),
    "an error of theirs": (lambda a: {"state": a["state"], "error": "<script>alert(1)</script>"}, "holder.denied"),
    "nothing": (lambda _a: {}, "holder.attempt"),
}


@pytest.mark.parametrize("name", CROOKED)
def test_crooked_answers_sign_nobody_in(client: httpx.Client, cast: People, name: str) -> None:
    bend, code = CROOKED[name]
    answer = bend(granted(client, begin(client), cast.citizen.person.code))
    page = client.get("/space/sign-in/callback", params=answer, headers=PAGE)
    assert page.status_code == 403 and code in page.text and "重新登录" in page.text
    assert "<script>alert" not in page.text and "lt_space" not in client.cookies


def test_an_answer_is_good_once_and_in_its_own_browser(live: Live, client: httpx.Client, cast: People) -> None:
    answer = granted(client, begin(client), cast.citizen.person.code)
    with live.client() as other:  # a link with the attacker's code signs nobody else in (login CSRF)
        other.cookies.set("lt_oidc", "x" * 43)
        assert other.get("/space/sign-in/callback", params=answer).status_code == 403
    answer = granted(client, begin(client), cast.citizen.person.code)
    assert client.get("/space/sign-in/callback", params=answer).status_code == 303
    again = client.get("/space/sign-in/callback", params=answer, headers=PAGE)
    assert again.status_code == 403 and "holder.attempt" in again.text


def test_a_code_is_good_once_at_the_provider(client: httpx.Client, cast: People) -> None:
    """A stolen code in a second attempt of the thief's own: PKCE and the provider's memory both say no."""
    stolen = granted(client, begin(client), cast.citizen.person.code)
    second = begin(client)
    page = client.get("/space/sign-in/callback", params={**stolen, "state": second["state"]}, headers=PAGE)
    assert page.status_code == 403 and "holder.code_refused" in page.text and "invalid_grant" in page.text


def test_a_session_known_before_is_not_the_one_after(live: Live, client: httpx.Client, cast: People) -> None:
    sign_in(client, cast.citizen.person.code)
    before = client.cookies["lt_space"]
    with live.client() as victim:
        victim.cookies.set("lt_space", before)  # fixed by an attacker
        sign_in(victim, cast.agent.person.code)
        cookies = [one.value for one in victim.cookies.jar if one.name == "lt_space"]
        assert any(one != before for one in cookies)
    with live.client() as attacker:
        attacker.cookies.set("lt_space", before)
        assert attacker.get("/space/account", headers=PAGE).status_code == 303
    sign_in(client, cast.citizen.person.code)
    before = client.cookies["lt_space"]
    step_up(client, cast.citizen.person.code)
    assert client.cookies["lt_space"] != before


def test_somebody_elses_proof_does_not_step_up(client: httpx.Client, cast: People) -> None:
    sign_in(client, cast.citizen.person.code)
    asked = begin(client, "/space/step-up/start?level=2")
    page = client.get(
        "/space/sign-in/callback",
        params=granted(client, asked, cast.agent.person.code, "loa3"),
        headers=PAGE,
    )
    assert page.status_code == 403 and "holder.other_person" in page.text
    asked = begin(client, "/space/step-up/start?level=3")
    page = client.get(
        "/space/sign-in/callback",
        params=granted(client, asked, cast.citizen.person.code, "loa2"),
        headers=PAGE,
    )
    assert page.status_code == 403 and "holder.level_too_low" in page.text


ELSEWHERE = (
    "https://evil.example.cn/",
    "//evil.example.cn",
    "/\\evil.example.cn",
    "/\\/evil.example.cn",
    "\\\\evil.example.cn",
    "javascript:alert(1)",
    "/%09/evil.example.cn".replace("%09", "\t"),
    "http:evil.example.cn",
    "space",
    "",
    "/" + "x" * 1500,
    "/a\r\nSet-Cookie: x=1",
)


@pytest.mark.parametrize("target", ELSEWHERE)
def test_one_goes_on_within_this_site_only(client: httpx.Client, cast: People, target: str) -> None:
    query = urlencode({"next": target})
    asked = begin(client, f"/space/sign-in/start?{query}")
    back = client.get("/space/sign-in/callback", params=granted(client, asked, cast.citizen.person.code))
    assert (back.status_code, back.headers["location"]) == (303, "/space")
    assert client.get(f"/space/sign-in?{query}").headers["location"] == "/space"
    page = client.get("/space/switch", headers=PAGE)
    data = {"csrf": hidden(page.text)["csrf"], "key": "", "next": target}
    assert client.post("/space/switch", data=data).headers["location"] == "/space"


FORMS = (
    "/space/sign-out",
    "/space/switch",
    "/space/account/sign-out-others",
    "/space/account/close",
    "/space/account/contacts",
    "/space/account/contacts/x/end",
    "/space/delegations/give",
    "/space/delegations/ask",
    "/space/delegations/d-1/cancel",
    "/space/delegations/d-1/decide",
)


@pytest.mark.parametrize("path", FORMS)
def test_forms_of_others_do_nothing(client: httpx.Client, cast: People, path: str) -> None:
    sign_in(client, cast.citizen.person.code, level=2)
    session, stranger = client.cookies["lt_space"], client.cookies.get("lt_form", "")
    for data in ({"x": "y"}, {"csrf": ""}, {"csrf": session}, {"csrf": stranger}, {"csrf": "ß" * 20}):
        answer = client.post(path, data=data)
        assert (answer.status_code, answer.json()["code"]) == (403, "session.csrf")
    assert client.post(path, content=b"{}", headers={"Content-Type": "application/json"}).status_code == 415
    assert client.get("/space/account", headers=PAGE).status_code == 200  # still there, still signed in


def test_cookies_of_staff_and_of_holders_are_not_exchanged(live: Live, client: httpx.Client, cast: People) -> None:
    sign_in(client, cast.citizen.person.code)
    token = client.cookies["lt_space"]
    with live.client(Accept="text/html") as other:
        other.cookies.set("lt_session", token)
        assert other.get("/licences").headers["location"].startswith("/sign-in")
    with live.client(Authorization=f"Bearer {token}") as other:
        assert other.get("/api/v1/space/session").status_code == 401
        assert other.get("/api/v1/journal?purpose=x").status_code == 401
    account = live.services.accounts.get("market")
    staff_token, _ = live.services.accounts.open_session(account)
    with live.client(Accept="text/html") as other:
        other.cookies.set("lt_space", staff_token)
        assert other.get("/space/account").headers["location"].startswith("/space/sign-in")


def test_silly_levels_and_steps_are_refused(client: httpx.Client, cast: People) -> None:
    sign_in(client, cast.citizen.person.code)
    for path in ("/space/step-up?level=9", "/space/step-up/start?level=x", "/space/account?ended=x"):
        assert client.get(path, headers=PAGE).status_code == 422
    page = client.get("/space/account", headers=PAGE).text
    csrf = hidden(page)["csrf"]
    assert client.post("/space/delegations/d-1/fly", data={"csrf": csrf}, headers=PAGE).status_code == 403
    assert client.post("/space/delegations/d-1/cancel", data={"csrf": csrf}, headers=PAGE).status_code == 404
    assert client.get("/space/delegations/%00", headers=PAGE).status_code in (404, 422)


# The provider, as others meet it


def test_the_provider_speaks_openid_connect_with_anybody(client: httpx.Client, live: Live, cast: People) -> None:
    """Discovery, code, PKCE, token, keys, by hand and over HTTP."""
    metadata = client.get("/test-idp/.well-known/openid-configuration").json()
    assert metadata["issuer"] == f"{live.url}/test-idp"
    back, verifier = f"{live.url}/space/sign-in/callback", "v" * 64
    asked = {
        "response_type": "code",
        "client_id": "licence-trust",
        "redirect_uri": back,
        "scope": "openid profile",
        "state": "s",
        "nonce": "n",
        "code_challenge": create_s256_code_challenge(verifier),
        "code_challenge_method": "S256",
    }
    code = granted(client, asked, cast.citizen.person.code, "loa3")["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "client_id": "licence-trust"}
    assert client.post("/test-idp/token", data={**form, "code_verifier": "w" * 64}).json() == {"error": "invalid_grant"}
    code = granted(client, asked, cast.citizen.person.code, "loa3")["code"]
    answer = client.post("/test-idp/token", data={**form, "code": code, "code_verifier": verifier})
    keys = KeySet.import_key_set(client.get("/test-idp/jwks").json())
    found = jwt.decode(answer.json()["id_token"], keys, algorithms=["ES256"]).claims
    assert found["identity_code"] == cast.citizen.person.code and found["acr"] == "loa3" and found["nonce"] == "n"
    again = client.post("/test-idp/token", data={**form, "code": code, "code_verifier": verifier})
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    for wrong in (
        {"redirect_uri": "https://evil.example.cn/space/sign-in/callback"},
        {"redirect_uri": f"{live.url}/elsewhere"},
        {"client_id": "evil"},
        {"code_challenge_method": "plain"},
        {"code_challenge": "short"},
        {"response_type": "token"},
        {"scope": "profile"},
    ):
        page = client.get("/test-idp/authorize", params={**asked, **wrong}, headers=PAGE)
        assert page.status_code == 422 and "location" not in page.headers
    shown = client.get("/test-idp/authorize", params=asked, headers=PAGE).text
    assert "这里不核验任何人的身份" in shown
    form = {**hidden(shown), "other_code": "123", "name": ""}
    assert client.post("/test-idp/authorize", data=form, headers=PAGE).status_code == 422
    assert client.post("/test-idp/authorize", data={**form, "csrf": "x"}, headers=PAGE).status_code == 403
    denied = client.post("/test-idp/authorize", data={**form, "act": "deny"})
    assert "error=access_denied" in denied.headers["location"]


def test_another_node_takes_it_for_a_provider_like_any_other(live: Live, made_demo: Path, tmp_path: Path) -> None:
    """Over real HTTP, by the setting alone: nothing in the relying party knows of the provider of demonstrations."""
    import shutil

    place = Path(shutil.copytree(made_demo, tmp_path / "region"))
    with serving(place, oidc_issuer=f"{live.url}/test-idp", public_rate=0) as node, node.client() as browser:
        assert browser.get("/test-idp/jwks").status_code == 404
        code = sample_people(live.services.desk)[0].person.code
        out = browser.get("/space/sign-in/start")
        assert out.headers["location"].startswith(f"{live.url}/test-idp/authorize?")
        with live.client() as there:
            page = there.get(out.headers["location"])
            form = {**hidden(page.text), "other_code": code, "level": "loa2"}
            answer = there.post("/test-idp/authorize", data=form).headers["location"]
        assert answer.startswith(f"{node.url}/space/sign-in/callback?")
        assert browser.get(answer).status_code == 303
        assert browser.get("/space/account", headers=PAGE).status_code == 200


def test_without_a_provider_the_page_says_so(made_demo: Path, tmp_path: Path) -> None:
    import shutil

    place = Path(shutil.copytree(made_demo, tmp_path / "region"))
    with serving(place, oidc_issuer="http://127.0.0.1:9", public_rate=0) as node, node.client() as browser:
        page = browser.get("/space/sign-in/start", headers=PAGE)
        assert page.status_code == 503 and "holder.provider" in page.text and "重新登录" in page.text
        assert browser.get("/space/sign-in", headers=PAGE).status_code == 200


# Portals


def test_a_portal_opens_a_session_once(live: Live, cast: People) -> None:
    company = cast.representative.company
    assert company is not None
    with portal(live, cast) as (client, token):
        body = {"id_token": token, "acting_for": company.code}
        first = client.post("/api/v1/space/sessions", json=body, headers={"Idempotency-Key": "k1"})
        assert first.status_code == 201, first.text
        said = first.json()
        assert said["holder"] == {"code": company.code, "name": company.name} and said["assurance"] == 2
        assert cast.representative.person.code not in first.text
        replay = client.post("/api/v1/space/sessions", json=body, headers={"Idempotency-Key": "k1"})
        assert replay.headers["Idempotency-Replayed"] == "true" and replay.json()["token"] is None
        again = client.post("/api/v1/space/sessions", json=body, headers={"Idempotency-Key": "k2"})
        assert (again.status_code, again.json()["code"]) == (403, "holder.proof_used")
        client.headers["Authorization"] = f"Bearer {said['token']}"
        assert client.get("/api/v1/space/session").json()["account_id"] == said["account_id"]
        assert client.delete("/api/v1/space/session").status_code == 204
        assert client.get("/api/v1/space/session").status_code == 401


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"aud": "evil"}, "holder.token"),
        ({"iss": "https://evil.example.cn"}, "holder.token"),
        ({"identity_code": ""}, "holder.identity"),
        ({"identity_code": {"a": 1}}, "holder.identity"),
        ({"name": ["x"] * 200}, "holder.identity"),
        ({"identity_code_type": "001"}, "holder.identity"),
        ({"legal_person": {"code": "1", "name": "", "role": "legal_representative"}}, "holder.identity"),
        ({"exp": 1}, "holder.token"),
    ],
)
def test_a_portals_wrong_tokens(live: Live, cast: People, changed: dict[str, Any], code: str) -> None:
    with portal(live, cast, **changed) as (client, token):
        answer = client.post("/api/v1/space/sessions", json={"id_token": token}, headers={"Idempotency-Key": "w"})
        assert (answer.status_code, answer.json()["code"]) == (403, code)


def test_a_portal_cannot_act_for_whom_it_likes(live: Live, cast: People) -> None:
    with portal(live, cast) as (client, token):
        body = {"id_token": token, "acting_for": "91990000MA49QUAQ21"}
        answer = client.post("/api/v1/space/sessions", json=body, headers={"Idempotency-Key": "k9"})
        assert (answer.status_code, answer.json()["code"]) == (403, "holder.capacity")


def test_identity_numbers_are_on_no_page_and_in_no_log(
    live: Live, client: httpx.Client, cast: People, capfd: pytest.CaptureFixture[str]
) -> None:
    sign_in(client, cast.citizen.person.code, level=2)
    for path in ("/space/account", "/space/switch", "/space/delegations", "/space/account/close", "/space/step-up"):
        assert cast.citizen.person.code not in client.get(path, headers=PAGE).text
    journal = live.services.journal_page(live.services.actor("admin"), None, 300)[0]
    said = " ".join(f"{one.actor} {one.subject} {one.details} {one.reason}" for one in journal)
    assert cast.citizen.person.code not in said
    assert not re.search(r"\b990\d{14}[\dX]\b", capfd.readouterr().err)
