"""A register full of licences that nobody sealed: rows as issuing leaves them, written in bulk. For questions only.

Their data messages are left out and their files do not exist, so nothing here says how long issuing takes or how much
room files need. Names, numbers, dates and states are spread as a province's might be: half persons, half companies, ten
years of issuing, a fifth run out, few revoked, lost, suspended; one holder has thousands.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert, text

from licence_store.models import Department, Licence, LicenceEvent, LicenceType, LicenceVersion, Seal, table
from licence_store.names import bigrams
from licence_store.search_index import SEQUENCE_BITS, add_names
from licence_store.standing import end_of
from seal.database import Sessions
from trust.identifiers import LicenceId, credit_code_check_char

TODAY = datetime(2026, 11, 22, 4, tzinfo=UTC)
YEARS = 10
MANY = 5000
"""Licences of the one holder who has many, in a million."""
_BATCH = 5000
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡余杜叶程苏"
    "魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵"
    "万钱严覃武戴莫孔向汤"
)
_COMMON = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀英霞平刚桂华建国文斌宇浩然欣怡子轩梓涵"
_TRADES = ("科技", "贸易", "食品", "建材", "文化传播", "信息技术", "餐饮管理", "物流", "电子", "医药")
_FORMS = ("有限公司", "有限责任公司", "股份有限公司", "店", "合作社")
_TYPES, _DEPARTMENTS = 5, 20


@dataclass(frozen=True)
class Filled:
    """What is in the register, for whoever asks."""

    count: int
    types: tuple[str, ...]
    departments: tuple[str, ...]
    names: tuple[str, ...]
    """Some of the holders' names."""
    codes: tuple[str, ...]
    numbers: tuple[str, ...]
    busy: str
    """The holder who has many."""


