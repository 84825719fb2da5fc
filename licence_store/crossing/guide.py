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

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from licence_store.crossing.anywhere import Anywhere
from licence_store.crossing.client import Asker
from licence_store.crossing.judging import GOOD, MANY, MOST, Judge, Verdict, parsed, type_of
from licence_store.crossing.known_as_of import NOTHING, Known, KnownStates
from licence_store.regions.peers import Peer
from licence_store.sharing import comparing
from licence_store.sharing.answers import Found, Outcome
from licence_store.sharing.calls import Call
from trust.entitlement import Standing, division_of, find_standing
from trust.errors import LicenceTrustError, Malformed, Refused
from trust.sharing_answer import SharedAnswer
from trust.signed import write_moment
from trust.trust_list import RegionEntry, is_within

if TYPE_CHECKING:
    from licence_store.desk import Desk

_RANK: Final = ("TOTAL-PASSED", "INDETERMINATE", "TOTAL-FAILED")
_TYPE_CODE: Final = 21
"""Characters of a type's code (GB/T 36902)."""
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
        asked = parsed(licence_id)
        if asked is None:
            return None
        division = division_of("", asked.issuer_code) or asked.issuer_code
        near = [one for one in self.desk.peers.list() if _covers(one.entry, division)]
        return max(near, key=lambda one: (one.code == division, len(one.code.rstrip("0"))), default=None)

    # Nobody knows whose it is

    @cached_property
    def _anywhere(self) -> Anywhere:
        return Anywhere(self)

    def anywhere(self, call: Call, own: Callable[[], Found], type_code: str) -> Found:
        """Here, and wherever such licences are issued."""
        return self._anywhere.ask(call, own, type_code)

    def elsewhere(self, type_code: str) -> list[dict[str, str]]:
        """The other regions that issue such licences, or may, by what is at hand."""
        peers = self._anywhere.issuers(type_code, ask=False) if type_code else []
        return [{"code": one.code, "name": one.name} for one in peers]

    # Asking there

    def ask(self, call: Call, found: Found) -> Found | None:
        """What the issuing region says of what we do not have; ``None``: it is nobody else's. Raises
        ``Refused("crossing.refused", "sharing.scope_region")``, ``NotFound("peer.unlisted")``, ``Malformed``.
        """
        licence_id = _licence_of(call, found)
        peer = self._peer(call, found, licence_id)
        if peer is None or peer.code == self.desk.region.code:
            return None
        return self.answer_of(peer, call, found, licence_id)

    def answer_of(self, peer: Peer, call: Call, found: Found, licence_id: str) -> Found:
        """What this region says. Raises ``Refused("crossing.refused", "sharing.scope_region")``."""
        call.caller.demand(call.operation, type_code=found.type_code, region=peer.code)
        parameters = {name: value for name, value in call.parameters.items() if name != "region"}
        try:
            answer = self.asker.ask(peer, call.operation, parameters, call.purpose)
        except Refused as error:
            if call.operation != "verify":
                raise
            return self._beside(found, peer, None, error.code, licence_id)
        except Malformed:
            raise  # the question itself: nobody was asked
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

    @cached_property
    def judge(self) -> Judge:
        """采信者."""

        def issuer(licence_id: str) -> str:
            peer = self._issuer(licence_id)
            return peer.code if peer is not None else ""

        return Judge(self.known, issuer, self._standing, self.entitled)

    def entitled(self, peer: Peer, type_code: str) -> bool:
        """Of some division of its own."""
        now = self.desk.clock()
        return any(one.covers(one.division, type_code, now) for one in peer.entitlements)

    def _told(self, call: Call, found: Found, peer: Peer, answer: SharedAnswer, licence_id: str) -> Found:
        verdicts = self.judge.all(peer, answer, call, self._type_asked(found), licence_id)
        doubts = [one for one in verdicts if one.reason]
        reason = "crossing.too_many" if len(verdicts) > MOST else doubts[0].reason if doubts else ""
        seen = (doubts or verdicts or [Verdict({})])[0]
        named = str(seen.told.get("licence_id") or licence_id)
        region = self._region(peer, answer, seen.known, self._standing(peer, named), reason)
        if call.operation != "download":
            region["signed"] = answer.data.decode()
        outcome, result = Outcome(answer.outcome), dict(answer.result)
        if reason and answer.outcome in GOOD:
            outcome, result = Outcome.INDETERMINATE, _withheld(call.operation, answer, verdicts)
        if named and call.operation != "batch":
            result["licence_id"] = named
        subject = result.get("licence_id") or found.subject
        return Found(
            outcome, {**result, "region": region}, type_of(named) or found.type_code, "", str(subject),
            source=f"region:{peer.code}",
        )  # fmt: skip

    def _type_asked(self, found: Found) -> str:
        """Code of the type that was asked for; empty: no code of ours, so its region's own name of it."""
        return found.type_code if len(found.type_code) == _TYPE_CODE else ""

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
            Outcome.UNREACHABLE,
            result,
            type_of(licence_id) or found.type_code,
            "",
            subject,
            source=f"region:{peer.code}",
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
            Outcome(outcome), {**found.result, "region": region}, type_of(licence_id), "", licence_id or found.subject,
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
        asked = parsed(licence_id)
        if believed is None or asked is None:
            return None
        division = division_of(peer.code, asked.issuer_code)
        return find_standing(believed, peer.code, division, asked.type_code, self.desk.clock())


def _withheld(operation: str, answer: SharedAnswer, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """What may be handed on beside a doubt: of several, those nothing speaks against, and which are doubtful; of one,
    which it is, and what is known of it. Neither a face nor a file of what is doubtful.
    """
    doubtful = [{**_facts(one), "reason": one.reason, "known": one.known.to_json()} for one in verdicts if one.reason]
    if operation in MANY:
        believed = [dict(one.told) for one in verdicts if not one.reason]
        kept: dict[str, Any] = {"next": answer.result["next"]} if "next" in answer.result else {}
        return {**kept, "licences": believed if len(verdicts) <= MOST else [], "doubtful": doubtful}
    first = verdicts[0] if verdicts else Verdict({})
    return {**_facts(first), "known": first.known.to_json()}


def _facts(one: Verdict) -> dict[str, Any]:
    return {name: one.told[name] for name in _FACTS if name in one.told}


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
