"""文件夹交付: files beside a ``manifest.json`` that names them with their digests; nothing unnamed is read.

    {"delivery": "2026-11-22", "complete": true, "files": [{"name": "licences.csv", "sm3": "<hex>"}]}

``sha256`` may stand for ``sm3``. Every digest is checked before the first row is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from licence_store.collection.connectors.delivery import Delivered, place, read_place
from licence_store.collection.connectors.files import SUFFIXES, FileDelivery, digest_of
from trust.algorithms import sm3
from trust.errors import Malformed, NotFound

MANIFEST = "manifest.json"
MAX_MANIFEST = 4 << 20
MOST_FILES = 10_000


@dataclass(frozen=True)
class FolderDelivery:
    """One delivered folder."""

    folder: Path
    records: str = ""
    sheet: str = ""
    total: int | None = None
    watermark: str = ""

    @cached_property
    def _manifest(self) -> tuple[bytes, Mapping[str, Any]]:
        try:
            with (self.folder / MANIFEST).open("rb") as file:
                data = file.read(MAX_MANIFEST + 1)
        except OSError as error:
            raise NotFound("delivery.manifest_missing", "文件夹 {name} 中没有清单 manifest.json。",
                           name=str(self.folder)) from error  # fmt: skip
        try:
            manifest = json.loads(data.decode("utf-8-sig")) if len(data) <= MAX_MANIFEST else None
        except (ValueError, RecursionError) as error:
            raise _bad_manifest() from error
        if not isinstance(manifest, dict):
            raise _bad_manifest()
        files = manifest.get("files")
        if not isinstance(files, list) or not 0 < len(files) <= MOST_FILES or not all(map(_is_entry, files)):
            raise _bad_manifest()
        return data, manifest

    @cached_property
    def identity(self) -> Mapping[str, str]:
        data, manifest = self._manifest
        return {"delivery": str(manifest.get("delivery", ""))[:100], "manifest": sm3(data).hex()}

    @cached_property
    def complete(self) -> bool:
        return self._manifest[1].get("complete", True) is True

    def rows(self, position: str) -> Iterator[Delivered]:
        files = [self.folder / entry["name"] for entry in self._manifest[1]["files"]]
        self._check_digests()
        index, inside, number = _checked(read_place(position, [0, "", 0]), len(files))
        for later, path in enumerate(files[index:], index):
            start = inside if later == index else ""
            for row in FileDelivery(path, self.records, self.sheet).rows(start):
                number += 1
                yield Delivered(number, row.content, place([later, row.position, number]))

    def _check_digests(self) -> None:
        for entry in self._manifest[1]["files"]:
            path = self.folder / entry["name"]
            if "sm3" in entry:
                same = digest_of(path) == entry["sm3"].lower()
            else:
                same = _sha256(path) == entry["sha256"].lower()
            if not same:
                raise Malformed("delivery.digest", "文件 {name} 与清单中的摘要不符，未予采集。", name=entry["name"])


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise NotFound("intake.missing", "找不到输入文件 {name}。", name=str(path)) from error


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        return False
    name, digest = PurePosixPath(entry["name"]), entry.get("sm3", entry.get("sha256"))
    inside = not name.is_absolute() and ".." not in name.parts and "\\" not in entry["name"] and "\0" not in str(name)
    return inside and name.suffix.lower() in SUFFIXES and isinstance(digest, str) and len(digest) == 64


def _checked(found: Any, count: int) -> tuple[int, str, int]:
    match found:
        case [int(index), str(inside), int(number)] if 0 <= index < count:
            return index, inside, number
        case _:
            raise Malformed("delivery.position", "归集批次的续传位置无法识别。")


def _bad_manifest() -> Malformed:
    return Malformed("delivery.manifest", "清单 manifest.json 无法识别：应列出文件名及其 sm3 或 sha256 摘要。")
