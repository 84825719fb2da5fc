"""What may go wrong with a transfer, as a table: there are never two licences in force, and no promise is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from licence_store.desk import DeskSettings
from licence_store.transferring.leaving import leave
from licence_store.transferring.records import COMPLETED, DECLINED, RELEASED
from tests.licence_store.transferring.two_regions import TwoRegions, two_regions
from trust.errors import LicenceTrustError
from trust.journal import SYSTEM

ORIGIN, TARGET = "https://origin.example.test", "https://target.example.test"


@pytest.fixture
def two(settings: DeskSettings, made_other: Path, tmp_path: Path) -> Iterator[TwoRegions]:
    """The region that gives away is on either engine."""
    other = DeskSettings(Path(shutil.copytree(made_other, tmp_path / "other")), durable=False)
    with two_regions(settings, other) as made:
        yield made


@dataclass
class Case:
    """One licence on its way."""

    two: TwoRegions
    old: str
    data: bytes
    id: str = ""

    def consent(self) -> str:
        two = self.two
        self.id = two.target.transfers.consent(self.data, None, two.officer(two.target), reason="迁入").id
        return self.id

    def release(self) -> str:
        two = self.two
        return two.origin.transfers.release(self.id, two.officer(two.origin), reason="迁出").state

    def decline(self) -> str:
        two = self.two
        return two.origin.transfers.decline(self.id, two.officer(two.origin), reason="另有案件").state

    def issue(self) -> str:
        self.two.clock.forward(seconds=61)
        return self.two.target.transfers.issue(self.id, self.two.officer(self.two.target)).state

    def mark(self, step: str) -> None:
        self.two.origin.life.take(self.old, step, self.two.officer(self.two.origin), reason="查处")

    def revise(self) -> None:
        self.two.origin.reviser.revise(
            self.old, {"address": "新址路9号"}, self.two.officer(self.two.origin), reason="迁址"
        )

    def leave(self, to: str) -> str:
        leave(self.two.origin, self.old, self.two.officer(self.two.origin), to=to, reason="迁出", basis="〔2026〕5号")
        return self.two.origin.register.events(self.old)[-1].basis

    def states(self) -> tuple[str, str, str]:
        """The old licence, the transfer as the one region and as the other has it."""
        known = [desk.transfers.get(self.id).state if self.id else "" for desk in (self.two.origin, self.two.target)]
        return self.two.origin.register.find(self.old).state, known[0], known[1]


def code_of(act: Callable[[], object]) -> str:
    """Of the refusal; what was answered where there is none."""
    try:
        return str(act())
    except LicenceTrustError as error:
        return error.code


def _suspended_before(one: Case) -> list[str]:
    one.mark("suspend")
    return [code_of(one.consent)]


def _suspended_meanwhile(one: Case) -> list[str]:
    one.consent()
    one.mark("suspend")
    held = code_of(one.release)
    one.mark("resume")
    return [held, code_of(one.release), code_of(one.issue)]


def _revoked_meanwhile(one: Case) -> list[str]:
    one.consent()
    one.mark("revoke")
    return [code_of(one.release), code_of(one.decline)]


def _revised_meanwhile(one: Case) -> list[str]:
    one.consent()
    one.revise()
    return [code_of(one.release), code_of(one.decline)]


def _declined(one: Case) -> list[str]:
    one.consent()
    first = one.id
    told = [code_of(one.decline), code_of(one.decline), code_of(one.release), code_of(one.issue)]
    return [*told, str(one.consent() != first), code_of(one.release), code_of(one.issue)]


def _release_on_its_way_for_long(one: Case) -> list[str]:
    """Made in time, it counts also when the consent has expired since; so does the receipt."""
    one.consent()
    one.two.wire.silent.add(TARGET)
    told = [code_of(one.release)]
    one.two.clock.forward(days=32)
    one.two.believe()
    one.two.wire.silent.clear()
    one.two.wire.silent.add(ORIGIN)
    released = one.two.origin.transfers.paper(one.id, "release")
    told += [one.two.target.transfers.receive(released, SYSTEM).state, code_of(one.issue)]
    one.two.clock.forward(days=20)
    one.two.believe()
    told.append(one.two.origin.transfers.get(one.id).state)
    one.two.wire.silent.clear()
    return [*told, one.two.target.transfers.send(one.id).unsent]


def _receipt_twice_and_another(one: Case) -> list[str]:
    one.consent()
    one.release()
    one.issue()
    receipt = one.two.target.transfers.paper(one.id, "receipt")
    take = one.two.origin.transfers.receive
    return [code_of(lambda: take(receipt, SYSTEM).state) for _ in range(2)]


def _expired(one: Case) -> list[str]:
    one.consent()
    first = one.id
    one.two.clock.forward(days=31)
    one.two.believe()
    told = [code_of(one.release)]
    return [*told, str(one.consent() != first), code_of(one.release), code_of(one.issue)]


def _receiver_gone_from_the_list(one: Case) -> list[str]:
    one.consent()
    whole = one.two.listed.regions
    one.two.believe(regions=tuple(entry for entry in whole if entry.code != one.two.target.region.code))
    told = [code_of(one.release), code_of(one.decline)]
    one.two.believe(regions=whole)
    return [*told, one.two.origin.transfers.send(one.id).unsent]


def _rights_ended_after_the_release(one: Case) -> list[str]:
    """The promise holds: what was sealed while the right was there stays sound."""
    one.consent()
    one.release()
    one.two.clock.forward(seconds=5)
    for desk in (one.two.origin, one.two.target):
        one.two.entitle(desk, "*", until=one.two.clock())
    told = [code_of(one.issue)]
    for desk in (one.two.origin, one.two.target):
        one.two.entitle(desk, "*")
    return told


def _origin_struck_out_after_the_release(one: Case) -> list[str]:
    """As if it had never had the right: nothing follows such a licence, until the list says otherwise again."""
    one.consent()
    one.release()
    one.two.entitle(one.two.origin, "11990000MB0D000105999")
    told = [code_of(one.issue)]
    one.two.entitle(one.two.origin, "*")
    return [*told, code_of(one.issue)]


def _list_expired(one: Case) -> list[str]:
    one.consent()
    end = one.two.clock() + timedelta(minutes=1)
    one.two.believe(next_update=end)
    one.two.clock.forward(minutes=10)
    told = [code_of(one.release)]
    one.two.believe(issued_at=one.two.clock() - timedelta(minutes=1))
    return [*told, code_of(one.release), code_of(one.issue)]


def _without_papers(one: Case) -> list[str]:
    target = one.two.target.region.code
    told = [code_of(lambda to=to: one.leave(to)) for to in ("", "12000", "１２００００", target, f"{target[:2]}0105",
                                                             one.two.origin.region.code)]  # fmt: skip
    one.consent()
    told.append(code_of(lambda: one.leave("650000")))
    one.decline()
    told.append(code_of(lambda: one.leave("650000")))
    one.two.clock.forward(seconds=61)
    return [*told, code_of(one.consent)]


END = ("TRANSFERRED", COMPLETED, COMPLETED)
ROWS: list[tuple[Callable[[Case], list[str]], list[str], tuple[str, str, str]]] = [
    (_suspended_before, ["transfer.original"], ("SUSPENDED", "", "")),
    (_suspended_meanwhile, ["licence.step", RELEASED, COMPLETED], END),
    (_revoked_meanwhile, ["licence.step", DECLINED], ("REVOKED", DECLINED, DECLINED)),
    (_revised_meanwhile, ["transfer.changed", DECLINED], ("CURRENT", DECLINED, DECLINED)),
    (_declined, [DECLINED, DECLINED, "transfer.state", "transfer.state", "True", RELEASED, COMPLETED], END),
    (_release_on_its_way_for_long, [RELEASED, RELEASED, COMPLETED, RELEASED, ""], END),
    (_receipt_twice_and_another, [COMPLETED, COMPLETED], END),
    (_expired, ["transfer.expired", "True", RELEASED, COMPLETED], END),
    (_receiver_gone_from_the_list, ["transfer.not_entitled", DECLINED, ""], ("CURRENT", DECLINED, DECLINED)),
    (_rights_ended_after_the_release, [COMPLETED], END),
    (_origin_struck_out_after_the_release, ["transfer.original", COMPLETED], END),
    (_list_expired, ["transfer.list_expired", RELEASED, COMPLETED], END),
    (
        _without_papers,
        [
            *["transfer.to"] * 3, "transfer.papers_needed", "transfer.papers_needed", "transfer.to_own",
            "transfer.consent_open", "〔2026〕5号 转往 650000（不在信任列表上，无接收函）", "transfer.original",
        ],
        ("TRANSFERRED", DECLINED, DECLINED),
    ),
]  # fmt: skip


def test_what_may_go_wrong(two: TwoRegions) -> None:
    for seed, (act, told, states) in enumerate(ROWS, 40):
        issued, data = two.issue(seed)
        one = Case(two, issued.licence_id, data)
        assert act(one) == told, act.__name__
        assert one.states() == states, act.__name__
        in_force = [one.two.origin.register.find(one.old).state] + [
            two.target.register.find(view.successor).state
            for view in two.target.transfers.list(state=COMPLETED) if view.licence_id == one.old
        ]  # fmt: skip
        assert in_force.count("CURRENT") <= 1, act.__name__
