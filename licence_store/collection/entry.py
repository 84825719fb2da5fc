"""证照录入: from scans to sealed licences, a person's eye on every field (modes 1 to 3; R024 to R026).

    [sheet] = entry.receive("scan", "teacher-certificate", [check_scan(data, name)], actor)
    sheet = entry.complete(sheet.id, Filled(values, confirmed, Comparison("archive", "卷12")), actor)
    sheet = entry.approve(sheet.id, second)        # only where the type asks for a second person
    sheet.licence_id

A sheet goes ``open`` → (``checking``) → ``sealing`` → ``issued``, or is ``discarded``. Sealing is the issuer's act with
the sheet's id as record id: done again after a crash, it gives the same licence. Where a licence with this number and
holder is there already, the sheet makes its next version. Once closed, a sheet keeps who and when, and nothing else.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from licence_store import journal
from licence_store.cases import take_apart
from licence_store.catalogue import Catalogue
from licence_store.collection.entry_models import EntrySheet, Evidence, LicenceOrigin
from licence_store.collection.materials import UNCOMPARED, Comparison, EntryRule, find_mode, judge, said_of
from licence_store.collection.ocr import Recogniser, suggest
from licence_store.collection.scans import Scan
from licence_store.collection.sheets import (
    CHECKING,
    DISCARDED,
    ISSUED,
    OPEN,
    SEALING,
    STATES,
    SheetContent,
    SheetView,
    find_sheet,
)
from licence_store.extras import IssueExtras
from licence_store.files import FileStore
from licence_store.issuance import Issuer
from licence_store.models import Licence, LicenceVersion
from licence_store.reserving import IssuedLicence
from seal.database import Sessions
from seal.message import parse_message
from trust.errors import Conflict, LicenceTrustError, Malformed, NotFound, Refused, Unavailable, Word, Words
from trust.identifiers import parse_licence_id
from trust.journal import Actor, Entry

if TYPE_CHECKING:
    from licence_store.definitions import LicenceTypeDefinition
    from licence_store.desk import Desk

MOST_AT_ONCE = 500
"""Scans of one upload."""

Revise = Callable[[str, Mapping[str, str], Actor, IssueExtras], IssuedLicence]
"""变更: the next version of a licence that is there (licence id, whole record, who, extras)."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What a person has filled in beside the scan."""

    values: Mapping[str, str]
    confirmed: frozenset[str] = frozenset()
    comparison: Comparison = UNCOMPARED
    reserved: Mapping[str, str] = field(default_factory=dict)
    """``case.number`` …, ``paper.number``."""
    number: str = ""
    issued_on: str = ""


