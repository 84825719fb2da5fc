"""文件交付: CSV, JSON, JSON lines and spreadsheets, whatever their size."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from licence_store.collection.connectors.delivery import Delivered, place, read_place, within
from licence_store.intake import read_records
from trust.algorithms import sm3_hasher
from trust.errors import LicenceTrustError, Malformed, NotFound

SUFFIXES = (".csv", ".json", ".jsonl", ".xlsx")
MAX_JSON = 256 << 20
"""Octets of a JSON file, which is read whole; larger deliveries come as JSON lines."""
MAX_UNPACKED = 4 << 30
"""Octets of a spreadsheet's parts, unpacked."""
MAX_KEPT = 256 << 20
"""Octets of those parts that are not rows, unpacked: shared texts and styles are kept in memory while reading."""
MAX_COLUMNS = 1000
_SHEETS = "xl/worksheets/"


@dataclass(frozen=True)
class FileDelivery:
    """One file; ``records`` names the list inside a JSON document, ``sheet`` the sheet of a workbook."""

    path: Path
    records: str = ""
    sheet: str = ""
    complete: bool = True
    total: int | None = field(default=None, init=False)
    watermark: str = field(default="", init=False)

    @cached_property
    def identity(self) -> Mapping[str, str]:
        return {"file": self.path.name, "sm3": digest_of(self.path)}

    def rows(self, position: str) -> Iterator[Delivered]:
        done = read_place(position, 0)
        if not isinstance(done, int) or done < 0:
            raise Malformed("delivery.position", "归集批次的续传位置无法识别。")
        for number, content in islice(enumerate(self._contents(), 1), done, None):
            yield Delivered(number, content, place(number))

    def _contents(self) -> Iterator[Mapping[str, object] | LicenceTrustError]:
        suffix = self.path.suffix.lower()
        if suffix == ".xlsx":
            return _sheet_rows(self.path, self.sheet)
        if suffix == ".json":
            return _json_rows(self.path, self.records)
        if suffix not in SUFFIXES:
            raise Malformed(
                "delivery.suffix",
                "交付文件应为 {expected} 之一，实为“{name}”。",
                expected="、".join(SUFFIXES),
                name=self.path.name,
            )
        return (row.content for row in read_records(self.path))


def digest_of(path: Path) -> str:
    """SM3 of a file, hex, read piece by piece; raises ``NotFound("intake.missing")``."""
    state = sm3_hasher()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                state.update(piece)
    except OSError as error:
        raise NotFound("intake.missing", "找不到输入文件 {name}。", name=str(path)) from error
    return state.finalize().hex()


def _json_rows(path: Path, records: str) -> Iterator[Mapping[str, object] | LicenceTrustError]:
    try:
        if path.stat().st_size > MAX_JSON:
            raise Malformed("delivery.too_large", "JSON 文件过大，请改用 JSON Lines（.jsonl）。")
        found = within(json.loads(path.read_bytes().decode("utf-8-sig")), records)
    except OSError as error:
        raise NotFound("intake.missing", "找不到输入文件 {name}。", name=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise Malformed("delivery.json", "交付文件不是有效的 JSON（UTF-8）。") from error
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list):
        raise Malformed("delivery.records", "交付文件中没有记录列表“{path}”。", path=records or ".")
    yield from (as_row(one) for one in found)


def as_row(value: Any) -> Mapping[str, object] | LicenceTrustError:
    """A JSON object as a row of columns."""
    if isinstance(value, dict):
        return value
    return Malformed("intake.not_a_record", "记录应为一个 JSON 对象（字段名与值）。")


def _sheet_rows(path: Path, sheet: str) -> Iterator[Mapping[str, object] | LicenceTrustError]:
    from openpyxl import load_workbook

    _demand_size(path)
    with path.open("rb") as file:  # ours to close: the library leaves a damaged workbook open
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about styles and extensions, which are not read
                book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except Exception as error:  # a damaged workbook fails in many ways
            raise _unreadable(path) from error
        yield from _cells(path, book, sheet)


def _cells(path: Path, book: Any, sheet: str) -> Iterator[Mapping[str, object] | LicenceTrustError]:
    if sheet and sheet not in book.sheetnames:
        raise Malformed("delivery.sheet", "工作簿中没有工作表“{sheet}”。", sheet=sheet[:60])
    try:
        lines = (book[sheet] if sheet else book.worksheets[0]).iter_rows(values_only=True)
        filled = (line for line in lines if any(cell not in (None, "") for cell in line))
        header = [str(cell).strip() if cell is not None else "" for cell in next(filled, ())]
    except Exception as error:
        raise _unreadable(path) from error
    while header and not header[-1]:
        header.pop()
    if not header or not all(header) or len(set(header)) != len(header) or len(header) > MAX_COLUMNS:
        raise Malformed("intake.header", "CSV 首行应为字段名，且不得为空或重复。")
    while True:
        try:
            line = next(filled, None)
        except Exception as error:
            raise _unreadable(path) from error
        if line is None:
            return
        yield _named(header, line)


def _named(header: list[str], line: tuple[Any, ...]) -> Mapping[str, object] | LicenceTrustError:
    if any(cell not in (None, "") for cell in line[len(header) :]):
        return Malformed(
            "intake.cells",
            "该行有 {got} 个单元格，而首行只有 {expected} 个字段名。",
            got=len(line),
            expected=len(header),
        )
    return {name: _cell(value) for name, value in zip(header, line, strict=False) if value not in (None, "")}


def _cell(value: Any) -> object:
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _demand_size(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as parts:
            sizes = {part.filename: part.file_size for part in parts.infolist()}
    except OSError as error:
        raise NotFound("intake.missing", "找不到输入文件 {name}。", name=str(path)) from error
    except (zipfile.BadZipFile, ValueError) as error:
        raise _unreadable(path) from error
    kept = sum(size for name, size in sizes.items() if not name.startswith(_SHEETS))
    if sum(sizes.values()) > MAX_UNPACKED or kept > MAX_KEPT:
        raise Malformed("delivery.too_large", "工作簿展开后过大，请改用 CSV。")


def _unreadable(path: Path) -> Malformed:
    return Malformed("delivery.workbook", "工作簿 {name} 无法读取。", name=path.name)
