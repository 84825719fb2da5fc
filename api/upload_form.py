"""上传表单: the forms on which holders hand in files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from api.deps import checked_form
from api.holder_deps import HolderVisitor, holder
from licence_store.uploads.limits import largest
from trust.errors import Malformed

LARGEST = largest() + (64 << 10)
"""Octets of a request that carries an upload."""
_FIELDS = 40


async def holder_upload_form(
    request: Request, person: Annotated[HolderVisitor, Depends(holder)]
) -> AsyncIterator[FormData]:
    """As ``holder_deps.holder_form``, for a form that carries a file."""
    async for data in checked_form(request, person.csrf, _FIELDS):
        yield data


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
