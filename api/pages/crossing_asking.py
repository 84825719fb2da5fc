"""再向颁证地区办理: what a clerk can ask once a licence of another region was found."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from licence_store.standing import end_of
from trust.errors import LicenceTrustError, Malformed
from trust.identifiers import parse_licence_id
from trust.signed import write_moment

if TYPE_CHECKING:
    from api.wiring import Services

FORMS: Final = {"ofd": "application/ofd", "pdf": "application/pdf"}
_LASTS: Final = timedelta(days=7)


def fields(found: Services, licence_id: str) -> list[tuple[str, str]]:
    """``(name, title)`` of what can be asked true or false, where we know the type too."""
    try:
        definition = found.catalogue.get(parse_licence_id(licence_id).type_code)
    except LicenceTrustError:
        return []
    return [(one.name, one.title) for one in definition.fields]


def latest(now: datetime) -> str:
    """How long a copy is offered to last."""
    return (now + _LASTS).date().isoformat()


def wishes(kind: str, form: str, until: str) -> dict[str, object]:
    """Parameters of a download. Raises ``Malformed("sharing.parameter", "sharing.until")``."""
    if form not in FORMS or kind not in ("copy", "original"):
        raise Malformed("sharing.parameter", "参数“{field}”的内容或类型不正确。", field="form")
    if kind == "original":
        return {"form": form}
    try:
        end = end_of(until)
    except (ValueError, OverflowError):
        end = None
    if end is None:
        raise Malformed("sharing.parameter", "参数“{field}”的内容或类型不正确。", field="copy.until")
    return {"form": form, "copy": {"until": write_moment(end)}}


def file_in(result: Mapping[str, Any]) -> tuple[bytes, str, str] | None:
    """``(file, media type, name)``; ``None``: none was given."""
    if "content" not in result:
        return None
    form, kind = str(result.get("form", "")), str(result.get("kind", ""))
    serial = str(result.get("copy_id") or result.get("licence_id", "")).replace(":", "-")
    return b64decode(str(result["content"])), FORMS.get(form, "application/octet-stream"), f"{kind}-{serial}.{form}"
