"""类型的规则: the parts of a type that say how its licences live, read from the type's JSON document.

Numbering, holder and validity stand in every type. The rest is left out where a type does not need it:
年检 ``inspection``, 延续 ``renewal``, 到期提醒 ``notices``, 分类 ``classification`` (R002, R003), 引用到申请材料
``materials`` (R004), 颁证范围 ``entitled``, 样本遮盖 ``sample_masks`` (R005), 清洗规则 ``cleansing`` (R031).

    rule = inspection_rule({"opens": "03-01", "closes": "05-31", "overdue": "INSPECTION_OVERDUE"})
    first, last = rule.window(2027)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from trust.errors import Malformed

NUMBER_PATTERN = re.compile(r"(?:[0-9A-Za-z-]|\{issuer6\}|\{year\}|\{seq:0\d?\dd\})+")
HOLDER_KINDS = ("natural_person", "legal_person", "project")
"""证照授予对象 (R003): 自然人、法人、投资项目."""
LICENCE_KINDS = ("licence", "permit", "qualification", "registration", "approval", "proof", "other")
"""证照类别: 执照、许可证、资格证、登记证书、批文、证明、其他."""
INSPECTION_RESULTS = ("passed", "basically_passed", "failed")
"""年检结论: 合格、基本合格、不合格."""
OVERDUE_STATES = ("", "INSPECTION_OVERDUE")
FAILED_STATES = ("", "SUSPENDED", "INSPECTION_OVERDUE", "REVOKED")
LEVELS = ("province", "city", "county")
"""颁证机构级别, read off the area in a body's code."""
PREDECESSORS = ("superseded", "until_end")
MASKS = ("keep", "name", "identifier", "hide")
"""样本遮盖: as it is; 张**; first six and last four; nothing but stars."""

_AREA = re.compile(r"[0-9]{6}")
_SUFFIX = re.compile(r"[0-9A-Za-z-]{0,20}")
_CODE_TYPE = re.compile(r"[0-9]{3}")
_MONTH_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_MATERIAL_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_CLEANSING_MOST = 100


@dataclass(frozen=True, slots=True)
class NumberRule:
    """证照编号规则: ``field``, ``field_suffix`` or ``sequence``."""

    kind: str
    field: str = ""
    suffix: str = ""
    pattern: str = ""

    @property
    def needs_sequence(self) -> bool:
        """Must the register hand out the next number of a series?"""
        return self.kind == "sequence"

    def number(self, record: Mapping[str, str], *, issuer_code: str = "", year: int = 0, sequence: int = 0) -> str:
        """The licence number for ``record``; the keyword arguments serve ``sequence`` rules only."""
        if self.kind != "sequence":
            return record[self.field] + self.suffix
        return self.pattern.format(issuer6=issuer_code[2:8], year=f"{year:04d}", seq=sequence)


@dataclass(frozen=True, slots=True)
class HolderRule:
    """持证者: which fields name the holder, and the kind of code (GB/T 36903 annex A)."""

    name: str
    code: str
    code_type: str


@dataclass(frozen=True, slots=True)
class ValidityRule:
    """有效期.

    ``none`` (long-term), ``years`` from issue, ``fixed`` (the same last day for all), ``until`` the day in a
    field, or ``range_field`` (from and to in one field).
    """

    kind: str
    field: str = ""
    years: int = 0
    until: str = ""
    """The last day of a ``fixed`` rule."""

    def period(self, record: Mapping[str, str], issued_on: str) -> tuple[str, str]:
        """``(valid_from, valid_to)`` as ISO dates; ``valid_to`` is empty for long-term."""
        match self.kind:
            case "range_field":
                start, _, end = record.get(self.field, f"{issued_on}/").partition("/")
                return start, end
            case "years":
                return issued_on, _years_later(issued_on, self.years)
            case "fixed":
                return issued_on, self.until
            case "until":
                return issued_on, record.get(self.field, "")
            case _:
                return issued_on, ""


