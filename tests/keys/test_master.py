"""Master keys beside a keyring; more of them in ``tests/licence_store/uploads/test_vault.py``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from keys.keyring import Keyring
from keys.master import MasterKeys
from tests.authority import make_authority


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
