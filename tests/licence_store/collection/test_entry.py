"""From scans to sealed licences: who did what, what was believed, and nothing sealed that nobody looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from licence_store.cases import Casework
from licence_store.collection.entry import EntryDesk, Filled, open_entry
from licence_store.collection.materials import Comparison
from licence_store.collection.scans import check_scan
from licence_store.collection.sheets import OPEN, SEALING, SheetView, count_sheets, list_sheets, origins_of
from licence_store.definitions import LicenceTypeDefinition
from licence_store.desk import Desk
from licence_store.extras import IssueExtras
from licence_store.reserving import IssuedLicence
from seal.lifecycle import Official, Role
from tests.licence_store.collection.scanning import blank
from tests.licence_store.conftest import OFFICER
from trust.errors import Conflict, LicenceTrustError, NotFound, Unavailable
from trust.identifiers import parse_licence_id
from trust.journal import Actor

TEACHER = "teacher-certificate"
SECOND = Actor("li", "education", "192.0.2.8", "page")
FIRST = replace(OFFICER, department="education")
STRANGER = Actor("wang", "market", "192.0.2.9", "page")
ARCHIVE, ORIGINAL = Comparison("archive", "卷12", confirmed_by_issuer=True), Comparison("holder")


class Reads:
    """A recogniser that reads what it was told."""

    title = "测试识别"

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values

    def recognise(self, scan: object, definition: LicenceTypeDefinition) -> Mapping[str, str]:
        return self.values


@pytest.fixture
def record(desk: Desk) -> dict[str, str]:
    return next(desk.catalogue.get(TEACHER).example_records(1, seed=31))


def entry_of(desk: Desk, values: Mapping[str, str] | None = None) -> EntryDesk:
    def revise(licence_id: str, record: Mapping[str, str], actor: Actor, extras: IssueExtras) -> IssuedLicence:
        raise AssertionError(licence_id)

    return EntryDesk(
        desk.sessions, desk.files, desk.catalogue, lambda: desk.issuer, revise, [Reads(values or {})], desk.clock
    )


def received(entry: EntryDesk, mode: str = "scan") -> SheetView:
    [sheet] = entry.receive(mode, TEACHER, [check_scan(blank(), "存档.png")], FIRST)
    return sheet


def filled(record: Mapping[str, str], comparison: Comparison = ARCHIVE, **more: object) -> Filled:
    return Filled(record, comparison=comparison, number="20119900000000077", issued_on="2011-06-30", **more)  # type: ignore[arg-type]


def code_of(act: object, *args: object) -> str:
    with pytest.raises(LicenceTrustError) as caught:
        act(*args)  # type: ignore[operator]
    return caught.value.code


@pytest.mark.parametrize(
    ("mode", "comparison", "credibility", "source"),
    [
        ("scan", ARCHIVE, "A", "证照录入"),
        ("scan", ORIGINAL, "B", "证照录入"),
        ("material", ORIGINAL, "B", "申请材料电子化"),
        ("result", Comparison("result"), "A", "审批结果电子化"),
    ],
)
def test_a_scan_becomes_a_licence(
    desk: Desk, record: dict[str, str], mode: str, comparison: Comparison, credibility: str, source: str
) -> None:
    entry = entry_of(desk)
    sheet = received(entry, mode)
    case = {"case.number": "990000-2026-9", "paper.number": "NO.77"}
    done = entry.complete(sheet.id, filled(record, comparison, reserved=case), FIRST)
    assert done.state == "issued"
    view = desk.register.find(done.licence_id)
    assert (view.summary.licence_number, view.summary.issued_on) == ("20119900000000077", "2011-06-30")
    facts = view.message.metadata
    assert (facts["credibility"], facts["source"]) == (credibility, source)
    assert view.message.case
    assert view.message.case.case_number == "990000-2026-9"
    with desk.sessions.read() as session:
        [origin] = origins_of(session, parse_licence_id(done.licence_id).base)
    assert (origin.credibility, origin.mode, origin.evidence_digest) == (credibility, mode, sheet.scan_digest)
    assert (origin.entered_by, origin.original.partition(":")[0]) == (FIRST.account, comparison.original)
    assert done.content.values == {}  # what it held of a person is wiped
    assert entry.scan(done).data == blank()
    assert str(desk.verifier().verify(desk.register.file(view)).indication) == "TOTAL-PASSED"


def test_nothing_read_by_a_program_is_sealed_unseen(desk: Desk, record: dict[str, str]) -> None:
    entry = entry_of(desk, {**record, "name": "识别有误", "subject": "不存在的学科" * 40})
    sheet = received(entry)
    read = sheet.content
    assert read.values["name"] == "识别有误"
    assert "subject" not in read.suggestions  # it could not be that field's value
    assert set(read.unconfirmed) == set(read.suggestions)
    values = {**record}
    with pytest.raises(LicenceTrustError) as caught:
        entry.complete(sheet.id, filled(values, confirmed=frozenset({"gender"})), FIRST)
    assert caught.value.code == "entry.unconfirmed"
    kept = entry.sheet(sheet.id, FIRST)
    assert kept.state == OPEN
    assert "name" not in kept.content.suggestions  # a person has written another: no suggestion any more
    assert "gender" not in kept.content.unconfirmed
    done = entry.complete(sheet.id, filled(values, confirmed=frozenset(read.suggestions)), FIRST)
    assert done.state == "issued"


def test_further_recognisers_fill_only_what_is_empty(desk: Desk, record: dict[str, str]) -> None:
    entry = entry_of(desk, {"name": record["name"]})
    sheet = received(entry)
    entry.save(sheet.id, Filled({"gender": "女"}), FIRST)
    again = entry.recognise(sheet.id, FIRST, [Reads({"gender": "男", "subject": record["subject"]})])
    assert dict(again.content.values) == {"gender": "女", "subject": record["subject"]}
    assert list(again.content.suggestions) == ["subject"]


def test_the_second_person_is_another(desk: Desk, record: dict[str, str]) -> None:
    source = dict(desk.catalogue.get(TEACHER).source)
    desk.catalogue.import_definition({**source, "entry": {"second_check": True}}, OFFICER)
    entry = entry_of(desk)
    sheet = received(entry)
    waiting = entry.complete(sheet.id, filled(record), FIRST)
    assert waiting.state == "checking"
    assert code_of(entry.approve, sheet.id, FIRST) == "entry.same_person"
    assert code_of(entry.send_back, sheet.id, " ", SECOND) == "entry.reason"
    assert entry.send_back(sheet.id, "姓名有误", SECOND).state == OPEN
    entry.complete(sheet.id, filled(record), FIRST)
    done = entry.approve(sheet.id, SECOND)
    with desk.sessions.read() as session:
        [origin] = origins_of(session, parse_licence_id(done.licence_id).base)
    assert (origin.entered_by, origin.checked_by) == (FIRST.account, SECOND.account)


def test_a_window_never_confirms_for_the_issuing_body(desk: Desk, record: dict[str, str]) -> None:
    source = dict(desk.catalogue.get(TEACHER).source)
    desk.catalogue.import_definition({**source, "entry": {"windows": ["education"]}}, OFFICER)
    entry = entry_of(desk)
    sheet = received(entry)
    assert code_of(entry.complete, sheet.id, filled(record, ARCHIVE), FIRST) == "entry.window"
    done = entry.complete(sheet.id, filled(record, ORIGINAL), FIRST)
    assert believed(desk, done.licence_id) == "B"
    [other] = desk.catalogue.get(TEACHER).example_records(1, seed=32)
    assert believed(desk, desk.issuer.issue(TEACHER, other, officer=FIRST).licence_id) == "B"  # nor by another door


def believed(desk: Desk, licence_id: str) -> str:
    return desk.register.find(licence_id).message.metadata["credibility"]


def test_a_change_makes_nothing_more_credible(desk: Desk, record: dict[str, str]) -> None:
    """What was only compared with the holder's original stays B, until the body itself confirms it."""
    entry = entry_of(desk)
    done = entry.complete(received(entry).id, filled(record, ORIGINAL), FIRST)
    assert believed(desk, done.licence_id) == "B"
    officer = Official(FIRST, Role.OFFICER)
    changed = {"subject": "物理"}
    revised = desk.reviser.revise(done.licence_id, changed, officer, reason="更正")
    assert (revised.version, believed(desk, revised.licence_id)) == (2, "B")
    again = {"subject": "化学"}
    confirmed = IssueExtras(source="证照录入", credibility="A")
    third = desk.reviser.revise(revised.licence_id, again, officer, reason="核对档案", extras=confirmed)
    assert believed(desk, third.licence_id) == "A"


