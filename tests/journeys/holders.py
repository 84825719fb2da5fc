"""Signing in to the space as anybody would: through the demonstration provider's pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from api.testidp.people import DemoPerson, sample_people

if TYPE_CHECKING:
    from tests.journeys.conftest import Live

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


def hidden(html: str) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    return {name: unescape(value) for name, value in _HIDDEN.findall(html)}


def sign_in(
    client: httpx.Client, code: str, *, name: str = "", level: int = 1, target: str = "/space"
) -> httpx.Response:
    """Sign ``client`` in as the person with this number, or as the legal representative of this company; answers the
    redirect onward. ``client`` keeps the cookies.
    """
    return _prove(client, f"/space/sign-in/start?next={target}", code, name, level)


def step_up(client: httpx.Client, code: str, *, level: int = 2, target: str = "/space") -> httpx.Response:
    """Prove the same identity again, better."""
    return _prove(client, f"/space/step-up/start?level={level}&next={target}", code, "", level)


def _prove(client: httpx.Client, start: str, code: str, name: str, level: int) -> httpx.Response:
    out = client.get(start)
    assert out.status_code == 303, out.text
    asked = client.get(out.headers["location"], headers={"Accept": "text/html"})
    assert asked.status_code == 200, asked.text
    form = {**hidden(asked.text), "level": f"loa{level}", "other_code": code, "name": name}
    granted = client.post(f"{_path(str(asked.url))}", data=form)
    assert granted.status_code == 303, granted.text
    return client.get(granted.headers["location"])


def act_for(client: httpx.Client, key: str) -> httpx.Response:
    """Act for a company (its code) or by a delegation (its id); empty: for oneself."""
    page = client.get("/space/switch", headers={"Accept": "text/html"})
    return client.post("/space/switch", data={"csrf": hidden(page.text)["csrf"], "key": key, "next": "/space"})


def _path(url: str) -> str:
    return urlsplit(url).path


@dataclass(frozen=True)
class People:
    """Of the demonstration."""

    citizen: DemoPerson
    representative: DemoPerson
    agent: DemoPerson


@pytest.fixture(scope="module")
def cast(live: Live) -> People:
    found = sample_people(live.services.desk)
    return People(found[0], next(one for one in found if one.company), found[-1])


@contextmanager
def portal(live: Live, cast: People, *, level: str = "loa2", **changed: object) -> Iterator[tuple[httpx.Client, str]]:
    """A portal with an id token of somebody's."""
    provider = live.services.demonstration_provider
    assert provider is not None
    person = cast.representative.person
    company = cast.representative.company
    assert company is not None
    now = int(live.services.clock().timestamp())
    claims: dict[str, object] = {
        "iss": f"{live.url}/test-idp",
        "sub": "portal-subject",
        "aud": "licence-trust",
        "auth_time": now,
        "acr": level,
        "name": person.name,
        "identity_code": person.code,
        "legal_person": {"code": company.code, "name": company.name, "role": "legal_representative"},
        **changed,
    }
    with live.client() as client:
        yield client, provider.id_token(claims)
