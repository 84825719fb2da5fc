"""Search: every criterion finds what it should, names by any part of them, pages without gaps or repeats."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from licence_store.criteria import Criteria
from licence_store.names import bigrams, fold, matches, words
from licence_store.search_index import SEQUENCE_BITS, after_day, first_place, renamed
from tests.licence_store.stock import TYPES, Stock
from trust.errors import Malformed


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("华新（北京）有限公司", "华新北京有限公司"),
        ("ＡＢＣ　Ｌｔｄ．", "abcltd"),
        ("阿依古丽·买买提", "阿依古丽买买提"),
        ("Straße ﬁne", "strassefine"),
        ("𠮷野", "𠮷野"),
        ("①②", "12"),
        ("%_'\"*\0\udcff", ""),
        ("", ""),
    ],
)
def test_names_are_folded(name: str, folded: str) -> None:
    assert fold(name) == folded
    assert matches(name, words(name)) or not folded


def test_every_character_begins_a_pair() -> None:
    assert bigrams("王小明") == ["王小", "小明", "明␃"]
    assert bigrams("王") == ["王␃"]
    assert bigrams("哈哈哈") == ["哈哈", "哈␃"]
    assert bigrams("…") == []


NAMES = ["王伟", "王小明", "欧阳修文", "王", "华新（北京）科技有限公司", "华新食品店", "ＡＢＣ贸易有限公司", "𠮷野家", "李·明", "★"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("王伟", ["王伟"]),
        ("王", ["王伟", "王小明", "王"]),
        ("伟", ["王伟"]),
        ("修", ["欧阳修文"]),
        ("阳修文", ["欧阳修文"]),
        ("华新(北京)", ["华新（北京）科技有限公司"]),
        ("公司 华新", ["华新（北京）科技有限公司"]),
        ("有限公司", ["华新（北京）科技有限公司", "ＡＢＣ贸易有限公司"]),
        ("abc", ["ＡＢＣ贸易有限公司"]),
        ("𠮷", ["𠮷野家"]),
        ("李明", ["李·明"]),
        ("明 王", ["王小明"]),
        ("新京", []),
        ("限华", []),
        ("★", []),
        ("%", []),
        ("\"OR\" *", []),
        ("王 NOT 伟", []),
    ],
)
def test_names_are_found_by_any_part(stock: Stock, asked: str, found: list[str]) -> None:
    stock.add(*({"holder_name": name} for name in NAMES))
    for criteria in (Criteria(name=asked), Criteria(text=asked)):
        assert sorted(stock.names(criteria)) == sorted(found)


def test_a_holder_who_is_renamed_is_found_by_the_new_name_only(stock: Stock) -> None:
    [licence_id] = stock.add({"holder_name": "华新食品店"})
    base = licence_id.rsplit(".", 2)[0]
    with stock.sessions.begin() as session:
        place = session.execute(text("SELECT place FROM licence WHERE base = :base"), {"base": base}).scalar_one()
        renamed(session, place, "华新食品店", "东海食品店")
        session.execute(text("UPDATE licence SET holder_name = '东海食品店' WHERE base = :base"), {"base": base})
    assert stock.ids(Criteria(name="华新")) == []
    assert stock.ids(Criteria(name="新食")) == []
    assert stock.ids(Criteria(name="东海食品")) == [licence_id]


def test_what_is_undone_is_not_in_the_index(stock: Stock) -> None:
    with pytest.raises(KeyError), stock.sessions.begin() as session:
        from licence_store.search_index import add_names

        add_names(session.connection(), [(1, "王伟")])
        raise KeyError
    assert stock.ids(Criteria(name="王伟")) == []


SOME = [
    {"number": "甲〔2026〕1号", "holder_code": "91990000MA00000001", "type": "A", "issued_on": "2026-01-31"},
    {"number": "2", "holder_code": "91990000MA00000001", "type": "B", "issued_on": "2026-02-01"},
    {"number": "3", "department": "education", "type": "B", "issued_on": "2026-02-02"},
    {"number": "4", "department": "education", "type": "A", "issued_on": "1958-07-01"},
]


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        (Criteria(), [2, 1, 0, 3]),
        (Criteria(number="甲〔2026〕1号"), [0]),
        (Criteria(number=" ２ "), [1]),
        (Criteria(text="甲〔2026〕1号"), [0]),
        (Criteria(holder_code="91990000ma00000001"), [1, 0]),
        (Criteria(text="91990000MA00000001"), [1, 0]),
        (Criteria(holder_code="91990000MA00000001", type_code=TYPES["B"]), [1]),
        (Criteria(type_code=TYPES["B"]), [2, 1]),
        (Criteria(department="education"), [2, 3]),
        (Criteria(departments=("education", "market")), [2, 1, 0, 3]),
        (Criteria(departments=("education",), department="market"), []),
        (Criteria(departments=()), []),
        (Criteria(types=(TYPES["B"],), departments=("market",)), [1]),
        (Criteria(issued_from="2026-01-31", issued_to="2026-02-01"), [1, 0]),
        (Criteria(issued_to="1999-12-31"), [3]),
        (Criteria(issued_from="2026-02-02"), [2]),
        (Criteria(issued_from="2026-02-02", issued_to="2026-02-01"), []),
        (Criteria(number="无此号"), []),
        (Criteria(text="' OR 1=1 --"), []),
    ],
)
def test_each_criterion(stock: Stock, criteria: Criteria, found: list[int]) -> None:
    ids = stock.add(*SOME)
    assert stock.ids(criteria) == [ids[at] for at in found]


def test_an_id_finds_its_licence_whatever_version_it_names(stock: Stock) -> None:
    [licence_id, _] = stock.add({}, {})
    assert stock.ids(Criteria(text=licence_id)) == [licence_id]
    from trust.identifiers import parse_licence_id

    assert stock.ids(Criteria(text=parse_licence_id(licence_id).with_version(7).text.lower())) == [licence_id]


def test_pages_are_stable_while_licences_are_issued(stock: Stock) -> None:
    """One that comes meanwhile with an earlier day may be met, but nothing is met twice or passed over."""
    ids = stock.add(*({"issued_on": f"2026-0{1 + n % 5}-01", "type": "AB"[n % 2]} for n in range(30)))
    seen, after = [], None
    while True:
        page = stock.search.page(Criteria(type_code=TYPES["A"]), after=after, limit=4)
        seen += [one.licence_id for one in page.items]
        stock.add({"issued_on": "2026-06-01", "type": "A"}, {"issued_on": "2026-03-01", "type": "A"})
        after = page.next
        if after is None:
            break
    assert [one for one in seen if one in ids] == sorted((one for one in ids[::2]), key=seen.index)
    assert len(seen) == len(set(seen))
    assert set(ids[::2]) <= set(seen)


def test_a_page_is_a_bounded_amount_of_work(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two common criteria that exclude each other: short pages that lead on to the end, none of them the whole walk."""
    monkeypatch.setattr("licence_store.search_walk.ROUNDS", (2, 3))
    monkeypatch.setattr("licence_store.leads.PROBE", 4)
    ids = stock.add(
        *({"type": "A", "department": "education"} for _ in range(8)), {"type": "B", "department": "education"},
        *({"type": "B", "department": "market"} for _ in range(8)),
    )  # fmt: skip
    criteria = Criteria(type_code=TYPES["B"], departments=("education", "nowhere"))
    page = stock.search.page(criteria, limit=50)
    pages = [page]
    while page.next is not None:
        page = stock.search.page(criteria, after=page.next, limit=50)
        pages.append(page)
    assert [one.licence_id for page in pages for one in page.items] == [ids[8]]
    assert len(pages) > 1
    assert pages[0].next is not None


