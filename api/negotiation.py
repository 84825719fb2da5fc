"""内容协商: which of the types we can give the caller prefers (``Accept``)."""

from __future__ import annotations

from collections.abc import Sequence

from api.refusals import NotAcceptable


def choose(header: str | None, offered: Sequence[str]) -> str:
    """The best of ``offered`` (first = default) for an ``Accept`` header; raises ``NotAcceptable``."""
    wanted = [_range(part) for part in (header or "*/*")[:1000].split(",") if part.strip()]
    weighed = [(max((q for kind, q in wanted if _fits(kind, one)), default=0.0), one) for one in offered]
    best, kind = max(weighed, key=lambda pair: pair[0])
    if best <= 0:
        raise NotAcceptable("accept.unsupported", "可提供的格式：{offered}。", offered="、".join(offered))
    return kind


def _range(text: str) -> tuple[str, float]:
    kind, *parameters = (part.strip() for part in text.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return kind.lower(), float(parameter[2:])
            except ValueError:
                return kind.lower(), 0.0
    return kind.lower(), 1.0


def _fits(wanted: str, offered: str) -> bool:
    main = offered.partition("/")[0]
    return wanted in ("*/*", f"{main}/*", offered)
