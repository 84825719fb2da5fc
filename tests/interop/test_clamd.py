"""The real virus scanner, with signatures made by hand: what it finds, what it will not look at."""

from __future__ import annotations

import io
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator

import pytest

from licence_store.uploads.scanning import Scanner, open_scanner
from tests.licence_store.uploads import makers as m
from trust.errors import LicenceTrustError

pytestmark = pytest.mark.long
WORDS = b"harmless words that stand for harm 7Qx"
LONGEST = 5 << 20


@pytest.fixture(scope="module")
def scanner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanner]:
    """On a local socket; it needs no network and no database but the one made here."""
    program = shutil.which("clamd") or shutil.which("/usr/sbin/clamd")
    if program is None:
        pytest.skip("clamd is missing (apt-get install clamav-daemon)")
    folder = tmp_path_factory.mktemp("clamd")
    (folder / "db").mkdir()
    (folder / "db" / "hand.ndb").write_text(f"Hand.Made:0:*:{WORDS.hex()}\n")
    settings = {
        "LocalSocket": folder / "socket", "DatabaseDirectory": folder / "db", "TemporaryDirectory": folder,
        "LogFile": folder / "log", "StreamMaxLength": LONGEST, "Foreground": "yes",
    }  # fmt: skip
    (folder / "conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    process = subprocess.Popen(
        [program, "-c", str(folder / "conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 60
    while not (folder / "socket").exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    yield open_scanner(f"unix://{folder / 'socket'}")
    process.terminate()
    process.wait(30)


def packed(data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", data)
    return held.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (m.text_pdf(), ""),
        (m.jpeg(), ""),
        (b"x", ""),
        (bytes(LONGEST), ""),
        (WORDS, "upload.infected"),
        (m.text_pdf() + WORDS, "upload.infected"),
        (packed(WORDS), "upload.infected"),
        (bytes(LONGEST + 1), "upload.scanner_limit"),
        (bytes(4 * LONGEST), "upload.scanner_limit"),
    ],
    ids=["pdf", "photo", "one octet", "as long as it may be", "found", "found in a PDF", "found in an archive",
         "one octet too long", "far too long"],
)  # fmt: skip
def test_its_word_counts(scanner: Scanner, data: bytes, code: str) -> None:
    try:
        scanner.scan(data)
        said = ""
    except LicenceTrustError as error:
        said = error.code
    assert said == code


def test_it_is_alive_and_old_is_unknown(scanner: Scanner) -> None:
    """Signatures made by hand have no date."""
    assert scanner.signatures() is None