@dataclass(frozen=True, slots=True)
class InspectionRule:
    """年检规则 (R063): once a year, between two days of the year."""

    opens: str
    """``MM-DD``: the first day of the window."""
    closes: str
    """``MM-DD``: the last day of the window; not before ``opens``."""
    first_year_offset: int = 1
    """Years after the year of issue in which the first inspection falls."""
    overdue: str = "INSPECTION_OVERDUE"
    """The state after a window has passed without inspection; empty: none."""
    failed: str = "SUSPENDED"
    """The state after a failed inspection; empty: none."""
    results: tuple[str, ...] = ("passed", "failed")

    def window(self, year: int) -> tuple[date, date]:
        """First and last day of ``year``'s window."""
        return date.fromisoformat(f"{year}-{self.opens}"), date.fromisoformat(f"{year}-{self.closes}")

    def first_year(self, issued_on: str) -> int:
        """The year of the first inspection of a licence issued on that day."""
        return date.fromisoformat(issued_on).year + self.first_year_offset


@dataclass(frozen=True, slots=True)
class RenewalRule:
    """延续规则: when the holder may ask for the next licence, and what becomes of the one at hand."""

    opens_days: int
    """So many days before the end renewal begins."""
    closes_days: int = 0
    """So many days after the end it is still possible."""
    predecessor: str = "superseded"
    """``superseded`` at once, or ``until_end`` of its own term."""


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """到期提醒 (R066): so many days before the end, each once."""

    days_before: tuple[int, ...] = (90, 30, 7)


@dataclass(frozen=True, slots=True)
class Classification:
    """目录分类 (R002, R003)."""

    issuing_body: str
    """颁证单位类别, e.g. 民政部门; may be empty."""
    issuing_body_en: str
    kind: str
    """证照类别: one of ``LICENCE_KINDS``."""
    holder: str
    """证照授予对象: one of ``HOLDER_KINDS``."""


MATERIAL_FORMATS = ("ofd", "pdf", "image", "paper")
SEALING = ("issuer", "copy", "applicant", "none")
"""签章要求: the issuing body's seal; a copy's seal is enough; the applicant seals or signs; none."""


@dataclass(frozen=True, slots=True)
class MaterialDemand:
    """材料要求 (R094): in which form an item wants a material, published with it."""

    formats: tuple[str, ...] = MATERIAL_FORMATS[:2]
    """Words of ``MATERIAL_FORMATS``."""
    copies: int = 0
    """份数 on paper; 0: none."""
    seal: str = "issuer"
    """A word of ``SEALING``."""
    level: str = "B"
    """Least 可信等级 that is taken without the original."""


