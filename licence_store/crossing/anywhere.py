"""不知颁证地区: by number or holder alone, wherever such licences are issued; on the asker's own word, never by itself.

    {"type": "teacher-certificate", "holder_code": "…", "region": "*"}

Which regions issue a type, their signed catalogues say: handed on by the hub, had from the regions themselves where the
hub is away. A region whose catalogue nobody gives is asked all the same, so leaving one out takes a signature. Every
region decides by its own rules and writes the question down; ``regions`` of the answer says what became of each, and
NOT_FOUND is said only where all of them said so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from licence_store.crossing.known_as_of import NOTHING
from licence_store.regions.peers import Peer
from licence_store.sharing.answers import Found, Outcome
from licence_store.sharing.calls import Call
from trust.errors import LicenceTrustError, Malformed
from trust.signed import write_moment

if TYPE_CHECKING:
    from licence_store.crossing.guide import Guide

OPERATIONS: Final = ("licence", "holder")
"""What can be asked so: a number, or a holder, each with a type."""
_AT_ONCE: Final = 8
"""Regions asked side by side."""


class Anywhere:
    """各地查询."""

    def __init__(self, guide: Guide) -> None:
        self.guide, self.desk = guide, guide.desk

    def issuers(self, type_code: str, *, ask: bool) -> list[Peer]:
        """The other regions that issue licences of this type or, where nobody gives a catalogue, that may. ``ask``: get
        the catalogues that are not at hand.
        """
        now, home = self.desk.clock(), self.desk.region.code
        peers = [one for one in self.desk.peers.list() if one.code != home and _is_member(one, now)]
        entitled = [one for one in peers if self.guide.entitled(one, type_code)]
        catalogues = self.desk.publications.catalogues_of(entitled, self.desk.settings.hub_url if ask else None)
        return [one for one in entitled if _issues(catalogues.get(one.code), type_code)]

    def ask(self, call: Call, own: Callable[[], Found], type_code: str) -> Found:
        """Here, and in every region that issues such licences. Raises ``Malformed("sharing.parameter")``."""
        if call.operation not in OPERATIONS or "licence_id" in call.parameters or not type_code:
            raise Malformed("sharing.parameter", "参数“{field}”的内容或类型不正确。", field="region")
        here, said = self._here(own)
        peers = self.issuers(type_code, ask=True)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = list(pool.map(lambda one: self._there(call, one, type_code), peers))
        told = [said, *(self._told(one, found) for one, found in zip(peers, answers, strict=True))]
        licences = [*_licences(self.desk.region.code, here)]
        for peer, found in zip(peers, answers, strict=True):
            licences += _licences(peer.code, found if isinstance(found, Found) else None)
        result: dict[str, object] = {"regions": told, "licences": licences}
        outcome = _outcome([str(one["outcome"]) for one in told], bool(licences))
        if outcome is Outcome.UNREACHABLE:
            result["known"] = NOTHING.to_json()
        if here is None or here.outcome is not Outcome.FOUND:
            return Found(outcome, result, type_code, source="regions")
        return replace(here, outcome=outcome, result=result, source="regions")

    def _here(self, own: Callable[[], Found]) -> tuple[Found | None, dict[str, object]]:
        region = self.desk.facts
        said: dict[str, object] = {"code": region.code, "name": region.name, "reason": ""}
        try:
            found = own()
        except LicenceTrustError as error:
            return None, {**said, "outcome": "refused", "reason": error.code}
        return found, {**said, "outcome": str(found.outcome), "as_of": write_moment(self.desk.clock())}

    def _there(self, call: Call, peer: Peer, type_code: str) -> Found | str:
        """What the region says; the code where it refuses."""
        parameters = {name: value for name, value in call.parameters.items() if name != "region"}
        asked = replace(call, parameters={**parameters, "region": peer.code})
        try:
            return self.guide.answer_of(peer, asked, Found(Outcome.NOT_FOUND, {}, type_code), "")
        except LicenceTrustError as error:
            return error.code

    def _told(self, peer: Peer, found: Found | str) -> dict[str, object]:
        said: dict[str, object] = {"code": peer.code, "name": peer.name}
        if isinstance(found, str):
            return {**said, "outcome": "refused", "reason": found}
        region: Any = found.result["region"]
        names = ("reason", "as_of", "answer_id", "answer", "entitlement", "signed")
        return {**said, "outcome": str(found.outcome), **{one: region[one] for one in names if one in region}}


def _outcome(said: Sequence[str], found: bool) -> Outcome:
    """Found is found; "there is none" takes everybody's word."""
    if found:
        return Outcome.FOUND
    if "UNREACHABLE" in said:
        return Outcome.UNREACHABLE
    return Outcome.NOT_FOUND if set(said) == {"NOT_FOUND"} else Outcome.INDETERMINATE


def _licences(region: str, found: Found | None) -> list[dict[str, object]]:
    """What was told and believed, each with the region that said so."""
    if found is None or found.outcome not in (Outcome.FOUND, Outcome.INDETERMINATE):
        return []
    many: Any = found.result.get("licences")
    if isinstance(many, list):
        return [{**one, "region": region} for one in many]
    if found.outcome is not Outcome.FOUND:
        return []
    return [{**{name: one for name, one in found.result.items() if name != "region"}, "region": region}]


def _is_member(peer: Peer, now: datetime) -> bool:
    return peer.entry.left_at is None or peer.entry.left_at > now


def _issues(types: frozenset[str] | None, type_code: str) -> bool:
    """By its catalogue; ``None``: nobody gave it, so it may."""
    return types is None or type_code in types
