"""Seals of the register on documents somebody brings: who may, what may be sealed, what the ledger says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from licence_store.desk import Desk
from licence_store.stamping import Marks, Stamper
from seal.lifecycle import Official, Role
from seal.ofd.package import open_package
from seal.records import NewSeal, Permission
from seal.sealing import SealedOFD
from tests.licence_store.test_resealing import APPROVER, BASIS, KEEPER, SEAL, USER, issue, renew_key
from tests.verify import world
from tests.verify.test_several_seals import form
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Malformed, Refused, Unavailable
from trust.journal import Actor
from verify.report import Indication

MARKET = "99000000000001"
COMPANY = "91990000MA00000029"
HOLDER = Official(Actor("li"), Role.HOLDER, COMPANY)


def code(desk: Desk, who: Official, content: bytes, seal_id: str = SEAL, marks: Marks | None = None) -> str:
    """The code of the refusal; the journal's last entry has it too, and the ledger has nothing."""
    before = len(desk.seal_register.uses(seal_id))
    with pytest.raises(LicenceTrustError) as met:
        desk.stamper.stamp(who, seal_id, content, marks)
    assert len(desk.seal_register.uses(seal_id)) == before
    from sqlalchemy import select

    from licence_store.models import JournalEntry

    with desk.sessions.read() as session:
        last = session.execute(select(JournalEntry).order_by(JournalEntry.seq.desc()).limit(1)).scalar_one()
    assert (last.action, last.subject, last.result) == ("seal.use", seal_id, met.value.code)
    return met.value.code


def test_an_officer_seals_a_form(desk: Desk) -> None:
    brought = form()
    sealed = desk.stamper.stamp(USER, SEAL, brought, Marks(((1, 130, 200),)), reason="随申请提交")
    report = desk.verifier().verify(sealed.data)
    assert report.indication is Indication.PASSED
    [use] = desk.seal_register.uses(SEAL)
    assert (use.document, use.subject) == (sm3(sealed.data).hex(), f"sm3:{sm3(brought).hex()}")
    assert (use.officer, use.department, use.type_code, use.used) == ("zhang", "education", "", sealed.signed_at)
    assert desk.resealer.affected(SEAL) == []


def test_two_seals_one_after_the_other(desk: Desk) -> None:
    market = Official(Actor("wang", "market"), Role.OFFICER)
    first = desk.stamper.stamp(USER, SEAL, form())
    second = desk.stamper.stamp(market, MARKET, first.data, Marks(((2, 20, 20),), cross_page=True))
    report = desk.verifier().verify(second.data)
    assert report.indication is Indication.PASSED
    assert [one.seal.id for one in report.signatures if one.seal] == [SEAL, MARKET]


def test_the_applicant_s_own_seal_by_the_applicant_only(desk: Desk) -> None:
    """An account is no holder yet; the act is ready for who is identified as one."""
    register = desk.seal_register
    wanted = NewSeal("演示公司合同专用章", "education", kind="contract", holder_kind="applicant", holder_name="演示公司",
                     holder_code=COMPANY)  # fmt: skip
    seal_id = register.apply(HOLDER, wanted, BASIS)
    register.approve(APPROVER, seal_id)
    register.make(KEEPER, seal_id, key_name=renew_key(desk))
    register.issue(KEEPER, seal_id)
    register.activate(HOLDER, seal_id)
    sealed = desk.stamper.stamp(HOLDER, seal_id, form())
    assert desk.verifier().verify(sealed.data).indication is Indication.PASSED
    assert code(desk, USER, form(), seal_id) == "seal.other_holder"
    assert code(desk, replace(HOLDER, holder_code="91990000MA0000003X"), form(), seal_id) == "seal.other_holder"
    assert code(desk, HOLDER, form()) == "seal.other_holder"


