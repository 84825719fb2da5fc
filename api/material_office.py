"""材料办理: what command line, interface and pages share about materials: who asks, and how it is told.

Nothing is decided here: ``licence_store.materials`` has the matrix and obeys it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from api.moments import exact
from api.seal_office import official_of
from licence_store.holding.holder import mask_number
from licence_store.materials.kinds import WINDOW, MaterialKind, kinds
from licence_store.materials.reasons import RefusalReason, reasons
from licence_store.materials.scope import demand_officer
from licence_store.materials.steps import matrix
from seal.lifecycle import Official, Role
from trust.errors import LicenceTrustError
from trust.identifiers import plain_number

if TYPE_CHECKING:
    from api.holder_deps import HolderVisitor
    from api.wiring import Services
    from licence_store.accounts import TokenGrant
    from licence_store.holding.holder import HolderSession
    from licence_store.materials.checking import Checked
    from licence_store.materials.views import BetterCopy, CaseLine, EventLine, MaterialPage, MaterialView, Who
    from trust.journal import Actor
    from verify.provenance import ProvenanceReport

SCOPE: Final = "materials"
"""What a token needs to work at a window."""
PROVENANCE_FILE: Final = "provenance.json"


# Who


def asking(visitor: HolderVisitor) -> HolderSession:
    """The holder's session, with the door they came through written into what they do."""
    return replace(visitor.session, counter=visitor.session.counter or visitor.actor)


def official_by_token(services: Services, grant: TokenGrant, actor: Actor) -> Official:
    """办理人 behind an interface token. Raises ``Refused("token.scope")``."""
    grant.demand(SCOPE)
    return official_of(services.accounts.get(grant.account), actor)


def console_official(services: Services, account: str | None) -> Official:
    """办理人 on the command line: ``--as``; in a demonstration region the console, as an officer."""
    actor = services.actor(account)
    if account is not None:
        return official_of(services.accounts.get(account), actor)
    return Official(actor, Role.OFFICER)


# Acts of more than one step


def better_act(services: Services, item_id: str, who: Who, act: str) -> dict[str, Any]:
    """``look``, ``take`` or ``decline``."""
    materials = services.desk.materials
    if act == "look":
        return better_shape(materials.offer_better(item_id, who))
    view = materials.take_better(item_id, who) if act == "take" else materials.decline_better(item_id, who)
    how = next((one.details.get("how", "") for one in reversed(materials.history(item_id, who)) if one.details), "")
    return {"better": {"licence_id": view.better, "how": how, "is_original": how == "file"} if view.better else None}


def scan(
    services: Services,
    official: Official,
    holder_code: str,
    name: str,
    data: bytes,
    checked: Checked,
    *,
    title: str,
    type_code: str = "",
    number: str = "",
) -> MaterialView:
    """窗口扫描件: checked as a file, kept encrypted, compared and signed; if it is not signed, it is not kept."""
    demand_officer(official)
    desk, code = services.desk, plain_number(holder_code)
    upload = desk.uploads.accept(name, data, owner=code, kind=WINDOW, actor=official.actor, check_quota=False)
    try:
        return desk.materials.scan(
            official, code, upload, checked, title=title, type_code=type_code, stated_number=number
        )
    except LicenceTrustError:
        desk.uploads.drop(upload.id, official.actor, reason="not signed")
        raise


# How it is told


def shape(view: MaterialView, language: str = "zh-CN", *, own: bool = False) -> dict[str, Any]:
    """A material; the holder's number in full only to themself."""
    refused = reasons().get(view.refusal)
    told = refused.told(language) if refused else ("", "")
    return {
        "id": view.id,
        "holder": view.holder_code if own else mask_number(view.holder_code),
        "kind": view.kind.code,
        "kind_title": view.kind.titled(language),
        "title": view.title,
        "level": view.level,
        "original_check_required": view.original_check_required,
        "usable": view.usable,
        "state": view.state,
        "origin": view.origin,
        "digest": view.digest,
        "media_type": view.media_type,
        "size": view.size,
        "pages": view.pages,
        "created": exact(view.created),
        "type_code": view.type_code,
        "stated_number": view.stated_number,
        "case_number": view.case_number,
        "better": view.better or None,
        "checked": {
            "department": view.checked_by,
            "officer": view.checked_officer,
            "on": exact(view.checked_on),
            "valid_until": view.valid_until or None,
        }
        if view.checked_on and not view.is_licence
        else None,
        "refusal": {"code": refused.code, "title": told[0], "next": told[1]} if refused else None,
        "problems": list(view.problems),
    }


