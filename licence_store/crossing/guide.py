"""引导: own register first, then the region that issued it, by the trust list; one answer that says who said so.

The list names every region's address and keys, so a node that believes one goes straight there: the hub, which keeps
the list, may be away. Whoever issued it answers itself, by its own rules of sharing. What comes back is laid beside
that region's status list and entitlements before it counts:

    FOUND, TRUE, SAME …   it said so just now, signed, and neither its list nor the trust list speak against it
    INDETERMINATE         they do (``region.reason``), or the region may not seal such a licence
    UNREACHABLE           nobody answered whom we can believe: ``known`` says what was, as of when, by what

A silent region is an answer, written down as any other; it never becomes a "valid" or a "not found".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from licence_store.crossing.client import Asker
from licence_store.crossing.known_as_of import NOTHING, Known, KnownStates, Place
from licence_store.regions.peers import Peer
from licence_store.sharing import comparing
from licence_store.sharing.answers import Found, Outcome
from licence_store.sharing.calls import Call
from trust.entitlement import Standing, division_of, find_standing
from trust.errors import LicenceTrustError, Malformed, Refused
from trust.identifiers import LicenceId, parse_licence_id
from trust.sharing_answer import SharedAnswer
from trust.signed import write_moment
from trust.trust_list import RegionEntry, is_within
from verify.policy import STATE_INDICATIONS

if TYPE_CHECKING:
    from licence_store.desk import Desk

_GOOD: Final = frozenset({"FOUND", "TRUE", "SAME", "TOTAL-PASSED"})
_RANK: Final = ("TOTAL-PASSED", "INDETERMINATE", "TOTAL-FAILED")
_FACTS: Final = ("licence_id", "licence_number", "version", "type", "type_name", "issued_on", "valid_from", "valid_to")


class Guide:
    """引导者 of a node; ``Sharing.elsewhere``."""

    def __init__(self, desk: Desk, asker: Asker) -> None:
        self.desk = desk
        self.asker = asker
        self.known = KnownStates(desk.sessions, desk.peers, desk.publications, desk.clock)

    # Whose is it?

    def knows(self, licence_id: str) -> bool:
        """Is it another region's to speak of this licence?"""
        peer = self._issuer(licence_id)
        return peer is not None and peer.code != self.desk.region.code

    def named(self, call: Call) -> bool:
        """Does the question name another region itself?"""
        region = call.parameters.get("region")
        return isinstance(region, str) and region.strip() != self.desk.region.code

    def _issuer(self, licence_id: str) -> Peer | None:
        """The region of the list to which its issuer's division belongs, the closest; ``None``: no list, or none."""
        try:
            asked = parse_licence_id(licence_id)
        except Malformed:
            return None
        division = division_of("", asked.issuer_code) or asked.issuer_code
        near = [one for one in self.desk.peers.list() if _covers(one.entry, division)]
        return max(near, key=lambda one: (one.code == division, len(one.code.rstrip("0"))), default=None)

    # Asking there

    def ask(self, call: Call, found: Found) -> Found | None:
        """What the issuing region says of what we do not have; ``None``: it is nobody else's. Raises
        ``Refused("crossing.refused", "sharing.scope_region")``, ``NotFound("peer.unlisted")``.
        """
        licence_id = _licence_of(call, found)
        peer = self._peer(call, found, licence_id)
        if peer is None or peer.code == self.desk.region.code:
            return None
        call.caller.demand(call.operation, type_code=found.type_code, region=peer.code)
        parameters = {name: value for name, value in call.parameters.items() if name != "region"}
        try:
            answer = self.asker.ask(peer, call.operation, parameters, call.purpose)
        except Refused as error:
            if call.operation != "verify":
                raise
            return self._beside(found, peer, None, error.code, licence_id)
        except LicenceTrustError as error:
            if call.operation == "verify":
                return self._beside(found, peer, None, error.code, licence_id)
            return self._silent(peer, error.code, licence_id, found)
        if call.operation == "verify":
            return self._beside(found, peer, answer, "", licence_id)
        return self._told(call, found, peer, answer, licence_id)

    def _peer(self, call: Call, found: Found, licence_id: str) -> Peer | None:
        if self.named(call):
            return self.desk.peers.region(str(call.parameters["region"]).strip()[:12])
        said = _stated_region(found)
        if said and said != self.desk.region.code:
            return next((one for one in self.desk.peers.list() if one.code == said), None)
        return self._issuer(licence_id) if licence_id else None

    # What it comes to

    def _told(self, call: Call, found: Found, peer: Peer, answer: SharedAnswer, licence_id: str) -> Found:
        result: dict[str, Any] = dict(answer.result)
        judged = [self._judged(peer, one, answer, licence_id) for one in _licences(result, licence_id)]
        reason, seen = next((one for one in judged if one[0]), judged[0] if judged else ("", NOTHING))
        if not reason and _of_others(call, _licences(result, licence_id)):
            reason = "crossing.other_licence"
        first = next(iter(_licences(result, licence_id)), {})
        named = str(first.get("licence_id") or licence_id)
        region = self._region(peer, answer, seen, self._standing(peer, named), reason)
        if call.operation != "download":
            region["signed"] = answer.data.decode()
        outcome = Outcome(answer.outcome)
        if reason and answer.outcome in _GOOD:
            outcome, result = Outcome.INDETERMINATE, {name: first[name] for name in _FACTS if name in first}
            result["known"] = seen.to_json()
        if named:
            result["licence_id"] = named
        return Found(
            outcome, {**result, "region": region}, _type(named) or found.type_code, "", named or found.subject,
            source=f"region:{peer.code}",
        )  # fmt: skip

    def _judged(self, peer: Peer, one: Mapping[str, Any], answer: SharedAnswer, asked: str) -> tuple[str, Known]:
        """``(what speaks against it, what the list says)`` of one licence that was told. ``asked``: which was meant."""
        licence_id, state = str(one.get("licence_id", "")), str(one.get("state", ""))
        if asked and _base(licence_id) != _base(asked):
            return "crossing.other_licence", NOTHING
        if answer.outcome in _GOOD and not _tells_state(answer.operation, one):
            return "crossing.no_state", self.known.last(peer.code, licence_id)
        place = _place(one) or self.known.place(peer.code, licence_id)
        listed = self.known.listed(peer.code, place)
        if state:
            self.known.remember(peer.code, licence_id, place, state, answer.as_of)
        if licence_id:
            issuer, standing = self._issuer(licence_id), self._standing(peer, licence_id)
            if issuer is None or issuer.code != peer.code:
                return "crossing.not_its_own", listed
            if standing is None or standing.entitlement is None:
                return "entitlement.missing", listed
        claimed = state or ("" if one.get("current") != "false" else "SUSPENDED")
        if speaks_against(listed, claimed, answer.as_of):
            return "crossing.contradicted", listed
        return "", listed

    def _silent(self, peer: Peer, reason: str, licence_id: str, found: Found) -> Found:
        """没有应答: what is known, as of when."""
        known = self.known.last(peer.code, licence_id) if licence_id else NOTHING
        region = {
            "code": peer.code, "name": peer.name, "reason": reason, "breaker": self.asker.breaker.state(peer.code),
            "list": str(peer.list_number),
        }  # fmt: skip
        result: dict[str, object] = {"region": region, "known": known.to_json()}
        if licence_id:
            result["licence_id"] = licence_id
        subject = licence_id or found.subject
        return Found(
            Outcome.UNREACHABLE, result, _type(licence_id) or found.type_code, "", subject, source=f"region:{peer.code}"
        )

    def _beside(self, found: Found, peer: Peer, answer: SharedAnswer | None, reason: str, licence_id: str) -> Found:
        """核验: our own verdict by the trust list, and the region's; the worse of the two counts."""
        outcome = str(found.outcome)
        if answer is None:
            region: dict[str, object] = {"code": peer.code, "name": peer.name, "reason": reason}
            if outcome == "TOTAL-PASSED" and _is_copy(found):
                outcome = "INDETERMINATE"  # nobody told us whether it was taken back or used up
        else:
            outcome = max(outcome, answer.outcome, key=_RANK.index)
            region = self._region(peer, answer, NOTHING, self._standing(peer, licence_id), "")
            region["outcome"], region["signed"] = answer.outcome, answer.data.decode()
        return Found(
            Outcome(outcome), {**found.result, "region": region}, _type(licence_id), "", licence_id or found.subject,
            source=f"region:{peer.code}" if answer is not None else found.source,
        )  # fmt: skip

    def _region(
        self, peer: Peer, answer: SharedAnswer, listed: Known, standing: Standing | None, reason: str
    ) -> dict[str, object]:
        """谁说的: who said so, when, and what lets it say so."""
        entitled = {key: str(value).lower() if isinstance(value, bool) else str(value)
                    for key, value in (standing.to_json() if standing else {}).items()}  # fmt: skip
        return {
            "code": peer.code,
            "name": peer.name,
            "reason": reason,
            "source": answer.source,
            "as_of": write_moment(answer.as_of),
            "answer_id": answer.id,
            "answer": answer.digest,
            "list": str(peer.list_number),
            "entitlement": entitled,
            "status_list": {**listed.to_json(), "current": str(listed.current).lower()},
        }

    def _standing(self, peer: Peer, licence_id: str) -> Standing | None:
        believed = self.desk.peers.believed()
        asked = _parsed(licence_id)
        if believed is None or asked is None:
            return None
        division = division_of(peer.code, asked.issuer_code)
        return find_standing(believed, peer.code, division, asked.type_code, self.desk.clock())


