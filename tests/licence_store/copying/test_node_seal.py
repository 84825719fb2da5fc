"""The node's copy seal: there from the beginning, made once where it is missing, never put in the place of a frozen one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from licence_store.copying.node_seal import demand_copy_seal, find_copy_seal
from licence_store.desk import Desk, DeskSettings, now, open_desk
from licence_store.region import Region
from seal.kinds import kind_of
from seal.lifecycle import Official, Role
from trust.errors import Refused
from trust.journal import SYSTEM


@pytest.fixture
def older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A region made before there were copy seals."""
    with monkeypatch.context() as patched:
        patched.setattr("licence_store.founding.make_copy_seal", lambda *_: "")
        Region.create(tmp_path / "older", clock=now)
    desk = open_desk(DeskSettings(tmp_path / "older", durable=False))
    yield desk
    desk.close()


def test_a_new_region_has_one(desk: Desk) -> None:
    seal_id = find_copy_seal(desk.sessions)
    assert seal_id == "990000COPY01"
    material = desk.copy_seal()
    assert (material.seal.seal_id, kind_of(material.seal)) == (seal_id, "copy")
    assert material.signer.certificate.common_name == "演示省电子证照库"
    assert desk.seal_register.view(seal_id).summary.department_id == "copies"


def test_an_older_region_gets_one_when_it_is_needed(older: Desk) -> None:
    assert find_copy_seal(older.sessions) == ""
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: older.copy_seal().seal.seal_id, range(4)))
    assert set(made) == {"990000COPY01"}
    assert len([one for one in older.seal_register.search() if one.kind == "copy"]) == 1


def test_what_a_crash_left_is_taken_up(older: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("licence_store.copying.node_seal.make_seal", _crash)
        with pytest.raises(RuntimeError):
            older.copy_seal()
    assert older.copy_seal().seal.seal_id == "990000COPY01"


def _crash(*_: object, **__: object) -> bytes:
    raise RuntimeError("power is off")


def test_a_frozen_one_is_not_replaced(desk: Desk) -> None:
    seal_id = find_copy_seal(desk.sessions)
    desk.seal_register.freeze(Official(replace(SYSTEM, account="keeper"), Role.SEAL_KEEPER), seal_id, reason="停用")
    with pytest.raises(Refused) as caught:
        desk.copy_seal()
    assert caught.value.code == "copy.no_seal"


def test_no_seal_is_made_where_people_apply_for_seals(older: Desk) -> None:
    region = replace(older.region, demonstration=False)
    with pytest.raises(Refused) as caught:
        demand_copy_seal(region, older.catalogue, older.seal_register, older.clock())
    assert caught.value.code == "copy.no_seal"
