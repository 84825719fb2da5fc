"""The published list says what the register says, and is made anew when there is news."""

from __future__ import annotations

import pytest

from seal.database import Sessions
from seal.lifecycle import State
from seal.status import SealStatusPublisher
from tests.seal.seal_world import KEEPER, World
from trust.path import check_published
from trust.seal_status import load_seal_status_list


@pytest.fixture
def world(sessions: Sessions) -> World:
    return World(sessions)


@pytest.fixture
def publisher(world: World) -> SealStatusPublisher:
    return SealStatusPublisher(world.sessions, lambda: world.authority.publisher, "990000", lambda: world.now)


def test_list_and_register_agree(world: World, publisher: SealStatusPublisher) -> None:
    seals = {state: world.seal(state) for state in State if state is not State.NONE}
    published = load_seal_status_list(publisher.publish())
    check_published(published.document, world.store, published.issued_at, known_at=world.now)
    moment = world.now
    for state, seal_id in seals.items():
        history = published.history(seal_id)
        assert (history is not None) == bool(state.published), state
        if history is not None:
            assert history.at(moment) == world.register.status(seal_id, moment)
            digest = world.register.view(seal_id).summary.digest
            assert history.at(moment, digest) == world.register.status(seal_id, moment, digest=digest)


def test_made_anew_when_there_is_news(world: World, publisher: SealStatusPublisher) -> None:
    seal_id = world.seal()
    first = publisher.publish()
    world.forward(seconds=59)
    world.register.freeze(KEEPER, seal_id, reason="x")
    assert publisher.publish() == first
    world.forward(seconds=2)
    second = publisher.publish()
    assert load_seal_status_list(second).history(seal_id).at(world.now).state == "FROZEN"  # type: ignore[union-attr]
    world.forward(hours=5)
    assert publisher.publish() == second
    world.forward(hours=2)
    assert publisher.publish() != second
