"""上传办理: one door for portal, pages and console: whose upload it is, and what its checks said."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from licence_store.holding.holder import ALL
from trust.errors import Conflict, LicenceTrustError, NotFound, fill
from trust.i18n import N_

if TYPE_CHECKING:
    from api.wiring import Services
    from licence_store.holding.holder import HolderSession
    from licence_store.uploads.stored import StoredUpload
    from trust.journal import Actor

_STEPS: Final = (
    ("format", N_("文件格式"), frozenset({
        "unsupported", "executable", "script", "office", "archive", "markup", "animated", "empty", "missing",
        "kind_unknown",
    })),
    ("size", N_("大小和剩余空间"), frozenset({"too_large", "quota", "quota_count"})),
    ("virus", N_("病毒扫描"), frozenset({"infected", "scanner_away", "scanner_limit"})),
    ("safety", N_("文件完好，没有夹带、脚本和附件"), frozenset({
        "polyglot", "trailing_data", "encrypted", "active_content", "embedded_files", "outside_content", "bomb",
        "too_costly", "damaged",
    })),
    ("quality", N_("页数、分辨率和清晰度"), frozenset({"pages", "pixels", "resolution", "blank", "blurred"})),
)  # fmt: skip
"""The steps people are shown, in order, with the reasons that stop each."""
_INDICATIONS: Final = {
    "TOTAL-PASSED": N_("核验通过"),
    "INDETERMINATE": N_("无法确认"),
    "TOTAL-FAILED": N_("核验未通过"),
}
_SEALING_LEVEL: Final = 2
"""认证等级 that sealing needs."""
_NEARLY_FULL: Final = 90
"""Per cent."""
_QUALITY: Final = frozenset({"blank_page", "blurred_page", "low_resolution"})


@dataclass(frozen=True, slots=True)
class Step:
    """检查项 as shown: ``pass``, ``note`` (taken, with a remark), ``fail``, ``none`` (not reached, or not done)."""

    name: str
    title: str
    state: str
    remark: str = ""

    def to_json(self) -> dict[str, str]:
        return {"name": self.name, "title": self.title, "state": self.state, "remark": self.remark}


def accept(services: Services, session: HolderSession, actor: Actor, name: str, data: bytes, kind: str) -> StoredUpload:
    """收取 for the holder whose space it is. Raises ``Refused("holder.right")`` and what ``Uploads.accept`` raises."""
    from licence_store.materials.kinds import kinds

    session.demand("upload")
    if kind in kinds() and kinds()[kind].who != "holder":
        raise NotFound(
            "upload.kind_unknown", "没有名为“{kind}”的材料种类；可选：{known}。", kind=kind,
            known="、".join(code for code, one in kinds().items() if one.who == "holder"),
        )  # fmt: skip
    return services.desk.uploads.accept(name, data, owner=session.holder.code, kind=kind, actor=actor)


def own(services: Services, session: HolderSession, upload_id: str) -> StoredUpload:
    """An upload of this holder; another's does not exist for them. Raises ``NotFound("upload.unknown")``."""
    session.demand("view")
    view = services.desk.uploads.view(upload_id)
    if view.owner != session.holder.code or not covers(session, view):
        raise NotFound("upload.unknown", "没有这份上传的文件，或已删除。")
    return view


def covers(session: HolderSession, view: StoredUpload) -> bool:
    """May they see it? An upload is of no licence type: whoever acts for some types only sees their own uploads."""
    return ALL in session.types or view.created_by == session.actor().account


def drop(services: Services, session: HolderSession, actor: Actor, upload_id: str) -> None:
    """删除 an upload that is no material (yet): a material is deleted as such, with its upload.

    Raises ``NotFound("upload.unknown")``, ``Conflict("upload.in_use")``.
    """
    from licence_store.uploads.upkeep import is_used

    view = own(services, session, upload_id)
    session.demand("upload")
    with services.desk.sessions.read() as reading:
        if is_used(reading, view.id):
            raise Conflict("upload.in_use", "该文件已作为材料使用。", remedy="请在“我的材料”中删除该材料。")
    services.desk.uploads.drop(view.id, actor)


def replace(services: Services, session: HolderSession, actor: Actor, upload_id: str) -> None:
    """换一份: another file was taken in the place of this upload, which goes unless it is in use or nobody's here."""
    with suppress(LicenceTrustError):
        drop(services, session, actor, upload_id)


