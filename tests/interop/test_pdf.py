"""What others say of our PDFs: openssl, qpdf, poppler, pyHanko; and whether OFD, PDF and PNG look the same."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageChops, ImageFilter
from playwright.sync_api import Browser, sync_playwright

from keys.classical import SoftwareClassicalSigner
from licence_store.desk import DeskSettings, open_desk
from licence_store.face import PreparedFace, render_png
from seal.impression import Impression
from seal.pdf.viewers import sign_for_viewers
from seal.ses import parse_seal
from tests.interop.conftest import TYPES, console
from tests.interop.pdfs import signatures
from tests.interop.programs import DER, OpenSSL, ofdjs, program, run
from tests.interop.test_ofdjs import DRAW
from tests.seal.conftest import NOW
from tests.seal.pdf.foreign import classical

MESSAGE_DIGEST, CERTIFICATE, STAMP = "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.16.2.47", "1.2.840.113549.1.9.16.2.14"


@dataclass(frozen=True)
class Both:
    """One licence in both formats, as the console issued it."""

    type: str
    region: Path
    ofd: bytes
    pdf: bytes


@pytest.fixture(scope="session")
def issue_both(region: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Both]:
    made: dict[str, Both] = {}

    def issue_one(slug: str) -> Both:
        if slug not in made:
            folder = tmp_path_factory.mktemp(f"{slug}-both")
            source = folder / "record.jsonl"
            source.write_text(
                console("types", "example", slug, "--count", "1", "--seed", "11", "--dir", region), encoding="utf-8"
            )
            told = console(
                "issue", "--dir", region, "--type", slug, "--input", source, "--out", folder / "out", "--format", "both"
            )
            files = json.loads(told.splitlines()[0])["files"]
            made[slug] = Both(slug, region, Path(files["ofd"]).read_bytes(), Path(files["pdf"]).read_bytes())
        return made[slug]

    return issue_one


FEW = TYPES[:3]
LONG = [FEW[0], *(pytest.param(one, marks=pytest.mark.long) for one in FEW[1:])]
"""ofd.js takes many seconds for a page: one type usually, the others under ``--long``."""


@pytest.fixture(params=FEW)
def both(request: pytest.FixtureRequest, issue_both: Callable[[str], Both]) -> Both:
    return issue_both(request.param)


def attributes(node: DER) -> dict[str, DER]:
    """OID (as openssl names or dots it) → the first value."""
    return {one[0].content.hex(): one[1][0] for one in node.children}


def oid(dotted: str) -> str:
    from trust import der

    return der.oid(dotted)[2:].hex()


def test_openssl_verifies_the_signed_attributes(both: Both, openssl: OpenSSL) -> None:
    [signed] = signatures(both.pdf)
    body = openssl.parse(signed.value)[1][0]
    certificates = next(one for one in body.children if one.kind == "cont [ 0 ]")
    signer = body.children[-1][0]
    held = next(one for one in signer.children if one.kind == "cont [ 0 ]")
    value = next(one for one in signer.children[::-1] if one.kind == "OCTET STRING")
    octets = b"\x31" + held.whole[1:]
    certificate = certificates.children[0].whole
    assert openssl.verifies(certificate, value.content, octets)
    assert not openssl.verifies(certificate, value.content, octets[:-1] + b"\x00")
    found = attributes(held)
    assert found[oid(MESSAGE_DIGEST)].content == openssl.sm3(signed.covered)
    assert openssl.sm3(certificate) in found[oid(CERTIFICATE)].whole
    seal = openssl.parse(signed.seal)
    assert openssl.verifies(seal[1].content, seal[3].content, seal[0].whole), "the seal maker's signature"
    stamped = next(one for one in signer.children if one.kind == "cont [ 1 ]")
    assert openssl.sm3(value.content) in attributes(stamped)[oid(STAMP)].whole


def test_qpdf_finds_nothing(both: Both, tmp_path: Path) -> None:
    file = tmp_path / "licence.pdf"
    file.write_bytes(both.pdf)
    if shutil.which("qpdf"):
        assert b"No syntax or stream encoding errors found" in run("qpdf", "--check", file, cwd=tmp_path)
    with pikepdf.open(file) as pdf:  # the same library
        assert pdf.check_pdf_syntax() == []


@pytest.mark.parametrize("kind", ["p256", "rsa"])
def test_pdfsig_shows_the_second_signature_as_valid(
    issue_both: Callable[[str], Both], tmp_path: Path, kind: str
) -> None:
    pdfsig = program("pdfsig")
    file = tmp_path / "licence.pdf"
    file.write_bytes(sign_for_viewers(issue_both(TYPES[0]).pdf, SoftwareClassicalSigner.of(*classical(kind)), NOW))
    told = run(pdfsig, file, cwd=tmp_path).decode()
    first, second = told.split("Signature #2:")
    assert "Seal_1" in first
    assert "Unrecognized Hash ID" in told, "poppler knows no SM3 yet; if it does now, say so in the manual"
    assert "Signature is Valid" in second
    assert "Total document signed" in second


# ---------------------------------------------------------------- the same picture

WIDTH = 600
MEAN, MOST = 7.0, 0.06
"""Tolerance: mean difference of grey values (of 255), and share of dots that differ by more than a third, at 600 dots
across and a little blurred. Readers differ in hinting, in line widths below a dot, and ofd.js takes the system's fonts.
"""


def alike(a: Image.Image, b: Image.Image) -> tuple[float, float]:
    """How far two pictures of one page are apart."""
    size = (WIDTH, round(WIDTH * a.height / a.width))
    grey = [
        one.convert("L").resize(size, Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(1.5)) for one in (a, b)
    ]
    histogram = ImageChops.difference(*grey).histogram()
    total = sum(histogram)
    return sum(n * count for n, count in enumerate(histogram)) / total, sum(histogram[86:]) / total


def of_pdf(both: Both, folder: Path) -> Image.Image:
    pdftoppm = program("pdftoppm")
    (folder / "licence.pdf").write_bytes(both.pdf)
    run(pdftoppm, "-r", "100", "-png", "-singlefile", "licence.pdf", "page", cwd=folder)
    return Image.open(folder / "page.png").convert("RGB")


def of_preview(both: Both) -> Image.Image:
    """The product's own PNG of the same data."""
    from verify.pdf.opening import open_pdf

    desk = open_desk(DeskSettings(both.region))
    try:
        message = open_pdf(both.pdf).message
        assert message is not None
        prepared = PreparedFace.of(desk.catalogue.get(both.type), demonstration=True)
        seal = parse_seal(signatures(both.pdf)[0].seal)
        impression = Impression(seal.picture, seal.width, seal.height, seal.picture_type)
        data = render_png(prepared, message, desk.issuer.verify_url(message.licence_id), dpi=100, seal=impression)
    finally:
        desk.close()
    return Image.open(io.BytesIO(data)).convert("RGB")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = program("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield chromium
        chromium.close()


def of_ofd(both: Both, browser: Browser, script: Path) -> Image.Image:
    context = browser.new_context(viewport={"width": 1240, "height": 1000}, offline=True)
    page = context.new_page()
    page.goto("about:blank")
    page.add_script_tag(path=script)
    page.evaluate(DRAW, base64.b64encode(both.ofd).decode())
    picture = Image.open(io.BytesIO(page.locator("body > div").first.screenshot())).convert("RGB")
    context.close()
    return picture


def test_pdf_and_preview_look_the_same(both: Both, tmp_path: Path) -> None:
    mean, most = alike(of_pdf(both, tmp_path), of_preview(both))
    assert mean < MEAN / 2
    assert most < MOST / 4


@pytest.mark.parametrize("slug", LONG)
def test_ofd_and_pdf_look_the_same(
    issue_both: Callable[[str], Both], slug: str, browser: Browser, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    both = issue_both(slug)
    script = ofdjs(Path(pytestconfig.cache.mkdir("ofdjs")))
    mean, most = alike(of_ofd(both, browser, script), of_pdf(both, tmp_path))
    assert mean < MEAN
    assert most < MOST


def test_another_licence_does_not_look_the_same(issue_both: Callable[[str], Both], tmp_path: Path) -> None:
    """The comparison can fail."""
    first, second = issue_both(TYPES[0]), issue_both(TYPES[2])
    mean, most = alike(of_pdf(first, tmp_path), of_pdf(second, tmp_path))
    assert mean > MEAN or most > MOST
