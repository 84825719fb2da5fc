"""Deliveries of every kind: read row by row, gone on with from any position, refused with a reason."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from licence_store.collection.connectors.delivery import Delivery
from licence_store.collection.connectors.files import FileDelivery, digest_of
from licence_store.collection.connectors.folders import FolderDelivery
from licence_store.collection.connectors.services import ServiceDelivery
from licence_store.collection.connectors.tables import TableDelivery
from licence_store.collection.facts import HTTPHolderFacts, Question, SQLHolderFacts
from seal.database import open_database
from tests.trust.http_server import Answer, Server, running_server
from trust.errors import LicenceTrustError, Malformed, NotFound, Unavailable
from trust.fetching import HTTPFetcher

ROWS = [{"id": str(n), "name": f"第{n}家"} for n in range(1, 8)]


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as one:
        yield one


def content(delivery: Delivery, position: str = "") -> list[Any]:
    return [one.content for one in delivery.rows(position)]


def write_xlsx(path: Path, lines: list[list[Any]], title: str = "数据") -> Path:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for line in lines:
        sheet.append(line)
    book.save(path)
    return path


def as_csv(path: Path) -> Path:
    path.write_text("id,name\n" + "".join(f"{r['id']},{r['name']}\n" for r in ROWS), encoding="utf-8-sig")
    return path


def as_json(path: Path) -> Path:
    path.write_text(json.dumps(ROWS, ensure_ascii=False), encoding="utf-8")
    return path


def as_jsonl(path: Path) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in ROWS), encoding="utf-8")
    return path


def as_xlsx(path: Path) -> Path:
    return write_xlsx(path, [["id", "name"], *[[r["id"], r["name"]] for r in ROWS]])


MAKERS: dict[str, Callable[[Path], Path]] = {".csv": as_csv, ".json": as_json, ".jsonl": as_jsonl, ".xlsx": as_xlsx}


@pytest.mark.parametrize("suffix", MAKERS)
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    delivery = FileDelivery(MAKERS[suffix](tmp_path / f"in{suffix}"))
    assert content(delivery) == ROWS
    assert delivery.identity == {"file": f"in{suffix}", "sm3": digest_of(tmp_path / f"in{suffix}")}
    for row in delivery.rows(""):
        assert content(delivery, row.position) == ROWS[row.number :]


def test_a_workbook_keeps_no_more_in_memory_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shared texts are unpacked as a whole; rows are not."""
    path = write_xlsx(tmp_path / "x.xlsx", [["id"], ["x" * 30_000]])
    with zipfile.ZipFile(path) as parts:
        kept = sum(one.file_size for one in parts.infolist() if not one.filename.startswith("xl/worksheets/"))
    monkeypatch.setattr("licence_store.collection.connectors.files.MAX_KEPT", kept)
    assert len(content(FileDelivery(path))) == 1
    monkeypatch.setattr("licence_store.collection.connectors.files.MAX_KEPT", kept - 1)
    with pytest.raises(Malformed) as caught:
        content(FileDelivery(path))
    assert caught.value.code == "delivery.too_large"


def test_cells_of_a_workbook_become_what_they_mean(tmp_path: Path) -> None:
    day = datetime(2026, 3, 1)
    lines = [[], ["a", "b", "c", "d", None], [1.0, day, date(2026, 3, 2), "=1+1"], [], [None, " x "], [1, 2, 3, 4, 5]]
    rows = content(FileDelivery(write_xlsx(tmp_path / "x.xlsx", lines)))
    assert rows[0] == {"a": 1, "b": "2026-03-01", "c": "2026-03-02"}
    assert rows[1] == {"b": " x "}
    assert rows[2].code == "intake.cells"


def broken_xlsx(path: Path) -> Path:
    path.write_bytes(b"PK\x03\x04 no workbook")
    return path


def empty_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w"):
        pass
    return path


def no_header(path: Path) -> Path:
    return write_xlsx(path, [["a", "a"], [1, 2]])


def bad_json(path: Path) -> Path:
    path.write_text("[{", encoding="utf-8")
    return path


