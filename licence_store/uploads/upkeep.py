"""清扫上传: what was uploaded and never became a material goes after a day, and frees its owner's room."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from licence_store.materials.models import Material
from licence_store.uploads.models import Upload, UploadKey
from trust.errors import NotFound

if TYPE_CHECKING:
    from licence_store.jobs.context import JobContext

KEPT: Final = timedelta(days=1)
_SOME: Final = 200


def is_used(session: Session, upload_id: str) -> bool:
    """Is it the file of a material?"""
    return bool(session.execute(select(exists().where(Material.upload_id == upload_id))).scalar())


def unused(session: Session, before: Any, limit: int = _SOME) -> list[str]:
    """Uploads from before that moment which no material names, the oldest first."""
    query = (
        select(Upload.id).join(UploadKey, UploadKey.upload_id == Upload.id)
        .where(Upload.created < before, ~exists().where(Material.upload_id == Upload.id))
        .order_by(Upload.created).limit(limit)
    )  # fmt: skip
    return list(session.execute(query).scalars())


def sweep(context: JobContext, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kind ``uploads-sweep``."""
    desk, dropped = context.desk, 0
    while not context.stopped():
        with desk.sessions.read() as session:
            some = unused(session, desk.clock() - KEPT)
        if not some:
            break
        for one in some:
            try:
                desk.uploads.drop(one, context.actor, reason="never used")
                dropped += 1
            except NotFound:
                pass  # another worker, or the owner, was quicker
    return {"dropped": dropped}