@dataclass(frozen=True)
class EntryDesk:
    """录入台: the collaborators, and the steps of a sheet."""

    sessions: Sessions
    files: FileStore
    catalogue: Catalogue
    issuer: Callable[[], Issuer]
    """Asked for only where something is sealed: it opens keys."""
    revise: Revise
    recognisers: Sequence[Recogniser]
    clock: Callable[[], datetime]

    # Questions

    def sheet(self, sheet_id: str, actor: Actor) -> SheetView:
        """A sheet of the actor's own department; another's is unknown. Raises ``NotFound("entry.unknown")``."""
        with self.sessions.read() as session:
            return _own(find_sheet(session, sheet_id), actor)

    def scan(self, sheet: SheetView) -> Scan:
        """The scan as it was taken in."""
        data = self.files.get(sheet.scan_digest)
        return Scan(sheet.scan_media, sheet.scan_name, data, sheet.scan_pages, sheet.scan_digest)

    def definition(self, sheet: SheetView) -> LicenceTypeDefinition:
        """The type as it is now."""
        return self.catalogue.get(sheet.type_code)

    # Steps

    def receive(
        self,
        mode: str,
        type_name: str,
        scans: Sequence[Scan],
        actor: Actor,
        reserved: Mapping[str, str] | None = None,
    ) -> tuple[SheetView, ...]:
        """收件: one open sheet for each scan, with what the file itself says as suggestions.

        ``reserved`` are the case and the like, where they are known already. Raises ``Malformed("entry.*")``,
        ``NotFound("type.unknown")``, ``Refused("grant.*")``.
        """
        find_mode(mode)
        if not 1 <= len(scans) <= MOST_AT_ONCE:
            raise Malformed("entry.count", "一次应上传 1 至 {limit} 份扫描件。", limit=MOST_AT_ONCE)
        with self.sessions.read() as session:
            definition = self.catalogue.current_in(session, type_name).definition
            right = self.catalogue.right(session, definition.code, actor.department)
        EntryRule.of(definition.source)
        self.files.put_many([(scan.data, bytes.fromhex(scan.digest)) for scan in scans])
        contents = [
            SheetContent(reserved=dict(reserved or {})).suggested(suggest(self.recognisers, scan, definition))
            for scan in scans
        ]
        now, batch = self.clock(), secrets.token_hex(8)
        evidence = [_evidence(scan, right.department_id, actor, now) for scan in scans]
        rows = [
            {
                "id": f"{batch}{place:04x}{secrets.token_hex(6)}",  # in the order of the batch
                "mode": mode,
                "type_code": definition.code,
                "department_id": right.department_id,
                "batch": batch,
                "place": place,
                "state": OPEN,
                "evidence_id": kept["id"],
                "content": content.to_text(),
                "entered_by": "",
                "checked_by": "",
                "licence_id": "",
                "reason": "",
                "created": now,
                "changed": now,
            }
            for place, (kept, content) in enumerate(zip(evidence, contents, strict=True), 1)
        ]
        with self.sessions.begin() as session:
            session.execute(insert(Evidence), evidence)
            session.execute(insert(EntrySheet), rows)
            journal.append(
                session,
                [
                    Entry(now, actor, "entry.receive", row["id"], details={"mode": mode, "scan": kept["digest"]})
                    for row, kept in zip(rows, evidence, strict=True)
                ],
            )
            return tuple(find_sheet(session, row["id"]) for row in rows)

    def recognise(self, sheet_id: str, actor: Actor, recognisers: Sequence[Recogniser]) -> SheetView:
        """图文识别 by further recognisers; fills only what is still empty."""
        sheet = self.sheet(sheet_id, actor)
        _demand(sheet, OPEN)
        found = suggest(recognisers, self.scan(sheet), self.definition(sheet))
        return self._change(sheet_id, actor, lambda now: {"content": now.content.suggested(found).to_text()}, OPEN)

    def save(self, sheet_id: str, filled: Filled, actor: Actor) -> SheetView:
        """暂存: kept as it is, judged later."""
        return self._change(sheet_id, actor, lambda now: {"content": _filled(now.content, filled).to_text()}, OPEN)

    def complete(self, sheet_id: str, filled: Filled, actor: Actor) -> SheetView:
        """录入完成: checked, and sealed or handed to the second person.

        Raises ``Malformed("record.*")``, ``Malformed("entry.unconfirmed")`` naming the fields, what ``judge`` raises,
        and what the issuer raises; the sheet then stays open with what was filled in.
        """
        sheet = self.save(sheet_id, filled, actor)
        definition = self.definition(sheet)
        self._check(sheet, definition)
        second = EntryRule.of(definition.source).second_check
        now = self.clock()
        values = {"state": CHECKING if second else SEALING, "entered_by": actor.account[:100], "entered": now}
        sheet = self._change(sheet_id, actor, lambda _: {**values, "reason": ""}, OPEN, action="entry.complete")
        return sheet if second else self.seal(sheet.id, actor)

    def _check(self, sheet: SheetView, definition: LicenceTypeDefinition) -> None:
        content = sheet.content
        definition.validate_record(dict(content.values))
        _, extras = take_apart(content.reserved)
        replace(extras, number=content.number, issued_on=content.issued_on).check()
        if sheet.mode != "result" and not content.issued_on:
            raise Malformed("entry.issued_on", "请填写证照上的颁证日期。")
        if sheet.mode != "result" and definition.number_rule.needs_sequence and not content.number:
            raise Malformed("entry.number", "请填写证照上的编号。")
        if content.unconfirmed:
            properties = definition.schema["properties"]
            titles = Words(tuple(str(properties[name]["title"]) for name in content.unconfirmed))
            raise Malformed(
                "entry.unconfirmed",
                "这些字段由程序识别，尚未经人核实：{titles}。",
                remedy="请与扫描件逐项核对，改正后勾选“已核实”。",
                titles=titles,
            )
        judge(find_mode(sheet.mode), EntryRule.of(definition.source), sheet.department_id, content.comparison)

    def approve(self, sheet_id: str, actor: Actor) -> SheetView:
        """复核 by a second person, then sealing. Raises ``Refused("entry.same_person")``."""

        def second(now: SheetView) -> dict[str, Any]:
            if now.entered_by == actor.account[:100]:
                raise Refused("entry.same_person", "录入人不能复核自己的采集单。", remedy="请由另一位经办人复核。")
            return {"state": SEALING, "checked_by": actor.account[:100], "checked": self.clock()}

        self._change(sheet_id, actor, second, CHECKING, action="entry.approve")
        return self.seal(sheet_id, actor)

    def send_back(self, sheet_id: str, reason: str, actor: Actor) -> SheetView:
        """退回 to be entered again; raises ``Malformed("entry.reason")``."""
        values = {"state": OPEN, "reason": _reason(reason), "checked_by": actor.account[:100]}
        return self._change(sheet_id, actor, lambda _: values, CHECKING, action="entry.send_back", reason=reason)

    def discard(self, sheet_id: str, reason: str, actor: Actor) -> SheetView:
        """作废: nothing comes of it; the scan is kept, what was entered is not."""
        values = {"state": DISCARDED, "reason": _reason(reason), "content": ""}
        return self._change(sheet_id, actor, lambda _: values, OPEN, CHECKING, action="entry.discard", reason=reason)

    def seal(self, sheet_id: str, actor: Actor) -> SheetView:
        """盖章: the sheet becomes a licence, or the next version of the one that is there.

        Where that fails for good the sheet is open again and the error raised; where it may succeed later
        (``Unavailable``) it waits in ``sealing`` for this to be called again.
        """
        sheet = self.sheet(sheet_id, actor)
        _demand(sheet, SEALING)
        try:
            issued = self._issue(sheet, actor)
        except Unavailable:
            raise
        except LicenceTrustError as error:
            back = {"state": OPEN, "reason": error.message[:500]}
            self._change(sheet_id, actor, lambda _: back, SEALING, action="entry.refused", result=error.code)
            raise
        return self._record(sheet, issued, actor)

    def _issue(self, sheet: SheetView, actor: Actor) -> IssuedLicence:
        definition, content = self.definition(sheet), sheet.content
        officer = Actor(actor.account, sheet.department_id, actor.address, actor.channel)
        record = definition.validate_record(dict(content.values))
        extras = self._extras(sheet, definition)
        there = self._licence_there(sheet.type_code, definition, record, content.number)
        if there is not None:
            licence_id, values = there
            if values == record and sheet.licence_id not in ("", licence_id):
                return self._found(licence_id)  # the version this sheet made before it was interrupted
            if values == record:
                raise Conflict(
                    "entry.already_there",
                    "登记簿中已有内容相同的证照 {licence_id}，不必再录。",
                    remedy="请作废此采集单，或核对证照编号。",
                    licence_id=licence_id,
                )
            self._change(sheet.id, actor, lambda _: {"licence_id": licence_id}, SEALING)
            return self.revise(licence_id, record, officer, extras)
        record_id = f"entry:{sheet.id}"
        return self.issuer().issue(sheet.type_code, record, officer=officer, record_id=record_id, extras=extras)

    def _found(self, licence_id: str) -> IssuedLicence:
        query = (
            select(LicenceVersion.licence_id, Licence.number, LicenceVersion.version, LicenceVersion.file_digest)
            .join(Licence, Licence.base == LicenceVersion.base)
            .where(LicenceVersion.licence_id == licence_id)
        )
        with self.sessions.read() as session:
            return IssuedLicence(*session.execute(query).one(), created=False)

    def _extras(self, sheet: SheetView, definition: LicenceTypeDefinition) -> IssueExtras:
        content, mode = sheet.content, find_mode(sheet.mode)
        credibility = judge(mode, EntryRule.of(definition.source), sheet.department_id, content.comparison)
        base = IssueExtras(mode.title, credibility, number=content.number, issued_on=content.issued_on)
        _, extras = take_apart(content.reserved, base)
        return extras

    def _licence_there(
        self, type_code: str, definition: LicenceTypeDefinition, record: Mapping[str, str], number: str
    ) -> tuple[str, dict[str, str]] | None:
        """The licence of this type, number and holder, and the record it was last sealed with."""
        rule = definition.number_rule
        number = number or ("" if rule.needs_sequence else rule.number(record))
        if not number:
            return None
        query = (
            select(LicenceVersion.licence_id, LicenceVersion.message)
            .join(Licence, (Licence.base == LicenceVersion.base) & (Licence.version == LicenceVersion.version))
            .where(Licence.type_code == type_code, Licence.number == number)
            .where(Licence.holder_code == definition.holder_of(record).code)
            .order_by(Licence.issued.desc())
        )
        with self.sessions.read() as session:
            row = session.execute(query.limit(1)).first()
        if row is None:
            return None
        face = {one.name: one.value for one in parse_message(row.message).face}
        return row.licence_id, {name: face[name] for name in definition.schema["properties"] if name in face}

    def _record(self, sheet: SheetView, issued: IssuedLicence, actor: Actor) -> SheetView:
        definition, comparison = self.definition(sheet), sheet.content.comparison
        credibility = judge(find_mode(sheet.mode), EntryRule.of(definition.source), sheet.department_id, comparison)
        now = self.clock()
        origin = {
            "licence_id": issued.licence_id,
            "base": parse_licence_id(issued.licence_id).base,
            "mode": sheet.mode,
            "credibility": credibility,
            "sheet_id": sheet.id,
            "evidence_digest": sheet.scan_digest,
            "original": said_of(comparison)[:200],
            "entered_by": sheet.entered_by,
            "checked_by": sheet.checked_by,
            "department_id": sheet.department_id,
            "recorded": now,
        }
        details = {"licence": issued.licence_id, "credibility": credibility, "scan": sheet.scan_digest}
        with self.sessions.begin() as session:
            current = find_sheet(session, sheet.id, hold=True)
            if current.state == SEALING:
                session.execute(insert(LicenceOrigin), [origin])
                values = {"state": ISSUED, "licence_id": issued.licence_id, "content": "", "changed": now}
                session.execute(update(EntrySheet).where(EntrySheet.id == sheet.id).values(values))
                journal.append(session, [Entry(now, actor, "entry.issue", sheet.id, details=details)])
            return find_sheet(session, sheet.id)

    def _change(
        self,
        sheet_id: str,
        actor: Actor,
        values: Callable[[SheetView], Mapping[str, Any]],
        *states: str,
        action: str = "",
        reason: str = "",
        result: str = "ok",
    ) -> SheetView:
        """One step of an own sheet in one of ``states``; two at once queue, and the second finds the state moved."""
        now = self.clock()
        with self.sessions.begin() as session:
            sheet = _own(find_sheet(session, sheet_id, hold=True), actor)
            _demand(sheet, *states)
            changed = {**values(sheet), "changed": now}
            session.execute(update(EntrySheet).where(EntrySheet.id == sheet.id).values(changed))
            if action:
                journal.append(session, [Entry(now, actor, action, sheet.id, reason=reason, result=result)])
            return find_sheet(session, sheet.id)


