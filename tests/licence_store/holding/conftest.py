"""Made-up people, and the chapters under test on each engine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from api.testidp.people import made_up
from licence_store.holding.accounts import HolderAccounts, Identity
from licence_store.holding.closing import Closing
from licence_store.holding.delegation import Delegations
from licence_store.holding.holder import CREDIT_CODE, Holder, HolderSession
from licence_store.holding.sessions import HolderSessions
from licence_store.holding.terms import Terms
from seal.database import Sessions
from tests.licence_store.conftest import ToldClock

ANNA, BO, CHEN, DING, EMIN = (made_up(name, name) for name in ("安娜", "柏舟", "陈晨", "丁一", "阿依古丽·买买提"))
COMPANY = Holder("91990000MA49QUAQ2W", CREDIT_CODE, "演示省瀚海达热电有限公司")


@dataclass(frozen=True)
class Space:
    """The chapters of the space over one database."""

    clock: ToldClock
    sessions: Sessions
    accounts: HolderAccounts
    delegations: Delegations
    spaces: HolderSessions
    closing: Closing
    forgotten: list[str]

    def identity(self, person: Holder, assurance: int = 2, *offices: Holder) -> Identity:
        return Identity("https://id.example.cn", f"sub-{person.code}", person, assurance, self.clock(), offices)

    def signed_in(self, person: Holder, *offices: Holder) -> str:
        return self.spaces.open(self.identity(person, 2, *offices), address="192.0.2.1")

    def acting(self, person: Holder, company: Holder = COMPANY) -> HolderSession:
        """The legal representative acts for the company."""
        return self.spaces.act_for(self.signed_in(person, company), company.code)

    def by(self, person: Holder, delegation_id: str) -> HolderSession:
        return self.spaces.act_for(self.signed_in(person), delegation_id)

    def terms(self, *rights: str, days: float = 100, **given: frozenset[str]) -> Terms:
        now = self.clock()
        return Terms(frozenset(rights), now, now + timedelta(days=days), **given)


class Forgetful:
    """A chapter that keeps something of holders, for tests."""

    def __init__(self, forgotten: list[str]) -> None:
        self.forgotten = forgotten

    def forget(self, holder_code: str, actor: object) -> int:
        self.forgotten.append(holder_code)
        return 1


@pytest.fixture
def space(sessions: Sessions, clock: ToldClock) -> Space:
    delegations = Delegations(sessions, clock)
    forgotten: list[str] = []
    closing = Closing(sessions, delegations, lambda: (Forgetful(forgotten),), clock)
    spaces = HolderSessions(sessions, delegations, clock)
    return Space(clock, sessions, HolderAccounts(sessions, clock), delegations, spaces, closing, forgotten)
