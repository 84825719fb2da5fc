"""登记簿给出的样子: what the register's answers are made of. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Row

from licence_store.extras import PaperCopy
from licence_store.lifecycle import LicenceState
from seal.message import DataMessage
from seal.provenance import Lineage


@dataclass(frozen=True, slots=True)
class LicenceSummary:
    """证照 as a list shows it: the newest version and its state."""

    licence_id: str
    base: str
    version: int
    licence_number: str
    type_code: str
    type_name: str
    department_id: str
    issuer_name: str
    holder_name: str
    holder_code: str
    holder_code_type: str
    state: str
    since: datetime
    issued: datetime
    issued_on: str
    valid_from: str
    valid_to: str
    """Last valid day; empty: long-term."""


@dataclass(frozen=True, slots=True)
class LicenceView:
    """证照 in full: the newest version as of the moment asked about."""

    summary: LicenceSummary
    message: DataMessage
    """What was sealed."""
    type_version: int
    file_digest: str
    file_size: int
    seal_id: str
    seal_name: str
    signed_at: datetime
    asked_id: str
    """The id that was asked for; it may be an older version's."""
    predecessor: str = ""
    """Licence id of the licence whose place it took; empty: none."""
    successor: str = ""
    """Licence id of the licence that took its place; empty: none."""

    @property
    def licence_id(self) -> str:
        return self.summary.licence_id

    @property
    def state(self) -> str:
        return self.summary.state

    @property
    def is_referencable(self) -> bool:
        """可引用: may others rely on it?"""
        return self.state == LicenceState.CURRENT


@dataclass(frozen=True, slots=True)
class EventView:
    """证照事件: what happened, when it happened, and when that was written down."""

    kind: str
    """A step of ``licence_store.lifecycle``."""
    version: int
    """The version that was the newest after it."""
    state: str
    """The state from then on, as it was known when the event was recorded."""
    effective: datetime
    recorded: datetime
    actor: str
    reason: str
    role: str = ""
    basis: str = ""
    due_year: int | None = None
    """``issue``, ``inspect``: the year whose inspection comes next from here on."""
    due: datetime | None = None
    """``issue``, ``inspect``: from when on that inspection is overdue."""
    period: str = ""
    """``inspect``: the year inspected."""
    result: str = ""
    remarks: str = ""
    evidence: str = ""
    """SM3 of a document kept among the files, hex; empty: none."""
    evidence_name: str = ""

    @classmethod
    def of(cls, row: Row[Any] | Mapping[str, Any]) -> Self:
        """From a row of ``licence_event``, or from what is about to be one."""
        found = row if isinstance(row, Mapping) else row._mapping
        return cls(**{one.name: found[one.name] for one in fields(cls)})


@dataclass(frozen=True, slots=True)
class VersionView:
    """证照版本: one sealed file of a licence, for its history; not for others once it is superseded."""

    licence_id: str
    version: int
    kind: str
    """The step that made it: ``issue``, ``revise``, ``reissue``, ``reseal``."""
    reason: str
    issued_on: str
    valid_from: str
    valid_to: str
    file_digest: str
    file_size: int
    seal_id: str
    signed_at: datetime
    recorded: datetime
    message: DataMessage = field(repr=False)
    paper: PaperCopy | None = None

    @property
    def lineage(self) -> Lineage | None:
        """What its message says it follows."""
        return self.message.lineage


@dataclass(frozen=True, slots=True)
class LicenceHistory:
    """证照经过: all that is known of a licence, or was known, of the time up to a moment."""

    view: LicenceView
    """As of the moment asked about."""
    versions: tuple[VersionView, ...]
    """Oldest first."""
    events: tuple[EventView, ...]
    """In order of effect."""
    lineage_ok: bool
    """Does every version that names its predecessor name the file the register has of it?"""

    @property
    def inspections(self) -> tuple[EventView, ...]:
        """年检 year by year (R063)."""
        return tuple(event for event in self.events if event.kind == "inspect")


@dataclass(frozen=True, slots=True)
class LineageLink:
    """One version in a proof of lineage."""

    licence_id: str
    version: int
    file_digest: str
    """As registered."""
    recomputed: str
    """SM3 of the file as it lies there now, hex; empty: it cannot be read."""
    lineage: Lineage | None
    """What the sealed message says it follows; ``None``: the first, or sealed before this was said."""
    problem: str = ""
    """``file``: missing or altered; ``predecessor``: another file than the one before it; ``unstated``: a later
    version that does not say what it follows; empty: sound."""


@dataclass(frozen=True, slots=True)
class LineageProof:
    """版本链: every version with its digest, each compared with what its successor says; renewed licences included."""

    links: tuple[LineageLink, ...]
    """Oldest first; licences this one was renewed from come before it."""

    @property
    def is_unbroken(self) -> bool:
        """Is every link sound? One that was sealed before lineage was stated breaks nothing."""
        return all(link.problem in ("", "unstated") for link in self.links)

    @property
    def is_complete(self) -> bool:
        """Is every link proved?"""
        return all(not link.problem for link in self.links)
