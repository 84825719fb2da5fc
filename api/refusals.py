"""What the public edge itself refuses: sizes, rates, media types. HTTP is not mentioned; ``api.errors`` maps."""

from __future__ import annotations

from trust.errors import Malformed, Refused


class TooLarge(Refused):
    """The body is larger than the settings allow."""

    remedy_template = "请减小文件后重试，或请管理员调整上限。"


class TooMany(Refused):
    """Too many requests from this caller; ``retry_after`` seconds stands in ``params``."""

    remedy_template = "请稍候再试。"


class UnsupportedMedia(Malformed):
    """The body is of a type this address does not read."""

    remedy_template = "请按接口说明设置 Content-Type。"


class NotAcceptable(Malformed):
    """None of the types the caller accepts can be given."""

    remedy_template = "请按接口说明设置 Accept。"


class Unreadable(Malformed):
    """The request itself cannot be parsed."""
