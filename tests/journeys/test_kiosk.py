"""自助终端: what one may do there, and that nothing of anybody stays behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from api.oidc import Expected, RelyingParty
from licence_store.holding.accounts import Identity
from tests.journeys.conftest import Live
from tests.journeys.holders import People, hidden, sign_in, step_up

PAGE = {"Accept": "text/html"}


@pytest.fixture
def terminal(live: Live) -> Iterator[httpx.Client]:
    with live.client(**PAGE) as one:
        yield one


def enter(terminal: httpx.Client, code: str) -> httpx.Response:
    """Prove who one is, as at any terminal."""
    out = terminal.get("/kiosk/start")
    assert out.status_code == 303, out.text
    form = {**hidden(terminal.get(out.headers["location"]).text), "other_code": code, "level": "loa1"}
    return terminal.get(terminal.post("/test-idp/authorize", data=form).headers["location"])


def test_to_look_at_print_and_leave(live: Live, terminal: httpx.Client, cast: People) -> None:
    assert "我的证照：查看、打印" in terminal.get("/kiosk").text
    back = enter(terminal, cast.citizen.person.code)
    assert back.headers["location"] == "/kiosk/licences"
    assert "Path=/kiosk" in back.headers["set-cookie"] and "Max-Age=300" in back.headers["set-cookie"]
    page = terminal.get("/kiosk/licences")
    assert cast.citizen.person.masked_name in page.text and cast.citizen.person.code not in page.text
    held = [one for one in live.services.register.holdings(cast.citizen.person.code) if one.state == "CURRENT"]
    path = f"/kiosk/licences/{held[0].licence_id}"
    assert path in page.text
    one = terminal.get(path)
    assert one.status_code == 200 and "data-print" in one.text and 'content="60;url=/kiosk/end"' in one.text
    assert one.headers["cache-control"] == "no-store"
    assert terminal.get(f"{path}/face.png").headers["content-type"] == "image/png"
    [seen] = live.services.desk.ledger.page(cast.citizen.person.code, limit=1).entries
    assert (seen.act, seen.who) == ("view", "本人")
    gone = terminal.get("/kiosk/end")
    assert "/test-idp/logout?" in gone.headers["location"]  # the provider is to forget them too
    asked = parse_qs(urlsplit(gone.headers["location"]).query)
    assert asked["post_logout_redirect_uri"] == [f"{live.url}/kiosk"]
    assert asked["id_token_hint"][0].count(".") == 2  # so that it asks nobody who has left
    assert gone.headers["clear-site-data"] == '"cache", "storage"' and "lt_kiosk" not in terminal.cookies
    assert terminal.get(gone.headers["location"]).headers["location"] == f"{live.url}/kiosk"
    for beyond in (path, f"{path}/face.png", "/kiosk/licences"):
        assert terminal.get(beyond).headers["location"] == "/kiosk?over=true"


def test_the_provider_asks_anew(terminal: httpx.Client) -> None:
    asked = parse_qs(urlsplit(terminal.get("/kiosk/start").headers["location"]).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])


def test_nobody_reaches_a_terminals_pages_by_the_space(terminal: httpx.Client, cast: People) -> None:
    """There the provider may take the last person's word; only a terminal's own way asks everybody anew."""
    assert sign_in(terminal, cast.citizen.person.code, target="/kiosk/licences").headers["location"] == "/space"
    assert "lt_kiosk" not in terminal.cookies
    assert step_up(terminal, cast.citizen.person.code, target="/kiosk/licences").headers["location"] == "/space"
    assert "lt_kiosk" not in terminal.cookies


@pytest.mark.parametrize(("ago", "onward"), [(30, "/kiosk/licences"), (120, "/kiosk?failed=true")])
def test_the_word_for_the_last_person_is_not_taken(
    live: Live, terminal: httpx.Client, cast: People, monkeypatch: pytest.MonkeyPatch, ago: int, onward: str
) -> None:
    """A provider that does not ask anew, though it was told to, says since when it knows them."""
    whole = RelyingParty.complete

    def remembered(party: RelyingParty, expected: Expected, code: str) -> Identity:
        identity = whole(party, expected, code)
        return replace(identity, proved=identity.proved - timedelta(seconds=ago))

    monkeypatch.setattr(RelyingParty, "complete", remembered)
    assert enter(terminal, cast.citizen.person.code).headers["location"] == onward


def test_whoever_is_signed_in_is_told_so_wherever_they_are(terminal: httpx.Client, cast: People) -> None:
    """The next person at the terminal must not find a page that seems nobody's and leads to somebody's licences."""
    enter(terminal, cast.citizen.person.code)
    for path in ("/kiosk/check", "/kiosk/check?code=x", "/kiosk/licences/x", "/kiosk/nothing"):
        page = terminal.get(path)
        assert cast.citizen.person.masked_name in page.text, path
        assert 'data-end="/kiosk/end"' in page.text and 'content="60;url=/kiosk/end"' in page.text, path


def test_a_terminals_session_opens_nothing_else(live: Live, terminal: httpx.Client, cast: People) -> None:
    """Nor does a session of the space open the terminal's pages; nor somebody else's licence."""
    enter(terminal, cast.citizen.person.code)
    kept = terminal.cookies["lt_kiosk"]
    for path in ("/space", "/space/account", "/space/materials"):
        assert terminal.get(path).headers["location"].startswith("/space/sign-in")
    with live.client(**PAGE) as other:
        other.cookies.set("lt_space", kept)
        assert other.get("/space/account").status_code == 303
        other.headers["Authorization"] = f"Bearer {kept}"
        assert other.get("/api/v1/space/session").status_code == 401
    with live.client(**PAGE) as other:
        sign_in(other, cast.citizen.person.code)
        other.cookies.set("lt_kiosk", other.cookies["lt_space"])
        assert other.get("/kiosk/licences").headers["location"] == "/kiosk?over=true"
    company = cast.representative.company
    assert company is not None
    [theirs, *_] = live.services.register.holdings(company.code)
    for path in (f"/kiosk/licences/{theirs.licence_id}", f"/kiosk/licences/{theirs.licence_id}/face.png"):
        assert terminal.get(path).status_code == 404
    assert terminal.get("/kiosk/licences/%00").status_code in (404, 422)


def test_a_session_ends_by_itself(live: Live, cast: People) -> None:
    from licence_store.holding.sessions import HolderSessions
    from trust.errors import Unauthenticated

    spaces, person = live.services.spaces, cast.citizen.person
    identity = Identity("demonstration", "kiosk-test", person, 1, live.services.clock())
    token = spaces.open(identity, channel="kiosk", length=timedelta(minutes=5))
    for minutes, good in ((4, True), (6, False)):
        later = HolderSessions(
            spaces.sessions,
            spaces.delegations,
            lambda: live.services.clock() + timedelta(minutes=minutes),  # noqa: B023
        )
        try:
            assert later.find(token, "kiosk").holder == person and good
        except Unauthenticated:
            assert not good


def test_whoever_changes_their_mind_is_back_at_the_terminal(live: Live, terminal: httpx.Client, cast: People) -> None:
    out = terminal.get("/kiosk/start")
    form = {**hidden(terminal.get(out.headers["location"]).text), "act": "deny"}
    back = terminal.get(terminal.post("/test-idp/authorize", data=form).headers["location"])
    assert back.headers["location"] == "/kiosk?failed=true"
    assert "没有登录成功" in terminal.get("/kiosk?failed=true").text
    assert terminal.get("/kiosk/start?by=nobody").status_code == 404
    terminal.get("/space/sign-in/start")  # an ordinary sign-in from here on is an ordinary one
    assert "lt_kiosk_way" not in terminal.cookies


def test_a_code_is_read_without_signing_in(live: Live, terminal: httpx.Client, cast: People) -> None:
    [one, *_] = live.services.register.holdings(cast.citizen.person.code)
    address = f"{live.services.settings.base_url}/v/{one.licence_id}"
    for code in (one.licence_id, address, f" {address}\r\n"):
        page = terminal.get("/kiosk/check", params={"code": code})
        assert page.status_code == 200 and one.issuer_name in page.text, page.text[:300]
        assert cast.citizen.person.name not in page.text and cast.citizen.person.code not in page.text
    for silly in ("x", "\x00", "1.2.156.3005.2.1", "长" * 500, "https://elsewhere.example/v/x", "<script>"):
        page = terminal.get("/kiosk/check", params={"code": silly})
        assert page.status_code == 404 and "没有查到这份证照" in page.text and "<script>x" not in page.text
    assert terminal.get("/kiosk/check", params={"code": "x" * 3000}).status_code == 422
    assert terminal.get("/kiosk/check").status_code == 200
