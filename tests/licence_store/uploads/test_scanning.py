"""The virus scanner: asked before anything is opened; where it is named and away, nothing is taken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from licence_store.desk import Desk
from licence_store.uploads.scanning import ClamdScanner, NoScanner, open_scanner
from tests.licence_store.uploads import makers as m
from tests.licence_store.uploads.clamd import MARK, clamd
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


@pytest.mark.parametrize("answer", [b"", b"stream: ", b"INSTREAM size limit exceeded. ERROR\0", b"\xff" * 9000])
def test_any_other_answer_is_none(answer: bytes) -> None:
    with clamd(answer) as (address, _), pytest.raises(Unavailable) as caught:
        open_scanner(address).scan(b"data")
    assert caught.value.code == "upload.scanner_away"


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
