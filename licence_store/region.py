"""地区: one folder with all a region has. It may be copied or moved as a whole: no path inside is absolute.

region.json          what this is (written last when a region is made)
register.sqlite3     the register, unless a database is named in the settings
keys/                private keys, encrypted; in a demonstration region also the passphrase
trust/               certificates, revocation lists and anchors.json: whom to believe, for what
issued/              certificates our own authorities gave out on request
seals/               seals (GB/T 38540) and the documents they rest on: see ``licence_store.cabinet``
files/               sealed licences by SM3
anchors.jsonl        heads of the journal, signed, one a line
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from keys.authority import CertificateAuthority, Revocation
from keys.custodian import FILE, Custodians
from keys.demonstration import CRL_PERIOD
from keys.keyring import Keyring
from keys.master import MasterKeys
from keys.signer import Signer
from keys.timestamping import TimeStampAuthority
from licence_store.cabinet import SealFolder
from licence_store.files import FolderStore
from licence_store.folder import read, unwritable, write
from licence_store.founding import ANCHORED, DATABASE_FILE, MAKING_FILE, REGION_FILE, Founding, check_names, making
from licence_store.journal import Anchor, SQLJournal
from licence_store.migrations import upgrade
from seal.database import Sessions, open_database, sqlite_url
from seal.register import SealRegister
from seal.sealing import SealingMaterial
from trust.anchors import Purpose, TrustAnchor, TrustStore
from trust.canonical import canonical_json, parse_json
from trust.certificates import load_certificate
from trust.errors import CheckFailed, LicenceTrustError, Malformed, NotFound, Unavailable
from trust.path import issuers_of
from trust.revocation import CertificateList, load_crl
from trust.sm2 import PublicKey

log = logging.getLogger("licence_trust.region")
FORMAT: Final = "licence-trust/region/1"
DEFAULT_CODE: Final = "990000"
DEFAULT_NAME: Final = "演示省"
_ANCHORS = "anchors.jsonl"
_UNLOCK_FILE = "passphrase"

SEAL_MAKER: Final = "seal-maker"
"""制章人 in the keyring."""
_AUTHORITIES: Final = ("root", *ANCHORED)
_RANDOM_PASSPHRASE_ROUNDS: Final = 2_000


@dataclass(frozen=True)
class Region:
    """地区, opened. Nothing secret is read until a key is asked for."""

    directory: Path
    code: str
    """行政区划代码, 6 digits (GB/T 2260)."""
    name: str
    demonstration: bool
    created: str
    passphrase: Callable[[], bytes]
    custodian: str = FILE
    """密钥保管者 meant where a key's name says none; chosen in settings."""

    # Opening and making

    @classmethod
    def open(cls, directory: Path, *, passphrase: str = "", custodian: str = FILE) -> Region:
        """The region in ``directory``.

        ``passphrase`` unlocks the keys where they are not a demonstration's. Raises
        ``NotFound("region.missing")``, ``Unavailable("region.unfinished")``, ``Malformed("region.malformed")``.
        """
        directory = Path(directory)
        try:
            facts = json.loads((directory / REGION_FILE).read_bytes())
        except FileNotFoundError as error:
            raise _absent(directory) from error
        except (OSError, ValueError, RecursionError) as error:
            raise _malformed(directory) from error
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            raise _malformed(directory)
        try:
            code, name, created = (str(facts[key]) for key in ("code", "name", "created"))
            demonstration = facts["demonstration"] == "true"
        except KeyError as error:
            raise _malformed(directory) from error
        unlock = _passphrase_of(directory, demonstration, passphrase)
        return cls(directory, code, name, demonstration, created, unlock, custodian)

    @classmethod
    def create(
        cls,
        directory: Path,
        code: str = DEFAULT_CODE,
        name: str = DEFAULT_NAME,
        *,
        clock: Callable[[], datetime],
        database_url: str = "",
        library_version: str = "",
    ) -> Region:
        """建立演示地区: authority, departments with seals, types with their grants; all it takes to issue.

        A folder left half-made by a crash is made anew. Raises ``Conflict("region.exists")``,
        ``Conflict("region.not_empty")``, ``Conflict("region.database_in_use")``, ``Malformed("region.code")``.
        """
        check_names(code, name)
        directory = Path(directory)
        with making(directory):
            region = cls(directory, code, name, True, clock().isoformat(), _written_passphrase(directory))
            Founding(region, clock).found(database_url)
            facts = {
                "format": FORMAT,
                "code": code,
                "name": name,
                "demonstration": "true",
                "created": region.created,
                "library_version": library_version,
            }
            write(directory / REGION_FILE, json.dumps(facts, ensure_ascii=False, indent=2).encode() + b"\n")
        return region

    # What is inside

    @cached_property
    def keyring(self) -> Keyring:
        """密钥环."""
        return Keyring(self.directory / "keys", self.passphrase, iterations=_RANDOM_PASSPHRASE_ROUNDS)

    @cached_property
    def masters(self) -> MasterKeys:
        """主密钥 of what is kept encrypted; made when first needed."""
        return MasterKeys(self.directory / "keys", self.passphrase, iterations=_RANDOM_PASSPHRASE_ROUNDS)

    @cached_property
    def custodians(self) -> Custodians:
        """密钥保管者 there are: the key files; hardware comes through the same seam."""
        return Custodians({FILE: self.keyring})

    def signer(self, key_name: str) -> Signer:
        """签章人's key: ``custodian:name``, or a name kept by the custodian chosen in settings.

        Raises ``Unavailable("keys.custodian_away")``, ``NotFound("keys.no_custodian", "keys.unknown")``.
        """
        return self.custodians.signer(key_name if ":" in key_name else f"{self.custodian}:{key_name}")

    @cached_property
    def files(self) -> FolderStore:
        """证照文件库."""
        return FolderStore(self.directory / "files")

    @property
    def database_url(self) -> str:
        """The register inside the folder."""
        return sqlite_url((self.directory / DATABASE_FILE).absolute())

    def open_register(self, database_url: str = "", *, durable: bool = True) -> Sessions:
        """The register's database, brought to this version's tables.

        Raises ``Unavailable("region.register_missing")`` when the folder's own is gone: it is not made silently.
        """
        if not database_url and not (self.directory / DATABASE_FILE).is_file():
            raise Unavailable("region.register_missing", "地区文件夹中缺少登记数据库 {file}。", file=DATABASE_FILE)
        sessions = open_database(database_url or self.database_url, durable=durable)
        upgrade(sessions)
        self._lock_away(sessions)
        return sessions

    def _lock_away(self, sessions: Sessions) -> None:
        """Secrets that an older version kept in clear go under the master key; where it is away, next time."""
        from licence_store.notices.hook_secrets import lock_away

        try:
            lock_away(sessions, self.masters)
        except LicenceTrustError as error:
            log.warning("secrets of webhooks are not locked away yet (%s)", error.code)

    def seal_material(self, seal_id: str, key_name: str, digest: str) -> SealingMaterial:
        """用印材料 of a seal; raises ``Unavailable("seal.file_damaged")`` if it is not the seal registered."""
        return SealingMaterial(self.seal_folder.object(seal_id, digest), self.signer(key_name))

    @property
    def seal_folder(self) -> SealFolder:
        """印章文件库."""
        return SealFolder(self.directory / "seals")

    def seal_register(
        self, sessions: Sessions, clock: Callable[[], datetime], trust: Callable[[], TrustStore] | None = None
    ) -> SealRegister:
        """印章登记, with our own seal maker."""
        return SealRegister(
            sessions=sessions,
            journal=SQLJournal(sessions, clock),
            files=self.seal_folder,
            certificate=self.keyring.certificate,
            maker=lambda: self.keyring.signer(SEAL_MAKER),
            trust=trust or self.trust_store,
            clock=clock,
            code=self.code,
        )

    def timestamper(self, clock: Callable[[], datetime]) -> TimeStampAuthority:
        """内置时间戳机构."""
        return TimeStampAuthority(self.keyring.signer("tsa"), clock=clock)

    # Whom to believe

    def trust_store(self) -> TrustStore:
        """信任库 as the files in ``trust/`` say it now. Raises ``Malformed`` or ``Unavailable``."""
        folder = self.directory / "trust"
        try:
            stated = json.loads(read(folder / "anchors.json"))
            anchors = tuple(_anchor(folder, one) for one in stated["anchors"])
            intermediates = tuple(load_certificate(read(folder / name)) for name in stated["intermediates"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Malformed("region.trust", "地区的信任设置 trust/anchors.json 无法读取。") from error
        return TrustStore(anchors, intermediates, self.crls(), region=self.code)

    def crls(self) -> tuple[CertificateList, ...]:
        """证书废止列表 at hand."""
        return tuple(load_crl(read(path)) for path in sorted((self.directory / "trust").glob("*.crl")))

    def refresh_crls(self, now: datetime, *, period: timedelta = CRL_PERIOD) -> bool:
        """Publish new CRLs of our own CAs when two thirds of their time are over; false if there was no need.

        Revoked certificates stay revoked. Raises ``Unavailable`` when the keys are not at hand.
        """
        known = {crl.issuer_name_der: crl for crl in self.crls()}
        names = set(self.keyring.names())
        ours = [n for n in _AUTHORITIES if n in names]
        published = [known.get(self.keyring.certificate(name).subject_name_der) for name in ours]
        if all(crl is not None and _is_young(crl, now) for crl in published):
            return False
        for name in ours:
            authority = CertificateAuthority(self.keyring.signer(name))
            old = known.get(authority.signer.certificate.subject_name_der)
            number = (old.number or 0) + 1 if old else 1
            crl = authority.crl(revocations(old), now.replace(microsecond=0), now + period, number)
            write(self.directory / "trust" / f"{name}.crl", crl)
        return True

    def bundle(self, now: datetime, *, valid: timedelta = timedelta(days=30), store: TrustStore | None = None) -> bytes:
        """信任包: all a verifier elsewhere needs, signed by the publisher; ``store``: more than our own material."""
        store = store or self.trust_store()
        ends = [crl.next_update for crl in store.crls if crl.next_update is not None]
        publisher = self.keyring.signer("publisher")
        start = now.replace(microsecond=0)
        chain = [publisher.certificate.der]
        return store.to_bundle(publisher.sign, chain, start, max(start, min([start + valid, *ends])))

    # The journal's head, kept where the database's owner does not reach

    def anchor_journal(self, anchor: Anchor, now: datetime) -> None:
        """链首存证: add a signed line with the journal's newest head to ``anchors.jsonl``."""
        signer = self.keyring.signer("publisher")
        said = {"seq": str(anchor.seq), "digest": anchor.digest, "at": now.isoformat(timespec="seconds")}
        line = {**said, "signature": signer.sign(canonical_json(said)).hex()}
        path = self.directory / _ANCHORS
        try:
            path.touch(mode=0o640)
            with path.open("ab") as file:
                file.write(canonical_json(line) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise unwritable(_ANCHORS, error) from error

    def journal_anchors(self) -> tuple[Anchor, ...]:
        """The heads anchored so far. Raises ``CheckFailed("…", "journal.anchor_forged")`` for a line not ours."""
        path = self.directory / _ANCHORS
        if not path.exists():
            return ()
        keys = self._publisher_keys()
        return tuple(_checked_anchor(line, keys) for line in read(path).splitlines() if line.strip())

    def _publisher_keys(self) -> tuple[PublicKey, ...]:
        """The publisher's present key, and former ones that an authority we believe had certified."""
        former = sorted((self.directory / "keys" / "retired").glob("publisher.*.cert.pem"))
        certificates = [load_certificate(read(path)) for path in former]
        believed = [one for one in certificates if issuers_of(one, self.trust_store())]
        return tuple(one.public_key for one in (self.keyring.certificate("publisher"), *believed))


def _checked_anchor(line: bytes, keys: tuple[PublicKey, ...]) -> Anchor:
    try:
        said = parse_json(line)
        assert isinstance(said, dict)
        signature = bytes.fromhex(str(said.pop("signature")))
        if any(key.verify(signature, canonical_json(said)) for key in keys):
            return Anchor(int(str(said["seq"])), str(said["digest"]))
    except (ValueError, KeyError, AssertionError, Malformed):
        pass
    raise CheckFailed(
        "TOTAL-FAILED",
        "SIG_CRYPTO_FAILURE",
        "journal.anchor_forged",
        "链首存证文件 {file} 中有被改动的行。",
        file=_ANCHORS,
    )


def _absent(directory: Path) -> LicenceTrustError:
    if (directory / MAKING_FILE).exists():
        return Unavailable(
            "region.unfinished",
            "文件夹 {directory} 中的地区未建完（上次建立时中断）。",
            remedy="请重新执行 init。",
            directory=str(directory),
        )
    return NotFound(
        "region.missing",
        "文件夹 {directory} 中没有地区数据。",
        remedy="请用 --dir 指明地区文件夹，或先执行 init。",
        directory=str(directory),
    )


def _malformed(directory: Path) -> Malformed:
    return Malformed("region.malformed", "文件 {file} 无法读取。", file=str(directory / REGION_FILE))


def _passphrase_of(directory: Path, demonstration: bool, given: str) -> Callable[[], bytes]:
    def passphrase() -> bytes:
        if demonstration:
            return read(directory / "keys" / _UNLOCK_FILE).strip()
        if not given:
            raise Unavailable("keys.locked", "密钥尚未解锁。", remedy="请设置 LICENCE_TRUST_PASSPHRASE。")
        return given.encode()

    return passphrase


def _written_passphrase(directory: Path) -> Callable[[], bytes]:
    """A fresh random passphrase, written beside the keys: a demonstration region unlocks itself."""
    write(directory / "keys" / _UNLOCK_FILE, secrets.token_urlsafe(32).encode() + b"\n", 0o600)
    return _passphrase_of(directory, True, "")


def _anchor(folder: Path, stated: Any) -> TrustAnchor:
    certificate = load_certificate(read(folder / stated["certificate"]))
    texts = (stated["valid_from"], stated["valid_to"], stated.get("removed_at", ""))
    begin, end, removed = (datetime.fromisoformat(text) if text else None for text in texts)
    return TrustAnchor(certificate, frozenset(Purpose(p) for p in stated["purposes"]), begin, end, removed)


def _is_young(crl: CertificateList, now: datetime) -> bool:
    if crl.next_update is None:
        return True
    return now < crl.this_update + (crl.next_update - crl.this_update) * 2 / 3


def revocations(crl: CertificateList | None) -> list[Revocation]:
    """The entries of a list, to be put on the next one."""
    if crl is None:
        return []
    return [
        Revocation(serial, entry.time, _snake(entry.reason or "unspecified"), entry.invalid_since)
        for serial, entry in crl.revoked.items()
    ]


def _snake(word: str) -> str:
    """``keyCompromise`` → ``key_compromise``; ``aACompromise`` and ``cACompromise`` have their own."""
    special = {"cACompromise": "ca_compromise", "aACompromise": "aa_compromise"}
    return special.get(word) or re.sub(r"[A-Z]", lambda m: "_" + m[0].lower(), word)