def seal(services: Services, session: HolderSession, actor: Actor, upload_id: str, seal_id: str) -> StoredUpload:
    """申请人盖章 (R072): the holder's own seal of the seal register on a PDF or OFD they have handed in.

    The sealed file is a new upload, the one without goes. Raises as ``own``, ``Stamper.stamp`` and ``accept`` do,
    ``StepUpNeeded``, ``Conflict("upload.in_use")``.
    """
    from licence_store.uploads.upkeep import is_used
    from seal.lifecycle import Official, Role

    view = own(services, session, upload_id)
    session.demand("upload")
    session.demand_assurance(_SEALING_LEVEL, services.clock())
    with services.desk.sessions.read() as reading:
        if is_used(reading, view.id):
            raise Conflict("upload.in_use", "该文件已作为材料使用。", remedy="请上传后先盖章，再放入“我的材料”。")
    who = Official(actor, Role.HOLDER, session.holder.code)
    sealed = services.desk.stamper.stamp(who, seal_id, services.desk.uploads.open(view.id), reason=view.id)
    made = services.desk.uploads.accept(
        view.name, sealed.data, owner=view.owner, kind=view.kind, actor=actor, check_quota=False
    )
    services.desk.uploads.drop(view.id, actor, reason=f"sealed: {made.id}")
    return made


def steps_of(view: StoredUpload, translate: Callable[[str], str], *, scanned: bool) -> list[Step]:
    """What the checks said of an upload that was taken."""
    from licence_store.uploads.stored import WARNINGS

    remarks = {name: "" for name, _, _ in _STEPS}
    remarks["format"] = view.format
    notes = [translate(WARNINGS[one]) for one in view.warnings if one in _QUALITY]
    remarks["quality"] = "；".join(notes) or _told(
        translate(N_("{pages} 页，{width}×{height} 像素")), pages=view.pages, width=view.width, height=view.height
    )
    found = [Step(name, translate(title), "pass", remarks[name]) for name, title, _ in _STEPS]
    if notes:
        found[-1] = Step("quality", found[-1].title, "note", remarks["quality"])
    if not scanned:
        found[2] = Step("virus", found[2].title, "none", translate(N_("未配置")))
    for one in view.warnings:
        if one in ("metadata_removed", "converted", "extra_pictures_removed"):
            found.append(Step("privacy", translate(N_("照片处理")), "pass", translate(WARNINGS[one])))
    if view.indication:
        state = "pass" if view.indication == "TOTAL-PASSED" else "note"
        said = [f"{one.seal or one.signer}（{translate(_INDICATIONS[one.indication])}）" for one in view.signatures]
        remark = "；".join(said) or translate(_INDICATIONS[view.indication])
        found.append(Step("signature", translate(N_("文件上的签章")), state, remark))
    return found


def steps_to_come(translate: Callable[[str], str]) -> list[Step]:
    """The same before anything was sent."""
    return [Step(name, translate(title), "none") for name, title, _ in _STEPS]


def steps_until(error: LicenceTrustError, translate: Callable[[str], str], *, scanned: bool) -> list[Step]:
    """The same for a file that was refused: which step stopped it."""
    reason = error.code.partition(".")[2]
    place = next((at for at, (_, _, reasons) in enumerate(_STEPS) if reason in reasons), 0)
    found = []
    for at, (name, title, _) in enumerate(_STEPS):
        state = "pass" if at < place else "fail" if at == place else "none"
        if name == "virus" and state == "pass" and not scanned:
            state = "none"
        found.append(Step(name, translate(title), state, " ".join(error.localised(translate)) if at == place else ""))
    return found


def meter_of(services: Services, session: HolderSession, translate: Callable[[str], str]) -> dict[str, Any]:
    """容量 as shown."""
    from licence_store.uploads.quota import megabytes

    meter = services.desk.uploads.meter(session.holder.code)
    text = _told(
        translate(N_("已用 {used}，共 {limit}；{count} 份，最多 {most} 份。")), used=megabytes(meter.used),
        limit=megabytes(meter.limit), count=meter.count, most=meter.most,
    )  # fmt: skip
    return {**meter.to_json(), "share": meter.share, "text": text, "full": meter.share >= _NEARLY_FULL}


def is_scanned(services: Services) -> bool:
    """Is there a virus scanner?"""
    return bool(services.desk.settings.uploads.scanner)


def _told(template: str, **params: object) -> str:
    return fill(template, params)