def page_shape(page: MaterialPage, language: str = "zh-CN", *, own: bool = False) -> dict[str, Any]:
    """One page of them, with an opaque cursor."""
    from api import cursors

    following = cursors.encode([page.next]) if page.next else None
    return {"items": [shape(one, language, own=own) for one in page.items], "next": following}


def event_shape(line: EventLine) -> dict[str, Any]:
    """One line of a history."""
    return {
        "number": line.number,
        "step": line.kind,
        "at": exact(line.at),
        "by": line.actor,
        "role": line.role,
        "department": line.department_id or None,
        "reason": line.reason,
        "details": dict(line.details),
        "signed": line.signed,
    }


def case_shape(line: CaseLine) -> dict[str, Any]:
    """One item received for a case."""
    return {
        "case_number": line.case_number,
        "subject": line.subject or None,
        "title": line.title,
        "received": line.received,
        "holder": mask_number(line.holder_code) if line.holder_code else None,
        "service_item": line.service_item or None,
        "by": line.actor,
        "department": line.department_id or None,
        "recorded": exact(line.recorded),
    }


def better_shape(found: BetterCopy | None) -> dict[str, Any]:
    """The better copy, or that there is none."""
    if found is None:
        return {"better": None}
    return {"better": {"licence_id": found.licence_id, "how": found.how, "is_original": found.is_original}}


def provenance_shape(report: ProvenanceReport) -> dict[str, Any]:
    """What the check of an export says."""
    by = report.credibility.by
    return {
        "material": report.birth.material_id,
        "level": report.level,
        "holds": not report.problems,
        "problems": list(report.problems),
        "made": exact(report.made),
        "publisher": report.publisher.common_name,
        "events": len(report.events),
        "checked": {
            "department": by.department_name,
            "officer": by.officer,
            "on": exact(report.credibility.proved),
            "upload": by.upload,
            "reason": by.reason,
            "compared": [{"aspect": one.name, "upload": one.upload, "original": one.original} for one in by.compared],
        }
        if by is not None and report.credibility.proved is not None
        else None,
    }


def rules_shape(language: str = "zh-CN") -> dict[str, Any]:
    """The rule tables: kinds, matrix, refusal reasons."""
    table = matrix()
    return {
        "kinds": [_kind_shape(one, language) for one in kinds().values()],
        "levels": [{"code": one.code, "title": _titled(one.title, one.title_en, language)} for one in table.levels],
        "roles": [{"code": one.code, "title": _titled(one.title, one.title_en, language)} for one in table.roles],
        "actions": [
            {
                "code": one.code,
                "title": _titled(one.title, one.title_en, language),
                "cells": {role: _cells(cells, table.verdicts) for role, cells in one.cells.items()},
            }
            for one in table.actions.values()
        ],
        "reasons": [_reason_shape(one, language) for one in reasons().values()],
    }


def _kind_shape(kind: MaterialKind, language: str) -> dict[str, Any]:
    return {
        "code": kind.code,
        "title": kind.titled(language),
        "level": kind.level,
        "original_check_required": kind.original_check_required,
        "usable": kind.usable,
        "promotes_to": kind.promotes_to or None,
        "who": kind.who,
        "note": _titled(kind.note, kind.note_en, language),
    }


def _reason_shape(reason: RefusalReason, language: str) -> dict[str, Any]:
    title, following = reason.told(language)
    return {"code": reason.code, "title": title, "next": following, "recheck": reason.recheck}


def _cells(letters: Iterable[str], verdicts: Mapping[str, str]) -> dict[str, str | None]:
    return {level.code: verdicts[letter] or None for level, letter in zip(matrix().levels, letters, strict=True)}


def _titled(title: str, title_en: str, language: str) -> str:
    return title_en if language == "en" else title
