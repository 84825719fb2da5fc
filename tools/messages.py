"""Extract the messages of the product and keep the English catalogue in step.

    python tools/messages.py            # add new messages, drop gone ones, say what is untranslated
    python tools/messages.py --check    # say only; exit 1 if something is missing
    python tools/messages.py --strays   # Chinese literals that no extraction finds

Babel's own extractor passes over keyword arguments (``remedy=``) and class attributes (``remedy_template``), so Python
files are read with ``ast`` here; templates are read with Jinja's extractor.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

ROOT = Path(__file__).parents[1]
PACKAGES = ("trust", "keys", "seal", "verify", "licence_store", "api")
CATALOGUE = ROOT / "trust" / "locale" / "en" / "LC_MESSAGES" / "messages.po"
FIRST = frozenset({"N_", "_", "tr", "translate", "gettext"})
"""Calls whose first argument is a message."""
FAMILIES = frozenset(
    {"Malformed", "Refused", "Unauthenticated", "NotFound", "Conflict", "Unavailable", "LicenceTrustError"}
)
PLACES = {"CheckFailed": 3, "Finding": 2}
"""Calls whose argument at this place is a message; families of errors and their subclasses: 1."""
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def messages() -> dict[str, list[str]]:
    """Message → where it stands (``path:line``)."""
    found: dict[str, list[str]] = {}
    for path in sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for line, text in _in_tree(tree):
            found.setdefault(text, []).append(f"{path.relative_to(ROOT)}:{line}")
    for path in sorted((ROOT / "api" / "pages" / "templates").glob("*.html")):
        with path.open("rb") as file:
            for line, _, text, _ in babel_extract(file, ["_"], [], {"encoding": "utf-8"}):
                one = text[0] if isinstance(text, tuple) else text
                found.setdefault(str(one), []).append(f"{path.relative_to(ROOT)}:{line}")
    return {text: places for text, places in found.items() if _CHINESE.search(text)}


def _in_tree(tree: ast.Module) -> Iterator[tuple[int, str]]:
    families = FAMILIES | _families_in(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _in_call(node, families)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == "remedy_template" for t in targets):
                yield from _text(node.value)


def _families_in(tree: ast.Module) -> frozenset[str]:
    """Error classes of this file, and the names imported that are used as if they were."""
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "api.refusals"
        for alias in node.names
    }
    classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.bases}
    return frozenset(imported | classes)


def _in_call(node: ast.Call, families: frozenset[str]) -> Iterator[tuple[int, str]]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    place = 0 if name in FIRST else PLACES.get(name, 1 if name in families else None)
    if name == "__init__":
        place = 1 if len(node.args) > 1 else 0
    if place is not None and len(node.args) > place:
        yield from _text(node.args[place])
    for keyword in node.keywords:
        if keyword.arg in ("remedy", "template", "help"):
            yield from _text(keyword.value)


def _text(node: ast.expr | None) -> Iterator[tuple[int, str]]:
    """A literal, or both sides of a choice between two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value
    elif isinstance(node, ast.IfExp):
        yield from _text(node.body)
        yield from _text(node.orelse)


def strays() -> list[str]:
    """Chinese literals in code that are neither messages nor docstrings: to be looked at by eye."""
    known, answer = set(messages()), []
    for path in sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        comments = {
            id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in comments:
                if _CHINESE.search(node.value) and node.value not in known:
                    answer.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.value[:80]}")
    return answer


def translations() -> dict[str, str]:
    """What the catalogue says now."""
    if not CATALOGUE.is_file():
        return {}
    with CATALOGUE.open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file, locale="en") if m.id and m.string and not m.fuzzy}


def write(found: dict[str, list[str]], known: dict[str, str]) -> None:
    """The catalogue with exactly the messages found, in their order; translations kept."""
    catalogue = Catalog(locale="en", project="licence-trust", charset="utf-8", fuzzy=False)
    for text, places in found.items():
        files = sorted({place.rpartition(":")[0] for place in places})
        catalogue.add(text, known.get(text, ""), locations=[(file, 0) for file in files])
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    with CATALOGUE.open("wb") as file:
        write_po(file, catalogue, width=116, include_lineno=False, omit_header=False, sort_output=False)


def places_of(text: str) -> set[str]:
    """The ``{named}`` places of a message."""
    return set(re.findall(r"\{(\w+)", text))


def wrong(found: dict[str, list[str]], known: dict[str, str]) -> list[str]:
    """Messages untranslated, gone, or whose places differ."""
    answer = [f"untranslated: {text}  ({found[text][0]})" for text in found if not known.get(text)]
    answer += [f"gone: {text}" for text in known if text not in found]
    answer += [
        f"places differ: {text} → {known[text]}"
        for text in found
        if known.get(text) and not places_of(known[text]) <= places_of(text)
    ]
    return answer


def main() -> int:
    if "--strays" in sys.argv:
        print("\n".join(strays()))
        return 0
    found, known = messages(), translations()
    if "--check" not in sys.argv:
        write(found, known)
    complaints = wrong(found, known)
    print("\n".join(complaints) or f"{len(found)} messages, all translated")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