@pytest.mark.parametrize("stated", [{"second_check": "yes"}, {"windows": "hall"}, {"windows": [7]}, {"x": 1}, [1]])
def test_a_rule_that_is_none(desk: Desk, stated: object) -> None:
    source = dict(desk.catalogue.get(TEACHER).source)
    desk.catalogue.import_definition({**source, "entry": stated}, OFFICER)
    scans = [check_scan(blank())]
    assert code_of(entry_of(desk).receive, "scan", TEACHER, scans, FIRST) == "type.entry"


def test_every_missing_word_is_asked_for(desk: Desk, record: dict[str, str]) -> None:
    entry = entry_of(desk)
    sheet = received(entry)
    full = filled(record)
    for wrong, code in (
        (replace(full, values={**record, "name": ""}), "record.missing_field"),
        (replace(full, number=""), "entry.number"),
        (replace(full, issued_on=""), "entry.issued_on"),
        (replace(full, issued_on="2011-13-30"), "record.extras"),
        (replace(full, issued_on="2999-01-01"), "record.issued_later"),
        (replace(full, comparison=Comparison()), "entry.original"),
        (replace(full, comparison=Comparison("result")), "entry.original"),
        (replace(full, reserved={"case.x": "1"}), "record.reserved"),
    ):
        assert code_of(entry.complete, sheet.id, wrong, FIRST) == code
        assert entry.sheet(sheet.id, FIRST).state == OPEN
    assert entry.complete(sheet.id, full, FIRST).state == "issued"
    assert code_of(entry.complete, sheet.id, full, FIRST) == "entry.state"
    assert code_of(entry.discard, sheet.id, "x", FIRST) == "entry.state"


