"""补制其他格式: a licence that is in the register gets the form it lacks, under the same seal, from the same message.

    digest = FurtherForms(issuer).ensure("1.2.156…001.X", "pdf", officer)

The version stays the version: same data message, same face; only the file and its signing time are new. What has
ended gets no further form, and an older version neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from licence_store import forms, journal
from licence_store.face import PreparedFace
from licence_store.forms import SealedForms
from licence_store.issuance import Issuer
from licence_store.models import Licence, LicenceVersion
from licence_store.reserving import role_of
from seal import using
from seal.message import parse_message
from seal.using import Use, Wish, admit
from trust.errors import Conflict, LicenceTrustError, NotFound, Refused
from trust.journal import Actor, Entry


@dataclass(frozen=True, slots=True)
class FurtherForms:
    """补制."""

    issuer: Issuer

    def ensure(self, licence_id: str, form: str, officer: Actor) -> str:
        """SM3 (hex) of the file of that form, made now if there is none; the same again for the same question.

        Raises ``NotFound("licence.unknown")``, ``Conflict("licence.not_newest")``, ``Refused`` (``seal.*``,
        ``licence.other_department``), ``Unavailable`` where key, time stamp, disk or database is away.
        """
        row, held = self._look(licence_id)
        if form in held:
            return held[form]
        if officer.department is not None and row.department_id != officer.department:
            raise Refused(
                "licence.other_department", "证照 {licence_id} 由其他单位颁发，不能补制。", licence_id=licence_id
            )
        if row.newest != row.version:
            raise Conflict(
                "licence.not_newest", "证照 {licence_id} 已有新版本，不再补制旧版本的文件。", licence_id=licence_id
            )
        return self._make(row, form, officer)

    def ensure_all(
        self, licence_ids: Sequence[str], wanted: Sequence[str], officer: Actor
    ) -> dict[str, Mapping[str, str] | LicenceTrustError]:
        """``ensure`` for each licence and form: its files by form, or why one could not be made."""
        with self.issuer.sessions.read() as session:
            held = forms.files_of(session, licence_ids)
        return {one: self._completed(one, held.get(one, {}), wanted, officer) for one in licence_ids}

    def _completed(
        self, licence_id: str, held: Mapping[str, str], wanted: Sequence[str], officer: Actor
    ) -> Mapping[str, str] | LicenceTrustError:
        try:
            made = {form: self.ensure(licence_id, form, officer) for form in wanted if form not in held}
        except LicenceTrustError as error:
            return error
        return {**held, **made}

    def _look(self, licence_id: str) -> tuple[Row[Any], dict[str, str]]:
        query = (
            select(
                LicenceVersion.licence_id,
                LicenceVersion.version,
                LicenceVersion.type_code,
                LicenceVersion.type_version,
                LicenceVersion.message,
                Licence.version.label("newest"),
                Licence.department_id,
            )
            .join(Licence, Licence.base == LicenceVersion.base)
            .where(LicenceVersion.licence_id == licence_id)
        )
        with self.issuer.sessions.read() as session:
            row: Row[Any] | None = session.execute(query).one_or_none()  # type: ignore[assignment]
            if row is None:
                raise NotFound("licence.unknown", "登记簿中没有证照 {licence_id}。", licence_id=licence_id[:160])
            return row, forms.files_of(session, [licence_id])[licence_id]

    def _make(self, row: Row[Any], form: str, officer: Actor) -> str:
        issuer, message = self.issuer, parse_message(row.message)
        seal_id = message.seals[0].id
        with issuer.sessions.begin() as session:
            room = admit(
                session, Wish(seal_id, officer, role_of(session, officer.account), row.type_code, 1), issuer.clock()
            )
        if room.refusal is not None:
            raise room.refusal
        issuer.seals.look([seal_id])
        material = issuer.seals.material(seal_id)
        definition = issuer.catalogue.version(row.type_code, row.type_version)
        prepared = PreparedFace.of(definition, issuer.facts.demonstration)
        sealed = issuer.make(row.licence_id, prepared, message, material, [form])
        issuer.files.put(sealed.data, sealed.digest)
        return self._record(row, seal_id, material.entry.digest.hex(), sealed, officer)

    def _record(self, row: Row[Any], seal_id: str, seal_object: str, sealed: SealedForms, officer: Actor) -> str:
        now, digest = self.issuer.clock(), sealed.digest.hex()
        use = Use(
            seal_id=seal_id,
            object_digest=seal_object,
            document=digest,
            subject=row.licence_id,
            type_code=row.type_code,
            officer=officer.account[:100],
            department=row.department_id,
            used=sealed.signed_at,
            recorded=now,
        )
        details = {"file": digest, "form": sealed.form, "seal": seal_id}
        with self.issuer.sessions.begin() as session:
            for refusal in using.changed(session, [(seal_id, seal_object)]).values():
                raise refusal
            held = forms.files_of(session, [row.licence_id])[row.licence_id]
            if sealed.form in held:  # somebody else was quicker
                return held[sealed.form]
            forms.add(session, forms.row(row.licence_id, sealed, 1, now))
            using.write(session, [use])
            journal.append(session, [Entry(now, officer, "licence.form", row.licence_id, details=details)])
        return digest
