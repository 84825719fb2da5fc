"""受托人: somebody who acts for certain licence types or service items only reaches nothing beyond them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from api.holder_deps import SPACE_COOKIE
from licence_store.holding.holder import Holder
from licence_store.holding.terms import Terms
from licence_store.ledger.ledger import UseFilter
from tests.journeys.apart import Household, household, signed_in
from tests.journeys.conftest import Live
from tests.licence_store.uploads import makers

AGENT = Holder("X7766554", "999", "经办人")
TEACHER = "11990000MB0D000292001"


@pytest.fixture(scope="module")
def whose(live: Live) -> Household:
    return household(live.services, "teacher-certificate", 11)


@pytest.fixture(scope="module")
def paper(live: Live, whose: Household) -> dict[str, str]:
    """What is of no licence type: a material, and an upload that is none yet."""
    desk = live.services.desk
    session = live.services.spaces.find(signed_in(live.services, whose.holder))
    one, two = (
        desk.uploads.accept("a.jpg", makers.jpeg(), owner=whose.holder.code, kind="self_made", actor=session.actor())
        for _ in range(2)
    )
    return {"material": desk.materials.add(session, one, kind="self_made", title="决议").id, "upload": two.id}


class Agent:
    """The delegate in a browser and through a portal."""

    def __init__(self, live: Live, whose: Household, rights: str, *, types: str = "*", items: str = "*") -> None:
        desk, now = live.services.desk, live.services.clock()
        session = live.services.spaces.find(signed_in(live.services, whose.holder))
        terms = Terms(frozenset(rights.split()), now, now + timedelta(days=1), frozenset([types]), frozenset([items]))
        made = desk.delegations.grant(session, AGENT, terms)
        token, bearer = signed_in(live.services, AGENT), signed_in(live.services, AGENT, "http")
        live.services.spaces.act_for(token, made.id)
        live.services.spaces.act_for(bearer, made.id)
        self.page = live.client()
        self.page.cookies.set(SPACE_COOKIE, token)
        self.portal = live.client(Authorization=f"Bearer {bearer}")

    def get(self, path: str) -> httpx.Response:
        return (self.portal if path.startswith("/api/") else self.page).get(path)


@pytest.fixture
def agents() -> Iterator[list[Agent]]:
    made: list[Agent] = []
    yield made
    for one in made:
        one.page.close()
        one.portal.close()


BEYOND = [
    ("/space/materials/{material}", 403),
    ("/space/copies/new?item={material}", 403),
    ("/api/v1/space/materials/{material}", 403),
    ("/api/v1/space/materials/{material}/content", 403),
    ("/api/v1/space/materials/{material}/pages/1.png", 403),
    ("/api/v1/space/materials/{material}/provenance", 403),
    ("/api/v1/space/uploads/{upload}", 404),
    ("/api/v1/space/uploads/{upload}/content", 404),
    ("/api/v1/space/uploads/{upload}/pages/1.png", 404),
]
LISTS = ["/space", "/space/materials", "/space/copies/new", "/api/v1/space/materials", "/api/v1/space/uploads"]


def test_who_acts_for_some_types_sees_nothing_of_no_type(
    live: Live, whose: Household, paper: dict[str, str], agents: list[Agent]
) -> None:
    limited, whole = (Agent(live, whose, "view use upload", types=one) for one in (TEACHER, "*"))
    agents += [limited, whole]
    for path, status in BEYOND:
        at = path.format(**paper)
        assert limited.get(at).status_code == status, path
        assert whole.get(at).status_code in (200, 401, 303), path
    for path in LISTS:
        seen = limited.get(path)
        assert not [one for one in paper.values() if one in seen.text], path
    assert paper["material"] in whole.get("/space/materials").text
    deleted = limited.portal.delete(f"/api/v1/space/uploads/{paper['upload']}", headers={"Idempotency-Key": "x"})
    assert deleted.status_code == 404


def test_who_acts_for_a_service_item_presents_nothing_for_whatever_else(
    live: Live, whose: Household, agents: list[Agent]
) -> None:
    agents += [Agent(live, whose, "view use", items="某事项"), Agent(live, whose, "view use")]
    path = f"/space/licences/{whose.licence_id}/present"
    assert [one.get(path).status_code for one in agents] == [403, 200]
    asked = {"licence_id": whose.licence_id}
    answers = [
        one.portal.post("/api/v1/space/presentations", json=asked, headers={"Idempotency-Key": f"item-{at}"})
        for at, one in enumerate(agents)
    ]
    assert [one.status_code for one in answers] == [403, 201]


def test_who_may_only_look_is_led_to_no_dispute_and_opens_none(
    live: Live, whose: Household, agents: list[Agent]
) -> None:
    agents += [Agent(live, whose, "view"), Agent(live, whose, "view use")]
    licence, entry = f"/space/licences/{whose.licence_id}", f"/space/ledger/{whose.ids['seq']}"
    for page, link in ((licence, f"{licence}/dispute"), ("/space/ledger", f"{entry}/dispute")):
        assert [link in one.get(page).text for one in agents] == [False, True], page
        assert [one.get(link).status_code for one in agents] == [403, 200], link
    for at, asked in enumerate(({"entry": int(whose.ids["seq"])}, {"licence_id": whose.licence_id})):
        body, key = {"words": "x", **asked}, {"Idempotency-Key": f"look-{at}"}
        answer = agents[0].portal.post("/api/v1/space/disputes", json=body, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (403, "holder.right")
    assert agents[0].get("/space/disputes").status_code == 200


@pytest.mark.parametrize("path", ["/space/licences/{licence}/present", "/space/copies/new?item={licence}"])
def test_a_face_on_the_way_to_something_else_is_a_look(live: Live, agents: list[Agent], path: str) -> None:
    whose = household(live.services, "nurse-certificate", 12 + len(path))
    agents.append(Agent(live, whose, "use"))
    token = live.services.spaces.find(agents[0].page.cookies[SPACE_COOKIE])
    proved = token.proves(2, live.services.clock())
    before = live.services.desk.ledger.head(whose.holder.code).count
    answer = agents[0].get(path.format(licence=whose.licence_id))
    assert proved and answer.status_code == 200
    [entry] = live.services.desk.ledger.page(whose.holder.code, limit=1).entries
    assert (entry.seq, entry.act, entry.who) == (before + 1, "view", AGENT.masked_name)


def test_the_holder_reads_who_looked_at_a_material_for_them(
    live: Live, whose: Household, paper: dict[str, str], agents: list[Agent]
) -> None:
    agents.append(Agent(live, whose, "view"))
    assert agents[0].get(f"/api/v1/space/materials/{paper['material']}/content").status_code == 200
    asked = UseFilter(subject=paper["material"])
    told = {(one.act, one.who) for one in live.services.desk.ledger.page(whose.holder.code, filters=asked).entries}
    assert ("download", AGENT.masked_name) in told
