"""Types as data: what the shipped ones say, and what a wrong record or a wrong type is told."""

from __future__ import annotations

import copy
import json
from importlib import resources

import pytest

from licence_store.definitions import LicenceTypeDefinition, load_definition, load_definition_text, shipped_definitions
from trust.errors import Malformed
from trust.identifiers import check_citizen_number, check_credit_code

TYPES = {definition.slug: definition for definition in shipped_definitions()}


@pytest.fixture(params=sorted(TYPES))
def definition(request: pytest.FixtureRequest) -> LicenceTypeDefinition:
    return TYPES[request.param]


def source(slug: str = "business-licence") -> dict:
    return json.loads((resources.files("licence_store.types") / f"{slug}.json").read_text("utf-8"))


def record(slug: str, **changes: object) -> dict:
    return {**next(TYPES[slug].example_records(1)), **changes}


def test_the_shipped_types() -> None:
    assert {d.slug: d.name for d in TYPES.values()} == {
        "business-licence": "营业执照",
        "teacher-certificate": "教师资格证书",
        "pollutant-permit": "排污许可证",
        "social-organisation": "社会团体法人登记证书",
        "nurse-certificate": "护士执业证书",
    }
    assert len({d.code for d in TYPES.values()}) == len(TYPES)


def test_the_shipped_types_are_classified_and_satisfy_a_material(definition: LicenceTypeDefinition) -> None:
    assert definition.classification.issuing_body and definition.classification.issuing_body_en
    assert definition.classification.kind != "other"
    assert definition.materials and definition.cleansing and definition.sample_masks


def test_one_shipped_type_is_inspected_yearly_and_one_is_a_person_s_and_renewed() -> None:
    society, nurse = TYPES["social-organisation"], TYPES["nurse-certificate"]
    assert society.inspection and society.inspection.window(2027)[1].isoformat() == "2027-05-31"
    assert society.inspection.results == ("passed", "basically_passed", "failed")
    assert nurse.holder_kind == "natural_person" and nurse.renewal and nurse.renewal.opens_days == 90
    assert nurse.valid_period({"valid_until": "2031-11-21"}, "2026-11-22") == ("2026-11-22", "2031-11-21")


def test_every_field_has_titles_in_two_languages(definition: LicenceTypeDefinition) -> None:
    for field in definition.fields:
        assert field.title
        assert field.title_en != field.name


def test_examples_are_valid_and_stay_as_they_are(definition: LicenceTypeDefinition) -> None:
    for made in definition.example_records(200, seed=4):
        assert definition.validate_record(made) == made


def test_examples_are_distinct_and_follow_the_seed(definition: LicenceTypeDefinition) -> None:
    key = definition.holder.code
    codes = [made[key] for made in definition.example_records(5000, seed=9)]
    assert len(set(codes)) == 5000
    assert codes[:20] == [made[key] for made in definition.example_records(20, seed=9)]
    assert codes[:20] != [made[key] for made in definition.example_records(20, seed=10)]


def test_example_people_and_companies_live_nowhere() -> None:
    for made in TYPES["teacher-certificate"].example_records(50):
        assert check_citizen_number(made["citizen_number"]).startswith("99")
    for made in TYPES["business-licence"].example_records(50):
        assert check_credit_code(made["credit_code"])[2:8] == "990000"
        assert made["name"].startswith("演示省")


def test_numbers_follow_the_type_s_rule() -> None:
    rules = {slug: TYPES[slug].number_rule for slug in TYPES}
    business, permit = record("business-licence"), record("pollutant-permit")
    assert rules["business-licence"].number(business) == business["credit_code"]
    assert rules["pollutant-permit"].number(permit) == permit["credit_code"] + "001P"
    teacher = rules["teacher-certificate"]
    assert teacher.needs_sequence
    assert teacher.number({}, issuer_code="11990000MB0D000292", year=2026, sequence=42) == "20269900000000042"


