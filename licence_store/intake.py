"""批量数据读入: records from a file, one after another, whatever its size.

``.json`` holds one record, ``.jsonl`` one a line, ``.csv`` one a row below a header of field names; CSV may be
UTF-8 (with or without a byte order mark), UTF-16 with one, or GB 18030, as Chinese spreadsheets write it.
A bad row is an error with its number and does not stop the rest.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from licence_store.extras import PLAIN, IssueExtras
from trust.errors import LicenceTrustError, Malformed, NotFound

SUFFIXES = (".json", ".jsonl", ".csv")
MAX_RECORD = 1 << 20
"""Longest record, in bytes or characters."""


@dataclass(frozen=True, slots=True)
class Row:
    """一条记录 of the file: what was read, or why it could not be."""

    number: int
    """From 1; blank lines are not counted."""
    content: Mapping[str, object] | LicenceTrustError
    extras: IssueExtras = PLAIN
    """What is said besides the record; of rows that do not come from a file."""


def read_records(path: Path) -> Iterator[Row]:
    """The records of ``path``, as they come; memory does not grow with the file.

    Raises, before the first record, ``Malformed("intake.suffix")``, ``NotFound("intake.missing")``,
    ``Malformed("intake.encoding")`` and ``Malformed("intake.header")``; later only when reading itself fails.
    """
    reader = {".json": _one, ".jsonl": _lines, ".csv": _rows}.get(path.suffix.lower())
    if reader is None:
        raise Malformed(
            "intake.suffix",
            "输入文件应为 {expected} 之一，实为“{name}”。",
            expected="、".join(SUFFIXES),
            name=path.name,
        )
    if not path.is_file():
        raise NotFound("intake.missing", "找不到输入文件 {name}。", name=str(path))
    try:
        yield from reader(path)
    except OSError as error:
        raise Malformed("intake.unreadable", "输入文件无法读取（{reason}）。", reason=error.strerror or "") from error


def _one(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        yield Row(1, _record(file.read(MAX_RECORD + 1)))


def _lines(path: Path) -> Iterator[Row]:
    number = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_RECORD + 1):
            if len(line) > MAX_RECORD:
                _skip_line(file, line)
            if line.strip():
                number += 1
                yield Row(number, _record(line))


def _skip_line(file: IO[bytes], line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(MAX_RECORD)


def _record(data: bytes) -> Mapping[str, object] | LicenceTrustError:
    if len(data) > MAX_RECORD:
        return Malformed("intake.too_long", "记录超过 {limit} 字节。", limit=MAX_RECORD)
    try:
        value = json.loads(data.removeprefix(codecs.BOM_UTF8).decode("utf-8"), object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        return Malformed("intake.json", "记录不是有效的 JSON（UTF-8）：{reason}", reason=_reason(error))
    if not isinstance(value, dict):
        return Malformed("intake.not_a_record", "记录应为一个 JSON 对象（字段名与值）。")
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("字段名重复")
    return found


def _reason(error: Exception) -> str:
    """Where it broke, without repeating what the record holds."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.lineno}:{error.colno} {error.msg}"
    return "UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)[:80] or type(error).__name__


def _rows(path: Path) -> Iterator[Row]:
    with path.open("r", encoding=_encoding(path), newline="") as file:
        reader = csv.reader(_short_lines(file), strict=True)
        header = _header(reader)
        number = 0
        while (cells := _next(reader)) is not None:
            if isinstance(cells, list) and not any(cell.strip() for cell in cells):
                continue
            number += 1
            yield Row(number, _named(header, cells) if isinstance(cells, list) else cells)


def _short_lines(file: IO[str]) -> Iterator[str]:
    """The lines of a CSV file; in the place of one longer than a record may be stands a cell that is refused."""
    while line := file.readline(MAX_RECORD):
        whole = len(line) < MAX_RECORD or line.endswith("\n")
        yield line if whole else "0" * (csv.field_size_limit() + 1)
        while not whole:
            line = file.readline(MAX_RECORD)
            whole = len(line) < MAX_RECORD or line.endswith("\n")


def _next(reader: Any) -> list[str] | LicenceTrustError | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        return Malformed("intake.csv", "CSV 行无法解析：{reason}", reason=str(error)[:80])


def _header(reader: Any) -> list[str]:
    cells = _next(reader)
    names = [cell.strip() for cell in cells] if isinstance(cells, list) else []
    if not names or not all(names) or len(set(names)) != len(names):
        raise Malformed("intake.header", "CSV 首行应为字段名，且不得为空或重复。")
    return names


def _named(header: Sequence[str], cells: Sequence[str]) -> Mapping[str, object] | LicenceTrustError:
    if len(cells) > len(header):
        return Malformed(
            "intake.cells",
            "该行有 {got} 个单元格，而首行只有 {expected} 个字段名。",
            got=len(cells),
            expected=len(header),
        )
    return {name: cell for name, cell in zip(header, cells, strict=False) if cell.strip()}


def _encoding(path: Path) -> str:
    """The encoding the whole file agrees with."""
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    else:
        candidates = ["utf-8-sig", "gb18030"]
    for encoding in candidates:
        if _decodes(path, encoding):
            return encoding
    raise Malformed("intake.encoding", "CSV 文件的字符编码无法识别，请另存为 UTF-8。")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
