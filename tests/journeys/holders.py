"""Signing in to the space as anybody would: through the demonstration provider's pages."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlsplit

import httpx

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