def test_holder_validity_and_face_values() -> None:
    business = TYPES["business-licence"]
    made = record("business-licence", business_term="2020-01-01/", established_on="2020-01-01")
    assert business.valid_period(made, "2026-11-22") == ("2020-01-01", "")
    assert business.holder_of(made).code_type == "001"
    values = business.face_values(
        made, {"issuer_name": "演示省市场监督管理局", "issued_on": "2026-11-22", "licence_number": "x"}
    )
    assert [v.name for v in values] == [f.name for f in business.fields]
    assert {v.name: v.text for v in values}["business_term"] == "自2020年01月01日至长期"
    assert TYPES["teacher-certificate"].valid_period({}, "2026-11-22") == ("2026-11-22", "")


def test_a_record_is_brought_into_normal_form() -> None:
    made = record("teacher-certificate", citizen_number="99010119840613148x", gender="女", birth_date="1984-06")
    messy = {**made, "name": "  Zoe\u0301 Lin ", "record_id": "our-17"}
    values = TYPES["teacher-certificate"].validate_record(messy)
    assert values["name"] == "Zoé Lin"
    assert values["citizen_number"] == "99010119840613148X"
    assert "record_id" not in values


@pytest.mark.parametrize(
    ("slug", "changes", "code", "words"),
    [
        ("business-licence", {"colour": "red"}, "record.unknown_field", ["colour", "credit_code"]),
        ("business-licence", {"name": ""}, "record.missing_field", ["名称", "name"]),
        ("business-licence", {"name": None}, "record.missing_field", ["名称"]),
        ("business-licence", {"name": 7}, "record.not_text", ["名称", "int"]),
        ("business-licence", {"name": "甲" * 101}, "record.length", ["100", "101"]),
        ("business-licence", {"name": "甲\u202e乙"}, "record.hidden_character", ["U+202E"]),
        ("business-licence", {"name": "甲\x00乙"}, "record.hidden_character", ["U+0000"]),
        ("business-licence", {"company_type": "有限公司"}, "record.not_in_list", ["有限责任公司", "有限公司"]),
        ("business-licence", {"registered_capital": "一百万"}, "record.pattern", ["人民币元", "一百万"]),
        ("business-licence", {"established_on": "2021-02-29"}, "record.format", ["成立日期", "2021-02-29"]),
        ("business-licence", {"business_term": "2030-01-01/2020-01-01"}, "record.date_range", ["营业期限"]),
        ("business-licence", {"business_term": "2030-01-01"}, "record.date_range", ["营业期限"]),
        ("business-licence", {"credit_code": "91990000MAE7800024"}, "record.identifier", ["统一社会信用代码"]),
        ("teacher-certificate", {"citizen_number": "990101198709070010"}, "record.identifier", ["身份证号码"]),
        ("teacher-certificate", {"birth_date": "1950-01"}, "record.disagrees", ["出生年月", "1950-01"]),
    ],
)
def test_a_wrong_record_is_told_field_expected_and_got(slug: str, changes: dict, code: str, words: list[str]) -> None:
    with pytest.raises(Malformed) as caught:
        TYPES[slug].validate_record(record(slug, **changes))
    assert caught.value.code == code
    for word in words:
        assert word in caught.value.message


@pytest.mark.parametrize("wrong", [None, [], "text", 5])
def test_a_record_that_is_no_object(wrong: object) -> None:
    with pytest.raises(Malformed, match="记录应为对象"):
        TYPES["business-licence"].validate_record(wrong)


def test_an_error_never_repeats_a_whole_citizen_number() -> None:
    made = record("teacher-certificate", citizen_number="990101198709070010")
    with pytest.raises(Malformed) as caught:
        TYPES["teacher-certificate"].validate_record(made)
    assert "990101198709070010" not in caught.value.message + str(caught.value.params)


def _without(key: str):
    return lambda s: s.pop(key)


