"""制证签发: from a record to a sealed, registered licence, in five steps.

    issued = issuer.issue("teacher-certificate", record, officer=actor)

1. ``reserve``: a short transaction. Licence id, number, status index; the intent journalled. *Recorded before
   signing, so a crash leaves something that can be completed or voided.*
2. ``draw``: type and data → unsigned document. Pure.
3. ``seal``: 盖章, with time stamp.
4. ``check_output``: our own verifier, without the register's word (the licence is not current yet).
5. ``record``: the file is kept, then a second short transaction: licence, version, event, journal.

No transaction is open during 2-4. Step 1 finds what was reserved before for the same record and goes on with it,
and step 5 lets the first to finish win: so two who issue the same record at once get one licence, and after a
crash anybody may complete what was begun. ``issue_many`` takes the same steps, each for a whole chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from licence_store import forms as shapes
from licence_store import journal, recording, reserving
from licence_store.cabinet import SealCabinet
from licence_store.cases import take_apart
from licence_store.catalogue import Catalogue, CataloguedType, IssuingRight
from licence_store.collection.materials import believed
from licence_store.extras import PLAIN, IssueExtras
from licence_store.face import PreparedFace, draw_face, draw_pdf
from licence_store.files import FileStore
from licence_store.forms import SealedForms
from licence_store.inspection import first_due
from licence_store.recording import SealedLicence
from licence_store.reserving import Application, IssuedLicence, RegionFacts, Reservation
from seal.database import Sessions
from seal.message import DataMessage
from seal.ofd.unsigned import UnsignedOFD
from seal.pdf.document import UnsignedPDF
from seal.sealing import Placement, SealedFile, Sealer, SealingMaterial
from trust.algorithms import sm3
from trust.canonical import canonical_json
from trust.errors import Conflict, LicenceTrustError, Malformed, Unavailable
from trust.journal import Actor, Entry
from verify.report import Finding, Indication, Report, Severity
from verify.verifier import Verifier

BEIJING = timezone(timedelta(hours=8))
"""Days on a licence are days of this zone."""

Outcome = IssuedLicence | LicenceTrustError
Produced = tuple[Reservation, DataMessage, SealedForms, str] | Outcome
"""What was reserved, its message, the sealed files, and the SM3 of the seal object on them."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """签发: the collaborators of an issue, and the one verb."""

    sessions: Sessions
    catalogue: Catalogue
    files: FileStore
    facts: RegionFacts
    seals: SealCabinet
    """The seals in use, and their signers."""
    sealer: Sealer
    verifier: Callable[[], Verifier]
    """Our own verifier with fresh trust material and no ``StatusSource``."""
    clock: Callable[[], datetime]

    def issue(
        self,
        type_code: str,
        record: Mapping[str, object],
        *,
        officer: Actor,
        record_id: str | None = None,
        extras: IssueExtras = PLAIN,
    ) -> IssuedLicence:
        """签发 one licence; the same type and record again give the same licence, ``created`` false.

        ``type_code`` is the type's code, slug or name. Raises ``NotFound("type.unknown")``,
        ``Malformed("record.*")``, ``Refused("grant.*", "seal.*")``, ``Conflict("licence.number_in_use")``,
        ``Malformed("face.*")`` where a value cannot be drawn, and ``Unavailable`` where a key, the time stamp,
        the disk or the database is away: then the act may be repeated and goes on where it stopped.
        """
        [outcome] = self.issue_many(type_code, [_with_id(record, record_id)], officer, [extras])
        if isinstance(outcome, LicenceTrustError):
            raise outcome
        return outcome

    def issue_many(
        self,
        type_code: str,
        records: Sequence[Mapping[str, object]],
        officer: Actor,
        extras: Sequence[IssueExtras] | None = None,
    ) -> list[Outcome]:
        """签发 a chunk (some dozens) of one type: outcomes in the records' order; a bad one does not stop the rest.

        ``extras``, where given, has one for each record. Raises only what concerns them all: type, right, database.
        """
        applications = self.apply(type_code, records, officer, extras)
        reserved = self.reserve(applications)
        outcomes = self.finish(reserved)
        self._note_refusals(type_code, officer, applications, outcomes)
        return outcomes

    # The steps

    def apply(
        self,
        type_code: str,
        records: Sequence[Mapping[str, object]],
        officer: Actor,
        extras: Sequence[IssueExtras] | None = None,
    ) -> list[Application | LicenceTrustError]:
        """申请: check each record against the type, and the officer's right to issue it."""
        with self.sessions.read() as session:
            kind = self.catalogue.issued_in(session, type_code)
            right = self.catalogue.right(session, kind.definition.code, officer.department)
        today = self.clock().astimezone(BEIJING).date().isoformat()
        each = extras if extras is not None else [PLAIN] * len(records)
        return [
            make_application(kind, right, record, officer, today, one)
            for record, one in zip(records, each, strict=True)
        ]

    def reserve(self, applications: Sequence[Application | LicenceTrustError]) -> list[reserving.Answer]:
        """预留: the first short transaction."""
        sound = [a for a in applications if isinstance(a, Application)]
        if not sound:
            return [a for a in applications if isinstance(a, LicenceTrustError)]
        with self.sessions.begin() as session:
            answers = iter(reserving.reserve(session, sound, self.facts, self.clock()))
        return [a if isinstance(a, LicenceTrustError) else next(answers) for a in applications]

    def produce(self, reservation: Reservation) -> Produced:
        """Steps two to four: draw, seal, check. What can never succeed makes the reservation void."""
        try:
            message = reservation.message
            material = self.seals.material(reservation.seal_id)
            prepared = self.prepared(reservation)
            sealed = self.make(reservation.licence_id, prepared, message, material, self.forms(reservation))
        except Unavailable as error:
            if not isinstance(error, SelfCheckFailed) or not error.hopeless:
                return error  # stays reserved: a later attempt goes on from here
            self.void(reservation, error.code)
            return error
        except LicenceTrustError as error:
            self.void(reservation, error.code)
            return error
        return reservation, message, sealed, material.entry.digest.hex()

    def prepared(self, reservation: Reservation) -> PreparedFace:
        """The face of the type as it was when reserved."""
        definition = self.catalogue.version(reservation.type_code, reservation.type_version)
        return PreparedFace.of(definition, self.facts.demonstration)

    def forms(self, reservation: Reservation) -> tuple[str, ...]:
        """In which forms: as asked for, or as the file it follows has them."""
        lineage = reservation.message.lineage
        if lineage is None:
            return shapes.forms_of(reservation.forms)
        with self.sessions.read() as session:
            before = shapes.files_of(session, [lineage.predecessor_id]).get(lineage.predecessor_id, {})
        return tuple(form for form in shapes.FORMS if form in before) or shapes.forms_of(reservation.forms)

    def make(
        self,
        licence_id: str,
        prepared: PreparedFace,
        message: DataMessage,
        material: SealingMaterial,
        wanted: Sequence[str],
    ) -> SealedForms:
        """Draw, seal and check each form: nothing leaves that we would not accept."""
        made = []
        for form in wanted:
            sealed = self.seal(prepared, self.draw(prepared, message, form), material)
            self.check_output(licence_id, sealed)
            made.append((form, sealed))
        return SealedForms.of(made, shapes.BASIC if self.sealer.timestamper is None else shapes.STAMPED)

    def draw(self, prepared: PreparedFace, message: DataMessage, form: str = shapes.OFD) -> UnsignedOFD | UnsignedPDF:
        """照面成文."""
        paint = draw_pdf if form == shapes.PDF else draw_face
        return paint(prepared, message, self.verify_url(message.licence_id))

    def seal(
        self, prepared: PreparedFace, document: UnsignedOFD | UnsignedPDF, material: SealingMaterial
    ) -> SealedFile:
        """盖章 at the place the type's style gives."""
        place = Placement(*prepared.placement(material.seal.width, material.seal.height))
        return self.sealer.seal(document, material, [place])

    def check_output(self, licence_id: str, sealed: SealedFile) -> None:
        """自检: raises ``SelfCheckFailed``."""
        report = self.verifier().verify(sealed.data)
        if not _acceptable(report) or report.document.get("licence_id") != licence_id:
            raise SelfCheckFailed(report)
        sealed.remember_digest(bytes.fromhex(str(report.document["digest"])))

    def record(self, sealed: Sequence[Produced]) -> list[Outcome]:
        """登记: files first, flushed; then the second short transaction."""
        made = list({s[0].licence_id: s for s in sealed if isinstance(s, tuple)}.values())
        if not made:
            return [s for s in sealed if not isinstance(s, tuple)]
        self.files.put_many([(one.data, one.digest) for _, _, s, _ in made for one in s.all])
        entries = {one[0].licence_id: self._entered(one) for one in made}
        with self.sessions.begin() as session:
            now = self.clock()
            found = dict(zip(entries, recording.record(session, list(entries.values()), now), strict=True))
            for reservation, _, files, _ in made:
                if _is_ours(found[reservation.licence_id], files):
                    shapes.record(session, reservation.licence_id, files, now)
                    recording.note_uses(session, entries[reservation.licence_id], files.others, now)
        for reservation, _, files, _ in made:
            if not _is_ours(found[reservation.licence_id], files):
                for one in files.all:
                    self.files.discard(one.digest.hex())  # somebody else's is the licence
            outcome = found[reservation.licence_id]
            if isinstance(outcome, Conflict):
                self.void(reservation, outcome.code)  # what it was to follow has changed
        return [found[s[0].licence_id] if isinstance(s, tuple) else s for s in sealed]

    def _entered(self, made: tuple[Reservation, DataMessage, SealedForms, str]) -> SealedLicence:
        """What is to be recorded, with what the type says of its life."""
        reservation, message, sealed, seal = made
        definition = self.catalogue.version(reservation.type_code, reservation.type_version)
        return SealedLicence(
            reservation,
            message,
            sealed.digest.hex(),
            len(sealed.data),
            sealed.signed_at,
            seal,
            first_due(definition.inspection, message.metadata["issued_on"], sealed.signed_at),
            definition.renewal is None or definition.renewal.predecessor == "superseded",
        )

    # Beside the path

    def _produce_each(self, reserved: Sequence[reserving.Answer]) -> list[Produced]:
        """Steps two to four for what is reserved; a record that came twice is produced once."""
        made: dict[str, Produced] = {}
        self.look_at_seals(reserved)
        for one in reserved:
            if isinstance(one, Reservation) and one.licence_id not in made:
                made[one.licence_id] = self.produce(one)
        return [made[one.licence_id] if isinstance(one, Reservation) else one for one in reserved]

    def look_at_seals(self, reserved: Iterable[reserving.Answer]) -> None:
        """How do the seals stand that are needed now?"""
        needed = {one.seal_id for one in reserved if isinstance(one, Reservation)}
        if needed:
            self.seals.look(needed)

    def finish(self, reserved: Sequence[reserving.Answer]) -> list[Outcome]:
        """Steps two to five for a chunk."""
        return self.record(self._produce_each(reserved))

    def complete(self, reservation: Reservation) -> Outcome:
        """Finish what was reserved before: steps two to five."""
        self.look_at_seals([reservation])
        [outcome] = self.record([self.produce(reservation)])
        return outcome

    def void(self, reservation: Reservation, reason: str, actor: Actor | None = None) -> bool:
        """作废 a reservation that cannot become a licence; false if it was finished meanwhile."""
        with self.sessions.begin() as session:
            definition = self.catalogue.at(session, reservation.type_code, reservation.type_version)
            return reserving.void(
                session,
                reservation,
                keep_number=definition.number_rule.needs_sequence,
                reason=reason,
                actor=actor or reservation.actor,
                now=self.clock(),
            )

    def verify_url(self, licence_id: str) -> str:
        """What the QR code on the face says."""
        return f"{self.facts.base_url}/v/{licence_id}"

    def _note_refusals(
        self,
        type_code: str,
        officer: Actor,
        applications: Sequence[Application | LicenceTrustError],
        outcomes: Sequence[Outcome],
    ) -> None:
        """Journal what was asked for and not done; what was reserved has its own entries."""
        now, entries = self.clock(), []
        for application, outcome in zip(applications, outcomes, strict=True):
            if isinstance(outcome, LicenceTrustError):
                details = {"record": application.key} if isinstance(application, Application) else {}
                entries.append(Entry(now, officer, "licence.issue", type_code, result=outcome.code, details=details))
        if entries:
            with self.sessions.begin() as session:
                journal.append(session, entries)


