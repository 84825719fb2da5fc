"""材料的页面所示: materials, what was compared, their course, in the reader's words; nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from api.pages.verdict import when
from licence_store.holding.holder import mask_number
from licence_store.materials.kinds import kinds
from licence_store.materials.reasons import reasons
from licence_store.materials.steps import EVENT_TITLES, STATE_TITLES, matrix
from licence_store.materials.views import ACTIVE, DELETED, REFUSED, MaterialView
from trust.i18n import N_

if TYPE_CHECKING:
    from starlette.datastructures import FormData

    from licence_store.definitions import LicenceTypeDefinition
    from licence_store.materials.views import EventLine

Translate = Callable[[str], str]
LEVEL_WORDS: Final[Mapping[str, str]] = {
    "A": N_("颁证单位签发，可直接使用"),
    "B": N_("窗口已与原件核对，可重复使用"),
    "C": N_("用户上传，使用前须由窗口核验原件"),
    "D": N_("用户自制，由用户对其真实性负责"),
    "R": N_("第三方报告，使用前须由窗口核验原件"),
}
USABLE: Final = {
    "directly": ("pass", N_("可直接使用")),
    "after_check": ("unsure", N_("核验原件后可用")),
    "no": ("none", N_("不能使用")),
}
_STATE_TONES: Final = {ACTIVE: "pass", REFUSED: "fail", DELETED: "none"}
_EVENT_TONES: Final = {"check": "pass", "supersede": "pass", "refuse": "fail", "offer": "unsure", "delete": "none"}
HOW: Final[Mapping[str, str]] = {
    "file": N_("上传的就是登记的证照文件本身"),
    "message": N_("文件内的数据电文写明是这份证照"),
    "code": N_("图上的二维码指向这份证照"),
    "number": N_("编号与这份证照相同"),
    "seal": N_("盖有这份证照的印章"),
    "type": N_("持证者此类证照只有这一份"),
}
"""By what a better copy was found."""
SHOW: Final = {
    "waiting": N_("待核验"),
    "checked": N_("已核验"),
    "refused": N_("已退回"),
    "all": N_("全部"),
}
GENERIC: Final = (N_("名称"), N_("编号"), N_("持证者"), N_("颁证单位"), N_("有效期"))
"""What is compared where no licence type says what stands on the original."""
MOST_ROWS: Final = 24


def address(item_id: str) -> str:
    """Its page at the window."""
    return f"/window/materials/{quote(item_id)}"


def own_address(item_id: str) -> str:
    """Its page in the holder's space."""
    return f"/space/materials/{quote(item_id)}"


def card(view: MaterialView, types: Mapping[str, str], language: str, translate: Translate) -> dict[str, Any]:
    """A material in a list or at the head of its page."""
    tone, word = USABLE[view.usable]
    return {
        "id": view.id,
        "href": address(view.id),
        "own_href": own_address(view.id),
        "title": view.title or translate(N_("已删除的材料")),
        "kind": view.kind.titled(language),
        "type": types.get(view.type_code, ""),
        "number": view.stated_number,
        "holder": mask_number(view.holder_code),
        "level": view.level,
        "level_words": translate(LEVEL_WORDS["R" if view.column == "R" else view.level]),
        "usable": {"tone": tone, "word": translate(word)},
        "state": {"tone": _STATE_TONES.get(view.state, "none"), "word": translate(STATE_TITLES[view.state])},
        "active": view.state == ACTIVE,
        "better": view.better,
        "case": view.case_number,
        "created": when(view.created),
        "pages": list(range(1, min(view.pages, 20) + 1)),
        "pdf": view.media_type,
        "digest": view.digest,
        "window": view.origin == "window",
        "has_file": view.state != DELETED,
        "problems": list(view.problems),
    }


def facts(
    view: MaterialView, types: Mapping[str, str], departments: Mapping[str, str], language: str, translate: Translate
) -> list[tuple[str, str]]:
    """What is known of it."""
    rows = [
        (translate("材料种类"), view.kind.titled(language)),
        (translate("证照类型"), types.get(view.type_code, "")),
        (translate("证照上的编号"), view.stated_number),
        (translate("持证者代码"), view.holder_code),
        (translate("办件编号"), view.case_number),
        (translate("核对窗口"), departments.get(view.department_id, "") if view.origin == "holder" else ""),
        (translate("上传时间"), when(view.created)),
        (translate("核验部门"), view.checked_by if view.checked_on else ""),
        (translate("核验时间"), when(view.checked_on) if view.checked_on else ""),
        (translate("原件有效期至"), view.valid_until),
        (translate("材料编号"), view.id),
        (translate("文件摘要（SM3）"), view.digest),
    ]
    return [(title, text) for title, text in rows if text]


