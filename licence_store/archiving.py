"""长期保存: PDF licences get fresh revocation data and a time stamp over everything, and a new one before it ends.

    archiver.extend("1.2.156…001.X", actor)          # B-T → B-LTA, or one more document time stamp
    archiver.due(limit=100)                          # whose turn it is

Evidence is added some time after sealing (``SETTLED``), when lists exist that were made after the seal was put on.
Each state of a file is a row of its own; the file before stays what it was, and the new one begins with all its
octets. What a file of others brings beside our signatures is kept as it is; nothing of it is judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_, select

from keys.signer import Timestamper
from licence_store import forms, journal
from licence_store.files.store import FileStore
from licence_store.forms import BASIC, LASTING, PDF, STAMPED, LicenceFile, SealedForms
from licence_store.models import Licence, LicenceVersion
from seal.database import Sessions
from seal.models import table
from seal.pdf.archive import Evidence, add_evidence, certificates_of, last_stamp_ends, stamp_document
from trust.anchors import TrustStore
from trust.certificates import Certificate
from trust.errors import Conflict, LicenceTrustError, NotFound, Unavailable
from trust.journal import Actor, Entry
from trust.path import issuers_of
from trust.revocation import crl_signed_by
from trust.sources import RevocationSources
from verify.report import Indication, Severity
from verify.verifier import Verifier

SETTLED: Final = timedelta(days=1)
"""So long after sealing evidence is gathered: by then the lists are newer than the seal."""
AHEAD: Final = timedelta(days=180)
"""So long before the certificate of the last time stamp ends the next one is set."""
_FILES, _VERSIONS, _LICENCES = table(LicenceFile), table(LicenceVersion), table(Licence)


@dataclass(frozen=True, slots=True)
class Extended:
    """One licence whose file was extended, or why not."""

    licence_id: str
    digest: str = ""
    renew_by: datetime | None = None
    error: LicenceTrustError | None = None


@dataclass(frozen=True, slots=True)
class Archiver:
    """长期保存: the collaborators."""

    sessions: Sessions
    files: FileStore
    timestamper: Timestamper
    trust: Callable[[], TrustStore]
    verifier: Callable[[], Verifier]
    """Our own verifier with fresh trust material and no register."""
    clock: Callable[[], datetime]
    sources: RevocationSources | None = None
    """Where certificates of others are asked about."""

    def extend(self, licence_id: str, actor: Actor) -> Extended:
        """Evidence and one more document time stamp for the PDF of ``licence_id``.

        Raises ``NotFound("licence.form_absent")``, ``Unavailable`` where a time stamp, the disk or the database is
        away, ``Unavailable("archive.self_check")`` where the result would not pass.
        """
        number, data = self._newest(licence_id)
        longer = stamp_document(add_evidence(data, self.evidence(data)), self.timestamper)
        self._check(longer)
        ends = last_stamp_ends(longer)
        made = SealedForms(longer, self.clock(), PDF, LASTING)
        self.files.put(longer, made.digest)
        now, digest = self.clock(), made.digest.hex()
        with self.sessions.begin() as session:
            newest = select(func.max(_FILES.c.number)).where(*_pdf_of(licence_id))
            if session.execute(newest).scalar() != number:
                raise Conflict("archive.meanwhile", "证照 {licence_id} 的文件刚被别处延长。", licence_id=licence_id)
            forms.add(session, forms.row(licence_id, made, number + 1, now, renew_by=ends))
            details = {"file": digest, "level": LASTING, "renew_by": ends.isoformat() if ends else ""}
            journal.append(session, [Entry(now, actor, "licence.archive", licence_id, details=details)])
        return Extended(licence_id, digest, ends)

    def extend_due(self, actor: Actor, *, limit: int = 1000) -> Iterator[Extended]:
        """``extend`` for all whose turn it is; one that fails does not stop the rest."""
        return self.extend_each(self.due(limit=limit), actor)

    def extend_each(self, licence_ids: Iterable[str], actor: Actor) -> Iterator[Extended]:
        """``extend`` for each of these."""
        for licence_id in licence_ids:
            try:
                yield self.extend(licence_id, actor)
            except LicenceTrustError as error:
                yield Extended(licence_id, error=error)

    def due(self, *, limit: int = 1000) -> list[str]:
        """Newest versions whose PDF waits for evidence, or whose last time stamp ends before long; oldest first."""
        now = self.clock()
        newest = (
            select(_FILES.c.licence_id, func.max(_FILES.c.number).label("number"))
            .where(_FILES.c.form == PDF)
            .group_by(_FILES.c.licence_id)
            .subquery()
        )
        fresh = and_(_FILES.c.level.in_((BASIC, STAMPED)), _FILES.c.recorded <= now - SETTLED)
        ending = and_(_FILES.c.level == LASTING, _FILES.c.renew_by <= now + AHEAD)
        query = (
            select(_FILES.c.licence_id)
            .join(newest, and_(newest.c.licence_id == _FILES.c.licence_id, newest.c.number == _FILES.c.number))
            .join(_VERSIONS, _VERSIONS.c.licence_id == _FILES.c.licence_id)
            .join(_LICENCES, and_(_LICENCES.c.base == _VERSIONS.c.base, _LICENCES.c.version == _VERSIONS.c.version))
            .where(_FILES.c.form == PDF, or_(fresh, ending))
            .order_by(_FILES.c.recorded, _FILES.c.licence_id)
            .limit(limit)
        )
        with self.sessions.read() as session:
            return list(session.execute(query).scalars())

    def evidence(self, data: bytes) -> Evidence:
        """验证材料 for every certificate the file brings: those above it, the lists and answers about them."""
        store = self.trust()
        brought = certificates_of(data)
        if self.sources is not None:
            store = self.sources.current(store, brought)
        return gather(brought, store)

    def _newest(self, licence_id: str) -> tuple[int, bytes]:
        query = select(_FILES.c.number, _FILES.c.digest).where(*_pdf_of(licence_id))
        with self.sessions.read() as session:
            row = session.execute(query.order_by(_FILES.c.number.desc()).limit(1)).first()
        if row is None:
            raise NotFound(
                "licence.form_absent",
                "证照 {licence_id} 没有 {form} 格式的文件。",
                remedy="可由颁证单位补制该格式的文件。",
                licence_id=licence_id[:160],
                form="PDF",
            )
        return row.number, self.files.get(row.digest)

    def _check(self, data: bytes) -> None:
        """自检: what we extend goes on passing."""
        report = self.verifier().verify(data)
        every = (*report.findings, *(f for s in report.signatures for f in s.findings))
        errors = {f.code for f in every if f.severity is Severity.ERROR}
        broken = {code for code in errors if not code.startswith("licence.")}  # what has ended is kept as well
        if report.indication is not Indication.PASSED and (broken or not errors):
            raise Unavailable(
                "archive.self_check",
                "延长后的文件未通过自检（{indication}，{finding}），未予采用。",
                remedy="请联系系统管理员；原文件未受影响。",
                indication=str(report.indication),
                finding="、".join(sorted(errors)) or "—",
            )


def _pdf_of(licence_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _FILES.c.licence_id == licence_id, _FILES.c.form == PDF


def gather(certificates: Iterable[Certificate], store: TrustStore) -> Evidence:
    """What ``store`` knows of ``certificates``: issuers up to the anchors, their lists, answers about each."""
    known: dict[bytes, Certificate] = {}
    crls: dict[bytes, bytes] = {}
    answers: dict[bytes, bytes] = {}
    waiting = list(certificates)
    while waiting:
        one = waiting.pop()
        if one.digest in known:
            continue
        known[one.digest] = one
        issuers = issuers_of(one, store)
        waiting += issuers
        for issuer in issuers:
            named = [c for c in store.crls if c.issuer_name_der == issuer.subject_name_der]
            crls |= {crl.digest: crl.der for crl in named if crl_signed_by(issuer, crl)}
            said = [answer for answer in store.ocsp if answer.about(one, issuer) is not None]
            answers |= {answer.digest: answer.der for answer in said}
            waiting += [certificate for answer in said for certificate in answer.certificates]
    return Evidence(tuple(c.der for c in known.values()), tuple(crls.values()), tuple(answers.values()))
