"""Reading records: every spelling of a file, every kind of bad row."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from licence_store.intake import MAX_RECORD, read_records
from trust.errors import LicenceTrustError


def read(path: Path, data: bytes) -> list[object]:
    path.write_bytes(data)
    rows = list(read_records(path))
    assert [r.number for r in rows] == list(range(1, len(rows) + 1))
    return [r.content.code if isinstance(r.content, LicenceTrustError) else dict(r.content) for r in rows]


WHOLE = {
    "one record": ("a.json", '{"name": "甲"}'.encode(), [{"name": "甲"}]),
    "upper-case suffix": ("a.JSON", b'{"a": "1"}', [{"a": "1"}]),
    "byte order mark": ("a.json", b'\xef\xbb\xbf{"a": "1"}', [{"a": "1"}]),
    "a list": ("a.json", b'[{"a": "1"}]', ["intake.not_a_record"]),
    "empty": ("a.json", b"", ["intake.json"]),
    "not UTF-8": ("a.json", '{"a": "甲"}'.encode("gbk"), ["intake.json"]),
    "name twice": ("a.json", b'{"a": "1", "a": "2"}', ["intake.json"]),
    "deep": ("a.json", b"[" * 100000, ["intake.json"]),
    "too long": ("a.json", b'{"a": "' + b"x" * MAX_RECORD + b'"}', ["intake.too_long"]),
    "lines": ("a.jsonl", b'{"a": "1"}\n\n  \n{"a": "2"}\r\n{"a": "3"}', [{"a": "1"}, {"a": "2"}, {"a": "3"}]),
    "bad lines": ("a.jsonl", b'{"a": \n5\n"x"\n{"a": "2"}', ["intake.json", "intake.not_a_record", "intake.not_a_record", {"a": "2"}]),
    "long line": ("a.jsonl", b'{"a": "' + b"x" * 3 * MAX_RECORD + b'"}\n{"a": "2"}', ["intake.too_long", {"a": "2"}]),
    "no lines": ("a.jsonl", b"\n\n", []),
    "rows": ("a.csv", b"a,b\n1,2\n3,\n", [{"a": "1", "b": "2"}, {"a": "3"}]),
    "rows with mark": ("a.csv", "name,b\n甲,2\n".encode("utf-8-sig"), [{"name": "甲", "b": "2"}]),
    "GB 18030 rows": ("a.csv", "name,b\r\n甲乙㐀,2\r\n".encode("gb18030"), [{"name": "甲乙㐀", "b": "2"}]),
    "UTF-16 rows": ("a.csv", "name,b\r\n甲,2\r\n".encode("utf-16"), [{"name": "甲", "b": "2"}]),
    "quoted": ("a.csv", b'a,b\n"1\n2","x ""y"""\n', [{"a": "1\n2", "b": 'x "y"'}]),
    "short and long rows": ("a.csv", b"a,b\n1\n1,2,3\n,,\n\n4,5\n", [{"a": "1"}, "intake.cells", {"a": "4", "b": "5"}]),
    "spaces in header": ("a.csv", b" a , b \n1,2\n", [{"a": "1", "b": "2"}]),
    "open quote": ("a.csv", b'a,b\n1,2\n"3,4\n', [{"a": "1", "b": "2"}, "intake.csv"]),
    "header only": ("a.csv", b"a,b\n", []),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_files(tmp_path: Path, name: str) -> None:
    file, data, expected = WHOLE[name]
    assert read(tmp_path / file, data) == expected


REFUSED = {
    "suffix": ("a.xlsx", b"", "intake.suffix"),
    "no suffix": ("a", b"", "intake.suffix"),
    "empty table": ("a.csv", b"", "intake.header"),
    "nameless column": ("a.csv", b"a,,b\n", "intake.header"),
    "column twice": ("a.csv", b"a,b,a\n", "intake.header"),
    "not text": ("a.csv", b"a,b\n\xff\xff\xff,1\n", "intake.encoding"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_refused_as_a_whole(tmp_path: Path, name: str) -> None:
    file, data, code = REFUSED[name]
    with pytest.raises(LicenceTrustError) as caught:
        read(tmp_path / file, data)
    assert caught.value.code == code


def test_absent_file(tmp_path: Path) -> None:
    for place in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(LicenceTrustError):
            list(read_records(place.with_suffix(".csv")))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write("a,b\n")
        file.writelines(f"{n},{'x' * 200}\n" for n in range(50_000))
    tracemalloc.start()
    assert sum(1 for _ in read_records(path)) == 50_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_no_value_in_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"name": "张三", "citizen_number": 110105\n')
    [row] = read_records(tmp_path / "a.jsonl")
    assert isinstance(row.content, LicenceTrustError)
    assert "张三" not in row.content.message


def test_one_endless_line_is_one_bad_row_and_costs_no_memory(tmp_path: Path) -> None:
    """Blanks would else be cut off and the row be taken for an empty one."""
    path = tmp_path / "a.csv"
    with path.open("w") as file:
        file.write("a,b\n1,2\n")
        for _ in range(24):
            file.write(" " * MAX_RECORD)
        file.write("3,4\n5,6\n")
    tracemalloc.start()
    rows = [r.content.code if isinstance(r.content, LicenceTrustError) else r.content for r in read_records(path)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == [{"a": "1", "b": "2"}, "intake.csv", {"a": "5", "b": "6"}]
    assert peak < 12 << 20
