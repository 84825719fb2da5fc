"""BagIt (RFC 8493) written as a ZIP, front to back, in one pass: nothing is held but one file at a time.

    writer = BagWriter("case-2026-7", moment)
    yield from writer.add("data/case.json", data)
    yield from writer.finish(info, tags, sign)

Manifests in SHA-256 and SM3; tag manifests over everything else; ``signature.json`` over the tag manifests, so that
through them every octet of the bag is signed.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

ALGORITHMS: Final = ("sha256", "sm3")
SIGNATURE: Final = "signature.json"
TIMESTAMP: Final = "signature.tsr"
DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


class _Pipe:
    """What ``zipfile`` writes to: a stream that cannot go back, emptied after each file."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def take(self) -> bytes:
        taken = bytes(self._held)
        self._held.clear()
        return taken


class BagWriter:
    """A bag being written."""

    def __init__(self, name: str, moment: datetime) -> None:
        """``name``: of the folder that everything stands in; ``moment``: of every file's date."""
        self.name = name
        self.octets = self.files = 0
        self._pipe = _Pipe()
        self._zip: zipfile.ZipFile = zipfile.ZipFile(self._pipe, "w", zipfile.ZIP_DEFLATED)  # type: ignore[call-overload]
        self._date = moment.timetuple()[:6]
        self._payload: list[tuple[str, dict[str, str]]] = []
        self._tags: list[tuple[str, dict[str, str]]] = []

    def add(self, path: str, data: bytes) -> Iterator[bytes]:
        """A payload file; ``path`` begins with ``data/``."""
        self._payload.append((path, digests(data)))
        self.octets, self.files = self.octets + len(data), self.files + 1
        yield self._put(path, data)

    def finish(
        self,
        info: Mapping[str, str],
        tags: Mapping[str, bytes],
        sign: Callable[[dict[str, str]], Mapping[str, bytes]],
    ) -> Iterator[bytes]:
        """Tag files, manifests, and what ``sign`` makes of the tag manifests' digests (``name/algorithm`` → hex)."""
        lines = {**info, "Payload-Oxum": f"{self.octets}.{self.files}"}
        stated = "".join(f"{name}: {value}\n" for name, value in lines.items()).encode()
        for path, data in {"bagit.txt": DECLARATION, "bag-info.txt": stated, **tags}.items():
            yield self._tag(path, data)
        for algorithm in ALGORITHMS:
            yield self._tag(f"manifest-{algorithm}.txt", manifest(self._payload, algorithm))
        seen: dict[str, str] = {}
        for algorithm in ALGORITHMS:
            path = f"tagmanifest-{algorithm}.txt"
            data = manifest(self._tags, algorithm)
            seen |= {f"{path}/{name}": value for name, value in digests(data).items()}
            yield self._put(path, data)
        for path, data in sign(seen).items():
            yield self._put(path, data)
        self._zip.close()
        yield self._pipe.take()

    def _tag(self, path: str, data: bytes) -> bytes:
        self._tags.append((path, digests(data)))
        return self._put(path, data)

    def _put(self, path: str, data: bytes) -> bytes:
        entry = zipfile.ZipInfo(f"{self.name}/{path}", self._date)
        entry.external_attr = 0o100644 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._zip.writestr(entry, data)
        return self._pipe.take()


def digests(data: bytes) -> dict[str, str]:
    """In each algorithm of the manifests."""
    return {name: hashlib.new(name, data).hexdigest() for name in ALGORITHMS}


def manifest(files: list[tuple[str, dict[str, str]]], algorithm: str) -> bytes:
    """The lines of a manifest, by path."""
    return "".join(f"{found[algorithm]}  {_escaped(path)}\n" for path, found in sorted(files)).encode()


def _escaped(path: str) -> str:
    """RFC 8493, 2.1.3: line breaks and per cent are written as escapes."""
    return path.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")