@dataclass(frozen=True, slots=True)
class MaterialMapping:
    """引用到申请材料 (R004): an application material which a licence of this type satisfies."""

    code: str
    name: str
    name_en: str
    item: str = ""
    """Code of the service item (事项) that asks for it; empty: any."""
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Only licences with one of these values in these fields."""
    demand: MaterialDemand | None = None
    """``None``: the item states nothing."""

    def satisfied_by(self, record: Mapping[str, str]) -> bool:
        """Does the face ``record`` meet the conditions?"""
        return all(record.get(name) in values for name, values in self.where)


@dataclass(frozen=True, slots=True)
class Entitlement:
    """颁证范围: bodies of an area (GB/T 2260) and of these levels may be granted the type."""

    area: str
    """Six digits; ``990000`` covers all whose code begins with 99, ``990100`` with 9901."""
    levels: tuple[str, ...] = LEVELS

    def covers(self, body_code: str) -> bool:
        """May the body with this unified social credit code issue?"""
        own, begins = body_code[2:8], _begins(self.area)
        level = LEVELS[0] if own.endswith("0000") else LEVELS[1] if own.endswith("00") else LEVELS[2]
        return own.startswith(begins) and level in self.levels


def number_rule(rule: Any, names: set[str]) -> NumberRule:
    """The ``number_rule`` of a type with these record fields; raises ``Malformed("type.…")`` as all below do."""
    need(rule, "number_rule", ("kind",))
    field, suffix, pattern = (rule.get(key, "") for key in ("field", "suffix", "pattern"))
    if rule["kind"] in ("field", "field_suffix") and _is_one(field, names) and _SUFFIX.fullmatch(str(suffix)):
        return NumberRule(rule["kind"], field, str(suffix))
    if rule["kind"] == "sequence" and NUMBER_PATTERN.fullmatch(str(pattern)) and pattern.count("{seq:") == 1:
        return NumberRule("sequence", pattern=pattern)
    raise bad("number_rule", 'field | field_suffix | sequence ("{issuer6}{year}{seq:07d}")')


def holder_rule(rule: Any, names: set[str]) -> HolderRule:
    """The ``holder``."""
    need(rule, "holder", ("name", "code", "code_type"))
    known = _is_one(rule["name"], names) and _is_one(rule["code"], names)
    if not known or not _CODE_TYPE.fullmatch(str(rule["code_type"])):
        raise bad("holder", "name, code: " + "、".join(sorted(names)) + "; code_type: 001, 111…")
    return HolderRule(rule["name"], rule["code"], str(rule["code_type"]))


def validity_rule(rule: Any, formats: Mapping[str, str]) -> ValidityRule:
    """The ``validity`` of a type whose record fields have these ``formats``."""
    need(rule, "validity", ("kind",))
    kind, years, field = rule["kind"], rule.get("years", 0), rule.get("field", "")
    if kind == "none":
        return ValidityRule(kind)
    if kind == "range_field" and isinstance(field, str) and formats.get(field) == "date_range":
        return ValidityRule(kind, field)
    if kind == "years" and isinstance(years, int) and not isinstance(years, bool) and 0 < years <= 100:
        return ValidityRule(kind, years=years)
    if kind == "fixed" and is_date(rule.get("until")):
        return ValidityRule(kind, until=rule["until"])
    if kind == "until" and isinstance(field, str) and formats.get(field) in ("date", "long_term"):
        return ValidityRule(kind, field)
    raise bad(
        "validity", "none | range_field (field: date_range) | years (1…100) | fixed (until) | until (field: date)"
    )


def inspection_rule(rule: Any) -> InspectionRule | None:
    """The ``inspection``, if a type has one."""
    if rule is None:
        return None
    only(rule, "inspection", ("opens", "closes"), ("first_year_offset", "overdue", "failed", "results"))
    made = InspectionRule(
        opens=_month_day(rule["opens"], "inspection.opens"),
        closes=_month_day(rule["closes"], "inspection.closes"),
        first_year_offset=_count(rule.get("first_year_offset", 1), "inspection.first_year_offset", 0, 10),
        overdue=_one_of(rule.get("overdue", "INSPECTION_OVERDUE"), "inspection.overdue", OVERDUE_STATES),
        failed=_one_of(rule.get("failed", "SUSPENDED"), "inspection.failed", FAILED_STATES),
        results=_list_of(rule.get("results", ["passed", "failed"]), "inspection.results", INSPECTION_RESULTS),
    )
    if made.closes < made.opens:
        raise bad("inspection.closes", "opens ≤ closes")
    if not {"passed", "failed"} <= set(made.results):
        raise bad("inspection.results", "passed, failed")
    return made


def renewal_rule(rule: Any, validity: ValidityRule) -> RenewalRule | None:
    """The ``renewal``, if a type has one; only what ends can be renewed."""
    if rule is None:
        return None
    only(rule, "renewal", ("opens_days",), ("closes_days", "predecessor"))
    if validity.kind == "none":
        raise bad("renewal", "validity ≠ none")
    return RenewalRule(
        _count(rule["opens_days"], "renewal.opens_days", 1, 3660),
        _count(rule.get("closes_days", 0), "renewal.closes_days", 0, 3660),
        _one_of(rule.get("predecessor", "superseded"), "renewal.predecessor", PREDECESSORS),
    )


def notice_rule(rule: Any) -> NoticeRule:
    """The ``notices``; 90, 30 and 7 days where the type says nothing."""
    if rule is None:
        return NoticeRule()
    only(rule, "notices", ("days_before",), ())
    days = rule["days_before"]
    if not isinstance(days, list) or len(days) > 12:
        raise bad("notices.days_before", "[90, 30, 7]")
    counted = [_count(day, "notices.days_before", 0, 3660) for day in days]
    return NoticeRule(tuple(sorted(set(counted), reverse=True)))


def classification(part: Any, holder_kind: str) -> Classification:
    """The ``classification``; a type that says nothing is of kind ``other``."""
    if part is None:
        return Classification("", "", "other", holder_kind)
    only(part, "classification", ("kind",), ("issuing_body", "holder"))
    zh, en = _names(part["issuing_body"], "classification.issuing_body") if "issuing_body" in part else ("", "")
    holder = _one_of(part.get("holder", holder_kind), "classification.holder", HOLDER_KINDS)
    return Classification(zh, en, _one_of(part["kind"], "classification.kind", LICENCE_KINDS), holder)


def material_mappings(parts: Any, fields: set[str]) -> tuple[MaterialMapping, ...]:
    """The ``materials``."""
    if parts is None:
        return ()
    if not isinstance(parts, list) or len(parts) > 200:
        raise bad("materials", '[{"code", "name": {"zh", "en"}}]')
    made = tuple(_material(part, f"materials[{number}]", fields) for number, part in enumerate(parts))
    if len({m.code for m in made}) != len(made):
        raise bad("materials.code", "each code once")
    return made


def _material(part: Any, place: str, fields: set[str]) -> MaterialMapping:
    only(part, place, ("code", "name"), ("item", "where", "demand"))
    code, item, where = part["code"], part.get("item", ""), part.get("where", {})
    if not isinstance(code, str) or not _MATERIAL_CODE.fullmatch(code):
        raise bad(f"{place}.code", _MATERIAL_CODE.pattern)
    if not isinstance(item, str) or (item and not _MATERIAL_CODE.fullmatch(item)):
        raise bad(f"{place}.item", _MATERIAL_CODE.pattern)
    if not isinstance(where, dict) or not set(where) <= fields:
        raise bad(f"{place}.where", "、".join(sorted(fields)))
    for values in where.values():
        if not isinstance(values, list) or not values or not all(isinstance(v, str) and v for v in values):
            raise bad(f"{place}.where", '{"field": ["value"]}')
    conditions = tuple((name, tuple(values)) for name, values in where.items())
    demand = _demand(part["demand"], f"{place}.demand") if "demand" in part else None
    return MaterialMapping(code, *_names(part["name"], f"{place}.name"), item, conditions, demand)


def _demand(part: Any, place: str) -> MaterialDemand:
    only(part, place, (), ("formats", "copies", "seal", "level"))
    plain = MaterialDemand()
    formats = _list_of(part.get("formats", list(plain.formats)), f"{place}.formats", MATERIAL_FORMATS)
    copies = part.get("copies", plain.copies)
    if not formats:
        raise bad(f"{place}.formats", " | ".join(MATERIAL_FORMATS))
    if type(copies) is not int or not 0 <= copies <= 20:
        raise bad(f"{place}.copies", "0 … 20")
    seal = _one_of(part.get("seal", plain.seal), f"{place}.seal", SEALING)
    level = _one_of(part.get("level", plain.level), f"{place}.level", tuple("ABCD"))
    return MaterialDemand(formats, copies, seal, level)


def entitlements(parts: Any) -> tuple[Entitlement, ...]:
    """The ``entitled``; a type that names nobody may be granted to any body."""
    if parts is None:
        return ()
    if not isinstance(parts, list) or len(parts) > 1000:
        raise bad("entitled", '[{"area": "990000"}]')
    return tuple(_entitlement(part, f"entitled[{number}]") for number, part in enumerate(parts))


def _entitlement(part: Any, place: str) -> Entitlement:
    only(part, place, ("area",), ("levels",))
    if not isinstance(part["area"], str) or not _AREA.fullmatch(part["area"]):
        raise bad(f"{place}.area", "6 × 0…9")
    levels = _list_of(part.get("levels", list(LEVELS)), f"{place}.levels", LEVELS)
    if not levels:
        raise bad(f"{place}.levels", " | ".join(LEVELS))
    return Entitlement(part["area"], levels)


def _begins(area: str) -> str:
    """The digits that all areas beneath have in common."""
    while area.endswith("00") and len(area) > 2:
        area = area[:-2]
    return area


def sample_masks(part: Any, fields: set[str]) -> Mapping[str, str]:
    """The ``sample_masks``: face field → one of ``MASKS``."""
    if part is None:
        return {}
    if not isinstance(part, dict) or not set(part) <= fields:
        raise bad("sample_masks", "、".join(sorted(fields)))
    return {name: _one_of(mask, f"sample_masks.{name}", MASKS) for name, mask in part.items()}


def cleansing_rules(parts: Any) -> tuple[Mapping[str, Any], ...]:
    """The ``cleansing`` rules as written; what each means is the collection's business."""
    if parts is None:
        return ()
    if not isinstance(parts, list) or len(parts) > _CLEANSING_MOST or not all(isinstance(p, dict) for p in parts):
        raise bad("cleansing", f"[{{…}}] ≤ {_CLEANSING_MOST}")
    return tuple(parts)


