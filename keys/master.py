"""主密钥: the keys under which the keys of encrypted files are wrapped. Made at first use, kept like every other key.

    masters = MasterKeys(region / "keys", passphrase)
    wrapped = masters.wrap(file_key, b"upload u-1")
    masters.unwrap(wrapped, b"upload u-1") == file_key

``<name>.<number>.master.json`` beside the signing keys: PBKDF2-HMAC-SHA256 over the passphrase, AES-256-GCM over the
key. A newer number wraps what comes from then on; older ones open what they wrapped, until it is wrapped anew
(``licence_store.rewrapping``) and they are destroyed: ``retired/<name>.<number>.master.json`` is the record of that.
``KeyWrapper`` is the seam through which a cryptographic machine does the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.keyring import RETIRED, shred, sync_directory, write_private
from keys.software import ITERATIONS
from trust.errors import Conflict, Malformed, NotFound, Refused, Unavailable

FORMAT: Final = "licence-trust/master-key/1"
UPLOADS: Final = "uploads"
_NAME: Final = re.compile(r"([a-z][a-z0-9-]{0,31})\.([0-9]{1,10})\.master\.json")
_SUFFIX: Final = ".master.json"
_MAX_ITERATIONS: Final = 20_000_000
_NONCE: Final = 12
_FIRST, _NEXT = 1 << 30, 1 << 16
"""The first number is drawn below the one, each further one so far above the last: one that was lost, or stands in
another folder, and the one made in its place are never taken for each other.
"""
_NUMBER: Final = 4
_HEAD: Final = _NUMBER + _NONCE
"""Octets before what is wrapped: the master's number, the nonce."""


class KeyWrapper(Protocol):
    """包裹密钥: whoever can lock a short key away and open it again."""

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """``key`` locked, to be opened with the same ``context`` only. Raises ``Unavailable``, ``Refused``."""

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """What was locked. Raises ``Unavailable("keys.master_missing", "keys.wrapped_damaged")``."""


class MasterKeys:
    """主密钥 called ``name`` in ``directory``. Implements ``KeyWrapper``. Safe to share between threads."""

    def __init__(
        self, directory: Path, passphrase: Callable[[], bytes], name: str = UPLOADS, *, iterations: int = ITERATIONS
    ) -> None:
        """``iterations`` (PBKDF2 rounds of new files) may be small where the passphrase is random."""
        self._directory, self._passphrase, self._name = Path(directory), passphrase, name
        self._iterations = iterations
        self._opened: dict[int, bytes] = {}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """What they are for."""
        return self._name

    def __repr__(self) -> str:
        return f"<MasterKeys {self._name} in {self._directory}>"

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """``key`` under the newest master, which is made where there is none yet."""
        number = self.newest or self._make(1 + secrets.randbelow(_FIRST))
        nonce = secrets.token_bytes(_NONCE)
        sealed = AESGCM(self._master(number)).encrypt(nonce, key, context)
        return number.to_bytes(_NUMBER, "big") + nonce + sealed

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        number, nonce = number_of(wrapped), wrapped[_NUMBER:_HEAD]
        try:
            return AESGCM(self._master(number)).decrypt(nonce, wrapped[_HEAD:], context)
        except (InvalidTag, ValueError) as error:
            raise Unavailable(
                "keys.wrapped_damaged", "文件密钥无法打开：登记的密钥已损坏或被调换。",
                remedy="请由系统管理员从备份恢复。",
            ) from error  # fmt: skip

    def renew(self) -> int:
        """更换: a new master for what comes from now on; its number."""
        return self._make(self.newest + 1 + secrets.randbelow(_NEXT))

    @property
    def newest(self) -> int:
        """The master that wraps now; 0: there is none yet."""
        return max(self.numbers(), default=0)

    def numbers(self) -> tuple[int, ...]:
        """The masters there are."""
        return tuple(sorted(number for _, number in stored_masters(self._directory, self._name)))

    def superseded(self, number: int) -> datetime | None:
        """Since when another wraps in the place of this master, as far as files tell; ``None``: it is the newest.

        Raises ``NotFound("keys.master_unknown")``, ``Conflict("keys.master_destroyed")``.
        """
        numbers = self.numbers()
        if number not in numbers:
            if self._record(number).exists():
                raise Conflict("keys.master_destroyed", "主密钥 {name} 已经销毁。", name=f"{self._name}.{number}")
            raise NotFound("keys.master_unknown", "没有主密钥 {name}。", name=f"{self._name}.{number}")
        later = [self._path(one).stat().st_mtime for one in numbers if one > number]
        return datetime.fromtimestamp(min(later), UTC) if later else None

    def destroy(self, number: int, stated: Mapping[str, str]) -> Path:
        """销毁: overwritten and removed; ``stated`` stays as the record in its place. A repeated call goes on where a
        crash stopped it. Whoever calls has seen that nothing needs it any more. Raises as ``superseded``.
        """
        self.superseded(number)
        record = self._record(number)
        record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        named = {"name": self._name, "number": str(number), **stated}
        write_private(record, json.dumps(named, ensure_ascii=False, indent=2).encode() + b"\n")
        shred(self._path(number))
        with self._lock:
            self._opened.pop(number, None)
        return record

    def copies(self, passphrase: bytes) -> list[dict[str, str]]:
        """Every master under another passphrase, for a backup."""
        return [
            {"number": str(number), "file": seal_master(self._master(number), passphrase, 1).decode()}
            for number in self.numbers()
        ]

    def restore(self, copies: Sequence[Mapping[str, str]], passphrase: bytes) -> None:
        """What ``copies`` gave, put back: all, or none. Raises ``Conflict("keys.exists")`` where another master has the
        number, ``Malformed("keys.backup_malformed")``.
        """
        try:
            opened = {int(one["number"]): open_master(one["file"].encode(), passphrase) for one in copies}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Malformed("keys.backup_malformed", "无法解析密钥备份文件。") from error
        present = self.numbers()
        for number, master in opened.items():
            if number in present and self._master(number) != master:
                raise Conflict("keys.exists", "密钥“{name}”已存在，不会被覆盖。", name=f"{self._name}.{number}")
        for number, master in opened.items():
            if number not in present:
                put_master(self._path(number), seal_master(master, self._passphrase(), self._iterations))

    # Inside

    def _record(self, number: int) -> Path:
        return self._directory / RETIRED / f"{self._name}.{number}{_SUFFIX}"

    def _path(self, number: int) -> Path:
        return self._directory / f"{self._name}.{number}{_SUFFIX}"

    def _master(self, number: int) -> bytes:
        with self._lock:
            if number not in self._opened:
                self._opened[number] = open_master(self._read(number), self._passphrase())
            return self._opened[number]

    def _read(self, number: int) -> bytes:
        try:
            return self._path(number).read_bytes()
        except FileNotFoundError as error:
            raise Unavailable(
                "keys.master_missing", "缺少主密钥“{name}”（第 {number} 号），其加密的文件无法打开。",
                remedy="请由系统管理员从密钥备份恢复。", name=self._name, number=number,
            ) from error  # fmt: skip
        except OSError as error:
            raise Unavailable("keys.unreadable", "无法读取密钥文件 {file}。", file=self._path(number).name) from error

    def _make(self, number: int) -> int:
        """A fresh master, unless another process has just made that one."""
        put_master(self._path(number), seal_master(secrets.token_bytes(32), self._passphrase(), self._iterations))
        return number


