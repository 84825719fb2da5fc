"""The outside programs these tests use: where they are, and what happens when they are not.

On a developer's machine a missing program skips the test and says which; where ``CI`` is ``true`` it fails.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SAMPLES = REPOSITORY.parent / "shared" / "samples"
IN_CI = os.environ.get("CI") == "true"

OFDJS = "ofd.js@0.2.6"
OFDJS_SHA512 = "qBC4bD5fC2e+qWg2ap6pajAU1Rl/G6+l6NUxMVgdcXTtjWcdRSYD6e63WGgmKAEuE4fjmntzIXZwODawjWmQuw=="


def missing(what: str) -> None:
    """Skip, or fail where nothing may be skipped."""
    if IN_CI:
        pytest.fail(f"{what} is missing and CI must not skip")
    pytest.skip(f"{what} is missing")


def program(*names: str) -> str:
    """The path of the first of ``names`` that is installed."""
    for name in names:
        if found := shutil.which(name):
            return found
    missing(" / ".join(names))
    raise AssertionError


def sample(name: str) -> bytes:
    """A file that another maker sealed; these lie beside the repository on some machines only."""
    path = SAMPLES / name
    if not path.is_file():
        pytest.skip("no samples of other makers beside this checkout (../shared/samples)")
    return path.read_bytes()


def run(*command: str | Path, cwd: Path, data: bytes | None = None, expect: int | None = 0) -> bytes:
    """Run a program without a shell; what it prints on both outputs."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, input=data if data is not None else b"",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False,
    )
    if expect is not None:
        assert done.returncode == expect, f"{command}: {done.returncode}\n{done.stdout.decode(errors='replace')}"
    return done.stdout


def ofdjs(cache: Path) -> Path:
    """The one-file browser build of ofd.js, fetched once by npm at a fixed version and hash."""
    script = cache / "package" / "lib" / "ofd.umd.min.js"
    if script.is_file():
        return script
    npm = program("npm")
    cache.mkdir(parents=True, exist_ok=True)
    try:
        run(npm, "pack", OFDJS, "--silent", cwd=cache)
    except AssertionError:
        missing(f"npm cannot fetch {OFDJS}; the npm registry")
    archive = cache / "ofd.js-0.2.6.tgz"
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    assert digest == OFDJS_SHA512, f"{OFDJS} is not the package these tests were written for"
    with tarfile.open(archive) as tar:
        tar.extract("package/lib/ofd.umd.min.js", cache, filter="data")
    return script


@dataclass
class DER:
    """One ASN.1 value as ``openssl asn1parse`` shows it: where it lies, and what lies in it."""

    offset: int
    header: int
    length: int
    kind: str
    data: bytes
    children: list[DER] = field(default_factory=list)

    @property
    def whole(self) -> bytes:
        """Tag, length and content."""
        return self.data[self.offset : self.offset + self.header + self.length]

    @property
    def content(self) -> bytes:
        """The content; of a BIT STRING without the count of unused bits."""
        start = self.offset + self.header + (1 if self.kind == "BIT STRING" else 0)
        return self.data[start : self.offset + self.header + self.length]

    def __getitem__(self, index: int) -> DER:
        return self.children[index]


_LINE = re.compile(r"^\s*(\d+):d=(\d+)\s+hl=(\d+)\s+l=\s*(\d+)\s+(prim|cons):\s+(.*?)\s*(?::|$)")


class OpenSSL:
    """The ``openssl`` command line in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.path = program("openssl")
        self.folder = folder

    def __call__(self, *arguments: str | Path, data: bytes | None = None, expect: int | None = 0) -> bytes:
        return run(self.path, *arguments, cwd=self.folder, data=data, expect=expect)

    def write(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def sm3(self, data: bytes) -> bytes:
        """SM3 by ``openssl dgst``."""
        return self("dgst", "-sm3", "-binary", data=data)

    def parse(self, der: bytes) -> DER:
        """The tree that ``openssl asn1parse`` prints."""
        text = self("asn1parse", "-inform", "DER", data=der).decode(errors="replace")
        root = DER(0, 0, len(der), "document", der)
        stack = [(-1, root)]
        for line in text.splitlines():
            if not (match := _LINE.match(line)):
                continue
            offset, depth, header, length = (int(match[i]) for i in range(1, 5))
            node = DER(offset, header, length, match[6].partition("  ")[0].strip(), der)
            while stack[-1][0] >= depth:
                stack.pop()
            stack[-1][1].children.append(node)
            stack.append((depth, node))
        return root[0]

    def public_key(self, certificate: bytes) -> Path:
        """PEM file with the public key of a DER certificate."""
        pem = self("x509", "-inform", "DER", "-noout", "-pubkey", data=certificate)
        return self.write("public.pem", pem)

    def verifies(self, certificate: bytes, signature: bytes, data: bytes, *, user_id: str = "1234567812345678") -> bool:
        """Does SM2-with-SM3 of ``data`` verify with the key of ``certificate``?"""
        said = self(
            "dgst", "-sm3", "-verify", self.public_key(certificate), "-sigopt", f"distid:{user_id}",
            "-signature", self.write("signature.der", signature), self.write("signed.bin", data), expect=None,
        )
        return b"Verified OK" in said

    def pem(self, *certificates: bytes) -> bytes:
        """DER certificates as one PEM file."""
        return b"".join(self("x509", "-inform", "DER", data=der) for der in certificates)

    def name(self, der: bytes, what: str) -> bytes:
        """``-subject`` or ``-issuer`` of a certificate."""
        return self("x509", "-inform", "DER", "-noout", what, "-nameopt", "RFC2253", data=der).partition(b"=")[2].strip()

    def check_chain(self, certificate: bytes, known: list[bytes]) -> list[bytes]:
        """``openssl verify`` each certificate with its issuer's up to a self-signed one; the chain, leaf first.

        Step by step, because ``-vfyopt distid`` reaches the first certificate only and SM2 needs it for each.
        """
        chain = [certificate]
        while self.name(chain[-1], "-subject") != (issuer := self.name(chain[-1], "-issuer")):
            above = next((c for c in known if self.name(c, "-subject") == issuer), None)
            assert above is not None, f"no certificate of {issuer!r}"
            said = self(
                "verify", "-x509_strict", "-partial_chain", "-vfyopt", "distid:1234567812345678",
                "-trusted", self.write("above.pem", self.pem(above)), self.write("below.pem", self.pem(chain[-1])),
            )
            assert b": OK" in said
            chain.append(above)
        return chain
