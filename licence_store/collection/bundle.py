"""一批扫描件: the scans in a ZIP file or a folder, one after another, without believing a word of its directory.

A ZIP that is an OFD document is a scan itself. Names are for people only; nothing is unpacked to disk.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from licence_store.collection.entry import MOST_AT_ONCE
from licence_store.collection.scans import MAX_SIZE
from trust.errors import Malformed

MAX_BUNDLE = 1 << 30
_HIDDEN = (".", "__MACOSX", "Thumbs.db", "desktop.ini")

Named = tuple[str, bytes]


def unbundle(name: str, data: bytes) -> Iterator[Named]:
    """``(name, content)`` of the file itself or, where it is a ZIP of scans, of each file in it.

    Raises ``Malformed("scan.bundle")`` for a ZIP that cannot be read or holds too much.
    """
    if not data.startswith(b"PK\x03\x04"):
        yield name, data
        return
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            listed = [one for one in archive.infolist() if not one.is_dir() and not _is_hidden(one.filename)]
            if any(one.filename.lstrip("/").lower() == "ofd.xml" for one in listed):
                yield name, data
                return
            if len(listed) > MOST_AT_ONCE or sum(one.file_size for one in listed) > MAX_BUNDLE:
                raise _bad(name)
            for one in listed:
                with archive.open(one) as file:
                    yield one.filename, file.read(MAX_SIZE + 1)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, EOFError) as error:
        raise _bad(name) from error


def gather(path: Path) -> Iterator[Named]:
    """As ``unbundle``, for a file, a ZIP or a folder; raises ``Malformed("scan.bundle", "file.unreadable")``."""
    try:
        if path.is_dir():
            files = sorted(one for one in path.rglob("*") if one.is_file() and not _is_hidden(one.name))
            if len(files) > MOST_AT_ONCE:
                raise _bad(path.name)
            for one in files:
                yield str(one.relative_to(path)), _read(one, MAX_SIZE)
            return
        yield from unbundle(path.name, _read(path, MAX_BUNDLE if path.suffix.lower() == ".zip" else MAX_SIZE))
    except OSError as error:
        raise Malformed(
            "file.unreadable", "无法读取文件 {name}：{why}", remedy="请检查文件名和权限。", name=str(path),
            why=error.strerror or type(error).__name__,
        ) from None  # fmt: skip


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        return file.read(limit + 1)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(_HIDDEN) for part in name.split("/"))


def _bad(name: str) -> Malformed:
    return Malformed(
        "scan.bundle",
        "“{name}”无法作为一批扫描件读取：已损坏、已加密，或超过 {limit} 份。",
        name=name[-80:],
        limit=MOST_AT_ONCE,
    )
