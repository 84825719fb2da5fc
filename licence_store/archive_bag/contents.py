"""归档内容 (R091): what belongs to a case: licences, uploads, their evidence, who did what when.

Files are made one after the other when they are asked for, so that a case of gigabytes needs the memory of one file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from licence_store.case_models import LicenceCase
from licence_store.forms import LicenceFile
from licence_store.models import JournalEntry, Licence, LicenceVersion
from trust.errors import LicenceTrustError, NotFound
from trust.identifiers import parse_licence_id
from trust.signed import write_moment

if TYPE_CHECKING:
    from licence_store.desk import Desk
    from licence_store.materials.views import CaseLine
    from seal.lifecycle import Official

_MOST_ENTRIES: Final = 10_000
_OFD_HEAD: Final = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class CaseContents:
    """办件: what is archived of it."""

    number: str
    service_item: str
    licences: tuple[str, ...]
    """Licence ids of every version that came from the case or was used for it."""
    lines: tuple[CaseLine, ...]
    """What was received."""

    @property
    def materials(self) -> tuple[str, ...]:
        """Ids of materials received, each once."""
        return tuple(dict.fromkeys(one.subject for one in self.lines if one.subject.startswith("m-")))


def find_case(desk: Desk, number: str, official: Official) -> CaseContents:
    """What this official may archive of the case: their department's. Raises ``NotFound("bag.case_unknown")``."""
    number = number.strip()[:200]
    department = official.actor.department or ""
    query = (
        select(LicenceCase.licence_id, LicenceCase.service_item)
        .join(Licence, Licence.base == LicenceCase.base)
        .where(LicenceCase.number == number).order_by(LicenceCase.licence_id)
    )  # fmt: skip
    if department:
        query = query.where(Licence.department_id == department)
    with desk.sessions.read() as session:
        made = session.execute(query).all()
    lines = desk.materials.of_case(number, official)
    used = [one.subject for one in lines if one.subject and not one.subject.startswith("m-")]
    items = [row.service_item for row in made] + [one.service_item for one in lines]
    if not made and not lines:
        raise NotFound("bag.case_unknown", "没有编号为“{number}”的办件，或不属于您的部门。", number=number[:80])
    versions = dict.fromkeys([*(row.licence_id for row in made), *_versions(desk, used)])
    return CaseContents(number, next((one for one in items if one), ""), tuple(versions), lines)


def _versions(desk: Desk, bases: Sequence[str]) -> list[str]:
    """The newest version of each licence that was used for the case."""
    if not bases:
        return []
    names = {parse_licence_id(one).base for one in bases}
    query = select(LicenceVersion.licence_id).where(LicenceVersion.base.in_(names))
    with desk.sessions.read() as session:
        found = session.execute(query.order_by(LicenceVersion.licence_id)).scalars().all()
    newest = {parse_licence_id(one).base: one for one in found}
    return list(newest.values())


def payload(desk: Desk, case: CaseContents, made: datetime) -> Iterator[tuple[str, bytes]]:
    """Path and content of every payload file."""
    missing: list[dict[str, str]] = []
    yield "data/case.json", _json(_described(desk, case, made))
    for licence_id in case.licences:
        yield from _licence(desk, licence_id, missing)
    for material_id in case.materials:
        yield from _material(desk, material_id, missing)
    yield from _evidence(desk, case)
    yield "data/journal.jsonl", _journal(desk, case)
    yield "data/missing.json", _json(missing)


def _described(desk: Desk, case: CaseContents, made: datetime) -> dict[str, object]:
    return {
        "number": case.number,
        "service_item": case.service_item,
        "region": desk.region.code,
        "made": write_moment(made),
        "licences": list(case.licences),
        "received": [_plain(one) for one in case.lines],
    }


def _licence(desk: Desk, licence_id: str, missing: list[dict[str, str]]) -> Iterator[tuple[str, bytes]]:
    """Every form of a version as issued, what the verifier says of it now, and the events of the licence."""
    folder = f"data/licences/{licence_id}"
    for form, digest in _files(desk, licence_id):
        data = _fetched(desk.files.get, digest, f"{folder}/licence.{form}", missing)
        if data is not None:
            yield f"{folder}/licence.{form}", data
            yield f"{folder}/report-{form}.json", _json(desk.verifier().verify(data).to_json())
    yield f"{folder}/events.json", _json([_plain(one) for one in desk.register.events(licence_id)])


