"""Words that people write about copies: read as meant, or refused by name; never anything else."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.copy_office import copy_in, last_day, token_in, until_of
from licence_store.copying.grants import tidy_word
from seal.copies import MAX_TEXT
from trust.errors import Malformed, NotFound

TOKEN, COPY = "A" * 42 + "_", "c-0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "moment", "day"),
    [
        ("2026-12-31", datetime(2026, 12, 31, 16, tzinfo=UTC), "2026-12-31"),
        (" 2028-02-29 ", datetime(2028, 2, 29, 16, tzinfo=UTC), "2028-02-29"),
        ("2026-12-31T12:00:00+08:00", datetime(2026, 12, 31, 4, tzinfo=UTC), "2026-12-31"),
        ("2026-12-31T16:00:00Z", datetime(2026, 12, 31, 16, tzinfo=UTC), "2026-12-31"),
    ],
)
def test_an_end_is_a_day_or_a_moment(text: str, moment: datetime, day: str) -> None:
    assert until_of(text) == moment
    assert last_day(until_of(text)) == day


@given(st.text(max_size=40) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True))
def test_an_end_is_read_or_refused(text: str) -> None:
    with suppress(Malformed):
        assert until_of(text).tzinfo is not None


@pytest.mark.parametrize(
    "text", [TOKEN, f" {TOKEN}\n", f"https://a.example/d/{TOKEN}", f"/d/{TOKEN}/", f"http://x:8000/d/{TOKEN}?lang=en#a"]
)
def test_a_link_is_recognised(text: str) -> None:
    assert token_in(text) == TOKEN


@pytest.mark.parametrize("text", [COPY, f" {COPY} ", f"http://localhost:8000/c/{COPY}", f"/c/{COPY}?lang=en"])
def test_a_copy_is_recognised(text: str) -> None:
    assert copy_in(text) == COPY


@pytest.mark.parametrize("text", ["", "c-", f"{COPY} x", f"/d/{COPY}", COPY.upper(), f"{COPY}\0", "c-" + "长" * 20])
def test_what_is_no_copy(text: str) -> None:
    assert copy_in(text) == ""


@given(st.text(max_size=200))
def test_what_is_no_link_is_told_so(text: str) -> None:
    with suppress(NotFound):
        assert len(token_in(text)) == 43


@given(st.text(max_size=500))
def test_words_have_one_form(text: str) -> None:
    with suppress(Malformed):
        found = tidy_word(text, "purpose")
        assert tidy_word(found, "purpose") == found
        assert len(found) <= MAX_TEXT
        assert found.isprintable() or not found
