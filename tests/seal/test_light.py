"""What a verifier imports from seal/ pulls in no key, no database and no drawing."""

from __future__ import annotations

import subprocess
import sys

LIGHT = "seal.ses, seal.message, seal.checking, seal.ofd.package, seal.ofd.signatures, seal.ofd.unsigned"
HEAVY = ("keys", "sqlalchemy", "PIL", "uharfbuzz", "qrcode")


def test_structures_and_checks_are_light() -> None:
    program = f"import sys, {LIGHT}\nprint(sorted(set(sys.modules) & set({HEAVY!r})))"
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"
