"""密钥备份: the keys of a keyring in one sealed file, and back. Under its own passphrase, told to nobody else.

    sealed = back_up(keyring, passphrase, now)
    restored = restore(sealed, passphrase, other_keyring)

The file is JSON: the parameters of PBKDF2-HMAC-SHA256, and AES-256-GCM over {keys, certificates}, so that a changed
octet anywhere is noticed before a key is opened. Inside, each key is a key file again, under a random passphrase of
its own backup: no private key ever stands in clear octets here.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.keyring import Keyring
from keys.master import MasterKeys
from keys.software import ITERATIONS, load_key, save_key
from trust.certificates import load_certificate
from trust.errors import Conflict, Malformed, NotFound, Refused

FORMAT: Final = "licence-trust/key-backup/1"
_MAX_SIZE: Final = 16 << 20
_MAX_ITERATIONS: Final = 20_000_000
_HEAD: Final = ("format", "created", "salt", "iterations", "nonce")


def back_up(
    keyring: Keyring,
    passphrase: bytes,
    moment: datetime,
    *,
    names: Iterable[str] | None = None,
    masters: MasterKeys | None = None,
    iterations: int = ITERATIONS,
) -> bytes:
    """The keys called ``names`` (default: all) of ``keyring``, and the master keys, sealed.

    Raises ``Refused("keys.empty_passphrase")``, ``NotFound("keys.unknown")``, and what opening a key raises.
    """
    if not passphrase:
        raise Refused("keys.empty_passphrase", "密钥文件必须以口令加密：口令不能为空。")
    chosen = tuple(keyring.names() if names is None else names)
    if not chosen:
        raise NotFound("keys.nothing_to_back_up", "密钥环中没有可备份的密钥。")
    inner = secrets.token_hex(32).encode()
    contents = {
        "passphrase": inner.decode(),
        "keys": [_pack(keyring, name, inner) for name in chosen],
        "masters": [] if masters is None else masters.copies(inner),
    }
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    head = {
        "format": FORMAT,
        "created": moment.astimezone(UTC).isoformat(timespec="seconds"),
        "salt": b64encode(salt).decode(),
        "iterations": iterations,
        "nonce": b64encode(nonce).decode(),
    }
    sealed = AESGCM(_derive(passphrase, salt, iterations)).encrypt(nonce, json.dumps(contents).encode(), _bound(head))
    return json.dumps({**head, "sealed": b64encode(sealed).decode()}, indent=1).encode() + b"\n"


def restore(data: bytes, passphrase: bytes, keyring: Keyring, masters: MasterKeys | None = None) -> tuple[str, ...]:
    """The keys of a backup, put into ``keyring`` (and ``masters``): all of them, or none where a name is taken.

    A master key that is there already, and is the same, is none that is taken.
    Raises ``Malformed("keys.backup_malformed")``, ``Refused("keys.backup_passphrase")`` for a wrong passphrase
    or a changed file, ``Conflict("keys.exists")``.
    """
    contents = _open(data, passphrase)
    try:
        inner = contents["passphrase"].encode()
        packed = [
            (str(one["name"]), load_key(one["key"].encode(), inner), load_certificate(one["certificate"].encode()))
            for one in contents["keys"]
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise _malformed() from error
    taken = set(keyring.names()) & {name for name, _, _ in packed}
    if taken:
        raise Conflict("keys.exists", "密钥“{name}”已存在，不会被覆盖。", name=", ".join(sorted(taken)))
    for name, _, _ in packed:
        keyring.path(name, "")  # refuses a name that is none before any key is put in
    if masters is not None:
        masters.restore(contents.get("masters", []), inner)
    for name, key, certificate in packed:
        keyring.add(name, key, certificate)
    return tuple(name for name, _, _ in packed)


def _pack(keyring: Keyring, name: str, inner: bytes) -> dict[str, str]:
    certificate = keyring.certificate(name)
    key = keyring.open_key(keyring.read_key_file(name))
    return {
        "name": name,
        "key": save_key(key, inner, iterations=1).decode(),
        "certificate": certificate.to_pem().decode(),
    }


def _open(data: bytes, passphrase: bytes) -> dict[str, Any]:
    try:
        stated = json.loads(data) if len(data) <= _MAX_SIZE else {}
        if not isinstance(stated, dict) or set(stated) != {*_HEAD, "sealed"} or stated["format"] != FORMAT:
            raise _malformed()
        salt, nonce, sealed = (b64decode(stated[name], validate=True) for name in ("salt", "nonce", "sealed"))
        iterations = stated["iterations"]
        if type(iterations) is not int or not 1 <= iterations <= _MAX_ITERATIONS or len(nonce) != 12:
            raise _malformed()
        head = {name: stated[name] for name in _HEAD}
        contents = json.loads(AESGCM(_derive(passphrase, salt, iterations)).decrypt(nonce, sealed, _bound(head)))
    except InvalidTag as error:
        raise Refused("keys.backup_passphrase", "无法打开密钥备份：口令不正确，或文件已被改动。") from error
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise _malformed() from error
    if not isinstance(contents, dict):
        raise _malformed()
    return contents


def _derive(passphrase: bytes, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", passphrase, salt, iterations, 32)


def _bound(head: dict[str, Any]) -> bytes:
    """What is not secret but may not be changed either."""
    return json.dumps(head, sort_keys=True).encode()


def _malformed() -> Malformed:
    return Malformed("keys.backup_malformed", "无法解析密钥备份文件。")