def bad(part: str, expected: str) -> Malformed:
    """A part of a type that is not as it should be."""
    return Malformed("type.invalid", "证照类型定义的“{part}”不正确：应为{expected}。", part=part, expected=expected)


def need(source: Any, part: str, names: Sequence[str]) -> None:
    """``source`` is an object and has these keys."""
    if not isinstance(source, dict):
        raise bad(part, "JSON object")
    for name in names:
        if name not in source:
            raise Malformed("type.missing", "证照类型定义缺少“{part}”。", part=f"{part}.{name}".strip("."))


def only(source: Any, part: str, needed: Sequence[str], optional: Sequence[str]) -> None:
    """As ``need``, and nothing else: a misspelt rule must not be passed over."""
    need(source, part, needed)
    for key in source:
        if key not in needed and key not in optional:
            raise bad(f"{part}.{str(key)[:40]}", ", ".join((*needed, *optional)))


def is_date(text: Any) -> bool:
    """Is ``text`` a calendar day ``YYYY-MM-DD``?"""
    try:
        return isinstance(text, str) and len(text) == 10 and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def is_title(text: Any, most: int = 100) -> bool:
    """Is ``text`` one printable line of at most ``most`` characters?"""
    return isinstance(text, str) and 0 < len(text) <= most and text.isprintable() and text == text.strip()


