"""打开证照文件库: which store an address means."""

from __future__ import annotations

from pathlib import Path

from licence_store.files.folder import FolderStore
from licence_store.files.store import FileStore


def open_store(url: str, directory: Path, *, durable: bool = True) -> FileStore:
    """The store at ``url``; empty: the folder ``directory``. Nothing is asked of it yet.

    Raises ``Malformed("files.url")``.
    """
    if not url:
        return FolderStore(directory, durable)
    from licence_store.files.s3 import S3Store

    return S3Store.of(url)
