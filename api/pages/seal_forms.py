"""印章办理表单: which fields a step's form has, and what a filled-in form brings to the register."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.datastructures import FormData, UploadFile

from api.moments import parse_local
from api.pages.verdict import data_address
from api.refusals import TooLarge
from api.seal_office import Given
from seal.kinds import PERSONAL_SEAL, find_kind
from seal.lifecycle import STEPS, Rule
from seal.records import MAX_BASIS, Basis, NewSeal, Permission
from trust.errors import Malformed
from trust.i18n import N_

if TYPE_CHECKING:
    from seal.impression import Impression
    from seal.records import SealSummary

EXTRA: Final[Mapping[str, tuple[str, ...]]] = {
    "make": ("key", "face"),
    "import": ("object", "key"),
    "change_face": ("face",),
    "change_certificate": ("key",),
    "report_lost": ("since",),
    "request": ("change",),
    "grant": ("permission",),
    "end_grant": ("end",),
}
"""Fields of a step beside the reason and the basis document."""

CONSEQUENCES: Final[Mapping[str, str]] = {
    "withdraw": N_("撤回后本申请即告终结；需要时重新申请。"),
    "approve": N_("批准后由印章管理员制作。批准人不得再办理制作。"),
    "reject": N_("驳回后本申请即告终结；申请人可重新申请。"),
    "make": N_("由本系统的制章人制作并签名，印模和签章人证书写入印章数据，此后不能修改，只能变更为新的一版。"),
    "import": N_("导入前检查：印章编码和名称与申请一致，制章人可信，签章人证书在列且有效。"),
    "issue": N_("发放后由持章单位的经办人签收启用。"),
    "activate": N_("启用前再次检查印章和签章人证书。启用后即可在授权范围内用章。"),
    "grant": N_("得到授权的人员即可用这枚印章签发所选证照，直到授权被收回。"),
    "end_grant": N_("收回后立即不能再用；已盖的章不受影响。"),
    "freeze": N_("冻结后立即不能用章，可以解冻；此前已盖的章不受影响。"),
    "unfreeze": N_("解冻前再次检查印章和签章人证书；解冻后恢复用章。"),
    "report_lost": N_("挂失后立即不能用章。写明失控时间的，自该时间起盖的章不予采信。"),
    "request": N_("变更和销毁都须先经审批人批准，再由印章管理员办理。"),
    "approve_request": N_("批准后由印章管理员办理。"),
    "reject_request": N_("驳回后印章照旧；需要时重新申请。"),
    "change_face": N_("制作新的一版印章数据，印章编码不变，旧版保留备查，此后不能再用。"),
    "change_certificate": N_("以新证书制作新的一版印章数据，印章编码和印模不变，旧版保留备查，此后不能再用。"),
    "confiscate": N_("收缴后不能再用，也不能恢复，只能销毁；此前有可信时间证明的章不受影响。"),
    "destroy": N_("销毁不可恢复。印章数据和全部记录仍予保存，此前有可信时间证明的章不受影响。"),
    "destroy_confiscated": N_("销毁不可恢复。印章数据和全部记录仍予保存，此前有可信时间证明的章不受影响。"),
}
"""What a step brings about, said before it is taken."""


def fields_of(step: str) -> frozenset[str]:
    """Names of the fields of a step's form, ``reason`` always among them."""
    basis = ("basis",) if Rule.BASIS in STEPS[step].rules else ()
    return frozenset({"reason", *basis, *EXTRA.get(step, ())})


def text_of(data: FormData, name: str, limit: int = 500) -> str:
    """A line or paragraph of the form, trimmed, without control characters; what was no text is empty."""
    value = data.get(name, "")
    if not isinstance(value, str):
        return ""
    return "".join(char for char in value if char.isprintable() or char == "\n").strip()[:limit]


async def read_upload(data: FormData, name: str, limit: int) -> tuple[str, bytes] | None:
    """``(file name, content)`` of a file field; ``None`` where nothing was chosen. Raises ``TooLarge``."""
    given = data.get(name)
    if not isinstance(given, UploadFile) or not given.filename:
        return None
    content = await given.read(limit + 1)
    if len(content) > limit:
        raise TooLarge("request.too_large", "文件超过 {limit} 字节的上限。", limit=limit)
    plain = "".join(char for char in given.filename if char.isprintable())
    return plain.replace("\\", "/").rpartition("/")[2][-200:] or "—", content


