"""Files that are made to harm, and files nobody could read: each refused with its reason, in bounded memory."""

from __future__ import annotations

import resource
from collections import Counter

import pikepdf
import pytest

from licence_store.uploads import checking
from licence_store.uploads.checking import check
from licence_store.uploads.limits import limits_of
from licence_store.uploads.refusals import REASONS
from licence_store.uploads.sniffing import look
from tests.licence_store.uploads import makers as m
from tests.licence_store.uploads.hostile import HOSTILE, Hostile
from trust.errors import LicenceTrustError, Unavailable


def refused_with(row: Hostile) -> str:
    """The code with which the file is refused, as ``Uploads.accept`` would, without a database."""
    limits = limits_of(row.kind)
    data = row.make()
    if not data:
        return "upload.empty"
    if len(data) > limits.max_size:
        return "upload.too_large"
    with pytest.raises(LicenceTrustError) as caught:
        check(data, look(data, limits), limits)
    assert caught.value.remedy_template
    return caught.value.code


@pytest.mark.parametrize("row", HOSTILE, ids=lambda row: row.title)
def test_is_refused_with_the_reason(row: Hostile) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refused_with(row) == row.code
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 350 << 10, "KiB that this process has grown by"


def test_the_table_is_long_and_covers_every_reason() -> None:
    codes = Counter(row.code for row in HOSTILE)
    assert len(HOSTILE) >= 100
    assert len({row.title for row in HOSTILE}) == len(HOSTILE)
    assert {f"upload.{reason}" for reason in REASONS} - set(codes) == {"upload.too_costly"}


def test_no_child_has_taken_more_than_it_may() -> None:
    """Stands behind the table: the largest of all its processes."""
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < checking.MEMORY_MIB << 10


def costly(monkeypatch: pytest.MonkeyPatch, data: bytes, **limits: int) -> str:
    for name, value in limits.items():
        monkeypatch.setattr(checking, name, value)
    return refused_with(Hostile("costly", lambda: data, "", "self_made"))


def test_a_file_that_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert costly(monkeypatch, m.jpeg(6000, 8000, quality=30), MEMORY_MIB=300) == "upload.too_costly"


def test_a_file_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].obj.Contents = pdf.make_stream(b"0 0 m 500 800 l 9 w S 1 0 0 RG\n" * 600_000)

    assert costly(monkeypatch, m.text_pdf(1, endless), SECONDS=1) == "upload.too_costly"


def test_no_more_than_two_are_checked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "_PATIENCE", 0.01)
    with checking._room(), checking._room(), pytest.raises(Unavailable) as caught:
        check(m.jpeg(), "image/jpeg", limits_of("self_made"))
    assert caught.value.code == "upload.busy"