WRONG_TYPES = {
    "no schema": _without("schema"),
    "no style": _without("style"),
    "code too short": lambda s: s.update(code="123"),
    "code with a wrong check character": lambda s: s.update(code="11990000MB0D000104001"),
    "slug with capitals": lambda s: s.update(slug="Bad"),
    "name not in English": lambda s: s["name"].pop("en"),
    "unknown holder": lambda s: s.update(holder_kind="robot"),
    "open schema": lambda s: s["schema"].update(additionalProperties=True),
    "a number field": lambda s: s["schema"]["properties"]["name"].update(type="integer"),
    "no length": lambda s: s["schema"]["properties"]["name"].pop("maxLength"),
    "unknown check": lambda s: s["schema"]["properties"]["name"].update({"x-check": "magic"}),
    "unknown format": lambda s: s["schema"]["properties"]["name"].update({"x-format": "magic"}),
    "a remote reference": lambda s: s["schema"]["properties"]["name"].update({"$ref": "http://example.test/x"}),
    "broken pattern": lambda s: s["schema"]["properties"]["name"].update(pattern="["),
    "required unknown": lambda s: s["schema"]["required"].append("colour"),
    "computed unknown": lambda s: s["computed"].update(colour={"title": "x"}),
    "number rule unknown": lambda s: s.update(number_rule={"kind": "magic"}),
    "number pattern that reaches out": lambda s: s.update(
        number_rule={"kind": "sequence", "pattern": "{seq.__class__}"}
    ),
    "number pattern without sequence": lambda s: s.update(number_rule={"kind": "sequence", "pattern": "{year}"}),
    "holder unknown": lambda s: s["holder"].update(name="colour"),
    "validity unknown": lambda s: s.update(validity={"kind": "sometimes"}),
    "a field without a box": lambda s: s["style"]["boxes"].pop(),
    "a box outside the page": lambda s: s["style"]["boxes"][0].update(x=400),
    "a box without size": lambda s: s["style"]["boxes"][0].update(min_size=0),
    "page too large": lambda s: s["style"].update(page=[9999, 10]),
    "unknown shape": lambda s: s["style"]["background"].append({"shape": "magic"}),
    "shape with a stranger's key": lambda s: s["style"]["background"].append(
        {"shape": "circle", "at": [1, 1], "r": 1, "z": 1}
    ),
    "shape without a radius": lambda s: s["style"]["background"].append({"shape": "circle", "at": [1, 1]}),
    "colour unknown": lambda s: s["style"]["qr"].update(colour="mauve"),
    "path data unknown": lambda s: s["style"]["background"].append({"shape": "path", "d": "M 0 0 H 5"}),
    "not a number": lambda s: s["style"]["background"].append({"shape": "circle", "at": [1, 1], "r": float("nan")}),
    "too many lines": lambda s: s["style"]["background"].append(
        {"shape": "rosette", "at": [1, 1], "radius": 3, "harmonics": [[3, 1, 0]], "lines": 100000}
    ),
    "groups in a circle": lambda s: s["style"].update(shapes={"a": [{"shape": "group", "of": "a"}]}),
    "group unknown": lambda s: s["style"]["background"].append({"shape": "group", "of": "nobody"}),
    "example that breaks the schema": lambda s: s["example"]["fields"].update(
        name={"make": "choice", "from": ["甲" * 200]}
    ),
    "example maker unknown": lambda s: s["example"]["fields"].update(name={"make": "magic"}),
}


@pytest.mark.parametrize("change", WRONG_TYPES.values(), ids=WRONG_TYPES.keys())
def test_a_wrong_type_is_refused_when_loaded(change) -> None:
    broken = copy.deepcopy(source())
    change(broken)
    with pytest.raises(Malformed) as caught:
        load_definition(broken)
    assert caught.value.code.startswith("type.")


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100000])
def test_text_that_is_no_type(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        load_definition_text(text)
    assert caught.value.code.startswith("type.")


def test_the_digest_follows_the_content() -> None:
    assert load_definition(source()).digest == load_definition(source()).digest
    changed = source()
    changed["style"]["seal"] = [300, 230]
    assert load_definition(changed).digest != load_definition(source()).digest
