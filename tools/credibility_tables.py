"""Write the rule tables of docs/credibility.md from the data: ``python tools/credibility_tables.py [--check]``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from licence_store.materials.kinds import kinds
from licence_store.materials.reasons import reasons
from licence_store.materials.steps import matrix

DOCUMENT = Path(__file__).parents[1] / "docs" / "credibility.md"
_WHO = {"holder": "the holder", "officer": "an officer", "issuer": "the issuing authority"}


def tables() -> dict[str, str]:
    """Name of a table → its Markdown."""
    table = matrix()
    found = {
        "kinds": _table(
            ("kind", "", "born at", "original must be checked", "usable unchecked", "rises to", "put there by"),
            [
                (f"`{one.code}`", f"{one.title}: {one.note_en}", one.level, _yes(one.original_check_required),
                 one.usable.replace("_", " "), one.promotes_to or "—", _WHO[one.who])
                for one in kinds().values()
            ],
        ),
        "reasons": _table(
            ("code", "", "what the holder must do", "same upload may be accepted later"),
            [(f"`{one.code}`", f"{one.title} · {one.title_en}", one.next_en, _yes(one.recheck))
             for one in reasons().values()],
        ),
        "levels": "\n".join(f"- **{one.code}** {one.title} · {one.title_en}" for one in table.levels),
    }  # fmt: skip
    parts = []
    for action in table.actions.values():
        rows = [
            (f"{role.title} ({role.code})", *(_cell(table.verdicts[letter]) for letter in action.cells[role.code]))
            for role in table.roles
        ]
        parts.append(f"**{action.title} · {action.title_en}** (`{action.code}`)\n\n"
                     + _table(("role", *(one.code for one in table.levels)), rows))  # fmt: skip
    found["matrix"] = "\n\n".join(parts)
    return found


def _cell(code: str) -> str:
    return f"`{code.removeprefix('material.')}`" if code else "yes"


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def written(text: str) -> str:
    """The document with every table made anew."""
    for name, table in tables().items():
        mark = re.compile(rf"(<!-- {name} -->\n)(?:.*?\n)?(<!-- /{name} -->)", re.DOTALL)
        found = mark.search(text)
        if found is None:
            raise SystemExit(f"docs/credibility.md has no place for {name}")
        text = f"{text[: found.end(1)]}{table}\n{text[found.start(2) :]}"
    return text


def main() -> int:
    old = DOCUMENT.read_text(encoding="utf-8")
    new = written(old)
    if "--check" in sys.argv:
        return int(old != new)
    DOCUMENT.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
