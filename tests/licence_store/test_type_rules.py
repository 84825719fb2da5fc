"""The rules by which a type's licences live: what is read, what is refused, and what may be left out."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licence_store.definitions import load_definition, shipped_definitions
from licence_store.type_rules import InspectionRule, MaterialDemand, NoticeRule, RenewalRule
from trust.errors import Malformed

SHIPPED = {d.slug: d for d in shipped_definitions()}
PERMIT = SHIPPED["pollutant-permit"].source


def type_with(**parts: Any) -> dict[str, Any]:
    """排污许可证 with one more field, a day, and these parts."""
    source = copy.deepcopy(PERMIT)
    source["schema"]["properties"]["ends_on"] = {
        "type": "string", "title": "截止日期", "x-title-en": "Ends on", "maxLength": 10, "x-format": "date",
    }  # fmt: skip
    source["style"]["boxes"].append({"field": "ends_on", "x": 30, "y": 30, "w": 40, "h": 8})
    source.pop("face", None)
    source.pop("renewal")
    return {**source, **parts}


def test_a_type_that_says_nothing_gets_the_usual() -> None:
    plain = type_with()
    for part in ("inspection", "renewal", "notices", "classification", "materials", "cleansing", "sample_masks"):
        plain.pop(part, None)
    read = load_definition(plain)
    assert (read.inspection, read.renewal, read.materials, read.cleansing) == (None, None, (), ())
    assert read.notices == NoticeRule((90, 30, 7)) and read.sample_masks == {}
    assert (read.classification.kind, read.classification.holder) == ("other", "legal_person")


def test_an_inspection_rule_gives_its_windows() -> None:
    read = load_definition(type_with(inspection={"opens": "03-01", "closes": "05-31"})).inspection
    assert read == InspectionRule("03-01", "05-31", 1, "INSPECTION_OVERDUE", "SUSPENDED", ("passed", "failed"))
    assert read.window(2027) == (date(2027, 3, 1), date(2027, 5, 31))
    assert read.first_year("2026-11-22") == 2027


def test_renewal_notices_and_materials_are_read() -> None:
    read = load_definition(
        type_with(
            renewal={"opens_days": 60, "closes_days": 30, "predecessor": "until_end"},
            notices={"days_before": [7, 60, 30, 7]},
            classification={"issuing_body": {"zh": "生态环境部门", "en": "Ecology"}, "kind": "permit", "holder": "project"},
            materials=[{
                "code": "M-017", "name": {"zh": "排污许可证", "en": "Permit"}, "item": "ITEM.1",
                "where": {"industry": ["造纸", "印染"]},
                "demand": {"formats": ["paper", "ofd"], "copies": 2, "seal": "copy"},
            }],
            cleansing=[{"id": "ended", "kind": "expired"}],
            sample_masks={"name": "name", "credit_code": "identifier"},
        )
    )  # fmt: skip
    assert read.renewal == RenewalRule(60, 30, "until_end")
    assert read.notices.days_before == (60, 30, 7)
    assert (read.classification.issuing_body, read.classification.holder) == ("生态环境部门", "project")
    material = read.materials[0]
    assert material.demand == MaterialDemand(("paper", "ofd"), 2, "copy", "B")
    assert material.satisfied_by({"industry": "造纸"})
    assert not material.satisfied_by({"industry": "纺织"}) and not material.satisfied_by({})
    assert read.cleansing == ({"id": "ended", "kind": "expired"},)
    assert read.sample_masks["name"] == "name"


@pytest.mark.parametrize(
    ("validity", "record", "period"),
    [
        ({"kind": "none"}, {}, ("2026-11-22", "")),
        ({"kind": "years", "years": 3}, {}, ("2026-11-22", "2029-11-21")),
        ({"kind": "fixed", "until": "2030-12-31"}, {}, ("2026-11-22", "2030-12-31")),
        ({"kind": "until", "field": "ends_on"}, {"ends_on": "2028-02-29"}, ("2026-11-22", "2028-02-29")),
        ({"kind": "until", "field": "ends_on"}, {}, ("2026-11-22", "")),
        (
            {"kind": "range_field", "field": "valid_period"},
            {"valid_period": "2026-12-01/2031-11-30"},
            ("2026-12-01", "2031-11-30"),
        ),
    ],
)
def test_the_period_of_validity(validity: dict, record: dict, period: tuple[str, str]) -> None:
    assert load_definition(type_with(validity=validity)).valid_period(record, "2026-11-22") == period


WRONG: dict[str, dict[str, Any]] = {
    "inspection not an object": {"inspection": "yearly"},
    "inspection without its end": {"inspection": {"opens": "03-01"}},
    "inspection on a day not every year has": {"inspection": {"opens": "02-29", "closes": "03-31"}},
    "inspection on no day": {"inspection": {"opens": "04-31", "closes": "05-31"}},
    "inspection that ends before it begins": {"inspection": {"opens": "06-01", "closes": "03-31"}},
    "inspection misspelt": {"inspection": {"opens": "03-01", "closes": "05-31", "overdeu": ""}},
    "inspection into an unknown state": {"inspection": {"opens": "03-01", "closes": "05-31", "overdue": "GONE"}},
    "inspection failing into the current state": {
        "inspection": {"opens": "03-01", "closes": "05-31", "failed": "CURRENT"}
    },
    "inspection nobody can pass": {"inspection": {"opens": "03-01", "closes": "05-31", "results": ["failed"]}},
    "inspection with a strange result": {"inspection": {"opens": "03-01", "closes": "05-31", "results": [{}]}},
    "inspection years ago": {"inspection": {"opens": "03-01", "closes": "05-31", "first_year_offset": -1}},
    "renewal of what never ends": {"renewal": {"opens_days": 30}, "validity": {"kind": "none"}},
    "renewal without a beginning": {"renewal": {"closes_days": 30}},
    "renewal by truth": {"renewal": {"opens_days": True}},
    "renewal with an unknown fate": {"renewal": {"opens_days": 30, "predecessor": "burnt"}},
    "notices that are no list": {"notices": {"days_before": 30}},
    "notices of a text": {"notices": {"days_before": ["30"]}},
    "notices without end": {"notices": {"days_before": list(range(100))}},
    "classification of an unknown kind": {"classification": {"kind": "magic"}},
    "classification for nobody": {"classification": {"kind": "permit", "holder": "robot"}},
    "classification by a nameless body": {"classification": {"kind": "permit", "issuing_body": {"zh": "x"}}},
    "materials that are no list": {"materials": {}},
    "material without a name": {"materials": [{"code": "A"}]},
    "material with a strange code": {"materials": [{"code": "A B", "name": {"zh": "x", "en": "x"}}]},
    "material named twice": {"materials": [{"code": "A", "name": {"zh": "x", "en": "x"}}] * 2},
    "material of a strange field": {
        "materials": [{"code": "A", "name": {"zh": "x", "en": "x"}, "where": {"colour": ["red"]}}]
    },
    "material with a bare value": {
        "materials": [{"code": "A", "name": {"zh": "x", "en": "x"}, "where": {"industry": "x"}}]
    },
    **{
        f"material wanted {how}": {"materials": [{"code": "A", "name": {"zh": "x", "en": "x"}, "demand": demand}]}
        for how, demand in {
            "in no way": [],
            "in no format": {"formats": []},
            "as stone": {"formats": ["stone"]},
            "in copies by word": {"copies": "2"},
            "in copies that are true": {"copies": True},
            "a thousandfold": {"copies": 1000},
            "with any seal": {"seal": "any"},
            "at two levels": {"level": "AB"},
            "at a level by number": {"level": 2},
            "soon": {"soon": True},
        }.items()
    },
    "cleansing that is no list": {"cleansing": {"rule": "x"}},
    "cleansing of texts": {"cleansing": ["expired"]},
    "cleansing of an unknown kind": {"cleansing": [{"id": "x", "kind": "magic"}]},
    "cleansing of a strange field": {"cleansing": [{"id": "x", "kind": "duplicate", "fields": ["colour"]}]},
    "mask unknown": {"sample_masks": {"name": "blur"}},
    "mask of a strange field": {"sample_masks": {"colour": "hide"}},
    "fixed without a day": {"validity": {"kind": "fixed"}},
    "fixed on no day": {"validity": {"kind": "fixed", "until": "2030-02-30"}},
    "until a field that is no day": {"validity": {"kind": "until", "field": "name"}},
    "until a strange field": {"validity": {"kind": "until", "field": ["ends_on"]}},
}


@pytest.mark.parametrize("parts", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_part_is_refused_and_named(parts: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        load_definition(type_with(**parts))
    assert caught.value.code in ("type.invalid", "type.missing", "type.cleansing")
    assert str(caught.value.params["part"]).partition(".")[0].partition("[")[0] in parts


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$", "^(a|aa)*$", "^(a{1,9}){1,9}$", "^a*b*c*$", "^[)]+(x+){2,}$", "^(\\)+)+$", 7, "x" * 500,
    ],
)  # fmt: skip
def test_a_pattern_that_could_take_long_is_refused(pattern: Any) -> None:
    source = type_with()
    source["schema"]["properties"]["name"]["pattern"] = pattern
    with pytest.raises(Malformed, match="不正确"):
        load_definition(source)


def test_a_schema_that_reaches_out_is_refused() -> None:
    source = type_with()
    source["schema"]["allOf"] = [{"$ref": "https://example.test/schema.json"}]
    with pytest.raises(Malformed, match="schema"):
        load_definition(source)


def test_a_value_of_absurd_length_is_refused_at_once() -> None:
    read = load_definition(type_with())
    with pytest.raises(Malformed, match="1000000"):
        read.validate_record({**next(read.example_records(1)), "name": "甲" * 1_000_000})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 5000) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def _places(part: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = part.keys() if isinstance(part, dict) else range(min(len(part), 3)) if isinstance(part, list) else ()
    return [found for key in keys for found in ((*place, key), *_places(part[key], (*place, key)))]


FULL = type_with(
    inspection={"opens": "03-01", "closes": "05-31", "results": ["passed", "failed"]},
    renewal={"opens_days": 60},
    notices={"days_before": [30]},
    classification={"issuing_body": {"zh": "部门", "en": "Body"}, "kind": "permit"},
    materials=[{"code": "A", "name": {"zh": "x", "en": "x"}, "where": {"industry": ["x"]}}],
    sample_masks={"name": "name"},
    agreement={"citizen_number": "name"},
    face=["ends_on", *(f.name for f in SHIPPED["pollutant-permit"].fields)],
)
PLACES = _places(FULL)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLACES), JSON)
def test_whatever_stands_anywhere_a_type_loads_or_is_refused(place: tuple[Any, ...], value: Any) -> None:
    source = copy.deepcopy(FULL)
    part: Any = source
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    try:
        load_definition(source)
    except Malformed as refusal:
        code = refusal.code
    else:
        return
    assert code.startswith("type.")
