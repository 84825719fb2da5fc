"""标识: licence identifiers, unified social credit codes and citizen numbers, with their check characters.

================================  ==========================  =====================================
电子证照标识                      GB/T 36904-2018             ISO/IEC 7064 MOD 37,36 (hybrid)
统一社会信用代码                  GB 32100-2015               weights 3^i, modulo 31
公民身份号码                      GB 11643-1999               ISO/IEC 7064 MOD 11-2
================================  ==========================  =====================================

The texts of GB/T 36901 to 36906 were not available to us: the form of the licence identifier and its
check character are taken from published identifiers (four of the five we know agree; the fifth stands in
an interface document and is probably a mock-up). UNSURE: the longest serial part, and whether a
six-digit area code may stand for the issuer, as one published identifier has it.

No message repeats a citizen number: a person's number belongs in no log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from unicodedata import normalize

from trust.errors import Malformed

ALPHABET_36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHABET_31 = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100: no I, O, Z, S, V."""

LICENCE_ROOT = "1.2.156.3005.2"
"""电子证照根代码 (GB/T 36904)."""

DEMONSTRATION_AREA = "99"
"""Nobody's area (GB/T 2260 gives no 99): the numbers of demonstration people and bodies begin with it."""

AREAS = frozenset(
    f"{area}"
    for group in (
        range(11, 16),
        range(21, 24),
        range(31, 38),
        range(41, 47),
        range(50, 55),
        range(61, 67),
        (71, 81, 82),
    )
    for area in group
) | {"83", "91", DEMONSTRATION_AREA}
"""First two digits of GB/T 2260 areas. UNSURE: 66 (建设兵团), 83 (台湾居民居住证) and 91 (earlier residence
cards of foreigners) occur in practice and are not in every edition."""

_VALUES_36 = {character: value for value, character in enumerate(ALPHABET_36)}
_VALUES_31 = {character: value for value, character in enumerate(ALPHABET_31)}
_WEIGHTS_31 = tuple(pow(3, i, 31) for i in range(17))
_WEIGHTS_11 = tuple(pow(2, 17 - i, 11) for i in range(17))
_CITIZEN_CHECK = "10X98765432"
_CITIZEN = re.compile(r"[0-9]{17}[0-9X]", re.ASCII)
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_FIRST_YEAR, _LAST_YEAR = 1800, 2199


# ---------------------------------------------------------------- check characters


def iso7064_mod_37_36(text: str) -> str:
    """校验位 of ``text`` (0-9, A-Z) by ISO/IEC 7064 MOD 37,36, the hybrid system.

    Every single wrong character is noticed; a swap of neighbours is too, but for a few pairs.
    """
    product = 36
    for character in text:
        product = ((product + _value(character, _VALUES_36)) % 36 or 36) * 2 % 37
    return ALPHABET_36[(37 - product) % 36]


def credit_code_check_char(first17: str) -> str:
    """统一社会信用代码校验码 (GB 32100-2015, 4.2.5) of the first 17 characters."""
    _demand_length(first17, 17)
    total = sum(weight * _value(c, _VALUES_31) for weight, c in zip(_WEIGHTS_31, first17, strict=True))
    return ALPHABET_31[-total % 31]


def citizen_check_char(first17: str) -> str:
    """公民身份号码校验码 (GB 11643-1999, MOD 11-2) of the first 17 digits."""
    _demand_length(first17, 17)
    if not (first17.isascii() and first17.isdigit()):
        raise Malformed("identifier.character", "公民身份号码的前17位应当全部为数字。")
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS_11, first17, strict=True))
    return _CITIZEN_CHECK[total % 11]


def organisation_check_char(first8: str) -> str:
    """组织机构代码校验码 (GB 11714-1997) of the first 8 characters (0-9, A-Z)."""
    _demand_length(first8, 8)
    total = sum(w * _value(c, _VALUES_36) for w, c in zip(_ORGANISATION_WEIGHTS, first8, strict=True))
    remainder = 11 - total % 11
    return "X" if remainder == 10 else str(remainder % 11)


def _value(character: str, values: dict[str, int]) -> int:
    try:
        return values[character]
    except KeyError:
        raise Malformed("identifier.character", "标识中出现不允许的字符 {character!r}。", character=character) from None


def _demand_length(text: str, length: int) -> None:
    if len(text) != length:
        raise Malformed(
            "identifier.length", "标识长度应为 {expected} 位，实际为 {got} 位。", expected=length, got=len(text)
        )


# ---------------------------------------------------------------- bodies and people


def plain_number(text: str) -> str:
    """号码 of a person, body or document in the one form in which it is kept and compared: half-width, capitals, no
    blanks at either end. What comes in by hand, file, form or claim goes through here.

    >>> plain_number(" 11010519491231002x"), plain_number("Ｅ１２３４")
    ('11010519491231002X', 'E1234')
    """
    return (text if text.isascii() else normalize("NFKC", text)).strip().upper()


def check_credit_code(code: str) -> str:
    """统一社会信用代码 (GB 32100-2015): the code in upper case, or ``Malformed("identifier.*")``.

    18 characters: registering authority, kind of body, area (6 digits), organisation code (9), check
    character. Codes of the early pilots may not conform; whoever must accept one does not ask here.
    """
    upper = _upper(code)
    _demand_length(upper, 18)
    if not (upper[2:8].isascii() and upper[2:8].isdigit()):
        raise Malformed("identifier.area", "统一社会信用代码第3至8位应为行政区划数字代码。")
    expected = credit_code_check_char(upper[:17])
    if upper[17] != expected:
        raise Malformed(
            "identifier.check_character",
            "统一社会信用代码 {value} 的校验码不正确：应为 {expected}，实际为 {got}。",
            value=upper,
            expected=expected,
            got=upper[17],
        )
    return upper


