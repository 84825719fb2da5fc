"""一地注册、各地互认 (R097): several identity providers, chosen on the sign-in page; one person, whoever vouches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from api.app import create_app
from api.settings import load_settings
from api.wiring import build
from tests.journeys.conftest import Live, serving
from tests.journeys.holders import People, hidden, portal, sign_in, step_up
from trust.errors import Malformed

PAGE = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def node(live: Live, made_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A region with its own provider of demonstrations, and a neighbour's, which proves level 2 at most and calls its
    levels by other numbers.
    """
    place = Path(shutil.copytree(made_demo, tmp_path_factory.mktemp("issuers") / "region"))
    neighbour = {
        "key": "neighbour",
        "title": "邻省身份平台",
        "title_en": "Neighbour's identity",
        "issuer": f"{live.url}/test-idp",
        "levels": {"loa2": 1, "loa3": 2},
    }
    (place / "providers.json").write_text(json.dumps([neighbour]), encoding="utf-8")
    with serving(place, oidc_providers="providers.json", public_rate=0) as one:
        yield one


@pytest.fixture
def browser(node: Live) -> Iterator[httpx.Client]:
    with node.client() as one:
        yield one


def answer_of(live: Live, start: httpx.Response, code: str, level: str = "loa2") -> str:
    """Where the neighbour's provider sends the browser back to."""
    assert start.status_code == 303, start.text
    with live.client() as there:
        page = there.get(start.headers["location"])
        form = {**hidden(page.text), "other_code": code, "level": level}
        return there.post("/test-idp/authorize", data=form).headers["location"]


def through_neighbour(live: Live, browser: httpx.Client, code: str, level: str = "loa2") -> httpx.Response:
    start = browser.get("/space/sign-in/start?by=neighbour&next=/space/account")
    return browser.get(answer_of(live, start, code, level))


def test_the_choice_is_on_the_page(browser: httpx.Client, live: Live) -> None:
    page = browser.get("/space/sign-in?next=/space/ledger", headers=PAGE).text
    assert "邻省身份平台" in page and "by=neighbour" in page and "演示用身份提供方" in page and "最高2级" in page
    assert "Neighbour&#39;s identity" in browser.get("/space/sign-in?lang=en", headers=PAGE).text
    out = browser.get("/space/sign-in/start?by=neighbour")
    asked = parse_qs(urlsplit(out.headers["location"]).query)
    assert out.headers["location"].startswith(f"{live.url}/test-idp/authorize?")
    assert asked["redirect_uri"][0].endswith("/space/sign-in/callback/neighbour")
    for by in ("nobody", "../x", "%00", ""):
        answer = browser.get(f"/space/sign-in/start?by={by}", headers=PAGE)
        assert answer.status_code == (404 if by else 303)
    assert browser.get("/space/sign-in/start?by=" + "x" * 50, headers=PAGE).status_code == 422


def test_one_person_whoever_vouches(node: Live, live: Live, browser: httpx.Client, cast: People) -> None:
    """Two accounts, one holder: the same licences, ledger and delegations; each sign-in stands in its own account."""
    code = cast.citizen.person.code
    assert through_neighbour(live, browser, code).headers["location"] == "/space/account"
    account = browser.get("/space/account", headers=PAGE).text
    assert "邻省身份平台" in account and cast.citizen.person.name in account and "一级" in account
    theirs = browser.get("/space", headers=PAGE).text
    with node.client() as other:
        sign_in(other, code)
        assert "演示用身份提供方" in other.get("/space/account", headers=PAGE).text
        ours = other.get("/space", headers=PAGE).text
    licences = [one for one in node.services.register.holdings(code) if one.state == "CURRENT"]
    assert licences and all(one.licence_id in page for one in licences for page in (ours, theirs))
    issuers = {one.issuer for one in node.services.desk.holders.of_code(code)}
    assert issuers == {"demonstration", f"{live.url}/test-idp"}


def test_step_up_asks_whoever_vouched(node: Live, live: Live, browser: httpx.Client, cast: People) -> None:
    code = cast.agent.person.code
    through_neighbour(live, browser, code)
    start = browser.get("/space/step-up/start?level=2&next=/space/account")
    assert start.headers["location"].startswith(f"{live.url}/test-idp/authorize?")
    asked = parse_qs(urlsplit(start.headers["location"]).query)
    assert asked["acr_values"] == ["loa3"] and asked["prompt"] == ["login"]
    low = browser.get(answer_of(live, start, code, "loa2"), headers=PAGE)
    assert low.status_code == 403 and "holder.level_too_low" in low.text
    start = browser.get("/space/step-up/start?level=2&next=/space/account")
    assert browser.get(answer_of(live, start, code, "loa3")).headers["location"] == "/space/account"
    assert "二级" in browser.get("/space/account", headers=PAGE).text
    beyond = browser.get("/space/step-up/start?level=3", headers=PAGE)
    assert beyond.status_code == 403 and "邻省身份平台" in beyond.text and "holder.level_beyond" in beyond.text
    with node.client() as other:  # the same person, proved by the other provider, is not the account signed in
        sign_in(other, code)
        start = browser.get("/space/step-up/start?level=2")
        state = parse_qs(urlsplit(start.headers["location"]).query)["state"][0]
        assert step_up(other, code).status_code == 303
        wrong = browser.get(f"/space/sign-in/callback?code=x&state={state}", headers=PAGE)
        assert wrong.status_code == 403 and "holder.issuer" in wrong.text


def test_no_provider_answers_for_another(live: Live, browser: httpx.Client, cast: People) -> None:
    """An answer of the one at the other's address (mix-up), and with the other's name on it."""
    for said, bent in (
        ("/callback/neighbour", "/callback"),
        ("/callback/neighbour", "/callback/nobody"),
        ("%2Ftest-idp", "%2Fother"),
    ):
        start = browser.get("/space/sign-in/start?by=neighbour")
        answer = answer_of(live, start, cast.citizen.person.code)
        assert said in answer
        page = browser.get(answer.replace(said, bent), headers=PAGE)
        assert page.status_code in (403, 404) and "lt_space" not in browser.cookies, page.text


def test_signing_out_leads_out_of_the_provider_one_came_by(live: Live, browser: httpx.Client, cast: People) -> None:
    through_neighbour(live, browser, cast.citizen.person.code)
    csrf = hidden(browser.get("/space/account", headers=PAGE).text)["csrf"]
    gone = browser.post("/space/sign-out", data={"csrf": csrf})
    assert gone.headers["location"] == "/space/signed-out?by=neighbour"
    assert f"{live.url}/test-idp/logout?" in browser.get(gone.headers["location"], headers=PAGE).text
    nobody = browser.get("/space/signed-out?by=nobody", headers=PAGE)
    assert nobody.status_code == 200 and "/test-idp/logout" not in nobody.text


def test_a_portal_shows_whichever_providers_token(node: Live, live: Live, cast: People) -> None:
    with portal(live, cast, level="loa3", sub="portal-neighbour") as (_, token), node.client() as there:
        answer = there.post("/api/v1/space/sessions", json={"id_token": token}, headers={"Idempotency-Key": "n1"})
        assert answer.status_code == 201 and answer.json()["assurance"] == 2, answer.text


def test_a_file_of_nonsense_stops_the_start(made_demo: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("[{}]", encoding="utf-8")
    settings = load_settings({}, dir=made_demo, oidc_providers=str(tmp_path / "bad.json"))
    with build(settings) as services, pytest.raises(Malformed) as caught:
        create_app(services)
    assert caught.value.code == "settings.providers"
