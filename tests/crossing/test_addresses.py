"""A region cannot lead a node to addresses the trust list does not name, such as those of the node's own network."""

from __future__ import annotations

from pathlib import Path

import pytest

from licence_store.desk import now
from licence_store.region import Region
from tests.crossing.world import A, node
from tests.trust.http_server import Answer, running_server
from trust.errors import Unavailable
from trust.fetching import Exchange


def test_a_region_leads_nowhere_else(tmp_path: Path) -> None:
    Region.create(tmp_path / "A", A, "演示省", clock=now)
    with node(tmp_path / "A", A) as made, running_server() as peer, running_server() as inside:
        peer.answers["/list"] = Answer(302, headers={"Location": f"{inside.url}/latest/meta-data"})
        inside.answers["/latest/meta-data"] = Answer(body=b"{}")
        for fetcher in (made.desk.publications.fetcher, made.desk.guide.asker.fetcher):
            for body in (None, b"{}"):
                with pytest.raises(Unavailable) as met:
                    fetcher.fetch(Exchange(f"{peer.url}/list", body, "application/json"))
                assert met.value.code == "fetch.redirects"
        assert not inside.asked
