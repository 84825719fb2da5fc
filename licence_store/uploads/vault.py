"""加密存放: files that only this region can read, kept in the same store as sealed licences (folder or S3).

    entry = vault.put(data, "upload u-1")
    vault.get(entry, "upload u-1") == data

Each file has a random key of its own, which is wrapped under the region's master key and kept with whoever records
the file; the store sees nothing but ciphertext. Dropping the wrapped key is dropping the file, wherever copies lie.

What is stored: ``LTV1``, the cipher's number, a nonce of 7 octets; then pieces of 64 KiB, each encrypted with the nonce
‖ its number ‖ 1 for the last one (the STREAM construction), so that pieces cannot be exchanged, cut off or added.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from keys.master import KeyWrapper, number_of
from licence_store.files import FileStore
from trust.errors import Unavailable

AES, SM4 = "aes256", "sm4"
_MAGIC: Final = b"LTV1"
_PIECE: Final = 64 << 10
_TAG: Final = 16
_NONCE: Final = 7
_START: Final = len(_MAGIC) + 1 + _NONCE


@dataclass(frozen=True, slots=True)
class Suite:
    """加密算法, in Galois/Counter mode."""

    number: int
    key_size: int
    algorithm: Callable[[bytes], Any]


SUITES: Final = {AES: Suite(1, 32, algorithms.AES), SM4: Suite(2, 16, algorithms.SM4)}
_BY_NUMBER: Final = {suite.number: suite for suite in SUITES.values()}


@dataclass(frozen=True, slots=True)
class VaultEntry:
    """存放凭据: what must be recorded to read the file again."""

    file: str
    """SM3 of the ciphertext in hex: its name in the store. Belongs into ``files.upkeep.references``."""
    size: int
    """Octets in clear."""
    wrapped: bytes = field(repr=False)
    """The file's key, locked."""

    @property
    def master(self) -> int:
        """Number of the master key that opens it."""
        return number_of(self.wrapped)


@dataclass(frozen=True, slots=True)
class Vault:
    """加密文件库."""

    files: FileStore
    wrapper: KeyWrapper
    cipher: str = AES

    def put(self, data: bytes | Iterable[bytes], context: str) -> VaultEntry:
        """Keep ``data``; ``context`` says what it is and must be given again to read it. Raises ``Unavailable``."""
        suite = SUITES[self.cipher]
        key = secrets.token_bytes(suite.key_size)
        wrapped = self.wrapper.wrap(key, context.encode())
        pieces = [data] if isinstance(data, bytes) else data
        sealed = b"".join(encrypt(pieces, key, suite))
        return VaultEntry(self.files.put(sealed), clear_size(len(sealed)), wrapped)

    def get(self, entry: VaultEntry, context: str) -> bytes:
        """The file in clear; raises as ``stream`` does."""
        return b"".join(self.stream(entry, context))

    def stream(self, entry: VaultEntry, context: str) -> Iterator[bytes]:
        """The file in clear, piece by piece, each proved before it is handed out.

        Raises ``NotFound("files.unknown")``, ``Unavailable("files.damaged", "keys.*", "vault.damaged")``.
        """
        key = self.wrapper.unwrap(entry.wrapped, context.encode())
        yield from decrypt(self.files.get(entry.file), key)

    def discard(self, entry: VaultEntry) -> None:
        """Remove the ciphertext; to be called once no record has the wrapped key."""
        self.files.discard(entry.file)


def clear_size(sealed: int) -> int:
    """Octets in clear of a stored file of this size."""
    body = sealed - _START
    return body - _TAG * max(1, -(-body // (_PIECE + _TAG)))


def encrypt(data: Iterable[bytes], key: bytes, suite: Suite) -> Iterator[bytes]:
    """The stored form of ``data``, piece by piece."""
    nonce = secrets.token_bytes(_NONCE)
    yield _MAGIC + bytes([suite.number]) + nonce
    held, number = bytearray(), 0
    for some in data:
        held += some
        while len(held) > _PIECE:  # what fills a piece exactly may be the last one: it waits
            yield _sealed(suite, key, nonce, number, bytes(held[:_PIECE]), last=False)
            del held[:_PIECE]
            number += 1
    yield _sealed(suite, key, nonce, number, bytes(held), last=True)


def decrypt(sealed: bytes, key: bytes) -> Iterator[bytes]:
    """What was stored, piece by piece; raises ``Unavailable("vault.damaged")``."""
    suite = _BY_NUMBER.get(sealed[len(_MAGIC)] if sealed.startswith(_MAGIC) and len(sealed) > _START else 0)
    if suite is None or len(key) != suite.key_size:
        raise _damaged()
    nonce, view = sealed[len(_MAGIC) + 1 : _START], memoryview(sealed)
    places = range(_START, len(sealed), _PIECE + _TAG)
    for number, place in enumerate(places):
        piece = view[place : place + _PIECE + _TAG]
        yield _opened(suite, key, nonce, number, piece, last=number == len(places) - 1)


def _vector(nonce: bytes, number: int, last: bool) -> bytes:
    return nonce + number.to_bytes(4, "big") + bytes([last])


def _sealed(suite: Suite, key: bytes, nonce: bytes, number: int, clear: bytes, *, last: bool) -> bytes:
    encryptor = Cipher(suite.algorithm(key), modes.GCM(_vector(nonce, number, last))).encryptor()
    return encryptor.update(clear) + encryptor.finalize() + encryptor.tag


def _opened(suite: Suite, key: bytes, nonce: bytes, number: int, piece: memoryview, *, last: bool) -> bytes:
    if len(piece) < _TAG:
        raise _damaged()
    tag = bytes(piece[-_TAG:])
    try:
        decryptor = Cipher(suite.algorithm(key), modes.GCM(_vector(nonce, number, last), tag)).decryptor()
        return decryptor.update(piece[:-_TAG]) + decryptor.finalize()
    except InvalidTag as error:
        raise _damaged() from error


def _damaged() -> Unavailable:
    return Unavailable(
        "vault.damaged", "加密文件已损坏或与其密钥不符，无法打开。", remedy="请由系统管理员从备份恢复该文件。"
    )
