"""Remake ``docs/images/formats.png``: each type as OFD (drawn by ofd.js), PDF (drawn by poppler) and our own preview.

    python tools/formats_picture.py docs/images

Uses the readers of ``tests/interop``: chromium, npm and poppler-utils must be there.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.interop.conftest import TYPES, console
from tests.interop.programs import ofdjs, program
from tests.interop.test_pdf import Both, of_ofd, of_pdf, of_preview

WIDTH, GAP, HEAD = 420, 12, 26


def issued(region: Path, folder: Path, slug: str) -> Both:
    source = folder / f"{slug}.jsonl"
    source.write_text(
        console("types", "example", slug, "--count", "1", "--seed", "11", "--dir", region), encoding="utf-8"
    )
    told = console("issue", "--dir", region, "--type", slug, "--input", source, "--out", folder, "--format", "both")
    files = json.loads(told.splitlines()[0])["files"]
    return Both(slug, region, Path(files["ofd"]).read_bytes(), Path(files["pdf"]).read_bytes())


def sheet(rows: list[list[Image.Image]], font: Path) -> Image.Image:
    """The pictures in rows, under the names of the formats."""
    small = [
        [one.resize((WIDTH, round(WIDTH * one.height / one.width)), Image.Resampling.LANCZOS) for one in row]
        for row in rows
    ]
    height = HEAD + sum(max(one.height for one in row) + GAP for row in small)
    whole = Image.new("RGB", (3 * WIDTH + 4 * GAP, height), "#eef0f3")
    draw = ImageDraw.Draw(whole)
    face = ImageFont.truetype(str(font), 15)
    for column, name in enumerate(("OFD (ofd.js)", "PDF (poppler)", "PNG (preview)")):
        draw.text((GAP + column * (WIDTH + GAP), 5), name, fill="#222222", font=face)
    top = HEAD
    for row in small:
        for column, one in enumerate(row):
            whole.paste(one, (GAP + column * (WIDTH + GAP), top))
        top += max(one.height for one in row) + GAP
    return whole


def main(target: Path) -> None:
    from seal.typesetting import load_font

    with tempfile.TemporaryDirectory() as name, sync_playwright() as play:
        folder = Path(name)
        region = folder / "region"
        console("init", "--dir", region)
        script = ofdjs(folder / "ofdjs")
        browser = play.chromium.launch(
            executable_path=program("chromium", "chromium-browser", "google-chrome"), args=["--no-sandbox"]
        )
        rows = []
        for slug in TYPES[:3]:
            both = issued(region, folder, slug)
            rows.append([of_ofd(both, browser, script), of_pdf(both, folder), of_preview(both)])
        browser.close()
        picture = sheet(rows, Path(load_font("sans").path))
    picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        target / "formats.png", optimize=True
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
