"""所知截至: what is known of another region's licence without asking it: its last signed list, its last signed answer.

A list that cannot be had anew tells what was, with its own signed time. Nothing here ever says that a licence is valid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, select
from sqlalchemy.dialects import postgresql, sqlite

from licence_store.copying.grants import is_id
from licence_store.crossing.models import KnownElsewhere
from licence_store.regions.peers import Peers
from licence_store.regions.publications import Publications
from seal.database import Sessions
from trust.entitlement import peer_store
from trust.errors import LicenceTrustError, Malformed
from trust.identifiers import parse_licence_id
from trust.signed import write_moment
from verify.policy import indication_of
from verify.report import Indication

_MOMENT: Final = timedelta(minutes=1)
_INSERTS: Final[Mapping[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True)
class Place:
    """状态列表中的位置."""

    address: str = ""
    index: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """所知: a state, and as of when. ``state`` is empty where nothing was ever heard."""

    state: str = ""
    as_of: datetime | None = None
    by: str = ""
    """``status_list`` or ``answer``."""
    current: bool = False
    """The list is of just now."""
    reason: str = ""
    """Why there is no newer word."""

    @property
    def is_final(self) -> bool:
        """A state from which no licence returns."""
        return bool(self.state) and indication_of(self.state) is Indication.FAILED

    def to_json(self) -> dict[str, str]:
        """For an answer."""
        return {
            "state": self.state,
            "as_of": write_moment(self.as_of) if self.as_of else "",
            "by": self.by,
            "reason": self.reason,
        }


NOTHING: Final = Known()


@dataclass(frozen=True, slots=True)
class Heard:
    """听到的: what a believed answer said of one licence."""

    licence_id: str
    place: Place
    state: str
    as_of: datetime


@dataclass(frozen=True)
class KnownStates:
    """他地证照状态."""

    sessions: Sessions
    peers: Peers
    publications: Publications
    clock: Callable[[], datetime]

    def listed(self, region: str, place: Place) -> Known:
        """What the region's status list says at this place, asked for anew where it is not of just now."""
        store = peer_store(self.peers.trust_store_with_peers(), region)
        if store is None or not place.address or not place.index.isdigit():
            return NOTHING
        said = self.publications.status_list(store, place.address)
        if said.published is None:
            return Known(reason=said.reason)
        try:
            state = said.published.status_at(int(place.index))
        except Malformed as error:
            return Known(reason=error.code)
        return Known(state, said.published.issued_at, "status_list", said.current, said.reason)

    def last(self, region: str, licence_id: str) -> Known:
        """The newest that was ever heard of this licence: by its list where its place is known, else by an answer."""
        row = self._row(region, licence_id)
        if row is None:
            return NOTHING
        answered = Known(row.state, row.as_of, "answer") if row.state else NOTHING
        listed = self.listed(region, Place(row.address, row.place))
        if listed.as_of is None or answered.is_final:
            return answered if answered.state else listed
        newer = answered.as_of is not None and answered.as_of > listed.as_of and not listed.is_final
        return answered if newer else listed

    def places(self, region: str, licence_ids: Iterable[str]) -> dict[str, Place]:
        """Base of each licence → where its state stands, as far as that region has told us."""
        bases = sorted({_base(one) for one in licence_ids} - {""})
        if not bases:
            return {}
        query = select(KnownElsewhere).where(KnownElsewhere.region == region, KnownElsewhere.licence.in_(bases))
        try:
            with self.sessions.read() as session:
                return {row.licence: Place(row.address, row.place) for row in session.execute(query).scalars()}
        except LicenceTrustError:
            return {}

    def remember(self, region: str, heard: Iterable[Heard]) -> None:
        """What a believed answer said; an older one changes nothing. A database that is away stops no answer."""
        rows = self._news(region, {base: one for one in heard if (base := _base(one.licence_id))})
        if not rows:
            return
        values = [
            {
                "licence": base, "region": region, "address": one.place.address[:500], "place": one.place.index[:8],
                "state": one.state[:20], "as_of": one.as_of,
            }
            for base, one in sorted(rows.items())
        ]  # fmt: skip
        try:
            with self.sessions.begin() as session:
                entry = _INSERTS[self.sessions.dialect](KnownElsewhere).values(values)
                changed = {name: entry.excluded[name] for name in ("region", "address", "place", "state", "as_of")}
                newer = KnownElsewhere.as_of <= entry.excluded.as_of
                session.execute(entry.on_conflict_do_update(index_elements=["licence"], set_=changed, where=newer))
        except LicenceTrustError:
            return

    def _news(self, region: str, heard: dict[str, Heard]) -> dict[str, Heard]:
        """Without what was said the same a moment ago: a licence asked about again and again is written down once."""
        if not heard:
            return {}
        query = select(KnownElsewhere).where(KnownElsewhere.region == region, KnownElsewhere.licence.in_(sorted(heard)))
        try:
            with self.sessions.read() as session:
                known = {row.licence: row for row in session.execute(query).scalars()}
        except LicenceTrustError:
            return {}
        return {base: one for base, one in heard.items() if not _said_already(known.get(base), one)}

    def copy(self, copy_id: str) -> dict[str, Known]:
        """Region → what it said last of this copy. More than one: somebody speaks of another's."""
        if not is_id(copy_id):
            return {}
        keys = [f"{copy_id}@{one.code}" for one in self.peers.list()]
        query = select(KnownElsewhere).where(KnownElsewhere.licence.in_(keys))
        try:
            with self.sessions.read() as session:
                rows = session.execute(query).scalars().all()
        except LicenceTrustError:
            return {}
        return {row.region: Known(row.state, row.as_of, "answer") for row in rows}

    def remember_copy(self, region: str, copy_id: str, state: str, as_of: datetime) -> None:
        """What a region said of a copy, beside what any other did. Nothing takes the place of its end."""
        row = {
            "licence": f"{copy_id}@{region}", "region": region, "address": "", "place": "", "state": state[:20],
            "as_of": as_of,
        }  # fmt: skip
        try:
            with self.sessions.begin() as session:
                entry = _INSERTS[self.sessions.dialect](KnownElsewhere).values(row)
                open_still = and_(KnownElsewhere.state == "ACTIVE", KnownElsewhere.as_of <= as_of)
                changed = {"state": state[:20], "as_of": as_of}
                session.execute(entry.on_conflict_do_update(index_elements=["licence"], set_=changed, where=open_still))
        except LicenceTrustError:
            return

    def _row(self, region: str, licence_id: str) -> KnownElsewhere | None:
        try:
            with self.sessions.read() as session:
                row = session.get(KnownElsewhere, _base(licence_id))
        except LicenceTrustError:
            return None
        return row if row is not None and row.region == region else None


def _said_already(row: KnownElsewhere | None, heard: Heard) -> bool:
    return (
        row is not None
        and (row.address, row.place, row.state) == (heard.place.address, heard.place.index, heard.state)
        and timedelta(0) <= heard.as_of - row.as_of < _MOMENT
    )


def _base(licence_id: str) -> str:
    try:
        return parse_licence_id(licence_id).base
    except Malformed:
        return ""
