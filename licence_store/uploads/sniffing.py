"""识别: what a file is by its content, and what is refused for what it is. Never by its name."""

from __future__ import annotations

from licence_store.collection.scans import media_of
from licence_store.uploads.limits import KindLimits
from trust.errors import Malformed


def look(data: bytes, limits: KindLimits) -> str:
    """The media type of ``data``. Raises ``Malformed("upload.unsupported")`` …"""
    media = media_of(data)
    if media not in limits.formats:
        raise Malformed("upload.unsupported", "不接受这种格式的文件。")
    return media
