"""见证: every act of the journal about a licence is one of the ledger, or said not to be."""

from __future__ import annotations

import re
from pathlib import Path

from licence_store.ledger.ledger import ACTS
from licence_store.ledger.witness import NOT_NOTED, NOTED
from licence_store.life import STEPS

CODE = Path(__file__).resolve().parents[3]


def test_every_act_the_code_knows_is_in_one_of_the_tables() -> None:
    named = re.compile(r'"((?:licence|document|paper|proof)\.[a-z_]+)"')
    journalled = re.compile(r"action|Entry\(|\.find\(|history\(|own\(|find\(")
    found = {
        match
        for folder in ("api", "licence_store")
        for path in (CODE / folder).rglob("*.py")
        if path.name != "witness.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if journalled.search(line)
        for match in named.findall(line)
    }
    steps = {f"licence.{step}" for step in STEPS}
    other = {"proof.make", "proof.import", "document.verify"}
    codes = {one for one in found if re.search(r"unknown|_missing|not_|malformed", one)}
    assert found - codes - set(NOTED) - set(NOT_NOTED) - steps - other == set()
    assert set(NOTED.values()) <= set(ACTS) and not set(NOTED) & set(NOT_NOTED)
