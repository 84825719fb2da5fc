"""归集的表: declared sources, their runs, what each source has delivered, and the quarantine.

What is kept to notice repetitions (``CollectionMark``) is digests only. Rows held back hold personal data until they
are released or discarded; then their content is wiped.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from seal.database import Base
from seal.models import ACCOUNT, DIGEST, SERIAL

SOURCE_ID = String(40)
ITEM_KEY = String(200)
LICENCE_ID = String(160)
RULE_ID = String(64)


class CollectionSource(Base):
    """归集来源: where licences of one type come from, as declared."""

    __tablename__ = "collection_source"

    id: Mapped[str] = mapped_column(SOURCE_ID, primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    type_code: Mapped[str] = mapped_column(ForeignKey("licence_type.code"))
    department_id: Mapped[str] = mapped_column(ForeignKey("department.id"))
    """Who supplies it and answers for it (谁主管谁提供谁负责, R036)."""
    authority: Mapped[int]
    """Rank where sources contradict each other: the higher one is believed."""
    declaration: Mapped[str] = mapped_column(Text)
    """Canonical JSON, see ``licence_store.collection.sources``."""
    run_as: Mapped[str] = mapped_column(ACCOUNT)
    """Who answers for runs on schedule."""
    next_run: Mapped[datetime | None] = mapped_column(index=True)
    """When the schedule runs it next."""
    watermark: Mapped[str] = mapped_column(String(200))
    """What the connector has read up to, in its own words."""
    declared: Mapped[datetime]
    closed: Mapped[datetime | None]


class CollectionRun(Base):
    """归集批次: one run of a source. It is done up to ``position``; what comes after may be done again."""

    __tablename__ = "collection_run"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    source_id: Mapped[str] = mapped_column(ForeignKey("collection_source.id"))
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    """``collect``, ``check`` (cleansed, not sealed) ``rerun`` (of what was held back) or ``enter``."""
    input: Mapped[str] = mapped_column(Text)
    """Canonical JSON: which delivery it reads, so that it goes on with the same."""
    state: Mapped[str] = mapped_column(String(16))
    """``running``, ``stopped`` (goes on where it stopped), ``done`` or ``failed``."""
    ticket: Mapped[str] = mapped_column(String(32))
    """Of the process that has it in hand: one that took it over before finds another's here."""
    position: Mapped[str] = mapped_column(Text)
    """Where the connector goes on, in its own words; empty at the beginning."""
    started: Mapped[datetime]
    changed: Mapped[datetime]
    finished: Mapped[datetime | None]
    actor: Mapped[str] = mapped_column(ACCOUNT)
    department_id: Mapped[str] = mapped_column(String(32))
    error: Mapped[str] = mapped_column(Text)
    """Canonical JSON of why it stopped or failed; empty: it did not."""
    total: Mapped[int | None]
    """Rows to be expected, where the connector can tell."""
    seen: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    issued: Mapped[int] = mapped_column(default=0)
    revised: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    warned: Mapped[int] = mapped_column(default=0)
    gone: Mapped[int] = mapped_column(default=0)

    __table_args__ = (Index("uq_collection_run_number", "source_id", "number", unique=True),)


class CollectionItem(Base):
    """来源记录: one thing a source has delivered, under the source's own key; what is new is told by it."""

    __tablename__ = "collection_item"

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    source_id: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(ITEM_KEY)
    digest: Mapped[str] = mapped_column(DIGEST)
    """SM3 of what was delivered last."""
    state: Mapped[str] = mapped_column(String(16))
    """``accepted`` (survived, being sealed), ``issued``, ``held`` or ``discarded``."""
    licence_base: Mapped[str] = mapped_column(LICENCE_ID)
    run: Mapped[int]
    """Number of the run that saw it last."""
    row: Mapped[int] = mapped_column(BigInteger)
    """Its number in that run."""
    gone: Mapped[int | None]
    """Number of the run that no longer found it."""
    first_seen: Mapped[datetime]

    __table_args__ = (
        Index("uq_collection_item_key", "source_id", "key", unique=True),
        Index("ix_collection_item_licence_base", "licence_base"),
    )


class CollectionMark(Base):
    """重复标记: a digest of what must not occur twice, and whose it is."""

    __tablename__ = "collection_mark"

    mark: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    item_id: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=False)
    says: Mapped[str] = mapped_column(Text)
    """What the item says under this mark, as digests; empty where the mark itself says it all."""

    __table_args__ = (Index("ix_collection_mark_item_id", "item_id"),)


class QuarantineRow(Base):
    """隔离区: one row held back. Released or discarded, its content is wiped."""

    __tablename__ = "quarantine_row"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    source_id: Mapped[str] = mapped_column(ForeignKey("collection_source.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("collection_item.id"))
    key: Mapped[str] = mapped_column(ITEM_KEY)
    run_id: Mapped[str] = mapped_column(String(32), index=True)
    row: Mapped[int] = mapped_column(BigInteger)
    type_code: Mapped[str] = mapped_column(String(21))
    department_id: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    """``open``, ``mended`` (waits to be run again), ``released``, ``discarded`` or ``overtaken``."""
    content: Mapped[str] = mapped_column(Text)
    """Canonical JSON: the record in the type's fields, and what came with it; empty once closed."""
    revision: Mapped[int]
    """Counts its changes: who mends says which one was looked at."""
    held: Mapped[datetime]
    changed: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(ACCOUNT)
    reason: Mapped[str] = mapped_column(String(500))
    """Why it was discarded."""
    licence_id: Mapped[str] = mapped_column(LICENCE_ID)
    """The version it became, once released."""

    __table_args__ = (
        Index("uq_quarantine_row_item", "item_id", unique=True),
        Index("ix_quarantine_row_open", "source_id", "state", "held", "id"),
    )


class QuarantineFinding(Base):
    """隔离原因: one reason why a row is held back, or a warning beside it."""

    __tablename__ = "quarantine_finding"

    quarantine_id: Mapped[str] = mapped_column(ForeignKey("quarantine_row.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rule: Mapped[str] = mapped_column(RULE_ID, index=True)
    code: Mapped[str] = mapped_column(String(64))
    field: Mapped[str] = mapped_column(String(40))
    severity: Mapped[str] = mapped_column(String(16))
    message: Mapped[str] = mapped_column(Text)
    """Canonical JSON: template, remedy and what fills them."""


class CollectionTally(Base):
    """质量统计: how many rows of a run broke a rule."""

    __tablename__ = "collection_tally"

    run_id: Mapped[str] = mapped_column(ForeignKey("collection_run.id"), primary_key=True)
    rule: Mapped[str] = mapped_column(RULE_ID, primary_key=True)
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    field: Mapped[str] = mapped_column(String(40), primary_key=True)
    severity: Mapped[str] = mapped_column(String(16))
    rows: Mapped[int]
