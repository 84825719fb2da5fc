"""共享密钥: the secret of an AK is worked out from a secret of the region and its name, so that no table holds it.

The region's secret lies in ``keys/sharing.secret``: 32 random octets, encrypted under the region's passphrase as the
key files are; made when first needed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.keyring import write_private
from keys.software import ITERATIONS
from trust.errors import Refused, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from licence_store.region import Region

FILE: Final = "sharing.secret"
_MARK: Final = b"licence-trust/sharing-secret/1\n"
_FEW: Final = 1000
"""Rounds where the passphrase is random, as a demonstration region's is."""


def secret_of(region: Region, key_id: str) -> bytes:
    """SK of an AK: 32 octets. Raises ``Refused("keys.wrong_passphrase")``, ``Unavailable("keys.unreadable")``."""
    path = region.directory / "keys" / FILE
    rounds = _FEW if region.demonstration else ITERATIONS
    return hmac.digest(_opened(path, region.passphrase(), rounds), key_id.encode(), "sm3")


@lru_cache(maxsize=8)
def _opened(path: Path, passphrase: bytes, rounds: int) -> bytes:
    if not path.exists():
        _make(path, passphrase, rounds)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Unavailable("keys.unreadable", "无法读取密钥文件 {file}。", file=path.name) from error
    sealed = data.removeprefix(_MARK)
    try:
        return AESGCM(_derived(passphrase, sealed[:16], rounds)).decrypt(sealed[16:28], sealed[28:], _MARK)
    except (InvalidTag, ValueError) as error:
        raise Refused("keys.wrong_passphrase", "口令不正确，无法打开密钥。") from error


def _make(path: Path, passphrase: bytes, rounds: int) -> None:
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = AESGCM(_derived(passphrase, salt, rounds)).encrypt(nonce, os.urandom(32), _MARK)
    write_private(path, _MARK + salt + nonce + sealed)


def _derived(passphrase: bytes, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", passphrase, salt, rounds, 32)
