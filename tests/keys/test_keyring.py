"""The keyring: names, files, modes."""

from __future__ import annotations

import logging
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keys import keyring as module
from keys.authority import self_signed_root
from keys.keyring import Keyring
from keys.software import SoftwareKey, generate_key
from trust.certificates import Certificate
from trust.errors import Conflict, Malformed, NotFound, Refused, Unavailable

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def passphrase() -> bytes:
    return b"secret"


@pytest.fixture
def pair() -> tuple[SoftwareKey, Certificate]:
    key = generate_key()
    return key, self_signed_root({"common_name": "演示"}, key, NOW, NOW + timedelta(days=9))


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys", passphrase, iterations=1)


def test_added_and_found_again(ring: Keyring, pair: tuple[SoftwareKey, Certificate], tmp_path: Path) -> None:
    key, certificate = pair
    assert ring.names() == ()
    assert ring.add("seal-maker", key, certificate).name == "seal-maker"
    again = Keyring(tmp_path / "keys", passphrase)
    assert again.names() == ("seal-maker",) and again.certificate("seal-maker") == certificate
    signer = again.signer("seal-maker")
    assert signer.name == "seal-maker" and certificate.public_key.verify(signer.sign(b"x"), b"x")
    assert again.signer("seal-maker") is signer


def test_files_are_private_and_whole(ring: Keyring, pair: tuple[SoftwareKey, Certificate], tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        ring.add("a", *pair)
    finally:
        os.umask(old)
    files = sorted(path.name for path in (tmp_path / "keys").iterdir())
    assert files == ["a.cert.pem", "a.key.pem"]
    for path in (tmp_path / "keys").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert b"ENCRYPTED" in (tmp_path / "keys" / "a.key.pem").read_bytes()


def test_a_key_is_never_overwritten(ring: Keyring, pair: tuple[SoftwareKey, Certificate]) -> None:
    ring.add("a", *pair)
    with pytest.raises(Conflict) as caught:
        ring.add("a", *pair)
    assert caught.value.code == "keys.exists"


def test_a_crash_between_the_two_files_leaves_no_name(
    ring: Keyring, pair: tuple[SoftwareKey, Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = module.write_private

    def crash(path: Path, data: bytes) -> None:
        if path.name.endswith(".cert.pem"):
            raise KeyboardInterrupt
        write(path, data)

    monkeypatch.setattr(module, "write_private", crash)
    with pytest.raises(KeyboardInterrupt):
        ring.add("a", *pair)
    assert ring.names() == ()
    monkeypatch.setattr(module, "write_private", write)
    ring.add("a", *pair)
    assert ring.names() == ("a",)


def test_a_full_disk_is_said_and_leaves_nothing(
    ring: Keyring, pair: tuple[SoftwareKey, Certificate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable) as caught:
        ring.add("a", *pair)
    assert caught.value.code == "keys.unwritable"
    assert list((tmp_path / "keys").iterdir()) == []


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".a", "a.b", "a" * 65, "名", "a\0", "a\n", "-a"])
def test_bad_names(ring: Keyring, pair: tuple[SoftwareKey, Certificate], name: str) -> None:
    for act in (ring.signer, ring.certificate, lambda n: ring.add(n, *pair)):
        with pytest.raises(Malformed) as caught:
            act(name)
        assert caught.value.code == "keys.bad_name"


def test_unknown_and_unreadable(ring: Keyring, pair: tuple[SoftwareKey, Certificate], tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        ring.signer("nobody")
    assert caught.value.code == "keys.unknown"
    ring.add("a", *pair)
    with pytest.raises(Refused) as refused:
        Keyring(tmp_path / "keys", lambda: b"wrong").signer("a")
    assert refused.value.code == "keys.wrong_passphrase"
    (tmp_path / "keys" / "a.key.pem").unlink()
    (tmp_path / "keys" / "a.key.pem").mkdir()
    with pytest.raises(Unavailable) as unavailable:
        Keyring(tmp_path / "keys", passphrase).signer("a")
    assert unavailable.value.code == "keys.unreadable"


def test_a_directory_that_cannot_be_made(pair: tuple[SoftwareKey, Certificate], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(Unavailable) as caught:
        Keyring(tmp_path / "file" / "keys", passphrase, iterations=1).add("a", *pair)
    assert caught.value.code == "keys.unwritable"


def test_a_key_file_open_to_others_is_warned_of(
    ring: Keyring, pair: tuple[SoftwareKey, Certificate], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ring.add("a", *pair)
    (tmp_path / "keys" / "a.key.pem").chmod(0o644)
    with caplog.at_level(logging.WARNING):
        Keyring(tmp_path / "keys", passphrase).signer("a")
    assert "0600" in caplog.text


def test_opened_once_by_many_threads(ring: Keyring, pair: tuple[SoftwareKey, Certificate], tmp_path: Path) -> None:
    ring.add("a", *pair)
    asked: list[int] = []

    def ask() -> bytes:
        asked.append(1)
        return b"secret"

    shared = Keyring(tmp_path / "keys", ask)
    with ThreadPoolExecutor(8) as pool:
        signers = set(map(id, pool.map(lambda _: shared.signer("a"), range(40))))
    assert len(signers) == 1 and len(asked) == 1


def test_repr_says_where_and_no_more(ring: Keyring) -> None:
    assert "secret" not in repr(ring)