@dataclass(frozen=True, slots=True)
class Filled:
    """填好的表单: what was entered, so that it can be acted on or shown again."""

    values: Mapping[str, str]
    types: tuple[str, ...]
    basis: Basis | None
    seal: bytes
    picture: bytes
    """An uploaded impression, this time or, by way of the form, the time before."""

    @classmethod
    async def read(cls, data: FormData) -> Filled:
        """Raises ``TooLarge``, ``Malformed("impression.upload_format")``."""
        basis = await read_upload(data, "basis", MAX_BASIS)
        seal = await read_upload(data, "object", 1 << 20)
        picture = await read_upload(data, "picture", 2 << 20)
        names = ("reason", "key", "since", "change", "grant", "account", "limit", "face", "top", "foot", "size")
        return cls(
            {name: text_of(data, name) for name in names},
            tuple(one for one in data.getlist("types") if isinstance(one, str))[:200],
            Basis(*basis) if basis else None,
            seal[1] if seal else b"",
            picture[1] if picture else _carried(data),
        )

    def given(self, seal: SealSummary, step: str) -> Given:
        """办理所附. Raises ``Malformed("impression.*", "moment.local", "seal.picture_missing")``."""
        values = self.values
        impression = self.impression(seal) if "face" in fields_of(step) else None
        return Given(
            reason=values["reason"],
            basis=self.basis,
            key_name=values["key"],
            picture=impression.picture if impression else b"",
            size=self.size(seal) if impression else None,
            seal=self.seal,
            since=parse_local(values["since"]),
            change=values["change"],
        )

    def impression(self, seal: SealSummary) -> Impression:
        """印模: uploaded and checked, or drawn from what was entered."""
        from seal.engraving import draw_impression
        from seal.uploads import check_upload

        kind, size = find_kind(seal.kind), self.size(seal)
        kind.check_size(*size)
        if self.values["face"] == "upload":
            if not self.picture:
                raise Malformed("seal.picture_missing", "请附上印模图片（PNG）。")
            return check_upload(self.picture, *size, red=kind.type != PERSONAL_SEAL)
        code = seal.id if len(seal.id) <= 20 else ""
        return draw_impression(
            seal.kind, self.values["top"] or seal.holder_name, code, text=self.values["foot"], size=size
        )

    def size(self, seal: SealSummary) -> tuple[int, int]:
        """Width and height chosen, in millimetres; the usual one where none was."""
        for one in find_kind(seal.kind).sizes:
            if size_word(one) == self.values["size"]:
                return one
        return find_kind(seal.kind).sizes[0]

    def permission(self) -> Permission:
        """Raises ``Malformed("seal.grant")``."""
        limit = self.values["limit"]
        if limit and not (limit.isascii() and limit.isdigit() and len(limit) <= 8):
            raise Malformed("seal.grant", "每日用章次数应为正整数。")
        return Permission(account=self.values["account"], types=self.types, daily_limit=int(limit) if limit else None)


def _carried(data: FormData) -> bytes:
    """A picture that was uploaded for the preview and comes back with the form."""
    value = data.get("carried", "")
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except binascii.Error:
        return b""


def size_word(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


@dataclass(frozen=True, slots=True)
class Face:
    """印模预览 at true size."""

    address: str
    width: str
    height: str
    carried: str
    """The uploaded picture for the next form, base64; empty where it was drawn."""

    @property
    def size(self) -> str:
        return f"{self.width} × {self.height}".replace("mm", " mm")


def face_of(impression: Impression, carried: bytes = b"") -> Face:
    return Face(
        data_address(impression.picture, impression.picture_type),
        f"{impression.width_mm}mm",
        f"{impression.height_mm}mm",
        base64.b64encode(carried).decode(),
    )


def new_seal(data: FormData, department: str) -> NewSeal:
    """拟制印章 as entered."""
    return NewSeal(
        name=text_of(data, "name", 200),
        department=department or text_of(data, "department", 32),
        kind=text_of(data, "kind", 40) or "special",
        purpose=text_of(data, "purpose", 200),
        holder_kind=text_of(data, "holder_kind", 16) or "institution",
        holder_name=text_of(data, "holder_name", 200),
        holder_code=text_of(data, "holder_code", 64).upper(),
        seal_id=text_of(data, "seal_id", 64),
    )


def draft(seal: SealSummary, translate: Callable[[str], str]) -> Face | None:
    """样稿 of a seal that is not made yet; ``None`` where it cannot be drawn."""
    from seal.engraving import draw_impression

    code = seal.id if len(seal.id) <= 20 else ""
    try:
        return face_of(draw_impression(seal.kind, seal.holder_name, code, text=default_foot(seal)))
    except Malformed:
        return None


def default_foot(seal: SealSummary) -> str:
    """What stands below the star unless somebody says otherwise, as the register draws it."""
    beyond = seal.name.removeprefix(seal.holder_name)
    if beyond != seal.name and 0 < len(beyond) <= 12 and seal.kind not in ("official", "name"):
        return beyond
    return find_kind(seal.kind).centre_text
