"""Licences that go from one region to another, on both engines, in both directions."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from licence_store.desk import Desk, DeskSettings
from licence_store.transferring.records import COMPLETED, CONSENTED, RELEASED
from tests.licence_store.transferring.two_regions import TwoRegions, two_regions
from trust.errors import LicenceTrustError
from trust.journal import SYSTEM


@pytest.fixture(params=["out", "in"])
def two(
    request: pytest.FixtureRequest, settings: DeskSettings, made_other: Path, tmp_path: Path
) -> Iterator[TwoRegions]:
    """The region on either engine gives away, or takes over."""
    other = DeskSettings(Path(shutil.copytree(made_other, tmp_path / "other")), durable=False)
    pair = (settings, other) if request.param == "out" else (other, settings)
    with two_regions(*pair) as made:
        yield made


def consent(two: TwoRegions, seed: int = 1) -> tuple[str, str]:
    issued, data = two.issue(seed)
    view = two.target.transfers.consent(data, None, two.officer(two.target), reason="持证者申请迁入")
    return view.id, issued.licence_id


def state_of(desk: Desk, licence_id: str) -> str:
    return desk.register.find(licence_id).state


def test_a_licence_goes_to_another_region(two: TwoRegions) -> None:
    transfer, old = consent(two)
    asked = two.origin.transfers.get(transfer)
    assert (asked.state, asked.direction, asked.unsent) == (CONSENTED, "out", "")
    assert state_of(two.origin, old) == "CURRENT"

    out = two.origin.transfers.release(transfer, two.officer(two.origin), reason="迁往外地", basis="〔2026〕1号")
    assert (out.state, out.unsent) == (RELEASED, "") and state_of(two.origin, old) == "TRANSFERRED"
    two.clock.forward(seconds=40)

    done = two.target.transfers.issue(transfer, two.officer(two.target))
    assert done.state == COMPLETED and state_of(two.target, done.successor) == "CURRENT"
    told = two.origin.transfers.get(transfer)
    assert (told.state, told.successor) == (COMPLETED, done.successor)
    assert set(told.papers) == {"consent", "release", "receipt"}

    # both histories show it, and the successor's message names the file it follows
    last = two.origin.register.events(old)[-1]
    assert last.kind == "transfer_out" and transfer in last.basis and two.target.region.code in last.basis
    first = two.target.register.events(done.successor)[0]
    assert transfer in first.reason
    lineage = two.target.register.find(done.successor).message.lineage
    assert lineage is not None and (lineage.kind, lineage.predecessor_id) == ("transfer", old)
    assert lineage.predecessor_digest == asked.file_digest


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(LicenceTrustError) as error:
        act()
    return error.value.code


def test_what_is_refused(two: TwoRegions) -> None:
    ours, theirs = two.officer(two.origin), two.officer(two.target)
    issued, data = two.issue(5)
    out, taken = two.origin.transfers, two.target.transfers

    assert refused(lambda: out.consent(data, None, ours, reason="x")) == "transfer.same_region"
    assert refused(lambda: taken.consent(data + b"x", None, theirs, reason="x")) == "transfer.original"
    assert refused(lambda: taken.consent(data, None, theirs, reason=" ")) == "licence.reason_missing"
    two.entitle(two.origin, "11990000MB0D000105999")
    assert refused(lambda: taken.consent(data, None, theirs, reason="x")) == "transfer.original"
    two.entitle(two.origin, "*")
    two.entitle(two.target, "11990000MB0D000105999")
    assert refused(lambda: taken.consent(data, None, theirs, reason="x")) == "transfer.not_entitled"
    two.entitle(two.target, "*")

    transfer = taken.consent(data, None, theirs, reason="迁入").id
    paper = taken.paper(transfer, "consent")
    assert refused(lambda: taken.receive(paper, SYSTEM)) in ("transfer.other_region", "transfer.other_paper")
    forged = paper.replace(transfer.encode(), b"tr-" + b"0" * 24)
    assert refused(lambda: out.receive(forged, SYSTEM)) == "transfer.untrusted"
    assert refused(lambda: out.receive(b"{}", SYSTEM)) == "transfer.malformed"
    assert out.receive(paper, SYSTEM).state == CONSENTED  # again: nothing changes
    assert refused(lambda: taken.issue(transfer, theirs)) == "transfer.state"
    two.entitle(two.target, "11990000MB0D000105999")  # the right has gone meanwhile
    assert refused(lambda: out.release(transfer, ours, reason="迁出")) == "transfer.not_entitled"
    assert state_of(two.origin, issued.licence_id) == "CURRENT"
    two.entitle(two.target, "*")

    two.wire.silent.add("https://target.example.test")
    released = out.release(transfer, ours, reason="迁出")
    assert (released.unsent, released.failure) == ("release", "fetch.unreachable")
    assert out.release(transfer, ours, reason="迁出").state == RELEASED
    two.wire.silent.clear()
    assert out.send(transfer).unsent == "" and taken.get(transfer).state == RELEASED
    two.clock.forward(seconds=40)
    successor = taken.issue(transfer, theirs).successor
    assert taken.issue(transfer, theirs).successor == successor
    assert refused(lambda: out.decline(transfer, ours, reason="x")) == "transfer.state"


def test_a_decline_leaves_everything_as_it_was(two: TwoRegions) -> None:
    transfer, old = consent(two, 6)
    two.origin.transfers.decline(transfer, two.officer(two.origin), reason="另有案件未结")
    assert two.target.transfers.get(transfer).state == "declined" and state_of(two.origin, old) == "CURRENT"


def test_a_consent_expires(two: TwoRegions) -> None:
    transfer, _ = consent(two, 7)
    two.clock.forward(days=31)
    two.believe()
    code = refused(lambda: two.origin.transfers.release(transfer, two.officer(two.origin), reason="x"))
    assert code in ("transfer.expired", "transfer.list_expired")