def check_citizen_number(number: str, *, today: date | None = None) -> str:
    """公民身份号码 (GB 11643-1999): the number with an upper-case X, or ``Malformed("identifier.*")``.

    Area digits must be known, the birth date a real one (and not after ``today``, where given), the
    check character right. Numbers of 15 digits are not accepted. No message repeats the number.
    """
    upper = _upper(number)
    _demand_length(upper, 18)
    if not _CITIZEN.fullmatch(upper):
        raise Malformed("identifier.character", "公民身份号码应为17位数字加1位数字或字母X。")
    if upper[:2] not in AREAS:
        raise Malformed("identifier.area", "公民身份号码的地址码 {area} 不存在。", area=upper[:2])
    _check_birth_date(upper[6:14], today)
    if upper[17] != citizen_check_char(upper[:17]):
        raise Malformed("identifier.check_character", "公民身份号码的校验码不正确，请核对各位数字。")
    return upper


def _check_birth_date(digits: str, today: date | None) -> None:
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        raise Malformed("identifier.date", "公民身份号码中的出生日期不是有效日期。") from None
    if not _FIRST_YEAR <= born.year <= _LAST_YEAR or (today is not None and born > today):
        raise Malformed("identifier.date", "公民身份号码中的出生日期不合理。")


def _upper(text: object) -> str:
    if not isinstance(text, str):
        raise Malformed("identifier.type", "标识应当是文本。")
    if not text.isascii():
        raise Malformed("identifier.character", "标识只能包含半角数字和字母。")
    return text.upper()


# ---------------------------------------------------------------- licence identifiers

_TYPE = re.compile(r"[0-9A-Z]{21}", re.ASCII)
_ISSUER = re.compile(r"[0-9A-Z]{18}|[0-9]{6}", re.ASCII)
_SERIAL = re.compile(r"[0-9A-Z]{1,64}", re.ASCII)
_PARTS = 5
_LAST_VERSION = 999


@dataclass(frozen=True, slots=True)
class LicenceId:
    """电子证照标识 (GB/T 36904): ``root.type.issuer.serial.version.check``.

    The version is part of the identifier: versions of one licence share ``base``.
    """

    type_code: str
    """证照类型代码: 18-character credit code of the body that defines the type, and a serial of 3."""
    issuer_code: str
    """证照颁发机构代码: its credit code; a six-digit area code is accepted (UNSURE, seen once)."""
    serial: str
    """流水号: 1 to 64 of 0-9, A-Z."""
    version: int = 1
    """版本号: 1 to 999, written with three digits."""

    def __post_init__(self) -> None:
        _demand(_TYPE, self.type_code, "证照类型代码")
        _demand(_ISSUER, self.issuer_code, "证照颁发机构代码")
        _demand(_SERIAL, self.serial, "流水号")
        if not 1 <= self.version <= _LAST_VERSION:
            raise Malformed("identifier.version", "证照版本号应在 001 至 999 之间，实际为 {got}。", got=self.version)

    @property
    def check_character(self) -> str:
        """校验位 over type, issuer, serial and version, without root and dots."""
        return iso7064_mod_37_36(f"{self.type_code}{self.issuer_code}{self.serial}{self.version:03d}")

    @property
    def base(self) -> str:
        """What all versions share: without version and check character."""
        return f"{LICENCE_ROOT}.{self.type_code}.{self.issuer_code}.{self.serial}"

    @property
    def text(self) -> str:
        return f"{self.base}.{self.version:03d}.{self.check_character}"

    def __str__(self) -> str:
        return self.text

    def with_version(self, version: int) -> LicenceId:
        """The identifier of another version of the same licence."""
        return replace(self, version=version)


def first_version(base: str) -> LicenceId:
    """The identifier of version 1 of the licence whose base this is. Raises ``Malformed("identifier.*")``."""
    return parse_licence_id(f"{base}.001.0", strict=False)


def parse_licence_id(text: str, *, strict: bool = True) -> LicenceId:
    """Read 电子证照标识; letters may be in either case.

    With ``strict=False`` a wrong check character is let pass (some products compute it wrongly):
    compare ``.text`` with what was read and warn. Raises ``Malformed("identifier.*")``.
    """
    upper = _upper(text)
    root, parts = upper[: len(LICENCE_ROOT) + 1], upper[len(LICENCE_ROOT) + 1 :].split(".")
    if root != LICENCE_ROOT + "." or len(parts) != _PARTS:
        raise Malformed(
            "identifier.form", "电子证照标识应为“{root}.类型.机构.流水号.版本.校验位”的形式。", root=LICENCE_ROOT
        )
    if not re.fullmatch(r"[0-9]{3}", parts[3], re.ASCII):
        raise Malformed("identifier.version", "证照版本号应为三位数字，实际为 {got}。", got=parts[3][:16])
    found = LicenceId(parts[0], parts[1], parts[2], int(parts[3]))
    if strict and found.check_character != parts[4]:
        raise Malformed(
            "identifier.check_character",
            "电子证照标识的校验位不正确：应为 {expected}，实际为 {got}。",
            expected=found.check_character,
            got=parts[4][:16],
        )
    return found


def _demand(pattern: re.Pattern[str], value: str, part: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Malformed("identifier.part", "电子证照标识的{part}格式不正确。", part=part)
