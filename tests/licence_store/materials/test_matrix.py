"""Role × level × action: every cell of the table is tried, and what it says is what happens."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from licence_store.materials.kinds import kinds
from licence_store.materials.reasons import find_reason, reasons
from licence_store.materials.steps import matrix
from licence_store.materials.views import MaterialView, Who
from tests.licence_store.materials.world import REASON, SAME, Bench, code_of
from trust.errors import LicenceTrustError, Malformed


def act(bench: Bench, action: str, item: MaterialView, who: Any) -> None:
    """The very act the cell is about."""
    materials = bench.materials
    acts: dict[str, Callable[[], object]] = {
        "view": lambda: materials.get(item.id, who),
        "content": lambda: materials.content(item.id, who),
        "history": lambda: (materials.history(item.id, who), materials.provenance(item.id, who).export()),
        "use": lambda: materials.demand_usable(item.id, who),
        "replace": lambda: materials.replace(item.id, who, bench.scan(kind=item.kind.code)),
        "delete": lambda: materials.delete(item.id, who),
        "check": lambda: materials.check(item.id, who, compared=SAME, original_seen=True, reason=REASON),
        "refuse": lambda: materials.refuse(item.id, who, "illegible"),
        "better": lambda: materials.offer_better(item.id, who),
        "take_better": lambda: materials.take_better(item.id, who),
        "link": lambda: materials.link(f"C-{next(bench.numbers)}", who, subject=item.id),
    }
    acts[action]()


def outcome(bench: Bench, action: str, item: MaterialView, who: Who) -> str:
    try:
        act(bench, action, item, who)
    except LicenceTrustError as error:
        return code_of(error)
    return ""


def test_every_cell(bench: Bench) -> None:
    table, people, found = matrix(), bench.people(bench.owner.holder), {}
    items = {one.code: bench.item(one.code) for one in table.levels}
    for action, level in itertools.product(table.actions, items):
        for role, who in people.items():
            before = bench.materials.find(items[level].id)
            assert before.column == level
            said = outcome(bench, action, before, who)
            if said == "material.no_offer":  # allowed; there is just nothing to take
                said = ""
            found[action, level, role] = said
            now = bench.materials.find(before.id)
            if said:
                assert (now.level, now.state) == (before.level, before.state)
            if now.column != level or now.state != "active":
                items[level] = bench.item(level)
    expected = {
        (action, level.code, role.code): table.verdict(action, level.code, role.code)
        for action in table.actions
        for level in table.levels
        for role in table.roles
    }
    assert found == expected
    assert len(found) == 660


PINNED = [
    ("R049 a licence of the issuer is used as it is", "use", "A", "owner", ""),
    ("R050 what was checked is used again and again", "use", "B", "officer", ""),
    ("R051 an upload of a licence is not, before it is checked", "use", "C", "owner", "material.original_check"),
    ("R052 self-made material is", "use", "D", "owner", ""),
    ("R058 a third-party report is not, though it is D", "use", "R", "owner", "material.original_check"),
    ("R058 and becomes B by a check", "check", "R", "officer", ""),
    ("D that has no original does not", "check", "D", "officer", "material.not_promotable"),
    ("R059 what the back office put there stays", "replace", "A", "owner", "material.back_office"),
    ("R059 a window's scan too", "delete", "W", "owner", "material.back_office"),
    ("R059 one's own goes", "delete", "C", "owner", ""),
    ("R060 a holder raises nothing", "check", "C", "owner", "material.role"),
    ("R060 nor does an administrator", "check", "C", "admin", "material.role"),
    ("another window knows nothing of it", "view", "C", "elsewhere", "material.unknown"),
    ("nor does another holder", "view", "C", "other", "material.unknown"),
]


@pytest.mark.parametrize(
    ("action", "level", "role", "code"), [row[1:] for row in PINNED], ids=[row[0] for row in PINNED]
)
def test_what_the_source_says(action: str, level: str, role: str, code: str) -> None:
    assert matrix().verdict(action, level, role) == code


def test_only_an_officer_in_charge_raises_a_level() -> None:
    table = matrix()
    may = {(level.code, role.code) for level in table.levels for role in table.roles
           if not table.verdict("check", level.code, role.code)}  # fmt: skip
    assert may == {("C", "officer"), ("R", "officer")}


def test_another_holder_never_learns_that_there_is_one(bench: Bench) -> None:
    mine = bench.add()
    for action in matrix().actions:
        errors = []
        for item_id in (mine.id, mine.id[:-1] + ("0" if mine.id[-1] != "0" else "1")):
            with pytest.raises(LicenceTrustError) as caught:
                bench.materials.get(item_id, bench.other, action)
            errors.append((caught.value.code, caught.value.message.replace(item_id, "")))
        assert errors[0] == errors[1]


def test_kinds_say_what_the_levels_are() -> None:
    born = {one.code: (one.level, one.original_check_required, one.usable, one.promotes_to) for one in kinds().values()}
    assert born == {
        "issued_licence": ("A", False, "directly", ""),
        "window_scan": ("C", True, "after_check", "B"),
        "licence_scan": ("C", True, "after_check", "B"),
        "third_party_report": ("D", True, "after_check", "B"),
        "self_made": ("D", False, "directly", ""),
    }


def test_every_reason_says_what_to_do() -> None:
    for one in reasons().values():
        for language in ("zh-CN", "en"):
            assert all(one.told(language))
    with pytest.raises(Malformed):
        find_reason("other", "  ")
    with pytest.raises(Malformed):
        find_reason("no such", "x")
