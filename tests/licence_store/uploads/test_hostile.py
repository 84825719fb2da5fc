"""Files that are made to harm, and files nobody could read: each refused with its reason, in bounded memory."""

from __future__ import annotations

import resource
from collections import Counter

import pytest

from licence_store.uploads.checking import check
from licence_store.uploads.limits import limits_of
from licence_store.uploads.refusals import REASONS
from licence_store.uploads.sniffing import look
from tests.licence_store.uploads.hostile import HOSTILE, Hostile
from trust.errors import LicenceTrustError


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
