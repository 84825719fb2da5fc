"""时刻: RFC 3339 in, RFC 3339 out."""

from __future__ import annotations

import re
from datetime import UTC, datetime

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
