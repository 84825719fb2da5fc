"""登记簿的表: what the register remembers.

Three kinds of table: those that only ever grow (journal, events, type versions: the database itself
refuses to change or delete a row, see ``migrations``), those that hold a present state (intents,
sequences, sessions), and the licences, whose versions are never edited: a change adds a version or an
event. Moments are aware UTC; digests are SM3 in lower-case hex.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base
from seal.models import DIGEST, SERIAL, Department, Seal, table

__all__ = ["Department", "Seal", "table"]  # the seal register's, which the licence register uses

LICENCE_ID = String(160)
NAME = String(400).with_variant(String(400, collation="C"), "postgresql")
"""Compared octet by octet on both engines, so that the beginning of a name is found by the index."""


EXPIRED_AND_SAID = "next_change IS NULL AND ends <> '' AND state || '' IN ('CURRENT', 'LOST', 'SUSPENDED')"
"""A licence has run out and an event says so. Asked for word for word as the index has it; the empty string keeps other
indices of the state from being taken instead."""


class LicenceType(Base):
    """证照类型: the newest version of a type of licence (GB/T 36902)."""

    __tablename__ = "licence_type"

    code: Mapped[str] = mapped_column(String(21), primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    version: Mapped[int]
    state: Mapped[str] = mapped_column(String(16), server_default="PUBLISHED")
    """``PUBLISHED`` or ``RETIRED``."""


class LicenceTypeVersion(Base):
    """证照类型版本: one definition as it was imported; never changed afterwards."""

    __tablename__ = "licence_type_version"

    code: Mapped[str] = mapped_column(ForeignKey("licence_type.code"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(DIGEST)
    definition: Mapped[str] = mapped_column(Text)
    """The definition as JSON, in its own order, which the face follows."""
    imported: Mapped[datetime]
    imported_by: Mapped[str] = mapped_column(String(100))


class Grant(Base):
    """发证权限: which department issues which type, and with which seal."""

    __tablename__ = "issuing_grant"

    type_code: Mapped[str] = mapped_column(ForeignKey("licence_type.code"), primary_key=True)
    department_id: Mapped[str] = mapped_column(ForeignKey("department.id"), primary_key=True)
    seal_id: Mapped[str] = mapped_column(ForeignKey("seal.id"))
    granted: Mapped[datetime]
    ended: Mapped[datetime | None]
    """From then on it counts no more; may lie ahead."""


class Licence(Base):
    """电子证照: one licence through all its versions."""

    __tablename__ = "licence"

    base: Mapped[str] = mapped_column(LICENCE_ID, primary_key=True)
    """The licence id without version and check character (GB/T 36904)."""
    type_code: Mapped[str] = mapped_column(ForeignKey("licence_type.code"))
    department_id: Mapped[str] = mapped_column(ForeignKey("department.id"))
    number: Mapped[str] = mapped_column(String(100), index=True)
    holder_name: Mapped[str] = mapped_column(NAME)
    holder_code: Mapped[str] = mapped_column(String(64))
    holder_code_type: Mapped[str] = mapped_column(String(3))
    record_key: Mapped[str] = mapped_column(String(80))
    version: Mapped[int]
    """The newest version."""
    issued: Mapped[datetime]
    # How it stands: a projection of its events (``licence_store.standing``), written in their transaction
    state: Mapped[str] = mapped_column(String(32), server_default="CURRENT")
    """The state that was decided; what time alone brings is not in it: ask ``standing.effective_state``."""
    since: Mapped[datetime] = mapped_column(server_default="1970-01-01 00:00:00.000000")
    ends: Mapped[str] = mapped_column(String(10), server_default="")
    """Last valid day of the newest version; empty: long-term."""
    inspect_year: Mapped[int | None]
    """The year whose annual inspection comes next."""
    inspect_by: Mapped[datetime | None]
    """From this moment on the inspection is overdue."""
    next_change: Mapped[datetime | None]
    """The next change that time brings and no event says yet."""
    predecessor: Mapped[str] = mapped_column(LICENCE_ID, server_default="")
    """Base of the licence whose place it took; empty: none."""
    successor: Mapped[str] = mapped_column(LICENCE_ID, server_default="")
    """Base of the licence that took its place; empty: none."""
    place: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Where it stands in the register's order, for ever; see ``licence_store.search_index``."""

    __table_args__ = (
        Index("uq_licence_type_record", "type_code", "record_key", unique=True),
        Index(
            "ix_licence_next_change",
            "next_change",
            sqlite_where=text("next_change IS NOT NULL"),
            postgresql_where=text("next_change IS NOT NULL"),
        ),
        Index(
            "ix_licence_inspect",
            "type_code",
            "inspect_year",
            "base",
            sqlite_where=text("inspect_year IS NOT NULL"),
            postgresql_where=text("inspect_year IS NOT NULL"),
        ),
        Index("uq_licence_place", "place", unique=True),
        Index("ix_licence_type_code_place", "type_code", "place"),
        Index("ix_licence_department_id_place", "department_id", "place"),
        Index("ix_licence_department_id_type_code_place", "department_id", "type_code", "place"),
        Index(
            "ix_licence_department_expired",
            "department_id",
            "place",
            sqlite_where=text(EXPIRED_AND_SAID),
            postgresql_where=text(EXPIRED_AND_SAID),
        ),
        Index("ix_licence_holder_code_place", "holder_code", "place"),
        Index("ix_licence_state_place", "state", "place"),
        Index("ix_licence_ends_place", "ends", "place"),
        Index(
            "ix_licence_expired",
            "place",
            sqlite_where=text(EXPIRED_AND_SAID),
            postgresql_where=text(EXPIRED_AND_SAID),
        ),
        Index(
            "ix_licence_inspect_by",
            "inspect_by",
            "place",
            sqlite_where=text("inspect_by IS NOT NULL"),
            postgresql_where=text("inspect_by IS NOT NULL"),
        ),
    )


