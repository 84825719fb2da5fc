"""核验策略: what must hold, and what the verifier asks of others.

Two questions are not answered by the file alone: is the licence current (the register or a status
list knows), and which licence states pass. Both stand here, apart from the checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from trust.anchors import TrustStore
from trust.certificates import Certificate
from trust.i18n import N_
from trust.seal_status import SealStatus
from trust.status_list import StatusList
from verify.report import Indication

CURRENT = "CURRENT"
"""有效: the only state of a licence that passes."""

LICENCE_STATUS_NOT_CHECKED = "LICENCE_STATUS_NOT_CHECKED"
"""Warning code of the console contract: neither register nor fresh status list was at hand."""

STATE_INDICATIONS: Mapping[str, Indication] = MappingProxyType(
    {
        CURRENT: Indication.PASSED,
        "SUSPENDED": Indication.INDETERMINATE,
        "LOST": Indication.INDETERMINATE,
        "INSPECTION_OVERDUE": Indication.INDETERMINATE,
        "REVOKED": Indication.FAILED,
        "ANNULLED": Indication.FAILED,
        "CANCELLED": Indication.FAILED,
        "EXPIRED": Indication.FAILED,
        "SUPERSEDED": Indication.FAILED,
        "TRANSFERRED": Indication.FAILED,
    }
)
"""证照状态 → what it makes of the document; a state not listed here is INDETERMINATE."""

STATE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        CURRENT: N_("有效"),
        "SUSPENDED": N_("暂扣"),
        "LOST": N_("挂失"),
        "INSPECTION_OVERDUE": N_("年检逾期"),
        "REVOKED": N_("吊销"),
        "ANNULLED": N_("撤销"),
        "CANCELLED": N_("注销"),
        "EXPIRED": N_("已过有效期"),
        "SUPERSEDED": N_("已被新版本取代"),
        "TRANSFERRED": N_("已转出"),
    }
)

COPY_STATUS_NOT_CHECKED = "COPY_STATUS_NOT_CHECKED"
"""Warning code: nobody was at hand who knows whether the copy was revoked or used up."""

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far two honest clocks may differ."""


@dataclass(frozen=True, slots=True)
class IssuedFile:
    """签发的文件: one more format of the same version."""

    digest: str
    """SM3, hex."""
    fetch: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class LicenceStatus:
    """证照状态, as the register (or a published status list) states it."""

    state: str
    """``CURRENT`` or one of ``STATE_INDICATIONS``."""
    since: datetime | None = None
    """When the state began."""
    file_digest: str | None = None
    """SM3 of the file issued under this id, hex; ``None`` where it is not known."""
    licence_number: str | None = None
    issued_file: Callable[[], bytes] | None = None
    """Fetches the file issued under this id, so that a file that is merely packed anew, or signed once more by
    others, can be told from another file under the same id. Asked only where ``file_digest`` differs."""
    others: tuple[IssuedFile, ...] = ()
    """The same version in other formats."""


class StatusSource(Protocol):
    """Who knows whether a licence is current: the register (证照库), or a region's service.

    The answer is the state of *this version* at ``moment``; ``None``: the id is not known here.
    Raises ``Unavailable`` when it cannot be asked.
    """

    def status(self, licence_id: str, moment: datetime) -> LicenceStatus | None: ...


class SealStatusSource(Protocol):
    """Who knows whether a seal was in force: the register of seals (印章登记), or a service that asks it.

    The answer is the standing at ``moment`` of the very seal object whose DER has this SM3 (``digest``, hex);
    ``None``: the seal is not known here. Raises ``Unavailable`` when it cannot be asked.
    """

    def seal_status(self, seal_id: str, digest: str, moment: datetime) -> SealStatus | None: ...


@dataclass(frozen=True, slots=True)
class StatedPurpose:
    """用证目的: what somebody who verifies a copy says they want it for. Empty: not stated."""

    purpose: str = ""
    recipient: str = ""
    service_item: str = ""
    case_number: str = ""


@dataclass(frozen=True, slots=True)
class CopyStatus:
    """副本状态, as the node that made the copy keeps it."""

    state: str
    """``ACTIVE``, ``REVOKED`` or ``USED_UP``; any other word is INDETERMINATE. Empty: it was never heard."""
    uses: int = 0
    """Acceptances recorded so far."""
    limit: int = 0
    """0: not limited."""
    file_digests: tuple[str, ...] = ()
    """SM3 of every file made under this id, hex; empty where they are not known."""
    since: datetime | None = None
    region: str = ""
    """Name of the other region that says so; empty: we know it ourselves."""
    as_of: datetime | None = None
    """When that region last said so; ``None``: never."""
    silent: str = ""
    """Why there is no newer word of it (code); empty: it was said just now."""


class CopySource(Protocol):
    """Who knows what became of a copy: the node that made it.

    The answer is the state at ``moment``; ``region`` is the one whose seal the copy bears. ``None``: nobody to ask who
    knows it. Raises ``Unavailable`` when it cannot be asked.
    """

    def copy_status(self, copy_id: str, moment: datetime, region: str = "") -> CopyStatus | None: ...


@dataclass(frozen=True, slots=True)
class PeerList:
    """对端状态列表, as far as its region let us have it."""

    published: StatusList | None
    """Believed; the newest we ever got. ``None``: none."""
    current: bool
    """It is so young that nothing can have happened since that should be known by now."""
    reason: str = ""
    """Code of what went wrong when the region was last asked."""


class PeerStatusSource(Protocol):
    """Who asks the region of a document for its status list, and remembers the last one."""

    def status_list(self, store: TrustStore, address: str) -> PeerList:
        """The list of this address; ``store`` is the region's own (``trust.entitlement.peer_store``). Never raises."""


class EvidenceSource(Protocol):
    """Who fetches what is known of revocation while a document is judged: ``trust.sources.RevocationSources``."""

    def current(self, store: TrustStore, certificates: Iterable[Certificate]) -> TrustStore:
        """``store`` with what can be had about ``certificates``, its silent sources named. Never raises."""


def indication_of(state: str) -> Indication:
    """What ``state`` makes of a document; only ``CURRENT`` passes."""
    return STATE_INDICATIONS.get(state, Indication.INDETERMINATE)