@pytest.mark.parametrize("day", ["2026-2-1", "20260201", "2026-13-01", "昨天", "9999-12-31x"])
def test_a_day_that_is_none_is_refused(stock: Stock, day: str) -> None:
    with pytest.raises(Malformed, match="日期"):
        stock.search.page(Criteria(issued_from=day))


def test_the_last_and_the_first_day_have_places() -> None:
    assert first_place("0001-01-01") == 1 << SEQUENCE_BITS
    assert after_day("9999-12-31") < 1 << 62


def test_changed_since(stock: Stock) -> None:
    ids = stock.add({}, {}, {})
    later = stock.moment + timedelta(days=1)
    stock.happen(ids[0], "SUSPENDED", later)
    stock.happen(ids[0], "CURRENT", later + timedelta(hours=1))
    assert stock.ids(Criteria(changed_since=later)) == [ids[0]]
    assert stock.ids(Criteria(changed_since=datetime(2020, 1, 1, tzinfo=UTC))) == ids[::-1]
    assert stock.ids(Criteria(changed_since=later + timedelta(days=1))) == []


def test_states_are_those_of_the_moment_swept_or_not(stock: Stock) -> None:
    """What time has brought is found whether or not a sweep has written it down."""
    past = stock.moment - timedelta(days=30)
    ids = stock.add(
        {}, {}, {"valid_to": "2026-05-31"}, {"valid_to": "2026-05-31"}, {"due": past}, {"due": past}, {"valid_to": "2026-06-01"},
        {"valid_to": "2026-05-31"},
    )  # fmt: skip
    stock.happen(ids[1], "SUSPENDED", stock.moment)
    stock.happen(ids[3], "EXPIRED", datetime(2026, 5, 31, 16, tzinfo=UTC))
    stock.happen(ids[5], "INSPECTION_OVERDUE", past)
    stock.happen(ids[7], "CANCELLED", stock.moment)
    stock.moment += timedelta(hours=1)
    wanted = {
        ("CURRENT",): [6, 0], ("SUSPENDED",): [1], ("EXPIRED",): [3, 2], ("INSPECTION_OVERDUE",): [5, 4],
        ("CANCELLED", "SUSPENDED"): [7, 1], ("REVOKED",): [], ("EXPIRED", "INSPECTION_OVERDUE", "CURRENT"): [6, 5, 4, 3, 2, 0],
    }  # fmt: skip
    for states, found in wanted.items():
        assert stock.ids(Criteria(states=states)) == [ids[at] for at in found], states
        assert {one.state for one in stock.summaries(Criteria(states=states))} <= set(states)
    [overdue] = [one for one in stock.summaries(Criteria()) if one.licence_id == ids[4]]
    assert (overdue.state, overdue.since) == ("INSPECTION_OVERDUE", past)
    expired = list(stock.summaries(Criteria(states=("EXPIRED",))))
    assert {one.since for one in expired} == {datetime(2026, 5, 31, 16, tzinfo=UTC)}
    stock.moment += timedelta(days=1)
    assert stock.ids(Criteria(states=("EXPIRED",))) == [ids[6], ids[3], ids[2]]


