"""提示: what a reader should know although it decides nothing. Each becomes a warning or an info."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from seal.copies import COPY_ENTRY
from seal.message import MESSAGE_ENTRY
from trust.anchors import TrustStore
from trust.i18n import N_
from verify.face import Face
from verify.opening import HARMLESS, OpenedDocument, OpenedSignature
from verify.report import Finding, Severity


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing worth telling."""

    severity: Severity
    code: str
    template: str
    params: dict[str, object] = field(default_factory=dict)

    @property
    def finding(self) -> Finding:
        return Finding(self.code, self.severity, self.template, self.params)


def _warn(code: str, template: str, **params: object) -> Remark:
    return Remark(Severity.WARNING, code, template, params)


PACKED_ANEW = Remark(
    Severity.INFO,
    "licence.packed_anew",
    N_("文件与登记系统中的不是逐字节相同（重新打包或另加了签名），但登记的内容全部在内。"),
)


STANDING_NOT_CHECKED = Remark(
    Severity.INFO,
    "seal.standing_not_checked",
    N_("没有查询印章在签章时是否被冻结、挂失或销毁（没有印章登记系统，也没有有效的印章状态列表）。"),
)


def _info(code: str, template: str, **params: object) -> Remark:
    return Remark(Severity.INFO, code, template, params)


def on_document(opened: OpenedDocument, unnamed: list[str]) -> Iterator[Remark]:
    """About the file as a whole; ``unnamed`` are entries covered by a signature that no XML names."""
    contents = opened.contents
    if opened.signatures and not {MESSAGE_ENTRY, COPY_ENTRY} & opened.entries.keys():
        template = N_("文件不带证照数据电文：结论只说明由谁签署、内容是否完整，不说明它是一份证照。")
        yield _info("message.none", template)
    for anomaly in opened.package.anomalies:
        if anomaly.code in HARMLESS:
            yield _warn(anomaly.code, anomaly.template, detail=anomaly.detail)
    if unnamed:
        yield _info("coverage.unnamed", N_("受签名保护但未被文档使用的文件：{names}"), names=listed(unnamed))
    bare = list(_earlier_signatures_left_out(opened))
    if bare:
        yield _warn("coverage.earlier_signature", N_("后加的签名没有保护先前的签名：{names}。"), names=listed(bare))
    if contents.missing:
        yield _warn("format.named_missing", N_("文档提到但包内没有的文件：{names}"), names=listed(contents.missing))
    if contents.actions:
        yield _warn("format.actions", N_("文档带有动作（打开链接、播放等）：{names}"), names=listed(contents.actions))
    if contents.hidden:
        yield _warn("format.hidden_annotation", N_("文档带有隐藏的注释：{names}"), names=listed(contents.hidden))


def _earlier_signatures_left_out(opened: OpenedDocument) -> Iterator[str]:
    """Files of earlier signatures that a later one does not cover, so that the order stays unproved."""
    for index, signature in enumerate(opened.signatures):
        covered = {name for name, _digest in signature.references}
        for earlier in opened.signatures[:index]:
            yield from (name for name in earlier.own_names if name not in covered)


def on_signature(signature: OpenedSignature, left_out: list[str]) -> Iterator[Remark]:
    """About one signature: what it leaves to others, and forms read although the standard knows another."""
    if left_out and signature.references:
        yield _warn("coverage.partial", N_("这一签名没有保护以下文件：{names}。"), names=listed(left_out))
    value = signature.ses.signature if signature.ses else b""
    if signature.cms and signature.cms.signers:
        value = signature.cms.signers[0].signature
    if len(value) == 64:
        yield _warn("signature.raw_value", N_("签名值为 64 字节的 r‖s，不是标准规定的 DER 编码；已按其含义验证。"))
    if signature.ses and len(signature.ses.seal.signature) == 64:
        yield _warn("seal.raw_value", N_("印章的制章人签名值为 64 字节的 r‖s，不是标准规定的 DER 编码。"))
    if signature.ses and signature.xml and not signature.xml.stamps:
        yield _warn("seal.not_shown", N_("印章没有出现在任何页面上。"))
    if signature.ses and signature.ses.structure == "SES-V5":
        yield _warn("signature.experimental", N_("签章为 GM/T 0031-2025 格式；该格式按公开实现解读，属试验性支持。"))
    if signature.ses and signature.ses.structure == "SES-V1" and signature.ses.timestamp:
        yield _warn("time.token_inside", N_("时间戳在签章原文之内，不能证明签章何时产生；签章时间仅为自称。"))
    if signature.ses and not signature.seal_name:
        yield _info("seal.no_file", N_("包内没有单独的印章文件（Seal.esl），以签章数据内的印章为准。"))


def on_trust(trust: TrustStore, known_at: datetime) -> Iterator[Remark]:
    """About what the verifier believes."""
    if not trust.is_fresh(known_at) and trust.next_update is not None:
        template = N_("信任包应于 {next_update} 前更新，现已过时；请取得新的信任包。")
        yield _warn("published.bundle_stale", template, next_update=trust.next_update.isoformat())
    for source in trust.silent:
        template = N_("废止信息源 {url} 没有可用的应答（{reason}），本次核验使用此前取得的废止信息。")
        yield _warn("revocation.source_unreachable", template, url=source.url[:200], reason=source.code)


def on_face(face: Face) -> Iterator[Remark]:
    """About the texts drawn on the pages."""
    if face.unbound:
        texts = listed([text.strip()[:24] for text in face.unbound])
        yield _warn("message.unbound_text", N_("页面上有不属于任何照面字段的文字：{texts}"), texts=texts)
    if face.unknown_fonts:
        template = N_("文件内嵌了未知的字体（{names}），其字形是否与文字相符无法核对，请目视核对照面。")
        yield _warn("message.font_unknown", template, names=listed(face.unknown_fonts))


def listed(names: list[str] | tuple[str, ...]) -> str:
    """Up to five names for a message, and how many more there are."""
    shown = "、".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} … (+{len(names) - 5})"
