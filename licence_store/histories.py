"""证照的过去: licences, holders' lists and whole histories as of a moment, each in one or two queries.

Two times are kept apart: when something happened (``moment``) and when it was written down (``known_at``). What was
not recorded by ``known_at`` was not known then, and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from licence_store import events
from licence_store.extras import PaperCopy
from licence_store.files import FileStore
from licence_store.models import Department, Licence, LicenceType, LicenceVersion, Seal
from licence_store.standing import state_at, version_at
from licence_store.views import (
    EventView,
    LicenceHistory,
    LicenceSummary,
    LicenceView,
    LineageLink,
    LineageProof,
    VersionView,
)
from seal.message import DataMessage, parse_message
from seal.provenance import SAME_LICENCE
from trust.algorithms import sm3
from trust.errors import LicenceTrustError, NotFound
from trust.identifiers import LicenceId

_MOST = 10_000
"""Versions looked at for one holder's list."""
_LONGEST_CHAIN = 100
"""Renewals followed back."""


def view_query() -> Select[*tuple[Any, ...]]:
    """Versions with all that a summary or a view needs."""
    return (
        select(
            LicenceVersion.licence_id,
            LicenceVersion.base,
            LicenceVersion.version,
            LicenceVersion.type_version,
            LicenceVersion.file_digest,
            LicenceVersion.file_size,
            LicenceVersion.message,
            LicenceVersion.seal_id,
            LicenceVersion.sealed,
            LicenceVersion.recorded,
            LicenceVersion.paper,
            LicenceVersion.issued_on,
            LicenceVersion.valid_from,
            LicenceVersion.valid_to,
            Licence.version.label("newest"),
            Licence.number,
            Licence.type_code,
            Licence.department_id,
            Licence.holder_name,
            Licence.holder_code,
            Licence.holder_code_type,
            Licence.issued,
            Licence.predecessor,
            Licence.successor,
            LicenceType.name.label("type_name"),
            Department.name.label("issuer_name"),
            Seal.name.label("seal_name"),
        )
        .join(Licence, Licence.base == LicenceVersion.base)
        .join(LicenceType, LicenceType.code == Licence.type_code)
        .join(Department, Department.id == Licence.department_id)
        .join(Seal, Seal.id == LicenceVersion.seal_id)
    )


def find(session: Session, asked: LicenceId, moment: datetime, known_at: datetime | None) -> LicenceView:
    """The licence as of ``moment``; raises ``NotFound("licence.unknown")``."""
    happened = _known(events.of_licence(session, asked.base), known_at)
    newest = version_at(happened, moment)
    query = view_query().where(LicenceVersion.base == asked.base, LicenceVersion.version == newest)
    row = session.execute(query).one_or_none()
    if row is None or asked.version > row.newest:
        raise _unknown(asked)
    return _view(session, row, asked, happened, moment)


def history(session: Session, asked: LicenceId, moment: datetime, known_at: datetime | None) -> LicenceHistory:
    """The whole of it up to ``moment``; raises ``NotFound("licence.unknown")``."""
    happened = [e for e in _known(events.of_licence(session, asked.base), known_at) if e.effective <= moment]
    newest = version_at(happened, moment)
    query = view_query().where(LicenceVersion.base == asked.base, LicenceVersion.version <= newest)
    rows = session.execute(query.order_by(LicenceVersion.version)).all()
    if not rows or asked.version > rows[-1].newest:
        raise _unknown(asked)
    versions = tuple(_version(row, happened) for row in rows)
    return LicenceHistory(
        _view(session, rows[-1], asked, happened, moment),
        versions,
        tuple(EventView.of(event) for event in happened),
        _names_predecessors(versions),
    )


def holdings(
    session: Session,
    holder_code: str,
    code_type: str | None,
    moment: datetime,
    known_at: datetime | None,
    departments: Sequence[str] | None,
    types: Sequence[str] | None,
) -> tuple[LicenceSummary, ...]:
    """A holder's licences as of ``moment``, newest first; ``code_type``: of numbers of this kind only."""
    query = view_query().where(Licence.holder_code == holder_code)
    if code_type is not None:
        query = query.where(Licence.holder_code_type == code_type)
    for column, allowed in ((Licence.department_id, departments), (Licence.type_code, types)):
        if allowed is not None:
            query = query.where(column.in_(allowed))
    order = (Licence.issued.desc(), Licence.base.desc(), LicenceVersion.version)
    rows = session.execute(query.order_by(*order).limit(_MOST)).all()
    happened = events.of_licences(session, list({row.base for row in rows}))
    known = {base: _known(of_one, known_at) for base, of_one in happened.items()}
    newest = {base: version_at(of_one, moment) for base, of_one in known.items()}
    return tuple(summary(row, known[row.base], moment) for row in rows if row.version == newest[row.base])


