"""证照文件库: what every store of sealed files does. Files are named by the SM3 of what is in them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol

from trust.algorithms import sm3
from trust.errors import Unavailable


class FileStore(Protocol):
    """证照文件库: two equal files are one, a file is never changed, every read checks the digest again.

    A digest is returned only when its file is sure to be there, so that a record that names it always finds it.
    """

    @property
    def address(self) -> str:
        """Where it is, for people; without secrets."""

    @property
    def swept_at_start(self) -> bool:
        """A sweep takes seconds, so that every start may begin with one."""

    def check(self) -> None:
        """Raises ``Unavailable`` unless files can be kept and fetched now."""

    def put(self, data: bytes, digest: bytes | None = None) -> str:
        """Keep ``data``; answers its SM3 in hex. Raises ``Unavailable("files.*")``."""

    def put_many(self, files: Sequence[tuple[bytes, bytes]]) -> list[str]:
        """Keep ``(data, SM3 of it)`` pairs; answers the digests in hex."""

    def get(self, digest: str) -> bytes:
        """The file with this SM3 (hex). Raises ``NotFound("files.unknown")``, ``Unavailable("files.*")``."""

    def digests(self, after: str = "") -> Iterator[str]:
        """Every file's digest in order, by name only, from the one after ``after``."""

    def sweep(self, known: Callable[[list[str]], Collection[str]], *, older_than: float = 3600.0) -> int:
        """Remove files that ``known`` does not name and that are ``older_than`` seconds old; says how many."""

    def discard(self, digest: str) -> None:
        """Remove a file that no record names and none will."""


def check_content(data: bytes, digest: str) -> None:
    """Raises ``Unavailable("files.damaged")`` unless ``data`` is what its name says."""
    if sm3(data).hex() != digest:
        raise Unavailable(
            "files.damaged",
            "证照文件 {digest} 已损坏：内容与登记的杂凑值不符。",
            remedy="请由系统管理员从备份恢复该文件。",
            digest=digest[:16],
        )