def test_whose_sheet_it_is(desk: Desk) -> None:
    entry = entry_of(desk)
    sheet = received(entry)
    for act in (entry.sheet, lambda i, a: entry.discard(i, "x", a), lambda i, a: entry.save(i, Filled({}), a)):
        with pytest.raises(NotFound):
            act(sheet.id, STRANGER)
    assert code_of(entry.receive, "scan", TEACHER, [check_scan(blank())], STRANGER) == "grant.missing"
    assert code_of(entry.receive, "fax", TEACHER, [check_scan(blank())], FIRST) == "entry.mode"
    assert code_of(entry.receive, "scan", TEACHER, [], FIRST) == "entry.count"
    assert entry.discard(sheet.id, "重复扫描", FIRST).content.values == {}
    with desk.sessions.read() as session:
        assert count_sheets(session, "education") == {"discarded": 1}
        assert list_sheets(session, department="market") == ()


def test_lists_go_on_where_they_stopped(desk: Desk) -> None:
    entry = entry_of(desk)
    sheets = entry.receive("scan", TEACHER, [check_scan(blank(size=(800 + n, 600))) for n in range(5)], FIRST)
    with desk.sessions.read() as session:
        first = list_sheets(session, department="education", state=OPEN, limit=3)
        rest = list_sheets(session, department="education", batch=sheets[0].batch, after=first[-1].position)
    assert sorted(s.id for s in (*first, *rest)) == sorted(s.id for s in sheets)
    assert sorted(s.place for s in sheets) == [1, 2, 3, 4, 5]


