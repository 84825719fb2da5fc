"""工作台页面: what waits, as lines with a number. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from api.pages.register_views import type_title
from api.start_office import MOST

if TYPE_CHECKING:
    from api.start_office import Waits
    from licence_store.definitions import LicenceTypeDefinition


def lines(
    waits: Iterable[Waits], types: Sequence[LicenceTypeDefinition], language: str, translate: Callable[[str], str]
) -> list[dict[str, str | bool]]:
    """One line each, named after its kind and the type it is about."""
    titles = {one.code: type_title(one, language) for one in types}
    return [
        {
            "kind": one.kind,
            "title": translate(one.title),
            "about": titles.get(one.about, ""),
            "count": f"{MOST}+" if one.count > MOST else str(one.count),
            "href": one.href,
            "icon": one.icon,
            "urgent": one.urgent,
        }
        for one in waits
    ]
