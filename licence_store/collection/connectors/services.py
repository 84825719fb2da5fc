"""服务交付: another system's HTTP service, asked page by page for JSON.

    {"kind": "service", "url": "https://…/licences", "records": "data.items", "next": "data.next",
     "size": "limit", "page": 500, "cursor": "cursor", "since": "changed_since", "watermark": "data.as_of"}

Each page is ``GET url?limit=500&cursor=…&changed_since=…``. ``next`` is where the answer holds the next cursor; an
answer without one is the last. Where ``since`` is named, the next run asks for what changed after the ``watermark``
the service gave this time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from licence_store.collection.connectors.delivery import Delivered, place, read_place, within
from licence_store.collection.connectors.files import as_row
from trust.errors import Malformed, Unavailable
from trust.fetching import Exchange, Fetcher

MAX_PAGE = 32 << 20
"""Octets of one page."""
MOST_PAGES = 1_000_000


@dataclass
class ServiceDelivery:
    """What a service has, or what has changed there since ``since``."""

    fetcher: Fetcher
    url: str
    records: str = ""
    next: str = ""
    cursor: str = "cursor"
    size: str = ""
    page: int = 500
    since_name: str = ""
    watermark_path: str = ""
    since: str = ""
    """Watermark of the run before."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    total: int | None = None
    watermark: str = ""

    def __post_init__(self) -> None:
        self.watermark = self.watermark or self.since

    @property
    def complete(self) -> bool:
        return not (self.since_name and self.since)

    @property
    def identity(self) -> Mapping[str, str]:
        return {"service": self.url[:200], "since": self.since}

    def rows(self, position: str) -> Iterator[Delivered]:
        cursor, inside, number = _checked(read_place(position, ["", 0, 0]))
        for _ in range(MOST_PAGES):
            answer = self._ask(cursor)
            found = within(answer, self.records) if self.records else answer
            if not isinstance(found, list):
                raise Unavailable("delivery.service", "来源服务的答复无法识别（{part}）。", part=self.records or ".")
            for index, one in enumerate(found[inside:], inside + 1):
                number += 1
                yield Delivered(number, as_row(one), place([cursor, index, number]))
            if self.watermark_path and isinstance(said := within(answer, self.watermark_path), str):
                self.watermark = self.watermark if self.watermark != self.since else said[:200]
            following = within(answer, self.next) if self.next else None
            if following in (None, "", False) or str(following) == cursor:
                return
            cursor, inside = str(following)[:2000], 0
        raise Unavailable("delivery.endless", "来源服务没有最后一页。")

    def _ask(self, cursor: str) -> Any:
        asked = {}
        if self.size:
            asked[self.size] = str(self.page)
        if cursor:
            asked[self.cursor] = cursor
        if self.since_name and self.since:
            asked[self.since_name] = self.since
        parts = urlsplit(self.url)
        query = "&".join(filter(None, [parts.query, urlencode(asked)]))
        url = urlunsplit(parts._replace(query=query, fragment=""))
        exchange = Exchange(url, accept="application/json", limit=MAX_PAGE, headers=tuple(self.headers.items()))
        try:
            return json.loads(self.fetcher.fetch(exchange))
        except (ValueError, RecursionError) as error:
            raise Unavailable("delivery.service", "来源服务的答复无法识别（{part}）。", part="JSON") from error


def _checked(found: Any) -> tuple[str, int, int]:
    match found:
        case [str(cursor), int(inside), int(number)] if inside >= 0:
            return cursor, inside, number
        case _:
            raise Malformed("delivery.position", "归集批次的续传位置无法识别。")
