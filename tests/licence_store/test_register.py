"""The register: found by any id, in the state of the moment, and publishing it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from licence_store import events
from licence_store.desk import Desk, now
from licence_store.numbering import LIST_SIZE
from licence_store.reserving import IssuedLicence
from licence_store.standing import end_of
from tests.licence_store.conftest import OFFICER
from trust.errors import Malformed, NotFound
from trust.identifiers import parse_licence_id
from trust.path import check_published
from trust.status_list import load_status_list
from verify.report import Indication
from verify.verifier import Verifier

KINDS = {"SUSPENDED": "suspend", "LOST": "report_lost", "REVOKED": "revoke", "CANCELLED": "cancel"}
TEACHER, PERMIT = "teacher-certificate", "pollutant-permit"


@pytest.fixture
def issued(desk: Desk) -> IssuedLicence:
    record = next(desk.catalogue.get(TEACHER).example_records(1))
    return desk.issuer.issue(TEACHER, record, officer=OFFICER)


def happen(desk: Desk, licence_id: str, state: str, when: datetime) -> None:
    """The step that leads to ``state`` is taken, whatever the rules say of its moment."""
    identifier = parse_licence_id(licence_id)
    with desk.sessions.begin() as session:
        before = events.of_licence(session, identifier.base)[-1].state
        kind = {"CURRENT": "found" if before == "LOST" else "resume"}.get(state) or KINDS[state]
        row = events.event_row(identifier.base, identifier.version, kind, state, when, when, "zhang", "officer")
        events.append(session, [row])


def test_found_by_any_version_s_id(desk: Desk, issued: IssuedLicence) -> None:
    identifier = parse_licence_id(issued.licence_id)
    view = desk.register.find(identifier.text.lower())
    assert view.asked_id == issued.licence_id
    assert view.summary.issuer_name == "演示省教育厅"
    with pytest.raises(NotFound):
        desk.register.find(identifier.with_version(2).text)
    with pytest.raises(Malformed):
        desk.register.find(issued.licence_id[:-1] + ("0" if issued.licence_id[-1] != "0" else "1"))
    with pytest.raises(NotFound):
        desk.register.find(issued.licence_id, now() - timedelta(days=1))


def test_state_of_the_moment(desk: Desk, issued: IssuedLicence) -> None:
    start = now()
    steps = [("SUSPENDED", 1), ("CURRENT", 2), ("LOST", 3), ("CURRENT", 4), ("REVOKED", 5)]
    for state, days in steps:
        happen(desk, issued.licence_id, state, start + timedelta(days=days))
    register = desk.register
    for state, days in [("CURRENT", 0.5), *((s, d + 0.5) for s, d in steps)]:
        status = register.status(issued.licence_id, start + timedelta(days=days))
        assert status is not None
        assert status.state == state
    status = register.status(issued.licence_id, start + timedelta(days=4.5))
    assert status is not None
    assert status.since == (start + timedelta(days=4))
    assert status.file_digest == issued.file_digest
    assert register.status(issued.licence_id, start - timedelta(days=1)) is None
    assert [e.state for e in register.events(issued.licence_id)] == ["CURRENT", *(s for s, _ in steps)]


@pytest.mark.parametrize("licence_id", ["", "x", "1.2.156.3005.2.a.b.c.001.1"])
def test_unknown_ids_have_no_state(desk: Desk, licence_id: str) -> None:
    assert desk.register.status(licence_id, now()) is None


def test_verifier_hears_the_register(desk: Desk, issued: IssuedLicence) -> None:
    document = desk.files.get(issued.file_digest)
    happen(desk, issued.licence_id, "SUSPENDED", now() - timedelta(seconds=0))
    report = desk.verifier().verify(document)
    assert (report.indication, report.sub_indication) == (Indication.INDETERMINATE, "LICENCE_SUSPENDED")


def test_expiry_follows_from_the_period(desk: Desk) -> None:
    record = next(desk.catalogue.get(PERMIT).example_records(1))
    issued = desk.issuer.issue(PERMIT, record, officer=OFFICER)
    last = desk.register.find(issued.licence_id).summary.valid_to
    end = end_of(last)
    assert end == datetime.fromisoformat(f"{last}T16:00:00+00:00")
    for moment, state in ((end - timedelta(seconds=1), "CURRENT"), (end, "EXPIRED")):
        status = desk.register.status(issued.licence_id, moment)
        assert status is not None
        assert status.state == state
    happen(desk, issued.licence_id, "CANCELLED", end + timedelta(days=1))
    status = desk.register.status(issued.licence_id, end + timedelta(days=2))
    assert status is not None
    assert status.state == "CANCELLED"
    assert end_of("") is None


def test_published_list_says_what_the_register_says(desk: Desk, issued: IssuedLicence) -> None:
    message = desk.register.find(issued.licence_id).message
    [list_id] = desk.status_lists.lists()
    data = desk.status_lists.publish(list_id)
    published = load_status_list(data)
    assert published.list_id == message.status_list
    check_published(published.document, desk.trust(), published.issued_at, known_at=now())
    assert published.status_at(int(message.status_index)) == "CURRENT"
    assert [published.status_at(i) for i in range(LIST_SIZE)].count("UNUSED") == 0
    assert desk.status_lists.publish(list_id) is data
    with pytest.raises(NotFound):
        desk.status_lists.publish("none")


def test_verifier_elsewhere_hears_the_published_list(desk: Desk, issued: IssuedLicence) -> None:
    document = desk.files.get(issued.file_digest)
    happen(desk, issued.licence_id, "REVOKED", now())
    [list_id] = desk.status_lists.lists()
    store = desk.trust().with_status_lists([load_status_list(desk.status_lists.publish(list_id))])
    report = Verifier(store).verify(document)
    assert (report.indication, report.sub_indication) == (Indication.FAILED, "LICENCE_REVOKED")


def test_journal_s_head_is_anchored(desk: Desk, issued: IssuedLicence) -> None:
    from licence_store.journal import check_journal, head
    from trust.errors import CheckFailed

    assert desk.region.journal_anchors() == ()
    for _ in range(2):
        with desk.sessions.read() as session:
            desk.region.anchor_journal(head(session), datetime.now(UTC))
    with desk.sessions.read() as session:
        assert check_journal(session, desk.region.journal_anchors()).intact
    path = desk.region.directory / "anchors.jsonl"
    path.write_text(path.read_text().replace('"seq":"', '"seq":"1', 1))
    with pytest.raises(CheckFailed):
        desk.region.journal_anchors()
