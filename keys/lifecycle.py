"""密钥的一生: new key and request, certificate taken in, rotation, destruction; each act on the record.

    lifecycle = KeyLifecycle(keyring, journal, clock)
    request = lifecycle.begin(name, subject, SIGNER, actor)          # a new key waits beside the old one
    signer = lifecycle.complete(name, chain, Role.SIGNER, actor)     # from here on the new one signs
    lifecycle.destroy(name, serial, actor, reason)                   # the old key is gone, its certificate stays

Files, beside those of ``keys.keyring``:

    <name>.next.key.pem, <name>.next.csr.pem      a key that waits for its certificate
    <name>.chain.pem                              issuers that came with the certificate
    retired/<name>.<serial>.key.pem, .cert.pem    what was used before
    retired/<name>.<serial>.json                  the record of a destroyed key

Every step can be repeated after a crash. Overwriting a file is an honest attempt, not a promise: copy-on-write
file systems, flash and backups may keep old octets, which are encrypted under the keyring's passphrase.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from keys.authority import Profile
from keys.keyring import RETIRED, Keyring, shred, write_private
from keys.requests import build_request
from keys.signer import Signer
from keys.software import SoftwareKey, generate_key
from trust.certificates import Certificate, load_certificate
from trust.chains import open_chain
from trust.errors import Conflict, NotFound, Refused, Unavailable
from trust.journal import Actor, Journal
from trust.profiles import Role, check_profile
from trust.requests import CertificateRequest, load_request


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """停用的密钥."""

    name: str
    certificate: Certificate
    destroyed: bool
    """Is the key itself gone?"""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class KeyLifecycle:
    """密钥管理 of one keyring. One process at a time changes a keyring; others see a new key when they open anew."""

    keyring: Keyring
    journal: Journal
    clock: Callable[[], datetime] = _now

    # ------------------------------------------------------------ a new key

    def begin(self, name: str, subject: Mapping[str, str], profile: Profile | None, actor: Actor) -> CertificateRequest:
        """A new key for ``name`` and the request for its certificate; the present key, if any, goes on signing.

        Raises ``Conflict("keys.pending")`` where one waits already; ``Malformed``, ``Unavailable``.
        """
        if self._pending_key(name).exists():
            raise Conflict("keys.pending", "密钥“{name}”已有一份证书请求在等待证书。", name=name)
        key = generate_key()
        request = build_request(subject, key, profile)
        self.keyring.prepare_directory()
        write_private(self._pending_key(name), self.keyring.seal_key(key))
        write_private(self._pending_request(name), request.to_pem())
        self._record(actor, "key.begin", name, {"request": request.digest.hex(), "subject": request.subject})
        return request

    def pending(self, name: str) -> CertificateRequest:
        """The request that waits; ``NotFound("keys.no_pending")``."""
        try:
            return load_request(self._pending_request(name).read_bytes())
        except FileNotFoundError as error:
            raise NotFound("keys.no_pending", "密钥“{name}”没有等待证书的请求。", name=name) from error
        except OSError as error:
            raise _unreadable(self._pending_request(name)) from error

    def abandon(self, name: str, actor: Actor, reason: str) -> None:
        """The waiting key is destroyed. ``NotFound("keys.no_pending")``."""
        request = self.pending(name)
        shred(self._pending_key(name))
        self._pending_request(name).unlink(missing_ok=True)
        self._record(actor, "key.abandon", name, {"request": request.digest.hex()}, reason)

    def complete(self, name: str, chain: bytes, role: Role, actor: Actor) -> Signer:
        """证书导入: the chain a CA sent for the waiting key; from here on that key signs, the old one is retired.

        Raises ``NotFound("keys.no_pending")``, ``Refused("chain.…")``, ``Refused("profile.…")``, ``Malformed``.
        """
        request = self.pending(name)
        issued = open_chain(chain, request.public_key)
        check_profile(issued.certificate, role, moment=self.clock())
        sealed = self._read(self._pending_key(name))
        self.keyring.open_key(sealed)
        signer = self._install(name, sealed, issued.certificate)
        others = (*issued.issuers, *issued.others)
        write_private(self._file(name, ".chain.pem"), b"".join(c.to_pem() for c in others))
        shred(self._pending_key(name))
        self._pending_request(name).unlink(missing_ok=True)
        self._record(actor, "key.complete", name, _facts(issued.certificate))
        return signer

    def rotate(self, name: str, key: SoftwareKey, certificate: Certificate, actor: Actor, reason: str) -> Signer:
        """密钥更换 where the certificate is at hand at once (the built-in CA): the old key is retired.

        Raises ``NotFound("keys.unknown")``, ``Refused("keys.certificate_mismatch")``, ``Refused("keys.same_key")``.
        """
        old = self.keyring.certificate(name)
        if old.point == key.point:
            raise Refused("keys.same_key", "更换密钥“{name}”须使用新密钥。", name=name)
        if certificate.point != key.point:
            raise Refused("keys.certificate_mismatch", "证书与密钥“{name}”不相符。", name=name)
        signer = self._install(name, self.keyring.seal_key(key), certificate)
        self._record(actor, "key.rotate", name, _facts(certificate) | {"replaced": f"{old.serial:x}"}, reason)
        return signer

    # ------------------------------------------------------------ old keys

    def retired(self, name: str) -> tuple[RetiredKey, ...]:
        """Former keys of ``name``, oldest first."""
        self._file(name, "")
        found = []
        for path in self._folder.glob(f"{name}.*.cert.pem"):
            certificate = load_certificate(self._read(path))
            found.append(RetiredKey(name, certificate, not _beside(path, ".key.pem").exists()))
        return tuple(sorted(found, key=lambda one: one.certificate.not_before))

    def all_retired(self) -> tuple[RetiredKey, ...]:
        """Former keys of every name, by name."""
        names = {path.name.partition(".")[0] for path in self._folder.glob("*.cert.pem")}
        return tuple(one for name in sorted(names) for one in self.retired(name))

    def all_pending(self) -> tuple[str, ...]:
        """Names whose new key waits for its certificate."""
        found = self.keyring.directory.glob("*.next.csr.pem")
        return tuple(sorted(path.name.removesuffix(".next.csr.pem") for path in found))

    def destroy(self, name: str, serial: int, actor: Actor, reason: str) -> Path:
        """密钥销毁: the key whose certificate has ``serial`` is overwritten and removed; a record stays in its place.

        The present key is retired first, and nothing signs under ``name`` any more. Returns the record's file.
        Raises ``Refused("keys.no_reason")``, ``NotFound("keys.unknown")``, ``Conflict("keys.destroyed")``.
        """
        if not reason.strip():
            raise Refused("keys.no_reason", "销毁密钥必须写明理由。")
        self._retire_present(name, serial)
        path = self._retired_file(name, serial, ".key.pem")
        record = self._retired_file(name, serial, ".json")
        certificate = self._retired_certificate(name, serial)
        if not path.exists() and record.exists():
            raise Conflict(
                "keys.destroyed", "密钥“{name}”（证书序列号 {serial}）已经销毁。", name=name, serial=f"{serial:x}"
            )
        stated = {
            "name": name,
            **_facts(certificate),
            "destroyed_at": self.clock().astimezone(UTC).isoformat(timespec="seconds"),
            "account": actor.account,
            "reason": reason,
        }
        shred(path)
        write_private(record, json.dumps(stated, ensure_ascii=False, indent=2).encode() + b"\n")
        self._record(actor, "key.destroy", name, _facts(certificate), reason)
        return record

    def _retire_present(self, name: str, serial: int) -> None:
        try:
            present = self.keyring.certificate(name)
        except NotFound:
            return
        if present.serial != serial:
            return
        self._keep_retired(name, present)
        self.keyring.forget(name)
        shred(self._file(name, ".key.pem"))
        self._file(name, ".cert.pem").unlink(missing_ok=True)

    def _retired_certificate(self, name: str, serial: int) -> Certificate:
        try:
            return load_certificate(self._retired_file(name, serial, ".cert.pem").read_bytes())
        except FileNotFoundError as error:
            raise NotFound("keys.unknown", "密钥环中没有“{name}”。", name=f"{name} ({serial:x})") from error

    # ------------------------------------------------------------ files

    def _install(self, name: str, sealed: bytes, certificate: Certificate) -> Signer:
        """Old files copied away, then the new key, then its certificate; a repeated call goes on where it stopped."""
        try:
            present: Certificate | None = self.keyring.certificate(name)
        except NotFound:
            present = None
        if present is not None and present.digest != certificate.digest:
            self._keep_retired(name, present)
        self.keyring.forget(name)
        write_private(self._file(name, ".key.pem"), sealed)
        write_private(self._file(name, ".cert.pem"), certificate.to_pem())
        return self.keyring.signer(name)

    def _keep_retired(self, name: str, certificate: Certificate) -> None:
        """Copies of the present key and certificate under ``retired/``; those already there stay."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for suffix in (".key.pem", ".cert.pem"):
            target = self._retired_file(name, certificate.serial, suffix)
            source = self._file(name, suffix)
            if not target.exists() and source.exists():
                write_private(target, self._read(source))

    @property
    def _folder(self) -> Path:
        return self.keyring.directory / RETIRED

    def _retired_file(self, name: str, serial: int, suffix: str) -> Path:
        self._file(name, suffix)
        return self._folder / f"{name}.{serial:x}{suffix}"

    def _file(self, name: str, suffix: str) -> Path:
        return self.keyring.path(name, suffix)

    def _pending_key(self, name: str) -> Path:
        return self._file(name, ".next.key.pem")

    def _pending_request(self, name: str) -> Path:
        return self._file(name, ".next.csr.pem")

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise _unreadable(path) from error

    def _record(self, actor: Actor, action: str, name: str, details: Mapping[str, str], reason: str = "") -> None:
        self.journal.record(actor=actor, action=action, subject=name, reason=reason, details=details)


def _facts(certificate: Certificate) -> dict[str, str]:
    return {
        "serial": f"{certificate.serial:x}",
        "subject": certificate.subject,
        "certificate": certificate.digest.hex(),
        "not_after": certificate.not_after.isoformat(),
    }


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name.removesuffix(".cert.pem") + suffix)


def _unreadable(path: Path) -> Unavailable:
    return Unavailable("keys.unreadable", "无法读取密钥文件 {file}。", file=path.name)
