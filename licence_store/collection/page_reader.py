"""Run by ``confined``, alone in its process: what is in a picture or a PDF, one page of it as JPEG, its text.

    python -I page_reader.py look image|pdf            → {"pages": [[width, height], …]}
    python -I page_reader.py picture image|pdf N SIDE  → JPEG of page N, its longer side at most SIDE dots
    python -I page_reader.py text pdf N                → the page's lines, UTF-8

The file comes on standard input. Imports nothing of the product.
"""

import json
import sys
import warnings
from collections.abc import Iterator
from io import BytesIO

from PIL import Image as Pictures
from PIL import ImageOps

MOST_PAGES = 50
MOST_DOTS = 80_000_000
Pictures.MAX_IMAGE_PIXELS = MOST_DOTS


def _frames(data: bytes) -> Iterator[Pictures.Image]:
    picture = Pictures.open(BytesIO(data), formats=("JPEG", "PNG", "TIFF"))
    for number in range(MOST_PAGES + 1):
        try:
            picture.seek(number)
        except EOFError:
            return
        yield picture


def look_image(data: bytes) -> list[tuple[int, int]]:
    sizes = [frame.size for frame in _frames(data)]
    if len(sizes) <= MOST_PAGES and all(w * h <= MOST_DOTS for w, h in sizes):
        for frame in _frames(data):
            frame.load()  # whole, not only its head
    return sizes


def picture_image(data: bytes, number: int, side: int) -> Pictures.Image:
    for index, frame in enumerate(_frames(data), 1):
        if index == number:
            frame.draft("RGB", (side, side))
            return ImageOps.exif_transpose(frame) or frame
    raise ValueError(number)


def look_pdf(data: bytes) -> list[list[int]]:
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    return [
        [round(points / 72 * 200) for points in document[index].get_size()]
        for index in range(min(len(document), MOST_PAGES + 1))
    ]


def picture_pdf(data: bytes, number: int, side: int) -> Pictures.Image:
    import pypdfium2

    page = pypdfium2.PdfDocument(data)[number - 1]
    longest = max(page.get_size())
    picture: Pictures.Image = page.render(scale=min(side / longest, 6), may_draw_forms=False).to_pil()
    return picture


def text_pdf(data: bytes, number: int) -> str:
    import pypdfium2

    page = pypdfium2.PdfDocument(data)[number - 1].get_textpage()
    text: str = page.get_text_range(0, min(page.count_chars(), 100_000))
    return text


def main() -> None:
    warnings.simplefilter("error", Pictures.DecompressionBombWarning)
    act, kind, *rest = sys.argv[1:]
    data = sys.stdin.buffer.read()
    if act == "look":
        answer = json.dumps({"pages": globals()[f"look_{kind}"](data)}).encode()
    elif act == "text":
        answer = text_pdf(data, int(rest[0])).encode("utf-8", "replace")
    else:
        number, side = map(int, rest)
        picture = globals()[f"picture_{kind}"](data, number, side).convert("RGB")
        picture.thumbnail((side, side))
        out = BytesIO()
        picture.save(out, "JPEG", quality=85)
        answer = out.getvalue()
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()