def speaks_against(listed: Known, state: str, as_of: datetime) -> bool:
    """Does the status list gainsay an answer that makes the licence current (``state`` empty: it goes without saying)?
    A final state never goes back; of one that can return, a list of just now counts, or one newer than the answer.
    """
    if not listed.state or listed.as_of is None or state not in ("", "CURRENT"):
        return False
    return listed.is_final or (listed.state != "CURRENT" and (listed.current or listed.as_of >= as_of))


def _tells_state(operation: str, one: Mapping[str, Any]) -> bool:
    """Does it say how the licence stands, in a word we know? What is left open could be read as "valid"."""
    if operation == "download":
        return True  # only what is in force is given out
    if operation == "check":
        return one.get("current") in ("true", "false")
    state = one.get("state")
    return state in STATE_INDICATIONS or (state == "UNKNOWN" and not one.get("licence_id"))  # another system's


def _of_others(call: Call, told: Sequence[Mapping[str, Any]]) -> bool:
    """Was a holder asked for, and does what was told name another, or nobody? Other systems' say it beside."""
    if call.operation != "holder":
        return False
    asked = str(call.parameters.get("holder_code", "")).strip().upper()
    for one in told:
        holder = one.get("holder")
        named = holder.get("code") if isinstance(holder, Mapping) else one.get("holder_code")
        if not isinstance(named, str) or named.strip().upper() != asked:
            return True
    return False