class LicenceVersion(Base):
    """证照版本: one sealed file, never edited."""

    __tablename__ = "licence_version"

    licence_id: Mapped[str] = mapped_column(LICENCE_ID, primary_key=True)
    base: Mapped[str] = mapped_column(ForeignKey("licence.base"))
    version: Mapped[int]
    type_code: Mapped[str] = mapped_column(String(21))
    type_version: Mapped[int]
    seal_id: Mapped[str] = mapped_column(String(64))
    file_digest: Mapped[str] = mapped_column(DIGEST)
    file_size: Mapped[int]
    message: Mapped[bytes] = mapped_column(LargeBinary)
    """The data message (数据电文) as sealed, canonical JSON."""
    issued_on: Mapped[str] = mapped_column(String(10))
    valid_from: Mapped[str] = mapped_column(String(10))
    valid_to: Mapped[str] = mapped_column(String(10))
    """Last valid day, ``YYYY-MM-DD``; empty: long-term."""
    status_list: Mapped[str] = mapped_column(String(32))
    status_index: Mapped[int]
    sealed: Mapped[datetime]
    recorded: Mapped[datetime]
    paper: Mapped[str] = mapped_column(Text, server_default="")
    """同步纸质证照 (``licence_store.extras.PaperCopy``); empty: none."""

    __table_args__ = (
        Index("uq_licence_version_base_version", "base", "version", unique=True),
        Index("uq_licence_version_status", "status_list", "status_index", unique=True),
        Index("ix_licence_version_file_digest", "file_digest"),
        Index("ix_licence_version_valid_to", "valid_to"),
    )


