"""Files: whole or absent, found again by digest, damage noticed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from licence_store.files import FolderStore, flush, write_whole
from trust.algorithms import sm3
from trust.errors import NotFound, Unavailable


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def test_put_and_get(store: FolderStore) -> None:
    digest = store.put(b"licence")
    assert digest == sm3(b"licence").hex()
    assert store.get(digest) == b"licence"
    assert store.put(b"licence") == digest
    assert list(store.digests()) == [digest]


def test_many_with_one_flush(store: FolderStore) -> None:
    pairs = [(bytes([n]) * 100, sm3(bytes([n]) * 100)) for n in range(20)]
    assert store.put_many(pairs) == [d.hex() for _, d in pairs]
    assert [store.get(d.hex()) for _, d in pairs] == [data for data, _ in pairs]


def test_damage_is_noticed_and_mended_by_the_same_content(store: FolderStore) -> None:
    digest = store.put(b"licence")
    store.path(digest).write_bytes(b"licencE")
    with pytest.raises(Unavailable) as caught:
        store.get(digest)
    assert caught.value.code == "files.damaged"
    store.put(b"licence")
    assert store.get(digest) == b"licence"


def test_absent(store: FolderStore) -> None:
    with pytest.raises(NotFound):
        store.get("0" * 64)


def test_disk_that_refuses(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        FolderStore(tmp_path / "absent").put(b"x")
    assert caught.value.code == "files.write"


def test_sweep_takes_only_what_nobody_names(store: FolderStore) -> None:
    kept, orphan = store.put(b"kept"), store.put(b"orphan")
    unfinished = store.path(kept).parent / ".abc.part"
    unfinished.write_bytes(b"half")
    assert store.sweep(lambda some: {kept} & set(some), older_than=3600) == 0
    assert store.sweep(lambda some: {kept} & set(some), older_than=0) == 2
    assert list(store.digests()) == [kept]
    assert not store.path(orphan).exists()
    assert not unfinished.exists()


def test_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "f"
    write_whole(place, b"old")
    monkeypatch.setattr(os, "fsync", _full)
    with pytest.raises(OSError, match="full"):
        write_whole(place, b"new")
    assert place.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def _full(_handle: int) -> None:
    raise OSError(28, "disk full")


def test_flush_without_syncfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("licence_store.files.folder._syncfs", lambda: None)
    store = FolderStore(tmp_path)
    names = store.put_many([(bytes([n]), sm3(bytes([n]))) for n in range(9)])
    flush([store.path(n) for n in names])
    assert len(list(store.digests())) == 9
