"""密钥环: name → Signer, kept as encrypted files in one directory.

For each name ``<name>.key.pem`` (PKCS#8, encrypted, mode 0600) and ``<name>.cert.pem``. A key is
opened when first asked for, so the cost of the passphrase is paid only for keys that are used.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from keys.signer import Signer
from keys.software import ITERATIONS, KeyCipher, SoftwareKey, SoftwareSigner, load_key, save_key
from trust.certificates import Certificate, load_certificate
from trust.errors import Conflict, Malformed, NotFound, Unavailable

_log = logging.getLogger(__name__)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_KEY: Final = ".key.pem"
_CERTIFICATE: Final = ".cert.pem"
RETIRED: Final = "retired"
"""Folder beside the keys for what was used before, and for records of what was destroyed."""


class Keyring:
    """密钥环 in ``directory``. Safe to share between threads; ``passphrase`` is called when a key is opened."""

    def __init__(
        self,
        directory: Path,
        passphrase: Callable[[], bytes],
        *,
        cipher: KeyCipher = KeyCipher.AES256,
        iterations: int = ITERATIONS,
    ) -> None:
        """``iterations`` (PBKDF2 rounds of new files) may be small where the passphrase is random."""
        self._directory = Path(directory)
        self._passphrase = passphrase
        self._cipher = cipher
        self._iterations = iterations
        self._signers: dict[str, Signer] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Keyring {self._directory}>"

    @property
    def directory(self) -> Path:
        return self._directory

    def names(self) -> tuple[str, ...]:
        """All names, sorted. A missing directory has none."""
        if not self._directory.is_dir():
            return ()
        found = (path.name.removesuffix(_CERTIFICATE) for path in self._directory.glob(f"*{_CERTIFICATE}"))
        return tuple(sorted(name for name in found if _NAME.fullmatch(name)))

    def certificate(self, name: str) -> Certificate:
        """The certificate of ``name``; needs no passphrase. ``NotFound("keys.unknown")``."""
        return load_certificate(self._read(name, _CERTIFICATE))

    def signer(self, name: str) -> Signer:
        """The signer called ``name``, opened once.

        Raises ``NotFound("keys.unknown")``, ``Refused("keys.wrong_passphrase")``,
        ``Refused("keys.certificate_mismatch")``, ``Malformed``, ``Unavailable``.
        """
        with self._lock:
            signer = self._signers.get(name)
            if signer is None:
                key = self.open_key(self._read(name, _KEY))
                signer = self._signers[name] = SoftwareSigner(self.certificate(name), key, name)
            return signer

    def add(self, name: str, key: SoftwareKey, certificate: Certificate) -> Signer:
        """Keep a new key. ``Conflict("keys.exists")`` rather than overwrite; written atomically, key first."""
        certificate_file, key_file = self.path(name, _CERTIFICATE), self.path(name, _KEY)
        signer = SoftwareSigner(certificate, key, name)
        with self._lock:
            if certificate_file.exists():
                raise Conflict("keys.exists", "密钥“{name}”已存在，不会被覆盖。", name=name)
            sealed = self.seal_key(key)
            self.prepare_directory()
            write_private(key_file, sealed)
            write_private(certificate_file, certificate.to_pem())
            self._signers[name] = signer
        return signer

    def forget(self, name: str) -> None:
        """The opened key of ``name`` is let go; it is opened anew when next asked for."""
        with self._lock:
            self._signers.pop(name, None)

    def seal_key(self, key: SoftwareKey) -> bytes:
        """``key`` as a key file of this keyring (PEM, encrypted)."""
        return save_key(key, self._passphrase(), cipher=self._cipher, iterations=self._iterations)

    def open_key(self, sealed: bytes) -> SoftwareKey:
        """The key in a key file of this keyring; raises as ``keys.software.load_key`` does."""
        return load_key(sealed, self._passphrase())

    def read_key_file(self, name: str) -> bytes:
        """The encrypted key file of ``name`` as it stands. ``NotFound("keys.unknown")``."""
        return self._read(name, _KEY)

    def prepare_directory(self) -> None:
        """Made with mode 0700 where it is missing; ``Unavailable("keys.unwritable")``."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self._directory) from error

    def path(self, name: str, suffix: str) -> Path:
        """The file of ``name`` with this ending; ``Malformed("keys.bad_name")``."""
        if not _NAME.fullmatch(name):
            raise Malformed(
                "keys.bad_name",
                "密钥名称“{name}”无效：只能用字母、数字、连字符和下划线，最长 64 个字符。",
                name=name[:80],
            )
        return self._directory / (name + suffix)

    def _read(self, name: str, suffix: str) -> bytes:
        path = self.path(name, suffix)
        try:
            data = path.read_bytes()
            loose = suffix == _KEY and os.name == "posix" and path.stat().st_mode & 0o077
        except FileNotFoundError as error:
            raise NotFound("keys.unknown", "密钥环中没有“{name}”。", name=name) from error
        except OSError as error:
            raise Unavailable("keys.unreadable", "无法读取密钥文件 {file}。", file=path.name) from error
        if loose:
            _log.warning("key file %s can be read by others; its mode should be 0600", path)
        return data


def write_private(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` with mode 0600, whole or not at all (temporary file, fsync, rename)."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(path) from error


def shred(path: Path) -> None:
    """Overwrite with random octets, flush, remove; a file that is not there is gone already.

    Raises ``Unavailable("keys.not_destroyed")``.
    """
    try:
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.write(secrets.token_bytes(size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        sync_directory(path.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unavailable("keys.not_destroyed", "密钥文件 {file} 未能销毁。", file=path.name) from error


def sync_directory(directory: Path) -> None:
    """Make names in ``directory`` as lasting as the files themselves."""
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path) -> Unavailable:
    return Unavailable(
        "keys.unwritable",
        "无法写入 {file}：请检查目录权限和剩余空间。",
        file=str(path),
        remedy="请检查目录权限和剩余空间后重试。",
    )