def _covers(entry: RegionEntry, division: str) -> bool:
    return is_within(division, entry.code) or any(is_within(division, one.division) for one in entry.entitlements)


def _licence_of(call: Call, found: Found) -> str:
    """The licence a question is about, as far as it says; empty: it names none."""
    given = call.parameters.get("licence_id")
    if isinstance(given, str):
        return given
    if call.operation == "qr":
        return comparing.licence_in(str(call.parameters.get("qr", "")))
    if call.operation == "verify":
        document = _document(found)
        return str(document.get("licence_id") or _original(document).get("id") or "")
    return str(found.result.get("licence_id", ""))


def _document(found: Found) -> Mapping[str, Any]:
    report = found.result.get("report")
    document = report.get("document") if isinstance(report, Mapping) else None
    return document if isinstance(document, Mapping) else {}


def _original(document: Mapping[str, Any]) -> Mapping[str, Any]:
    copy = document.get("copy")
    original = copy.get("original") if isinstance(copy, Mapping) else None
    return original if isinstance(original, Mapping) else {}


def _is_copy(found: Found) -> bool:
    return bool(_document(found).get("copy"))


def _stated_region(found: Found) -> str:
    """Of a file that was verified: which region it is of, by the trust list or by the copy's own terms."""
    report = found.result.get("report")
    if not isinstance(report, Mapping):
        return ""
    listed = report.get("trust_list")
    entitlement = listed.get("entitlement") if isinstance(listed, Mapping) else None
    if isinstance(entitlement, Mapping):
        return str(entitlement.get("region", ""))
    copy = _document(found).get("copy")
    return str(copy.get("region", "")) if isinstance(copy, Mapping) else ""


def _licences(result: Mapping[str, Any], licence_id: str) -> list[Mapping[str, Any]]:
    """What was told of which licences; of true and false, the one that was asked about."""
    many = result.get("licences")
    if isinstance(many, list):
        return [one for one in many if isinstance(one, Mapping)]
    named = result.get("licence_id") or licence_id
    return [{**result, "licence_id": named}] if named or "status_list" in result else []


def _place(one: Mapping[str, Any]) -> Place | None:
    said = one.get("status_list")
    if not isinstance(said, Mapping) or not said.get("address"):
        return None
    return Place(str(said["address"]), str(said.get("index", "")))


def _parsed(licence_id: str) -> LicenceId | None:
    try:
        return parse_licence_id(licence_id)
    except Malformed:
        return None


def _base(licence_id: str) -> str:
    asked = _parsed(licence_id)
    return asked.base if asked is not None else ""


def _type(licence_id: str) -> str:
    asked = _parsed(licence_id)
    return asked.type_code if asked is not None else ""
