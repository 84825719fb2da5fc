"""One version in several forms: made together, made later, served, found by the register, kept for the long term."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import select

from licence_store import forms
from licence_store.archiving import AHEAD, SETTLED
from licence_store.desk import Desk, open_desk
from licence_store.extras import IssueExtras
from licence_store.founding import DEPARTMENTS
from licence_store.further_forms import FurtherForms
from licence_store.issuance import Issuer
from licence_store.recovery import recover
from licence_store.reserving import IssuedLicence
from seal.models import SealUse
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Malformed, NotFound, Refused
from trust.journal import Actor
from verify.report import Indication

SLUG = "teacher-certificate"
OFFICER = Actor("zhang", next(one.id for one in DEPARTMENTS if one.type_slug == SLUG))
_SEEDS = count(4000)


def issue(desk: Desk, form: str, seed: int | None = None) -> IssuedLicence:
    record = next(desk.catalogue.get(SLUG).example_records(1, next(_SEEDS) if seed is None else seed))
    return desk.issuer.issue(SLUG, record, officer=OFFICER, extras=IssueExtras(forms=form))


def files(desk: Desk, licence_id: str) -> dict[str, str]:
    return dict(desk.register.forms(licence_id))


@pytest.mark.parametrize(("form", "expected"), [("ofd", ["ofd"]), ("pdf", ["pdf"]), ("both", ["ofd", "pdf"])])
def test_each_form_passes_and_is_the_register_s(desk: Desk, form: str, expected: list[str]) -> None:
    issued = issue(desk, form)
    held = files(desk, issued.licence_id)
    assert list(held) == expected
    assert held[expected[0]] == issued.file_digest
    view = desk.register.find(issued.licence_id)
    for one in expected:
        data = desk.register.file(view, one)
        assert sm3(data).hex() == held[one]
        report = desk.verifier().verify(data)
        assert report.indication is Indication.PASSED, report
        assert report.document["licence_id"] == issued.licence_id
    with desk.sessions.read() as session:
        uses = select(SealUse.document).where(SealUse.subject == issued.licence_id)
        assert sorted(session.execute(uses).scalars()) == sorted(held.values())


def test_the_forms_say_the_same(desk: Desk) -> None:
    from seal.ofd.package import Limits
    from verify.opening import open_document
    from verify.pdf.opening import open_pdf

    issued = issue(desk, "both")
    view = desk.register.find(issued.licence_id)

    ofd = open_document(desk.register.file(view, "ofd"), Limits()).message
    pdf = open_pdf(desk.register.file(view, "pdf")).message
    assert ofd is not None
    assert pdf is not None
    assert ofd.to_bytes() == pdf.to_bytes()


def test_the_lacking_form_is_made_once(desk: Desk) -> None:
    issued = issue(desk, "ofd")
    further = FurtherForms(desk.issuer)
    digest = further.ensure(issued.licence_id, "pdf", OFFICER)
    assert further.ensure(issued.licence_id, "pdf", OFFICER) == digest
    assert further.ensure(issued.licence_id, "ofd", OFFICER) == issued.file_digest
    assert files(desk, issued.licence_id) == {"ofd": issued.file_digest, "pdf": digest}
    with desk.sessions.read() as session:
        assert len(list(session.execute(select(forms.LicenceFile.number)))) == 1


def test_nobody_else_makes_it(desk: Desk) -> None:
    issued = issue(desk, "ofd")
    with pytest.raises(Refused) as caught:
        FurtherForms(desk.issuer).ensure(issued.licence_id, "pdf", replace(OFFICER, department="other"))
    assert caught.value.code == "licence.other_department"
    with pytest.raises(NotFound):
        FurtherForms(desk.issuer).ensure("1.2.156.3005.2.X", "pdf", OFFICER)


def test_what_is_absent_is_said(desk: Desk) -> None:
    issued = issue(desk, "pdf")
    with pytest.raises(NotFound) as caught:
        desk.register.file(desk.register.find(issued.licence_id), "ofd")
    assert caught.value.code == "licence.form_absent"
    with pytest.raises(LicenceTrustError) as wrong:
        issue(desk, "docx")
    assert wrong.value.code == "record.extras"
    with pytest.raises(Malformed):
        forms.forms_of("docx")


def test_a_crash_between_reserving_and_sealing_loses_no_form(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def died(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Issuer, "produce", died)
        with pytest.raises(KeyboardInterrupt):
            issue(desk, "both", seed=4999)
    [completed] = recover(desk.issuer).completed
    assert list(files(desk, completed.licence_id)) == ["ofd", "pdf"]


def test_no_file_of_a_form_is_swept(desk: Desk) -> None:
    issued = issue(desk, "both")
    assert recover(desk.issuer, sweep_after=-1.0).swept == 0
    for digest in files(desk, issued.licence_id).values():
        assert desk.files.get(digest)


def test_a_resealed_licence_keeps_its_forms(desk: Desk) -> None:
    issued = issue(desk, "both")
    [again] = desk.resealer.reseal_many([issued.licence_id], OFFICER, "换发印章")
    assert isinstance(again.outcome, IssuedLicence), again.outcome
    assert list(files(desk, again.outcome.licence_id)) == ["ofd", "pdf"]


@pytest.fixture
def later(settings: object) -> object:
    """The same region some time ahead: a desk whose clock is moved."""
    opened: list[Desk] = []

    def open_later(length: timedelta) -> Desk:
        from licence_store.desk import now

        opened.append(open_desk(settings, lambda: now() + length))  # type: ignore[arg-type]
        return opened[-1]

    yield open_later
    for one in opened:
        one.close()


def test_long_term_material_is_added_when_it_is_time(desk: Desk, later: object) -> None:
    issued, plain = issue(desk, "both"), issue(desk, "ofd")
    assert desk.archiver.due() == []
    ahead: Desk = later(SETTLED + timedelta(minutes=1))  # type: ignore[operator]
    assert ahead.archiver.due() == [issued.licence_id]
    [done] = ahead.archiver.extend_due(OFFICER)
    assert done.error is None, done.error
    assert done.renew_by is not None
    assert ahead.archiver.due() == []
    view = ahead.register.find(issued.licence_id)
    longer = ahead.register.file(view, "pdf")
    before = desk.files.get(next(iter(forms_before(desk, issued.licence_id))))
    assert longer.startswith(before)
    report = ahead.verifier().verify(longer)
    assert report.indication is Indication.PASSED
    assert report.signatures[0].level == "B-LTA"
    assert plain.licence_id not in ahead.archiver.due()
    # the file from before is still the register's own
    assert ahead.verifier().verify(before).indication is Indication.PASSED
    close: Desk = later(done.renew_by - desk.clock() - AHEAD + timedelta(days=1))  # type: ignore[operator]
    assert close.archiver.due() == [issued.licence_id]


def forms_before(desk: Desk, licence_id: str) -> list[str]:
    with desk.sessions.read() as session:
        query = select(forms.LicenceFile.digest).where(forms.LicenceFile.licence_id == licence_id)
        return list(session.execute(query.order_by(forms.LicenceFile.number)).scalars())


def test_an_ofd_has_nothing_to_extend(desk: Desk) -> None:
    issued = issue(desk, "ofd")
    with pytest.raises(NotFound) as caught:
        desk.archiver.extend(issued.licence_id, OFFICER)
    assert caught.value.code == "licence.form_absent"
