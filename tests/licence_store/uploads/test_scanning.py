"""The virus scanner: asked before anything is opened; where it is named and away, nothing is taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.readiness import parts
from licence_store.desk import Desk, DeskSettings, open_desk
from licence_store.uploads.scanning import ClamdScanner, NoScanner, open_scanner
from tests.licence_store.uploads import makers as m
from tests.licence_store.uploads.clamd import MARK, VERSION, clamd
from tests.licence_store.uploads.test_uploads import HOLDER, OWNER, code
from trust.errors import Malformed, Refused, Unavailable


def test_the_scanner_sees_the_whole_file_and_its_word_counts() -> None:
    large = bytes(200_000)
    with clamd() as (address, seen):
        scanner = open_scanner(address)
        scanner.scan(large)
        with pytest.raises(Refused, match=r"Test\.Malware"):
            scanner.scan(large + MARK)
    assert seen == [large, large + MARK]


@pytest.mark.parametrize("answer", [b"", b"stream: ", b"INSTREAM timed out. ERROR\0", b"\xff" * 9000])
def test_any_other_answer_is_none(answer: bytes) -> None:
    with clamd(answer) as (address, _), pytest.raises(Unavailable) as caught:
        open_scanner(address).scan(b"data")
    assert caught.value.code == "upload.scanner_away"


def test_what_it_will_not_look_at_is_told_as_such() -> None:
    """Told, or the line is cut while we still send: then it is asked whether it lives."""
    with clamd(b"INSTREAM size limit exceeded. ERROR\0") as (address, _), pytest.raises(Malformed) as caught:
        open_scanner(address).scan(b"data")
    assert caught.value.code == "upload.scanner_limit"
    with clamd(longest=1 << 20) as (address, _), pytest.raises(Malformed) as caught:
        open_scanner(address).scan(bytes(40 << 20))
    assert caught.value.code == "upload.scanner_limit"
    with clamd(longest=1 << 20, version=b"x") as (address, _), pytest.raises(Unavailable):
        open_scanner(address).scan(bytes(40 << 20))


def test_it_says_how_old_its_signatures_are(region_folder: Path) -> None:
    desk = open_desk(DeskSettings(region_folder, durable=False))
    with clamd() as (address, _):
        assert open_scanner(address).signatures() == datetime(2026, 11, 21, 8, 24, 19, tzinfo=UTC)
    with clamd(version=b"ClamAV 1.4.3\0") as (address, _):
        assert open_scanner(address).signatures() is None
    assert [one.name for one in parts(desk) if one.name == "scanner"] == []
    for version, words in ((VERSION.replace(b"2026", b"2020"), "2020-11-21"), (b"x\0", "没有应答")):
        with clamd(version=version) as (address, _):
            uploads = replace(desk.settings.uploads, scanner=address)
            told = parts(replace(desk, settings=replace(desk.settings, uploads=uploads)))
        [scanner] = [one for one in told if one.name == "scanner"]
        assert scanner.ready, "licences are issued all the same"
        assert words in scanner.warning_texts(str)[0]
    desk.close()


def test_away_means_nothing_is_taken(desk: Desk) -> None:
    uploads = replace(desk.uploads, scanner=ClamdScanner(host="127.0.0.1", port=1, seconds=1))
    taken = lambda: uploads.accept("a.jpg", m.jpeg(), owner=OWNER, kind="self_made", actor=HOLDER)
    assert code(taken) == "upload.scanner_away"
    assert desk.uploads.meter(OWNER).count == 0


def test_infected_is_refused_and_not_kept(desk: Desk) -> None:
    with clamd() as (address, seen):
        uploads = replace(desk.uploads, scanner=open_scanner(address))
        content = m.jpeg_with(m.segment(0xFE, MARK))
        assert (
            code(lambda: uploads.accept("a.jpg", content, owner=OWNER, kind="self_made", actor=HOLDER))
            == "upload.infected"
        )
        uploads.accept("a.jpg", m.jpeg(), owner=OWNER, kind="self_made", actor=HOLDER)
        assert seen == [content, m.jpeg()]
    assert desk.uploads.meter(OWNER).count == 1


def test_addresses() -> None:
    assert open_scanner("") == NoScanner()
    assert open_scanner("unix:///run/clamav/clamd.ctl") == ClamdScanner(path="/run/clamav/clamd.ctl")
    assert open_scanner("tcp://[::1]") == ClamdScanner(host="::1", port=3310)
    for odd in ("x", "tcp://", "unix://a/b", "http://a", "tcp://a:99999", "tcp://a/b"):
        with pytest.raises(Malformed):
            open_scanner(odd)
