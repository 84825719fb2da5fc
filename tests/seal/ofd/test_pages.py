"""The OFD entries of a page: order, identifiers, escaping, nonces."""

from __future__ import annotations

import io

import pytest
from lxml import etree
from PIL import Image

from seal.message import METADATA_KEYS, DataMessage, FaceValue
from seal.ofd.package import OFD_NAMESPACE, Limits, open_package, parse_xml, write_package
from seal.ofd.pages import PAGE_ENTRY, PAGE_ID, TAG_NAMESPACE, THUMBNAIL_ENTRY, OFDTemplate, with_comment
from seal.painting import Grid, Path, Text, path_data
from trust.errors import Malformed

OFD = f"{{{OFD_NAMESPACE}}}"
INK = (20, 20, 20)
SQUARE = Path(
    (("M", (10.0, 10.0)), ("L", (20.0, 10.0)), ("C", (22.0, 12.0, 22.0, 18.0, 20.0, 20.0)), ("Z", ())), stroke=INK
)


def label(text: str, font: str = "serif-bold") -> Text:
    return Text(text, 30, 40, (6.0,) * (len(text) - 1), font, 6, INK)


def value(text: str, field: str, baseline: float = 60) -> Text:
    return Text(text, 30, baseline, (5.0,) * (len(text) - 1), "serif", 5, INK, field)


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 6), "white").save(out, "JPEG")
    return out.getvalue()


def message(holder: str = "甲") -> DataMessage:
    metadata = dict.fromkeys(METADATA_KEYS, "x") | {
        "demonstration": "true",
        "issued_on": "2026-11-22",
        "valid_to": "",
        "holder_name": holder,
    }
    return DataMessage.create(metadata, [FaceValue("name", "名称", holder)])


@pytest.fixture(scope="module")
def template() -> OFDTemplate:
    return OFDTemplate.prepare(210, 297, [SQUARE, label("证照")], [label("声明", "sans")])


def composed(template: OFDTemplate, *items, holder: str = "甲"):
    content = items or (Grid((b"\1\0", b"\1\1"), 5, 5, 10, INK), value(holder, "name"))
    return template.compose(message(holder), content, jpeg())


def tree(document, name: str) -> etree._Element:
    [data] = [entry.data for entry in document.entries if entry.name == name]
    return parse_xml(data, Limits())


def test_the_package_opens_and_names_every_part(template: OFDTemplate) -> None:
    document = composed(template)
    package = open_package(write_package(document.entries))
    assert package.anomalies == ()
    assert document.entries[0].name == "OFD.xml"
    assert [(page.id, page.width, page.height) for page in document.pages] == [(PAGE_ID, 210, 297)]
    everything = b"".join(data for name, data in package.entries.items() if name.endswith(".xml")).decode()
    for name in package.entries:
        assert name == "OFD.xml" or name.rsplit("/", 1)[1] in everything, f"nothing refers to {name}"


def test_elements_stand_in_schema_order(template: OFDTemplate) -> None:
    document = composed(template)
    info = tree(document, "OFD.xml").find(f".//{OFD}DocInfo")
    assert [child.tag.removeprefix(OFD) for child in info] == [
        "DocID",
        "Title",
        "Author",
        "CreationDate",
        "Cover",
        "Creator",
        "CustomDatas",
    ]
    assert info.findtext(f"{OFD}CreationDate") == "2026-11-22"
    body = tree(document, "OFD.xml").find(f"{OFD}DocBody")
    assert [child.tag.removeprefix(OFD) for child in body] == ["DocInfo", "DocRoot", "Signatures"]
    root = tree(document, "Doc_0/Document.xml")
    assert [child.tag.removeprefix(OFD) for child in root] == [
        "CommonData",
        "Pages",
        "Annotations",
        "CustomTags",
        "Attachments",
    ]
    assert [child.tag.removeprefix(OFD) for child in root[0]] == ["MaxUnitID", "PageArea", "PublicRes", "TemplatePage"]


def test_identifiers_are_unique_and_below_the_maximum(template: OFDTemplate) -> None:
    document = composed(template)
    found = [
        int(element.get("ID"))
        for entry in document.entries
        if entry.name.endswith(".xml")
        for element in parse_xml(entry.data, Limits()).iter()
        if element.get("ID", "").isdigit()
    ]
    assert len(found) == len(set(found))
    assert max(found) <= int(tree(document, "Doc_0/Document.xml").findtext(f".//{OFD}MaxUnitID"))


