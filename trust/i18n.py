"""语言: the translators of messages. Chinese is the language of the source; English stands in a catalogue.

Templates are written in Chinese where they are raised and marked for extraction by the name of the call
(``Malformed``, ``CheckFailed``, …), or by ``N_`` where no such call is near:

    >>> translator("en")("没有这样的消息")
    '没有这样的消息'
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

Language = str
"""``zh-CN`` or ``en``."""

LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")
DEFAULT_LANGUAGE: Language = "zh-CN"
LOCALE = Path(__file__).with_name("locale")


def N_(message: str) -> str:  # noqa: N802 - the name gettext gives it
    """Mark ``message`` for extraction; it is translated where it is shown."""
    return message


def choose_language(wanted: str | None) -> Language:
    """The best language for a tag, or a list of tags as ``Accept-Language`` has it; Chinese if none fits.

    >>> choose_language("fr, en-GB;q=0.8")
    'en'
    """
    for part in (wanted or "").split(","):
        tag = part.partition(";")[0].strip().lower()
        if tag == "zh" or tag.startswith("zh-"):
            return "zh-CN"
        if tag == "en" or tag.startswith("en-"):
            return "en"
    return DEFAULT_LANGUAGE


@lru_cache(maxsize=8)
def translator(language: Language) -> Callable[[str], str]:
    """翻译函数 from the Chinese msgid to ``language``; what the catalogue lacks stays Chinese."""
    if choose_language(language) == "zh-CN":
        return str
    messages = catalogue(choose_language(language))
    return lambda message: messages.get(message, message)


@lru_cache(maxsize=8)
def catalogue(language: Language) -> dict[str, str]:
    """消息目录: msgid → translation; fuzzy and empty ones are left out."""
    path = LOCALE / language / "LC_MESSAGES" / "messages.po"
    if not path.is_file():
        return {}
    from babel.messages.pofile import read_po  # here: a machine that speaks Chinese never pays for it

    with path.open("rb") as file:
        entries = read_po(file, locale=language)
    return {
        entry.id: entry.string
        for entry in entries
        if isinstance(entry.id, str) and entry.id and isinstance(entry.string, str) and entry.string and not entry.fuzzy
    }
