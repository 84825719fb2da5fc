"""The one table: printed in the documents, and obeyed cell by cell."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from seal.lifecycle import STEPS, Role, State, is_allowed, step_of, table_markdown, take
from seal.rules import management_rules
from trust.errors import NotFound, Refused
from trust.i18n import translator

DOCUMENT = (Path(__file__).parents[2] / "docs" / "seals.md").read_text("utf-8")
ROW = re.compile(r"^\| \S+ \| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def printed() -> dict[tuple[str, str, str], str]:
    """(role, step, state) → the state arrived at, read from the document and from nothing else."""
    cells = {}
    for step, roles, moves, _rules in ROW.findall(DOCUMENT):
        for move in moves.split("<br>"):
            before, after = (part.strip() for part in move.split("→"))
            for role, state in itertools.product(roles.split(", "), before.split(", ")):
                cells[role.strip(), step, state] = state if after == "=" else after
    return cells


def test_document_prints_the_table() -> None:
    shown = DOCUMENT.partition("table_markdown -->\n")[2].partition("<!-- end of table")[0]
    assert shown.strip() == table_markdown().strip()


def test_every_cell_is_as_printed() -> None:
    """Role × step × state: allowed where the document says so, refused everywhere else."""
    cells, tried = printed(), 0
    for role, step, state in itertools.product(Role, STEPS, State):
        wanted = cells.get((role, step, state))
        assert is_allowed(step, state, role) == (wanted is not None), (role, step, state)
        if wanted is not None:
            assert take(step, state, role) == wanted
        else:
            with pytest.raises(Refused) as caught:
                take(step, state, role)
            assert caught.value.code in ("seal.role", "seal.step")
        tried += 1
    assert tried == len(Role) * len(STEPS) * len(State) > 2000
    assert len(cells) == sum(len(s.roles) * len(s.moves) for s in STEPS.values())


def test_refusals_name_the_rule() -> None:
    with pytest.raises(Refused, match="“冻结印章”应由印章管理员、印章审批人办理，经办人（用章人）不能办理") as by_role:
        take("freeze", State.ACTIVE, Role.OFFICER)
    assert by_role.value.code == "seal.role"
    with pytest.raises(Refused, match="印章现为“已销毁”，不能“冻结印章”：应为有效") as by_state:
        take("freeze", State.DESTROYED, Role.SEAL_KEEPER)
    assert by_state.value.code == "seal.step"
    assert by_state.value.localised(translator("en"))[0] == (
        "The seal is “Destroyed”; “Freeze” is not possible: it must be in force."
    )
    with pytest.raises(NotFound):
        step_of("polish")


def test_three_ways_apart() -> None:
    """Who manages does not use, who uses does not audit, who keeps the system does nothing with seals."""
    roles = {name: set(step.roles) for name, step in STEPS.items()}
    managing = {"make", "import", "issue", "grant", "change_face", "change_certificate", "destroy", "approve", "reject"}
    assert not roles["use"] & set().union(*(roles[name] for name in managing))
    assert roles["audit"] == {Role.AUDITOR}
    assert not any(Role.AUDITOR in found for name, found in roles.items() if name != "audit")
    assert not any(Role.ADMIN in found for found in roles.values())
    assert not roles["apply"] & (roles["approve"] | roles["make"])
    assert not roles["approve"] & roles["make"]


def test_nothing_leaves_destroyed() -> None:
    moving = [s.name for s in STEPS.values() if s.moves.get(State.DESTROYED, State.DESTROYED) is not State.DESTROYED]
    assert moving == []
    assert {s.name for s in STEPS.values() if State.DESTROYED in s.moves} == {"end_grant", "audit"}


def test_every_state_can_be_reached() -> None:
    reached = {State.NONE}
    for _ in State:
        reached |= {after for s in STEPS.values() for before, after in s.moves.items() if before in reached}
    assert reached == set(State)


def test_rules_are_printed_with_their_legal_effect() -> None:
    text = management_rules("演示省")
    assert text.startswith("# 演示省电子印章管理办法")
    for words in ("同等的法律效力", "电子签名法", "第716号", "三员分立", "用章台账", *(s.title for s in STEPS.values())):
        assert words in text


def test_no_step_is_called_as_a_state_is() -> None:
    """In English they would read as the state: “Frozen” for the act."""
    assert not {step.title for step in STEPS.values()} & {state.label for state in State}
