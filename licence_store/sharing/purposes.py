"""用证目的: what a shared licence is wanted for; declared with every call, refused without (R117).

    Purpose.read({"system": "sys-…", "service_item": "食品经营许可新办", "material": "营业执照",
                  "case_number": "办件-2026-001", "basis": "《食品经营许可和备案管理办法》第十三条"})

Each part is one line of text. ``officer`` (who sits at the system, by the system's own mark, not by name) may be left
out. A purpose travels with a question that is passed on to another region, unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from unicodedata import normalize

from trust.errors import Malformed

LONGEST = 200
REQUIRED = ("system", "service_item", "material", "case_number", "basis")
_EMPTY = ("-", "--", "/", "无", "none", "null", "n/a", "test")
"""What people write who do not want to say."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """用证目的."""

    system: str
    """调用系统: client id of the system that asks."""
    service_item: str
    """政务服务事项."""
    material: str
    """要件: the material the licence stands for."""
    case_number: str
    """办件编号."""
    basis: str
    """法律依据."""
    officer: str = ""
    """经办: the system's own mark of who asks; never a name."""

    @classmethod
    def read(cls, value: object) -> Purpose:
        """From a question's ``purpose``.

        Raises ``Malformed``: ``sharing.purpose_missing``, ``sharing.purpose_malformed``, and for what is left out
        ``sharing.purpose_no_<part>``.
        """
        if value is None:
            raise Malformed(
                "sharing.purpose_missing",
                "每次共享调用都应声明用证目的。",
                remedy="请在正文的 purpose 中写明调用系统、事项、材料、办件编号和法律依据。",
            )
        names = [one.name for one in fields(cls)]
        if not isinstance(value, Mapping) or not set(value) <= set(names):
            raise _malformed("purpose")
        read = {name: _line(name, value.get(name, "")) for name in names}
        for name in REQUIRED:
            if not read[name] or read[name].casefold() in _EMPTY:
                raise Malformed(
                    f"sharing.purpose_no_{name}",
                    "用证目的中缺少“{field}”。",
                    remedy="请在 purpose.{field} 中如实填写。",
                    field=name,
                )
        return cls(**read)

    def to_json(self) -> dict[str, str]:
        """As it is signed, logged and passed on."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @property
    def words(self) -> str:
        """One line for logs and for the holder."""
        return f"{self.service_item}／{self.material}（{self.case_number}）"


def _line(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _malformed(name)
    text = normalize("NFC", value).strip()
    if len(text) > LONGEST or not text.isprintable():
        raise _malformed(name)
    return text


def _malformed(name: str) -> Malformed:
    return Malformed(
        "sharing.purpose_malformed",
        "用证目的的“{field}”应为不超过 {limit} 个字符的一行文字。",
        field=name,
        limit=LONGEST,
    )
