"""What is taken as a scan, what is not, and that opening one harms nobody."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image as Pictures

from licence_store.collection import confined, scans
from licence_store.collection.ocr import SealedData, Tesseract, TextLayer, default_recognisers, match_fields, suggest
from licence_store.collection.scans import check_scan, page_lines, page_picture
from licence_store.definitions import LicenceTypeDefinition, shipped_definitions
from tests.licence_store.collection.scanning import blank
from trust.errors import Malformed

TYPES = {one.slug: one for one in shipped_definitions()}
TEACHER = TYPES["teacher-certificate"]


def tiff(pages: int) -> bytes:
    out = BytesIO()
    first, *more = [Pictures.new("L", (700, 500), 40 + n) for n in range(pages)]
    first.save(out, "TIFF", save_all=True, append_images=more, compression="tiff_deflate")
    return out.getvalue()


def pdf(lines: list[str], pages: int = 1, size: tuple[int, int] = (595, 842)) -> bytes:
    """A small PDF whose text is real text (standard font, so ASCII)."""
    body = "BT /F1 14 Tf 60 780 Td 18 TL " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
    kids = " ".join(f"{4 + n} 0 R" for n in range(pages))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>",
               "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]  # fmt: skip
    for _ in range(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size[0]} {size[1]}] /Contents {4 + pages} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
    objects.append(f"<< /Length {len(body)} >>\nstream\n{body}\nendstream")
    text, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(text))
        text += f"{number} 0 obj\n{content}\nendobj\n"
    start = len(text)
    text += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n" + "".join(f"{p:010d} 00000 n \n" for p in places)
    return (text + f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF").encode()


def png_bomb() -> bytes:
    out = BytesIO()
    Pictures.new("1", (20000, 20000)).save(out, "PNG")
    return out.getvalue()


def zip_bomb() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("OFD.xml", b"0" * (64 << 20))
    return out.getvalue()


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("make", "media", "pages"),
    [
        (lambda: blank("JPEG"), "image/jpeg", 1),
        (lambda: blank("PNG"), "image/png", 1),
        (lambda: tiff(3), "image/tiff", 3),
        (lambda: pdf(["Name Lin"], pages=2), "application/pdf", 2),
    ],
)
def test_what_is_taken(make: Callable[[], bytes], media: str, pages: int) -> None:
    scan = check_scan(make(), "扫描 件.png")
    assert (scan.media, scan.pages) == (media, pages)
    for page in range(1, pages + 1):
        with Pictures.open(BytesIO(page_picture(scan, page, side=300))) as drawn:
            assert drawn.format == "JPEG"
            assert max(drawn.size) <= 300
    with pytest.raises(Malformed):
        page_picture(scan, pages + 1)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: b"", "scan.format"),
        (lambda: b"<html><script>", "scan.format"),
        (lambda: b"MZ\x90\0" * 100, "scan.format"),
        (lambda: b"GIF89a" + b"\0" * 100, "scan.format"),
        (lambda: b"\xff\xd8\xff" + b"\0" * 1000, "scan.unreadable"),
        (lambda: cut(blank("JPEG")), "scan.unreadable"),
        (lambda: cut(blank("PNG")), "scan.unreadable"),
        (lambda: b"%PDF-1.7 nothing behind", "scan.unreadable"),
        (lambda: b"PK\x03\x04" + b"x" * 200, "scan.unreadable"),
        (zip_bomb, "scan.unreadable"),
        (png_bomb, "scan.unreadable"),
        (lambda: blank("PNG", (300, 2000)), "scan.resolution"),
        (lambda: tiff(51), "scan.pages"),
        (lambda: pdf(["x"], pages=51), "scan.pages"),
        (lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * (21 << 20), "scan.size"),
    ],
)
def test_what_is_refused(make: Callable[[], bytes], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        check_scan(make(), "\u202egnp.exe\n")
    assert caught.value.code == code
    assert "\u202e" not in caught.value.message


def test_the_name_is_not_believed() -> None:
    assert check_scan(blank("PNG"), "licence.pdf").media == "image/png"


def test_a_program_has_little_time_and_memory(tmp_path: Path) -> None:
    python = sys.executable
    assert confined.run([python, "-c", "print(open(0).read()[::-1])"], b"abc") == b"cba\n"
    for code in ("while True: pass", "x = bytearray(3 << 30)", "raise SystemExit(1)"):
        with pytest.raises(confined.ConfinedFailure):
            confined.run([python, "-c", code], b"", seconds=1)
    with pytest.raises(confined.ConfinedFailure):
        confined.run([str(tmp_path / "not there")], b"")


def test_no_secret_reaches_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LICENCE_TRUST_PASSPHRASE", "secret")
    seen = confined.run([sys.executable, "-c", "import os; print(dict(os.environ))"], b"")
    assert b"secret" not in seen
    assert b"LICENCE_TRUST" not in seen


# Reading


def test_text_of_a_pdf_is_suggested() -> None:
    code = next(TYPES["business-licence"].example_records(1))["credit_code"]
    scan = check_scan(pdf(["Unified code", code, "1234567890ABCDEFGH"]))
    assert code in page_lines(scan)
    assert TextLayer().recognise(scan, TYPES["business-licence"]) == {"credit_code": code}
    assert page_lines(check_scan(blank())) == ()
    assert SealedData().recognise(scan, TEACHER) == {}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["姓  名：林望舒", "性别 女 民族 汉族", "出生年月 1990年5月"], {"name": "林望舒", "gender": "女", "ethnic_group": "汉族"}),
        (["统一社会信用代码的说明", "姓名的写法"], {}),
        (["资格种类 高级中学教师资格"], {"qualification_kind": "高级中学教师资格"}),
    ],
)
def test_fields_behind_their_titles(lines: list[str], expected: dict[str, str]) -> None:
    found = match_fields(TEACHER, lines)
    assert {name: found.get(name) for name in expected} == expected
    assert expected or not found


@pytest.fixture
def tesseract_double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called ``tesseract`` that answers a page, and notes what it was asked."""
    program = tmp_path / "tesseract"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nassert sys.stdin.buffer.read(3) == b'\\xff\\xd8\\xff'\n"
        f"open({str(tmp_path / 'asked')!r}, 'w').write(' '.join(sys.argv[1:]))\n"
        "sys.stdout.buffer.write('姓 名  王 小 燕\\n性 别  女\\n'.encode())\n",
        "utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_tesseract_where_it_is_installed(tesseract_double: Path) -> None:
    recognisers = default_recognisers()
    assert isinstance(recognisers[-1], Tesseract)
    found = suggest(recognisers, check_scan(blank()), TEACHER)
    assert {name: one.value for name, one in found.items()} == {"name": "王小燕", "gender": "女"}
    assert {one.source for one in found.values()} == {recognisers[-1].title}
    assert "chi_sim+eng" in (tesseract_double / "asked").read_text()