def _is_one(value: Any, names: set[str]) -> bool:
    return isinstance(value, str) and value in names


def _month_day(value: Any, part: str) -> str:
    """A day that every year has."""
    if isinstance(value, str) and _MONTH_DAY.fullmatch(value) and is_date(f"2001-{value}"):
        return value
    raise bad(part, "MM-DD")


def _count(value: Any, part: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise bad(part, f"{least}…{most}")
    return value


def _one_of(value: Any, part: str, words: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in words:
        raise bad(part, " | ".join(word or '""' for word in words))
    return value


def _list_of(value: Any, part: str, words: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise bad(part, " | ".join(words))
    return tuple(dict.fromkeys(_one_of(word, part, words) for word in value))


def _names(part: Any, place: str) -> tuple[str, str]:
    need(part, place, ("zh", "en"))
    zh, en = part["zh"], part["en"]
    if not is_title(zh) or not is_title(en):
        raise bad(place, "zh, en ≤ 100")
    return zh, en


def _years_later(day: str, years: int) -> str:
    """The last day of a term of ``years`` that begins on ``day``."""
    start = date.fromisoformat(day)
    return date.fromordinal(_anniversary(start, years).toordinal() - 1).isoformat()


def _anniversary(start: date, years: int) -> date:
    try:
        return start.replace(year=start.year + years)
    except ValueError:  # 29 February
        return date(start.year + years, 3, 1)
