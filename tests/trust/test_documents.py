"""``docs/trust.md`` restates one table of the code: the same roles, no other."""

from __future__ import annotations

import re
from pathlib import Path

from trust.profiles import ROLES

DOCUMENT = Path(__file__).parents[2] / "docs" / "trust.md"


def test_every_role_stands_in_the_table() -> None:
    rows = re.findall(r"^\| (`.+?) \| ", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    assert named == {str(role) for role in ROLES}
