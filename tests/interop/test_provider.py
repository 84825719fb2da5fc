"""An identity provider that is not ours: npm ``oidc-provider`` at a fixed version signs people in to the space.

It says who somebody is at its userinfo endpoint alone, by names of its own, and signs with RS256.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import httpx
import pytest

from api.testidp.people import sample_people
from licence_store.holding.holder import Holder
from tests.interop.programs import missing, program, run
from tests.journeys.conftest import Live, made_demo, serving  # noqa: F401  a fixture
from tests.journeys.holders import hidden

pytestmark = pytest.mark.long
PROVIDER = Path(__file__).parent / "provider"
PAGE = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def package(pytestconfig: pytest.Config) -> Path:
    """The provider with all it needs, fetched once by npm as the lock file says."""
    place = pytestconfig.cache.mkdir("oidc-provider")
    for one in PROVIDER.iterdir():
        shutil.copy(one, place)
    if not (place / "node_modules").is_dir():
        try:
            run(program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", cwd=place)
        except AssertionError:
            missing("oidc-provider of the npm registry")
    return place


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def provider(package: Path, port: int, live: Live, person: Holder, way: str) -> Iterator[None]:
    """The provider of others, for people who come from ``live``."""
    command = [
        program("node"), "server.mjs", str(port), f"{live.url}/space/sign-in/callback/others",
        f"{live.url}/space/signed-out", f"{live.url}/kiosk",
    ]  # fmt: skip
    settings = {"CERT_NO": person.code, "REAL_NAME": person.name, "AUTH": way}
    with subprocess.Popen(command, cwd=package, env={**os.environ, **settings}, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        try:
            assert process.stderr is not None
            while (line := process.stderr.readline()) and line.strip() != "up":
                time.sleep(0)
            assert line, "the provider did not start"
            yield
        finally:
            process.kill()


@pytest.fixture(scope="module", params=["client_secret_basic", "client_secret_post"])
def live(
    request: pytest.FixtureRequest,
    package: Path,
    made_demo: Path,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Live]:
    place, port = Path(shutil.copytree(made_demo, tmp_path_factory.mktemp("others") / "region")), free_port()
    entry = {
        "key": "others", "title": "外部提供方", "issuer": f"http://127.0.0.1:{port}", "client_id": "zz",
        "client_secret": "a secret of the tests", "levels": {"L1": 1, "L2": 2, "L3": 3},
        "claims": {"code": "cert_no", "code_type": "cert_type", "name": "real_name"},
    }  # fmt: skip
    (place / "providers.json").write_text(json.dumps([entry]), encoding="utf-8")
    with serving(place, oidc_providers="providers.json", public_rate=0) as one:
        person = sample_people(one.services.desk)[0].person
        with provider(package, port, one, person, request.param):
            yield one


def follow(client: httpx.Client, start: str) -> httpx.Response:
    """As a browser goes, from ``start`` to the provider and back, until we send it on within our pages."""
    answer = client.get(start)
    for _ in range(12):
        if answer.status_code not in (302, 303) or "/space/sign-in/callback/" in str(answer.url):
            break
        answer = client.get(str(answer.url.join(answer.headers["location"])))
    return answer


def test_signed_in_stepped_up_and_signed_out(live: Live) -> None:
    person = sample_people(live.services.desk)[0].person
    with live.client(**PAGE) as client:
        back = follow(client, "/space/sign-in/start?by=others&next=/space/account")
        assert (back.status_code, back.headers["location"]) == (303, "/space/account"), back.text[:2000]
        page = client.get("/space/account").text
        assert person.name in page and "外部提供方" in page and "一级" in page
        assert client.get("/space/delegations/give").headers["location"].startswith("/space/step-up")
        assert follow(client, "/space/step-up/start?level=2&next=/space/account").status_code == 303
        assert "二级" in client.get("/space/account").text
        assert client.get("/space/delegations/give").status_code == 200
        gone = client.post("/space/sign-out", data={"csrf": hidden(client.get("/space/account").text)["csrf"]})
        leave = re.search(r'href="(http://127[^"]+/session/end[^"]+)"', client.get(gone.headers["location"]).text)
        assert leave and client.get(unescape(leave[1])).status_code == 200  # it asks, and so it should: we name nobody


def test_a_terminal_asks_anew_and_leaves_nobody_before_a_question(live: Live) -> None:
    """This provider asks whoever signs out: a terminal does not go there, and has it ask the next person who they are."""
    with live.client(**PAGE) as client:
        assert follow(client, "/kiosk/start?by=others").headers["location"] == "/kiosk/licences"
        assert client.get("/kiosk/licences").status_code == 200
        assert client.get("/kiosk/end").headers["location"] == "/kiosk?over=true"
        out = client.get("/kiosk/start?by=others")
        asked = client.get(out.headers["location"])
        assert "/interaction/" in asked.headers["location"]  # not by the session it has
