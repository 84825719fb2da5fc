"""通知的文字, in the recipient's language: a heading and a few lines; no more about a person than the text needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from trust.errors import fill
from trust.i18n import N_, choose_language, translator


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """通知种类."""

    name: str
    title: str
    """Chinese, in the catalogue; the heading with its places."""
    holder: str
    """What the holder is told."""
    department: str = ""
    """What the issuing department is told; empty: it is never told this."""


KINDS: Mapping[str, NoticeKind] = MappingProxyType(
    {
        one.name: one
        for one in (
            NoticeKind(
                "licence.expiring",
                N_("证照将于 {ends} 到期：{type}"),
                N_(
                    "您持有的“{type}”（证照编号 {number}）有效期至 {ends}，还有 {days} 天到期。\n"
                    "如需继续使用，请向颁证单位“{issuer}”申请延续。"
                ),
                N_(
                    "贵单位颁发的“{type}”（证照编号 {number}）有效期至 {ends}，还有 {days} 天到期。\n"
                    "电子证照标识：{licence_id}"
                ),
            ),
            NoticeKind(
                "inspection.due",
                N_("请办理 {year} 年度年检：{type}"),
                N_(
                    "您持有的“{type}”（证照编号 {number}）应于 {opens} 至 {closes} 办理 {year} 年度年检。\n"
                    "请向颁证单位“{issuer}”提交年检材料。"
                ),
                N_(
                    "贵单位颁发的“{type}”（证照编号 {number}）应于 {opens} 至 {closes} 办理 {year} 年度年检。\n"
                    "电子证照标识：{licence_id}"
                ),
            ),
            NoticeKind(
                "dispute.opened",
                N_("收到一件异议：{type}"),
                N_("您对“{type}”（编号 {number}）的异议已受理，应于 {deadline} 前答复。\n异议编号：{dispute}"),
                N_(
                    "持证者对“{type}”（编号 {number}）提出异议，应于 {deadline} 前答复。\n"
                    "异议编号：{dispute}，请登录后在“异议”中办理。"
                ),
            ),
            NoticeKind(
                "dispute.answered",
                N_("您的异议已答复：{type}"),
                N_("您对“{type}”（编号 {number}）的异议已答复，请登录用户空间查看。\n异议编号：{dispute}"),
                N_("对“{type}”（编号 {number}）的异议已答复。\n异议编号：{dispute}"),
            ),
            NoticeKind(
                "licence.changed",
                N_("证照变更事件：{type}"),
                N_("事件 {event_id}：{change}\n电子证照标识：{licence_id}"),
                N_("事件 {event_id}：{change}\n电子证照标识：{licence_id}"),
            ),
            NoticeKind(
                "material.checked",
                N_("材料已与原件核对：{type}"),
                N_(
                    "“{issuer}”已将您的材料“{type}”与原件核对，可信等级现为 B，今后办事可以直接使用。\n"
                    "材料编号：{number}"
                ),
            ),
            NoticeKind(
                "material.refused",
                N_("材料被退回：{type}"),
                N_("“{issuer}”退回了您的材料“{type}”。理由：{reason}。\n{next}\n材料编号：{number}"),
            ),
            NoticeKind(
                "copy.accepted",
                N_("用证副本已被采用：{type}"),
                N_(
                    "“{issuer}”采用了您的“{type}”用证副本，这是第 {count} 次。用途：{purpose}。\n"
                    "副本编号：{number}。如非您本人所为，请收回该副本，并在“用证记录”中提出异议。"
                ),
            ),
            NoticeKind(
                "copy.refused",
                N_("用证副本没有被采用：{type}"),
                N_(
                    "“{issuer}”没有采用您的“{type}”用证副本。对方说明的用途：{purpose}。\n"
                    "副本编号：{number}。理由请在用户空间的该副本中查看。"
                ),
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Text:
    """What one recipient reads."""

    heading: str
    body: str


def text_of(kind: str, party_kind: str, facts: Mapping[str, str], language: str) -> Text:
    """The notice in ``language``; ``type`` comes from the facts in that language."""
    chosen, translate, english = KINDS[kind], translator(language), choose_language(language) == "en"
    known = {name: (facts.get(f"{name}_en") if english else "") or fact for name, fact in facts.items()}
    body = chosen.holder if party_kind == "holder" else chosen.department
    closing = translate(N_("本通知由电子证照系统自动发出，请勿回复。"))
    words = fill_lines(translate(body), known) if body else ""
    return Text(fill(translate(chosen.title), known), _lines(words, closing))


def fill_lines(template: str, facts: Mapping[str, str]) -> str:
    """As ``fill``, line by line: what a fact holds never makes a line of its own."""
    return "\n".join(fill(line, facts) for line in template.split("\n"))


def _lines(*parts: str) -> str:
    return "\n\n".join(parts) + "\n"
