"""上传: one door for what people bring.

    stored = desk.uploads.accept("营业执照.jpg", data, owner="91…", kind="licence_scan", actor=actor)
    desk.uploads.open(stored.id)            # the octets as kept, checked against their digest
    desk.uploads.page_picture(stored.id, 1, 800)

1. ``receive``: not more than the kind takes, and not more than the owner has room for.
2. ``look``: by content what it is, and everything that is refused for what it is (``sniffing``).
3. ``scan``: a virus scanner, where there is one.
4. ``check``: opened, judged and, if a photo, drawn anew in a confined process (``checking``).
5. ``examine``: the signatures it bears, by the verifier.
6. ``keep``: encrypted; then a short transaction with the owner's quota, the record and the journal.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from licence_store import journal
from licence_store.uploads import quota as room
from licence_store.uploads.checking import Checked, check, draw_page
from licence_store.uploads.limits import KindLimits, limits_of
from licence_store.uploads.models import Upload, UploadKey
from licence_store.uploads.quota import Quota
from licence_store.uploads.refusals import refusal
from licence_store.uploads.scanning import NoScanner, Scanner
from licence_store.uploads.signatures import Examined, examine
from licence_store.uploads.sniffing import look
from licence_store.uploads.stored import QuotaMeter, SignatureFound, StoredUpload
from licence_store.uploads.vault import Vault, VaultEntry
from seal.database import Sessions
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Malformed, NotFound, Unavailable
from trust.journal import Actor, Entry
from verify.verifier import Verifier

_PIECE = 1 << 16
_ALL = 10_000


@dataclass(frozen=True, slots=True)
class Uploads:
    """上传: the collaborators and the verbs. Whoever calls has decided that the actor may act for the owner."""

    sessions: Sessions
    vault: Vault
    verifier: Callable[[], Verifier]
    clock: Callable[[], datetime]
    quota: Quota
    scanner: Scanner = field(default_factory=NoScanner)

    def accept(
        self, name: str, stream: bytes | BinaryIO, *, owner: str, kind: str, actor: Actor, check_quota: bool = True
    ) -> StoredUpload:
        """收取: check a file by its content and keep it encrypted; what is refused is journalled, not kept.

        ``check_quota=False`` is for what the back office puts there. Raises ``Malformed`` or ``Refused``
        (``upload.…``: what is wrong and how to mend it), ``NotFound("upload.kind_unknown")``, ``Unavailable``.
        """
        limits = limits_of(kind)
        received = ""
        try:
            data = self.receive(stream, limits)
            received = sm3(data).hex()
            if check_quota:
                with self.sessions.read() as session:
                    room.check(room.measure(session, owner, self.quota), len(data))
            media = look(data, limits)
            self.scanner.scan(data)
            checked = check(data, media, limits)
            found = examine(checked, self.verifier())
            return self._keep(_called(name), owner, kind, received, checked, found, actor, check_quota)
        except LicenceTrustError as error:
            subject = f"sm3:{received}" if received else "upload"
            entry = Entry(self.clock(), actor, "upload.add", subject, result=error.code, details={"kind": kind})
            with self.sessions.begin() as session:
                journal.append(session, [entry])
            raise

    def receive(self, stream: bytes | BinaryIO, limits: KindLimits) -> bytes:
        """读入, and not an octet more than the kind takes. Raises ``Malformed("upload.empty", "upload.too_large")``."""
        data = stream if isinstance(stream, bytes) else _read(stream, limits.max_size)
        if not data:
            raise refusal("empty")
        if len(data) > limits.max_size:
            raise refusal("too_large", limit=room.megabytes(limits.max_size))
        return data

    def view(self, upload_id: str) -> StoredUpload:
        """One upload that is kept. Raises ``NotFound("upload.unknown")``."""
        with self.sessions.read() as session:
            return _view(*self._find(session, upload_id))

    def of_owner(self, owner: str, *, limit: int = 200) -> tuple[StoredUpload, ...]:
        """What an owner has here, newest first."""
        query = (
            select(Upload, UploadKey).join(UploadKey, UploadKey.upload_id == Upload.id)
            .where(UploadKey.owner == owner).order_by(Upload.created.desc(), Upload.id).limit(limit)
        )  # fmt: skip
        with self.sessions.read() as session:
            return tuple(_view(row, key) for row, key in session.execute(query))

    def open(self, upload_id: str) -> bytes:
        """The file as kept, checked against its digest.

        Raises ``NotFound("upload.unknown")``, ``Unavailable`` (``files.*``, ``keys.*``, ``vault.damaged``).
        """
        with self.sessions.read() as session:
            row, key = self._find(session, upload_id)
            entry, digest = VaultEntry(key.file, key.size, key.wrapped), row.digest
        data = self.vault.get(entry, context_of(upload_id))
        if sm3(data).hex() != digest:
            raise Unavailable("vault.damaged", "加密文件已损坏或与其密钥不符，无法打开。")
        return data

    def page_picture(self, upload_id: str, page: int = 1, width: int = 1200) -> bytes:
        """One page as PNG, ``width`` dots wide at most, drawn in a confined process.

        Raises as ``open``, and ``Malformed("upload.page")``.
        """
        view = self.view(upload_id)
        if not 1 <= page <= view.pages or not 16 <= width <= 4000:
            raise Malformed("upload.page", "该文件共 {pages} 页，没有第 {page} 页。", pages=view.pages, page=page)
        return draw_page(self.open(upload_id), view.media_type, page, width)

    def drop(self, upload_id: str, actor: Actor, *, reason: str = "") -> None:
        """删除: the key goes first, so that nothing that still lies anywhere can be read; then the ciphertext.

        Raises ``NotFound("upload.unknown")``.
        """
        with self.sessions.begin() as session:
            entry = self.drop_in(session, upload_id, actor, reason)
        self.vault.discard(entry)

    def drop_in(self, session: Session, upload_id: str, actor: Actor, reason: str = "") -> VaultEntry:
        """As ``drop``, inside the caller's transaction: the caller hands the entry to ``vault.discard`` afterwards."""
        _, key = self._find(session, upload_id)
        entry = VaultEntry(key.file, key.size, key.wrapped)
        session.delete(key)
        journal.append(session, [Entry(self.clock(), actor, "upload.drop", upload_id, reason)])
        return entry

    def forget(self, holder_code: str, actor: Actor) -> int:
        """清除: a closed account's uploads that are no material go (R104); materials forget their own. How many."""
        from licence_store.uploads.upkeep import is_used

        dropped = 0
        for one in self.of_owner(holder_code, limit=_ALL):
            with self.sessions.read() as session:
                used = is_used(session, one.id)
            if not used:
                self.drop(one.id, actor, reason="account closed")
                dropped += 1
        return dropped

    def meter(self, owner: str) -> QuotaMeter:
        """容量: used, limit, count."""
        with self.sessions.read() as session:
            return room.measure(session, owner, self.quota)

    # Inside

    def _find(self, session: Session, upload_id: str) -> tuple[Upload, UploadKey]:
        row, key = session.get(Upload, upload_id[:40]), session.get(UploadKey, upload_id[:40])
        if row is None or key is None:
            raise NotFound("upload.unknown", "没有这份上传的文件，或已删除。")
        return row, key

    def _keep(
        self, name: str, owner: str, kind: str, received: str, checked: Checked, found: Examined, actor: Actor,
        check_quota: bool,
    ) -> StoredUpload:  # fmt: skip
        upload_id = f"u-{secrets.token_hex(16)}"
        entry = self.vault.put(checked.data, context_of(upload_id))
        warnings = [*checked.warnings, *found.warnings, *self.scanner.warnings]
        row = Upload(
            id=upload_id, kind=kind, digest=sm3(checked.data).hex(), received=received, media_type=checked.media_type,
            size=len(checked.data), pages=checked.pages, width=checked.width, height=checked.height, dpi=checked.dpi,
            findings=_findings(warnings, found), created=self.clock(), created_by=actor.account[:100],
        )  # fmt: skip
        key = UploadKey(
            upload_id=upload_id, owner=owner, name=name, file=entry.file, size=entry.size, wrapped=entry.wrapped,
            master=entry.master,
        )  # fmt: skip
        try:
            with self.sessions.begin() as session:
                if check_quota:
                    room.admit(session, owner, entry.size, self.quota)
                session.add(row)
                session.flush()
                session.add(key)
                details = {"kind": kind, "media": row.media_type, "size": str(row.size), "digest": f"sm3:{row.digest}"}
                journal.append(session, [Entry(row.created, actor, "upload.add", upload_id, details=details)])
                return _view(row, key)
        except LicenceTrustError:
            self.vault.discard(entry)
            raise


def _read(stream: BinaryIO, limit: int) -> bytes:
    """At most one octet more than ``limit``."""
    held = bytearray()
    while len(held) <= limit and (some := stream.read(min(_PIECE, limit + 1 - len(held)))):
        held += some
    return bytes(held)


def context_of(upload_id: str) -> str:
    """What the vault is told the file is."""
    return f"upload {upload_id}"


def _called(name: str) -> str:
    """A file's name as far as it may be shown: no path, no control characters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in last if char.isprintable()).strip()[-200:] or "—"


def _findings(warnings: list[str], found: Examined) -> str:
    stated = {
        "warnings": warnings,
        "indication": found.indication,
        "signatures": [one.to_json() for one in found.signatures],
    }
    return json.dumps(stated, ensure_ascii=False)


def _view(row: Upload, key: UploadKey) -> StoredUpload:
    stated = json.loads(row.findings)
    return StoredUpload(
        row.id, key.owner, row.kind, key.name, row.digest, row.received, row.media_type, row.size, row.pages,
        row.width, row.height, row.dpi, tuple(stated["warnings"]),
        tuple(SignatureFound(**one) for one in stated["signatures"]), stated["indication"], row.created,
        row.created_by,
    )  # fmt: skip