class LicenceEvent(Base):
    """证照事件: what happened to a licence; only ever added."""

    __tablename__ = "licence_event"

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    base: Mapped[str] = mapped_column(ForeignKey("licence.base"))
    version: Mapped[int]
    kind: Mapped[str] = mapped_column(String(32))
    """A step of ``licence_store.lifecycle``: ``issue``, ``suspend``, ``revoke`` …"""
    state: Mapped[str] = mapped_column(String(32))
    """The state from ``effective`` on, as it was known when the event was recorded."""
    effective: Mapped[datetime]
    """When it happened."""
    recorded: Mapped[datetime]
    """When it was written down."""
    actor: Mapped[str] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(String(500))
    role: Mapped[str] = mapped_column(String(16), server_default="officer")
    basis: Mapped[str] = mapped_column(String(500), server_default="")
    """Number of a decision, article of a law."""
    due_year: Mapped[int | None]
    """``issue``, ``inspect``: the year whose inspection comes next from here on."""
    due: Mapped[datetime | None]
    """``issue``, ``inspect``: from when on that inspection is overdue."""
    period: Mapped[str] = mapped_column(String(10), server_default="")
    """``inspect``: the year inspected."""
    result: Mapped[str] = mapped_column(String(32), server_default="")
    """``inspect``: what was found, a word of the type's rule."""
    remarks: Mapped[str] = mapped_column(Text, server_default="")
    evidence: Mapped[str] = mapped_column(String(64), server_default="")
    """SM3 of a document that is kept among the files."""
    evidence_name: Mapped[str] = mapped_column(String(200), server_default="")

    __table_args__ = (
        Index("ix_licence_event_base_effective", "base", "effective"),
        Index(
            "uq_licence_event_time",
            "base",
            "version",
            "kind",
            "effective",
            unique=True,
            sqlite_where=text("kind IN ('expire', 'overdue')"),
            postgresql_where=text("kind IN ('expire', 'overdue')"),
        ),
        Index(
            "ix_licence_event_evidence",
            "evidence",
            sqlite_where=text("evidence <> ''"),
            postgresql_where=text("evidence <> ''"),
        ),
        Index("ix_licence_event_recorded", "recorded", "base"),
    )


class IssueIntent(Base):
    """制证意图: a reservation, written down before anything is signed.

    It holds all that is needed to finish the licence, so that after a crash anybody may do so:
    ``payload`` is the data message to be sealed. Whoever finishes first wins; ``state`` goes from
    ``reserved`` to ``done`` or ``void`` exactly once.
    """

    __tablename__ = "issue_intent"

    licence_id: Mapped[str] = mapped_column(LICENCE_ID, primary_key=True)
    base: Mapped[str] = mapped_column(LICENCE_ID)
    version: Mapped[int]
    type_code: Mapped[str] = mapped_column(String(21))
    type_version: Mapped[int]
    department_id: Mapped[str] = mapped_column(String(32))
    seal_id: Mapped[str] = mapped_column(String(64))
    record_key: Mapped[str] = mapped_column(String(80))
    """``id:<record_id>`` or ``sm3:<digest of the canonical record>``, or a digest of a long record id."""
    number: Mapped[str] = mapped_column(String(100))
    number_held: Mapped[bool]
    """While true, nobody else of this type gets the number; a void number of a sequence stays held for ever."""
    status_list: Mapped[str] = mapped_column(String(32))
    status_index: Mapped[int]
    payload: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The data message; moves to the version when done, is wiped when void."""
    actor: Mapped[str] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(String(100))
    channel: Mapped[str] = mapped_column(String(16))
    reserved: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    """``reserved``, ``done`` or ``void``."""
    reason: Mapped[str] = mapped_column(String(500))
    kind: Mapped[str] = mapped_column(String(16), server_default="issue")
    """The step it is for: ``issue``, ``renew``; ``reseal``, ``revise``, ``reissue``."""
    paper: Mapped[str] = mapped_column(Text, server_default="")
    """同步纸质证照; moves to the version."""
    forms: Mapped[str] = mapped_column(String(16), server_default="ofd")
    """In which forms it is to be made: ``ofd``, ``pdf`` or ``both``."""

    __table_args__ = (
        Index("uq_issue_intent_status", "status_list", "status_index", unique=True),
        Index(
            "uq_issue_intent_record",
            "type_code",
            "record_key",
            unique=True,
            sqlite_where=text("state <> 'void' AND version = 1"),
            postgresql_where=text("state <> 'void' AND version = 1"),
        ),
        Index(
            "uq_issue_intent_number",
            "type_code",
            "number",
            unique=True,
            sqlite_where=text("number_held"),
            postgresql_where=text("number_held"),
        ),
        Index(
            "ix_issue_intent_open",
            "reserved",
            sqlite_where=text("state = 'reserved'"),
            postgresql_where=text("state = 'reserved'"),
        ),
    )


class NumberSequence(Base):
    """编号序列: the next free number of one scope (type and issuer, or finer); gaps are allowed, repeats are not."""

    __tablename__ = "number_sequence"

    scope: Mapped[str] = mapped_column(String(200), primary_key=True)
    next: Mapped[int] = mapped_column(BigInteger)


class StatusListIndex(Base):
    """状态列表: how many indices of a published status list are taken.

    The n-th licence takes index ``permutation(secret, n)``: unused, without a search, and telling an
    outsider nothing about the order of issue.
    """

    __tablename__ = "status_list_index"

    list_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    taken: Mapped[int]
    created: Mapped[datetime]
    changes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """How often the state of a licence in it has changed: a list made before the last change is out of date."""


class JournalEntry(Base):
    """留痕: one act, chained to the one before (全过程留痕); only ever added."""

    __tablename__ = "journal_entry"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(100), index=True)
    department: Mapped[str] = mapped_column(String(32))
    address: Mapped[str] = mapped_column(String(100))
    channel: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(200), index=True)
    reason: Mapped[str] = mapped_column(String(500))
    result: Mapped[str] = mapped_column(String(100))
    details: Mapped[str] = mapped_column(Text)
    """Canonical JSON of strings; ids only, no personal values."""
    previous: Mapped[str] = mapped_column(DIGEST)
    digest: Mapped[str] = mapped_column(DIGEST)


class JournalHead(Base):
    """留痕链首: the newest entry; the row that writers queue for."""

    __tablename__ = "journal_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(DIGEST)


class Account(Base):
    """工作人员账号; the password is kept as an argon2id hash only."""

    __tablename__ = "account"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    display_name: Mapped[str] = mapped_column(String(100))
    department_id: Mapped[str | None] = mapped_column(ForeignKey("department.id"))
    role: Mapped[str] = mapped_column(String(16))
    """A word of ``licence_store.accounts.ROLES``."""
    password_hash: Mapped[str] = mapped_column(String(200))
    created: Mapped[datetime]
    disabled: Mapped[datetime | None]


class SignInFailure(Base):
    """登录失败计数 of one account name or one address; throttles guessing."""

    __tablename__ = "sign_in_failure"

    key: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    """SM3 of what was tried, so that a password typed into the name field is not kept."""
    count: Mapped[int]
    last: Mapped[datetime]


class StaffSession(Base):
    """登录会话; only the digest of the token is kept."""

    __tablename__ = "staff_session"

    digest: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), index=True)
    address: Mapped[str] = mapped_column(String(100))
    opened: Mapped[datetime]
    expires: Mapped[datetime] = mapped_column(index=True)


class APIToken(Base):
    """接口令牌: a system's permission, narrowed to scopes, departments and types; kept as a digest."""

    __tablename__ = "api_token"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    digest: Mapped[str] = mapped_column(DIGEST, unique=True)
    label: Mapped[str] = mapped_column(String(100))
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), index=True)
    scopes: Mapped[str] = mapped_column(Text)
    """Canonical JSON list, as are the next two; an empty list of departments or types allows none."""
    departments: Mapped[str] = mapped_column(Text)
    types: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime]
    expires: Mapped[datetime]
    revoked: Mapped[datetime | None]