def test_a_tesseract_that_fails_suggests_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "tesseract"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert suggest(default_recognisers(), check_scan(blank()), TEACHER) == {}
    assert default_recognisers("no such program") == default_recognisers("none either")


def test_a_value_that_cannot_be_is_not_suggested() -> None:
    class Wrong:
        title = "x"

        def recognise(self, scan: object, definition: LicenceTypeDefinition) -> dict[str, str]:
            return {"citizen_number": "110101199003070", "gender": "?", "unknown": "x", "name": " 林 望舒 "}

    found = suggest([Wrong()], check_scan(blank()), TEACHER)
    assert {name: one.value for name, one in found.items()} == {"name": "林 望舒"}


def test_pictures_are_kept_for_a_while_only() -> None:
    scans._picture.cache_clear()
    scan = check_scan(blank())
    assert page_picture(scan) is page_picture(scan)
    assert io.BytesIO(page_picture(scan)).read(2) == b"\xff\xd8"


OFD_NS = 'xmlns="http://www.ofdspec.org/2016"'


def small_ofd(layer: str, **files: bytes) -> bytes:
    """An OFD of one page with these objects and these pictures."""
    media = "".join(f'<MultiMedia ID="{n}" Type="Image"><MediaFile>{name}.png</MediaFile></MultiMedia>'
                    for n, name in enumerate(files, 10))  # fmt: skip
    box = "<PageArea><PhysicalBox>0 0 100 80</PhysicalBox></PageArea>"
    texts = {
        "OFD.xml": f"<OFD {OFD_NS}><DocBody><DocRoot>Doc_0/Document.xml</DocRoot></DocBody></OFD>",
        "Doc_0/Document.xml": f"<Document {OFD_NS}><CommonData>{box}<DocumentRes>Res.xml</DocumentRes></CommonData>"
        '<Pages><Page ID="1" BaseLoc="Page.xml"/></Pages></Document>',
        "Doc_0/Res.xml": f"<Res {OFD_NS} BaseLoc=\"Res\"><MultiMedias>{media}</MultiMedias></Res>",
        "Doc_0/Page.xml": f"<Page {OFD_NS}><Content><Layer>{layer}</Layer></Content></Page>",
    }
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
        for name, content in files.items():
            archive.writestr(f"Doc_0/Res/{name}.png", content)
    return out.getvalue()


@pytest.mark.parametrize("place", ["inf", "nan", "-1e300"])
@pytest.mark.parametrize("where", ['Boundary="0 {0} 50 10" Size="4"><TextCode Y="4">', 'Size="{0}"><TextCode Y="4">',
                                   'Size="4"><TextCode Y="{0}">', 'Size="4"><TextCode X="{0}" Y="4">'])  # fmt: skip
def test_an_ofd_whose_text_stands_nowhere(place: str, where: str) -> None:
    data = small_ofd(f"<TextObject {where.format(place)}x</TextCode></TextObject>")
    with pytest.raises(Malformed) as caught:
        check_scan(data, "x.ofd")
    assert caught.value.code == "scan.unreadable"
    sound = small_ofd(f"<TextObject {where.format('1')}x</TextCode></TextObject>")
    assert page_lines(check_scan(sound, "x.ofd")) == ("x",)


def test_an_ofd_with_a_picture_ten_thousand_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process for each picture, however often it is placed; and only so many of them."""
    files = {f"p{n}": blank(size=(500, 400 + n)) for n in range(30)}
    placed = "".join(f'<ImageObject ID="{n}" ResourceID="10" Boundary="0 0 50 40"/>' for n in range(10_000))
    each = "".join(f'<ImageObject ID="{n}" ResourceID="{10 + n}" Boundary="0 0 50 40"/>' for n in range(30))
    begun: list[int] = []
    real = confined.run_python

    def counted(script: Path, arguments: Sequence[str], data: bytes) -> bytes:
        begun.append(1)
        return real(script, ["picture", "image", "1", "64"], data)

    monkeypatch.setattr(confined, "run_python", counted)
    for layer, most in ((placed, 1), (each, 24)):
        begun.clear()
        scan = check_scan(small_ofd(layer, **files), "x.ofd")
        assert page_picture(scan, 1, side=400).startswith(b"\xff\xd8")
        assert len(begun) <= most
