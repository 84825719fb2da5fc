"""上传结果: what an upload is once it has been checked, and how much room its owner has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from trust.i18n import N_

JPEG, PNG, TIFF, HEIC = "image/jpeg", "image/png", "image/tiff", "image/heic"
PDF, OFD = "application/pdf", "application/ofd"
FORMATS: Final = {PDF: "PDF", OFD: "OFD", JPEG: "JPEG", PNG: "PNG", TIFF: "TIFF", HEIC: "HEIC"}
SUFFIXES: Final = {PDF: ".pdf", OFD: ".ofd", JPEG: ".jpg", PNG: ".png", TIFF: ".tif", HEIC: ".heic"}

WARNINGS: Final = {
    "blank_page": N_("有空白页"),
    "blurred_page": N_("有的页面不够清晰"),
    "converted": N_("已由 HEIC 转为 JPEG"),
    "metadata_removed": N_("已去除照片中的拍摄信息（位置、设备、时间等）"),
    "extra_pictures_removed": N_("已去除照片附带的动态影像或附图"),
    "low_resolution": N_("分辨率偏低，放大后可能不清楚"),
    "scanner_absent": N_("未配置病毒扫描"),
    "signature_doubtful": N_("文件上的签章未能确认有效"),
}
"""What an accepted file may have been found with, by its code."""


@dataclass(frozen=True, slots=True)
class SignatureFound:
    """文件上的签章: what the verifier said of one seal or signature the file bears. It raises no level by itself."""

    signer: str
    seal: str
    """Name of the seal; empty: a signature without one."""
    indication: str
    """``TOTAL-PASSED``, ``INDETERMINATE``, ``TOTAL-FAILED``."""
    sub_indication: str
    time: str
    """RFC 3339; empty: none stated."""

    def to_json(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in ("signer", "seal", "indication", "sub_indication", "time")}


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """上传: checked, and kept encrypted."""

    id: str
    """``u-…``."""
    owner: str = field(repr=False)
    """The holder's code."""
    kind: str
    name: str = field(repr=False)
    """As the file was called."""
    digest: str
    """SM3 of the file as kept, in clear, hex."""
    received: str
    """SM3 of the file as it came; another one where it was drawn anew."""
    media_type: str
    size: int
    pages: int
    width: int
    height: int
    dpi: int
    """0: not known."""
    warnings: tuple[str, ...]
    """Codes of ``WARNINGS``."""
    signatures: tuple[SignatureFound, ...]
    indication: str
    """What the verifier said of the whole file; empty: it bears no signature."""
    created: datetime
    created_by: str

    @property
    def format(self) -> str:
        return FORMATS.get(self.media_type, self.media_type)

    @property
    def suffix(self) -> str:
        return SUFFIXES.get(self.media_type, "")

    @property
    def signed(self) -> bool:
        return bool(self.signatures)

    def to_json(self) -> dict[str, Any]:
        """For interfaces: everything but the owner."""
        shown: Mapping[str, Any] = {
            name: getattr(self, name)
            for name in ("id", "kind", "name", "digest", "received", "media_type", "size", "pages", "width", "height",
                         "dpi")
        }  # fmt: skip
        return {
            **shown,
            "warnings": list(self.warnings),
            "indication": self.indication or None,
            "signatures": [one.to_json() for one in self.signatures],
            "created": self.created.isoformat(timespec="seconds"),
        }


@dataclass(frozen=True, slots=True)
class QuotaMeter:
    """容量: what an owner's uploads take up."""

    used: int
    limit: int
    """Octets."""
    count: int
    most: int
    """Files."""

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def share(self) -> int:
        """Per cent taken, of octets or files, whichever is fuller."""
        return min(100, max(round(100 * self.used / self.limit), round(100 * self.count / self.most)))

    def to_json(self) -> dict[str, int]:
        return {"used": self.used, "limit": self.limit, "left": self.left, "count": self.count, "most": self.most}
