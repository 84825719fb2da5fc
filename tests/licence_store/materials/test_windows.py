"""窗口: who sees what, receiving for a case, scans, and what holders read of it afterwards."""

from __future__ import annotations

import threading

import pytest

from licence_store.gathering import Gathering
from licence_store.holding.holder import HolderSession
from seal.lifecycle import Role
from tests.licence_store.materials.world import SAME, TEACHER, Bench, code_of
from trust.errors import LicenceTrustError


def refused(act: object, *args: object, **given: object) -> str:
    with pytest.raises(LicenceTrustError) as caught:
        act(*args, **given)  # type: ignore[operator]
    return code_of(caught.value)


def test_a_window_sees_what_it_is_in_charge_of(bench: Bench) -> None:
    education, health = bench.officer("education"), bench.officer("health", "sun")
    teacher = bench.add()
    addressed = bench.add(kind="third_party_report", department="health", title="体检报告")
    nobodys = bench.add(type_code="", title="外省证照")
    own = bench.add(kind="self_made", title="说明", department="education")
    assert [one.id for one in bench.materials.waiting(education).items] == [teacher.id]
    assert [one.id for one in bench.materials.waiting(health).items] == [addressed.id]
    assert {one.id for one in bench.materials.waiting(education, show="all").items} == {teacher.id, own.id}
    assert refused(bench.materials.get, nobodys.id, education) == "material.unknown"
    for role in (Role.AUDITOR, Role.ADMIN, Role.SEAL_KEEPER):
        assert refused(bench.materials.waiting, bench.staff(role)) == "material.role"
    bench.check(teacher.id)
    assert bench.materials.waiting(education).items == ()
    assert [one.id for one in bench.materials.waiting(education, show="checked").items] == [teacher.id, own.id]
    assert refused(bench.materials.waiting, education, show="x") == "material.show"
    assert refused(bench.materials.waiting, education, kind="x") == "material.kind"


def test_pages_hold_everything_once(bench: Bench) -> None:
    made = [bench.add().id for _ in range(7)]
    for size in (1, 2, 3, 7, 8):
        seen, after = [], ""
        while True:
            page = bench.materials.of_holder(bench.owner, after=after, limit=size)
            seen += [one.id for one in page.items]
            if page.next is None:
                break
            after = page.next
        assert seen == made[::-1]


def test_at_the_counter_a_holder_opens_what_another_window_has(bench: Bench) -> None:
    health, code = bench.officer("health", "sun"), bench.owner.holder.code
    mine = bench.add()
    assert refused(bench.materials.link, "C-1", health, subject=mine.id) == "material.unknown"
    assert refused(bench.materials.link, "C-1", health, subject=mine.id, holder_code="990101198001010011") == (
        "material.unknown"
    )
    assert refused(bench.materials.at_window, health, code, "  ") == "purpose.missing"
    assert [one.id for one in bench.materials.at_window(health, code, "办理入学").items] == [mine.id]
    line = bench.materials.link("C-1", health, subject=mine.id, holder_code=code, service_item="入学")
    assert (line.received, line.department_id, line.holder_code) == ("attachment", "health", code)
    assert bench.materials.get(mine.id, health).case_number == "C-1"
    assert bench.check(mine.id, health).checked_by == "演示省卫生健康委员会"
    acts = [(one.act, one.why) for one in bench.desk.ledger.page(code).entries]
    assert acts[-1] == ("list", "办理入学")
    assert ("use", "C-1") in acts
    assert refused(bench.materials.link, "C-1", health, subject=mine.id) == "material.linked"


def test_how_it_was_received(bench: Bench) -> None:
    education, licence = bench.officer(), bench.issue(bench.owner.holder)
    mine = bench.add(case_number="C-5")
    assert mine.case_number == "C-5"
    bench.materials.link("C-5", education, subject=licence.licence_id)
    bench.materials.link("C-5", education, title="身份证复印件", holder_code=bench.owner.holder.code)
    lines = bench.materials.of_case("C-5")
    assert [(one.received, bool(one.subject)) for one in lines] == [
        ("attachment", True), ("repository", True), ("paper", False),
    ]  # fmt: skip
    assert len(bench.materials.of_case("C-5", bench.owner)) == 3
    assert bench.materials.of_case("C-5", bench.other) == ()
    assert bench.materials.of_case("C-5", bench.officer("health")) == ()
    assert refused(bench.materials.of_case, "C-5", bench.staff(Role.ADMIN)) == "material.role"
    for given, code in (
        ({"subject": licence.licence_id, "received": "paper"}, "material.received_other"),
        ({"title": "x", "received": "attachment"}, "material.received_other"),
        ({"title": "x", "received": "fax"}, "material.received"),
        ({}, "material.words"),
        ({"title": "a\nb"}, "material.words"),
    ):
        assert refused(bench.materials.link, "C-6", education, **given) == code
    assert refused(bench.materials.link, "  ", education, title="x") == "material.case"


