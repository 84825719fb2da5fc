"""Run by ``confined``, alone in its process: the QR codes in a picture, a JSON list of texts.

    python -I code_reader.py     the picture on standard input

Imports nothing of the product.
"""

import json
import sys
import warnings
from io import BytesIO

import zxingcpp
from PIL import Image as Pictures

MOST_DOTS = 80_000_000
MOST_CODES = 8
Pictures.MAX_IMAGE_PIXELS = MOST_DOTS


def main() -> None:
    warnings.simplefilter("error")
    picture = Pictures.open(BytesIO(sys.stdin.buffer.read()), formats=("JPEG", "PNG", "TIFF"))
    found = [one for one in zxingcpp.read_barcodes(picture.convert("L")) if one.format == zxingcpp.BarcodeFormat.QRCode]
    texts = dict.fromkeys(one.text for one in found[:MOST_CODES] if one.valid)
    sys.stdout.write(json.dumps(list(texts)))


if __name__ == "__main__":
    main()
