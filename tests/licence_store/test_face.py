"""Faces: every field where it belongs and readable by others, for shipped types and for one added by a file."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from licence_store.definitions import LicenceTypeDefinition, load_definition_text, shipped_definitions
from licence_store.face import PreparedFace, draw_face, render_png
from seal.impression import round_seal
from seal.message import METADATA_KEYS, DataMessage, FaceValue
from seal.ofd.package import OFD_NAMESPACE, Limits, parse_xml, write_package
from seal.ofd.pages import PAGE_ENTRY, TAG_NAMESPACE
from seal.ofd.unsigned import UnsignedOFD
from trust.errors import Malformed

OFD = f"{{{OFD_NAMESPACE}}}"
URL = "http://localhost:8000/v/1.2.156.3005.2.11990000MB0D000105001.11990000MB0D000105.000000001.001.A"
TYPES = {definition.slug: definition for definition in shipped_definitions()}


def message_of(definition: LicenceTypeDefinition, record: dict[str, str]) -> DataMessage:
    computed = {"licence_number": "20269900000000042", "issuer_name": "演示省政务服务局", "issued_on": "2026-11-22"}
    metadata = dict.fromkeys(METADATA_KEYS, "x") | {"demonstration": "true", "issued_on": "2026-11-22"}
    return DataMessage.create(metadata, definition.face_values(record, computed))


def drawn(
    definition: LicenceTypeDefinition, *, demonstration: bool = True, seed: int = 0, **changes: str
) -> UnsignedOFD:
    record = next(definition.example_records(1, seed)) | changes
    return draw_face(PreparedFace.of(definition, demonstration), message_of(definition, record), URL)


def entry(document: UnsignedOFD, name: str) -> bytes:
    return next(entry.data for entry in document.entries if entry.name == name)


def bound_texts(document: UnsignedOFD) -> dict[str, str]:
    page = parse_xml(entry(document, PAGE_ENTRY), Limits())
    texts = {o.get("ID"): o.findtext(f"{OFD}TextCode") for o in page.iter(f"{OFD}TextObject")}
    tags = parse_xml(entry(document, "Doc_0/Tags/Tag_Licence.xml"), Limits())
    return {f.get("Name"): "".join(texts[r.text] for r in f) for f in tags.iter(f"{{{TAG_NAMESPACE}}}Field")}


@pytest.fixture(params=sorted(TYPES))
def definition(request: pytest.FixtureRequest) -> LicenceTypeDefinition:
    return TYPES[request.param]


def test_the_face_says_what_the_message_says(definition: LicenceTypeDefinition) -> None:
    for seed in range(12):
        document = drawn(definition, seed=seed)
        assert bound_texts(document) == {value.name: value.text for value in document.message.face}


def test_the_title_is_the_type_s_and_only_samples_are_marked(definition: LicenceTypeDefinition) -> None:
    background = "Doc_0/Tpls/Tpl_0/Content.xml"
    marked, plain = (entry(drawn(definition, demonstration=d), background).decode() for d in (True, False))
    assert definition.name in marked
    assert definition.name in plain
    assert "样本" in marked
    assert "样本" not in plain


def test_files_stay_small(definition: LicenceTypeDefinition) -> None:
    assert len(write_package(drawn(definition).entries)) < 130_000


def test_strangers_read_all_text(definition: LicenceTypeDefinition) -> None:
    ofdkit = pytest.importorskip("ofdkit")
    converter = pytest.importorskip("docvortex.analyzers.native.ofd.converter")
    document = drawn(definition, seed=5)
    data = write_package(document.entries)
    strict = converter.OfdConverter()
    strict.convert(io.BytesIO(data))
    assert strict.diagnostics == []
    with ofdkit.open(io.BytesIO(data)) as opened:
        lines = "".join(opened.pages[0].text().split())
        assert opened.info.title == "x"
    for value in document.message.face:
        for line in _lines(document, value.name):
            assert "".join(line.split()) in lines


def _lines(document: UnsignedOFD, field: str) -> list[str]:
    page = parse_xml(entry(document, PAGE_ENTRY), Limits())
    texts = {o.get("ID"): o.findtext(f"{OFD}TextCode") for o in page.iter(f"{OFD}TextObject")}
    tags = parse_xml(entry(document, "Doc_0/Tags/Tag_Licence.xml"), Limits())
    return [texts[r.text] for f in tags.iter(f"{{{TAG_NAMESPACE}}}Field") if f.get("Name") == field for r in f]


def test_a_very_long_scope_shrinks_into_its_box() -> None:
    definition = TYPES["business-licence"]
    scope = "；".join(["第二类医疗器械销售（仅限按批准的经营范围）"] * 50)[:1000]
    page = parse_xml(entry(drawn(definition, business_scope=scope), PAGE_ENTRY), Limits())
    box = next(b for b in definition.style.boxes if b.field == "business_scope")
    sizes = set()
    for text in page.iter(f"{OFD}TextObject"):
        x, y, *_ = map(float, text.get("Boundary").split())
        if x < 200 and y > box.y - 2 and y < box.y + box.h:
            sizes.add(float(text.get("Size")))
            assert y + float(text.get("Size")) <= box.y + box.h + 1
    assert min(sizes) < box.size


def test_what_cannot_be_drawn_stops_the_issue() -> None:
    with pytest.raises(Malformed) as caught:
        drawn(TYPES["business-licence"], name="演示省🦄有限公司")
    assert caught.value.code == "face.missing_glyph"
    assert "U+1F984" in caught.value.message
    with pytest.raises(Malformed) as caught:
        drawn(TYPES["business-licence"], legal_representative="长" * 400)
    assert caught.value.code == "face.text_too_long"
    assert "法定代表人" in caught.value.message


def test_a_field_without_a_place_is_refused() -> None:
    definition = TYPES["teacher-certificate"]
    metadata = dict.fromkeys(METADATA_KEYS, "x") | {"demonstration": "true"}
    stray = DataMessage.create(metadata, [FaceValue("colour", "颜色", "红")])
    with pytest.raises(Malformed) as caught:
        draw_face(PreparedFace.of(definition, True), stray, URL)
    assert caught.value.code == "face.no_box"


def test_the_thumbnail_is_a_small_picture_at_the_page_s_proportion(definition: LicenceTypeDefinition) -> None:
    data = entry(drawn(definition), "Doc_0/Res/thumbnail.jpg")
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "JPEG"
        assert picture.width / picture.height == pytest.approx(
            definition.style.width / definition.style.height, rel=0.02
        )
        assert len(picture.info["comment"]) == 32
    assert len(data) < 12_000


def test_the_preview_shows_the_same_face_and_the_seal_at_its_place(definition: LicenceTypeDefinition) -> None:
    prepared = PreparedFace.of(definition, True)
    message = message_of(definition, next(definition.example_records(1)))
    seal = round_seal("演示省政务服务局", "9900000000017")
    with_seal, without = (
        Image.open(io.BytesIO(render_png(prepared, message, URL, dpi=50, seal=s))) for s in (seal, None)
    )
    assert with_seal.size == (round(definition.style.width * 50 / 25.4), round(definition.style.height * 50 / 25.4))
    _, x, y = prepared.placement(seal.width_mm, seal.height_mm)
    box = tuple(round(v * 50 / 25.4) for v in (x, y, x + 42, y + 42))
    changed = ImageChops.difference(with_seal, without).getbbox()
    assert changed is not None
    assert all(abs(a - b) <= 2 for a, b in zip(changed, box, strict=True))
    assert render_png(prepared, message, URL, dpi=50) == render_png(prepared, message, URL, dpi=50)


def test_the_qr_code_is_one_object_that_leaves_its_margin(definition: LicenceTypeDefinition) -> None:
    page = parse_xml(entry(drawn(definition), PAGE_ENTRY), Limits())
    [code] = page.iter(f"{OFD}PathObject")
    x, y, w, h = map(float, code.get("Boundary").split())
    assert (x, y) == (definition.style.qr.x, definition.style.qr.y)
    assert w == pytest.approx(definition.style.qr.size, abs=0.02)
    assert w == h


# ---------------------------------------------------------------- a fourth type, by a file alone

FOURTH = {
    "code": "11990000MB0D000105004",
    "slug": "beekeeper-card",
    "name": {"zh": "养蜂证", "en": "Beekeeper's card"},
    "holder_kind": "natural_person",
    "schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "citizen_number", "hives"],
        "properties": {
            "name": {"type": "string", "title": "姓名", "x-title-en": "Name", "maxLength": 30},
            "citizen_number": {"type": "string", "title": "身份证号码", "maxLength": 18, "x-check": "citizen_number"},
            "hives": {
                "type": "string",
                "title": "蜂群数量",
                "maxLength": 6,
                "pattern": "^[0-9]+$",
                "x-format": "number",
            },
        },
    },
    "computed": {"licence_number": {"title": "编号"}, "issued_on": {"title": "发证日期", "x-format": "date"}},
    "number_rule": {"kind": "sequence", "pattern": "BEE-{year}-{seq:05d}"},
    "holder": {"name": "name", "code": "citizen_number", "code_type": "111"},
    "validity": {"kind": "years", "years": 3},
    "example": {
        "words": {"surname": ["林", "沈"], "given": ["望舒", "清和"]},
        "fields": {
            "name": {"make": "template", "text": "{surname}{given}"},
            "citizen_number": {"make": "citizen_number", "area": "990101", "from": "1970-01-01", "to": "1999-12-31"},
            "hives": {"make": "template", "text": "{n:1-400}"},
        },
    },
    "style": {
        "page": [148, 105],
        "colours": {"honey": "#c98a12", "wax": "#fbf0d2"},
        "shapes": {
            "cell": [
                {
                    "shape": "path",
                    "d": "M 0 -4 L 3.46 -2 L 3.46 2 L 0 4 L -3.46 2 L -3.46 -2 Z",
                    "fill": "wax",
                    "stroke": "honey",
                    "width": 0.3,
                }
            ]
        },
        "background": [
            {"shape": "row", "of": "cell", "from": [10, 8], "to": [138, 8], "count": 19},
            {"shape": "ring", "of": "cell", "at": [120, 30], "count": 1},
            {
                "shape": "band",
                "from": [8, 20],
                "to": [140, 20],
                "harmonics": [[40, 1.2, 0.25]],
                "lines": 4,
                "stroke": "honey",
            },
            {
                "shape": "text",
                "text": "养蜂证",
                "x": 0,
                "y": 36,
                "w": 148,
                "align": "center",
                "size": 10,
                "font": "serif-bold",
            },
        ],
        "sample": [{"shape": "text", "text": "样本", "x": 100, "y": 90, "size": 8, "rotate": -12, "colour": "honey"}],
        "boxes": [
            {"field": "licence_number", "x": 20, "y": 42, "w": 80, "h": 6, "size": 4, "min_size": 2},
            {"field": "name", "x": 20, "y": 52, "w": 80, "h": 6, "size": 4, "min_size": 2},
            {"field": "citizen_number", "x": 20, "y": 62, "w": 80, "h": 6, "size": 4, "min_size": 2, "font": "sans"},
            {"field": "hives", "x": 20, "y": 72, "w": 80, "h": 6, "size": 4, "min_size": 2},
            {"field": "issued_on", "x": 20, "y": 82, "w": 80, "h": 6, "size": 4, "min_size": 2},
        ],
        "qr": {"x": 112, "y": 48, "size": 24, "colour": "honey"},
        "seal": [90, 82],
    },
}


def test_a_fourth_type_is_added_by_a_file_alone(tmp_path: Path) -> None:
    (tmp_path / "beekeeper-card.json").write_text(json.dumps(FOURTH, ensure_ascii=False), "utf-8")
    fourth = load_definition_text((tmp_path / "beekeeper-card.json").read_text("utf-8"))
    record = next(fourth.example_records(1))
    assert fourth.validate_record(record) == record
    assert fourth.valid_period(record, "2026-11-22") == ("2026-11-22", "2029-11-21")
    document = drawn(fourth)
    assert bound_texts(document)["hives"] == record["hives"]
    assert bound_texts(document)["issued_on"] == "2026年11月22日"
    assert [(page.width, page.height) for page in document.pages] == [(148, 105)]
    assert "养蜂证" in entry(document, "Doc_0/Tpls/Tpl_0/Content.xml").decode()
    picture = render_png(PreparedFace.of(fourth, True), document.message, URL, dpi=60)
    with Image.open(io.BytesIO(picture)) as shown:
        colours = {colour for _, colour in shown.convert("RGB").getcolors(1 << 20)}
    assert (0xFB, 0xF0, 0xD2) in colours, "its own shapes are not drawn"


def test_a_style_that_would_draw_without_end_is_refused() -> None:
    bomb = json.loads(json.dumps(FOURTH))
    bomb["style"]["shapes"]["many"] = [{"shape": "ring", "of": "cell", "at": [0, 0], "count": 400}]
    bomb["style"]["background"].append({"shape": "row", "of": "many", "from": [0, 0], "to": [1, 1], "count": 400})
    with pytest.raises(Malformed) as caught:
        PreparedFace.of(load_definition_text(json.dumps(bomb)), True)
    assert caught.value.code == "type.style"