def test_colours_stand_in_schema_order(template: OFDTemplate) -> None:
    both = Path(SQUARE.commands, fill=INK, stroke=INK)
    page = tree(composed(template, both), PAGE_ENTRY)
    children = [child.tag.removeprefix(OFD) for child in page.find(f".//{OFD}PathObject")]
    assert children == ["StrokeColor", "FillColor", "AbbreviatedData"]


def test_a_field_is_bound_to_all_its_lines_in_order(template: OFDTemplate) -> None:
    document = composed(template, value("第一行", "name", 60), value("第二行", "name", 68), value("乙", "other", 80))
    tags = tree(document, "Doc_0/Tags/Tag_Licence.xml")
    page = tree(document, PAGE_ENTRY)
    texts = {o.get("ID"): o.findtext(f"{OFD}TextCode") for o in page.iter(f"{OFD}TextObject")}
    bound = {f.get("Name"): [texts[r.text] for r in f] for f in tags.iter(f"{{{TAG_NAMESPACE}}}Field")}
    assert bound == {"name": ["第一行", "第二行"], "other": ["乙"]}
    assert {r.get("PageRef") for r in tags.iter(f"{OFD}ObjectRef")} == {str(PAGE_ID)}


def test_markup_in_values_stays_text(template: OFDTemplate) -> None:
    name = "A<b>&\"'甲"
    document = composed(template, holder=name)
    assert tree(document, PAGE_ENTRY).findtext(f".//{OFD}TextCode") == name
    datas = {d.get("Name"): d.text for d in tree(document, "OFD.xml").iter(f"{OFD}CustomData")}
    assert datas["CZZT"] == datas["KZ_name"] == name


def test_what_depends_on_the_holder_differs_every_time_and_the_rest_never(template: OFDTemplate) -> None:
    first, second = composed(template), composed(template)
    same = {a.name for a, b in zip(first.entries, second.entries, strict=True) if a.digest == b.digest}
    assert same == {entry.name for entry in template.fixed}
    assert {e.name for e in first.entries} - same == {
        "OFD.xml",
        PAGE_ENTRY,
        THUMBNAIL_ENTRY,
        "Doc_0/Res/value-serif.ttf",
        "Doc_0/Attachs/licence.json",
        "Doc_0/Attachs/digests.json",
        "Doc_0/Tags/Tag_Licence.xml",
    }


def test_preparing_is_deterministic(template: OFDTemplate) -> None:
    again = OFDTemplate.prepare(210, 297, [SQUARE, label("证照")], [label("声明", "sans")])
    assert again.fixed == template.fixed


def test_a_control_character_never_reaches_the_file(template: OFDTemplate) -> None:
    unsound = DataMessage("0" * 32, message().metadata | {"type_name": "证\x07照"}, ())
    with pytest.raises(Malformed) as caught:
        template.compose(unsound, [], jpeg())
    assert caught.value.code == "face.control_character"


def test_boundaries_hold_what_they_bound(template: OFDTemplate) -> None:
    page = tree(composed(template, value("一二三", "name")), PAGE_ENTRY)
    text = page.find(f".//{OFD}TextObject")
    x, y, w, h = map(float, text.get("Boundary").split())
    code = text.find(f"{OFD}TextCode")
    assert x + float(code.get("X")) == pytest.approx(30)
    assert y + float(code.get("Y")) == pytest.approx(60)
    assert code.get("DeltaX") == "g 2 5"
    assert w >= 15
    assert h >= 5


def test_path_data_uses_ofd_letters() -> None:
    commands = (("M", (1.0, 2.0)), ("L", (3.5, -0.001)), ("Q", (1, 1, 2, 2)), ("C", (1, 1, 2, 2, 3, 3)), ("Z", ()))
    assert path_data(commands) == "M 1 2 L 3.5 0 Q 1 1 2 2 B 1 1 2 2 3 3 C"


def test_a_comment_in_a_jpeg_leaves_the_picture_alone() -> None:
    marked = with_comment(jpeg(), "0123")
    with Image.open(io.BytesIO(marked)) as picture:
        assert picture.info["comment"] == b"0123"
        assert picture.tobytes() == Image.open(io.BytesIO(jpeg())).tobytes()
