"""拒收理由: every reason for which a file is not taken, in words that say how to mend it. Printed in the docs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trust.errors import LicenceTrustError, Malformed, Refused
from trust.i18n import N_


@dataclass(frozen=True, slots=True)
class Reason:
    """拒收理由."""

    template: str
    remedy: str
    dangerous: bool = False
    """No mending: such content is never taken (``Refused``); else the sender mends the file (``Malformed``)."""


_AGAIN: Final = N_("请重新扫描或另存后再上传。")
_PRINTED: Final = N_("请将内容打印或另存为不含这些内容的 PDF 后再上传。")

REASONS: Final[Mapping[str, Reason]] = {
    "empty": Reason(N_("文件是空的。"), N_("请重新选择文件。")),
    "too_large": Reason(
        N_("文件超过 {limit}，此类材料不接受。"), N_("请降低扫描分辨率、改用灰度或分成几份后再上传。")
    ),
    "unsupported": Reason(
        N_("不接受 {found} 文件；可上传：{allowed}。"),
        N_("请另存为所列格式之一后再上传；在手机上，可打开后截屏。只改文件名没有用。"),
    ),
    "executable": Reason(
        N_("这是可执行程序或含有可执行程序，不予收取。"), N_("请上传文档或图片，不要上传程序。"), dangerous=True
    ),
    "script": Reason(N_("这是脚本程序，不予收取。"), N_("请上传文档或图片，不要上传程序。"), dangerous=True),
    "office": Reason(
        N_("这是办公文档（可能含宏），不予收取。"), N_("请另存为 PDF 或 OFD 后再上传。"), dangerous=True
    ),
    "archive": Reason(
        N_("这是压缩包或磁盘映像，不予收取。"), N_("请解压后逐个上传其中的文档或图片。"), dangerous=True
    ),
    "markup": Reason(N_("这是网页或矢量图形代码，不予收取。"), N_("请打印为 PDF 后再上传。"), dangerous=True),
    "polyglot": Reason(
        N_("文件中夹带了另一种文件（{found}），不予收取。"), N_("请重新扫描或拍照，上传未经处理的文件。"),
        dangerous=True,
    ),
    "trailing_data": Reason(N_("文件结尾之后还有多余的数据，不予收取。"), _AGAIN, dangerous=True),
    "encrypted": Reason(N_("文件已加密或设有口令、权限限制，不予收取。"), N_("请去除口令和限制后再上传。")),
    "active_content": Reason(
        N_("文件含有脚本、自动动作等活动内容（{found}），不予收取。"), _PRINTED, dangerous=True
    ),
    "embedded_files": Reason(N_("文件中嵌有附件，不予收取。"), N_("请去除附件，附件可单独上传。"), dangerous=True),
    "outside_content": Reason(N_("文件的内容引自文件之外（{found}），不予收取。"), _PRINTED, dangerous=True),
    "damaged": Reason(N_("文件已损坏或内容异常，无法打开。"), _AGAIN),
    "bomb": Reason(N_("文件展开后异常巨大，不予收取。"), _AGAIN, dangerous=True),
    "too_costly": Reason(
        N_("检查此文件所需的时间或内存超过限额，不予收取。"), N_("请简化、降低分辨率或分成几份后再上传。")
    ),
    "pages": Reason(N_("文件有 {pages} 页，应有 1 至 {limit} 页。"), N_("请分成几份后再上传。")),
    "pixels": Reason(
        N_("第 {page} 页为 {width}×{height} 像素，最多 {limit} 万像素。"), N_("请降低扫描或拍照的分辨率后再上传。")
    ),
    "resolution": Reason(
        N_("第 {page} 页的分辨率不足，看不清内容：{found}，至少应为 {least}。"),
        N_("请以 200 至 300 dpi 重新扫描，或靠近些重新拍照。"),
    ),
    "blank": Reason(N_("文件是空白的，没有内容。"), N_("请检查原件是否放反，然后重新扫描。")),
    "blurred": Reason(
        N_("第 {page} 页模糊不清。"), N_("请擦净镜头或玻璃，放平原件、对焦后重新拍照或扫描。")
    ),
    "animated": Reason(N_("不接受动画或视频。"), N_("请上传静态图片。")),
}  # fmt: skip
"""Reason → words; the error's code is ``upload.<reason>``."""


def refusal(reason: str, **params: object) -> LicenceTrustError:
    """The error a reason becomes."""
    said = REASONS[reason]
    family = Refused if said.dangerous else Malformed
    return family(f"upload.{reason}", said.template, remedy=said.remedy, **params)
