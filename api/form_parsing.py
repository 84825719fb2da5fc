"""表单解析: a posted form that stays in memory. Starlette would lay what is large into a temporary file, in clear; what
people bring is never written anywhere unencrypted. The middleware bounds every body before it comes here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser

from api.refusals import Unreadable


class _InMemory(MultiPartParser):
    """Parts are spooled to disk beyond this size: never."""

    spool_max_size = 1 << 40


@asynccontextmanager
async def posted_form(request: Request, *, files: int = 1, fields: int = 20) -> AsyncIterator[FormData]:
    """The form of ``request``, nothing of it on disk. Raises ``Unreadable("request.malformed")``."""
    data = await _parsed(request, files, fields)
    try:
        yield data
    finally:
        await data.close()


async def _parsed(request: Request, files: int, fields: int) -> FormData:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        return await request.form(max_files=files, max_fields=fields)
    try:
        return await _InMemory(request.headers, request.stream(), max_files=files, max_fields=fields).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Unreadable("request.malformed", "请求的格式不正确。") from error
