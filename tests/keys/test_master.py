"""Master keys beside a keyring; more of them in ``tests/licence_store/uploads/test_vault.py``."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keys import master
from keys.keyring import Keyring
from keys.master import MasterKeys
from tests.authority import make_authority
from trust.errors import Conflict, NotFound, Unavailable


def ring_with_a_key(directory: Path) -> Keyring:
    """A keyring with one key in it."""
    ring = Keyring(directory, lambda: b"secret", iterations=10)
    signer = make_authority().department
    ring.add("officer", signer.key, signer.certificate)
    return ring


def test_many_may_make_the_first_at_once(tmp_path: Path) -> None:
    """Each process makes one, or finds one: whatever was locked opens again."""

    def lock(number: int) -> bytes:
        return MasterKeys(tmp_path, lambda: b"secret", iterations=10).wrap(b"k%31d" % number, b"c")

    with ThreadPoolExecutor(8) as hands:
        wrapped = list(hands.map(lock, range(16)))
    masters = MasterKeys(tmp_path, lambda: b"secret")
    assert [masters.unwrap(one, b"c") for one in wrapped] == [b"k%31d" % n for n in range(16)]
    assert not list(tmp_path.glob(".*")), "nothing half-made is left"


def test_renewals_apart_are_told_apart(tmp_path: Path) -> None:
    """A folder restored from before the renewal, or a node's own copy, renewed too: each opens its own, and the other's
    once that is brought back.
    """
    here = MasterKeys(tmp_path, lambda: b"secret", iterations=10)
    here.wrap(b"k" * 32, b"c")
    there = MasterKeys(Path(shutil.copytree(tmp_path, tmp_path / "copy")), lambda: b"secret", iterations=10)
    assert here.renew() != there.renew()
    wrapped = here.wrap(b"h" * 32, b"c")
    with pytest.raises(Unavailable) as caught:
        there.unwrap(wrapped, b"c")
    assert caught.value.code == "keys.master_missing"
    there.restore(here.copies(b"backup"), b"backup")
    assert there.unwrap(wrapped, b"c") == b"h" * 32


def test_a_destroyed_master_leaves_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut short after the record was written, it is gone on with."""
    masters = MasterKeys(tmp_path, lambda: b"secret", iterations=10)
    wrapped = masters.wrap(b"k" * 32, b"c")
    old, new = masters.newest, masters.renew()
    assert (masters.superseded(new), masters.superseded(old) is not None) == (None, True)

    def cut(_path: Path) -> None:
        raise Unavailable("keys.not_destroyed", "x")

    with monkeypatch.context() as patched, pytest.raises(Unavailable):
        patched.setattr(master, "shred", cut)
        masters.destroy(old, {"reason": "r"})
    assert masters.unwrap(wrapped, b"c") == b"k" * 32
    record = masters.destroy(old, {"reason": "r"})
    assert json.loads(record.read_bytes()) == {"name": "uploads", "number": str(old), "reason": "r"}
    assert record.stat().st_mode & 0o077 == 0
    assert masters.numbers() == (new,)
    for one in (masters, MasterKeys(tmp_path, lambda: b"secret")):
        with pytest.raises(Unavailable) as caught:
            one.unwrap(wrapped, b"c")
        assert caught.value.code == "keys.master_missing"
    with pytest.raises(Conflict):
        masters.destroy(old, {"reason": "r"})
    with pytest.raises(NotFound):
        masters.destroy(new + 1, {"reason": "r"})
