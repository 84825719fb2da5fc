"""The feed of changes: in order, with tombstones, and nothing is passed over however many write at once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import insert

from licence_store import journal
from licence_store.changes import ChangeFeed, ChangePage
from licence_store.models import LicenceEvent
from tests.licence_store.stock import TYPES, Stock
from trust.journal import Actor, Entry


@pytest.fixture
def feed(stock: Stock) -> ChangeFeed:
    return ChangeFeed(stock.sessions)


def read_on(feed: ChangeFeed, after: int = 0, limit: int = 3) -> list[ChangePage]:
    pages = [feed.page(after, limit=limit)]
    while pages[-1].more:
        pages.append(feed.page(pages[-1].next, limit=limit))
    return pages


def test_everything_in_order_with_tombstones(stock: Stock, feed: ChangeFeed) -> None:
    ids = stock.add(*({} for _ in range(7)))
    later = stock.moment + timedelta(days=1)
    stock.happen(ids[0], "SUSPENDED", later)
    stock.happen(ids[1], "REVOKED", later)
    pages = read_on(feed)
    changes = [one for page in pages for one in page.items]
    assert [one.licence_id for one in changes] == [*ids, ids[0], ids[1]]
    assert [one.tombstone for one in changes] == [False] * 8 + [True]
    assert [one.number for one in changes] == sorted(one.number for one in changes)
    again = feed.page(pages[-1].next)
    assert (again.items, again.next, again.more) == ((), pages[-1].next, False)
    stock.happen(ids[2], "EXPIRED", later)
    assert [one.tombstone for one in feed.page(again.next).items] == [True]


def test_since_a_moment(stock: Stock, feed: ChangeFeed) -> None:
    ids = stock.add({}, {})
    later = stock.moment + timedelta(days=1)
    stock.happen(ids[0], "SUSPENDED", later)
    assert [one.licence_id for one in feed.page(feed.since(later)).items] == [ids[0]]
    assert len(feed.page(feed.since(stock.moment - timedelta(days=1))).items) == 3
    assert feed.page(feed.since(later + timedelta(days=1))).items == ()
    assert feed.page(10**15).items == ()


def test_a_caller_sees_what_is_theirs_and_still_moves_on(stock: Stock, feed: ChangeFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("licence_store.changes.SCAN", 4)
    ids = stock.add(*({"type": "B" if n == 9 else "A"} for n in range(10)))
    after, seen, pages = 0, [], 0
    while True:
        page = feed.page(after, types=(TYPES["B"],))
        seen += [one.licence_id for one in page.items]
        assert page.next > after or not page.more
        after, pages = page.next, pages + 1
        if not page.more:
            break
    assert seen == [ids[9]]
    assert pages == 3
    assert feed.page(0, departments=("education",)).items == ()


def test_writers_at_once_become_visible_in_the_order_of_the_feed(stock: Stock, feed: ChangeFeed) -> None:
    """The first to write commits last: the second waits for it, so no reader sees the second and misses the first."""
    ids = stock.add({}, {})
    bases = [one.rsplit(".", 2)[0] for one in ids]
    begun, written = threading.Event(), threading.Event()

    def second() -> None:
        begun.wait(10)
        with stock.sessions.begin() as session:
            session.execute(insert(LicenceEvent), [stock.event(bases[1], "suspend", "SUSPENDED", stock.moment)])
        written.set()

    thread = threading.Thread(target=second)
    thread.start()
    with stock.sessions.begin() as session:
        session.execute(insert(LicenceEvent), [stock.event(bases[0], "suspend", "SUSPENDED", stock.moment)])
        begun.set()
        overtaken = written.wait(0.5)
        place = feed.page(0).next
        journal.append(session, [Entry(stock.moment, Actor("t", None, None, "cli"), "x", "y")])
    thread.join(10)
    assert not overtaken
    assert [one.licence_id for one in feed.page(place).items] == ids


def test_many_writers_and_a_reader_that_never_rests(stock: Stock, feed: ChangeFeed) -> None:
    ids = stock.add(*({} for _ in range(4)))
    bases = [one.rsplit(".", 2)[0] for one in ids]
    start = after = feed.page(0).next

    def write(base: str) -> None:
        for _ in range(15):
            with stock.sessions.begin() as session:
                session.execute(insert(LicenceEvent), [stock.event(base, "suspend", "SUSPENDED", stock.moment)])

    threads = [threading.Thread(target=write, args=(base,)) for base in bases]
    for thread in threads:
        thread.start()
    seen: list[int] = []
    while any(thread.is_alive() for thread in threads) or feed.page(after).items:
        page = feed.page(after, limit=7)
        seen += [one.number for one in page.items]
        after = page.next
    assert seen == [one.number for page in read_on(feed, start, 100) for one in page.items]
    assert len(seen) == 60