def number_of(wrapped: bytes) -> int:
    """The number of the master that opens ``wrapped``."""
    return int.from_bytes(wrapped[:_NUMBER], "big")


def stored_masters(directory: Path, name: str = "") -> list[tuple[str, int]]:
    """``(name, number)`` of every master in ``directory``, or of those called ``name``."""
    found = (_NAME.fullmatch(path.name) for path in Path(directory).glob(f"*{_SUFFIX}"))
    return sorted((one[1], int(one[2])) for one in found if one and name in ("", one[1]))


def put_master(path: Path, sealed: bytes) -> bool:
    """Put the file of a master in its place, whole; false where one stands there already, which is kept."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    write_private(part, sealed)
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    except OSError as error:
        raise Unavailable("keys.unwritable", "无法写入 {file}：请检查目录权限和剩余空间。", file=path.name) from error
    finally:
        part.unlink(missing_ok=True)
    sync_directory(path.parent)
    return True


def seal_master(master: bytes, passphrase: bytes, iterations: int = ITERATIONS) -> bytes:
    """``master`` as a file, encrypted. Raises ``Refused("keys.empty_passphrase")``."""
    if not passphrase:
        raise Refused("keys.empty_passphrase", "密钥文件必须以口令加密：口令不能为空。")
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(_NONCE)
    head = {
        "format": FORMAT, "salt": b64encode(salt).decode(), "iterations": iterations,
        "nonce": b64encode(nonce).decode(),
    }  # fmt: skip
    sealed = AESGCM(_derive(passphrase, salt, iterations)).encrypt(nonce, master, _bound(head))
    return json.dumps({**head, "sealed": b64encode(sealed).decode()}, indent=1).encode() + b"\n"


def open_master(data: bytes, passphrase: bytes) -> bytes:
    """The master in a file. Raises ``Malformed("keys.malformed")``, ``Refused("keys.wrong_passphrase")``."""
    try:
        stated = json.loads(data)
        head = {name: stated[name] for name in ("format", "salt", "iterations", "nonce")}
        salt, nonce, sealed = (b64decode(stated[name], validate=True) for name in ("salt", "nonce", "sealed"))
        rounds = stated["iterations"]
        if head["format"] != FORMAT or type(rounds) is not int or not 1 <= rounds <= _MAX_ITERATIONS:
            raise ValueError("head")
        return AESGCM(_derive(passphrase, salt, rounds)).decrypt(nonce, sealed, _bound(head))
    except InvalidTag as error:
        raise Refused("keys.wrong_passphrase", "无法打开密钥文件：口令不正确，或文件已损坏。") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Malformed("keys.malformed", "无法解析密钥文件：应为 PBES2 加密的 PKCS#8 格式。") from error


def _derive(passphrase: bytes, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", passphrase, salt, iterations, 32)


def _bound(head: dict[str, Any]) -> bytes:
    return json.dumps(head, sort_keys=True).encode()
