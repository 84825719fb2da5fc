"""签发附加事项: sealed into the message, kept out of the key, checked before anything is reserved."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from licence_store.desk import Desk
from licence_store.extras import IssueExtras, PaperCopy
from licence_store.reserving import IssuedLicence
from seal.message import parse_message
from seal.provenance import CaseLink, Lineage
from tests.licence_store.conftest import OFFICER
from tests.licence_store.test_issuance import TEACHER, example
from trust.errors import LicenceTrustError, Malformed
from verify.report import Indication

CASE = CaseLink("990000-2026-0007", "教师资格认定", "决定书〔2026〕7号", "2027-06-30")


def test_extras_are_sealed_and_verified(desk: Desk) -> None:
    extras = IssueExtras("演示省教育厅档案室扫描", "B", CASE)
    issued = desk.issuer.issue(TEACHER, example(desk), officer=OFFICER, extras=extras)
    view = desk.register.find(issued.licence_id)
    message = view.message
    assert (message.metadata["source"], message.metadata["credibility"], message.case) == (
        extras.source, extras.credibility, CASE,
    )  # fmt: skip
    assert parse_message(message.to_bytes()) == message
    assert desk.verifier().verify(desk.register.file(view)).indication is Indication.PASSED


def test_a_paper_copy_stays_in_the_register(desk: Desk) -> None:
    paper = PaperCopy("NO 0001234", datetime(2026, 11, 22, 8, tzinfo=UTC))
    issued = desk.issuer.issue(TEACHER, example(desk), officer=OFFICER, extras=IssueExtras(paper=paper))
    past = desk.register.history(issued.licence_id)
    assert past.versions[0].paper == paper and b"0001234" not in past.view.message.to_bytes()


def test_extras_are_no_part_of_the_key(desk: Desk) -> None:
    record = example(desk)
    first = desk.issuer.issue(TEACHER, record, officer=OFFICER)
    again = desk.issuer.issue(TEACHER, record, officer=OFFICER, extras=IssueExtras(case=CASE))
    assert again.licence_id == first.licence_id and not again.created
    message = desk.register.find(first.licence_id).message
    assert message.case is None and message.metadata["source"] == message.metadata["issuer_name"]
    assert message.metadata["credibility"] == "A"


BAD = [
    IssueExtras(credibility="E"),
    IssueExtras("x" * 201),
    IssueExtras("a\nb"),
    IssueExtras(case=CaseLink("")),
    IssueExtras(case=CaseLink("1", result_valid_until="soon")),
    IssueExtras(paper=PaperCopy(" ")),
    IssueExtras(paper=PaperCopy("1", datetime(2026, 1, 1))),
    IssueExtras(lineage=Lineage("copy", "x", "00")),
]


def test_one_bad_extra_stops_only_its_own_record(desk: Desk) -> None:
    records = [example(desk, number=n) for n in range(len(BAD) + 1)]
    outcomes = desk.issuer.issue_many(TEACHER, records, OFFICER, [*BAD, IssueExtras()])
    assert isinstance(outcomes[-1], IssuedLicence)
    assert {o.code for o in outcomes[:-1] if isinstance(o, LicenceTrustError)} == {"record.extras"}
    assert all(isinstance(o, Malformed) for o in outcomes[:-1])


@pytest.mark.parametrize("paper", [PaperCopy("NO 0001234"), PaperCopy("1", datetime(2026, 11, 22, 8, tzinfo=UTC))])
def test_a_paper_copy_is_kept_as_text(paper: PaperCopy) -> None:
    assert PaperCopy.from_text(paper.to_text()) == paper
    assert PaperCopy.from_text("") is None