class SelfCheckFailed(Unavailable):
    """自检未通过: our own output did not pass our own check; an operator must look."""

    def __init__(self, report: Report) -> None:
        self.hopeless = report.indication is not Indication.INDETERMINATE
        """No later attempt will do better (it is not a matter of stale lists or absent certificates)."""
        found = [f.code for f in _errors(report)]
        super().__init__(
            "issue.self_check",
            "签发的文件未通过自检（{indication}，{finding}），未予发出。",
            remedy="请联系系统管理员；该次签发未生效。",
            indication=str(report.indication),
            finding="、".join(found) or "—",
        )


def _is_ours(outcome: Outcome, sealed: SealedForms) -> bool:
    """Did this very file become the licence?"""
    return isinstance(outcome, IssuedLicence) and outcome.file_digest == sealed.digest.hex()


def _errors(report: Report) -> list[Finding]:
    every = [*report.findings, *(f for s in report.signatures for f in s.findings)]
    return [f for f in every if f.severity is Severity.ERROR]


def _acceptable(report: Report) -> bool:
    """Passed, or only not yet in force."""
    if report.indication is Indication.PASSED:
        return True
    errors = _errors(report)
    return bool(errors) and all(f.code == "licence.not_yet_valid" for f in errors)


def make_application(
    kind: CataloguedType,
    right: IssuingRight,
    record: Mapping[str, object],
    officer: Actor,
    today: str,
    extras: IssueExtras,
) -> Application | LicenceTrustError:
    """申请 checked against its type; what does not fit is answered, not raised."""
    try:
        record, extras = take_apart(record, extras)
        values = kind.definition.validate_record(record)
        key = _record_key(record, values)
        extras.check()
        vouched = believed(kind.definition.source, right.department_id, extras.credibility)
        extras = replace(extras, credibility=vouched)
        issued_on = extras.issued_on or today
        if issued_on > today:
            raise Malformed("record.issued_later", "颁证日期 {issued_on} 在今天之后。", issued_on=issued_on)
        _, valid_to = kind.definition.valid_period(values, issued_on)
        if valid_to and valid_to < today:
            raise Malformed("record.expired", "有效期至 {valid_to} 已届满，不能签发。", valid_to=valid_to)
    except LicenceTrustError as error:
        return error
    return Application(kind, right, values, key, issued_on, officer, extras)


def _with_id(record: Mapping[str, object], record_id: str | None) -> Mapping[str, object]:
    return record if record_id is None else {**record, "record_id": record_id}


def _record_key(record: Mapping[str, object], values: Mapping[str, str]) -> str:
    """What makes two applications the same: the sender's ``record_id``, or else all that is in the record."""
    given = record.get("record_id")
    if given is None or given == "":
        return "sm3:" + sm3(canonical_json(dict(values))).hex()
    if not isinstance(given, str) or len(given) > 200 or not given.isprintable():
        raise Malformed("record.record_id", "record_id 应为不超过200个可见字符的文本。")
    plain = f"id:{given}"
    return plain if len(plain) <= 70 and plain.isascii() else "id-sm3:" + sm3(given.encode()).hex()
