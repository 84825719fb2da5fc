"""The one table of a licence's life: printed in the documents, and obeyed cell by cell."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from licence_store.lifecycle import (
    ENDED,
    LASTING,
    STEPS,
    LicenceState,
    allowed,
    is_allowed,
    step_of,
    table_markdown,
    take,
)
from seal.lifecycle import Role
from trust.errors import NotFound, Refused
from trust.i18n import translator
from trust.status_list import CODES
from verify.policy import STATE_INDICATIONS, STATE_NAMES
from verify.report import Indication

DOCUMENT = (Path(__file__).parents[2] / "docs" / "licences.md").read_text("utf-8")
ROW = re.compile(r"^\| \S+ \| `(\w+)` \| ([^|]+) \| ([^|]+→[^|]+) \| ([^|]+) \|$", re.MULTILINE)


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
    for role, step, state in itertools.product(Role, STEPS, LicenceState):
        wanted = cells.get((role, step, state))
        assert is_allowed(step, state, role) == (wanted is not None), (role, step, state)
        assert (STEPS[step] in allowed(state, role)) == (wanted is not None)
        if wanted == "↩":
            for beneath in (LicenceState.CURRENT, LicenceState.SUSPENDED, LicenceState.INSPECTION_OVERDUE):
                assert take(step, state, role, beneath) == beneath
        elif wanted is not None:
            assert take(step, state, role) == wanted
        else:
            with pytest.raises(Refused) as caught:
                take(step, state, role)
            assert caught.value.code in ("licence.role", "licence.step")
        tried += 1
    assert tried == len(Role) * len(STEPS) * len(LicenceState) > 1000
    assert len(cells) == sum(len(s.roles) * len(s.moves) for s in STEPS.values())


def test_refusals_name_the_rule() -> None:
    with pytest.raises(Refused, match="“办理挂失”应由颁证部门经办人、持证者本人办理，审计员不能办理") as by_role:
        take("report_lost", LicenceState.CURRENT, Role.AUDITOR)
    assert by_role.value.code == "licence.role"
    with pytest.raises(Refused, match="证照现为“吊销”，不能办理“解除暂扣”：应为暂扣") as by_state:
        take("resume", LicenceState.REVOKED, Role.OFFICER)
    assert by_state.value.code == "licence.step"
    assert "Lift the suspension" in by_state.value.localised(translator("en"))[0]
    with pytest.raises(NotFound):
        step_of("polish")


def test_nothing_leaves_what_lasts() -> None:
    assert not any(state in step.moves for step in STEPS.values() for state in LASTING)
    assert {s.name for s in STEPS.values() if LicenceState.EXPIRED in s.moves} == {"revoke", "annul", "cancel", "renew"}


def test_every_state_can_be_reached() -> None:
    reached = {LicenceState.NONE}
    for _ in LicenceState:
        found = {after for s in STEPS.values() for before, after in s.moves.items() if before in reached}
        reached |= {state for state in found if state is not None}
    assert reached == set(LicenceState)


def test_the_states_are_those_that_are_published_and_verified() -> None:
    states = {str(state) for state in LicenceState} - {"NONE"}
    assert states == set(STATE_NAMES) == set(STATE_INDICATIONS) == set(CODES) - {"UNUSED"}
    for state in LicenceState:
        if state is not LicenceState.NONE:
            assert state.is_referencable == (STATE_INDICATIONS[state] is Indication.PASSED)
            assert state.label == STATE_NAMES[state]
    assert all(STATE_INDICATIONS[state] is Indication.FAILED for state in ENDED)
