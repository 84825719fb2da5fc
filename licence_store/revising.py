"""变更·补发·延续: a content change is a new version, a renewal another licence; nothing is altered (R041, R062, R067).

    reviser.revise(licence_id, {"address": "…"}, officer, reason="住所变更")     # next version, same number
    reviser.reissue(licence_id, officer, reason="补发遗失证照")                   # LOST → current again, a new file
    reviser.renew(licence_id, None, officer, reason="有效期届满延续")             # a successor, linked both ways

Each goes the way of every issue (``licence_store.issuance``): reserved, drawn, sealed, checked, recorded. Stopped half
way it is completed or made void at the next start; asked again it gives the same answer. What follows must still be
possible when it is recorded (``licence_store.following``): of two who revise at once, one gets a ``Conflict``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from licence_store import events, journal, next_version
from licence_store.cases import take_apart
from licence_store.catalogue import CataloguedType, IssuingRight
from licence_store.collection.materials import believed
from licence_store.definitions import LicenceTypeDefinition
from licence_store.extras import PLAIN, IssueExtras
from licence_store.issuance import Issuer, make_application
from licence_store.life import check_own, check_reason
from licence_store.lifecycle import LicenceState, check_role, take
from licence_store.models import LicenceVersion
from licence_store.numbering import take_slots
from licence_store.reserving import Answer, IssuedLicence, insert_intents, reservation_of, role_of
from licence_store.revision_rules import check_new_period, check_window, record_in, revised_record, starts_on
from licence_store.standing import Marks, day_of, end_of, replay
from seal.lifecycle import Official
from seal.message import DataMessage, FaceValue, parse_message
from seal.provenance import Lineage
from seal.using import Wish, admit
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, Malformed, NotFound, Refused
from trust.identifiers import parse_licence_id
from trust.journal import Entry

Record = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Standing:
    """A licence's newest version, and how it stands."""

    row: Row[Any]
    state: LicenceState
    marks: Marks
    message: DataMessage
    moment: datetime


@dataclass(frozen=True, slots=True)
class _Content:
    """What the next version says."""

    metadata: Mapping[str, str]
    face: tuple[FaceValue, ...]


