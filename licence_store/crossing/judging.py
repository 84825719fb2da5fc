"""采信: is what another region said of licences worth believing? Each licence it names is judged by itself.

    judge = Judge(…)
    said = judge.all(peer, answer, call, type_code, licence_id)       # one Verdict for each licence told

An answer that is signed and new can still be wrong: about another licence, about one that is not that region's to seal,
without a state, or against the region's own status list. One doubtful line of a batch does not spoil the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from licence_store.crossing.known_as_of import NOTHING, Heard, Known, KnownStates, Place
from licence_store.regions.peers import Peer
from licence_store.sharing.calls import Call
from trust.entitlement import Standing
from trust.errors import Malformed
from trust.identifiers import LicenceId, parse_licence_id, plain_number
from trust.sharing_answer import SharedAnswer
from verify.policy import STATE_INDICATIONS

GOOD: Final = frozenset({"FOUND", "TRUE", "SAME", "TOTAL-PASSED"})
"""What somebody would rely on."""
MANY: Final = frozenset({"holder", "batch"})
"""Operations that tell of several licences."""
MOST: Final = 200
"""Licences in one answer: no operation asks for more. One more of them is judged, so that too many are noticed."""
_HEARD: Final = frozenset({"", "crossing.contradicted", "entitlement.missing"})
"""Whatever else speaks against it, that region did say how this licence of its own stands."""
_OF_ONE: Final = frozenset({"licence", "qr", "check", "compare", "download"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one licence that was told of comes to."""

    told: Mapping[str, Any]
    reason: str = ""
    """What speaks against it; empty: nothing."""
    known: Known = NOTHING
    """What its status list says."""


@dataclass(frozen=True)
class Judge:
    """采信者."""

    known: KnownStates
    issuer: Callable[[str], str]
    """Licence id → code of the region that may speak of it; empty: none of the list."""
    standing: Callable[[Peer, str], Standing | None]
    """What the trust list lets a region do with this licence."""
    entitled: Callable[[Peer, str], bool]
    """May this region issue licences of this type at all?"""

    def all(self, peer: Peer, answer: SharedAnswer, call: Call, type_code: str, asked: str) -> list[Verdict]:
        """Each licence of the answer. ``asked``: the one that was meant, where one was; ``type_code``: which type."""
        lines = licences_in(answer, asked)[: MOST + 1]
        places = self.known.places(peer.code, [_id(one) for one in lines if _place(one) is None])
        found, heard = [], []
        for one in lines:
            licence_id = _id(one)
            place = _place(one) or places.get(base_of(licence_id), Place())
            verdict = self._one(peer, answer, one, asked, place, type_code)
            if not verdict.reason and _of_another(call, one, type_code):
                verdict = Verdict(one, "crossing.other_licence", verdict.known)
            elif licence_id and one.get("state") and verdict.reason in _HEARD:
                heard.append(Heard(licence_id, place, str(one["state"]), answer.as_of))
            found.append(verdict)
        self.known.remember(peer.code, heard)
        return found

    def _one(
        self, peer: Peer, answer: SharedAnswer, one: Mapping[str, Any], asked: str, place: Place, type_code: str
    ) -> Verdict:
        licence_id, state = _id(one), str(one.get("state", ""))
        if asked and base_of(licence_id) != base_of(asked):
            return Verdict(one, "crossing.other_licence")
        if not licence_id and answer.operation != "check" and answer.outcome in GOOD and not _is_provided(answer):
            return Verdict(one, "crossing.other_licence")  # of which one?
        if answer.outcome in GOOD and not _tells_state(answer, one):
            return Verdict(one, "crossing.no_state", self.known.last(peer.code, licence_id))
        listed = self.known.listed(peer.code, place)
        if licence_id:
            standing = self.standing(peer, licence_id)
            if self.issuer(licence_id) != peer.code:
                return Verdict(one, "crossing.not_its_own", listed)
            if standing is None or standing.entitlement is None:
                return Verdict(one, "entitlement.missing", listed)
        elif answer.operation == "check" and type_code and not self.entitled(peer, type_code):
            return Verdict(one, "entitlement.missing", listed)
        claimed = state or ("" if one.get("current") != "false" else "SUSPENDED")
        if speaks_against(listed, claimed, answer.as_of):
            return Verdict(one, "crossing.contradicted", listed)
        return Verdict(one, "", listed)


def licences_in(answer: SharedAnswer, asked: str) -> list[Mapping[str, Any]]:
    """What was told of which licences; of true and false, the one that was asked about."""
    result = answer.result
    if answer.operation in MANY:
        many = result.get("licences")
        lines = many if isinstance(many, list) else [many] if answer.outcome in GOOD else []
        return [one if isinstance(one, Mapping) else {} for one in lines]  # an empty one is of nobody knows which
    if answer.operation not in _OF_ONE:
        return []
    named = result.get("licence_id") or asked
    return [{**result, "licence_id": named}] if named or answer.outcome in GOOD else []


def speaks_against(listed: Known, state: str, as_of: datetime) -> bool:
    """Does the status list gainsay an answer that makes the licence current (``state`` empty: it goes without saying)?
    A final state never goes back; of one that can return, a list of just now counts, or one newer than the answer.
    """
    if not listed.state or listed.as_of is None or state not in ("", "CURRENT"):
        return False
    return listed.is_final or (listed.state != "CURRENT" and (listed.current or listed.as_of >= as_of))


def _tells_state(answer: SharedAnswer, one: Mapping[str, Any]) -> bool:
    """Does it say how the licence stands, in a word we know? What is left open could be read as "valid"."""
    if answer.operation == "download":
        return True  # only what is in force is given out
    if answer.operation == "check":
        return one.get("current") in ("true", "false")
    state = str(one.get("state"))
    return state in STATE_INDICATIONS or (state == "UNKNOWN" and _is_provided(answer))


def _is_provided(answer: SharedAnswer) -> bool:
    """Another system's of that region: without identifier, seal and status list of ours."""
    return answer.source.startswith("provider:")


def _of_another(call: Call, one: Mapping[str, Any], type_code: str) -> bool:
    """Were licences of a holder, a number or a type asked for, and is this one another's, or nobody's?"""
    told = _id(one)
    if type_code and told and type_of(told) != type_code:
        return True
    if call.operation == "licence" and isinstance(number := call.parameters.get("licence_number"), str):
        return _plain(one.get("licence_number")) != _plain(number)
    if call.operation != "holder":
        return False
    holder = one.get("holder")
    named = holder.get("code") if isinstance(holder, Mapping) else one.get("holder_code")
    return _plain(named) != _plain(call.parameters.get("holder_code"))


def _plain(value: object) -> str:
    return plain_number(value) if isinstance(value, str) else ""


def _id(one: Mapping[str, Any]) -> str:
    return str(one.get("licence_id") or "")


def _place(one: Mapping[str, Any]) -> Place | None:
    said = one.get("status_list")
    if not isinstance(said, Mapping) or not said.get("address"):
        return None
    return Place(str(said["address"]), str(said.get("index", "")))


def parsed(licence_id: str) -> LicenceId | None:
    """``None``: it is none."""
    try:
        return parse_licence_id(licence_id)
    except Malformed:
        return None


def base_of(licence_id: str) -> str:
    """Without its version; empty: it is none."""
    asked = parsed(licence_id)
    return asked.base if asked is not None else ""


def type_of(licence_id: str) -> str:
    """Code of its type; empty: it is none."""
    asked = parsed(licence_id)
    return asked.type_code if asked is not None else ""
