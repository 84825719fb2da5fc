"""Archive bags before the Library of Congress' own validator, which knows nothing of SM3, signature and time stamp."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path

import pytest

from licence_store.archive_bag.writing import BagWriter
from licence_store.desk import DeskSettings, now, open_desk
from tests.interop.programs import missing
from tests.licence_store.archive_bag.test_bags import CASE, OFFICER, fill

try:
    import bagit
except ImportError:
    bagit = None
ODD = "data/证照/a\nb\rc.txt"
"""A name with what a manifest must escape; per cent signs too, after RFC 8493, 2.1.3, but this reader forgets them."""


@pytest.fixture(autouse=True)
def _reader() -> None:
    if bagit is None:
        missing("bagit (pip install -e .[interop])")


def opened(archive: Path) -> Path:
    """The bag as a folder."""
    folder = archive.with_suffix("")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    return next(folder.iterdir())


def test_a_case_is_a_valid_bag(region_folder: Path, tmp_path: Path) -> None:
    logging.getLogger("bagit").setLevel(logging.ERROR)
    desk = open_desk(DeskSettings(region_folder, durable=False))
    fill(desk)
    (tmp_path / "case.zip").write_bytes(b"".join(desk.bags.make(CASE, OFFICER)))
    desk.close()
    folder = opened(tmp_path / "case.zip")
    bag = bagit.Bag(str(folder))
    assert bag.validate()
    assert bag.info["External-Identifier"] == CASE
    (folder / "data" / "case.json").write_bytes(b"{}")
    assert not bagit.Bag(str(folder)).is_valid()


def test_names_are_escaped_as_others_read_them(tmp_path: Path) -> None:
    writer = BagWriter("b", now())
    data = b"".join([*writer.add(ODD, b"x"), *writer.finish({}, {}, lambda seen: {})])
    (tmp_path / "odd.zip").write_bytes(data)
    bag = bagit.Bag(str(opened(tmp_path / "odd.zip")))
    assert bag.validate()
    assert ODD in bag.payload_entries()