def test_a_windows_scan_is_b_and_the_back_offices(bench: Bench) -> None:
    scanned = bench.window_scan()
    assert (scanned.level, scanned.origin, scanned.column, scanned.title) == ("B", "window", "W", "毕业证书")
    assert bench.materials.get(scanned.id, bench.owner).usable == "directly"
    assert refused(bench.materials.delete, scanned.id, bench.owner) == "material.back_office"
    assert [one.id for one in bench.materials.of_holder(bench.owner).items] == [scanned.id]


def test_a_delegate_sees_only_what_they_may(bench: Bench) -> None:
    teacher, other = bench.add(), bench.add(type_code="nurse-certificate", title="护士证")
    person = bench.delegate(bench.owner.holder, "view").person
    narrow = HolderSession(
        "a-agent", person, bench.owner.holder, "d-1", frozenset({"view"}), frozenset({teacher.type_code})
    )
    assert [one.id for one in bench.materials.of_holder(narrow).items] == [teacher.id]
    assert refused(bench.materials.get, other.id, narrow) == "holder.right"
    assert refused(bench.materials.delete, teacher.id, narrow) == "holder.right"
    assert refused(bench.materials.of_holder, bench.delegate(bench.owner.holder, "use")) == "holder.right"


WRONG = [
    ({"kind": "issued_licence"}, "material.kind_who"),
    ({"kind": "window_scan"}, "material.kind_who"),
    ({"kind": "x" * 500}, "material.kind"),
    ({"title": ""}, "material.words"),
    ({"title": "x" * 201}, "material.words"),
    ({"title": "a\nb"}, "material.words"),
    ({"type_code": "no-such-type"}, "type.unknown"),
    ({"kind": "self_made", "type_code": TEACHER}, "material.type"),
    ({"department": "nowhere"}, "department.unknown"),
    ({"stated_number": "9" * 101}, "material.words"),
    ({"case_number": "a\tb"}, "material.words"),
]


def test_what_is_no_material(bench: Bench) -> None:
    for given, code in WRONG:
        stated = {"kind": "licence_scan", "title": "x", **given}
        upload = bench.scan(kind=str(stated["kind"])[:30])
        assert refused(bench.materials.add, bench.owner, upload, **stated) == code, given
    assert bench.materials.of_holder(bench.owner).items == ()
    for silly in ("", "m-", "m-" + "x" * 300, "m-'; DROP TABLE material; --", "1.2.3", "\x00", "证照"):
        assert refused(bench.materials.get, silly, bench.owner) in ("material.unknown", "database.value")
    assert SAME


def test_two_officers_at_once_make_one_check(bench: Bench) -> None:
    """Both sign; one is recorded, the other is told that the item has moved on."""
    for _ in range(3):
        item, told = bench.add(), []

        def check(account: str, item_id: str = item.id, told: list[str] = told) -> None:
            try:
                bench.check(item_id, bench.officer(account=account))
                told.append("")
            except LicenceTrustError as error:
                told.append(error.code)

        threads = [threading.Thread(target=check, args=(name,)) for name in ("wang", "li", "sun")]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert told.count("") == 1
        assert set(told) <= {"", "material.changed", "material.not_promotable", "database.conflict"}
        steps = [one.kind for one in bench.materials.history(item.id, bench.owner)]
        assert steps == ["add", "check"]
        assert bench.materials.find(item.id).problems == ()


def test_the_holder_is_told_what_a_window_did(bench: Bench) -> None:
    checked, refused_one = bench.add(title="私下的名字"), bench.add()
    bench.check(checked.id)
    bench.materials.refuse(refused_one.id, bench.officer(), "illegible", "")
    told = Gathering(bench.desk).notices(bench.owner, "zh-CN")
    assert [one.licence_id for one in told] == [refused_one.id, checked.id]
    assert "理由：扫描件不清晰。" in told[0].text.body and "重新扫描" in told[0].text.body
    assert "现为 B" in told[1].text.body and "私下的名字" not in told[1].text.body
    english = Gathering(bench.desk).notices(bench.owner, "en")
    assert english[0].text.heading.startswith("Material turned down: ")
    assert "The scan cannot be read." in english[0].text.body
    assert Gathering(bench.desk).notices(bench.other, "zh-CN") == ()
