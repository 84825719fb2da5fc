"""A type that lays itself out: every theme and page can be drawn, a field renamed is renamed everywhere, base images."""

from __future__ import annotations

import copy
import io
import itertools
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.datastructures import FormData

from api.pages.type_form import entered, values
from api.pages.type_views import facts_of, field_rows, picture_address
from licence_store.base_image import MAX_STORED, check_base_image
from licence_store.catalogue_life import check_definition, problem_of
from licence_store.definitions import shipped_definitions
from licence_store.designing.blank import blank_type, completed, free_code
from licence_store.designing.edits import with_fields
from licence_store.designing.layout import COLUMNS, GROUNDS, PAGES, THEMES
from licence_store.desk import Desk
from licence_store.face import PreparedFace, draw_face
from seal.ofd.package import Limits, parse_xml
from tests.licence_store.test_face import URL, bound_texts, entry, message_of
from tests.licence_store.test_type_rules import FULL, JSON, PLACES
from trust.errors import Malformed
from trust.journal import SYSTEM, Actor

BODY = free_code("", set())[0]
SHIPPED = {d.slug: d for d in shipped_definitions()}
TEXT = {"type": "string", "title": "字段", "x-title-en": "Field", "maxLength": 60}


def blank(**design: Any) -> dict[str, Any]:
    source = blank_type(BODY, 900)
    return completed({**source, "design": {**source["design"], **design}})


def picture(width: int = 900, height: int = 640, kind: str = "PNG", colour: str = "#f2e8d5") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(("page", "ground", "columns"), list(itertools.product(PAGES, GROUNDS, COLUMNS)))
def test_every_layout_can_be_drawn(page: str, ground: str, columns: int) -> None:
    made = blank(page=page, ground=ground, columns=columns)
    fields = [(name, name, prop) for name, prop in made["schema"]["properties"].items()]
    fields += [
        (f"more_{n}", "", {**TEXT, "title": f"另一字段{n}", "maxLength": 200 if n % 3 else 20}) for n in range(7)
    ]
    check_definition(completed(with_fields(made, fields, ["name", "citizen_number"], made["computed"])))


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_has_the_colours_the_layout_needs(theme: str) -> None:
    assert check_definition(blank(theme=theme)).style.colours["main"]


def test_boxes_placed_by_hand_stay() -> None:
    made = blank(own=["name"])
    box = next(one for one in made["style"]["boxes"] if one["field"] == "name")
    box |= {"x": 11, "y": 22}
    again = completed({**made, "design": {**made["design"], "columns": 2}})
    kept = next(one for one in again["style"]["boxes"] if one["field"] == "name")
    assert (kept["x"], kept["y"]) == (11, 22)


def test_a_field_renamed_is_renamed_wherever_the_type_speaks_of_it() -> None:
    source = copy.deepcopy(SHIPPED["nurse-certificate"].source)
    fields = source["schema"]["properties"]
    new = {"citizen_number": "id_number", "valid_until": "ends_on", "name": "person"}
    rows = [(new.get(name, name), name, prop) for name, prop in fields.items()]
    required = [new.get(name, name) for name in source["schema"]["required"]]
    made = check_definition(completed(with_fields(source, rows, required, source["computed"])))
    assert (made.holder.name, made.holder.code) == ("person", "id_number")
    assert made.validity.field == "ends_on"
    assert made.source["agreement"]["citizen_number"] == "id_number"
    assert made.sample_masks["id_number"] == "identifier" and made.sample_masks["person"] == "name"
    checks = {rule["id"]: rule for rule in made.cleansing}
    assert checks["citizen-number"] | {} == {
        **checks["citizen-number"],
        "field": "id_number",
        "check": "citizen_number",
    }
    assert checks["birth"]["other"] == "id_number"
    assert {one.field for one in made.style.boxes} == {f.name for f in made.fields}
    assert [f.name for f in made.fields][:4] == ["person", "gender", "birth_date", "id_number"]


def test_a_field_added_to_a_face_made_by_hand_gets_a_box_and_a_label_and_takes_them_along() -> None:
    source = copy.deepcopy(SHIPPED["pollutant-permit"].source)
    fields = [(name, name, prop) for name, prop in source["schema"]["properties"].items()]
    required = source["schema"]["required"]
    more = completed(with_fields(source, [*fields, ("extra", "", TEXT)], required, source["computed"]))
    check_definition(more)
    assert any(one.get("note") == "label:extra" for one in more["style"]["background"])
    less = completed(with_fields(more, fields, required, source["computed"]))
    check_definition(less)
    assert not any(one.get("note") == "label:extra" for one in less["style"]["background"])


def test_the_form_of_a_shipped_type_gives_the_type_back() -> None:
    """Opened and saved without a change, a type says the same."""
    for definition in SHIPPED.values():
        again = check_definition(entered(_form(values(definition.source)), definition.source))
        assert again.fields == definition.fields and again.style.boxes == definition.style.boxes
        for part in ("validity", "inspection", "renewal", "notices", "materials", "classification", "number_rule"):
            assert getattr(again, part) == getattr(definition, part), part
        assert again.schema["properties"] == definition.schema["properties"]


