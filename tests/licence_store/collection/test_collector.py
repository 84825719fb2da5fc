"""A source run again and again: incremental, interrupted anywhere, mended, contradicted; on both engines the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from licence_store.collection.cleansing import Cleanser
from licence_store.collection.collector import RowOutcome, Watch
from licence_store.collection.models import CollectionItem, CollectionMark, QuarantineRow
from licence_store.collection.pipeline import Pipeline
from licence_store.collection.quarantine import Held, Mending, Wanted
from licence_store.collection.rows import IncomingRow
from licence_store.collection.runs import RunView
from licence_store.desk import Desk
from licence_store.models import Licence, LicenceVersion
from seal.lifecycle import Official, Role
from seal.message import parse_message
from tests.licence_store.collection.planted import RULES, shipped
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Refused, Unavailable
from trust.journal import Actor

CONSOLE = Actor("console", None, None, "cli")
ELSEWHERE = Actor("chen", "education", None, "page")
OFFICER = Official(Actor("console", "market", None, "cli"), Role.OFFICER)
NAMES = list(shipped().schema["properties"])


@pytest.fixture
def collecting(desk: Desk) -> Desk:
    """A desk whose business licences are cleansed by rules of every kind but holder facts."""
    rules = [rule for rule in RULES if rule["kind"] != "holder_fact"]
    desk.catalogue.import_definition({**shipped().source, "cleansing": rules}, CONSOLE)
    declare(desk, "a", "甲库")
    return desk


def declare(desk: Desk, source: str, title: str, **more: Any) -> None:
    fields = {**{name: name for name in NAMES}, "case.number": "case"}
    plain = {"id": source, "title": title, "type": "business-licence", "department": "market", "key": ["id"]}
    desk.sources.declare({**plain, "fields": fields, **more}, CONSOLE, trusted=True)


def records(count: int, seed: int = 5) -> list[dict[str, str]]:
    return [
        {**record, "id": f"K{n}", "case": f"C-{n}", "address": f"第{n}号", "business_term": f"{record['established_on']}/"}
        for n, record in enumerate(shipped().example_records(count, seed))
    ]


def collect(desk: Desk, rows: Sequence[dict[str, Any]], folder: Path, source: str = "a", **more: Any) -> RunView:
    path = folder / f"{source}.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return desk.collector.run(source, CONSOLE, file=path, workers=1, **more)


def counts(view: RunView) -> dict[str, int]:
    return {name: number for name, number in view.counts.items() if number and name != "seen"}


def held(desk: Desk, **wanted: Any) -> list[tuple[int, list[str]]]:
    rows = desk.quarantine.page(Wanted(**wanted))
    return sorted((row.row, sorted(told.rule for told in row.findings)) for row in rows)


def the_row(desk: Desk) -> Held:
    [row] = desk.quarantine.page(Wanted())
    return row


def count(desk: Desk, model: Any) -> int:
    with desk.sessions.read() as session:
        return session.execute(select(func.count()).select_from(model)).scalar_one()


def newest(desk: Desk, key: str) -> LicenceVersion:
    with desk.sessions.read() as session:
        base = session.execute(select(CollectionItem.licence_base).where(CollectionItem.key == key)).scalar_one()
        query = select(LicenceVersion).where(LicenceVersion.base == base).order_by(LicenceVersion.version.desc())
        return session.execute(query.limit(1)).scalar_one()


def test_incremental(collecting: Desk, tmp_path: Path) -> None:
    """New, unchanged, changed and gone, each once; the licence says where it came from."""
    rows = records(6)
    assert counts(collect(collecting, rows, tmp_path)) == {"issued": 6}
    message = parse_message(newest(collecting, "K0").message)
    assert message.metadata["source"] == "整合其他电子证照库：甲库"
    assert message.case is not None
    assert message.case.case_number == "C-0"
    assert counts(collect(collecting, rows, tmp_path)) == {"unchanged": 6}
    changed = {**rows[2], "address": "新址1号"}
    assert counts(collect(collecting, [*rows[:2], changed, *rows[3:5]], tmp_path)) == {
        "unchanged": 4, "revised": 1, "gone": 1,
    }  # fmt: skip
    version = newest(collecting, "K2")
    assert version.version == 2
    assert parse_message(version.message).face_value("address").value == "新址1号"  # type: ignore[union-attr]
    assert [key for key, _ in collecting.sources.gone("a")] == ["K5"]
    assert count(collecting, Licence) == 6  # gone at the source: reported, not deleted
    assert counts(collect(collecting, [*rows[:2], changed, *rows[3:]], tmp_path)) == {"unchanged": 6}
    assert collecting.sources.gone("a") == ()


def test_a_changed_row_that_is_wrong_leaves_its_licence_alone(collecting: Desk, tmp_path: Path) -> None:
    rows = records(2)
    collect(collecting, rows, tmp_path)
    bad = {**rows[0], "company_type": "?"}
    assert counts(collect(collecting, [bad, rows[1]], tmp_path)) == {"held": 1, "unchanged": 1}
    assert newest(collecting, "K0").version == 1
    assert counts(collect(collecting, rows, tmp_path)) == {"unchanged": 2}
    assert held(collecting) == []
    assert counts(collect(collecting, [{**bad, "company_type": "普通合伙企业"}, rows[1]], tmp_path))["revised"] == 1


class Killed(BaseException):
    """Stands for the end of the process."""


POINTS = ("decided", "sealed", "booked")


@pytest.mark.parametrize("point", POINTS)
def test_killed_and_gone_on_with(
    collecting: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """Wherever it is killed: nothing is doubled, nothing lost, nothing counted twice."""
    rows = records(20)
    rows[5]["company_type"] = "?"
    rows[13] = {**rows[12], "id": "K13"}
    ended = []

    def kill(*_: object) -> None:
        if len(ended) < 3:
            ended.append(point)
            raise Killed

    with monkeypatch.context() as patched:
        hook(patched, point, kill)
        for _ in range(3):
            with pytest.raises(Killed):
                collect(collecting, rows, tmp_path, chunk=4)
        view = collect(collecting, rows, tmp_path, chunk=4)
    assert (view.state, view.counts["seen"], counts(view)) == ("done", 20, {"issued": 18, "held": 2})
    assert held(collecting) == [(6, ["schema"]), (14, ["alike", "same"])]
    assert count(collecting, Licence) == 18
    assert len(collecting.sources.runs("a")) == 1
    assert counts(collect(collecting, rows, tmp_path)) == {"unchanged": 18, "held": 2}


def hook(patched: pytest.MonkeyPatch, point: str, kill: Any) -> None:
    """Let ``kill`` be called once the second chunk has come to ``point``."""
    seen = []
    if point == "decided":
        decide = Cleanser.decide

        def deciding(self: Cleanser, *args: Any, **more: Any) -> Any:
            answer = decide(self, *args, **more)
            seen.append(1)
            if len(seen) > 1:
                kill()
            return answer

        patched.setattr(Cleanser, "decide", deciding)
        return
    book = Pipeline._book

    def booking(self: Pipeline, chunk: Any) -> None:
        seen.append(1)
        if len(seen) > 1 and point == "sealed":
            kill()
        book(self, chunk)
        if len(seen) > 1 and point == "booked":
            kill()

    patched.setattr(Pipeline, "_book", booking)


def test_stopped_by_a_source_or_a_key_that_is_away(
    collecting: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = records(8)
    with monkeypatch.context() as patched:

        def away(*_: object, **__: object) -> None:
            raise Unavailable("keys.away", "密钥不可用。")

        patched.setattr(type(collecting.issuer), "issue_many", away)
        view = collect(collecting, rows, tmp_path)
    assert (view.state, view.stopped_by.code) == ("stopped", "keys.away")  # type: ignore[union-attr]
    assert view.counts["seen"] == 0
    again = collect(collecting, rows, tmp_path)
    assert (again.id, again.state, counts(again)) == (view.id, "done", {"issued": 8})


def test_asked_to_stop_and_gone_on_with(collecting: Desk, tmp_path: Path) -> None:
    rows, asked = records(12), []

    def stopped() -> bool:
        asked.append(1)
        return len(asked) == 3

    view = collect(collecting, rows, tmp_path, chunk=4, watch=Watch(stopped=stopped))
    assert (view.state, view.counts["seen"]) == ("stopped", 8)
    told: list[tuple[int, int | None, int]] = []
    again = collect(collecting, rows, tmp_path, chunk=4, watch=Watch(told=lambda *so_far: told.append(so_far)))
    assert (again.id, again.state, again.counts["issued"]) == (view.id, "done", 12)
    assert told == [(12, None, 0)]


def test_two_processes_and_one_run(collecting: Desk, tmp_path: Path) -> None:
    """Who goes on with a run takes it over: the other finds out, and nothing is counted twice."""
    rows, taken = records(8), []

    def take_over(*_: object) -> None:
        if not taken:
            taken.append(collect(collecting, rows, tmp_path))

    with pytest.raises(Conflict) as caught:
        collect(collecting, rows, tmp_path, chunk=4, watch=Watch(told=take_over))
    assert caught.value.code == "collection.taken_over"
    assert (taken[0].state, taken[0].counts["seen"], taken[0].counts["issued"]) == ("done", 8, 8)
    assert count(collecting, Licence) == 8


def test_another_delivery_ends_the_one_that_was_interrupted(collecting: Desk, tmp_path: Path) -> None:
    rows = records(8)
    view = collect(collecting, rows, tmp_path, chunk=4, watch=Watch(stopped=iter([False, True]).__next__))
    assert view.state == "stopped"
    assert counts(collect(collecting, rows[:6], tmp_path)) == {"unchanged": 4, "issued": 2}
    first, second = reversed(collecting.sources.runs("a"))
    assert (first.state, first.stopped_by.code, second.state) == (  # type: ignore[union-attr]
        "failed", "collection.delivery_changed", "done",
    )  # fmt: skip


def test_mended_and_run_again(collecting: Desk, tmp_path: Path) -> None:
    """A mended row becomes a licence; the same wrong delivery again changes nothing, another one does."""
    rows = records(3)
    rows[1] |= {"company_type": "?", "registered_capital": "9" * 13}
    collect(collecting, rows, tmp_path)
    row = the_row(collecting)
    assert sorted(told.rule for told in row.findings) == ["capital", "schema"]
    record = {**row.record, "company_type": "普通合伙企业"}
    mended = collecting.quarantine.mend(Mending(row.id, record, row.revision), CONSOLE)
    assert mended.state == "mended"
    with pytest.raises(Conflict) as caught:
        collecting.quarantine.mend(Mending(row.id, record, row.revision), CONSOLE)
    assert caught.value.code == "quarantine.moved"
    assert counts(collecting.collector.rerun("a", CONSOLE, workers=1)) == {"held": 1}
    assert [told.rule for told in the_row(collecting).findings] == ["capital"]
    collecting.quarantine.mend(Mending(row.id, {**record, "registered_capital": "5"}), CONSOLE)
    assert counts(collecting.collector.rerun("a", CONSOLE, ids=[row.id], workers=1)) == {"issued": 1}
    released = collecting.quarantine.get(row.id)
    assert (released.state, released.record, released.findings[0].template) == ("released", {}, "")
    assert released.licence_id == newest(collecting, "K1").licence_id
    assert counts(collect(collecting, rows, tmp_path)) == {"unchanged": 3}
    rows[1] |= {"company_type": "普通合伙企业", "registered_capital": "7"}
    assert counts(collect(collecting, rows, tmp_path)) == {"unchanged": 2, "revised": 1}
    with pytest.raises(Conflict) as caught:
        collecting.quarantine.mend(Mending(row.id, record), CONSOLE)
    assert caught.value.code == "quarantine.left"


def test_discarded_and_delivered_again(collecting: Desk, tmp_path: Path) -> None:
    rows = records(2)
    rows[0]["company_type"] = "?"
    collect(collecting, rows, tmp_path)
    row = the_row(collecting)
    for reason in ("", " ", "x" * 501, "a\nb"):
        with pytest.raises(Malformed):
            collecting.quarantine.discard([row.id], CONSOLE, reason)
    with pytest.raises(Refused):
        collecting.quarantine.discard([row.id], ELSEWHERE, "测试")
    with pytest.raises(NotFound):
        collecting.quarantine.discard([row.id, "nobody"], CONSOLE, "测试")
    assert collecting.quarantine.get(row.id).waiting
    assert collecting.quarantine.discard([row.id], CONSOLE, "测试数据") == 1
    gone = collecting.quarantine.get(row.id)
    assert (gone.state, gone.record, gone.reason) == ("discarded", {}, "测试数据")
    assert counts(collect(collecting, rows, tmp_path)) == {"unchanged": 2}
    rows[0]["company_type"] = "普通合伙企业"
    assert counts(collect(collecting, rows, tmp_path)) == {"unchanged": 1, "issued": 1}


def test_what_is_held_back_leaves_no_mark(collecting: Desk, tmp_path: Path) -> None:
    """A right row is no duplicate of a wrong one; once the wrong one is mended, it is."""
    rows = records(2)
    rows[0]["company_type"] = "?"
    rows[1] = {**rows[0], "id": "K1", "company_type": "普通合伙企业"}
    assert counts(collect(collecting, rows, tmp_path)) == {"held": 1, "issued": 1}
    row = the_row(collecting)
    collecting.quarantine.mend(Mending(row.id, {**row.record, "company_type": "普通合伙企业"}), CONSOLE)
    assert counts(collecting.collector.rerun("a", CONSOLE, workers=1)) == {"held": 1}
    assert sorted(told.rule for told in the_row(collecting).findings) == ["alike", "same"]


def test_a_licence_that_ended_stands_in_nobodys_way(collecting: Desk, tmp_path: Path) -> None:
    rows = records(1)
    collect(collecting, rows, tmp_path)
    again = [*rows, {**rows[0], "id": "K9"}]
    assert counts(collect(collecting, again, tmp_path)) == {"unchanged": 1, "held": 1}
    collecting.life.take(newest(collecting, "K0").licence_id, "cancel", OFFICER, reason="歇业", basis="申请")
    view = collecting.collector.rerun("a", CONSOLE, workers=1)
    findings = [told.code for row in collecting.quarantine.page(Wanted()) for told in row.findings]
    assert "cleansing.duplicate" not in findings, findings
    assert counts(view) in ({"issued": 1}, {"held": 1})


def test_a_licence_issued_by_hand_is_known_too(collecting: Desk, tmp_path: Path) -> None:
    [row] = records(1)
    by_hand = {name: row[name] for name in NAMES}
    collecting.issuer.issue("business-licence", by_hand, officer=CONSOLE)
    assert counts(collect(collecting, [row], tmp_path)) == {"held": 1}
    [told] = the_row(collecting).findings
    assert (told.rule, told.code) == ("same", "cleansing.duplicate")


@pytest.mark.parametrize(("theirs", "expected"), [(90, "held"), (50, "held"), (10, "warned")])
def test_sources_that_contradict_each_other(collecting: Desk, tmp_path: Path, theirs: int, expected: str) -> None:
    """The one of higher authority is believed; an equal one is not contradicted lightly."""
    [row] = records(1)
    declare(collecting, "b", "乙库", authority=theirs)
    other = {**row, "name": "另一名称有限公司", "legal_representative": "另有其人", "address": "别处"}
    assert collect(collecting, [other], tmp_path, "b", check=True).counts["held"] == 0
    view = collect(collecting, [row], tmp_path, check=True)
    assert view.counts[expected] == 1
    assert (view.counts["held"], view.counts["warned"]) == ((0, 1) if expected == "warned" else (1, 0))


def test_checked_first_and_sealed_later(collecting: Desk, tmp_path: Path) -> None:
    rows = records(4)
    rows[3]["company_type"] = "?"
    view = collect(collecting, rows, tmp_path, check=True)
    assert (view.kind, counts(view), count(collecting, Licence)) == ("check", {"held": 1}, 0)
    assert counts(collect(collecting, rows, tmp_path)) == {"held": 1, "issued": 3}


def test_rows_entered_one_by_one(collecting: Desk) -> None:
    declare(collecting, "window", "三号窗口", connector={"kind": "entry"}, mode="result", credibility="C")
    good, bad = ({name: row[name] for name in NAMES} for row in records(2))

    def enter(*rows: IncomingRow) -> list[RowOutcome]:
        return collecting.collector.enter("window", rows, CONSOLE)

    [one, two] = enter(IncomingRow(1, "1", good), IncomingRow(2, "2", {**bad, "address": ""}))
    assert (one.what, two.what) == ("issued", "held")
    assert one.licence is not None
    said = collecting.register.find(one.licence.licence_id).message.metadata
    assert (said["source"], said["credibility"]) == ("审批结果电子化：三号窗口", "C")
    assert [f.code for f in two.findings] == ["record.missing_field"]
    assert [o.what for o in enter(IncomingRow(1, "1", good))] == ["unchanged"]
    assert [o.what for o in enter(IncomingRow(1, "1", {**good, "address": "新址"}))] == ["revised"]
    assert [o.what for o in enter(IncomingRow(1, "2", bad))] == ["issued"]
    with pytest.raises(Refused):
        collecting.collector.enter("window", [IncomingRow(1, "3", good)], ELSEWHERE)
    assert [f.code for f in collecting.collector.examine("business-licence", {**bad, "address": ""})] == [
        "record.missing_field"
    ]


HOSTILE: list[dict[str, Any]] = [
    {"id": "x" * 300}, {"id": "a\nb"}, {"id": None}, {"id": "\ud800"},
    {"id": "1", "name": "\0"}, {"id": "2", "name": "\ud800"}, {"id": "3", "name": "x" * 5000},
    {"id": "4", "name": {"a": [1, 2]}}, {"id": "5", "case": "x" * 500}, {"id": "6", "case": "\x01"},
    {"id": "7", "credit_code": "\ud800"}, {"id": "8", "credit_code": "\0"},
]  # fmt: skip


def test_whatever_is_delivered_is_held_back_with_reasons(collecting: Desk, tmp_path: Path) -> None:
    [sound] = records(1)
    rows = [{**sound, **hostile} if "name" not in hostile else hostile for hostile in HOSTILE]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "[]\nnull\n{\n\xff\n", encoding="latin-1")
    view = collecting.collector.run("a", CONSOLE, file=path, workers=1)
    assert view.state == "done", view.stopped_by
    assert view.counts["held"] == view.counts["seen"] == len(rows) + 4
    for row in collecting.quarantine.page(Wanted(), limit=500):
        assert row.findings
        assert all(told.error.message for told in row.findings)
        assert json.dumps(dict(row.record), ensure_ascii=False).encode()  # can be shown


def test_columns_with_hostile_names(collecting: Desk, tmp_path: Path) -> None:
    collecting.sources.declare({**declared(), "id": "plain", "key": ["credit_code"]}, CONSOLE, trusted=True)
    named = zip(records(3), ("\ud800", "\0", "{0}"), strict=True)
    rows = [{**{field: row[field] for field in NAMES}, name: "x"} for row, name in named]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="ascii")
    view = collecting.collector.run("plain", CONSOLE, file=path, workers=1)
    assert (view.state, counts(view)) == ("done", {"held": 3}), view.stopped_by
    for row in collecting.quarantine.page(Wanted()):
        assert json.dumps([dict(row.record), row.findings[0].field], ensure_ascii=False).encode()


def test_who_may_do_what(collecting: Desk, tmp_path: Path) -> None:
    rows = records(1)
    for act in (
        lambda: collecting.collector.run("a", ELSEWHERE, file=tmp_path / "x.csv"),
        lambda: collecting.collector.rerun("a", ELSEWHERE),
        lambda: collecting.sources.close("a", ELSEWHERE, ""),
        lambda: collecting.sources.declare({**declared(), "id": "z"}, ELSEWHERE),
    ):
        with pytest.raises(Refused):
            act()
    with pytest.raises(Refused) as caught:
        collecting.collector.run("a", CONSOLE)
    assert caught.value.code == "source.nothing_to_read"
    with pytest.raises(NotFound):
        collecting.collector.run("nobody", CONSOLE)
    with pytest.raises(LicenceTrustError):
        collecting.sources.declare({**declared(), "type": "teacher-certificate", "department": "education"}, CONSOLE)
    collecting.sources.close("a", CONSOLE, "并入省级库")
    with pytest.raises(Refused) as caught:
        collect(collecting, rows, tmp_path)
    assert caught.value.code == "source.closed"


def test_whose_name_and_whose_folder(collecting: Desk) -> None:
    """Who is not at the console collects in his own name, from his own department's part of the folder."""
    chen = Actor("chen/系统", "market", None, "http")

    def path(name: str) -> dict[str, Any]:
        return {**declared(), "id": "z", "connector": {"kind": "file", "path": name}}

    for raw, code in (
        ({**declared(), "id": "z", "run_as": "li"}, "source.run_as"),
        (path("education/rows.csv"), "source.folder"),
        (path("./education/rows.csv"), "source.folder"),
    ):
        with pytest.raises(Refused) as caught:
            collecting.sources.declare(raw, chen)
        assert caught.value.code == code
    for raw in ({**declared(), "id": "y", "run_as": "chen"}, path("market/rows.csv"), path("monthly/rows.csv")):
        assert collecting.sources.declare(raw, chen).run_as.startswith("chen")
    assert collecting.sources.declare({**declared(), "id": "x", "run_as": "li"}, CONSOLE, trusted=True).run_as == "li"