@dataclass(frozen=True, slots=True)
class Reviser:
    """变更、补发、延续. Callers have authenticated whoever acts."""

    issuer: Issuer

    def revise(
        self, licence_id: str, changes: Record, official: Official, *, reason: str, extras: IssueExtras = PLAIN
    ) -> IssuedLicence:
        """变更: the next version, with ``changes`` laid over the newest one's record; a whole record does as well.

        Number, holder and the beginning of validity stay. The same change again answers the same version, ``created``
        false. Raises ``NotFound("licence.unknown")``; ``Refused("licence.role", "licence.step", "licence.department",
        "licence.reason_missing", "licence.holder_changed", "licence.unchanged", "grant.*", "seal.*")``;
        ``Conflict("licence.version_under_way", "licence.changed_meanwhile")``; ``Malformed("record.*")``; and
        ``Unavailable``, after which it may be repeated.
        """
        return self._next("revise", licence_id, official, reason, extras, changes)

    def reissue(
        self, licence_id: str, official: Official, *, reason: str, extras: IssueExtras = PLAIN
    ) -> IssuedLicence:
        """补发 of a lost licence: the same content in a new version; the lost file is history. Raises as ``revise``."""
        return self._next("reissue", licence_id, official, reason, extras, None)

    def renew(
        self,
        licence_id: str,
        changes: Record | None,
        official: Official,
        *,
        reason: str,
        extras: IssueExtras = PLAIN,
    ) -> IssuedLicence:
        """延续（换证）: a successor, linked both ways; by the type's rule the predecessor gives way at once or at its
        own end. ``changes`` as in ``revise``; where a field states the period of validity, they must state the new one.

        Asked again, it answers the same successor. Raises as ``revise``, and ``Refused("licence.renewal_window",
        "licence.renewal_period", "licence.renewal_not_sound")``.
        """
        with self._journalled("renew", licence_id, official, reason):
            return self._renew(licence_id, changes or {}, official, reason, extras)

    def record_of(self, licence_id: str) -> dict[str, str]:
        """The newest version's record, for a form to begin with. Raises ``NotFound("licence.unknown")``."""
        with self.issuer.sessions.read() as session:
            standing = self._standing(session, licence_id)
            definition = self.issuer.catalogue.current_in(session, standing.row.type_code).definition
        return record_in(standing.message, definition)

    # 变更·补发

    def _next(
        self, step: str, licence_id: str, who: Official, reason: str, extras: IssueExtras, changes: Record | None
    ) -> IssuedLicence:
        with self._journalled(step, licence_id, who, reason):
            if changes is not None:
                changes, extras = take_apart(changes, extras)
            extras.check()
            with self.issuer.sessions.begin() as session:
                answer = self._reserve_next(session, step, licence_id, who, reason, extras, changes)
            return self._finish(answer)

    def _reserve_next(
        self,
        session: Session,
        step: str,
        licence_id: str,
        who: Official,
        reason: str,
        extras: IssueExtras,
        changes: Record | None,
    ) -> Answer:
        """预留: what is reserved for the next version, or made already."""
        standing = self._standing(session, licence_id)
        check_own(standing.row, who)
        check_role(step, who.role)
        if done := self._done(session, step, standing, changes):
            return done
        _check(step, standing, who, reason)
        begun = next_version.begun(session, [standing.row.base]).get(standing.row.base)
        kind, right = self._right(session, standing.row)
        if begun is not None:
            return self._go_on(begun, step, standing, kind, changes)
        wanted = self._content(session, standing, kind.definition, right, changes, extras)
        return self._insert(session, step, standing, kind, right, wanted, who, reason, extras)

    def _insert(
        self,
        session: Session,
        step: str,
        standing: _Standing,
        kind: CataloguedType,
        right: IssuingRight,
        wanted: _Content,
        who: Official,
        reason: str,
        extras: IssueExtras,
    ) -> Answer:
        now, row = self.issuer.clock(), standing.row
        role = role_of(session, who.actor.account)
        room = admit(session, Wish(right.seal_id, who.actor, role, row.type_code, 1), now)
        if room.refusal is not None:
            return room.refusal
        [slot] = take_slots(session, 1, now, row.type_code)
        version = next_version.next_versions(session, [row.base])[row.base]
        message = next_version.rewritten(
            wanted.metadata,
            wanted.face,
            extras.case or standing.message.case,
            next_version.next_id(row, version),
            next_version.lineage_to(row, step),
            right,
            slot,
            self.issuer.facts.base_url,
        )
        drawn = kind.version if step == "revise" else row.type_version
        paper = extras.paper.to_text() if extras.paper is not None else ""
        intent = next_version.intent(
            row, step, message, right, slot, who.actor, reason, now, type_version=drawn, paper=paper
        )
        if not insert_intents(session, [intent]):
            return next_version.under_way(row.licence_id)
        details = {"follows": row.licence_id, "step": step}
        journal.append(session, [Entry(now, who.actor, "licence.reserve", message.licence_id, reason, details=details)])
        reserved = next_version.begun(session, [row.base])
        return reservation_of(reserved[row.base])

    def _done(self, session: Session, step: str, standing: _Standing, changes: Record | None) -> IssuedLicence | None:
        """The same was asked before, and the newest version is the answer; of what has ended it is none any more."""
        row = standing.row
        made = next(e for e in events.of_licence(session, row.base) if e.version == row.version)
        if made.kind != step or standing.state is LicenceState.LOST or standing.state.is_ended:
            return None
        if changes is not None:
            definition = self.issuer.catalogue.at(session, row.type_code, row.type_version)
            if not _says(standing.message, definition, changes):
                return None
        return IssuedLicence(row.licence_id, row.number, row.version, row.file_digest, created=False)

    def _go_on(
        self, begun: Row[Any], step: str, standing: _Standing, kind: CataloguedType, changes: Record | None
    ) -> Answer:
        """Finish what an earlier attempt reserved, if it was for the same."""
        reservation = reservation_of(begun)
        same = begun.kind == step
        if same and changes is not None:
            wanted = revised_record(standing.message, kind.definition, changes)
            same = wanted == record_in(reservation.message, kind.definition)
        return reservation if same else next_version.under_way(standing.row.licence_id)

    def _content(
        self,
        session: Session,
        standing: _Standing,
        definition: LicenceTypeDefinition,
        right: IssuingRight,
        changes: Record | None,
        extras: IssueExtras,
    ) -> _Content:
        """Metadata and face of the next version."""
        old = standing.message
        if changes is None:
            return _Content(old.metadata, old.face)
        record = revised_record(old, definition, changes)
        if record == record_in(old, definition):
            raise Refused("licence.unchanged", "内容与现行版本相同，没有需要变更的。")
        first = session.execute(
            select(LicenceVersion.issued_on, LicenceVersion.valid_from).where(
                LicenceVersion.base == standing.row.base, LicenceVersion.version == 1
            )
        ).one()
        today = day_of(standing.moment).isoformat()
        valid_from, valid_to = definition.valid_period(record, first.valid_from)
        if valid_to and valid_to < today:
            raise Malformed("record.expired", "有效期至 {valid_to} 已届满，不能签发。", valid_to=valid_to)
        facts = {
            "type_name": definition.name,
            "issuer_name": right.department_name,
            "holder_name": definition.holder_of(record).name,
            "issued_on": today,
            "valid_from": valid_from,
            "valid_to": valid_to,
        }
        if extras.source:
            facts["source"] = extras.source
        metadata = {**old.metadata, **facts, "credibility": _believed(definition, right, old, extras)}
        names = ("licence_number", "issuer_name", "issued_on")
        return _Content(metadata, definition.face_values(record, {name: metadata[name] for name in names}))

    # 延续

    def _renew(
        self, licence_id: str, changes: Record, who: Official, reason: str, extras: IssueExtras
    ) -> IssuedLicence:
        issuer = self.issuer
        changes, extras = take_apart(changes, extras)
        with issuer.sessions.read() as session:
            standing = self._standing(session, licence_id)
            check_own(standing.row, who)
            check_role("renew", who.role)
            if standing.row.successor:
                return self._successor(session, standing)
            _check("renew", standing, who, reason)
            issuer.catalogue.issued_in(session, standing.row.type_code)  # a retired type issues nothing more
            kind, right = self._right(session, standing.row)
        definition = kind.definition
        rule, valid_to, today = definition.renewal, standing.row.valid_to, day_of(standing.moment).isoformat()
        check_window(rule, standing.state, standing.marks, valid_to, standing.moment)
        record = revised_record(standing.message, definition, changes)
        starts = starts_on(rule, valid_to, today)
        check_new_period(definition, record, standing.message, starts)
        lineage = Lineage("renewal", standing.row.licence_id, standing.row.file_digest)
        extras = replace(extras, lineage=lineage, number=standing.row.number)
        application = make_application(kind, right, record, who.actor, today, extras)
        if isinstance(application, LicenceTrustError):
            raise application
        application = replace(
            application,
            kind="renew",
            reason=reason.strip(),
            key="renewal:" + sm3(standing.row.base.encode()).hex(),
            starts=starts,
        )
        [answer] = issuer.reserve([application])
        return self._finish(answer)

    def _successor(self, session: Session, standing: _Standing) -> IssuedLicence:
        """It has been renewed: by this one."""
        found = session.execute(next_version.newest_query().where(LicenceVersion.base == standing.row.successor)).one()
        return IssuedLicence(found.licence_id, found.number, found.version, found.file_digest, created=False)

    # Inside

    def _standing(self, session: Session, licence_id: str) -> _Standing:
        asked = parse_licence_id(licence_id)
        row = session.execute(next_version.newest_query().where(LicenceVersion.base == asked.base)).one_or_none()
        if row is None:
            raise NotFound("licence.unknown", "登记簿中没有证照 {licence_id}。", licence_id=asked.text)
        happened = events.of_licence(session, row.base)
        moment = max(self.issuer.clock(), happened[-1].effective)
        standing = replay(happened, end_of(row.valid_to), moment)
        return _Standing(row, standing.state, standing.marks, parse_message(row.message), moment)

    def _right(self, session: Session, row: Row[Any]) -> tuple[CataloguedType, IssuingRight]:
        """The type as it is now, and with what right its department issues it."""
        kind = self.issuer.catalogue.current_in(session, row.type_code)
        return kind, self.issuer.catalogue.right(session, row.type_code, row.department_id)

    def _finish(self, answer: Answer) -> IssuedLicence:
        [outcome] = self.issuer.finish([answer])
        if isinstance(outcome, LicenceTrustError):
            raise outcome
        return outcome

    @contextmanager
    def _journalled(self, step: str, subject: str, who: Official, reason: str) -> Iterator[None]:
        """What is refused or fails is written down, with its code."""
        try:
            yield
        except LicenceTrustError as error:
            entry = Entry(
                self.issuer.clock(), who.actor, f"licence.{step}", subject[:200], reason, error.code,
                {"role": str(who.role)},
            )  # fmt: skip
            with self.issuer.sessions.begin() as session:
                journal.append(session, [entry])
            raise


def _check(step: str, standing: _Standing, who: Official, reason: str) -> None:
    """Table and reason."""
    take(step, standing.state, who.role)
    check_reason(step, reason)


def _believed(
    definition: LicenceTypeDefinition, right: IssuingRight, old: DataMessage, extras: IssueExtras
) -> str:
    """可信等级 of what follows ``old``: a change makes nothing more credible than it was, unless it says where from."""
    credibility = extras.credibility
    if not extras.source:
        credibility = max(credibility, old.metadata["credibility"])  # letters: A is the best
    return believed(definition.source, right.department_id, credibility)


def _says(message: DataMessage, definition: LicenceTypeDefinition, changes: Record) -> bool:
    """Is ``changes`` what the message says already?"""
    try:
        return revised_record(message, definition, changes) == record_in(message, definition)
    except (Malformed, Refused):
        return False