def test_refused_are_role_right_limit_and_state(desk: Desk) -> None:
    register = desk.seal_register
    assert code(desk, KEEPER, form()) == "seal.role"
    assert code(desk, Official(Actor("wang", "market"), Role.OFFICER), form()) == "seal.no_grant"
    assert code(desk, USER, form(), "99999999999999") == "seal.unknown"
    [grant] = register.view(SEAL).grants
    register.end_grant(KEEPER, SEAL, grant.id)
    typed = register.grant(KEEPER, SEAL, Permission(types=["11100000000013127D001"]))
    assert code(desk, USER, form()) == "seal.no_grant"
    register.end_grant(KEEPER, SEAL, typed)
    register.grant(KEEPER, SEAL, Permission(daily_limit=1))
    desk.stamper.stamp(USER, SEAL, form())
    assert code(desk, USER, form()) == "seal.daily_limit"
    register.freeze(KEEPER, SEAL, reason="盘点")
    assert code(desk, USER, form()) == "seal.not_active"


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        (Marks(((3, 1, 1),)), "stamping.page"),
        (Marks(((0, 1, 1),)), "stamping.page"),
        (Marks(((1, 1, 1),) * 101), "stamping.too_many"),
        (Marks(((1, 200, 1),)), "sealing.placement"),
        (Marks(((1, float("nan"), 1),)), "sealing.placement"),
        (Marks(cross_page=True, cross_y=290), "sealing.placement"),
    ],
)
def test_off_the_document(desk: Desk, marks: Marks, expected: str) -> None:
    assert code(desk, USER, form(), marks=marks) == expected


def test_what_cannot_be_sealed(desk: Desk) -> None:
    assert code(desk, USER, b"no package").startswith("package.")
    [issued] = issue(desk, 0)
    with pytest.raises(Refused) as met:
        desk.stamper.stamp(USER, SEAL, desk.files.get(issued.file_digest))
    assert met.value.code == "stamping.licence"
    sealed = desk.stamper.stamp(USER, SEAL, form()).data
    broken = sealed.replace(b"Seal.esl", b"Seal.esm")
    with pytest.raises((Refused, Malformed)):
        desk.stamper.stamp(USER, SEAL, broken)


def test_a_closed_document_stays_closed(desk: Desk) -> None:
    """A signature on it covers the list of signatures."""
    entries = dict(open_package(desk.stamper.stamp(USER, SEAL, form()).data).entries)
    [name] = [one for one in entries if one.endswith("/Signature.xml")]
    [listed] = [one for one in entries if one.endswith("/Signatures.xml")]
    more = f'<ofd:Reference FileRef="/{listed}"><ofd:CheckValue>AAAA</ofd:CheckValue></ofd:Reference></ofd:References>'
    entries[name] = entries[name].replace(b"</ofd:References>", more.encode())
    assert code(desk, USER, world.pack(entries)) == "sealing.closed"


def test_frozen_while_it_is_put_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    check = Stamper.check_output

    def freeze_then_check(self: Stamper, sealed: SealedOFD) -> None:
        desk.seal_register.freeze(KEEPER, SEAL, reason="盘点")
        check(self, sealed)

    monkeypatch.setattr(Stamper, "check_output", freeze_then_check)
    assert code(desk, USER, form()) == "seal.changed_meanwhile"


def test_what_fails_its_own_check_does_not_leave(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    seal = type(desk.stamper.sealer).seal

    def spoilt(*given: Any) -> SealedOFD:
        sealed = seal(*given)
        return SealedOFD(form(), sealed.signed_at)

    monkeypatch.setattr(type(desk.stamper.sealer), "seal", spoilt)
    with pytest.raises(Unavailable) as met:
        desk.stamper.stamp(USER, SEAL, form())
    assert met.value.code == "stamping.self_check"
    assert desk.seal_register.uses(SEAL) == []


def test_stopped_before_the_ledger_nothing_is_left(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Stamper, "record", stop)
        with pytest.raises(KeyboardInterrupt):
            desk.stamper.stamp(USER, SEAL, form())
    assert desk.seal_register.uses(SEAL) == []
    desk.stamper.stamp(USER, SEAL, form())
    assert len(desk.seal_register.uses(SEAL)) == 1