def no_list(path: Path) -> Path:
    path.write_text('"x"', encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "make", "code"),
    [
        ("x.xlsx", broken_xlsx, "delivery.workbook"),
        ("x.xlsx", empty_zip, "delivery.workbook"),
        ("x.xlsx", no_header, "intake.header"),
        ("x.json", bad_json, "delivery.json"),
        ("x.json", no_list, "delivery.records"),
        ("x.txt", no_list, "delivery.suffix"),
        ("gone.csv", lambda path: path, "intake.missing"),
        ("gone.xlsx", lambda path: path, "intake.missing"),
        ("gone.json", lambda path: path, "intake.missing"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, make: Callable[[Path], Path], code: str) -> None:
    with pytest.raises(LicenceTrustError) as caught:
        content(FileDelivery(make(tmp_path / name)))
    assert caught.value.code == code


def test_records_inside_a_document_and_a_named_sheet(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"data": {"items": [*ROWS, 3]}}), encoding="utf-8")
    rows = content(FileDelivery(tmp_path / "x.json", records="data.items"))
    assert rows[:-1] == ROWS
    assert rows[-1].code == "intake.not_a_record"
    book = write_xlsx(tmp_path / "x.xlsx", [["a"], [1]], "二")
    assert content(FileDelivery(book, sheet="二")) == [{"a": 1}]
    with pytest.raises(Malformed, match="三"):
        content(FileDelivery(book, sheet="三"))


# Folders


def folder(place: Path, manifest: Any = None) -> FolderDelivery:
    place.mkdir()
    as_csv(place / "a.csv")
    as_jsonl(place / "b.jsonl")
    files = [{"name": "a.csv", "sm3": digest_of(place / "a.csv")},
             {"name": "b.jsonl", "sha256": hashlib.sha256((place / "b.jsonl").read_bytes()).hexdigest()}]  # fmt: skip
    whole = {"delivery": "2026-11", "files": files} if manifest is None else manifest
    (place / "manifest.json").write_text(json.dumps(whole), encoding="utf-8")
    return FolderDelivery(place)


def test_a_folder_is_read_as_its_manifest_says(tmp_path: Path) -> None:
    delivery = folder(tmp_path / "in")
    assert content(delivery) == ROWS + ROWS
    assert delivery.complete
    for row in delivery.rows(""):
        assert content(delivery, row.position) == (ROWS + ROWS)[row.number :]


@pytest.mark.parametrize(
    "files",
    [
        None, [], "x", [1], [{"name": "a.csv"}], [{"name": "../a.csv", "sm3": "0" * 64}],
        [{"name": "/etc/passwd.csv", "sm3": "0" * 64}], [{"name": "a\\b.csv", "sm3": "0" * 64}],
        [{"name": "a.exe", "sm3": "0" * 64}], [{"name": "a.csv", "sm3": "0"}],
    ],
)  # fmt: skip
def test_a_manifest_that_says_nothing_sound(tmp_path: Path, files: Any) -> None:
    with pytest.raises(Malformed) as caught:
        content(folder(tmp_path / "in", {"files": files}))
    assert caught.value.code == "delivery.manifest"


