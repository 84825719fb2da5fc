"""纸质来源: how a licence comes from paper (modes 1 to 3), what was compared with what, how far it is believed (T7).

A scan is not born credible. ``A``: the issuing body itself confirms it against its archive, or it is its own result,
digitised as it is issued. ``B``: somebody has checked it against the original, whoever's it is. Either way the seal is
that of the body which vouches, and the record says which and who.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from trust.errors import Malformed, Refused
from trust.i18n import N_


@dataclass(frozen=True, slots=True)
class Mode:
    """采集方式."""

    name: str
    title: str
    """信息来源 (R030) as it is sealed."""
    originals: tuple[str, ...]
    """What may be compared with: words of ``ORIGINALS``, the usual one first."""


ORIGINALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "archive": N_("本机关存档的纸质证照"),
        "holder": N_("持证者出示的证照原件"),
        "result": N_("本次办件制发的证照原件"),
    }
)
MODES: Final[Mapping[str, Mode]] = MappingProxyType(
    {
        mode.name: mode
        for mode in (
            Mode("scan", N_("证照录入"), ("archive", "holder")),
            Mode("material", N_("申请材料电子化"), ("holder",)),
            Mode("result", N_("审批结果电子化"), ("result",)),
        )
    }
)
"""证照录入 (R024), 申请材料电子化 (R025), 审批结果电子化 (R026)."""


@dataclass(frozen=True, slots=True)
class EntryRule:
    """录入规则 of a type: ``"entry": {"second_check": true, "windows": ["hall"]}`` in its document."""

    second_check: bool = False
    """A second person looks at every sheet before it is sealed."""
    windows: tuple[str, ...] = ()
    """Departments that check originals for others and never confirm for the issuing body."""

    @classmethod
    def of(cls, source: Mapping[str, Any]) -> EntryRule:
        """Read from a type's document; raises ``Malformed("type.entry")``."""
        stated = source.get("entry") or {}
        if not isinstance(stated, Mapping) or not set(stated) <= {"second_check", "windows"}:
            raise _bad_rule()
        second, windows = stated.get("second_check", False), stated.get("windows", [])
        if not isinstance(second, bool) or not isinstance(windows, list):
            raise _bad_rule()
        if not all(isinstance(window, str) for window in windows):
            raise _bad_rule()
        return cls(second, tuple(windows))


def _bad_rule() -> Malformed:
    expected = '{"second_check": true, "windows": ["…"]}'
    return Malformed("type.entry", "证照类型的“entry”应为 {expected}。", expected=expected)


def find_mode(name: str) -> Mode:
    """The mode called ``name``; raises ``Malformed("entry.mode")``."""
    if name not in MODES:
        raise Malformed("entry.mode", "采集方式应为 {expected} 之一。", expected="、".join(MODES))
    return MODES[name]


@dataclass(frozen=True, slots=True)
class Comparison:
    """核对: who compared what with which original."""

    original: str = ""
    """A word of ``ORIGINALS``."""
    number: str = ""
    """Number of the original or of its file in the archive; may be empty."""
    confirmed_by_issuer: bool = False
    """The officer declares: our body issued it, and it stands so in our archive."""


UNCOMPARED: Final = Comparison()
"""Nobody has said anything yet."""


def judge(mode: Mode, rule: EntryRule, department: str, comparison: Comparison) -> str:
    """可信等级 by T7: ``A`` or ``B``.

    Raises ``Malformed("entry.original")`` while nobody says what was compared, ``Refused("entry.window")`` where a
    window confirms for a body it is not.
    """
    if comparison.original not in mode.originals or len(comparison.number) > 100:
        raise Malformed("entry.original", "请说明与哪一份原件核对过。", remedy="请选择所核对的原件。")
    window = department in rule.windows
    if comparison.confirmed_by_issuer and window:
        raise Refused("entry.window", "窗口部门只核对原件，不能代颁证单位确认；请按“{level}”级办理。", level="B")
    own_result = mode.name == "result" and not window
    return "A" if comparison.confirmed_by_issuer or own_result else "B"


def believed(document: Mapping[str, Any], department: str, credibility: str) -> str:
    """可信等级 of what ``department`` seals, by whatever way it came: a window's own word is ``B`` at most."""
    return "B" if credibility == "A" and department in EntryRule.of(document).windows else credibility


def said_of(comparison: Comparison) -> str:
    """What was compared, as the register keeps it."""
    return comparison.original + (f": {comparison.number}" if comparison.number else "")