def declared() -> dict[str, Any]:
    return {"id": "a", "title": "甲库", "type": "business-licence", "department": "market"}


def test_pages_of_the_quarantine(collecting: Desk, tmp_path: Path) -> None:
    rows = [{**row, "company_type": "?"} for row in records(7)]
    collect(collecting, rows, tmp_path)
    seen: list[str] = []
    for page in pages(collecting):
        seen += [row.key for row in page]
    assert sorted(seen) == [f"K{n}" for n in range(7)]
    assert collecting.quarantine.count(Wanted(rule="record.not_in_list")) == 7
    assert collecting.quarantine.count(Wanted(rule="same")) == 0
    assert collecting.quarantine.count(Wanted(departments=frozenset({"education"}))) == 0
    with pytest.raises(Malformed):
        collecting.quarantine.page(Wanted(), after="nobody")
    assert count(collecting, QuarantineRow) == 7
    assert count(collecting, CollectionMark) == 0


def pages(desk: Desk) -> Iterator[tuple[Held, ...]]:
    after = ""
    while page := desk.quarantine.page(Wanted(), after=after, limit=3):
        yield page
        after = page[-1].id


def test_asking_takes_few_statements(collecting: Desk, tmp_path: Path) -> None:
    """Cleansing asks of a chunk at once: not row by row, not rule by rule."""
    from sqlalchemy import event

    statements: list[str] = []
    rows = records(256)
    event.listen(collecting.sessions.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    view = collect(collecting, rows, tmp_path, check=True)
    assert view.counts["seen"] == 256
    assert len(statements) < 40, statements