def refusal(view: MaterialView, words: str, language: str) -> dict[str, str] | None:
    """Why it was refused, and what the holder must do."""
    found = reasons().get(view.refusal)
    if found is None:
        return None
    title, following = found.told(language)
    return {"title": title, "next": following, "words": words}


def reason_choices(language: str) -> list[dict[str, str]]:
    """The code book, to choose from."""
    return [
        {"code": one.code, "title": one.told(language)[0], "next": one.told(language)[1]} for one in reasons().values()
    ]


def kind_choices(language: str) -> list[tuple[str, str]]:
    """Kinds of uploads."""
    return [(one.code, one.titled(language)) for one in kinds().values() if one.who != "issuer"]


def course(
    lines: Sequence[EventLine], departments: Mapping[str, str], language: str, translate: Translate
) -> list[dict[str, Any]]:
    """材料经过, newest first."""
    return [_line(one, departments, language, translate) for one in reversed(lines)]


def _line(one: EventLine, departments: Mapping[str, str], language: str, translate: Translate) -> dict[str, Any]:
    code = reasons().get(one.details.get("code", ""))
    note = [
        code.told(language)[0] if code else "",
        one.details.get("case", ""),
        translate(HOW[one.details["how"]]) if one.details.get("how") in HOW else "",
    ]
    return {
        "title": translate(EVENT_TITLES.get(one.kind, one.kind)),
        "tone": _EVENT_TONES.get(one.kind, ""),
        "when": when(one.at),
        "who": departments.get(one.department_id, "") or (translate("持证者") if one.role == "holder" else one.actor),
        "reason": one.reason,
        "note": " · ".join(text for text in note if text),
        "signed": one.signed,
        "licence": one.details.get("licence", ""),
    }


# ---------------------------------------------------------------- 核对


def comparison(
    view: MaterialView,
    definition: LicenceTypeDefinition | None,
    original: Mapping[str, str],
    language: str,
    translate: Translate,
    given: FormData | None = None,
) -> list[dict[str, Any]]:
    """The rows to compare: the face fields of its type, or the usual ones; ``original`` are values of the register."""
    if given is not None:
        return [_row(n, *row_given(given, n)) for n in range(MOST_ROWS) if any(row_given(given, n))]
    if definition is None:
        titles = [(title, "") for title in map(translate, GENERIC)]
    else:
        fields = definition.schema["properties"]
        shown = list(fields)[: MOST_ROWS - 4]
        titles = [(_field_title(fields[name], name, language), original.get(name, "")) for name in shown]
        titles.insert(0, (translate("证照编号"), original.get("", "")))
    number = view.stated_number
    rows = [_row(n, title, number if n == (1 if definition is None else 0) else "", value)
            for n, (title, value) in enumerate(titles)]  # fmt: skip
    return [*rows, _row(len(rows), "", "", "")]


def _field_title(schema: Mapping[str, Any], name: str, language: str) -> str:
    return str(schema.get("x-title-en" if language == "en" else "title") or schema.get("title") or name)


def _row(number: int, title: str, upload: str, original: str) -> dict[str, Any]:
    same = not upload or not original or "".join(upload.split()) == "".join(original.split())
    return {"n": number, "title": title, "upload": upload, "original": original, "differs": not same}


def row_given(data: FormData, number: int) -> tuple[str, str, str]:
    """One row of a posted comparison: what, upload, original."""

    def text(name: str) -> str:
        value = data.get(f"{name}-{number}", "")
        return value.strip()[:400] if isinstance(value, str) else ""

    return text("aspect"), text("upload"), text("original")


def compared(data: FormData) -> tuple[tuple[str, str, str], ...]:
    """What was compared: rows with a value on both sides; one side may have been filled in for the officer."""
    rows = (row_given(data, number) for number in range(MOST_ROWS))
    return tuple((aspect, upload, original) for aspect, upload, original in rows if upload and original)


def may(view: MaterialView, role: str, action: str) -> bool:
    """Does the matrix allow it?"""
    return not matrix().verdict(action, view.column, role)


def state_tabs(states: Sequence[str], here: str, translate: Translate) -> list[dict[str, Any]]:
    """Filters by state; the first is everything that is not deleted."""
    return [
        {
            "href": f"/space/materials?state={one}" if one else "/space/materials",
            "title": translate(STATE_TITLES[one]) if one else translate(N_("全部")),
            "here": one == here,
        }
        for one in states
    ]
