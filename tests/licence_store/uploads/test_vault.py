"""Encrypted files piece by piece, under keys that are locked under a master key: round trips, and every way to cheat."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import master
from keys.backup import back_up, restore
from keys.keyring import Keyring
from keys.master import MasterKeys
from licence_store.files import FolderStore
from licence_store.uploads import vault as vaults
from licence_store.uploads.vault import SUITES, Vault, clear_size, decrypt, encrypt
from tests.keys.test_lifecycle import MOMENT
from trust.errors import Conflict, LicenceTrustError, Unavailable

PIECE = vaults._PIECE


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    (tmp_path / "files").mkdir()
    return FolderStore(tmp_path / "files", durable=False)


@pytest.fixture
def masters(tmp_path: Path) -> MasterKeys:
    (tmp_path / "keys").mkdir()
    return MasterKeys(tmp_path / "keys", lambda: b"secret", iterations=10)


@pytest.mark.parametrize("cipher", sorted(SUITES))
@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 17])
def test_what_is_put_is_got(store: FolderStore, masters: MasterKeys, cipher: str, size: int) -> None:
    vault, data = Vault(store, masters, cipher), secrets.token_bytes(size)
    entry = vault.put(data, "a")
    assert entry.size == size
    assert vault.get(entry, "a") == data
    assert data[:64] not in store.get(entry.file) or size < 4
    again = vault.put(iter([data[:7], data[7:]]), "a")
    assert (vault.get(again, "a"), again.file != entry.file) == (data, True)
    other = Vault(store, masters, "sm4" if cipher == "aes256" else "aes256")
    assert other.get(entry, "a") == data, "the file itself says how it is encrypted"


@given(st.binary(max_size=200), st.lists(st.integers(1, 60), max_size=8))
def test_any_cut_gives_the_same(data: bytes, cuts: list[int]) -> None:
    key = bytes(32)
    pieces, rest = [], data
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    sealed = b"".join(encrypt([*pieces, rest], key, SUITES["aes256"]))
    assert b"".join(decrypt(sealed, key)) == data
    assert clear_size(len(sealed)) == len(data)


def _cheats(sealed: bytes) -> dict[str, bytes]:
    start, step = vaults._START, PIECE + 16
    first, second, third = (sealed[start + n * step : start + (n + 1) * step] for n in range(3))
    head = sealed[:start]
    return {
        "last piece cut off": head + first + second,
        "first piece cut off": head + second + third,
        "pieces exchanged": head + second + first + third,
        "a piece twice": head + first + first + second + third,
        "cut inside a piece": sealed[:-5],
        "added to": sealed + b"\0" * 40,
        "another nonce": sealed[:6] + bytes([sealed[6] ^ 1]) + sealed[7:],
        "another cipher": sealed[:4] + b"\2" + sealed[5:],
        "no such cipher": sealed[:4] + b"\x09" + sealed[5:],
        "no head": sealed[3:],
        "nothing": b"",
        "head alone": head,
    }


@pytest.mark.parametrize("cheat", sorted(_cheats(bytes(400_000))))
def test_cheats_are_noticed(cheat: str) -> None:
    key = bytes(32)
    sealed = b"".join(encrypt([bytes(2 * PIECE + 99)], key, SUITES["aes256"]))
    with pytest.raises(Unavailable) as caught:
        b"".join(decrypt(_cheats(sealed)[cheat], key))
    assert caught.value.code == "vault.damaged"


def test_the_wrong_context_opens_nothing(store: FolderStore, masters: MasterKeys) -> None:
    vault = Vault(store, masters)
    entry = vault.put(b"data", "upload u-1")
    with pytest.raises(Unavailable) as caught:
        vault.get(entry, "upload u-2")
    assert caught.value.code == "keys.wrapped_damaged"


# ---------------------------------------------------------------- master keys


def test_masters_are_renewed_and_old_ones_still_open(masters: MasterKeys) -> None:
    first = masters.wrap(b"k" * 32, b"c")
    masters.renew()
    second = masters.wrap(b"k" * 32, b"c")
    assert len(masters.numbers()) == 2
    assert first[:4] != second[:4]
    assert masters.unwrap(first, b"c") == masters.unwrap(second, b"c") == b"k" * 32


def test_a_master_opens_with_its_passphrase_only(tmp_path: Path, masters: MasterKeys) -> None:
    wrapped = masters.wrap(b"k" * 32, b"c")
    with pytest.raises(LicenceTrustError) as caught:
        MasterKeys(tmp_path / "keys", lambda: b"wrong").unwrap(wrapped, b"c")
    assert caught.value.code == "keys.wrong_passphrase"
    path = next((tmp_path / "keys").glob("*.master.json"))
    assert path.stat().st_mode & 0o077 == 0
    for odd in (b"", b"{}", b"[" * 5000, b"\xff", path.read_bytes().replace(b"master-key/1", b"master-key/2")):
        path.write_bytes(odd)
        with pytest.raises(LicenceTrustError) as caught:
            MasterKeys(tmp_path / "keys", lambda: b"secret").unwrap(wrapped, b"c")
        assert caught.value.code in ("keys.malformed", "keys.wrong_passphrase")


def test_backups_hold_the_masters(tmp_path: Path, masters: MasterKeys) -> None:
    from tests.keys.test_master import ring_with_a_key

    wrapped = masters.wrap(b"k" * 32, b"c")
    ring = ring_with_a_key(tmp_path / "ring")
    sealed = back_up(ring, b"p", MOMENT, masters=masters, iterations=10)
    assert b"k" * 32 not in sealed
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    restored = MasterKeys(elsewhere, lambda: b"another", iterations=10)
    restore(sealed, b"p", Keyring(elsewhere, lambda: b"another", iterations=10), restored)
    assert MasterKeys(elsewhere, lambda: b"another").unwrap(wrapped, b"c") == b"k" * 32
    restored.restore(masters.copies(b"x"), b"x")  # what is there already, and the same, is no conflict
    number = masters.numbers()[0]
    path = elsewhere / f"uploads.{number}.master.json"
    path.write_bytes(master.seal_master(bytes(32), b"another", 10))
    with pytest.raises(Conflict):
        MasterKeys(elsewhere, lambda: b"another").restore(masters.copies(b"x"), b"x")