def _form(shown: dict[str, Any]) -> FormData:
    """What a browser sends for these inputs."""
    pairs: list[tuple[str, str]] = [("name_zh", shown["name"]["zh"]), ("name_en", shown["name"]["en"])]
    pairs += [(name, str(shown[name])) for name in ("code", "slug", "kind", "holder_kind", "notices", "materials",
                                                    "entitled")]  # fmt: skip
    pairs += [("body_zh", shown["body"]["zh"]), ("body_en", shown["body"]["en"])]
    pairs += [(f"number_{key}", str(shown["number_rule"][key])) for key in ("kind", "field", "suffix", "pattern")]
    pairs += [(f"holder_{key}", str(shown["holder"][key])) for key in ("name", "code", "code_type")]
    pairs += [(f"validity_{key}", str(shown["validity"][key])) for key in ("kind", "field", "years", "until")]
    rule, renewal = shown["inspection"], shown["renewal"]
    pairs += [("inspection", "1")] * rule["on"] + [("inspection_basically", "1")] * (
        "basically_passed" in rule["results"]
    )
    pairs += [("inspection_first", str(rule["first_year_offset"]))]
    pairs += [(f"inspection_{key}", rule[key]) for key in ("opens", "closes", "overdue", "failed")]
    pairs += [("renewal", "1")] * renewal["on"] + [("renewal_opens", str(renewal["opens_days"]))]
    pairs += [("renewal_closes", str(renewal["closes_days"])), ("renewal_predecessor", renewal["predecessor"])]
    pairs += [("seal_x", str(shown["seal"][0])), ("seal_y", str(shown["seal"][1]))]
    rows = [(str(index), one) for index, one in enumerate(shown["fields"])]
    for key, one in (*rows, *((f"c.{name}", one) for name, one in shown["computed"].items())):
        pairs += [("row", one["name"])] if "name" in one else []
        words = ("name", "title", "title_en", "format", "check", "max", "enum", "examples", "mask", "x", "y", "w", "h",
                 "size", "font", "align")  # fmt: skip
        pairs += [(f"{key}.{word}", str(one[word])) for word in words if word in one]
        pairs += [(f"{key}.{word}", "1") for word in ("required", "multiline", "own", "shown") if one.get(word)]
    return FormData(pairs)


NAMES = st.sampled_from(
    sorted({name for name, _ in _form(values(SHIPPED["social-organisation"].source)).multi_items()})
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, st.text(max_size=30), max_size=4), st.text(max_size=12))
def test_whatever_is_typed_makes_a_document_that_can_be_shown_again(typed: dict[str, str], act: str) -> None:
    source = SHIPPED["social-organisation"].source
    form = dict(_form(values(source)).multi_items()) | typed | {"act": act}
    made = entered(FormData([*form.items()]), source)
    problem_of(made)
    values(made)


def test_a_base_image_goes_into_the_face_and_the_file() -> None:
    data = check_base_image(picture(kind="JPEG"))
    made = blank()
    made["style"]["pictures"] = {"base": b64encode(data).decode()}
    definition = check_definition(completed({**made, "design": {**made["design"], "ground": "picture"}}))
    document = draw_face(
        PreparedFace.of(definition, True), message_of(definition, next(definition.example_records(1))), URL
    )
    assert entry(document, "Doc_0/Res/picture-70.png") == data
    assert b"ImageObject" in entry(document, "Doc_0/Tpls/Tpl_0/Content.xml")
    parse_xml(entry(document, "Doc_0/PublicRes.xml"), Limits())
    assert bound_texts(document) == {value.name: value.text for value in document.message.face}


def test_a_licence_on_a_base_image_is_sealed_and_passes(desk: Desk) -> None:
    made = blank()
    made["style"]["pictures"] = {"base": b64encode(check_base_image(picture())).decode()}
    source = completed({**made, "design": {**made["design"], "ground": "picture"}})
    kind = desk.catalogue.import_definition(source, SYSTEM).definition
    with desk.sessions.read() as session:
        [right] = desk.catalogue.rights(session, desk.catalogue.get("nurse-certificate").code)
    desk.catalogue.grant(kind.code, "health", right.seal_id, SYSTEM)
    record = next(kind.example_records(1))
    issued = desk.issuer.issue(kind.code, record, officer=Actor("health", "health"))
    file = desk.register.file(desk.register.find(issued.licence_id))
    assert str(desk.verifier().verify(file).indication) == "TOTAL-PASSED"


def test_a_large_base_image_is_made_smaller() -> None:
    noise = Image.effect_noise((3000, 2000), 80).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "JPEG", quality=60)
    stored = check_base_image(out.getvalue())
    assert len(stored) <= MAX_STORED and stored.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "base_image.format"),
        (b"GIF89a", "base_image.format"),
        (b"\x89PNG\r\n\x1a\nnothing", "base_image.format"),
        (picture(100, 100), "base_image.size"),
        (b"\xff\xd8\xff" + b"x" * (9 << 20), "base_image.size"),
    ],
)
def test_a_base_image_that_is_none_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        check_base_image(data)
    assert caught.value.code == code


@pytest.mark.parametrize("pictures", [[], {"base": 5}, {"base": "?"}, {"base": b64encode(b"x" * 50).decode()},
                                      {str(n): "" for n in range(9)}])  # fmt: skip
def test_pictures_of_a_document_are_checked(pictures: Any) -> None:
    made = blank()
    made["style"]["pictures"] = pictures
    with pytest.raises(Malformed) as caught:
        check_definition(made)
    assert caught.value.code == "type.style"


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PLACES), JSON, st.booleans())
def test_a_draft_of_whatever_kind_can_be_shown_and_gone_on_with(
    place: tuple[Any, ...], value: Any, laid_out: bool
) -> None:
    """A file may be imported as a draft with anything anywhere."""
    source = copy.deepcopy(FULL) | ({"design": {"theme": "red", "own": ["name"]}} if laid_out else {})
    part: Any = source
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    shown = values(source)
    facts_of(source, str), field_rows(source, str), picture_address(source)
    made = entered(_form(values(FULL)), source)
    values(made)
    assert isinstance(shown["fields"], list)