def test_the_end_of_validity(stock: Stock) -> None:
    ids = stock.add({"valid_to": "2026-12-31"}, {"valid_to": "2027-01-01"}, {})
    assert stock.ids(Criteria(ends_from="2026-12-31", ends_to="2026-12-31")) == ids[:1]
    assert stock.ids(Criteria(ends_from="2026-12-31")) == [ids[1], ids[0]]
    assert stock.ids(Criteria(ends_to="2027-12-31")) == [ids[1], ids[0]]


def test_a_state_that_is_none_is_refused(stock: Stock) -> None:
    with pytest.raises(Malformed, match="状态"):
        stock.search.page(Criteria(states=("FINE",)))


def test_what_leads_is_found_by_its_index(stock: Stock) -> None:
    """On SQLite the plan can be asked for without data: every lead walks an index, none the table."""
    if stock.sessions.dialect != "sqlite":
        pytest.skip("SQLite's planner alone goes by the indices and not by the data")
    from sqlalchemy.dialects import sqlite as dialect

    from licence_store.leads import Reach
    from licence_store.search_walk import leads_for

    criteria = Criteria(
        text="王伟", number="1", holder_code="2", name="王伟", type_code="x", department="y", ends_from="2026-01-01",
        states=("EXPIRED", "REVOKED", "INSPECTION_OVERDUE"), changed_since=stock.moment, departments=("a", "b"),
    )  # fmt: skip
    with stock.sessions.read() as session:
        for lead in leads_for(session, criteria, stock.moment):
            query = lead.newest(Reach(1 << 61, 1), 200).compile(dialect=dialect.dialect(), compile_kwargs={"literal_binds": True})
            plan = [row.detail for row in session.execute(text(f"EXPLAIN QUERY PLAN {query}"))]
            assert not [step for step in plan if step.startswith("SCAN licence")and "VIRTUAL" not in step], plan
