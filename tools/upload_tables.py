"""Write the tables of docs/uploads.md from the data: limits by kind, reasons; ``--check`` compares only."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from licence_store.uploads.limits import all_limits
from licence_store.uploads.refusals import REASONS
from licence_store.uploads.stored import FORMATS
from trust.i18n import translator

DOCUMENT = Path(__file__).parents[1] / "docs" / "uploads.md"


def limits() -> str:
    """The kinds, a line each."""
    rows = [
        f"| `{one.kind}` | {', '.join(FORMATS[media] for media in one.formats)} | {one.max_size >> 20} MiB | "
        f"{one.max_pages} | {one.max_pixels // 1_000_000} million | {one.min_side} | {one.min_dpi} | "
        f"{one.blank} | {one.blurred} |"
        for one in all_limits().values()
    ]
    head = "| kind | formats | size | pages | dots a page | shorter side | dpi of a scan in a PDF | blank | blurred |"
    return "\n".join([head, "|---|---|---|---|---|---|---|---|---|", *rows])


def reasons() -> str:
    """The reasons, a line each, in both languages."""
    english = translator("en")
    rows = [
        f"| `{name}` | {one.template} | {english(one.template)} | {english(one.remedy)} | "
        f"{'yes' if one.dangerous else ''} |"
        for name, one in REASONS.items()
    ]
    return "\n".join(["| reason | 说明 | in English | how to mend it | dangerous |", "|---|---|---|---|---|", *rows])


def written(text: str) -> str:
    """The document with its tables made anew."""
    for name, table in (("limits", limits()), ("reasons", reasons())):
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda m, t=table: f"{m[1]}{t}\n{m[2]}", text, flags=re.DOTALL
        )
    return text


def main() -> int:
    before = DOCUMENT.read_text(encoding="utf-8")
    after = written(before)
    if "--check" in sys.argv:
        return int(before != after)
    DOCUMENT.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
