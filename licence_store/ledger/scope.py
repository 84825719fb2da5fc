"""授权范围内的用证记录: what of a holder's ledger somebody who acts for them may see.

A delegation may be for certain licence types only: then entries, presentations and disputes about other types, and
about anything that is no licence, are not theirs to see.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol, TypeVar

from licence_store.holding.holder import ALL, HolderSession
from trust.errors import LicenceTrustError
from trust.identifiers import first_version

if TYPE_CHECKING:
    from licence_store.views import LicenceSummary


class About(Protocol):
    """Something that is about an item of the holder."""

    @property
    def subject(self) -> str: ...


T = TypeVar("T", bound=About)


def type_of(subject: str) -> str:
    """The type of the licence whose base this is; empty: it is no licence's."""
    try:
        return first_version(subject).type_code
    except LicenceTrustError:
        return ""


def covers(who: HolderSession, subject: str, right: str = "view") -> bool:
    """May they see what is about ``subject``?"""
    type_code = type_of(subject)
    return who.may(right, type_code) and (bool(type_code) or ALL in who.types)


def is_theirs(who: HolderSession, licence: LicenceSummary) -> bool:
    """Is this licence in the name of the holder for whom they act: by number, and by its kind?"""
    return who.holder.holds(licence.holder_code, licence.holder_code_type)


def covered(who: HolderSession, items: Iterable[T]) -> list[T]:
    """Those that they may see."""
    return [one for one in items if covers(who, one.subject)]


def limits(who: HolderSession) -> tuple[str, ...] | None:
    """The types they are limited to; ``None``: to none."""
    return None if ALL in who.types else tuple(sorted(who.types))


def demand_all(who: HolderSession) -> None:
    """Raises ``Refused("holder.right")`` unless they may see everything of the holder's."""
    who.demand("view", ALL)
