"""Small pure parts of the public edge: negotiation, cursors, rates, moments, languages, masks, errors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import cursors
from api.errors import FAMILIES, accepted_language, problem_of
from api.limits import RateLimit
from api.moments import parse_moment
from api.negotiation import choose
from api.pages.public import mask_code, mask_name
from api.refusals import NotAcceptable, TooMany
from api.routes.pages_public import inside
from trust import errors
from trust.errors import LicenceTrustError, Malformed


def refused(call: Callable[[str], object], text: str) -> str:
    """The code ``call`` refuses ``text`` with; empty if it does not."""
    try:
        call(text)
    except Malformed as error:
        return error.code
    return ""


OFFERED = ("application/json", "application/ofd", "image/png")


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, OFFERED[0]),
        ("*/*", OFFERED[0]),
        ("image/*", OFFERED[2]),
        ("application/ofd", OFFERED[1]),
        ("application/json;q=0.1, application/ofd;q=0.9", OFFERED[1]),
        ("text/html, */*;q=0.1", OFFERED[0]),
        ("IMAGE/PNG", OFFERED[2]),
        ("application/json;q=zero, image/png", OFFERED[2]),
    ],
)
def test_the_best_type_is_chosen(header: str | None, chosen: str) -> None:
    assert choose(header, OFFERED) == chosen


@pytest.mark.parametrize("header", ["text/csv", "image/png;q=0", "x"])
def test_nothing_fits(header: str) -> None:
    with pytest.raises(NotAcceptable):
        choose(header, OFFERED)


@given(st.datetimes(timezones=st.just(UTC)), st.text(max_size=50))
def test_a_cursor_comes_back_as_it_went(moment: datetime, base: str) -> None:
    assert cursors.place(cursors.of_place((moment, base))) == (moment, base)


@given(st.text(max_size=80))
def test_any_other_cursor_is_refused(text: str) -> None:
    assert refused(cursors.place, text) in ("", "cursor.malformed")
    assert refused(cursors.decode_number, text) in ("", "cursor.malformed")


def test_a_rate_is_kept_and_refilled() -> None:
    now = [0.0]
    limit = RateLimit(6, clock=lambda: now[0])
    for _ in range(6):
        limit.admit("a")
    with pytest.raises(TooMany) as caught:
        limit.admit("a")
    assert 0 < int(str(caught.value.params["retry_after"])) <= 11
    limit.admit("b")
    now[0] += 10
    limit.admit("a")
    RateLimit(0).admit("a")


def test_moments() -> None:
    assert parse_moment("2026-11-22T08:00:00+08:00") == datetime(2026, 11, 22, tzinfo=UTC)
    assert parse_moment("2026-11-22t00:00:00.123456789z").microsecond == 123456
    for text in ("", "now", "2026-11-22", "2026-11-22T08:00:00", "2026-13-22T08:00:00Z", "2026-11-22T08:00:00+99:00"):
        with pytest.raises(Malformed):
            parse_moment(text)


@given(st.text(max_size=40))
def test_no_moment_is_a_defect(text: str) -> None:
    assert refused(parse_moment, text) in ("", "moment.malformed")


@pytest.mark.parametrize(
    ("header", "language"),
    [("", None), ("fr", None), ("en", "en"), ("zh-TW, en", "zh-CN"), ("en;q=0.2, zh;q=0.3", "zh-CN"), ("en;q=0, zh;q=0", None),
     ("en;q=x", None), (",;=", None)],
)  # fmt: skip
def test_accept_language(header: str, language: str | None) -> None:
    assert accepted_language(header) == language


@given(st.text(min_size=1, max_size=60))
def test_masks_hide_most_of_a_name(name: str) -> None:
    assert mask_name(name).count("*") >= min(len(name) - 1, max(1, len(name) - 5), 4) or len(name) == 1
    assert mask_code(name).count("*") >= 4


def test_names_as_the_public_sees_them() -> None:
    assert mask_name("林望舒") == "林**"
    assert mask_name("演示省星河有限公司") == "演示省****公司"
    assert mask_code("91990000MA49QUAQ2W") == "9199**********2W"


@pytest.mark.parametrize("target", ["//evil", "/\\evil", "https://evil", "evil", "/\tx", "/" + "x" * 2000, ""])
def test_nobody_is_led_away_after_signing_in(target: str) -> None:
    assert inside(target) == "/"


def test_every_family_has_a_status() -> None:
    families = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, LicenceTrustError)]
    for family in families:
        if family not in (LicenceTrustError, errors.CheckFailed):
            problem = problem_of(family("area.what", "消息 {x}", x=1), "zh-CN")
            assert 400 <= problem.status < 600
            assert problem.detail == "消息 1"
    assert {status for _, status, _ in FAMILIES} >= {401, 403, 404, 409, 422, 503}


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_time_outside_the_calendar_is_refused(moment: str) -> None:
    assert refused(cursors.place, cursors.encode([moment, "x"])) == "cursor.malformed"
    assert refused(parse_moment, moment) == "moment.malformed"


def test_what_a_stranger_wrote_stays_on_its_line() -> None:
    """Line breaks and terminal commands could print a verdict of their own; half a character cannot be encoded."""
    error = Malformed("x.y", "字段“{name}”有误。", name="\x1b[2J\n核验通过\ud800\u202e\u3000甲")
    assert error.message == "字段“\ufffd[2J\ufffd核验通过\ufffd\ufffd\u3000甲”有误。"
    assert problem_of(error, "en").to_json()["detail"].encode()
