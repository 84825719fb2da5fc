"""证照文件库 in a folder: sealed files by the digest of what is in them (SM3), written whole or not at all.

``files/<2 hex>/<62 hex>``: two equal files are one, a file is never changed, and every read checks the
digest again. A file is flushed to disk before its digest is returned, so that a record that names it
always finds it, even after a power cut.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from licence_store.files.store import check_content
from trust.algorithms import sm3
from trust.errors import NotFound, Unavailable

_DAY = 86400.0
_NAME = 62
"""Characters of a file's name; two are its folder's."""
_CHUNK_SYNC = 8
"""From this many files on, one flush of the file system is cheaper than a flush of each file and folder."""


@dataclass(frozen=True, slots=True)
class FolderStore:
    """证照文件库 in ``directory``, which must exist. Implements ``FileStore``."""

    directory: Path
    durable: bool = True
    """False leaves out the flush to disk; for tests only."""
    swept_at_start: bool = True

    @property
    def address(self) -> str:
        return str(self.directory)

    def check(self) -> None:
        """Raises ``Unavailable("files.not_writable")``."""
        if not self.directory.is_dir() or not os.access(self.directory, os.W_OK | os.X_OK):
            raise Unavailable("files.not_writable", "证照文件库不可写。")

    def put(self, data: bytes, digest: bytes | None = None) -> str:
        """Keep ``data``; answers its SM3 in hex. ``digest`` spares computing it again."""
        return self.put_many([(data, digest or sm3(data))])[0]

    def put_many(self, files: Sequence[tuple[bytes, bytes]]) -> list[str]:
        """Keep ``(data, SM3 of it)`` pairs with one flush for all; answers the digests in hex.

        Raises ``Unavailable("files.write")`` when the disk refuses; what was written stays unnamed and
        is swept later.
        """
        names = [digest.hex() for _, digest in files]
        try:
            folders = self._lay_folders(names)
            written = [self.path(name) for name, (data, _) in zip(names, files, strict=True) if self._place(name, data)]
            if self.durable and written:
                flush(written, folders)
        except OSError as error:
            raise Unavailable(
                "files.write", "证照文件无法写入存储（{reason}）。", reason=error.strerror or ""
            ) from error
        return names

    def _place(self, name: str, data: bytes) -> bool:
        """Put one file in its place; false when a whole one is there already."""
        place = self.path(name)
        if self._whole(place, name):
            return False
        write_whole(place, data, sync=False)
        return True

    def _lay_folders(self, names: Sequence[str]) -> list[Path]:
        """Make the folders these files go to; answers what must be flushed for them to last."""
        absent = [p for p in {self.path(name).parent for name in names} if not p.is_dir()]
        for folder in absent:
            folder.mkdir(exist_ok=True)
        return [self.directory] if absent else []

    def _whole(self, place: Path, name: str) -> bool:
        try:
            return sm3(place.read_bytes()).hex() == name
        except FileNotFoundError:
            return False

    def get(self, digest: str) -> bytes:
        """The file with this SM3 (hex).

        Raises ``NotFound("files.unknown")`` or, when it is not what it was, ``Unavailable("files.damaged")``.
        """
        try:
            data = self.path(digest).read_bytes()
        except FileNotFoundError as error:
            raise NotFound("files.unknown", "证照文件 {digest} 不在存储中。", digest=digest[:16]) from error
        except OSError as error:
            raise Unavailable("files.read", "证照文件无法读取（{reason}）。", reason=error.strerror or "") from error
        check_content(data, digest)
        return data

    def path(self, digest: str) -> Path:
        """Where the file with this SM3 (hex) is, or would be."""
        return self.directory / digest[:2] / digest[2:]

    def digests(self, after: str = "") -> Iterator[str]:
        """The SM3 (hex) of every file kept, by name only, in order, from the one after ``after``."""
        for folder in sorted(self.directory.glob("[0-9a-f][0-9a-f]")):
            if folder.name >= after[:2]:
                names = sorted(entry.name for entry in os.scandir(folder) if len(entry.name) == _NAME)
                yield from (folder.name + name for name in names if folder.name + name > after)

    def sweep(self, known: Callable[[list[str]], Collection[str]], *, older_than: float = 3600.0) -> int:
        """Remove files that no record names and that have lain for ``older_than`` seconds; says how many.

        ``known`` answers which of the digests it is given are named by a record. What lay there a day before the
        last sweep is not asked about again, so a large store is swept in seconds.
        """
        stamp = self.directory / ".swept"
        since = stamp.stat().st_mtime - _DAY if stamp.exists() else 0.0
        removed = sum(sweep_unfinished(folder, older_than) for folder in list(self.directory.iterdir()))
        digests = self._since(since)
        while some := list(islice(digests, 500)):
            named = known(some)
            removed += sum(_remove(self.path(d), older_than) for d in some if d not in named)
        stamp.touch()
        return removed

    def discard(self, digest: str) -> None:
        """Remove a file that no record names and none will."""
        self.path(digest).unlink(missing_ok=True)

    def _since(self, moment: float) -> Iterator[str]:
        for folder in sorted(self.directory.glob("[0-9a-f][0-9a-f]")):
            for entry in os.scandir(folder):
                if len(entry.name) == _NAME and entry.stat().st_mtime >= moment:
                    yield folder.name + entry.name


def sweep_unfinished(folder: Path, older_than: float) -> int:
    """Remove what a crash left half-written in ``folder`` at least ``older_than`` seconds ago; says how many."""
    return sum(_remove(path, older_than) for path in list(folder.glob(".*.part")))


def _remove(path: Path, older_than: float) -> bool:
    with suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime >= older_than:
            path.unlink()
            return True
    return False


def write_whole(place: Path, data: bytes, *, mode: int = 0o640, sync: bool = True) -> None:
    """Write ``data`` to ``place`` so that a reader sees all of it or what was there before.

    With ``sync`` the content and the name are on disk when this returns. Raises ``OSError``.
    """
    part = place.with_name(f".{place.name[:80]}.{secrets.token_hex(6)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        try:
            _write_all(handle, data)
            if sync:
                os.fsync(handle)
        finally:
            os.close(handle)
        part.replace(place)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if sync:
        _flush_one(place.parent)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def flush(paths: Sequence[Path], folders: Sequence[Path] = ()) -> None:
    """Bring files, their names and ``folders`` to disk; returns when they are there. All on one file system."""
    sync = _syncfs()
    if sync is not None and len(paths) >= _CHUNK_SYNC:
        handle = os.open(paths[0].parent, os.O_RDONLY)
        try:
            if sync(handle) == 0:
                return
        finally:
            os.close(handle)
    for path in [*paths, *{p.parent for p in paths}, *folders]:
        _flush_one(path)


def flush_folder(folder: Path) -> None:
    """Bring all that was written into ``folder`` to disk, where the system has one call for it; else the names."""
    sync = _syncfs()
    handle = os.open(folder, os.O_RDONLY)
    try:
        if sync is None or sync(handle) != 0:
            os.fsync(handle)
    finally:
        os.close(handle)


def _flush_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@lru_cache(maxsize=1)
def _syncfs() -> Callable[[int], int] | None:
    """Linux's ``syncfs``, if this system has it."""
    try:
        function = ctypes.CDLL(None, use_errno=True).syncfs
    except (AttributeError, OSError):
        return None
    function.argtypes, function.restype = [ctypes.c_int], ctypes.c_int
    return function
