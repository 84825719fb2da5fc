"""Write the reference part of docs/cli.md from the commands themselves; ``--check`` only compares.

    python tools/cli_reference.py [--check]
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from api.cli import root

DOCUMENT = Path(__file__).parents[1] / "docs" / "cli.md"
BEGIN, END = "<!-- reference: written by tools/cli_reference.py -->", "<!-- end of reference -->"


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its full name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        elif command is not None:
            yield " ".join((*path, name)), command


def describe(name: str, command: click.Command) -> str:
    """One command as Markdown."""
    context = click.Context(command)
    arguments = " ".join(p.make_metavar(context) for p in command.params if isinstance(p, click.Argument))
    text = " ".join(inspect.cleandoc(command.help or "").split("\n"))
    lines = [f"### `{' '.join(filter(None, ('licence-trust', name, arguments)))}`", "", text, ""]
    rows = [p.get_help_record(context) for p in command.params if isinstance(p, click.Option)]
    shown = [row for row in rows if row and not row[0].startswith(("--dir", "--lang"))]
    if shown:
        lines += ["| | |", "|---|---|"]
        lines += [f"| `{option.replace('|', chr(92) + '|')}` | {meaning} |" for option, meaning in shown]
        lines.append("")
    return "\n".join(lines)


def reference() -> str:
    return "\n".join(describe(name, command) for name, command in commands(root))


def main() -> int:
    text = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    made = f"{head}{BEGIN}\n\n{reference()}{END}{tail}"
    if "--check" in sys.argv:
        return int(made != text)
    DOCUMENT.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
