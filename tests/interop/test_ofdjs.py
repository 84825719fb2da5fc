"""ofd.js 0.2.6 in Chromium draws our licences, shows the seal and finds it valid; Chromium itself loads the embedded fonts."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page, sync_playwright

from tests.interop.conftest import TYPES, Issued
from tests.interop.programs import ofdjs, program, sample

DRAW = """async (encoded) => {
  const bytes = Uint8Array.from(atob(encoded), c => c.charCodeAt(0));
  const parsed = await new Promise((resolve, reject) =>
    ofd.parseOfdDocument({ofd: bytes.buffer, success: resolve, fail: e => reject(new Error(String(e)))}));
  document.body.style.margin = '0';
  const divs = ofd.renderOfd(1200, parsed[0]);
  document.body.replaceChildren(...divs);
  await new Promise(r => setTimeout(r, 300));
  const seals = [...document.querySelectorAll('[name=seal_img_div]')];
  const checked = [...window.toBeChecked.entries()].map(([id, list]) => [id, list.length, ofd.digestCheck(list)]);
  return {
    pages: divs.length,
    text: divs.map(d => [...d.querySelectorAll('text')].map(t => t.textContent).join('')),
    seals: seals.map(s => ({info: JSON.parse(s.dataset.signedInfo), box: s.getBoundingClientRect().toJSON(),
      page: s.parentElement.getBoundingClientRect().toJSON(), picture: s.querySelector('image')?.href.baseVal.length ?? 0})),
    digests: checked,
  };
}"""

GLYPHS = """async ({font, blank, text}) => {
  const load = async (family, data) => {
    const face = new FontFace(family, Uint8Array.from(atob(data), c => c.charCodeAt(0)).buffer);
    document.fonts.add(await face.load());
  };
  await load('Embedded', font); await load('Blank', blank);
  const canvas = document.createElement('canvas'); canvas.width = 240; canvas.height = 120;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.font = '64px Embedded, Blank';
  return [...text].map(c => {
    context.clearRect(0, 0, 240, 120); context.fillText(c, 40, 88);
    const ink = context.getImageData(0, 0, 240, 120).data.filter((v, i) => i % 4 === 3 && v > 0).length;
    return [c, context.measureText(c).width, ink];
  });
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, driven through playwright; playwright's own browsers are never fetched.

    No longer than this module: two of playwright's loops in one process get in each other's way.
    """
    executable = program("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield chromium
        chromium.close()


FEW = (TYPES[0], TYPES[2])


@pytest.fixture(params=[*FEW, *(pytest.param(one, marks=pytest.mark.long) for one in TYPES if one not in FEW)])
def issued(request: pytest.FixtureRequest, issue: Callable[[str], Issued]) -> Issued:
    """ofd.js takes many seconds for a page: two types usually, the others under ``--long``."""
    return issue(request.param)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1240, "height": 1000}, offline=True)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    return ofdjs(Path(pytestconfig.cache.mkdir("ofdjs")))


def draw(page: Page, script: Path, data: bytes) -> dict:
    page.goto("about:blank")
    page.add_script_tag(path=script)
    return page.evaluate(DRAW, base64.b64encode(data).decode())


def picture(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.locator("body > div").first.screenshot())).convert("RGB")


def bare(text: str) -> str:
    return "".join(text.split())


def test_the_harness_draws_files_of_others(page: Page, script: Path) -> None:
    drawn = draw(page, script, sample("allprotected.ofd"))
    assert drawn["pages"] >= 1
    assert [seal["info"]["VerifyRet"] for seal in drawn["seals"]] == [True]
    assert all(fine for _, _, fine in drawn["digests"])


@dataclass(frozen=True)
class Seen:
    """What ofd.js makes of one licence: its answers, and the page with and without the seal."""

    drawn: dict
    with_seal: Image.Image
    without: Image.Image


_SEEN: dict[str, Seen] = {}


@pytest.fixture
def seen(issued: Issued, page: Page, script: Path) -> Seen:
    """Drawn once per type: ofd.js takes seconds, most of them for its SM3 and SM2 in JavaScript."""
    if issued.type not in _SEEN:
        drawn = draw(page, script, issued.data)
        with_seal = picture(page)
        page.evaluate("() => document.querySelectorAll('[name=seal_img_div]').forEach(s => { s.style.visibility = 'hidden'; })")
        _SEEN[issued.type] = Seen(drawn, with_seal, picture(page))
    return _SEEN[issued.type]


def test_all_text_is_drawn(issued: Issued, seen: Seen) -> None:
    assert seen.drawn["pages"] == 1
    shown = bare("".join(seen.drawn["text"]))
    for run in issued.reading.drawn():
        assert bare(run.text) in shown, f"ofd.js does not draw {run.text!r}"


def test_the_seal_is_valid(issued: Issued, seen: Seen) -> None:
    [seal] = seen.drawn["seals"]
    assert seal["info"]["VerifyRet"] is True, "ofd.js says that the seal's signature is not valid"
    assert seal["picture"] > 1000
    [(_, count, fine)] = seen.drawn["digests"]
    assert fine
    assert count == len(issued.reading.references(issued.reading.signatures[0]))


def test_the_seal_is_seen(seen: Seen) -> None:
    """Not only in the page's tree: pixels change, red ones, where the seal should be, and not beneath anything opaque."""
    box, sheet = seen.drawn["seals"][0]["box"], seen.drawn["seals"][0]["page"]
    left, top = box["x"] - sheet["x"], box["y"] - sheet["y"]
    area = (round(left), round(top), round(left + box["width"]), round(top + box["height"]))
    pixels = (area[2] - area[0]) * (area[3] - area[1])
    assert 0 <= area[0] < area[2] <= seen.with_seal.width + 1
    assert 0 <= area[1] < area[3] <= seen.with_seal.height + 1
    changed = ImageChops.difference(seen.with_seal, seen.without).convert("L").point(lambda v: 255 if v > 40 else 0)
    assert changed.crop(area).histogram()[255] > 0.04 * pixels, "the seal cannot be seen"
    octets = seen.with_seal.crop(area).tobytes()
    red = sum(r > 150 and g < 110 and b < 110 for r, g, b in zip(octets[::3], octets[1::3], octets[2::3], strict=True))
    assert red > 0.03 * pixels, "the seal is not red"
    changed.paste(0, area)
    assert changed.getbbox() is None, "the seal draws outside its box"


def blank_font(characters: str) -> bytes:
    """A font that has every one of ``characters`` as nothing, three ems wide: what the browser falls back to."""
    points = sorted({ord(c) for c in characters})
    names = [".notdef", *(f"u{p:X}" for p in points)]
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({p: f"u{p:X}" for p in points})
    empty = TTGlyphPen(None).glyph()
    builder.setupGlyf(dict.fromkeys(names, empty))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (3000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Blank", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    out = io.BytesIO()
    builder.save(out)
    return out.getvalue()


def test_the_browser_draws_every_character_with_the_embedded_fonts(issued: Issued, page: Page) -> None:
    """ofd.js ignores embedded fonts, so load them by hand: no character may fall back to another font."""
    reading = issued.reading
    fonts = reading.fonts()
    wanted: dict[str, set[str]] = {}
    for run in reading.drawn():
        wanted.setdefault(run.font, set()).update(run.text)
    assert set(wanted) <= set(fonts), "text asks for a font that is not embedded"
    for identity, characters in wanted.items():
        text = "".join(sorted(characters))
        page.goto("about:blank")
        glyphs = page.evaluate(GLYPHS, {
            "font": base64.b64encode(fonts[identity]).decode(),
            "blank": base64.b64encode(blank_font(text)).decode(), "text": text,
        })
        assert len(glyphs) == len(text)
        for character, width, ink in glyphs:
            assert width < 190, f"font {identity} has no {character!r}"
            assert ink > 0 or character.isspace(), f"font {identity} draws nothing for {character!r}"


def test_the_blank_font_gives_missing_characters_away(page: Page, issued: Issued) -> None:
    """The test above can fail: a character that the subset does not have is seen as three ems of nothing."""
    font = next(iter(issued.reading.fonts().values()))
    page.goto("about:blank")
    [[_, width, ink]] = page.evaluate(GLYPHS, {
        "font": base64.b64encode(font).decode(), "blank": base64.b64encode(blank_font("龘")).decode(), "text": "龘",
    })
    assert width == pytest.approx(192, abs=0.1)
    assert ink == 0