def open_entry(desk: Desk, recognisers: Sequence[Recogniser] | None = None) -> EntryDesk:
    """录入台 of a region; by default with the recognisers that need no other program."""
    from licence_store.collection.ocr import SealedData, TextLayer

    def revise(licence_id: str, record: Mapping[str, str], officer: Actor, extras: IssueExtras) -> IssuedLicence:
        from licence_store.revising import Reviser
        from seal.lifecycle import Official, Role

        official = Official(officer, Role.OFFICER)
        return Reviser(desk.issuer).revise(licence_id, record, official, reason=extras.source, extras=extras)

    readers = (SealedData(), TextLayer()) if recognisers is None else recognisers
    return EntryDesk(desk.sessions, desk.files, desk.catalogue, lambda: desk.issuer, revise, readers, desk.clock)


def _own(sheet: SheetView, actor: Actor) -> SheetView:
    if actor.department not in (None, "", sheet.department_id):
        raise NotFound("entry.unknown", "没有采集单 {id}。", id=sheet.id)
    return sheet


def _demand(sheet: SheetView, *states: str) -> None:
    if sheet.state not in states:
        raise Conflict("entry.state", "采集单已是“{state}”，不能这样办理。", state=Word(STATES[sheet.state]))


def _reason(text: str) -> str:
    said = text.strip()
    if not said or len(said) > 500:
        raise Malformed("entry.reason", "请说明理由（不超过 500 字）。")
    return said


def _filled(content: SheetContent, filled: Filled) -> SheetContent:
    """The content with what was filled in: a suggestion that a person has changed is one no more."""
    kept = {
        name: one for name, one in content.suggestions.items() if filled.values.get(name, "").strip() == one.value
    }
    return SheetContent(
        {name: value for name, value in filled.values.items() if value},
        kept,
        filled.confirmed & frozenset(kept),
        filled.comparison,
        dict(filled.reserved),
        filled.number.strip(),
        filled.issued_on.strip(),
    )


def _evidence(scan: Scan, department: str, actor: Actor, now: datetime) -> dict[str, Any]:
    return {
        "id": secrets.token_hex(16),
        "digest": scan.digest,
        "media": scan.media,
        "name": scan.name,
        "size": len(scan.data),
        "pages": scan.pages,
        "department_id": department,
        "actor": actor.account[:100],
        "recorded": now,
    }