def test_a_file_that_is_not_the_one_named(tmp_path: Path) -> None:
    delivery = folder(tmp_path / "in")
    with (tmp_path / "in" / "b.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(Malformed) as caught:
        content(delivery)
    assert caught.value.code == "delivery.digest"
    with pytest.raises(NotFound):
        content(FolderDelivery(tmp_path))


# Tables


@pytest.fixture
def database(database_url: str) -> str:
    """A table of another system on each engine: two thousand and some rows, a key of two columns."""
    sessions = open_database(database_url, durable=False)
    stamp = "TIMESTAMP" if sessions.dialect == "postgresql" else "TEXT"
    with sessions.begin() as session:
        session.execute(text(f"CREATE TABLE old (a INTEGER, b TEXT, name TEXT, born DATE, changed {stamp})"))
        rows = [{"a": n // 7, "b": f"k{n % 7}", "n": f"第{n}家", "d": "2020-01-05", "c": f"2026-01-01 00:{n // 60:02}:00"}
                for n in range(2100)]  # fmt: skip
        session.execute(text("INSERT INTO old VALUES (:a, :b, :n, :d, :c)"), rows)
    sessions.close()
    return database_url


def test_a_table_is_read_in_pages_by_its_key(database: str) -> None:
    delivery = TableDelivery(database, "old", ("a", "b"), ("name", "born"))
    rows = list(delivery.rows(""))
    assert [row.content["name"] for row in rows] == [f"第{n}家" for n in range(2100)]  # type: ignore[index]
    assert rows[0].content["born"] == "2020-01-05"  # type: ignore[index]
    assert delivery.complete
    for number in (1, 999, 1000, 1001, 2099, 2100):
        assert len(content(delivery, rows[number - 1].position)) == 2100 - number


def test_what_changed_since_the_last_time(database: str) -> None:
    first = TableDelivery(database, "old", ("a", "b"), ("name",), "changed")
    assert first.watermark.startswith("2026-01-01 00:34:00")
    assert len(content(first)) == 2100
    again = TableDelivery(database, "old", ("a", "b"), ("name",), "changed", first.watermark)
    assert not again.complete
    assert len(content(again)) == 60  # the last minute once more, so that nothing late is missed


def test_a_table_is_only_ever_read(database: str) -> None:
    delivery = TableDelivery(database, "old", ("a",), ("name",))
    with pytest.raises(Exception, match=r"read-?only"), delivery.engine.begin() as connection:
        connection.execute(text("DELETE FROM old"))
    with pytest.raises(Unavailable) as caught:
        content(TableDelivery(database, "nowhere", ("a",), ()))
    assert caught.value.code == "delivery.database"


@pytest.mark.parametrize("url", ["nonsense", "mysql://h/x", "oracle://h/x", "://", "sqlite:////nowhere/at/all"])
def test_databases_that_cannot_be_reached(url: str) -> None:
    with pytest.raises((Malformed, Unavailable)):
        content(TableDelivery(url, "old", ("a",), ()))


def test_holder_facts_from_a_table(database: str) -> None:
    queries = {"lives": "SELECT max(CASE WHEN name = :name THEN 1 ELSE 0 END) FROM old WHERE b = :b"}
    facts = SQLHolderFacts.open(database, queries)
    questions = [
        Question("lives", {"b": "k0", "name": "第0家"}),
        Question("lives", {"b": "k0", "name": "第1家"}),
        Question("lives", {"b": "nobody", "name": "第1家"}),
        Question("flies", {"b": "k0"}),
    ]
    assert facts.confirm(questions) == [True, False, None, None]
    with pytest.raises(Unavailable):
        SQLHolderFacts.open(database, {"lives": "SELECT nonsense"}).confirm(questions[:1])


# Services


def service(server: Server, **more: Any) -> ServiceDelivery:
    names = {"records": "data.items", "next": "data.next", "size": "n", "page": 3}
    return ServiceDelivery(HTTPFetcher(allow_private=True), f"{server.url}/licences?kind=a", **{**names, **more})


def pages(server: Server, since: str = "") -> None:
    parts = [ROWS[:3], ROWS[3:6], ROWS[6:]]
    for number, items in enumerate(parts):
        asked = "/licences?kind=a&n=3" + (f"&cursor={number}" if number else "") + (f"&after={since}" if since else "")
        following = str(number + 1) if number < 2 else None
        body = {"data": {"items": items, "next": following, "as_of": f"2026-11-0{number + 1}"}}
        server.answers[asked] = Answer(body=json.dumps(body).encode())


def test_a_service_is_asked_page_by_page(server: Server) -> None:
    pages(server)
    rows = list(service(server, headers={"X-Key": "k"}).rows(""))
    assert [row.content for row in rows] == ROWS
    assert {one["X-Key"] for one in server.headers} == {"k"}
    for row in rows:
        assert content(service(server), row.position) == ROWS[row.number :]


def test_a_service_says_where_the_next_time_begins(server: Server) -> None:
    pages(server)
    first = service(server, since_name="after", watermark_path="data.as_of")
    assert (first.complete, len(content(first)), first.watermark) == (True, 7, "2026-11-01")
    pages(server, "2026-11-01")
    again = service(server, since_name="after", watermark_path="data.as_of", since="2026-11-01")
    assert (again.complete, len(content(again))) == (False, 7)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"data": 1}', b'{"data": {"items": {}}}', b"[" * 5000])
def test_answers_that_make_no_sense(server: Server, body: bytes) -> None:
    server.answers["/licences?kind=a&n=3"] = Answer(body=body)
    with pytest.raises(Unavailable) as caught:
        content(service(server))
    assert caught.value.code == "delivery.service"


def test_holder_facts_from_a_service(server: Server) -> None:
    def answer(body: bytes) -> bytes:
        asked = json.loads(body)["questions"]
        return json.dumps({"answers": [one["values"]["name"] == "张三" or None for one in asked]}).encode()

    server.answers["/facts"] = answer
    facts = HTTPHolderFacts(f"{server.url}/facts", HTTPFetcher(allow_private=True))
    names = ["张三", "李四"] * 300
    answers = facts.confirm([Question("lives", {"name": name}) for name in names])
    assert answers == [True, None] * 300
    assert len(server.asked) == 2
    for body in (b"", b"{}", b'{"answers": [1]}', b'{"answers": []}'):
        server.answers["/facts"] = Answer(body=body)
        with pytest.raises(Unavailable):
            facts.confirm([Question("lives", {"name": "张三"})])


@pytest.mark.parametrize("position", ["x", "{}", "[]", "[1]", '["a", -1, "b"]', "-1", '"x"'])
def test_positions_that_are_not_ours(tmp_path: Path, server: Server, position: str) -> None:
    deliveries: list[Delivery] = [FileDelivery(as_csv(tmp_path / "a.csv")), folder(tmp_path / "in"), service(server)]
    for delivery in deliveries:
        with pytest.raises(Malformed) as caught:
            content(delivery, position)
        assert caught.value.code == "delivery.position"
