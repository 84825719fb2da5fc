"""时刻: RFC 3339 in, RFC 3339 out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from trust.errors import Malformed

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def parse_moment(text: str) -> datetime:
    """An aware moment; raises ``Malformed("moment.malformed")`` unless ``text`` is RFC 3339 with a zone."""
    found = _RFC3339.fullmatch(text.strip())
    if found is not None:
        fraction = found[1] or ""
        try:
            moment = datetime.fromisoformat(text.strip().upper().replace(fraction, fraction[:7]))
            moment.astimezone(UTC)  # the first and the last day have hours that UTC has no name for
            return moment
        except (ValueError, OverflowError):
            pass
    raise Malformed(
        "moment.malformed",
        "时刻“{got}”无效，应为带时区的 RFC 3339 时刻，例如 2026-11-22T08:00:00+08:00。",
        got=text[:40],
    )


def exact(moment: datetime) -> str:
    """RFC 3339 in UTC, to the microsecond where there is one: asked for again, it is the very same moment."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


_BEIJING = timezone(timedelta(hours=8))


def parse_local(text: str) -> datetime | None:
    """What a page's date field brings: Beijing time without a zone; empty is ``None``.

    Raises ``Malformed("moment.local")``.
    """
    if not text.strip():
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None or not 1970 <= found.year <= 9000:
        raise Malformed("moment.local", "时间“{got}”无效，应为年-月-日 时:分。", got=text[:40])
    return found.replace(tzinfo=_BEIJING)
