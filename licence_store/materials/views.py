"""材料给出的样子: what the rest of the product sees of a material. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, TypeAlias

from sqlalchemy.orm import Session

from licence_store.holding.holder import HolderSession
from licence_store.materials.kinds import MaterialKind
from seal.lifecycle import Official
from trust.journal import Actor

ACTIVE, REPLACED, REFUSED, DELETED = "active", "replaced", "refused", "deleted"
ENDED = "ended"
"""Of a licence of the register only: it is not current."""
STATES: Final = (ACTIVE, REPLACED, REFUSED, DELETED)
HOLDER, WINDOW, REGISTER = "holder", "window", "register"
"""Where an item comes from: a holder's upload, a window's scan, the register itself."""

Who: TypeAlias = HolderSession | Official
"""Whoever asks: a holder (or somebody for them), or an officer."""


def actor_of(who: Who) -> Actor:
    """For the journal."""
    return who.actor if isinstance(who, Official) else who.actor()


class Vault(Protocol):
    """Where the encrypted files lie."""

    def discard(self, entry: Any) -> None: ...


class UploadStore(Protocol):
    """What materials ask of the uploads (``licence_store.uploads.service.Uploads``)."""

    @property
    def vault(self) -> Vault: ...
    def open(self, upload_id: str) -> bytes: ...
    def page_picture(self, upload_id: str, page: int = 1, width: int = 1200) -> bytes: ...
    def drop_in(self, session: Session, upload_id: str, actor: Actor, reason: str = "") -> Any: ...


@dataclass(frozen=True, slots=True)
class MaterialView:
    """材料, or a licence of the register seen as one."""

    id: str
    """``m-…``, or a licence id."""
    holder_code: str
    kind: MaterialKind
    title: str
    level: str
    """可信等级 now, worked out of the signed events."""
    original_check_required: bool
    """须核验原件 before it is used; false once it has been checked."""
    usable: str
    """``directly``, ``after_check``, or ``no`` where it is no longer there to be used."""
    state: str
    """``active``, ``replaced``, ``refused`` or ``deleted``."""
    origin: str
    """``holder``, ``window`` or ``register``."""
    digest: str
    """SM3 of the content in clear, hex."""
    media_type: str
    size: int
    pages: int
    upload_id: str
    uploaded_by: str
    created: datetime
    type_code: str = ""
    stated_number: str = ""
    department_id: str = ""
    """Whose window it is for, or whose licence it is."""
    case_number: str = ""
    """The latest case it was handed in for; empty: none."""
    better: str = ""
    """Licence id of the original that is offered instead of it, or has taken its place; empty: none."""
    checked_by: str = ""
    """Name of the department whose check it rests on; empty: nobody has checked it."""
    checked_officer: str = ""
    checked_on: datetime | None = None
    """When, by the time stamp."""
    valid_until: str = ""
    """Last day of the original, ``YYYY-MM-DD``; empty: none is known."""
    refusal: str = ""
    """A code of ``reasons.json`` while it is refused."""
    problems: tuple[str, ...] = ()
    """Codes of what is wrong with its evidence; empty: nothing."""

    @property
    def is_licence(self) -> bool:
        """Is it a licence of the register, not an upload?"""
        return self.origin == REGISTER

    @property
    def column(self) -> str:
        """Its column in the matrix of ``licence_store.materials.steps``."""
        if self.is_licence:
            return "A"
        if self.level == "B":
            return "W" if self.origin == WINDOW else "B"
        return "R" if self.level == "D" and self.original_check_required else self.level


@dataclass(frozen=True, slots=True)
class EventLine:
    """材料经过: one line."""

    number: int
    kind: str
    at: datetime
    actor: str
    role: str
    department_id: str
    reason: str
    details: Mapping[str, str] = field(default_factory=dict)
    signed: bool = False


@dataclass(frozen=True, slots=True)
class MaterialPage:
    """One page of a list."""

    items: tuple[MaterialView, ...]
    next: str | None
    """Where the next page begins; ``None``: this is the last."""


@dataclass(frozen=True, slots=True)
class BetterCopy:
    """更可信的原件: a licence of the same holder that can take the place of an upload."""

    licence_id: str
    how: str
    """``file``, ``message``, ``code``, ``number`` or ``type``: by what it was found."""
    is_original: bool = False
    """The upload is the sealed original itself."""


@dataclass(frozen=True, slots=True)
class CaseLine:
    """办件材料: one item received for a case."""

    case_number: str
    subject: str
    title: str
    received: str
    holder_code: str
    service_item: str
    actor: str
    department_id: str
    recorded: datetime
