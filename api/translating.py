"""译语: what a page or answer says, in the language of whoever asked."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request

from api.errors import language_of
from trust.i18n import translator


def translation(request: Request) -> Callable[[str], str]:
    """The translator for this caller; for readers of English it knows the names of the catalogue's types too."""
    language = language_of(request)
    words = translator(language)
    if language != "en":
        return words
    named: dict[str, str] = {}

    def translate(message: str) -> str:
        found = words(message)
        if found != message:
            return found
        if not named:
            types = (one.definition for one in request.app.state.services.catalogue.entries())
            named.update({"": ""} | {one.name: one.name_en for one in types if one.name_en})
        return named.get(message, message)

    return translate
