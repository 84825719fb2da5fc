"""Remake ``docs/images/watermarks.png`` and ``watermark-grounds.png``: what copies of the four levels look like.

    python tools/copy_pictures.py docs/images

Each level as OFD (drawn by ofd.js), as PDF (drawn by poppler) and as it comes out of a grey printer at 150 dpi. Uses
the readers of ``tests/interop``: chromium, npm and poppler-utils must be there. Everything shown is made up.
"""

from __future__ import annotations

import base64
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from seal.ofd.sealable import open_for_sealing
from tests.interop.programs import ofdjs, program, run
from tests.interop.test_ofdjs import DRAW
from tests.verify.copy_world import build

ROWS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("A", {"level": "A", "request": {"masked": ["credit_code"]}}),
    ("B", {"level": "B"}),
    ("C", {"level": "C", "dark": True}),
    ("D", {"level": "D"}),
)
WIDTH, GAP, HEAD, SIDE = 460, 14, 28, 34


def by_ofdjs(data: bytes, browser: Browser, script: Path) -> Image.Image:
    context = browser.new_context(viewport={"width": 1700, "height": 1000}, offline=True)
    page = context.new_page()
    page.goto("about:blank")
    page.add_script_tag(path=script)
    width = round(open_for_sealing(data).pages[0].width / 0.2642)  # the only size at which it scales pictures rightly
    page.evaluate(DRAW.replace("1200", str(width)), base64.b64encode(data).decode())
    shot = page.locator("body > div").first.screenshot()
    context.close()
    return Image.open(io.BytesIO(shot)).convert("RGB")


def by_poppler(data: bytes, folder: Path, dots: int, *, grey: bool = False) -> Image.Image:
    (folder / "copy.pdf").write_bytes(data)
    how = ["-gray"] if grey else []
    run(program("pdftoppm"), "-r", str(dots), *how, "-png", "-singlefile", "copy.pdf", "page", cwd=folder)
    return Image.open(folder / "page.png").convert("RGB")


def small(picture: Image.Image) -> Image.Image:
    return picture.resize((WIDTH, round(WIDTH * picture.height / picture.width)), Image.Resampling.LANCZOS)


def sheet(rows: list[tuple[str, list[Image.Image]]], heads: tuple[str, ...], font: Path) -> Image.Image:
    """The pictures in rows, under the names of the formats, behind the level's letter."""
    face, large = ImageFont.truetype(str(font), 15), ImageFont.truetype(str(font), 24)
    height = HEAD + sum(max(one.height for one in pictures) + GAP for _, pictures in rows)
    whole = Image.new("RGB", (SIDE + len(heads) * (WIDTH + GAP) + GAP, height), "#e9ebee")
    draw = ImageDraw.Draw(whole)
    for column, name in enumerate(heads):
        draw.text((SIDE + GAP + column * (WIDTH + GAP), 6), name, fill="#222222", font=face)
    top = HEAD
    for letter, pictures in rows:
        draw.text((10, top + 4), letter, fill="#9a1420", font=large)
        for column, one in enumerate(pictures):
            whole.paste(one, (SIDE + GAP + column * (WIDTH + GAP), top))
        top += max(one.height for one in pictures) + GAP
    return whole


def save(picture: Image.Image, path: Path) -> None:
    reduced = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    reduced.save(path, optimize=True)


def main(target: Path) -> None:
    from seal.typesetting import load_font

    font = Path(load_font("sans").path)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as play:
        folder = Path(name)
        script = ofdjs(folder / "ofdjs")
        executable = program("chromium", "chromium-browser", "google-chrome")
        browser = play.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        rows, grounds = [], []
        for letter, case in ROWS:
            ofd, pdf = build({**case, "form": "ofd"}), build({**case, "form": "pdf"})
            drawn = (
                by_ofdjs(ofd, browser, script),
                by_poppler(pdf, folder, 110),
                by_poppler(pdf, folder, 150, grey=True),
            )
            rows.append((letter, [small(one) for one in drawn]))
            grounds.append((letter, [_part(by_poppler(pdf, folder, 150), letter), _part(drawn[2], letter)]))
        browser.close()
    save(sheet(rows, ("OFD (ofd.js)", "PDF (poppler)", "灰度打印 150 dpi"), font), target / "watermarks.png")
    save(sheet(grounds, ("150 dpi", "灰度打印 150 dpi"), font), target / "watermark-grounds.png")


def _part(picture: Image.Image, letter: str) -> Image.Image:
    """A piece at full size."""
    left, top = (60, 220) if letter == "A" else (240, 150)
    return picture.crop((left, top, left + WIDTH, top + 240))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
