"""怎么办: what somebody who reads a finding should do, by the finding's code or the area it belongs to.

    advice_for("integrity.digest_mismatch")

Texts are Chinese msgids like all messages; ``docs/findings.md`` lists every code with its advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from trust.i18n import N_

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "package": N_("不要采信。请向颁证单位或持证者索取原始文件，不要用解压、另存等方式处理证照文件。"),
        "package.name_encoding": N_("不影响结论。"),
        "package.limit": N_("文件过大，不是正常的证照；请索取原始文件。"),
        "format": N_("不要采信。请确认提交的是 OFD 或 PDF 版式文件，并向颁证单位或持证者索取原始文件。"),
        "format.not_ofd": N_("请提交 OFD 或 PDF 版式文件，不要提交截图、扫描件或打印件。"),
        "format.pdf_encrypted": N_("请提交未加密的原件。"),
        "format.links": N_("打开文件时不要点击其中的链接。"),
        "format.actions": N_("打开文件时不要点击其中的链接。"),
        "format.hidden_annotation": N_("请留意文件带有看不见的注释。"),
        "format.named_missing": N_("不影响签章结论；显示可能不完整。"),
        "integrity": N_("文件在盖章之后被改动，不要采信。请索取原始文件，必要时报告颁证单位。"),
        "coverage": N_("文件中有签章没有保护的内容，不要采信。请索取原始文件。"),
        "coverage.unnamed": N_("不影响结论。"),
        "coverage.earlier_signature": N_("请留意各签名的先后没有证明；各自的结论不受影响。"),
        "coverage.partial": N_("请留意这一签名只保护文件的一部分；其他签名保护其余部分。"),
        "signature": N_("签章数据不正确，不要采信。请索取原始文件，必要时报告颁证单位。"),
        "signature.none": N_("文件没有签章，不能证明真伪。请索取已盖章的电子证照。"),
        "signature.no_certificate": N_("请向签名人索取其证书，或要求对方使用带证书的签名。"),
        "signature.raw_value": N_("不影响结论。"),
        "signature.experimental": N_("不影响结论；其他软件可能还不能读取这种格式。"),
        "signature.critical_extension": N_("请使用更新版本的核验软件，或询问签章软件的厂商。"),
        "ses": N_("签章数据不正确，不要采信。请索取原始文件，必要时报告颁证单位。"),
        "cms": N_("签章数据不正确，不要采信。请索取原始文件，必要时报告颁证单位。"),
        "seal": N_("印章不可信，不要采信。请与印章所属单位核实。"),
        "seal.no_file": N_("不影响结论。"),
        "seal.raw_value": N_("不影响结论。"),
        "seal.not_shown": N_("请留意看不见的印章；以签章人和结论为准。"),
        "seal.standing_not_checked": N_("如需确认，请联网或向印章所属单位查询印章状态。"),
        "seal.not_in_force": N_("印章在签章时已停用，不要采信。请与印章所属单位核实。"),
        "seal.not_in_force_no_poe": N_("请向颁证单位核实，或索取带时间戳的新版本。"),
        "seal.expired_no_poe": N_("请向颁证单位核实，或索取带时间戳的新版本。"),
        "certificate": N_("不能确认签章人的身份。请核对信任库是否为最新，并与颁证单位核实。"),
        "certificate.unknown_issuer": N_("如果你信任这家证书机构，请管理员把它的证书加入信任库；否则不要采信。"),
        "certificate.untrusted_root": N_("如果你信任这家证书机构，请管理员把它的证书加入信任库；否则不要采信。"),
        "revocation": N_("请更新信任库（证书废止列表）后重新核验。"),
        "revocation.source_silent": N_("请检查网络和废止信息源后重新核验；在此之前不能确认证书是否有效。"),
        "revocation.source_unreachable": N_("请检查网络和废止信息源。"),
        "revocation.unknown": N_("颁发机构不认识该证书，不要采信。请与颁证单位核实。"),
        "revocation.revoked": N_("签章人的证书已废止，不要采信。请与颁证单位核实。"),
        "revocation.revoked_no_poe": N_("签章人的证书已废止，不能确认签章在此之前完成。请与颁证单位核实。"),
        "time.token_inside": N_("请留意签章时间没有证明。"),
        "time": N_("签章时间不合理。请检查本机时钟，并与颁证单位核实。"),
        "timestamp": N_("时间戳不可信，签章时间没有证明。请与颁证单位核实。"),
        "message": N_("证照的数据与照面不一致，不要采信。请与颁证单位核实。"),
        "message.none": N_("如果对方称这是电子证照，请向颁证单位核实。"),
        "message.unbound_text": N_("请留意页面上有登记数据之外的文字。"),
        "pdf": N_("文件在签章之后被改动或不完整，不要采信。请索取原始文件，必要时报告颁证单位。"),
        "pdf.active": N_("不要打开其中的脚本或程序。请向颁证单位索取不带活动内容的文件。"),
        "pdf.hidden": N_("请向颁证单位索取不带隐藏内容的文件。"),
        "pdf.outside": N_("请向颁证单位索取完整的文件。"),
        "pdf.attachment": N_("不要打开内嵌的文件。请向颁证单位索取不带程序的文件。"),
        "pdf.filled": N_("请留意表单内容是签名之后填写的。"),
        "pdf.stamp_not_believed": N_("请留意签名时间没有证明；如果你信任这家时间戳机构，请管理员把它加入信任库。"),
        "pdf.signing_certificate": N_("不能确认签名人的身份。请与签名人核实。"),
        "pdf.path": N_("不能确认签名人的身份。请与签名人核实。"),
        "pdf.untrusted": N_("如果你信任这家证书机构，请管理员把它的证书加入信任库；否则不要采信。"),
        "pdf.constraints": N_("如果你信任这家证书机构，请管理员把它的证书加入信任库；否则不要采信。"),
        "pdf.revoked": N_("签章人的证书已废止，不要采信。请与颁证单位核实。"),
        "pdf.revoked_no_poe": N_("签章人的证书已废止，不能确认签章在此之前完成。请与颁证单位核实。"),
        "pdf.expired": N_("请向颁证单位核实，或索取带时间戳的新版本。"),
        "pdf.revocation_missing": N_("请更新信任库（证书废止列表）后重新核验。"),
        "licence": N_("请与颁证单位核实该证照的状态。"),
        "licence.expired": N_("证照已过有效期，请办理延续或换发。"),
        "licence.superseded": N_("该证照已有新版本，请索取新版本。"),
        "licence.packed_anew": N_("不影响结论。"),
        "licence.required_seal_missing": N_("证照缺少应盖的印章，不要采信。"),
        "LICENCE_STATUS_NOT_CHECKED": N_("结论只说明文件本身真实完整。请联网或到颁证单位查询证照的现时状态。"),
        "copy": N_("副本与其条款不一致或不是由证照副本专用章制作的，不要采信。请持证者重新制作用证副本。"),
        "copy.purpose_not_stated": N_("请写明用途后重新核验；用途应与副本上所写的一致。"),
        "copy.purpose_differs": N_("不要用于副本所写以外的用途。请持证者为该用途另行制作用证副本。"),
        "copy.recipient_differs": N_("不要使用发给其他单位的副本。请持证者为本单位另行制作用证副本。"),
        "copy.service_item_differs": N_("请持证者为该事项另行制作用证副本。"),
        "copy.case_differs": N_("请持证者为该办件另行制作用证副本。"),
        "copy.expired": N_("请持证者重新制作用证副本。"),
        "copy.not_yet_valid": N_("请核对所询问的时间。"),
        "copy.revoked": N_("持证者已收回该副本，不要使用。"),
        "copy.used_up": N_("该副本的使用次数已经用完，请持证者重新制作。"),
        "copy.original_check_required": N_("请核对原件，一致后才能使用。"),
        "copy.original_differs": N_("请与颁证单位核实原件。"),
        "copy.status": N_("请向制作副本的单位核实。"),
        "copy.not_entitled": N_("不要据以采信。请核对原件，或向颁证单位核实。"),
        "copy.other_region": N_("不要采信。请持证者重新制作用证副本。"),
        "copy.status_as_of": N_("制作副本的地区暂时问不到。请稍后再核验；在此之前不要采用。"),
        "copy.status_unreachable": N_("制作副本的地区暂时问不到。请稍后再核验；在此之前不要采用。"),
        "COPY_STATUS_NOT_CHECKED": N_("请联网或向制作副本的单位查询副本是否已被收回、次数是否用完。"),
        "licence.status_as_of": N_("证照所属地区暂时无法访问。请稍后再核验，或请当事人出示原件并向颁证单位核实。"),
        "licence.status_unreachable": N_(
            "证照所属地区暂时无法访问。请稍后再核验，或请当事人出示原件并向颁证单位核实。"
        ),
        "licence.status_place": N_("不要采信。请向证照所属地区核实。"),
        "entitlement": N_("不能按 A 级采信：请作为需要核对的材料办理（核对后可作 B 级），或向证照所属地区核实。"),
        "entitlement.found": N_("不影响结论。"),
        "entitlement.not_checked": N_("请管理员加入信任列表（region join）后再核验其他地区的证照。"),
        "entitlement.list_expired": N_("请管理员更新信任列表后重新核验。"),
        "published": N_("状态列表或信任包不可信，请重新获取。"),
    }
)
"""Code or area → what to do."""

DEFAULT = N_("请与颁证单位核实。")


def advice_for(code: str) -> str:
    """What to do about the finding ``code``: its own advice, else its area's."""
    return ADVICE.get(code) or ADVICE.get(code.partition(".")[0], DEFAULT)
