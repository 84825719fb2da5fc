"""姓名与名称: how names are compared in a search, and the pairs of characters (bigrams) they are found by.

Full-width and half-width forms, capitals, spaces and punctuation do not count: 华新（北京）有限公司 is found as
``华新(北京)``, 阿依古丽·买买提 with any of the dots people type. Chinese has no spaces between words and names are
two characters long as often as not, so a name is found by every pair of neighbours in it; a mark after the last
character gives each character a pair that begins with it, by which single characters are found.
"""

from __future__ import annotations

from unicodedata import category, is_normalized, normalize

END = "␃"
"""Stands after the last character of a name; nothing that ``fold`` leaves over."""
MOST_WORDS = 8
"""Words of a query that count; nobody types more."""


def fold(text: str) -> str:
    """``text`` as it is compared: NFKC, without case, letters, digits and their marks only.

    >>> fold("华新（北京）ＡＢ Ltd.")
    '华新北京abltd'
    """
    if text.isalnum() and is_normalized("NFKC", text) and text.casefold() == text:
        return text  # as most names are
    plain = normalize("NFKC", normalize("NFKC", text).casefold())
    return "".join(char for char in plain if category(char)[0] in "LMN")


def bigrams(name: str) -> list[str]:
    """Every pair of neighbours in a name, each once.

    >>> bigrams("王小 明")
    ['王小', '小明', '明␃']
    """
    marked = fold(name) + END
    return list(dict.fromkeys(marked[at : at + 2] for at in range(len(marked) - 1)))


def words(query: str) -> list[str]:
    """The words of a query, each of which must be part of the name; none: nothing that a name could hold."""
    found = (fold(word) for word in query.split())
    return list(dict.fromkeys(word for word in found if word))[:MOST_WORDS]


def matches(name: str, wanted: list[str]) -> bool:
    """Is each of the ``words`` part of this name?"""
    folded = fold(name)
    return all(word in folded for word in wanted)
