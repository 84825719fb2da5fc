"""Run by ``confined``, alone in its process: where some words stand in a PDF.

    python -I keyword_reader.py WORDS        → [[page, left, top, width, height], …] in millimetres, as pages are seen

The file comes on standard input. Imports nothing of the product. Pages that are turned when shown are passed over.
"""

import json
import sys
from collections.abc import Iterator

MOST_PAGES = 500
MOST_FINDS = 100
MM = 25.4 / 72


def places(data: bytes, words: str) -> Iterator[tuple[float, ...]]:
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    for index in range(min(len(document), MOST_PAGES)):
        page = document[index]
        if page.get_rotation():
            continue
        text = page.get_textpage()
        left, _, _, top = page.get_cropbox()
        searcher = text.search(words)
        for _ in range(MOST_FINDS):
            found = searcher.get_next()
            if found is None:
                break
            boxes = [text.get_rect(n) for n in range(text.count_rects(*found))]
            if boxes:
                x0, y0 = min(b[0] for b in boxes), min(b[1] for b in boxes)
                x1, y1 = max(b[2] for b in boxes), max(b[3] for b in boxes)
                yield index + 1, (x0 - left) * MM, (top - y1) * MM, (x1 - x0) * MM, (y1 - y0) * MM


def main() -> None:
    found = list(places(sys.stdin.buffer.read(), sys.argv[1]))
    sys.stdout.write(json.dumps(found[-MOST_FINDS:]))


if __name__ == "__main__":
    main()
