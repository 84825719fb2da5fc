"""窗口核验 (R049-R051, R058, R060): an officer compares an upload with its original; the department signs that it did.

1. ``prepare``: role, state, what was compared, a seal of the department that this officer may use.
2. ``sign``: the statement names the item, the digest of the upload, the place in its history, who, when, what was
   compared and why; signed with the seal's key and time-stamped. No transaction is open meanwhile.
3. ``believe``: our own check of it. Nothing is recorded that a stranger would not believe.
4. ``record``: the history has not moved on, the seal is still the one that was used; event, seal ledger, journal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from licence_store.materials import events
from licence_store.materials.kinds import WINDOW, find_kind
from licence_store.materials.reasons import find_reason
from licence_store.materials.steps import refusal
from licence_store.materials.telling import told
from licence_store.materials.views import REFUSED, MaterialView
from seal import using
from seal.lifecycle import Official, Role, State
from seal.models import Department, Seal, table
from seal.sealing import SealingMaterial
from seal.using import BEIJING, Use, Wish
from trust.algorithms import sm3
from trust.errors import CheckFailed, Conflict, LicenceTrustError, Malformed, Refused, Unavailable
from trust.signed import sign_document, write_moment
from verify.credibility import (
    MOST_ASPECTS,
    Aspect,
    Birth,
    credibility_of,
    open_statement,
    statement_payload,
    wrap_statement,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from licence_store.materials.materials import Materials

LONGEST: Final = 500
_LONGEST_VALUE: Final = 300
_NO_TYPE: Final = ""
_SEALS = table(Seal).c


@dataclass(frozen=True, slots=True)
class Checked:
    """核对情况 as the officer states it."""

    compared: tuple[tuple[str, str, str], ...]
    """``(what, upload says, original says)``."""
    original_seen: bool
    reason: str
    valid_until: str = ""
    """Last day of the original, ``YYYY-MM-DD``; empty: it names none."""

    def aspects(self, today: date) -> tuple[Aspect, ...]:
        """What was compared, if it bears a B. Raises ``Refused("material.original_unseen", "material.differs",
        "material.expired")``, ``Malformed("material.compared", "material.words", "material.valid_until")``.
        """
        if not self.original_seen:
            raise Refused(
                "material.original_unseen",
                "没有见到原件，不能升为 B 级。",
                remedy="请持证者出示原件后再核对。",
            )
        if not 1 <= len(self.compared) <= MOST_ASPECTS:
            raise Malformed("material.compared", "请写明核对了哪些内容（1 至 {limit} 项）。", limit=MOST_ASPECTS)
        found = tuple(Aspect(*map(_value, one)) for one in self.compared)
        unlike = [one.name for one in found if _plain(one.upload) != _plain(one.original)]
        if unlike:
            names = "、".join(unlike)[:200]
            raise Refused(
                "material.differs",
                "上传件与原件不一致：{names}。",
                remedy="不一致的不能接受，请按“与原件不一致”退回。",
                names=names,
            )
        _check_words(self.reason)
        _check_day(self.valid_until, today)
        return found


def check(materials: Materials, item_id: str, official: Official, checked: Checked, department_id: str) -> MaterialView:
    """核验为 B; what is refused is journalled too."""
    with materials.journalled("material.check", item_id, official):
        view = materials.get(item_id, official, "check")
        if view.state == REFUSED and not events.may_be_checked_again(view.refusal):
            raise Conflict(
                "material.refused", "此件已退回，须由持证者另行上传。", remedy="请持证者按退回理由重新上传。"
            )
        department = department_of(
            materials, official, department_id or view.department_id or _of_type(materials, view)
        )
        acting = replace(official, actor=replace(official.actor, department=department.id))
        with materials.sessions.read() as session:
            held = events.look(session, view.id)
        assert held is not None
        signed = _sign(materials, acting, held.birth, held.place, department, checked)
        _believe(materials, held, signed)
        with materials.sessions.begin() as session:
            now = materials.hold(session, view, official, "check")
            if now.place != held.place:
                raise Conflict("material.changed", "核对期间材料有了新的变化，本次核验未生效。")
            _record(materials, session, now, signed)
    return materials.get(item_id, official)


def scan(
    materials: Materials,
    official: Official,
    row: dict[str, Any],
    words: Mapping[str, str],
    checked: Checked,
    department: Department,
) -> MaterialView:
    """窗口扫描件: the item and its check are recorded together, or neither is."""
    if official.role is not Role.OFFICER:
        raise refusal("material.role", "")
    acting = replace(official, actor=replace(official.actor, department=department.id))
    row = {**row, "department_id": department.id}
    kind, now = find_kind(WINDOW), materials.clock()
    happened = events.Happening("scan", acting.actor, "officer", now)
    birth = Birth(row["id"], row["digest"], kind.code, kind.level, kind.promotes_to, row["holder_code"])
    first = events.chained(birth, (1, birth.digested()), happened)
    signed = _sign(materials, acting, birth, (2, first.digest), department, checked)
    with materials.journalled("material.scan", row["id"], official), materials.sessions.begin() as session:
        held = events.begin(session, row, words, happened)
        _believe(materials, held, signed)
        _record(materials, session, held, signed)
    return materials.find(row["id"])


def refuse(materials: Materials, item_id: str, official: Official, reason_code: str, words: str) -> MaterialView:
    """退回."""
    with materials.journalled("material.refuse", item_id, official):
        view = materials.get(item_id, official, "refuse")
        reason = find_reason(reason_code, words)
        if words.strip():
            _check_words(words)
        with materials.sessions.begin() as session:
            held = materials.hold(session, view, official, "refuse")
            happened = events.Happening(
                "refuse", official.actor, "officer", materials.clock(), words.strip(), {"code": reason.code}
            )
            events.append(session, held, happened)
            materials.noted(session, view.holder_code, view.id, "refuse", official, reason.title)
            materials.notices.post(session, [told(session, held, "refused", official.actor, reason)])
            materials.note(session, official.actor, "material.refuse", view.id, {"code": reason.code})
    return materials.get(item_id, official)


def department_of(materials: Materials, official: Official, wanted: str) -> Department:
    """The department that vouches: the officer's own; the console of a demonstration says which.

    Raises ``Refused("material.department")``.
    """
    own = official.actor.department or wanted
    found = next((one for one in materials.catalogue.departments() if one.id == own), None)
    if found is None:
        raise Refused(
            "material.department", "核验须由某一部门的经办人以该部门的名义作出。", remedy="请以该部门的账号办理。"
        )
    return found


def _of_type(materials: Materials, view: MaterialView) -> str:
    if not view.type_code:
        return ""
    with materials.sessions.read() as session:
        rights = materials.catalogue.rights(session, view.type_code)
    return rights[0].department_id if rights else ""


# ---------------------------------------------------------------- 签名


@dataclass(frozen=True, slots=True)
class _Signed:
    """A statement ready to be recorded."""

    official: Official
    statement: bytes
    seal_id: str
    seal_digest: str
    type_code: str
    happened: events.Happening


def _sign(
    materials: Materials,
    official: Official,
    birth: Birth,
    place: tuple[int, str],
    department: Department,
    checked: Checked,
) -> _Signed:
    now = materials.clock().replace(microsecond=0)
    aspects = checked.aspects(now.astimezone(BEIJING).date())
    material = _admitted(materials, official, department)
    digest = material.entry.digest.hex()
    payload = statement_payload(
        birth,
        place,
        (department.id, department.code, department.name),
        official.actor.account[:100],
        write_moment(now),
        aspects,
        reason=checked.reason.strip(),
        valid_until=checked.valid_until,
        seal=(material.seal.seal_id, digest),
    )
    signed = sign_document(payload, material.signer.sign, [material.certificate.der])
    token = materials.timestamper().stamp(_signature_of(signed))
    statement = wrap_statement(signed, token)
    details = {"seal": material.seal.seal_id, "statement": sm3(statement).hex()}
    happened = events.Happening("check", official.actor, "officer", now, checked.reason.strip(), details, statement)
    return _Signed(official, statement, material.seal.seal_id, digest, _NO_TYPE, happened)


def _signature_of(signed: bytes) -> bytes:
    from trust.signed import open_signed
    from verify.credibility import FORMAT, LARGEST

    return open_signed(signed, FORMAT, limit=LARGEST).signature


def _admitted(materials: Materials, official: Official, department: Department) -> SealingMaterial:
    """用印材料 of a seal of the department which this officer may use for what is no licence."""
    query = select(_SEALS.id).where(
        _SEALS.department_id == department.id, _SEALS.holder_kind == "institution", _SEALS.state == State.ACTIVE,
        _SEALS.kind != "copy",
    )  # fmt: skip
    with materials.sessions.read() as session:
        candidates = list(session.execute(query.order_by(_SEALS.id)).scalars())
    why: LicenceTrustError | None = None
    for seal_id in candidates:
        wish = Wish(seal_id, official.actor, official.role, _NO_TYPE, 1)
        with materials.sessions.begin() as session:
            room = using.admit(session, wish, materials.clock())
        if room.count:
            materials.seals.look([seal_id])
            return materials.seals.material(seal_id)
        why = room.refusal
    raise why or Refused(
        "material.no_seal", "本部门没有可用的印章，不能出具核验声明。", remedy="请印章管理员启用印章。"
    )


def _believe(materials: Materials, held: events.Held, signed: _Signed) -> None:
    """自检: raises ``Unavailable("material.self_check")`` unless the level would rise by it."""
    next_event = events.chained(held.birth, held.place, signed.happened)
    check = materials.statements()
    try:
        check(open_statement(signed.statement))
    except (CheckFailed, Malformed) as error:
        raise _self_check(error.code) from error
    found = credibility_of(held.birth, (*held.events, next_event), check)
    if found.level != held.birth.promotes_to:
        raise _self_check("、".join(found.problems) or found.level)


def _self_check(finding: str) -> Unavailable:
    return Unavailable(
        "material.self_check", "核验声明未通过自检（{finding}），本次核验未生效。",
        remedy="请联系系统管理员检查印章、时间戳和信任库。", finding=finding,
    )  # fmt: skip


def _record(materials: Materials, session: Session, held: events.Held, signed: _Signed) -> None:
    for why in using.changed(session, [(signed.seal_id, signed.seal_digest)]).values():
        raise why
    events.append(session, held, signed.happened)
    actor = signed.official.actor
    use = Use(
        seal_id=signed.seal_id,
        object_digest=signed.seal_digest,
        document=signed.happened.details["statement"],
        subject=held.row.id,
        type_code=signed.type_code,
        officer=actor.account[:100],
        department=(actor.department or "")[:32],
        used=signed.happened.at,
        recorded=materials.clock(),
    )
    using.write(session, [use])
    materials.noted(session, held.row.holder_code, held.row.id, "check", signed.official, signed.happened.reason)
    materials.notices.post(session, [told(session, held, "checked", actor)])
    materials.note(session, actor, "material.check", held.row.id, signed.happened.details)


# ---------------------------------------------------------------- 文字


def _value(text: str) -> str:
    line = text.strip() if isinstance(text, str) else ""
    if not line or len(line) > _LONGEST_VALUE or not line.isprintable():
        raise Malformed(
            "material.compared", "核对项的名称和两边的内容都要写明（各为一行，最多 {limit} 字）。", limit=_LONGEST_VALUE
        )
    return line


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _check_words(words: str) -> None:
    lines = words.replace("\r\n", "").replace("\n", "")
    if not words.strip() or len(words) > LONGEST or not lines.isprintable():
        raise Malformed("material.words", "请写明理由（最多 {limit} 字）。", limit=LONGEST)


def _check_day(text: str, today: date) -> None:
    if not text:
        return
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise Malformed("material.valid_until", "有效期应写作 YYYY-MM-DD，长期有效的留空。")
    if day < today:
        raise Refused(
            "material.expired", "原件已于 {day} 到期，不能接受。", remedy="请按“原件已过有效期”退回。", day=text
        )