def fill(sessions: Sessions, count: int, seed: int = 1) -> Filled:
    """Write ``count`` licences, with versions and events, into a migrated register that is empty."""
    chance = random.Random(seed)
    codes = [_code(n) for n in range(max(_TYPES, _DEPARTMENTS))]
    types = tuple(f"{code}001" for code in codes[:_TYPES])
    departments = tuple(f"d{n}" for n in range(_DEPARTMENTS))
    with sessions.begin() as session:
        created = {"created": TODAY}
        rows = [{"id": d, "code": c, "name": f"部门{d}", **created} for d, c in zip(departments, codes, strict=True)]
        session.execute(insert(Department), rows)
        seal = {"id": "s", "name": "章", "department_id": "d0", "digest": "0", "key_name": "k", **created}
        session.execute(insert(Seal), [seal])
        kinds = [{"code": c, "slug": f"t{n}", "name": f"类型{n}", "version": 1} for n, c in enumerate(types)]
        session.execute(insert(LicenceType), kinds)
    write = _copy if sessions.dialect == "postgresql" else _insert
    kept: list[dict[str, Any]] = []
    rows = _rows(chance, count, types, departments, codes)
    while some := list(islice(rows, _BATCH)):
        kept += chance.sample([row for row, _, _ in some], min(len(some), max(1, 2000 * _BATCH // count)))
        write(sessions, some)
    if sessions.dialect == "postgresql":
        with sessions.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SELECT setval('licence_place', :last)"), {"last": count + 1})
            connection.execute(text("VACUUM ANALYZE"))
    return Filled(
        count, types, departments, tuple(row["holder_name"] for row in kept), tuple(row["holder_code"] for row in kept),
        tuple(row["number"] for row in kept), "BUSY",
    )  # fmt: skip


Row = tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]


def _code(number: int) -> str:
    first = f"1199{number:04d}MB0D00001"
    return first + credit_code_check_char(first)


def _rows(
    chance: random.Random, count: int, types: Sequence[str], departments: Sequence[str], codes: Sequence[str]
) -> Iterator[Row]:
    given = "".join(chr(0x4E00 + chance.randrange(20900)) for _ in range(600)) + _COMMON * 8
    name = _namer(chance, given)
    first, days = TODAY.date() - timedelta(days=365 * YEARS), 365 * YEARS
    for n in range(count):
        day = first + timedelta(days=n * days // count)
        kind = min(int(chance.expovariate(1.2)), _TYPES - 1)
        department = (kind * 4 + chance.randrange(8)) % _DEPARTMENTS
        busy = chance.random() < MANY / 1_000_000
        moment = datetime.combine(day, time(1), UTC) + timedelta(microseconds=n)
        term = chance.choice((0, 0, 3, 5))
        ends = (day + timedelta(days=365 * term)).isoformat() if term else ""
        yield _row(chance, n, name(), types[kind], departments[department], codes[department], busy, moment, day, ends)


def _namer(chance: random.Random, given: str) -> Callable[[], str]:
    def name() -> str:
        if chance.random() < 0.5:
            return chance.choice(_SURNAMES) + "".join(chance.choice(given) for _ in range(chance.choice((1, 2, 2))))
        coined = "".join(chance.choice(given) for _ in range(chance.choice((2, 3))))
        return f"演示{coined}{chance.choice(_TRADES)}{chance.choice(_FORMS)}"

    return name


def _row(
    chance: random.Random, n: int, name: str, kind: str, department: str, code: str, busy: bool, moment: datetime,
    day: date, ends: str,
) -> Row:  # fmt: skip
    identifier = LicenceId(kind, code, f"{n:020d}", 1)
    ended = chance.random()
    state = "REVOKED" if ended < 0.005 else "CANCELLED" if ended < 0.02 else "LOST" if ended < 0.023 else "CURRENT"
    state = "SUSPENDED" if 0.023 < ended < 0.025 else state
    end = end_of(ends)
    over = state not in ("REVOKED", "CANCELLED") and end is not None and end <= TODAY
    swept = over and chance.random() < 0.998
    due = TODAY + timedelta(days=chance.randrange(-3, 180)) if chance.random() < 0.1 else None
    soon = None if due is not None and due <= TODAY and chance.random() < 0.98 else due  # the sweep has been there
    coming = None if swept or state in ("REVOKED", "CANCELLED") else min(filter(None, (end, soon)), default=None)
    row = {
        "base": identifier.base, "type_code": kind, "department_id": department, "number": f"{day.year}{n:012d}",
        "holder_name": name, "holder_code": "BUSY" if busy else f"H{n * 7919 % 10**9:017d}", "holder_code_type": "111",
        "record_key": f"id:{n}", "version": 1, "issued": moment, "state": state, "since": moment, "ends": ends,
        "inspect_by": due, "inspect_year": 2026 if due else None, "next_change": coming,
        "place": (day.toordinal() << SEQUENCE_BITS) + n + 1,
    }  # fmt: skip
    version = {
        "licence_id": identifier.text, "base": identifier.base, "version": 1, "type_code": kind, "type_version": 1,
        "seal_id": "s", "file_digest": f"{n:064x}", "file_size": 140_000, "message": b"", "issued_on": day.isoformat(),
        "valid_from": day.isoformat(), "valid_to": ends, "status_list": f"{n >> 16:08x}", "status_index": n & 0xFFFF,
        "sealed": moment, "recorded": moment,
    }  # fmt: skip
    happened = [_event(identifier.base, "issue", "CURRENT", moment)]
    if state != "CURRENT":
        kinds = {"REVOKED": "revoke", "CANCELLED": "cancel", "LOST": "report_lost", "SUSPENDED": "suspend"}
        happened.append(_event(identifier.base, kinds[state], state, moment + timedelta(days=1)))
    if swept and end is not None:
        happened.append(_event(identifier.base, "expire", "EXPIRED", end))
    return row, version, happened


def _event(base: str, kind: str, state: str, moment: datetime) -> dict[str, Any]:
    return {
        "base": base, "version": 1, "kind": kind, "state": state, "effective": moment, "recorded": moment,
        "actor": "bench", "reason": "",
    }  # fmt: skip


def _insert(sessions: Sessions, some: Sequence[Row]) -> None:
    with sessions.begin() as session:
        connection = session.connection()
        connection.execute(insert(table(Licence)), [row for row, _, _ in some])
        connection.execute(insert(table(LicenceVersion)), [version for _, version, _ in some])
        connection.execute(insert(table(LicenceEvent)).inline(), [one for _, _, happened in some for one in happened])
        add_names(connection, [(row["place"], row["holder_name"]) for row, _, _ in some])


def _copy(sessions: Sessions, some: Sequence[Row]) -> None:
    """PostgreSQL's own way for masses; what the tables check row by row is right as it is made."""
    with sessions.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        cursor = connection.connection.cursor()
        events = [one for _, _, happened in some for one in happened]
        for name, rows in (
            ("licence", [row for row, _, _ in some]), ("licence_version", [v for _, v, _ in some]),
            ("licence_event", events),
        ):  # fmt: skip
            columns = list(rows[0])
            with cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:  # type: ignore[attr-defined]
                for row in rows:
                    copy.write_row([row[column] for column in columns])
        with cursor.copy("COPY licence_gram (gram, place) FROM STDIN") as copy:  # type: ignore[attr-defined]
            for row, _, _ in some:
                for gram in bigrams(row["holder_name"]):
                    copy.write_row((gram, row["place"]))
