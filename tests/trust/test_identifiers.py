"""Check digits: published samples, and what the algorithms promise."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.errors import Malformed
from trust.identifiers import (
    ALPHABET_31,
    ALPHABET_36,
    LicenceId,
    check_citizen_number,
    check_credit_code,
    citizen_check_char,
    credit_code_check_char,
    iso7064_mod_37_36,
    organisation_check_char,
    parse_licence_id,
)

# Published licence identifiers whose check character holds.
LICENCE_IDS = [
    "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F",
    "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
    "1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9",
    "1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0",
]
# One from an interface document, whose check character does not hold (the algorithm gives D).
MOCK_ID = "1.2.156.3005.2.11100000000013661B006.113700000045046442.209FA4E88F9E4C878F3E9BED2CE7EA49.001.M"
CREDIT_CODES = [
    "11100000000013338W",
    "11220000013544541J",
    "11430000006122244L",
    "11330105002500287C",
    "11100000MB03271699",
    "11100000000013661B",
    "113700000045046442",
]

characters = st.text(ALPHABET_36, min_size=1, max_size=40)
licence_ids = st.builds(
    LicenceId,
    st.text(ALPHABET_36, min_size=21, max_size=21),
    st.text(ALPHABET_36, min_size=18, max_size=18),
    st.text(ALPHABET_36, min_size=1, max_size=32),
    st.integers(1, 999),
)


@pytest.mark.parametrize("text", LICENCE_IDS)
def test_published_licence_ids(text: str) -> None:
    assert parse_licence_id(text).text == text
    assert parse_licence_id(text.lower()).text == text


def test_a_wrong_check_character_can_be_let_pass_and_seen() -> None:
    with pytest.raises(Malformed, match="应为 D"):
        parse_licence_id(MOCK_ID)
    assert parse_licence_id(MOCK_ID, strict=False).text == MOCK_ID[:-1] + "D"


@pytest.mark.parametrize("code", CREDIT_CODES)
def test_published_credit_codes(code: str) -> None:
    assert check_credit_code(code.lower()) == code


def test_the_standards_own_citizen_number() -> None:
    assert citizen_check_char("11010519491231002") == "X"
    assert check_citizen_number("11010519491231002x") == "11010519491231002X"


@pytest.mark.parametrize(("body", "check"), [("D2143569", "X"), ("00001333", "8")])
def test_organisation_codes(body: str, check: str) -> None:
    assert organisation_check_char(body) == check


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("", "identifier.length"),
        ("1101051949123100", "identifier.length"),
        ("110105194912310021", "identifier.check_character"),
        ("110105194902300020", "identifier.date"),
        ("110105000012310020", "identifier.date"),
        ("000105194912310020", "identifier.area"),
        ("X10105194912310020", "identifier.character"),
        ("１１０１０５１９４９１２３１００２X", "identifier.character"),
        (11010519491231002, "identifier.type"),
        (None, "identifier.type"),
    ],
)
def test_bad_citizen_numbers(number: object, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        check_citizen_number(number)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert str(number) not in caught.value.message or not number


def test_nobody_is_born_tomorrow() -> None:
    born = "11010520300101001"
    number = born + citizen_check_char(born)
    assert check_citizen_number(number) == number
    with pytest.raises(Malformed, match="出生日期"):
        check_citizen_number(number, today=date(2026, 11, 22))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "1.2.156.3005.2",
        "1.2.156.3005.3.11100000000013338W032.11220000013544541J.2430599.001.F",
        "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F.F",
        "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.000.F",
        "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.1.F",
        "1.2.156.3005.2.11100000000013338W032.11220000013544541J..001.F",
        "1.2.156.3005.2.11100000000013338W032.11220000013544541J.../../x.001.F",
        "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F\n",
        "1.2.156.3005.2.11100000000013338W032.11220000013544541J.证照.001.F",
    ],
)
def test_what_is_no_licence_id(text: str) -> None:
    with pytest.raises(Malformed):
        parse_licence_id(text)


@given(licence_ids, st.integers(1, 999))
def test_versions_share_their_base(identifier: LicenceId, version: int) -> None:
    other = identifier.with_version(version)
    assert parse_licence_id(identifier.text) == identifier
    assert other.base == identifier.base
    assert parse_licence_id(other.text).version == version


def test_versions_end_at_999() -> None:
    with pytest.raises(Malformed, match="001 至 999"):
        parse_licence_id(LICENCE_IDS[0]).with_version(1000)


@given(characters, st.data())
def test_mod_37_36_notices_any_wrong_character(text: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(text) - 1))
    wrong = data.draw(st.sampled_from([c for c in ALPHABET_36 if c != text[position]]))
    changed = text[:position] + wrong + text[position + 1 :]
    assert iso7064_mod_37_36(changed) != iso7064_mod_37_36(text)


@given(characters, st.data())
def test_mod_37_36_notices_swaps_but_of_0_and_z(text: str, data: st.DataObject) -> None:
    """In a hybrid system P passes through 36 values while arithmetic is modulo 37: few pairs slip through."""
    position = data.draw(st.integers(0, max(len(text) - 2, 0)))
    pair = text[position : position + 2]
    swapped = text[:position] + pair[::-1] + text[position + 2 :]
    if len(set(pair)) == 2 and set(pair) != {"0", "Z"}:
        assert iso7064_mod_37_36(swapped) != iso7064_mod_37_36(text)


seventeen = st.builds(
    lambda head, area, tail: head + area + tail,
    st.text(ALPHABET_31, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(ALPHABET_31, min_size=9, max_size=9),
)


@given(seventeen, st.data())
def test_credit_codes_notice_one_wrong_character_and_a_swap(first: str, data: st.DataObject) -> None:
    code = first + credit_code_check_char(first)
    assert check_credit_code(code) == code
    position = data.draw(st.integers(0, 17))
    wrong = data.draw(st.sampled_from([c for c in ALPHABET_31 if c != code[position]]))
    _refused(check_credit_code, code[:position] + wrong + code[position + 1 :])
    i, j = sorted(data.draw(st.lists(st.integers(0, 17), min_size=2, max_size=2, unique=True)))
    swapped = code[:i] + code[j] + code[i + 1 : j] + code[i] + code[j + 1 :]
    if swapped != code and (i, j) != (0, 17):  # first and last have weight 1 alike
        _refused(check_credit_code, swapped)


people = st.builds(
    lambda area, born, serial: f"{area}{born:%Y%m%d}{serial:03d}",
    st.sampled_from(["110105", "440106", "990000", "650102"]),
    st.dates(date(1900, 1, 1), date(2099, 12, 31)),
    st.integers(0, 999),
)


@given(people, st.data())
def test_citizen_numbers_notice_one_wrong_digit_and_a_swap(first: str, data: st.DataObject) -> None:
    number = first + citizen_check_char(first)
    assert check_citizen_number(number) == number
    position = data.draw(st.integers(0, 17))
    wrong = data.draw(st.sampled_from([c for c in "0123456789X" if c != number[position]]))
    _refused(check_citizen_number, number[:position] + wrong + number[position + 1 :])
    i, j = sorted(data.draw(st.lists(st.integers(0, 17), min_size=2, max_size=2, unique=True)))
    swapped = number[:i] + number[j] + number[i + 1 : j] + number[i] + number[j + 1 :]
    if swapped != number and j - i != 10:  # 2 has order 10 modulo 11: weights repeat after ten places
        _refused(check_citizen_number, swapped)


@given(st.text(max_size=40) | st.integers() | st.none())
def test_anything_else_is_malformed_and_nothing_worse(value: object) -> None:
    for check in (check_credit_code, check_citizen_number, parse_licence_id):
        try:
            check(value)  # type: ignore[operator]
        except Malformed:
            continue


def _refused(check: object, value: str) -> None:
    with pytest.raises(Malformed):
        check(value)  # type: ignore[operator]