def lineage(session: Session, asked: LicenceId, files: FileStore) -> LineageProof:
    """Every version's file, digested anew, against what the next one says of it; renewed licences come first."""
    chain: list[Row[Any]] = []
    base = asked.base
    for _ in range(_LONGEST_CHAIN):
        query = view_query().where(LicenceVersion.base == base).order_by(LicenceVersion.version)
        rows = list(session.execute(query))
        if not rows or (base == asked.base and asked.version > rows[-1].newest):
            break
        chain = rows + chain
        base = rows[0].predecessor
        if not base:
            break
    if not chain:
        raise _unknown(asked)
    return LineageProof(tuple(_links(chain, files)))


def summary(row: Row[Any], happened: Sequence[Any], moment: datetime, holder_name: str = "") -> LicenceSummary:
    """A row of ``view_query`` as a list shows it."""
    state, since = state_at(row.version, row.valid_to, happened, moment)
    if not holder_name:
        current = row.version == row.newest
        holder_name = row.holder_name if current else parse_message(row.message).metadata["holder_name"]
    return LicenceSummary(
        licence_id=row.licence_id,
        base=row.base,
        version=row.version,
        licence_number=row.number,
        type_code=row.type_code,
        type_name=row.type_name,
        department_id=row.department_id,
        issuer_name=row.issuer_name,
        holder_name=holder_name,
        holder_code=row.holder_code,
        holder_code_type=row.holder_code_type,
        state=state,
        since=since,
        issued=row.issued,
        issued_on=row.issued_on,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


def _known(happened: Sequence[Row[Any]], known_at: datetime | None) -> list[Row[Any]]:
    return [event for event in happened if known_at is None or event.recorded <= known_at]


def _view(
    session: Session, row: Row[Any], asked: LicenceId, happened: Sequence[Row[Any]], moment: datetime
) -> LicenceView:
    message = parse_message(row.message)
    renewed = any(event.kind == "renew" and event.effective <= moment for event in happened)
    others = _newest_ids(session, {row.predecessor, row.successor if renewed else ""} - {""})
    return LicenceView(
        summary(row, happened, moment, message.metadata["holder_name"]),
        message,
        row.type_version,
        row.file_digest,
        row.file_size,
        row.seal_id,
        row.seal_name,
        row.sealed,
        asked.text,
        others.get(row.predecessor, ""),
        others.get(row.successor, ""),
    )


def _newest_ids(session: Session, bases: set[str]) -> dict[str, str]:
    """Licence ids of the newest versions of these."""
    if not bases:
        return {}
    newest = (LicenceVersion.base == Licence.base) & (LicenceVersion.version == Licence.version)
    query = select(Licence.base, LicenceVersion.licence_id).join(LicenceVersion, newest).where(Licence.base.in_(bases))
    return {base: licence_id for base, licence_id in session.execute(query)}  # noqa: C416  a row is not a pair to mypy


def _version(row: Row[Any], happened: Sequence[Row[Any]]) -> VersionView:
    made = next((event for event in happened if event.version == row.version), None)
    return VersionView(
        row.licence_id,
        row.version,
        made.kind if made is not None else "",
        made.reason if made is not None else "",
        row.issued_on,
        row.valid_from,
        row.valid_to,
        row.file_digest,
        row.file_size,
        row.seal_id,
        row.sealed,
        row.recorded,
        parse_message(row.message),
        PaperCopy.from_text(row.paper),
    )


def _names_predecessors(versions: Sequence[VersionView]) -> bool:
    """Does every version that names the one before name the file registered for it?"""
    pairs = zip(versions, versions[1:], strict=False)
    return all(
        new.lineage is None
        or (new.lineage.predecessor_id, new.lineage.predecessor_digest) == (old.licence_id, old.file_digest)
        for old, new in pairs
    )


def _links(chain: Sequence[Row[Any]], files: FileStore) -> list[LineageLink]:
    links: list[LineageLink] = []
    for row in chain:
        message = parse_message(row.message)
        recomputed = _recomputed(files, row.file_digest)
        problem = "" if recomputed == row.file_digest else "file"
        links.append(
            LineageLink(
                row.licence_id, row.version, row.file_digest, recomputed, message.lineage,
                problem or _problem(links, message),
            )
        )  # fmt: skip
    return links


def _problem(before: Sequence[LineageLink], message: DataMessage) -> str:
    """What is wrong with what ``message`` says it follows, after these."""
    lineage = message.lineage
    if lineage is None:
        return "unstated" if before else ""
    if lineage.kind == "transfer" and not before:
        return ""  # its predecessor lies in another region
    candidates = before[-1:] if lineage.kind in SAME_LICENCE else before
    named = (lineage.predecessor_id, lineage.predecessor_digest)
    return (
        ""
        if named in [(link.licence_id, link.recomputed or link.file_digest) for link in candidates]
        else "predecessor"
    )


def _recomputed(files: FileStore, digest: str) -> str:
    """SM3 of the file as it lies there; empty where it cannot be had."""
    try:
        return sm3(files.get(digest)).hex()
    except LicenceTrustError:
        return ""


def _unknown(asked: LicenceId) -> NotFound:
    return NotFound("licence.unknown", "登记簿中没有证照 {licence_id}。", licence_id=asked.text)
