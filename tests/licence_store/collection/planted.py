"""A dirty delivery of business licences in which every fault is planted, and a list of what must be found where."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from licence_store.definitions import LicenceTypeDefinition, shipped_definitions

TYPE = "business-licence"
RULES: list[dict[str, Any]] = [
    {"id": "fake", "kind": "format", "field": "name", "none_of": ["测试有限公司"]},
    {"id": "code", "kind": "check_digit", "field": "credit_code", "check": "credit_code"},
    {"id": "capital", "kind": "range", "field": "registered_capital", "max": 100_000_000_000},
    {"id": "term", "kind": "cross_field", "field": "business_term", "relation": "not_before",
     "other": "established_on"},
    {"id": "same", "kind": "duplicate", "fields": ["credit_code", "name"]},
    {"id": "alike", "kind": "near_duplicate", "field": "name", "same": ["address"], "ignore": ["有限公司"]},
    {"id": "other-source", "kind": "contradiction", "key": ["credit_code"], "fields": ["legal_representative"]},
    {"id": "ended", "kind": "expired"},
    {"id": "holder", "kind": "holder_fact", "fact": "registered", "ask": {"code": "credit_code", "name": "name"}},
]  # fmt: skip
EVERY = 25
"""One row in so many is faulty."""
FAULTS = (
    "fake", "code", "capital", "term", "same", "alike", "other-source", "ended", "holder", "schema", "missing",
    "key-missing", "key-repeated", "reading", "three",
)  # fmt: skip


def definition() -> dict[str, Any]:
    """The shipped type with rules of every kind."""
    return {**shipped().source, "cleansing": RULES}


def shipped() -> LicenceTypeDefinition:
    return next(one for one in shipped_definitions() if one.slug == TYPE)


@dataclass
class Planted:
    """What was written, and what must be found: (row, rule)."""

    expected: set[tuple[int, str]] = field(default_factory=set)
    others: list[dict[str, str]] = field(default_factory=list)
    """Rows of the source that is believed."""
    bodies: list[tuple[str, str]] = field(default_factory=list)
    """What the legal-person repository knows: code, name."""
    rows: int = 0


def plant(path: Path, count: int, seed: int = 1) -> Planted:
    """Write ``count`` rows as JSON lines."""
    planted = Planted(rows=count)
    with path.open("w", encoding="utf-8") as file:
        clean: dict[str, str] = {}
        for number, row in enumerate(_rows(count, seed), 1):
            fault = FAULTS[number // EVERY % len(FAULTS)] if number % EVERY == 0 else ""
            planted.bodies.append((row["credit_code"], row["name"]))
            line = _spoilt(planted, number, row, clean, fault)
            file.write(line + "\n")
            if not fault:
                clean = row
    return planted


def _rows(count: int, seed: int) -> Iterator[dict[str, str]]:
    for index, record in enumerate(shipped().example_records(count, seed)):
        established = record["established_on"]
        yield record | {
            "id": f"K{index:07d}",
            "address": f"演示省第{index}号",
            "name": f"{record['name'].removesuffix('有限公司')}{index}号有限公司",
            "business_term": f"{established}/",
        }


def _spoilt(planted: Planted, number: int, row: dict[str, str], clean: dict[str, str], fault: str) -> str:
    expect, row = planted.expected, dict(row)
    match fault:
        case "fake":
            row["name"] = "测试有限公司"
            planted.bodies[-1] = (row["credit_code"], row["name"])
            expect.add((number, "fake"))
        case "code":
            row["credit_code"] = row["credit_code"][:-1] + ("1" if row["credit_code"][-1] != "1" else "2")
            planted.bodies[-1] = (row["credit_code"], row["name"])
            expect.add((number, "code"))
        case "capital":
            row["registered_capital"] = "999999999999"
            expect.add((number, "capital"))
        case "term":
            row["business_term"] = "1990-01-01/"
            expect.add((number, "term"))
        case "same":
            row |= {"credit_code": clean["credit_code"], "name": clean["name"]}
            expect.add((number, "same"))
        case "alike":
            row |= {"address": clean["address"], "name": clean["name"][:3] + "新" + clean["name"][3:]}
            planted.bodies[-1] = (row["credit_code"], row["name"])
            expect.add((number, "alike"))
        case "other-source":
            other = {**row, "name": f"{row['name']}旧", "legal_representative": "另有其人", "address": f"旧址{number}"}
            planted.others.append(other)
            expect.add((number, "other-source"))
        case "ended":
            row["business_term"] = f"{row['established_on']}/2020-01-01"
            row["established_on"] = row["business_term"][:10] if row["established_on"] < "2020" else "2001-01-01"
            row["business_term"] = f"{row['established_on']}/2020-01-01"
            expect.add((number, "ended"))
        case "holder":
            planted.bodies[-1] = (row["credit_code"], "别的名称")
            expect.add((number, "holder"))
        case "schema":
            row["company_type"] = "没有这一类型"
            expect.add((number, "schema"))
        case "missing":
            del row["business_scope"]
            expect.add((number, "schema"))
        case "key-missing":
            row["id"] = ""
            expect.add((number, "delivery"))
        case "key-repeated":
            row["id"] = clean["id"]
            expect.add((number, "delivery"))
        case "reading":
            expect.add((number, "reading"))
            return '{"id": "坏了'
        case "three":
            row |= {"registered_capital": "999999999999", "company_type": "没有这一类型", "business_term": "1990-01-01/"}
            expect.update({(number, "capital"), (number, "schema"), (number, "term")})
    return json.dumps(row, ensure_ascii=False)


def build_bodies(path: Path, planted: Planted) -> None:
    """A legal-person repository as a SQLite file."""
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE body (code TEXT, name TEXT)")
        base.executemany("INSERT INTO body VALUES (?, ?)", planted.bodies)
        base.execute("CREATE INDEX body_code ON body (code)")
    base.close()


def declare(sources: Any, actor: Any, folder: Path, department: str) -> None:
    """The source that is believed, and the dirty one, which asks the repository."""
    names = list(shipped().schema["properties"])
    plain = {"type": TYPE, "department": department, "key": ["id"], "fields": {name: name for name in names}}
    sources.declare({**plain, "id": "believed", "title": "省级库", "authority": 90}, actor, trusted=True)
    facts = {
        "url": f"sqlite:///{folder / 'bodies.sqlite3'}",
        "queries": {"registered": "SELECT max(name = :name) FROM body WHERE code = :code"},
    }
    dirty = {**plain, "id": "dirty", "title": "县级库", "authority": 20, "holder_facts": facts}
    sources.declare(dirty, actor, trusted=True)
