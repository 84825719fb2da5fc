"""证照经过页: versions, events and inspections as one time line, newest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from api.moments import exact
from api.pages.licence_views import face_changes, step_title
from api.pages.verdict import state_view, when
from trust.errors import fill
from trust.i18n import N_

if TYPE_CHECKING:
    from licence_store.views import EventView, LicenceHistory, LineageProof, VersionView

Translate = Callable[[str], str]
BACKDATED: Final = timedelta(minutes=1)
"""An event recorded so much later than it took effect is shown with both times."""
RESULTS: Final[Mapping[str, tuple[str, str]]] = {
    "passed": ("pass", N_("合格")),
    "basically_passed": ("unsure", N_("基本合格")),
    "failed": ("fail", N_("不合格")),
}
"""年检结论: tone and word."""


@dataclass(frozen=True, slots=True)
class Course:
    """What the time line of one licence is drawn from."""

    history: LicenceHistory
    proof: LineageProof
    properties: Mapping[str, Any]
    """Of the type's schema: the fields of the face."""
    size: tuple[int, int]
    """Of a picture of the face."""
    seals: Mapping[str, str]
    """Names of seals by their codes."""
    base: str
    """Address of the licence's page."""
    language: str
    translate: Translate
    may_fetch_old: bool
    """May the reader have the files of old versions?"""
    forms: Mapping[str, str]
    """Licence id of each version → the format of its first file."""

    def lines(self) -> list[dict[str, Any]]:
        """Newest first; what time alone has brought, and nobody has written down yet, above all."""
        told: list[dict[str, Any]] = []
        before, seen = "", set[int]()
        for event in self.history.events:
            told.append(self._event(event, before, new_version=event.version not in seen))
            before = event.state
            seen.add(event.version)
        summary = self.history.view.summary
        if before and summary.state != before:
            told.append(self._by_time(summary.state, summary.since))
        return told[::-1]

    def _event(self, one: EventView, before: str, *, new_version: bool) -> dict[str, Any]:
        tone, word = state_view(one.state, self.translate)
        moved = one.state != before
        line = {
            **_BLANK,
            "kind": "version" if new_version else one.kind,
            "title": step_title(one.kind, self.translate),
            "badge": word if moved else "",
            "tone": tone if moved else "",
            "effective": when(one.effective),
            "effective_iso": exact(one.effective),
            "recorded": when(one.recorded) if one.recorded - one.effective > BACKDATED else "",
            "who": one.actor,
            "reason": one.reason,
            "basis": one.basis,
            "version": self._version(one.version) if new_version else None,
        }
        if one.kind == "inspect":
            result_tone, result = result_view(one.result, self.translate)
            said = {"period": one.period, "result": result}
            line["title"] = fill(self.translate("{period} 年度年检：{result}"), said)
            line["reason"] = one.remarks
            line["evidence"] = evidence(one, self.base)
            line["tone"] = line["tone"] or ("fail" if result_tone == "fail" else "")
        return line

    def _by_time(self, state: str, since: datetime) -> dict[str, Any]:
        tone, word = state_view(state, self.translate)
        return {
            **_BLANK,
            "kind": "time",
            "title": self.translate("到了期限，状态变为"),
            "badge": word,
            "tone": tone,
            "effective": when(since),
            "effective_iso": exact(since),
            "note": self.translate("按登记的期限自动算出，无须办理；随后补记入经过。"),
        }

    # Versions

    def _version(self, number: int) -> dict[str, Any] | None:
        versions = {one.version: one for one in self.history.versions}
        one = versions.get(number)
        if one is None:
            return None
        before = versions.get(number - 1)
        changes = face_changes(_face(before), _face(one), self.properties, self.language) if before else []
        present = number == self.history.view.summary.version
        place = f"{self.base}/versions/{number}"
        return {
            "number": number,
            "present": present,
            "picture": f"{place}/face.png",
            "width": self.size[0],
            "height": self.size[1],
            "changes": changes,
            "same": before is not None and not changes,
            "seal": self.seals.get(one.seal_id, one.seal_id),
            "period": self._period(one),
            "digest": one.file_digest,
            "proof": self._proof(one),
            "file": f"{place}/licence.{self.forms.get(one.licence_id, 'ofd')}" if present or self.may_fetch_old else "",
        }

    def _period(self, one: VersionView) -> str:
        said = {"from": one.valid_from, "to": one.valid_to or self.translate("长期")}
        return fill(self.translate("有效期 {from} 至 {to}"), said)

    def _proof(self, one: VersionView) -> dict[str, str] | None:
        """What its sealed file says it follows, and whether that is so."""
        link = next((link for link in self.proof.links if link.licence_id == one.licence_id), None)
        if link is None or (not link.problem and link.lineage is None):
            return None
        tone, said = _PROOFS[link.problem]
        return {"tone": tone, "text": self.translate(said)}

    def lineage(self) -> dict[str, str]:
        """版本承接 of the whole licence in one line."""
        count = len(self.history.versions)
        if not self.proof.is_unbroken:
            broken = N_("版本承接有断裂：有文件缺失或与登记的摘要不符，请立即报告。")
            return {"tone": "fail", "text": self.translate(broken)}
        if count < 2:
            return {"tone": "pass", "text": self.translate("只有一版，所存文件与登记的摘要相符。")}
        if not self.proof.is_complete:
            said = self.translate("共 {n} 版，所存文件与登记的摘要相符；有的版本签发时还没有写明前一版。")
            return {"tone": "unsure", "text": fill(said, {"n": count})}
        said = self.translate("共 {n} 版，逐版承接：每一版都写明前一版的摘要，与所存文件相符。")
        return {"tone": "pass", "text": fill(said, {"n": count})}


_PROOFS: Final[Mapping[str, tuple[str, str]]] = {
    "": ("pass", N_("文件里写明了前一版的摘要，与所存的前一版相符。")),
    "file": ("fail", N_("所存的文件缺失，或与登记的摘要不符。")),
    "predecessor": ("fail", N_("文件里写明的前一版，不是所存的前一版。")),
    "unstated": ("unsure", N_("签发时文件里还没有写明前一版。")),
}
_BLANK: Final[Mapping[str, Any]] = dict.fromkeys(
    ("kind", "title", "badge", "tone", "effective", "effective_iso", "recorded", "who", "note", "reason", "basis"), ""
) | {"evidence": None, "version": None}


def _face(one: VersionView) -> dict[str, str]:
    return {value.name: value.value for value in one.message.face}


def result_view(result: str, translate: Translate) -> tuple[str, str]:
    """``(tone, word)`` of the result of an inspection."""
    tone, word = RESULTS.get(result, ("none", result))
    return tone, translate(word)


def inspection_rows(found: tuple[EventView, ...], base: str, translate: Translate) -> list[dict[str, Any]]:
    """年检记录, newest year first."""
    rows = []
    for one in sorted(found, key=lambda one: (one.period, one.recorded), reverse=True):
        tone, word = result_view(one.result, translate)
        rows.append(
            {
                "period": fill(translate("{period} 年度"), {"period": one.period}),
                "tone": tone,
                "result": word,
                "effective": when(one.effective),
                "effective_iso": exact(one.effective),
                "who": one.actor,
                "remarks": one.remarks,
                "evidence": evidence(one, base),
            }
        )
    return rows


def evidence(one: EventView, base: str) -> dict[str, str] | None:
    """佐证文件 of an inspection, as a link."""
    if not one.evidence:
        return None
    return {"href": f"{base}/evidence/{quote(one.evidence)}", "name": one.evidence_name, "digest": one.evidence}