class IdempotencyRecord(Base):
    """幂等记录: the answer once given to a key, given again to the same question."""

    __tablename__ = "idempotency_record"

    caller: Mapped[str] = mapped_column(String(100), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    body_digest: Mapped[str] = mapped_column(DIGEST)
    status: Mapped[int | None]
    """HTTP status of the answer; empty while in progress."""
    content_type: Mapped[str] = mapped_column(String(100))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    begun: Mapped[datetime]
    expires: Mapped[datetime] = mapped_column(index=True)


# The tables of other chapters stand beside their functions; whoever asks for the metadata has them all.
import licence_store.case_models  # noqa: E402
import licence_store.catalogue_models  # noqa: E402
import licence_store.collection.entry_models  # noqa: E402
import licence_store.collection.models  # noqa: E402
import licence_store.copying.models  # noqa: E402
import licence_store.disputes.models  # noqa: E402
import licence_store.forms  # noqa: E402
import licence_store.holding.models  # noqa: E402
import licence_store.jobs.models  # noqa: E402
import licence_store.ledger.models  # noqa: E402
import licence_store.materials.models  # noqa: E402
import licence_store.notices.models  # noqa: E402
import licence_store.presenting.models  # noqa: E402
import licence_store.proofs.models  # noqa: E402
import licence_store.uploads.models  # noqa: E402, F401
