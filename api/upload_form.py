"""上传表单: a posted file that stays in memory. Starlette would lay what is large into a temporary file, in clear;
what people bring is never written anywhere unencrypted.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from api.deps import demand_form
from api.holder_deps import HolderVisitor, holder
from api.refusals import Unreadable
from licence_store.uploads.limits import largest
from trust.errors import Malformed, Refused

LARGEST = largest() + (64 << 10)
"""Octets of a request that carries an upload."""
_FIELDS = 40


class _InMemory(MultiPartParser):
    """Parts are spooled to disk beyond this size: never."""

    spool_max_size = LARGEST + 1


async def in_memory(request: Request) -> FormData:
    """The multipart form of ``request``, nothing of it on disk. Raises ``Unreadable("request.malformed")``."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        return await request.form(max_files=1, max_fields=_FIELDS)
    try:
        return await _InMemory(request.headers, request.stream(), max_files=1, max_fields=_FIELDS).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Unreadable("request.malformed", "请求的格式不正确。") from error


async def holder_upload_form(
    request: Request, person: Annotated[HolderVisitor, Depends(holder)]
) -> AsyncIterator[FormData]:
    """As ``holder_deps.holder_form``, for a form that carries a file."""
    demand_form(request)
    data = await in_memory(request)
    try:
        given = data.get("csrf")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), person.csrf.encode()):
            raise Refused("session.csrf", "页面已失效，请刷新后重新提交。", remedy="请返回上一页，刷新后重试。")
        yield data
    finally:
        await data.close()


async def file_of(data: FormData, name: str = "file") -> tuple[str, bytes]:
    """Name and content of the form's file; raises ``Malformed("upload.missing")``."""
    given = data.get(name)
    if not isinstance(given, UploadFile) or not (given.filename or given.size):
        raise Malformed("upload.missing", "没有收到文件，请选择文件。", remedy="表单字段名应为 file。")
    return given.filename or "", await given.read()


def text_of(data: FormData, name: str, limit: int = 200) -> str:
    """A field's text; empty where there is none."""
    value = data.get(name, "")
    return value.strip()[:limit] if isinstance(value, str) else ""
