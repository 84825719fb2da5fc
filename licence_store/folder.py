"""地区文件夹: reading and writing the small files of a region."""

from __future__ import annotations

from pathlib import Path

from licence_store.files import write_whole
from trust.errors import Unavailable


def read(path: Path) -> bytes:
    """The file's content; raises ``Unavailable("region.file")``."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unavailable("region.file", "地区文件 {file} 无法读取。", file=path.name) from error


def write(path: Path, data: bytes, mode: int = 0o640) -> None:
    """Write a file whole and flushed; raises ``Unavailable("region.write")``."""
    try:
        write_whole(path, data, mode=mode)
    except OSError as error:
        raise unwritable(path.name, error) from error


def unwritable(name: str, error: OSError) -> Unavailable:
    """The error for a file that cannot be written."""
    return Unavailable("region.write", "地区文件 {file} 无法写入（{reason}）。", file=name, reason=error.strerror or "")