def test_sealing_goes_on_after_an_interruption(desk: Desk, record: dict[str, str]) -> None:
    entry = entry_of(desk)
    sheet = received(entry)

    def away() -> object:
        raise Unavailable("keys.away", "…")

    with pytest.raises(Unavailable):
        replace(entry, issuer=away).complete(sheet.id, filled(record), FIRST)  # type: ignore[arg-type]
    assert entry.sheet(sheet.id, FIRST).state == SEALING
    done = entry.seal(sheet.id, FIRST)
    assert done.state == "issued"
    # and what cannot be sealed at all goes back
    other = received(entry)
    again = replace(filled(record), values={**record, "name": "𪚥" * 3}, number="20119900000000078")
    assert code_of(entry.complete, other.id, again, FIRST).startswith(("entry.", "face.", "licence."))
    assert entry.sheet(other.id, FIRST).state == OPEN


def test_the_same_licence_again_is_its_next_version(desk: Desk, record: dict[str, str]) -> None:
    entry = entry_of(desk)
    done = entry.complete(received(entry).id, filled(record), FIRST)
    twin = received(entry)
    assert code_of(entry.complete, twin.id, filled(record), FIRST) == "entry.already_there"
    asked: list[tuple[str, object]] = []

    def revise(licence_id: str, record: Mapping[str, str], actor: Actor, extras: IssueExtras) -> IssuedLicence:
        asked.append((licence_id, extras.credibility))
        raise Conflict("licence.closed", "…")

    other_subject = next(v for v in ("数学", "物理", "语文") if v != record["subject"])
    changed = replace(entry, revise=revise)
    assert code_of(changed.complete, twin.id, filled({**record, "subject": other_subject}), FIRST) == "licence.closed"
    assert asked == [(done.licence_id, "A")]
    assert entry.sheet(twin.id, FIRST).state == OPEN


def test_a_changed_paper_is_the_next_version_for_true(desk: Desk, record: dict[str, str]) -> None:
    entry = open_entry(desk)
    first = entry.complete(received(entry).id, filled(record), FIRST)
    other = next(value for value in ("数学", "物理", "语文") if value != record["subject"])
    case = {"case.number": "990000-2026-55"}
    done = entry.complete(
        received(entry, "material").id, filled({**record, "subject": other}, ORIGINAL, reserved=case), FIRST
    )
    before, view = desk.register.find(first.licence_id), desk.register.find(done.licence_id)
    assert view.summary.version == 2
    assert parse_licence_id(done.licence_id).base == parse_licence_id(first.licence_id).base
    assert view.summary.licence_number == before.summary.licence_number
    face = {one.name: one.value for one in view.message.face}
    assert face["subject"] == other
    assert (view.message.metadata["source"], view.message.metadata["credibility"]) == ("申请材料电子化", "B")
    assert view.message.lineage
    assert view.message.lineage.kind == "revision"
    with desk.sessions.read() as session:
        origins = origins_of(session, parse_licence_id(done.licence_id).base)
    assert [(one.mode, one.credibility) for one in origins] == [("scan", "A"), ("material", "B")]
    assert Casework(desk.sessions).of_case("990000-2026-55") == (done.licence_id,)
    assert str(desk.verifier().verify(desk.register.file(view)).indication) == "TOTAL-PASSED"


def test_a_revision_that_was_interrupted_is_not_made_twice(desk: Desk, record: dict[str, str]) -> None:
    entry = open_entry(desk)
    first = entry.complete(received(entry).id, filled(record), FIRST)
    other = next(value for value in ("数学", "物理", "语文") if value != record["subject"])
    sheet = received(entry)

    def dies_afterwards(licence_id: str, record: Mapping[str, str], actor: Actor, extras: IssueExtras) -> IssuedLicence:
        entry.revise(licence_id, record, actor, extras)
        raise Unavailable("database.unavailable", "…")

    with pytest.raises(Unavailable):
        replace(entry, revise=dies_afterwards).complete(sheet.id, filled({**record, "subject": other}), FIRST)
    done = entry.seal(sheet.id, FIRST)
    assert done.state == "issued"
    assert parse_licence_id(done.licence_id).version == 2
    assert desk.register.find(first.licence_id).summary.version == 2