def _files(desk: Desk, licence_id: str) -> list[tuple[str, str]]:
    """``(form, digest)``: the newest file of each form of a version."""
    first = select(LicenceVersion.file_digest).where(LicenceVersion.licence_id == licence_id)
    further = select(LicenceFile.form, LicenceFile.digest).where(LicenceFile.licence_id == licence_id)
    with desk.sessions.read() as session:
        digest = session.execute(first).scalar()
        others = session.execute(further.order_by(LicenceFile.number)).all()
    found = {row.form: row.digest for row in others}
    if digest is not None and digest not in found.values():
        found.setdefault(_form_of(desk, digest), digest)
    return sorted(found.items())


def _form_of(desk: Desk, digest: str) -> str:
    try:
        return "ofd" if desk.files.get(digest).startswith(_OFD_HEAD) else "pdf"
    except LicenceTrustError:
        return "ofd"


def _material(desk: Desk, material_id: str, missing: list[dict[str, str]]) -> Iterator[tuple[str, bytes]]:
    """The upload in clear, what its checks said, and the history that proves its level."""
    from licence_store.materials import provenance

    folder = f"data/materials/{material_id}"
    view = desk.materials.find(material_id)
    facts: dict[str, object] = {
        "id": view.id, "title": view.title, "kind": view.kind.code, "level": view.level, "state": view.state,
        "digest": view.digest, "media_type": view.media_type, "size": view.size, "created": write_moment(view.created),
    }  # fmt: skip
    try:
        upload = desk.uploads.view(view.upload_id)
        facts["upload"] = upload.to_json()
        suffix = upload.suffix
    except NotFound:
        suffix = ""
    data = _fetched(desk.uploads.open, view.upload_id, f"{folder}/file{suffix}", missing)
    if data is not None:
        yield f"{folder}/file{suffix}", data
    yield f"{folder}/material.json", _json(facts)
    yield f"{folder}/provenance.json", provenance.build(desk.materials, view).export()


def _fetched(get: Any, name: str, path: str, missing: list[dict[str, str]]) -> bytes | None:
    """The file; what is not there any more is said, and stops nothing."""
    try:
        data: bytes = get(name)
    except NotFound as error:
        missing.append({"path": path, "reason": error.code})
        return None
    return data


def _evidence(desk: Desk, case: CaseContents) -> Iterator[tuple[str, bytes]]:
    """Whom we believed then, and how things stood: all a verifier without us needs."""
    yield "data/evidence/trust-bundle.json", desk.region.bundle(desk.clock())
    yield "data/evidence/seal-status.json", desk.seal_status.publish()
    query = select(LicenceVersion.status_list).where(LicenceVersion.licence_id.in_(case.licences)).distinct()
    with desk.sessions.read() as session:
        lists = [one for one in session.execute(query).scalars() if one]
    for one in sorted(lists):
        yield f"data/evidence/status-list-{one}.json", desk.status_lists.publish(one)


def _journal(desk: Desk, case: CaseContents) -> bytes:
    """过程: what the journal holds about these licences and materials, one line each."""
    uploads = [desk.materials.find(one).upload_id for one in case.materials]
    subjects = [*case.licences, *case.materials, *uploads]
    query = (
        select(JournalEntry).where(JournalEntry.subject.in_(subjects)).order_by(JournalEntry.seq).limit(_MOST_ENTRIES)
    )
    with desk.sessions.read() as session:
        rows = session.execute(query).scalars().all()
        lines = [
            {
                "seq": one.seq, "at": write_moment(one.at), "actor": one.actor, "department": one.department,
                "action": one.action, "subject": one.subject, "reason": one.reason, "result": one.result,
                "details": json.loads(one.details), "previous": one.previous, "digest": one.digest,
            }
            for one in rows
        ]  # fmt: skip
    return "".join(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n" for line in lines).encode()


def _plain(one: Any) -> dict[str, object]:
    """A dataclass as JSON has it: moments as text, all else as it is."""
    names = [field.name for field in fields(one)]
    values = {name: getattr(one, name) for name in names}
    return {name: write_moment(v) if isinstance(v, datetime) else v for name, v in values.items()}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=str).encode() + b"\n"
